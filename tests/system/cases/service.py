"""One life of the service: sockets, first connection, tokens, operators, restart."""

import json

from machine import CONTROL, Failed, equal, holds


def case_one_command_opens_both_sockets_and_starts_nothing(m):
    m.sh("systemctl enable --now tradingbot.socket")
    equal([m.state(unit) for unit in ("tradingbot.socket", "tradingbot-control.socket", "tradingbot-ledger-verify.timer")],
          ["active"] * 3)
    equal(m.state("tradingbot.service"), "inactive")
    equal(m.sh("ss --no-header --listening --tcp --numeric | awk '{ print $4 }'").split(), ["127.0.0.1:8080"])
    equal(m.sh(f"stat -c '%A %U %G' {CONTROL}").strip(), "srw-rw---- root tradingbot")


def case_the_first_connection_starts_the_bot_and_is_asked_for_a_bearer(m):
    status, headers, body = m.get("/v1/status")
    equal(status, 401, body)
    holds(headers["WWW-Authenticate"], "Bearer")
    equal(m.state("tradingbot.service"), "active")
    holds(m.show("tradingbot.service", "StatusText"), "halted")


def case_every_endpoint_asks_for_a_bearer_over_tcp(m):
    for path in ("/", "/v1/status", "/v1/healthz", "/v1/config", "/v1/events", "/v1/fills", "/metrics", "/v1/nowhere"):
        status, _, body = m.get(path)
        equal(status, 401, f"{path}: {body}")
    equal(m.get("/v1/status", token="tb_" + 64 * "0")[0], 401)


def case_a_token_that_the_user_makes_as_told_opens_the_api(m):
    m.token = m.sh("runuser -u tradingbot -- tradingbot token new --name me --scope admin | head -n 1").strip()

    def known():
        status, _, body = m.get("/v1/status", m.token)
        return body if status == 200 else None

    status = json.loads(m.eventually(known, "the bot knows the token", 10))
    equal((status["trading"], status["halt"]["by"]), (False, "configuration"))
    equal(m.sh(f"grep -rc '{m.token}' /var/lib/tradingbot | grep -v ':0$'", check=False), "", "files with the token in it")


def case_an_operator_needs_no_token_and_a_stranger_gets_nowhere(m):
    m.sh("useradd --groups tradingbot olga && useradd stan")
    text = m.sh(f"tradingbot status --socket {CONTROL}", user="olga")
    holds(text, "halted")
    holds(m.fails(f"tradingbot status --socket {CONTROL}", user="stan"), "ermission")


def case_it_is_halted_until_an_operator_resumes_it(m):
    equal(m.status()["trading"], False)
    m.sh(f"tradingbot resume --reason 'the day begins' --socket {CONTROL}", user="olga")
    m.eventually(lambda: m.status()["trading"], "it trades")
    m.sh(f"tradingbot halt --reason 'lunch' --socket {CONTROL}", user="olga")
    m.eventually(lambda: not m.status()["trading"], "it is halted")


def case_a_restart_keeps_ledger_and_halt(m):
    before = m.status()
    m.sh("systemctl restart tradingbot.service")
    after = m.status()
    equal((after["run"], after["trading"], after["halt"]["reason"]), (before["run"] + 1, False, before["halt"]["reason"]))
    m.sh(f"tradingbot resume --reason 'on we go' --socket {CONTROL}", user="olga")
    m.sh("systemctl stop tradingbot.service")
    equal(m.state("tradingbot.socket"), "active")
    equal(m.get("/v1/status", m.token)[0], 200, "the next connection")
    equal(m.status()["trading"], True, "trading, as before the stop")


def case_the_weekly_check_finds_the_ledger_whole_while_the_bot_runs(m):
    mark = m.mark()
    m.sh("systemctl start tradingbot-ledger-verify.service")
    equal(m.show("tradingbot-ledger-verify.service", "Result"), "success")
    holds(m.journal(mark, "tradingbot-ledger-verify.service"), "entries")
    holds(m.sh("systemctl list-timers --all --no-legend"), "tradingbot-ledger-verify.timer")


def case_a_reload_takes_what_may_change_and_refuses_what_is_broken(m):
    config = "/etc/tradingbot/tradingbot.toml"
    whole = m.path(config).read_text()
    pid = m.show("tradingbot.service", "MainPID")

    def reload(text, word):
        mark = m.mark()
        m.path(config).write_text(text)
        m.sh("systemctl reload tradingbot.service")
        m.eventually(lambda: word in m.journal(mark), f"\"{word}\" in the journal", 10)

    reload(whole.replace("rate-limit-per-minute = 100", "rate-limit-per-minute = 60000")
           .replace("rate-limit-burst = 20", "rate-limit-burst = 10000"), "reloaded")
    reload("mode = \"pap\"\n", "refused")
    m.path(config).write_text(whole)
    m.sh("systemctl reload tradingbot.service")
    equal((m.show("tradingbot.service", "MainPID"), m.state("tradingbot.service")), (pid, "active"))


def case_a_bot_that_hangs_is_killed_by_the_watchdog_and_comes_back(m):
    m.get("/v1/status")
    pid = m.show("tradingbot.service", "MainPID")
    m.sh(f"kill -STOP {pid}")
    m.eventually(lambda: m.show("tradingbot.service", "MainPID") not in (pid, "0")
                 and m.state("tradingbot.service") == "active", "another process", 40)
    equal(m.show("tradingbot.service", "NRestarts"), "1")


def case_more_bots_on_one_host_share_nothing_but_the_program(m):
    m.sh("cp -p /etc/tradingbot/tradingbot.toml /etc/tradingbot/two.toml")
    m.sh("systemctl start tradingbot@two.socket")
    equal(m.state("tradingbot-control@two.socket"), "active")
    status = m.status("/run/tradingbot/two/control.sock")
    equal((status["run"], status["trading"]), (1, False))
    holds(m.sh("ls -d /var/lib/tradingbot@two"), "two")
    inside = m.path(f"/proc/{m.show('tradingbot@two.service', 'MainPID')}/root/var/lib")
    equal(sorted(path.name for path in inside.iterdir() if list(path.iterdir())), ["tradingbot@two"])
    m.sh("systemctl stop tradingbot@two.socket tradingbot@two.service")


def case_resident_memory_in_the_unit_is_small(m):
    m.get("/v1/status")
    pid = m.show("tradingbot.service", "MainPID")
    lines = m.path(f"/proc/{pid}/status").read_text().splitlines()
    kib = int(next(line for line in lines if line.startswith("VmRSS")).split()[1])
    m.note(f"resident: {kib / 1024:.1f} MiB")
    if kib > 12 * 1024:
        raise Failed(f"{kib} KiB are resident")

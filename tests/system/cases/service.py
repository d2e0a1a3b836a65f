"""One life of the service: sockets, first connection, tokens, operators, restart, reload, stop."""

import json
import socket
import time

from cases.log import BUSY
from cases.upgrade import upgrade
from machine import API, CONTROL, Failed, equal, holds, starts

CONFIG = "/etc/tradingbot/tradingbot.toml"


@starts("installed")
def case_one_command_opens_both_sockets_and_starts_nothing(m):
    m.sh("systemctl enable --now tradingbot.socket")
    units = ("tradingbot.socket", "tradingbot-control.socket", "tradingbot-ledger-verify.timer")
    m.eventually(lambda: [m.state(unit) for unit in units] == ["active"] * 3, "sockets and timer are active")
    equal(m.state("tradingbot.service"), "inactive")
    equal(m.sh("ss --no-header --listening --tcp --numeric | awk '{ print $4 }'").split(), ["127.0.0.1:8080"])
    equal(m.sh(f"stat -c '%A %U %G' {CONTROL}").strip(), "srw-rw---- root tradingbot")


def case_the_first_connection_starts_the_bot_and_is_asked_for_a_bearer(m):
    equal(m.state("tradingbot.service"), "inactive")
    status, headers, body = m.get("/v1/status")
    equal(status, 401, body)
    holds(headers["WWW-Authenticate"], "Bearer")
    equal(m.state("tradingbot.service"), "active")
    holds(m.show("tradingbot.service", "StatusText"), "halted")


def case_the_sockets_are_open_again_after_a_boot(m):
    m.restart()
    equal(m.state("tradingbot.service"), "inactive")
    equal(m.get("/v1/status", m.token)[0], 200)


def case_every_endpoint_asks_for_a_bearer_over_tcp(m):
    for path in ("/", "/v1/status", "/v1/healthz", "/v1/config", "/v1/events", "/v1/fills", "/metrics", "/v1/nowhere"):
        status, _, body = m.get(path)
        equal(status, 401, f"{path}: {body}")
    equal(m.get("/v1/status", token="tb_" + 64 * "0")[0], 401)


@starts("installed")
def case_a_token_that_the_user_makes_as_told_opens_the_api(m):
    m.sh("systemctl enable --now tradingbot.socket")
    equal(m.get("/v1/status")[0], 401, "before there is a token")
    token = m.sh("runuser -u tradingbot -- tradingbot token new --name me --scope admin | head -n 1").strip()

    def known():
        status, _, body = m.get("/v1/status", token)
        return body if status == 200 else None

    status = json.loads(m.eventually(known, "the bot knows the token", 10))
    equal((status["trading"], status["halt"]["by"]), (False, "configuration"))
    equal(m.sh(f"grep -rc '{token}' /var/lib/tradingbot | grep -v ':0$'", check=False), "", "files with the token in it")


def case_an_operator_needs_no_token_and_a_stranger_gets_nowhere(m):
    holds(m.sh(f"tradingbot status --socket {CONTROL}", user="olga"), "halted")
    holds(m.fails(f"tradingbot status --socket {CONTROL}", user="stan"), "ermission")


def case_it_is_halted_until_an_operator_resumes_it(m):
    equal(m.status()["trading"], False)
    m.sh(f"tradingbot resume --reason 'the day begins' --socket {CONTROL}", user="olga")
    m.eventually(lambda: m.status()["trading"], "it trades")
    m.sh(f"tradingbot halt --reason 'lunch' --socket {CONTROL}", user="olga")
    m.eventually(lambda: not m.status()["trading"], "it is halted")


def case_a_restart_keeps_ledger_and_halt(m):
    m.sh(f"tradingbot resume --reason 'the day begins' --socket {CONTROL}", user="olga")
    m.sh(f"tradingbot halt --reason 'lunch' --socket {CONTROL}", user="olga")
    before = m.status()
    m.sh("systemctl restart tradingbot.service")
    after = m.status()
    equal((after["run"], after["trading"], after["halt"]["reason"]), (before["run"] + 1, False, "lunch"))
    m.sh(f"tradingbot resume --reason 'on we go' --socket {CONTROL}", user="olga")
    m.sh("systemctl stop tradingbot.service")
    equal(m.state("tradingbot.socket"), "active")
    equal(m.get("/v1/status", m.token)[0], 200, "the next connection")
    equal(m.status()["trading"], True, "trading, as before the stop")


def case_positions_and_balances_come_back(m):
    # It looks again and again, faster than a client may by default.
    m.path(CONFIG).write_text(BUSY + "[api]\nrate-limit-per-minute = 60000\nrate-limit-burst = 10000\n")
    m.sh("systemctl restart tradingbot.service")

    def halted_with_a_position():
        m.sh(f"tradingbot resume --reason 'until one is held' --socket {CONTROL}", user="olga")
        m.eventually(lambda: held(m)[0], "a position", 60)
        m.sh(f"tradingbot halt --reason 'to compare' --socket {CONTROL}", user="olga")
        m.eventually(lambda: not json.loads(m.get("/v1/orders", m.token)[2])["items"], "no order is on its way")
        return held(m)[0]

    m.eventually(halted_with_a_position, "a halt that finds a position", 120)
    before = held(m)
    for how in ("systemctl restart", "systemctl kill --signal=KILL"):
        m.sh(f"{how} tradingbot.service")
        m.eventually(lambda: m.get("/v1/health", m.token)[0] == 200, "it is back")
        equal(held(m), before, f"what is held after {how}")
    upgrade(m)
    equal(held(m), before, "what is held after an upgrade")


def held(m):
    """Positions without what moves with the market, and balances."""
    positions = json.loads(m.get("/v1/positions", m.token)[2])["items"]
    balances = json.loads(m.get("/v1/balance", m.token)[2])["balances"]
    return [(one["strategy"], one["symbol"], one["qty"], one["entry"]) for one in positions], balances


def case_a_boot_keeps_ledger_and_halt(m):
    m.sh(f"tradingbot resume --reason 'the day begins' --socket {CONTROL}", user="olga")
    m.sh(f"tradingbot halt --reason 'power is going' --socket {CONTROL}", user="olga")
    before = m.status()
    m.restart()
    after = m.status()
    equal((after["run"], after["trading"], after["halt"]["reason"]), (before["run"] + 1, False, "power is going"))


def case_a_stop_answers_who_is_connected_and_ends_in_order(m):
    m.get("/v1/status", m.token)
    mark = m.mark()
    request = f"GET /v1/status HTTP/1.1\r\nHost: bot\r\nAuthorization: Bearer {m.token}\r\n\r\n".encode()

    def talk():
        # One that keeps its connection, and one whose request is on its way when the bot is told to stop.
        with socket.create_connection(API, timeout=20) as idle, socket.create_connection(API, timeout=20) as busy:
            idle.sendall(request)
            first = idle.recv(65_536)
            busy.sendall(request[:40])
            m.sh("systemctl --no-block stop tradingbot.service")
            m.eventually(lambda: "stopping" in m.journal(mark), "it says that it is stopping")
            busy.sendall(request[40:])
            last = b"".join(iter(lambda: busy.recv(65_536), b""))
            return first, last, idle.recv(1)

    first, last, end = m.inside(talk)
    holds(first.decode(), "HTTP/1.1 200")
    holds(last.decode().lower(), "http/1.1 200", "connection: close")
    equal(end, b"", "the connection that was kept is closed, not reset")
    m.eventually(lambda: m.state("tradingbot.service") == "inactive", "it has stopped")
    equal(m.show("tradingbot.service", "Result"), "success")
    holds(m.journal(mark), "stopping", "stopped in order")


def case_the_weekly_check_finds_the_ledger_whole_while_the_bot_runs(m):
    m.get("/v1/status")
    mark = m.mark()
    m.sh("systemctl start tradingbot-ledger-verify.service")
    equal(m.show("tradingbot-ledger-verify.service", "Result"), "success")
    holds(m.journal(mark, "tradingbot-ledger-verify.service"), "entries")
    holds(m.sh("systemctl list-timers --all --no-legend"), "tradingbot-ledger-verify.timer")


def case_the_weekly_check_fails_when_an_entry_was_changed(m):
    m.get("/v1/status")
    m.sh("systemctl stop tradingbot.service")
    ledger = m.path("/var/lib/tradingbot/ledger.sqlite")
    whole = ledger.read_bytes()
    changed = whole.replace(b"the configuration starts halted", b"the configuration starts salted")
    equal(changed == whole, False, "nothing to change")
    ledger.write_bytes(changed)
    mark = m.mark()
    m.fails("systemctl start tradingbot-ledger-verify.service")
    equal(m.state("tradingbot-ledger-verify.service"), "failed")
    holds(m.journal(mark, "tradingbot-ledger-verify.service"), "error: ")


def case_a_reload_takes_what_may_change_and_refuses_what_is_broken(m):
    m.get("/v1/status")
    whole = m.path(CONFIG).read_text()
    pid = m.show("tradingbot.service", "MainPID")

    def reload(text, word, run=m.sh):
        mark = m.mark()
        m.path(CONFIG).write_text(text)
        run("systemctl reload tradingbot.service")
        m.eventually(lambda: word in m.journal(mark), f"\"{word}\" in the journal", 10)

    reload(whole.replace("rate-limit-per-minute = 100", "rate-limit-per-minute = 60000")
           .replace("rate-limit-burst = 20", "rate-limit-burst = 10000"), "reloaded")
    m.eventually(lambda: [m.get("/v1/status", m.token)[0] for _ in range(60)] == [200] * 60, "the new limits")
    reload("mode = \"pap\"\n", "refused", m.fails)
    equal(m.get("/v1/status", m.token)[0], 200, "the configuration of before goes on")
    m.path(CONFIG).write_text(whole)
    m.sh("systemctl reload tradingbot.service")
    equal((m.show("tradingbot.service", "MainPID"), m.state("tradingbot.service")), (pid, "active"))


def case_a_bot_whose_engine_hangs_is_killed_by_the_watchdog_and_comes_back(m):
    m.get("/v1/status")
    equal(m.show("tradingbot.service", "WatchdogUSec"), "10s")
    m.dropin("tradingbot.service", "soon", "[Service]\nWatchdogSec=2s\nRestartSec=100ms\n")
    m.sh("systemctl restart tradingbot.service")
    pid = m.show("tradingbot.service", "MainPID")
    mark = m.mark()
    # The engine has the first thread; the API, which has one of its own, goes on answering and must not be taken for it.
    with m.frozen(pid):
        equal(m.get("/v1/health", m.token)[0], 200, "the API while the engine hangs")
        m.eventually(lambda: m.show("tradingbot.service", "MainPID") not in (pid, "0")
                     and m.state("tradingbot.service") == "active", "another process", 40)
    equal(m.show("tradingbot.service", "NRestarts"), "1")
    holds(m.journal(mark), "Watchdog timeout")


def case_more_bots_on_one_host_share_nothing_but_the_program(m):
    m.sh("cp -p /etc/tradingbot/tradingbot.toml /etc/tradingbot/two.toml")
    m.sh("systemctl start tradingbot@two.socket")
    equal(m.state("tradingbot-control@two.socket"), "active")
    status = m.status("/run/tradingbot/two/control.sock")
    equal((status["run"], status["trading"]), (1, False))
    equal(status["api"], {"listening": ["unix:/run/tradingbot/two/api.sock"], "fault": None})
    holds(m.sh("tradingbot status --bot two"), "trading       no", "unix:/run/tradingbot/two/api.sock")
    holds(m.sh("tradingbot check-config --bot two"), "/var/lib/tradingbot@two", "unix:/run/tradingbot/two/api.sock")
    holds(m.sh("tradingbot halt --bot two --reason again"), "it was halted before")
    m.sh("tradingbot resume --bot two --reason two")
    holds(m.sh("tradingbot halt --bot two --reason enough"), "`tradingbot resume --bot two --reason WHY`")
    m.sh("runuser -u tradingbot -- tradingbot token new --bot two --name two --scope read")
    holds(m.sh("tradingbot token list --bot two"), "two")
    holds(m.sh("tradingbot ledger show --bot two"), "by control: enough")
    equal(m.status()["halt"]["by"], "configuration", "the first bot, which nobody asked")
    holds(m.sh("ls -d /var/lib/tradingbot@two"), "two")
    inside = m.path(f"/proc/{m.show('tradingbot@two.service', 'MainPID')}/root/var/lib")
    equal(sorted(path.name for path in inside.iterdir() if list(path.iterdir())), ["tradingbot@two"])
    equal(m.state("tradingbot-ledger-verify@two.timer"), "active")
    mark = m.mark()
    m.sh("systemctl start tradingbot-ledger-verify@two.service")
    holds(m.journal(mark, "tradingbot-ledger-verify@two.service"), "/var/lib/tradingbot@two/ledger.sqlite", "entries")
    m.get("/v1/status")
    m.sh("systemctl stop tradingbot@two.socket tradingbot@two.service")
    equal(m.state("tradingbot-ledger-verify@two.timer"), "inactive")
    equal(m.state("tradingbot.service"), "active")


def case_a_fresh_install_trades_within_a_minute_of_resume(m):
    m.sh("tradingbot resume --reason 'first day on paper'")
    begun = time.monotonic()
    page = m.sh("sleep 1.5; tradingbot status")
    holds(page, "warming up    ema-cross has seen ", "it may enter from ")
    m.eventually(lambda: m.status()["fills"] > 0, "a fill", 60)
    m.note(f"the first fill was there {time.monotonic() - begun:.1f} s after the resume")
    holds(m.journal("@0"), "warming up strategy=ema-cross", "needed=27")


def case_resident_memory_in_the_unit_is_small(m):
    m.get("/v1/status")
    pid = m.show("tradingbot.service", "MainPID")
    lines = m.path(f"/proc/{pid}/status").read_text().splitlines()
    kib = int(next(line for line in lines if line.startswith("VmRSS")).split()[1])
    m.note(f"resident: {kib / 1024:.1f} MiB")
    if kib > 12 * 1024:
        raise Failed(f"{kib} KiB are resident")

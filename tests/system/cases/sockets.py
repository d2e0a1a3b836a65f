"""What an administrator does to sockets, groups and reloads, and a bot that does not start: it is seen, and can be halted."""

import json
import threading
import time

from cases.log import BUSY
from cases.trouble import CONFIG, works
from cases.upgrade import upgrade
from machine import CONTROL, Failed, equal, holds

UNITS = ("tradingbot.socket", "tradingbot-control.socket", "tradingbot.service")
# What closes a socket, and what opens it again.
ACTS = [
    ("restart tradingbot.socket", None),
    ("restart tradingbot-control.socket", None),
    ("restart tradingbot.socket tradingbot-control.socket", None),
    ("try-restart tradingbot.socket", None),
    ("restart tradingbot.service", None),
    ("stop tradingbot.socket", "start tradingbot.socket"),
    ("stop tradingbot-control.socket", "start tradingbot-control.socket"),
    ("stop tradingbot.socket tradingbot-control.socket", "start tradingbot.socket"),
    ("disable --now tradingbot.socket", "enable --now tradingbot.socket"),
    ("disable --now tradingbot-control.socket", "enable --now tradingbot.socket tradingbot-control.socket"),
    ("mask --runtime --now tradingbot-control.socket",
     "unmask --runtime tradingbot-control.socket; systemctl reset-failed; systemctl start tradingbot.socket tradingbot-control.socket"),
]
PORTS_CHANGED = 6
RELOADED_MS_MAX = 2_000
# A running bot knows of a new token within two.
TOKENS_READ_S = 3


def case_whatever_is_done_to_its_sockets_no_bot_runs_that_cannot_be_halted(m):
    m.path(CONFIG).write_text(BUSY + "[api]\nrate-limit-per-minute = 60000\nrate-limit-burst = 10000\n")
    seen = []
    for act, undo in ACTS:
        m.sh("systemctl start tradingbot.service")
        m.sh("tradingbot resume --reason 'it trades when it happens'", user="olga")
        m.sh(f"systemctl {act}")
        if undo is None:
            m.eventually(lambda: [m.state(unit) for unit in UNITS] == ["active"] * 3, f"all runs again after {act}", 10)
        runs = m.state("tradingbot.service") == "active"
        seen.append(f"{act}: {'runs' if runs else 'has ended'}")
        if runs:
            m.sh("tradingbot halt --reason 'to see that it can be'", user="olga")
        else:
            equal(m.sh("ps -u tradingbot -o comm=", check=False), "", f"processes after {act}")
        m.sh(f"systemctl {undo}" if undo else "true")
        m.sh("tradingbot halt --reason 'after it was undone'", user="olga")
    m.note("; ".join(seen))


def case_the_port_is_changed_by_the_documented_command_while_clients_connect(m):
    stop, faults, asked = threading.Event(), [], [0]

    def knock():
        # Over the socket that stays open: each start of the bot goes through it, at any moment.
        while not stop.is_set():
            try:
                m.asked(CONTROL)
                asked[0] += 1
            except FileNotFoundError:
                faults.append("the control socket was gone")
            except (OSError, Failed, ValueError):
                pass

    m.get("/v1/status")
    config = m.path(CONFIG)
    config.write_text(config.read_text().replace("rate-limit-per-minute = 100", "rate-limit-per-minute = 60000")
                      .replace("rate-limit-burst = 20", "rate-limit-burst = 10000"))
    m.sh("systemctl restart tradingbot.service")
    clients = [threading.Thread(target=knock) for _ in range(4)]
    for client in clients:
        client.start()
    try:
        for round_ in range(PORTS_CHANGED):
            port = 8081 + round_ % 2
            m.dropin("tradingbot.socket", "port", f"[Socket]\nListenStream=\nListenStream=127.0.0.1:{port}\n")
            m.sh("systemctl restart tradingbot.socket")
            m.eventually(lambda: [m.state(unit) for unit in UNITS] == ["active"] * 3, "all is open and runs", 10)
            listening = m.sh("ss --no-header --listening --tcp --numeric | awk '{ print $4 }'").split()
            equal(listening, [f"127.0.0.1:{port}"])
            code = m.sh(f"curl --silent --output /dev/null --write-out '%{{http_code}}' http://127.0.0.1:{port}/v1/status")
            equal(code, "401", "the new port")
    finally:
        stop.set()
        for client in clients:
            client.join()
    equal(faults, [], "what the control socket's clients saw")
    equal(m.sh("systemctl --failed --no-legend --plain"), "", "units that failed")
    m.note(f"{PORTS_CHANGED} changes, {asked[0]} answers over the control socket meanwhile")


def case_who_finds_the_control_socket_closed_is_told_what_opens_it(m):
    m.get("/v1/status")
    m.sh("systemctl stop tradingbot-control.socket")
    said = m.sh("tradingbot halt --reason x; echo code $?", check=False)
    holds(said, "the control socket /run/tradingbot/control.sock is closed", "`systemctl start tradingbot-control.socket` opens it",
          "code 69")
    said = m.sh(f"tradingbot halt --reason x --socket {CONTROL}; echo code $?", check=False)
    holds(said, "`systemctl start tradingbot-control.socket` opens it", "code 69")
    said = m.sh("tradingbot status --socket /run/tradingbot/two/control.sock; echo code $?", check=False)
    holds(said, "`systemctl start tradingbot-control@two.socket` opens it")
    m.sh("systemctl start tradingbot-control.socket && tradingbot halt --reason x")
    holds(m.fails("tradingbot halt --reason x", user="stan"), "usermod --append --groups tradingbot")


def case_a_bot_that_cannot_start_is_a_failed_unit_until_it_runs_and_its_mail_is_sent_once(m):
    m.write("/etc/systemd/system/tradingbot-failed@.service.d/mail.conf",
            "[Service]\nExecStartPre=+-/bin/sh -c 'journalctl -u %i.service -p err -n 20 -o cat --no-pager >> /root/mail-%i; "
            "echo sent >> /root/mail-%i'\n")
    m.sh("systemctl daemon-reload && cp -p /etc/tradingbot/tradingbot.toml /etc/tradingbot/two.toml")
    for bot, config in (("tradingbot", CONFIG), ("tradingbot@two", "/etc/tradingbot/two.toml")):
        whole = m.path(config).read_text()
        failed = f"tradingbot-failed@{bot}.service"
        m.sh(f"systemctl start {bot}.service")
        equal(m.sh("systemctl --failed --no-legend --plain"), "", "before")
        m.path(config).write_text("mode = 'pap'\n")
        m.fails(f"systemctl restart {bot}.service")
        m.eventually(lambda failed=failed: failed in m.sh("systemctl --failed --no-legend --plain"), "it is listed", 10)
        m.eventually(lambda bot=bot: int(m.show(f"{bot}.service", "NRestarts")) >= 2, "it is tried again", 30)
        holds(m.sh("systemctl --failed --no-legend --plain"), failed)
        equal(m.sh("systemctl is-system-running", check=False).strip(), "degraded")
        mail = m.path(f"/root/mail-{bot}").read_text()
        holds(mail, "error: ", "mode")
        equal(mail.count("sent"), 1, f"mails after {m.show(f'{bot}.service', 'NRestarts')} starts")
        m.path(config).write_text(whole)
        m.eventually(lambda bot=bot: m.state(f"{bot}.service") == "active", "it runs again", 30)
        m.eventually(lambda: m.sh("systemctl --failed --no-legend --plain") == "", "nothing has failed any more", 10)
    # One that ends while it runs is seen as well, and a stop is no failure.
    m.sh("systemctl kill --signal=KILL tradingbot.service")
    m.eventually(lambda: m.path("/root/mail-tradingbot").read_text().count("sent") == 2, "a mail about a crash", 10)
    m.eventually(lambda: m.state("tradingbot.service") == "active", "it runs again", 30)
    m.eventually(lambda: m.sh("systemctl --failed --no-legend --plain") == "", "nothing has failed any more", 10)
    m.sh("systemctl stop tradingbot.service")
    equal(m.sh("systemctl --failed --no-legend --plain"), "", "after a stop")
    # A stop ends the trouble of one that was being tried again and again.
    m.path("/etc/tradingbot/two.toml").write_text("mode = 'pap'\n")
    m.fails("systemctl restart tradingbot@two.service")
    m.eventually(lambda: "tradingbot-failed@tradingbot@two" in m.sh("systemctl --failed --no-legend --plain"), "it is listed", 10)
    m.sh("systemctl stop tradingbot@two.service")
    m.eventually(lambda: m.sh("systemctl --failed --no-legend --plain") == "", "nothing has failed any more", 10)


def case_a_reload_that_is_refused_is_a_failed_command_with_the_reason(m):
    m.get("/v1/status")
    m.sh("cp -p /etc/tradingbot/tradingbot.toml /etc/tradingbot/two.toml && systemctl start tradingbot@two.service")
    for bot, config in (("tradingbot", CONFIG), ("tradingbot@two", "/etc/tradingbot/two.toml")):
        whole, pid = m.path(config).read_text(), m.show(f"{bot}.service", "MainPID")
        for text, words in (("mode = 'pap'\n", "mode"),
                            (whole.replace('"ETHUSDT"', '"BNBUSDT"'), "these keys need a restart: market.symbols")):
            mark = m.mark()
            m.path(config).write_text(text)
            m.fails(f"systemctl reload {bot}.service")
            said = m.journal(mark, f"{bot}.service")
            holds(said, "error: not reloaded, nothing was changed: ", words, "status=78/CONFIG")
            holds(m.show(f"{bot}.service", "StatusText"), "; not reloaded: ")
            equal((m.show(f"{bot}.service", "MainPID"), m.state(f"{bot}.service")), (pid, "active"))
        m.path(config).write_text(whole.replace('level = "info"', 'level = "debug"'))
        began = time.monotonic()
        m.sh(f"systemctl reload {bot}.service")
        took = (time.monotonic() - began) * 1000
        equal("not reloaded" in m.show(f"{bot}.service", "StatusText"), False, "the refusal of before")
        equal((m.show(f"{bot}.service", "MainPID"), took < RELOADED_MS_MAX), (pid, True), f"{took:.0f} ms")
        m.note(f"{bot}: reloaded in {took:.0f} ms")


def case_the_service_manager_names_each_exit_code_as_it_is_meant(m):
    whole = m.path(CONFIG).read_text()
    m.dropin("tradingbot.service", "once", "[Service]\nRestart=no\n")
    works(m)
    m.sh("systemctl stop tradingbot.service")

    def ends(named):
        mark = m.mark()
        m.fails("systemctl start tradingbot.service")
        holds(m.journal(mark), f"status={named}\n")
        equal(m.sh("systemctl status --no-pager tradingbot.service", check=False).count("NOT"), 0, "names of init scripts")

    m.path(CONFIG).write_text("mode = 'pap'\n")
    ends("78/CONFIG")
    m.path(CONFIG).write_text(whole.replace('source = "practice"', 'source = "recording"\nfiles = ["/nowhere.jsonl"]')
                              .replace("seed = 1\n", ""))
    ends("65/DATAERR")
    m.path(CONFIG).write_text(whole)
    m.sh("chmod 644 /var/lib/tradingbot/ledger.sqlite")
    ends("74/IOERR")
    m.sh("chmod 600 /var/lib/tradingbot/ledger.sqlite")
    works(m)


def case_a_proxy_asks_the_api_of_a_further_bot_and_cannot_resume_it(m):
    m.sh("cp -p /etc/tradingbot/tradingbot.toml /etc/tradingbot/two.toml && systemctl start tradingbot@two.socket")
    api, control = "/run/tradingbot/two/api.sock", "/run/tradingbot/two/control.sock"
    m.status(control)
    seen = m.sh(f"stat -c '%A %U %G' {api} {control}").splitlines()
    equal(seen, ["srw-rw---- root tradingbot-proxy", "srw-rw---- root tradingbot"])
    m.sh("useradd --system --groups tradingbot-proxy proxy-test")
    token = m.sh("runuser -u tradingbot -- tradingbot token new --name p --scope read --state /var/lib/tradingbot@two "
                 "| head -n 1").strip()
    ask = f"curl --silent --output /dev/null --write-out '%{{http_code}}' --unix-socket {api} http://bot/v1/status"
    equal(m.sh(ask, user="proxy-test"), "401", "without a token")
    time.sleep(TOKENS_READ_S)
    equal(m.sh(f"{ask} --header 'Authorization: Bearer {token}'", user="proxy-test"), "200", "with one")
    for socket in (control, CONTROL):
        holds(m.fails(f"tradingbot resume --reason x --socket {socket}", user="proxy-test"), "Permission denied")
    m.sh(f"tradingbot resume --reason x --socket {control}", user="olga")
    m.fails(ask, user="olga")


def case_an_upgrade_gives_an_open_socket_of_a_proxy_the_group_of_proxies(m):
    m.sh("cp -p /etc/tradingbot/tradingbot.toml /etc/tradingbot/two.toml && systemctl start tradingbot@two.socket")
    api = "/run/tradingbot/two/api.sock"
    # As the version before this group left it.
    m.sh(f"chgrp tradingbot {api} && groupdel tradingbot-proxy")
    inode = m.sh(f"stat -c %i {api}")
    m.sh("rm -r /srv/tradingbot && mv /srv/second /srv/tradingbot")
    said = m.sh("apt-get update --error-on=any && apt-get install --yes tradingbot", timeout=120)
    holds(said, "tradingbot-proxy", "gpasswd --delete")
    equal(m.sh(f"stat -c '%A %U %G' {api}").strip(), "srw-rw---- root tradingbot-proxy")
    equal(m.sh(f"stat -c %i {api}"), inode, "the very same socket")


def case_a_halt_over_the_control_socket_works_while_the_api_has_no_port(m):
    m.get("/v1/status")
    m.sh("systemctl stop tradingbot.socket")
    m.sh("systemd-run --quiet --unit=squatter --property=Type=exec systemd-socket-activate -l 127.0.0.1:8080 cat")
    m.eventually(lambda: "8080" in m.sh("ss -Hltn"), "the port is taken")
    m.sh("tradingbot halt --reason 'no port'", user="olga")
    equal(json.loads(m.sh("tradingbot status --json"))["trading"], False)
    equal(m.state("tradingbot.service"), "active")
    m.sh("systemctl stop squatter.service && systemctl restart tradingbot.socket")
    m.eventually(lambda: [m.state(unit) for unit in UNITS] == ["active"] * 3, "one command has mended it", 10)
    equal(m.get("/v1/status", m.token)[0], 200)

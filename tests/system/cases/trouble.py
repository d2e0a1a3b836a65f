"""What goes wrong on a host: each ends with one clear message, and nothing is lost."""

import json
import threading

from cases.log import BUSY
from machine import CONTROL, Failed, equal, holds

CONFIG = "/etc/tradingbot/tradingbot.toml"
LINES_A_ROUND_MAX = 7
LEDGER = "/var/lib/tradingbot/ledger.sqlite"


def refused(m, *words):
    """Starts the service, which must fail, say why in one line of the journal, and leave the sockets open."""
    mark = m.mark()
    m.fails("systemctl restart tradingbot.service")
    text = m.journal(mark)
    said = [line for line in text.splitlines() if line.startswith("error: ")]
    if not said or any(word not in said[0] for word in words):
        raise Failed(f"no line with {words} in\n{text}")
    equal((m.state("tradingbot.socket"), m.state("tradingbot-control.socket")), ("active", "active"))
    return said[0]


def works(m):
    m.sh("systemctl restart tradingbot.service")
    equal(m.get("/v1/status", m.token)[0], 200)


def case_a_crash_loop_never_closes_the_socket_and_a_client_that_waits_is_answered(m):
    m.sh("cp /usr/bin/tradingbot /usr/bin/tradingbot.whole")
    m.path("/usr/bin/tradingbot.probe").write_bytes(m.probe())
    m.sh("chmod 755 /usr/bin/tradingbot.probe")
    m.dropin("tradingbot.service", "crash", "[Service]\nEnvironment=PROBE_PANIC=1\n")
    m.sh("mv /usr/bin/tradingbot.probe /usr/bin/tradingbot")
    mark = m.mark()
    answer = []
    client = threading.Thread(target=lambda: answer.append(m.get("/v1/status", m.token, timeout=90)))
    client.start()
    m.eventually(lambda: int(m.show("tradingbot.service", "NRestarts")) >= 3, "three restarts", 60)
    equal((m.state("tradingbot.socket"), m.state("tradingbot-control.socket")), ("active", "active"))
    text = m.journal(mark)
    m.sh("mv /usr/bin/tradingbot.whole /usr/bin/tradingbot")
    client.join()
    equal([status for status, _, _ in answer], [200], "the client that waited all the while")
    rounds, lines = text.count("panicked at"), [line for line in text.splitlines() if line]
    if rounds < 3 or len(lines) > LINES_A_ROUND_MAX * (rounds + 1):
        raise Failed(f"{len(lines)} lines for {rounds} rounds:\n{text}")
    m.note(f"{rounds} starts, {len(lines)} lines in the journal")


def case_a_broken_config_is_one_message_with_its_line_and_a_client_that_waits_is_answered(m):
    whole = m.path(CONFIG).read_text()
    m.path(CONFIG).write_text(whole.replace('quote = "USDT"', 'quote = "usdt"'))
    m.note(refused(m, "tradingbot.toml:", "quote"))
    answer = []
    client = threading.Thread(target=lambda: answer.append(m.get("/v1/status", m.token, timeout=90)))
    client.start()
    m.path(CONFIG).write_text(whole)
    client.join()
    equal([status for status, _, _ in answer], [200], "the client that waited all the while")


def case_an_unreadable_config_is_named(m):
    m.sh(f"chown root:root {CONFIG} && chmod 600 {CONFIG}")
    m.note(refused(m, CONFIG, "ermission"))
    m.sh(f"chown root:tradingbot {CONFIG} && chmod 640 {CONFIG}")
    works(m)


def case_a_config_that_is_not_there_is_named(m):
    m.sh(f"mv {CONFIG} /root/")
    m.note(refused(m, CONFIG))
    m.sh(f"mv /root/tradingbot.toml {CONFIG}")
    works(m)


def case_a_port_that_is_taken_is_said_by_the_socket(m):
    m.sh("systemctl stop tradingbot.socket")
    m.sh("systemd-run --quiet --unit=squatter --property=Type=exec systemd-socket-activate -l 127.0.0.1:8080 cat")
    m.eventually(lambda: "8080" in m.sh("ss -Hltn"), "the port is taken")
    mark = m.mark()
    m.fails("systemctl start tradingbot.socket")
    m.eventually(lambda: "127.0.0.1:8080): Address already in use" in m.everything_said(mark), "a message")
    m.sh("systemctl stop squatter.service; systemctl start tradingbot.socket")
    works(m)


def case_without_its_sockets_the_service_brings_them_up_itself(m):
    m.sh("systemctl disable --now tradingbot.socket tradingbot-control.socket")
    equal(m.sh("ss -Hltn"), "", "listeners")
    m.sh("systemctl start tradingbot.service")
    equal((m.state("tradingbot.socket"), m.state("tradingbot-control.socket")), ("active", "active"))
    equal(m.get("/v1/status", m.token)[0], 200)


def case_with_both_sockets_masked_it_does_not_run_and_says_what_to_enable(m):
    m.sh("systemctl stop tradingbot.socket tradingbot-control.socket")
    m.sh("systemctl mask --runtime tradingbot.socket tradingbot-control.socket")
    m.note(m.fails("systemctl start tradingbot.service 2>&1").strip())
    holds(m.fails("systemctl start tradingbot.service 2>&1"), "tradingbot-control.socket is masked")
    equal(m.sh("ps -u tradingbot -o comm=", check=False), "", "processes")
    m.sh("systemctl unmask --runtime tradingbot.socket tradingbot-control.socket && systemctl start tradingbot.socket")
    works(m)


def case_a_state_folder_of_another_user_is_given_back_and_nothing_is_lost(m):
    before = m.status()
    m.sh("systemctl stop tradingbot.service && chown -R stan:stan /var/lib/tradingbot")
    works(m)
    equal(m.status()["run"], before["run"] + 1, "the run after the one before")
    equal(m.sh("find /var/lib/tradingbot -not -user tradingbot"), "", "files of others")


def case_a_ledger_of_another_user_is_not_touched(m):
    works(m)
    m.sh("systemctl stop tradingbot.service")
    m.sh(f"chown stan:stan {LEDGER}")
    before = m.sh(f"sha256sum {LEDGER}")
    m.note(refused(m, LEDGER, "belongs to user", "chown"))
    equal(m.sh(f"sha256sum {LEDGER}"), before)
    m.sh(f"chown tradingbot:tradingbot {LEDGER}")
    works(m)


def case_a_full_disk_under_the_ledger_halts_and_loses_nothing(m):
    m.sh("cp -p /var/lib/tradingbot/tokens.json /root/ && mount -t tmpfs -o size=8M,mode=0700 full /var/lib/tradingbot "
         "&& chown tradingbot: /var/lib/tradingbot && cp -p /root/tokens.json /var/lib/tradingbot/")
    m.path(CONFIG).write_text(BUSY)
    mark = m.mark()
    m.sh("systemctl start tradingbot.service")
    m.eventually(lambda: "filled" in m.journal(mark), "a fill", 60)
    m.sh("dd if=/dev/zero of=/var/lib/tradingbot/fill bs=4k", check=False)
    m.eventually(lambda: "halted" in m.journal(mark), "it halts", 60)
    m.note(next(line for line in m.journal(mark).splitlines() if "halted" in line))
    equal(m.state("tradingbot.service"), "active")
    m.eventually(lambda: not m.status()["trading"], "its status says so")
    told = [record for record in m.records(mark) if record["MESSAGE"].startswith("filled ")]
    m.sh("rm /var/lib/tradingbot/fill")
    m.sh("systemctl restart tradingbot.service")
    equal(m.status()["trading"], False, "halted after a restart")
    m.sh("systemctl start tradingbot-ledger-verify.service")
    kept = {(fill["order"], fill["qty"], fill["price"]) for fill in fills(m)}
    lost = [(record["ORDER_ID"], record["QTY"], record["PRICE"]) for record in told]
    equal([fill for fill in lost if fill not in kept], [], "fills that were told of and are not in the ledger")
    m.note(f"{len(told)} fills told of before and while the disk was full, {len(kept)} in the ledger")
    mark = m.mark()
    m.sh(f"tradingbot resume --reason 'there is room again' --socket {CONTROL}", user="olga")
    m.eventually(lambda: "filled" in m.journal(mark), "a fill after it", 60)


def fills(m):
    """Every fill in the ledger."""
    lines = m.sh("tradingbot ledger export --format jsonl", timeout=120).splitlines()
    entries = [json.loads(line)["entry"] for line in lines if line.startswith("{")]
    return [entry["fill"] for entry in entries if entry["kind"] == "filled"]


def case_a_panic_of_its_own_is_one_record_and_the_bot_comes_back(m):
    m.sh("systemctl start tradingbot.socket")
    # A library panics where it finds no descriptor left; at which limit depends on how many are open.
    for limit in range(12, 48):
        m.dropin("tradingbot.service", "few", f"[Service]\nLimitNOFILE={limit}\nRestart=no\n")
        mark = m.mark()
        m.sh("systemctl restart tradingbot.service", check=False)
        panics = [record for record in m.records(mark) if record["MESSAGE"].startswith("panicked")]
        if panics:
            break
    else:
        raise Failed("no limit of descriptors made it panic")
    equal([record["PRIORITY"] for record in panics], ["3"], "one record of its panic, as loud as an error")
    holds(m.sh(f"journalctl -x --no-pager MESSAGE_ID={panics[0]['MESSAGE_ID']}"), "Subject: The program found a fault")
    m.note(f"{limit} descriptors: {panics[0]['MESSAGE']}")
    m.dropin("tradingbot.service", "few", None)
    works(m)


def case_an_older_package_refuses_a_newer_ledger_and_leaves_it_whole(m):
    m.sh("rm -r /srv/tradingbot && mv /srv/second /srv/tradingbot")
    old = m.sh("dpkg-query --show --showformat='${Version}' tradingbot")
    m.sh("apt-get update --error-on=any && apt-get install --yes tradingbot", timeout=120)
    works(m)
    m.sh("systemctl stop tradingbot.service")
    # The version of the schema stands in the head of the file, where SQLite keeps it.
    ledger = bytearray(m.path(LEDGER).read_bytes())
    ledger[60:64] = (int.from_bytes(ledger[60:64], "big") + 1).to_bytes(4, "big")
    m.path(LEDGER).write_bytes(ledger)
    before = m.sh(f"sha256sum {LEDGER}")
    deb = next((m.out / "first" / "pool" / m.suite).glob("*.deb"))
    m.path(f"/srv/{deb.name}").write_bytes(deb.read_bytes())
    m.sh(f"apt-get install --yes --allow-downgrades /srv/{deb.name}", timeout=120)
    equal(m.sh("dpkg-query --show --showformat='${Version}' tradingbot"), old)
    m.note(refused(m, LEDGER, "newer"))
    equal(m.sh(f"sha256sum {LEDGER}"), before, "the ledger")


def case_a_port_that_is_taken_is_said_and_mended_by_the_command_that_is_named(m):
    m.sh("systemctl stop tradingbot.socket tradingbot-control.socket tradingbot.service")
    m.write("/run/systemd/system/other.socket", "[Socket]\nListenStream=127.0.0.1:8080\nAccept=yes\n")
    m.write("/run/systemd/system/other@.service", "[Service]\nExecStart=/bin/true\n")
    m.sh("systemctl daemon-reload && systemctl start other.socket")
    m.fails("systemctl start tradingbot.socket")
    m.sh("systemctl start tradingbot-control.socket")
    mark = m.mark()
    holds(m.sh("tradingbot status"), "API           CLOSED: tradingbot.socket handed nothing over",
          "systemctl restart tradingbot.service")
    equal(m.status()["api"]["listening"], [])
    holds(m.journal(mark), "the API is closed: tradingbot.socket handed nothing over")
    said = m.fails("tradingbot doctor")
    holds(said, "tradingbot.socket cannot listen", "systemctl restart tradingbot.service", "not in order: API")
    m.sh("systemctl stop other.socket && systemctl restart tradingbot.service")
    equal(m.get("/v1/status", m.token)[0], 200)
    equal(m.status()["api"], {"listening": ["http://127.0.0.1:8080"], "fault": None})
    holds(m.sh("tradingbot doctor"), "tradingbot.socket listens for programs")

"""The story in the journal, and the ways to keep it."""

import json

from machine import CONTROL, equal, holds

BUSY = """
mode = "paper"
start = "trading"
[market]
source = "practice"
symbols = ["BTCUSDT"]
[[strategy]]
name = "busy"
rule = "ema-cross"
fast = 1
slow = 2
symbols = ["BTCUSDT"]
interval = "1s"
sizing = { by = "fixed", stake = "100" }
"""


def case_the_journal_tells_the_story_of_the_day(m):
    m.sh("systemctl stop tradingbot.service && cp -p /etc/tradingbot/tradingbot.toml /root/whole.toml")
    m.path("/etc/tradingbot/tradingbot.toml").write_text(BUSY)
    mark = m.mark()
    m.sh("systemctl start tradingbot.service")
    m.eventually(lambda: "fill" in m.journal(mark), "a fill", 60)
    m.sh(f"tradingbot halt --reason 'end of the day' --socket {CONTROL}", user="olga")
    m.eventually(lambda: "end of the day" in m.journal(mark), "the halt, with who and why", 10)
    m.sh("systemctl stop tradingbot.service")
    text = m.journal(mark)
    holds(text, "Starting", "confined in full", "Started", "stopping", "stopped in order", "Stopped")
    m.note("the story:")
    for line in text.splitlines()[:30]:
        m.note("    " + line)


def case_records_have_fields_and_no_secret(m):
    lines = m.sh("journalctl -u tradingbot -o json --no-pager | tail -n 2000", timeout=120).splitlines()
    records = [json.loads(line) for line in lines]
    own = [record for record in records if record.get("_COMM") == "tradingbot"]
    holds(" ".join(sorted({key for record in own for key in record})), "PRIORITY", "SYSLOG_IDENTIFIER")
    equal(any(m.token in line for line in lines), False, "the token in the journal")


def case_a_journal_of_its_own_is_kept_for_14_days(m):
    m.sh("install -D -m 0644 /usr/share/doc/tradingbot/examples/journal-namespace.conf "
         "/etc/systemd/system/tradingbot.service.d/journal-namespace.conf && systemctl daemon-reload")
    m.sh("systemctl restart tradingbot.service")
    m.eventually(lambda: "landlock" in m.sh("journalctl --namespace=tradingbot -u tradingbot -o cat --no-pager",
                                            check=False), "the story in the journal of its own")
    holds(m.sh("systemd-analyze cat-config systemd/journald@tradingbot.conf"), "MaxRetentionSec=14day")
    m.sh("systemctl stop tradingbot.service && rm -r /etc/systemd/system/tradingbot.service.d && systemctl daemon-reload")
    m.sh("systemctl stop 'systemd-journald@tradingbot.service' 'systemd-journald*@tradingbot.socket'", check=False)


def case_the_file_of_the_log_is_rotated_and_opened_anew(m):
    log = "/var/lib/tradingbot/tradingbot.log"
    m.path("/etc/tradingbot/tradingbot.toml").write_text(BUSY + f'[log]\nformat = "plain"\nfile = "{log}"\n')
    m.sh("systemctl start tradingbot.service")
    m.eventually(lambda: m.path(log).exists() and m.path(log).stat().st_size, "a log")
    m.sh("logrotate --force /etc/logrotate.d/tradingbot")
    m.eventually(lambda: m.path(log).exists() and m.path(log).stat().st_size, "a new log")
    holds(m.sh(f"stat -c '%A %U' {log} {log}.1"), "-rw------- tradingbot\n-rw------- tradingbot")
    m.sh("systemctl stop tradingbot.service && cp -p /root/whole.toml /etc/tradingbot/tradingbot.toml")
    m.sh(f"rm {log}*; systemctl start tradingbot.service")

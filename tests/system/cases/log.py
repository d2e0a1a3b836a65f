"""The story in the journal, and the ways to keep it."""

import json

from machine import CONTROL, equal, holds

CONFIG = "/etc/tradingbot/tradingbot.toml"
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
    m.path(CONFIG).write_text(BUSY)
    mark = m.mark()
    m.sh("systemctl start tradingbot.service")
    m.eventually(lambda: "fill" in m.journal(mark), "a fill", 60)
    m.sh(f"tradingbot halt --reason 'end of the day' --socket {CONTROL}", user="olga")
    m.eventually(lambda: "end of the day" in m.journal(mark), "the halt, with who and why", 10)
    m.sh("systemctl stop tradingbot.service")
    text = m.journal(mark)
    holds(text, "Starting", "confined in full", "Started", "stopping", "stopped in order", "Stopped")


def case_records_have_fields_and_no_secret(m):
    m.path(CONFIG).write_text(BUSY)
    mark = m.mark()
    m.sh("systemctl start tradingbot.service")
    m.eventually(lambda: "filled" in m.journal(mark), "a fill", 60)
    equal(m.get("/v1/status", m.token)[0], 200)
    equal(m.get("/v1/status")[0], 401)
    m.eventually(lambda: "refused" in m.journal(mark), "the request that was refused")
    lines = m.sh("journalctl -u tradingbot -o json --no-pager", timeout=120).splitlines()
    own = [record for record in map(json.loads, lines) if record.get("_COMM") == "tradingbot"]
    holds(" ".join(sorted({key for record in own for key in record})), "PRIORITY", "SYSLOG_IDENTIFIER", "MESSAGE_ID",
          "SYMBOL", "ORDER_ID", "REQUEST_ID", "STRATEGY")
    equal(any(m.token in line for line in lines), False, "the token in the journal")
    number = next(record["ORDER_ID"] for record in own if record["MESSAGE"].startswith("filled"))
    holds(m.sh(f"journalctl -o cat --no-pager ORDER_ID={number}"), "order ", "filled ")


def case_why_a_start_was_refused_is_in_the_journal_of_the_unit_although_the_journal_was_slow(m):
    config = m.path("/etc/tradingbot/tradingbot.toml")
    config.write_text("mode = 'pap'\n")
    m.dropin("tradingbot.service", "once", "[Service]\nRestart=no\n")
    mark = m.mark()
    # It reads nothing until the service has had time to end; then the process would be gone, and its unit not known.
    m.sh("pkill --signal STOP --exact systemd-journal; systemctl start --no-block tradingbot.service; sleep 1; "
         "pkill --signal CONT --exact systemd-journal")
    m.eventually(lambda: m.state("tradingbot.service") == "failed", "it has failed")
    holds(m.journal(mark), "error: ", "mode")


def case_no_record_is_dropped_for_coming_too_fast(m):
    m.write("/run/systemd/journald.conf.d/small.conf", "[Journal]\nRateLimitIntervalSec=30s\nRateLimitBurst=10\n")
    m.sh("systemctl restart systemd-journald.service")
    m.path(CONFIG).write_text(BUSY)
    mark = m.mark()
    m.sh("systemctl start tradingbot.service")
    m.eventually(lambda: m.journal(mark).count("\n") > 60, "more than a burst", 60)
    equal("Suppressed" in m.everything_said(mark), False, "messages that were dropped")


def case_a_journal_of_its_own_is_kept_for_14_days(m):
    m.get("/v1/status")
    mark = m.mark()
    m.sh("install -D -m 0644 /usr/share/doc/tradingbot/examples/journal-namespace.conf "
         "/etc/systemd/system/tradingbot.service.d/40-journal.conf && systemctl daemon-reload")
    m.sh("systemctl restart tradingbot.service")
    m.eventually(lambda: "landlock" in m.sh("journalctl --namespace=tradingbot -u tradingbot -o cat --no-pager",
                                            check=False), "the story in the journal of its own")
    equal("landlock" in m.journal(mark), False, "it is in the common one too")
    holds(m.sh("systemd-analyze cat-config systemd/journald@tradingbot.conf"), "MaxRetentionSec=14day",
          "SystemMaxUse=500M")
    red = m.sh(f"journalctl --sync; journalctl -p err -o cat --no-pager --since='{mark}'", check=False).splitlines()
    equal([line for line in red if "tradingbot" in line], [], "errors about it in the common journal")
    equal(m.sh("systemctl --failed --no-legend --plain"), "", "units that failed")


def case_the_file_of_the_log_is_rotated_and_opened_anew(m):
    log = "/var/lib/tradingbot/tradingbot.log"
    m.path(CONFIG).write_text(BUSY + f'[log]\nformat = "plain"\nfile = "{log}"\n')
    m.sh("systemctl start tradingbot.service")
    m.eventually(lambda: m.path(log).exists() and m.path(log).stat().st_size, "a log")
    pid = m.show("tradingbot.service", "MainPID")
    m.sh("logrotate --debug /etc/logrotate.d/tradingbot")
    m.sh("logrotate --force /etc/logrotate.d/tradingbot")
    m.eventually(lambda: m.path(log).exists() and m.path(log).stat().st_size, "a new log")
    holds(m.sh(f"stat -c '%A %U' {log} {log}.1"), "-rw------- tradingbot\n-rw------- tradingbot")
    equal(m.show("tradingbot.service", "MainPID"), pid, "the same process")

"""Secrets by the service manager: plain and sealed, absent, empty, tampered with, renamed."""

from cases.trouble import refused, works
from machine import equal, holds

SECRET = "head -c 24 /dev/urandom | base64 | tr -d '\\n'"
PLAIN = "/etc/credstore/tradingbot.binance-secret"
SEALED = "/etc/credstore.encrypted/tradingbot/binance-secret"
TAKEN = "secret taken name=BINANCE_SECRET"


def seal(m):
    """As a user does: the secret comes over standard input."""
    m.sh(f"{SECRET} > /root/secret && tradingbot credential seal binance-secret < /root/secret && systemctl daemon-reload")


def unsealed(m, *words):
    """Starts the service, which the service manager must refuse; the journal then says which secret it was, and what to do."""
    mark = m.mark()
    m.fails("systemctl restart tradingbot.service")
    m.eventually(lambda: "error: " in m.journal(mark), "why it was refused")
    holds(m.journal(mark), "error: " + SEALED, *words,
          "seal it anew: tradingbot credential seal binance-secret --replace")
    record = next(record for record in m.records(mark) if record["MESSAGE"].startswith("error: "))
    equal(record["PRIORITY"], "3", "how loud it is")
    holds(m.sh(f"journalctl -x --no-pager --since='{mark}' MESSAGE_ID={record['MESSAGE_ID']}"),
          "Subject: The bot could not start, or could not go on")
    equal("secret taken" in m.journal(mark), False, "it ran without it")
    equal((m.state("tradingbot.socket"), m.state("tradingbot-control.socket")), ("active", "active"))


def case_none_is_needed_on_paper_and_none_is_missed(m):
    mark = m.mark()
    works(m)
    equal("redential" in m.journal(mark), False, m.journal(mark))


def case_a_plain_one_is_taken_and_never_shown(m):
    m.sh(f"install -d -m 0700 /etc/credstore && {SECRET} > {PLAIN}")
    mark = m.mark()
    works(m)
    holds(m.journal(mark), TAKEN)
    secret = m.path(PLAIN).read_text()
    equal(secret in m.sh("journalctl -o verbose --no-pager", timeout=120), False, "the secret in the journal")
    pid = m.show("tradingbot.service", "MainPID")
    equal(secret.encode() in m.path(f"/proc/{pid}/environ").read_bytes(), False, "the secret in the environment")


def case_an_empty_one_is_a_failure_with_the_remedy(m):
    m.sh(f"install -d -m 0700 /etc/credstore && : > {PLAIN}")
    said = refused(m, "binance-secret", "empty")
    m.note(said)
    m.sh(f"rm {PLAIN}")
    works(m)


def case_a_sealed_one_is_opened_and_is_in_no_file(m):
    seal(m)
    mark = m.mark()
    works(m)
    holds(m.journal(mark), TAKEN)
    secret = m.path("/root/secret").read_text()
    found = m.sh(f"grep -rlF -- '{secret}' /etc /var/lib /var/log /run/log 2>/dev/null", check=False)
    equal(found, "", "files with the secret in it")


def case_a_sealed_one_that_was_tampered_with_is_a_failure(m):
    seal(m)
    text = m.path(SEALED).read_text()
    at = len(text) // 2
    m.path(SEALED).write_text(text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:])
    unsealed(m, "cannot be opened")
    m.sh(f"{SECRET} | tradingbot credential seal binance-secret --replace && systemctl daemon-reload")
    works(m)


def case_a_sealed_one_that_was_cut_to_nothing_is_a_failure(m):
    seal(m)
    m.sh(f": > {SEALED}")
    unsealed(m, "is empty")


def case_a_sealed_one_that_is_gone_is_a_failure(m):
    seal(m)
    m.sh(f"rm {SEALED}")
    unsealed(m, "cannot be read", "No such file")


def case_a_sealed_one_of_another_host_is_a_failure(m):
    seal(m)
    m.sh("rm /var/lib/systemd/credential.secret && systemd-creds setup")
    unsealed(m, "cannot be opened")


def case_the_check_tries_each_and_names_what_is_wrong(m):
    holds(m.sh("tradingbot credential check"), "none for tradingbot.service")
    seal(m)
    holds(m.sh("tradingbot credential check"), "sealed binance-secret", SEALED)
    m.sh(f"install -d -m 0700 /etc/credstore && {SECRET} > {PLAIN}")
    holds(m.fails("tradingbot credential check"), "binance-secret is in ", PLAIN, SEALED, "leave one of them")
    m.sh(f"mv {PLAIN} /etc/credstore/tradingbot.binance_secret")
    holds(m.fails("tradingbot credential check"), "tradingbot.binance_secret is for no secret of the bot, which are ")
    m.sh("rm /etc/credstore/tradingbot.binance_secret && tradingbot credential check")


def case_one_in_two_places_is_a_failure_that_names_both(m):
    seal(m)
    m.sh(f"{SECRET} > /etc/tradingbot/BINANCE_SECRET && chown root:tradingbot /etc/tradingbot/BINANCE_SECRET")
    m.sh("chmod 640 /etc/tradingbot/BINANCE_SECRET")
    config = m.path("/etc/tradingbot/tradingbot.toml")
    config.write_text(config.read_text() + '\n[secrets]\ndirectory = "/etc/tradingbot"\n')
    m.note(refused(m))

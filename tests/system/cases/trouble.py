"""What goes wrong on a host: each ends with one clear message, and nothing is lost."""

import threading

from machine import Failed, equal, holds

CONFIG = "/etc/tradingbot/tradingbot.toml"


def refused(m, *words):
    """Starts the service, which must fail and say why in one line of the journal."""
    mark = m.mark()
    m.fails("systemctl restart tradingbot.service")
    text = m.journal(mark)
    said = [line for line in text.splitlines() if line.startswith("error: ")]
    if not said or any(word not in said[0] for word in words):
        raise Failed(f"no line with {words} in\n{text}")
    equal(m.state("tradingbot.socket"), "active")
    return said[0]


def works(m):
    m.sh("systemctl restart tradingbot.service")
    equal(m.get("/v1/status", m.token)[0], 200)


def case_a_crash_loop_never_closes_the_socket_and_a_client_that_waits_is_answered(m):
    whole = m.path(CONFIG).read_text()
    m.path(CONFIG).write_text(whole + "\nnonsense = 1\n")
    m.sh("systemctl stop tradingbot.service")
    answer = []
    client = threading.Thread(target=lambda: answer.append(m.get("/v1/status", m.token, timeout=90)))
    client.start()
    m.eventually(lambda: int(m.show("tradingbot.service", "NRestarts")) >= 6, "six restarts", 60)
    equal((m.state("tradingbot.socket"), m.state("tradingbot-control.socket")), ("active", "active"))
    m.path(CONFIG).write_text(whole)
    client.join()
    equal([status for status, _, _ in answer], [200], "the client that waited all the while")


def case_a_broken_config_is_one_message_with_its_line(m):
    whole = m.path(CONFIG).read_text()
    m.path(CONFIG).write_text(whole.replace('quote = "USDT"', 'quote = "usdt"'))
    refused(m, "tradingbot.toml:", "quote")
    m.path(CONFIG).write_text(whole)
    works(m)


def case_an_unreadable_config_is_named(m):
    m.sh(f"chown root:root {CONFIG} && chmod 600 {CONFIG}")
    refused(m, CONFIG, "ermission")
    m.sh(f"chown root:tradingbot {CONFIG} && chmod 640 {CONFIG}")
    works(m)


def case_a_port_that_is_taken_is_said_by_the_socket(m):
    m.sh("systemctl stop tradingbot.service tradingbot.socket")
    m.sh("systemd-run --quiet --unit=squatter --property=Type=exec systemd-socket-activate -l 127.0.0.1:8080 cat")
    try:
        m.eventually(lambda: "8080" in m.sh("ss -Hltn"), "the port is taken")
        mark = m.mark()
        m.fails("systemctl start tradingbot.socket")
        m.eventually(lambda: "127.0.0.1:8080): Address already in use" in m.journal(mark, "tradingbot.socket"), "a message")
    finally:
        m.sh("systemctl stop squatter.service; systemctl reset-failed; systemctl start tradingbot.socket")
    works(m)


def case_without_its_sockets_the_service_brings_them_up_itself(m):
    m.sh("systemctl stop tradingbot.service tradingbot.socket")
    m.sh("systemctl start tradingbot.service")
    equal((m.state("tradingbot.socket"), m.state("tradingbot-control.socket")), ("active", "active"))
    equal(m.get("/v1/status", m.token)[0], 200)


def case_a_ledger_of_another_user_is_not_touched(m):
    m.sh("systemctl stop tradingbot.service")
    m.sh("chown root:root /var/lib/tradingbot/ledger.sqlite && chmod 600 /var/lib/tradingbot/ledger.sqlite")
    before = m.sh("sha256sum /var/lib/tradingbot/ledger.sqlite")
    refused(m, "ledger")
    equal(m.sh("sha256sum /var/lib/tradingbot/ledger.sqlite"), before)
    m.sh("chown tradingbot:tradingbot /var/lib/tradingbot/ledger.sqlite")
    works(m)


def case_a_credential_is_taken_and_an_empty_one_is_a_failure(m):
    m.sh("install -d -m 0700 /etc/credstore && head -c 24 /dev/urandom | base64 > /etc/credstore/tradingbot.binance-secret")
    mark = m.mark()
    m.sh("systemctl restart tradingbot.service")
    holds(m.journal(mark), "secret found")
    secret = m.path("/etc/credstore/tradingbot.binance-secret").read_text().strip()
    equal(secret in m.sh("journalctl -u tradingbot -o verbose --no-pager", timeout=120), False, "the secret in the journal")
    m.sh(": > /etc/credstore/tradingbot.binance-secret")
    refused(m, "binance-secret", "empty")
    m.sh("rm -r /etc/credstore")
    works(m)


def case_a_sealed_credential_is_opened_and_a_tampered_one_is_a_failure(m):
    m.sh("install -d -m 0700 /etc/credstore.encrypted && head -c 24 /dev/urandom | base64 | systemd-creds encrypt "
         "--with-key=host --name=tradingbot.binance-secret - /etc/credstore.encrypted/tradingbot.binance-secret")
    encrypted = "LoadCredentialEncrypted=binance-secret:/etc/credstore.encrypted/tradingbot.binance-secret"
    if m.suite == "bookworm":
        # 252 binds the name under which a file was sealed to the name under which it is loaded.
        m.sh("head -c 24 /dev/urandom | base64 | systemd-creds encrypt --with-key=host --name=binance-secret - "
             "/etc/credstore.encrypted/tradingbot.binance-secret")
        m.dropin("tradingbot.service", "sealed", f"[Service]\nLoadCredential=\n{encrypted}\n")
    mark = m.mark()
    m.sh("systemctl restart tradingbot.service")
    holds(m.journal(mark), "secret found")
    m.sh("sed -i '2s/[A-Z]/a/3' /etc/credstore.encrypted/tradingbot.binance-secret")
    mark = m.mark()
    text = m.sh("systemctl restart tradingbot.service; systemctl is-active tradingbot.service", check=False)
    if "active" in text.split() and "secret found" in m.journal(mark):
        raise Failed("a tampered credential was taken")
    m.dropin("tradingbot.service", "sealed", None)
    m.sh("rm -r /etc/credstore.encrypted; systemctl reset-failed")
    works(m)

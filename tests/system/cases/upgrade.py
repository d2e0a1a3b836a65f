"""Restarts and an upgrade under load."""

import http.client
import threading
import time

from machine import API, Failed, equal, holds

CLIENTS = 8
REQUESTS_MIN = 2_000


def case_no_request_is_lost_over_six_restarts_and_an_upgrade(m):
    config = m.path("/etc/tradingbot/tradingbot.toml")
    whole = config.read_text()
    config.write_text(whole.replace("rate-limit-per-minute = 100", "rate-limit-per-minute = 60000")
                      .replace("rate-limit-burst = 20", "rate-limit-burst = 10000"))
    m.sh("systemctl reload tradingbot.service")
    m.sh("rm -r /srv/tradingbot && mv /srv/second /srv/tradingbot")
    clients = [Client(m) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    for _ in range(6):
        m.sh("systemctl restart tradingbot.service")
        time.sleep(0.3)
    before = m.sh("dpkg-query --show tradingbot")
    m.sh("apt-get update --error-on=any && apt-get install --yes tradingbot", timeout=120)
    equal(m.sh("dpkg-query --show tradingbot") == before, False, "the same version")
    m.eventually(lambda: sum(client.answered for client in clients) >= REQUESTS_MIN, "enough requests", 60)
    for client in clients:
        client.stop = True
    for client in clients:
        client.join()
    answered, lost = sum(c.answered for c in clients), [fault for c in clients for fault in c.lost]
    m.note(f"{answered} answered, {len(lost)} lost, {sum(c.closed for c in clients)} connections closed in order, "
           f"longest {max(c.longest for c in clients) * 1000:.0f} ms")
    config.write_text(whole)
    m.sh("systemctl reload tradingbot.service")
    equal(lost, [], "lost requests")


class Client(threading.Thread):
    """Asks over one connection after the other, and counts what is not answered."""

    def __init__(self, m):
        super().__init__()
        self.machine = m
        self.stop = False
        self.answered = self.closed = 0
        self.longest = 0.0
        self.lost = []

    def run(self):
        self.machine.inside(self.ask)

    def ask(self):
        connection = None
        while not self.stop:
            started = time.monotonic()
            try:
                if connection is None:
                    connection = http.client.HTTPConnection(*API, timeout=30)
                    connection.connect()
                connection.request("GET", "/v1/status", headers={"Authorization": f"Bearer {self.machine.token}"})
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    self.answered += 1
                else:
                    self.lost.append(f"status {answer.status}")
                if answer.will_close:
                    self.closed += 1
                    connection.close()
                    connection = None
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(repr(error))
                connection = None
            self.longest = max(self.longest, time.monotonic() - started)
            time.sleep(0.01)


def case_an_upgrade_keeps_config_tokens_ledger_and_the_open_sockets(m):
    holds(m.sh("dpkg-query --show tradingbot"), "0.1.0.1")
    equal(m.get("/v1/status", m.token)[0], 200)
    equal((m.state("tradingbot.socket"), m.state("tradingbot.service")), ("active", "active"))
    equal(m.sh("systemctl is-enabled tradingbot.socket").strip(), "enabled")
    m.sh("sed -i 's/^balance.*/balance = \"5000\"/' /etc/tradingbot/tradingbot.toml")
    m.sh("apt-get install --reinstall --yes tradingbot", timeout=120)
    holds(m.path("/etc/tradingbot/tradingbot.toml").read_text(), 'balance = "5000"')
    equal(m.sh("stat -c '%A %G' /etc/tradingbot/tradingbot.toml").strip(), "-rw-r----- tradingbot")


def case_an_installation_that_was_cut_off_can_be_finished(m):
    package = m.sh(f"ls /srv/tradingbot/pool/{m.suite}/*.deb").strip()
    m.sh(f"dpkg --unpack {package}")
    equal(m.state("tradingbot.socket"), "active")
    equal(m.get("/v1/status", m.token)[0], 200, "between unpack and configure")
    m.sh("dpkg --configure --pending", timeout=120)
    if m.sh("dpkg-query --show --showformat='${Status}' tradingbot") != "install ok installed":
        raise Failed(m.sh("dpkg --status tradingbot"))
    equal(m.get("/v1/status", m.token)[0], 200, "after it")

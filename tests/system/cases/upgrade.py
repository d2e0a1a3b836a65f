"""Restarts and an upgrade under load."""

import http.client
import select
import threading
import time

from files import NOTED, PACKAGE, SOURCE, USE, leaves_exactly
from machine import API, Failed, equal, holds

# How a client goes about it: a connection for each request, or one that it keeps; and how long it waits after an answer.
WAYS = {"new": (False, 0.01), "kept": (True, 0.01), "idle": (True, 0.8)}
CLIENTS = 4
RESTARTS = 6
REQUESTS_MIN = 2_000
# A connection that has been kept without a request for this long may be closed by a server that leaves: a client that looks
# before it asks sees that, and asks over another one. A request that is on its way at that very moment gets no answer; RFC
# 9112, 9.3.1, has the client ask again. Any other request must be answered.
IDLE_S = 0.5


def upgrade(m):
    m.sh("rm -r /srv/tradingbot && mv /srv/second /srv/tradingbot")
    m.sh("apt-get update --error-on=any && apt-get install --yes tradingbot", timeout=120)
    holds(m.sh("dpkg-query --show tradingbot"), "0.1.0.1")


def case_no_request_is_lost_over_six_restarts_and_an_upgrade_on_new_connections_and_on_kept_ones(m):
    config = m.path("/etc/tradingbot/tradingbot.toml")
    config.write_text(config.read_text().replace("rate-limit-per-minute = 100", "rate-limit-per-minute = 60000")
                      .replace("rate-limit-burst = 20", "rate-limit-burst = 10000"))
    clients = [Client(m, way) for way in WAYS for _ in range(CLIENTS)]
    for client in clients:
        client.start()

    def asked(*ways):
        return sum(client.answered for client in clients if client.way in ways)

    m.eventually(lambda: all(client.answered for client in clients), "first requests")
    for _ in range(RESTARTS):
        before = [asked(way) for way in ("new", "kept")]
        m.sh("systemctl restart tradingbot.service")
        m.eventually(lambda before=before: all(asked(way) >= count + 20 * CLIENTS
                                               for way, count in zip(("new", "kept"), before)),
                     "requests of both kinds between two restarts", 60)
    upgrade(m)
    m.eventually(lambda: min(asked("new"), asked("kept")) >= REQUESTS_MIN, "enough requests", 60)
    for client in clients:
        client.stop = True
    for client in clients:
        client.join()
    for way in WAYS:
        own = [client for client in clients if client.way == way]
        m.note(f"{way}: {asked(way)} answered, {sum(len(c.lost) for c in own)} lost, {sum(c.crossed for c in own)} crossed an "
               f"idle close; connections closed: {sum(c.closed for c in own)} with an answer, "
               f"{sum(c.seen_closed for c in own)} while idle; longest {max(c.longest for c in own) * 1000:.0f} ms")
    equal([f"{client.way}: {fault}" for client in clients for fault in client.lost], [], "lost requests")
    equal(m.status()["run"], RESTARTS + 2, "runs")


class Client(threading.Thread):
    """Asks again and again in one way, and counts what is not answered."""

    def __init__(self, m, way):
        super().__init__()
        self.machine = m
        self.way = way
        self.keeps, self.pause = WAYS[way]
        self.stop = False
        self.answered = self.closed = self.seen_closed = self.crossed = 0
        self.longest = 0.0
        self.lost = []
        self.connection = None

    def run(self):
        self.machine.inside(self.ask)

    def ask(self):
        answered_at = 0.0
        while not self.stop:
            started = time.monotonic()
            if self.connection is not None and select.select([self.connection.sock], [], [], 0)[0]:
                # Closed, and not while a request was on its way. Only what is idle may be.
                self.drop()
                if started - answered_at < IDLE_S:
                    self.lost.append(f"closed after {started - answered_at:.3f} s, without a word before")
                self.seen_closed += 1
            is_kept, idle = self.connection is not None, started - answered_at
            try:
                self.ask_once()
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
                # Not a byte of an answer.
                self.drop()
                if is_kept and idle >= IDLE_S:
                    self.crossed += 1
                    continue
                self.lost.append(f"{error!r} after {idle:.3f} s, {'kept' if is_kept else 'new'} connection")
            except (OSError, http.client.HTTPException) as error:
                self.drop()
                self.lost.append(repr(error))
            answered_at = time.monotonic()
            self.longest = max(self.longest, answered_at - started)
            time.sleep(self.pause)

    def ask_once(self):
        if self.connection is None:
            connection = http.client.HTTPConnection(*API, timeout=30)
            connection.connect()
            self.connection = connection
        self.connection.request("GET", "/v1/status", headers={"Authorization": f"Bearer {self.machine.token}"})
        answer = self.connection.getresponse()
        answer.read()
        if answer.status == 200:
            self.answered += 1
        else:
            self.lost.append(f"status {answer.status}")
        if answer.will_close or not self.keeps:
            self.closed += answer.will_close
            self.drop()

    def drop(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None


def case_an_upgrade_keeps_config_tokens_ledger_and_the_open_sockets(m):
    equal(m.get("/v1/status", m.token)[0], 200)
    m.sh("sed -i 's/^balance.*/balance = \"5000\"/' /etc/tradingbot/tradingbot.toml")
    before, inode = m.status(), m.sh("ss -Hltne | grep -o 'ino:[0-9]*'")
    upgrade(m)
    after = m.status()
    equal((after["run"], after["trading"]), (before["run"] + 1, before["trading"]))
    equal(m.get("/v1/status", m.token)[0], 200)
    equal((m.state("tradingbot.socket"), m.state("tradingbot.service")), ("active", "active"))
    equal(m.sh("ss -Hltne | grep -o 'ino:[0-9]*'"), inode, "the very same listener")
    equal(m.sh("systemctl is-enabled tradingbot.socket").strip(), "enabled")
    holds(m.path("/etc/tradingbot/tradingbot.toml").read_text(), 'balance = "5000"')
    equal(m.sh("stat -c '%A %G' /etc/tradingbot/tradingbot.toml").strip(), "-rw-r----- tradingbot")


def case_an_upgrade_starts_nothing_that_does_not_run(m):
    m.sh("systemctl disable --now tradingbot.socket tradingbot-control.socket")
    upgrade(m)
    equal([m.state(unit) for unit in ("tradingbot.socket", "tradingbot-control.socket", "tradingbot.service")],
          ["inactive"] * 3)


def case_an_upgrade_loads_the_firewall_anew_where_it_was_loaded(m):
    m.get("/v1/status")
    m.sh("systemctl enable --now tradingbot-ingress.service && nft flush ruleset")
    upgrade(m)
    equal(m.sh("nft list tables").split("\n")[:-1], ["table inet tradingbot", "table inet tradingbot_ingress"])
    m.sh("tradingbot firewall remove && tradingbot firewall remove --ingress")
    m.sh("apt-get install --reinstall --yes tradingbot", timeout=120)
    equal(m.get("/v1/status", m.token)[0], 200)
    equal(m.sh("nft list tables"), "", "what was removed by command")


def case_an_upgrade_restarts_every_bot_of_the_host(m):
    m.sh("cp -p /etc/tradingbot/tradingbot.toml /etc/tradingbot/two.toml && systemctl start tradingbot@two.socket")
    socket = "/run/tradingbot/two/control.sock"
    before = m.status(socket)["run"]
    upgrade(m)
    equal(m.status(socket)["run"], before + 1, "the run of the second bot")


def case_an_upgrade_leaves_exactly_the_listed_files(m):
    m.get("/v1/status")
    upgrade(m)
    m.sh("systemctl stop tradingbot.service")
    leaves_exactly(m, PACKAGE, SOURCE, USE, NOTED)


def case_an_upgrade_that_was_cut_off_can_be_finished_and_the_bot_answers_meanwhile(m):
    equal(m.get("/v1/status", m.token)[0], 200)
    m.sh(f"dpkg --unpack /srv/second/pool/{m.suite}/*.deb")
    equal(m.state("tradingbot.socket"), "active")
    equal(m.get("/v1/status", m.token)[0], 200, "between unpack and configure")
    m.sh("systemctl restart tradingbot.service")
    equal(m.get("/v1/status", m.token)[0], 200, "after a restart between unpack and configure")
    m.sh("dpkg --configure --pending", timeout=120)
    if m.sh("dpkg-query --show --showformat='${Status}' tradingbot") != "install ok installed":
        raise Failed(m.sh("dpkg --status tradingbot"))
    equal(m.get("/v1/status", m.token)[0], 200, "after it")

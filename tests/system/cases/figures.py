"""What it costs, beside the same program in a bare unit; printed, not judged. Run only when it is named."""

import socket
import statistics
import time

from machine import API, Failed, equal
from tables import table

CONFIG = "/etc/tradingbot/tradingbot.toml"
BARE_API = ("127.0.0.1", 8090)
# Less than the largest burst that the API can be told to bear.
REQUESTS = 9_000
AT_ONCE = 300
ROUNDS = 15
BARE_SOCKET = """[Socket]
ListenStream=127.0.0.1:8090
FileDescriptorName=api
NoDelay=yes
Backlog=512
"""
BARE_SERVICE = """[Unit]
StartLimitIntervalSec=0
[Service]
Type=notify
User=tradingbot
StateDirectory=bare
ExecStart=/usr/bin/tradingbot run --config /etc/tradingbot/tradingbot.toml
"""


def prepare(m):
    config = m.path(CONFIG)
    config.write_text(config.read_text().replace("rate-limit-per-minute = 100", "rate-limit-per-minute = 60000")
                      .replace("rate-limit-burst = 20", "rate-limit-burst = 10000"))
    m.write("/run/systemd/system/bare.socket", BARE_SOCKET)
    m.write("/run/systemd/system/bare.service", BARE_SERVICE)
    m.sh("systemctl daemon-reload && systemctl start bare.socket")
    m.sh("install -d -m 0700 -o tradingbot -g tradingbot /var/lib/bare")
    m.sh("cp -p /var/lib/tradingbot/tokens.json /var/lib/bare/")


def request(m):
    return f"GET /v1/status HTTP/1.1\r\nHost: bot\r\nAuthorization: Bearer {m.token}\r\n\r\n".encode()


def case_a_cold_start_beside_a_bare_unit(m):
    prepare(m)
    seconds = {"tradingbot": [], "bare": []}
    for _ in range(ROUNDS):
        for unit, address in (("tradingbot", API), ("bare", BARE_API)):
            m.sh(f"systemctl stop {unit}.service")
            seconds[unit].append(m.inside(lambda address=address: cold(address, request(m))))
    rows = [[name, milliseconds(seconds[unit])] for name, unit in (("in its sandbox", "tradingbot"), ("bare unit", "bare"))]
    show(m, "cold start", table(["connection to first answer, service not running", "median (least to most)"], rows))


def case_requests_a_second_beside_a_bare_unit(m):
    prepare(m)
    rates, costs = {"tradingbot": [], "bare": []}, {"tradingbot": [], "bare": []}
    for _ in range(ROUNDS):
        for unit, address in (("tradingbot", API), ("bare", BARE_API)):
            m.sh(f"systemctl restart {unit}.service")
            before = used(m, unit)
            rate = m.inside(lambda address=address: load(address, request(m)))
            rates[unit].append(rate)
            costs[unit].append((used(m, unit) - before) / REQUESTS * 1e6)
    rows = []
    for name, unit in (("in its sandbox", "tradingbot"), ("bare unit", "bare")):
        rate, cost = statistics.median(rates[unit]), statistics.median(costs[unit])
        rows.append([name, f"{rate:,.0f} ({min(rates[unit]):,.0f} to {max(rates[unit]):,.0f})", f"{cost:.1f} µs"])
    rows.append(["ratio", f"{statistics.median(rates['tradingbot']) / statistics.median(rates['bare']):.2f}",
                 f"{statistics.median(costs['tradingbot']) / statistics.median(costs['bare']):.2f}"])
    show(m, "requests", table(["one connection", "requests/s, median (least to most)", "processor time a request"], rows))


def case_resident_memory_package_and_program(m):
    equal(m.get("/v1/status", m.token)[0], 200)
    pid = m.show("tradingbot.service", "MainPID")
    status = dict(line.split(":", 1) for line in m.path(f"/proc/{pid}/status").read_text().splitlines())
    deb = next((m.out.parent / "deb" / m.suite).glob("*.deb")).stat().st_size
    program = m.path("/usr/bin/tradingbot").stat().st_size
    rows = [["resident memory", f"{int(status['VmRSS'].split()[0]) / 1024:.1f} MiB, "
             f"of which {int(status['RssAnon'].split()[0]) / 1024:.1f} MiB anonymous"],
            ["package", f"{deb / 1e6:.2f} MB"], ["program", f"{program / 1e6:.2f} MB"]]
    show(m, "sizes", table(["what", "seen"], rows))


def show(m, name, text):
    m.tables[name] = text
    for line in text.splitlines():
        m.note(line)


def milliseconds(seconds):
    return f"{statistics.median(seconds) * 1e3:.1f} ms ({min(seconds) * 1e3:.1f} to {max(seconds) * 1e3:.1f})"


def used(m, unit):
    """Processor time of a service's main process so far, all threads, in seconds."""
    tasks = m.path(f"/proc/{m.show(unit + '.service', 'MainPID')}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def cold(address, text):
    started = time.monotonic()
    with socket.create_connection(address, timeout=30) as talk:
        talk.sendall(text)
        answer = talk.recv(65_536)
    seconds = time.monotonic() - started
    if b" 200 " not in answer.split(b"\r\n")[0]:
        raise Failed(answer.decode())
    return seconds


def load(address, text):
    """Many requests over one connection, many on their way at once, so that the client is not what is measured."""
    with socket.create_connection(address, timeout=30) as talk:
        talk.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        started = time.monotonic()
        for _ in range(REQUESTS // AT_ONCE):
            talk.sendall(text * AT_ONCE)
            answered, rest = 0, b""
            while answered < AT_ONCE:
                part = talk.recv(1 << 18)
                if not part:
                    raise Failed("the connection was closed")
                rest += part
                answered += rest.count(b"HTTP/1.1 200 ")
                if b"HTTP/1.1 429" in rest:
                    raise Failed("limited")
                rest = rest[-12:] if b"HTTP/1.1 200 " not in rest[-12:] else b""
        return REQUESTS / (time.monotonic() - started)

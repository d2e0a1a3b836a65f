"""The table of the bot's user, beside the rules of the admin."""

import json
import re
import time

from machine import equal, holds, starts

REACH = "timeout 2 bash -c 'exec 3<>/dev/tcp/127.0.0.1/8080'"
ADMIN = "#!/usr/sbin/nft -f\nflush ruleset\ntable inet admin {\n chain mine {\n }\n}\n"


QUIET_SECONDS = 10
# One start of a shell, of systemctl and of nft; and time for a machine on which others work.
GAP_MS_MAX = 500
# How long the table was away, time by time, while nftables.service was restarted five times.
GAP = """
import json, subprocess, time
gaps, gone = [], None
look = ["nft", "list", "table", "inet", "tradingbot"]
for _ in range(5):
    act = subprocess.Popen("systemctl reset-failed nftables.service; exec systemctl restart nftables.service", shell=True)
    while act.poll() is None or gone is not None:
        there = subprocess.run(look, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
        now = time.monotonic()
        if not there and gone is None:
            gone = now
        elif there and gone is not None:
            gaps.append(round((now - gone) * 1000))
            gone = None
print(json.dumps(gaps))
"""
WAYS = [
    "tcp 127.0.0.1 8080", "tcp 10.9.0.2 7777", "tcp 10.9.0.2 443", "tcp 2001:db8::2 7777", "tcp 2001:db8::2 443",
    "udp 10.9.0.2 7777", "udp 10.9.0.2 53", "udp 2001:db8::2 7777", "udp 2001:db8::2 53", "ping 10.9.0.2 0",
    "ping 2001:db8::2 0",
]
# The other host: takes connections, and sends back what comes.
WORLD = """
import selectors, socket
ready = selectors.DefaultSelector()
for kind, ports in ((socket.SOCK_STREAM, (443, 7777)), (socket.SOCK_DGRAM, (53, 7777))):
    for port in ports:
        listener = socket.socket(socket.AF_INET6, kind)
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(("::", port))
        if kind == socket.SOCK_STREAM:
            listener.listen()
        ready.register(listener, selectors.EVENT_READ)
while True:
    for key, _ in ready.select():
        if key.fileobj.type == socket.SOCK_STREAM:
            key.fileobj.accept()[0].close()
        else:
            key.fileobj.sendto(*key.fileobj.recvfrom(64))
"""
# Tries one way, and says whether something came back.
SEND = """
import socket, sys
way, address, port = (sys.argv[1:] + ["10.9.0.2", "0"])[:3]
six = ":" in address
family = socket.AF_INET6 if six else socket.AF_INET
kinds = {"tcp": (socket.SOCK_STREAM, 0), "udp": (socket.SOCK_DGRAM, 0),
         "ping": (socket.SOCK_DGRAM, socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP),
         "raw": (socket.SOCK_RAW, socket.IPPROTO_ICMP)}
# An echo request; the kernel fills in the checksum but for a raw socket's.
echo = bytes([128 if six else 8, 0, 0, 0, 0, 0, 0, 1]) if way != "raw" else bytes([8, 0, 0xf7, 0xfe, 0, 0, 0, 1])
out = socket.socket(family, *kinds[way])
out.settimeout(1)
try:
    out.connect((address, int(port)))
    if way != "tcp":
        out.send(echo)
        out.recv(64)
    print("out")
except (TimeoutError, PermissionError):
    print("kept in")
"""


def loaded(m):
    """Whether the table of the bot's user is there, under just that name."""
    return "table inet tradingbot" in m.sh("nft list tables").splitlines()


def counter(m, name):
    text = m.sh(f"nft list counter inet tradingbot {name}")
    return int(re.search(r"packets (\d+)", text).group(1))


@starts("installed")
def case_the_rules_are_right_for_the_nft_of_this_release(m):
    for file in ("tradingbot.nft", "ingress.nft"):
        m.sh(f"nft --check --file /usr/share/tradingbot/{file}")


def case_while_the_bot_runs_its_user_can_send_nothing_out(m):
    world(m)
    m.sh("ip address add 2001:db8::1/64 dev cable nodad && ip -n world address add 2001:db8::2/64 dev other nodad")
    m.sh("echo 0 2147483647 > /proc/sys/net/ipv4/ping_group_range")
    m.write("/root/world.py", WORLD)
    m.sh("systemd-run --quiet --property=Type=exec ip netns exec world python3 /root/world.py")
    m.write("/tmp/send.py", SEND)
    m.get("/v1/status")
    equal(m.state("tradingbot-firewall.service"), "active")
    m.eventually(lambda: ":7777" in m.sh("ip netns exec world ss -Hlntu"), "the other host listens")
    for way in WAYS:
        m.eventually(lambda way=way: m.sh(f"python3 /tmp/send.py {way}", user="olga", check=False).strip() == "out",
                     f"another user gets out by {way}", 10)
        before = counter(m, "refused")
        equal(m.sh(f"python3 /tmp/send.py {way}", user="tradingbot", check=False).strip(), "kept in", way)
        equal(counter(m, "refused") > before, True, f"{way} is counted")
    # A raw socket, which that user could open only with a privilege that no unit gives.
    raw = "setpriv --reuid tradingbot --regid tradingbot --clear-groups --inh-caps +net_raw --ambient-caps +net_raw"
    before = counter(m, "refused")
    equal(m.sh("python3 /tmp/send.py raw").strip(), "out", "another user with a raw socket")
    equal(m.sh(f"{raw} python3 /tmp/send.py raw", check=False).strip(), "kept in", "raw")
    equal(counter(m, "refused") > before, True, "raw is counted")


def case_answers_to_others_are_let_through_and_counted(m):
    m.get("/v1/status")
    answered = counter(m, "answered")
    equal(m.get("/v1/status", m.token)[0], 200)
    equal(counter(m, "answered") > answered, True, "answers are counted")


def case_the_table_comes_back_after_each_act_of_nftables_service(m):
    m.write("/etc/nftables.conf", ADMIN)
    m.get("/v1/status")
    m.sh("systemctl start tradingbot-ingress.service")
    m.write("/root/gap.py", GAP)
    # Often, so that a limit on starts would leave it away; that of nftables.service itself is none of ours.
    for act in ("start", "restart", "reload", "restart", "restart", "restart", "restart", "restart", "stop"):
        m.sh(f"systemctl {act} nftables.service; systemctl reset-failed nftables.service")
        equal(loaded(m), True, f"the table when {act} has come back")
        holds(m.sh("nft list tables"), "table inet tradingbot_ingress", *(["table inet admin"] if act != "stop" else []))
    m.fails(REACH, user="tradingbot")
    gaps = json.loads(m.sh("python3 /root/gap.py"))
    m.note(f"missing during 5 restarts of nftables.service: {len(gaps)} times, at most {max(gaps, default=0)} ms")
    equal(max(gaps, default=0) <= GAP_MS_MAX, True, f"gaps of {gaps} ms")


def case_each_start_of_the_bot_brings_back_a_table_that_was_flushed_by_hand(m):
    m.write("/etc/nftables.conf", ADMIN)
    m.get("/v1/status")
    mark = m.mark()
    m.sh("systemctl restart tradingbot.service")
    equal("eload" in m.journal(mark, "tradingbot-firewall.service"), False, "it is loaded again although it is there")
    for act in ("nft flush ruleset", "nft -f /etc/nftables.conf"):
        m.sh(act)
        equal(loaded(m), False, f"flushed by {act}, while the bot runs")
        m.sh("systemctl restart tradingbot.service")
        equal(loaded(m), True, f"a restart after {act}")
    m.sh("nft flush ruleset && systemctl kill --signal=SIGKILL tradingbot.service")
    m.eventually(lambda: m.state("tradingbot.service") == "active" and loaded(m), "the bot and the table after a crash")
    m.sh("cp -p /etc/tradingbot/tradingbot.toml /etc/tradingbot/two.toml && nft flush ruleset")
    m.sh("systemctl start tradingbot@two.service")
    equal(loaded(m), True, "a start of another bot")
    m.fails(REACH, user="tradingbot")


def case_without_a_bot_that_runs_the_rules_of_the_admin_are_left_alone(m):
    m.write("/etc/nftables.conf", ADMIN)
    for act in ("start", "reload", "restart"):
        m.sh(f"systemctl {act} nftables.service")
    equal(m.sh("nft list tables"), "table inet admin\n")
    equal(m.sh("systemctl --failed --no-legend --plain"), "", "units that failed")


def case_a_host_without_nft_runs_the_bot_all_the_same(m):
    m.sh("mv /usr/sbin/nft /usr/sbin/nft.away")
    equal(m.get("/v1/status", m.token)[0], 200)
    equal(m.state("tradingbot-firewall.service"), "inactive")
    mark = m.mark()
    time.sleep(QUIET_SECONDS)
    said = [line for line in m.everything_said(mark).splitlines() if "firewall" in line]
    equal(said, [], f"lines of the journal in {QUIET_SECONDS} s")
    m.sh("mv /usr/sbin/nft.away /usr/sbin/nft && systemctl restart tradingbot.service")
    equal(loaded(m), True, "nft was installed, and the bot started again")


def case_without_nft_the_commands_of_the_firewall_fail_say_so_and_change_nothing(m):
    m.sh("mv /usr/sbin/nft /usr/sbin/nft.away")
    for command in ("show", "apply", "apply --ingress", "remove", "remove --ingress"):
        said = m.sh(f"tradingbot firewall {command} 2>&1; echo code $?", check=False)
        holds(said, "nft is not installed; apt install nftables brings it", "code 1")
    equal(m.sh("systemctl is-enabled tradingbot-firewall.service", check=False).strip(), "static")
    equal(m.sh("systemctl list-timers --all --no-legend 'tradingbot-ingress*'"), "", "trials")
    m.sh("mv /usr/sbin/nft.away /usr/sbin/nft")
    holds(m.sh("tradingbot firewall apply"), "is loaded")
    # Removed is removed, over restarts of everything, and what it says is left is left.
    m.sh("systemctl start tradingbot-ingress.service")
    holds(m.sh("tradingbot firewall remove"), "is removed and its unit masked")
    for act in ("restart nftables.service", "restart tradingbot.service"):
        m.sh(f"systemctl {act}")
        equal(m.sh("nft list tables | grep tradingbot"), "table inet tradingbot_ingress\n", f"tables after {act}")
    equal(m.sh("systemctl is-enabled tradingbot-firewall.service", check=False).strip(), "masked")


def case_an_nft_that_refuses_is_said_once_and_not_tried_for_ever(m):
    m.sh("mv /usr/sbin/nft /usr/sbin/nft.away && install -m 0755 /usr/bin/false /usr/sbin/nft")
    mark = m.mark()
    equal(m.get("/v1/status", m.token)[0], 200)
    holds(m.everything_said(mark), "Failed to start tradingbot-firewall.service")
    mark = m.mark()
    time.sleep(QUIET_SECONDS)
    equal([line for line in m.everything_said(mark).splitlines() if "firewall" in line], [], "it goes on")


def case_the_kernels_own_packets_are_left_alone(m):
    m.get("/v1/status")
    # A closed port is answered by the kernel, which has no user.
    holds(m.sh("timeout 2 bash -c 'exec 3<>/dev/tcp/127.0.0.1/9' 2>&1", check=False), "refused")


@starts("installed")
def case_ufw_knows_the_profile(m):
    holds(m.sh("ufw app info Tradingbot"), "443/tcp")


@starts("installed")
def case_default_deny_ingress_lets_ssh_and_https_in_and_nothing_else(m):
    world(m)
    equal([reaches(m, port) for port in (22, 443, 9000)], [True] * 3, "before")
    m.sh("nft -f /usr/share/tradingbot/ingress.nft")
    equal([reaches(m, port) for port in (22, 443, 9000)], [True, True, False], "with the rules")
    text = m.sh("nft list counters table inet tradingbot_ingress")
    equal([int(packets) > 0 for packets in re.findall(r"packets (\d+)", text)], [True] * 3, f"counted:\n{text}")


@starts("installed")
def case_the_handbooks_commands_for_ufw_let_ssh_and_https_in_and_nothing_else(m):
    world(m)
    m.sh("ufw default deny incoming && ufw allow 22/tcp && ufw allow Tradingbot && ufw --force enable")
    equal([reaches(m, port) for port in (22, 443, 9000)], [True, True, False], "with ufw")
    m.sh("systemctl enable --now tradingbot.socket")
    equal(m.get("/v1/status")[0], 401, "the bot on its own host")


def world(m):
    """Another host, by a cable, and three listeners for it."""
    m.sh("ip netns add world && ip link add name cable type veth peer name other netns world")
    m.sh("ip address add 10.9.0.1/24 dev cable && ip link set cable up")
    m.sh("ip -n world address add 10.9.0.2/24 dev other && ip -n world link set other up")
    m.sh("systemctl start ssh.service")
    for port in (443, 9000):
        m.sh(f"systemd-run --quiet --property=Type=exec systemd-socket-activate --accept -l 10.9.0.1:{port} cat")
        m.eventually(lambda port=port: f":{port} " in m.sh("ss -Hltn"), f"a listener at {port}")


def reaches(m, port):
    """Whether the other host can open a connection."""
    reach = f"ip netns exec world timeout 2 bash -c 'exec 3<>/dev/tcp/10.9.0.1/{port}' 2>/dev/null"
    return m.sh(f"if {reach}; then echo in; else echo out; fi").strip() == "in"

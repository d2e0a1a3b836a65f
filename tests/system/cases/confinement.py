"""What the service cannot do, tried from its own place."""

import calls
from cases.firewall import world
from cases.log import BUSY
from machine import CONTROL, TREE, Failed, equal, holds, starts
from tables import table

# Each layer, and the lines of a drop-in that switch it off. Landlock is in the process, so the probe leaves it out itself.
LAYERS = {
    "landlock": ["UnsetEnvironment=PROBE_LANDLOCK"],
    "system calls": [
        "SystemCallFilter=", "SystemCallArchitectures=", "RestrictAddressFamilies=", "RestrictNamespaces=no",
        "MemoryDenyWriteExecute=no", "RestrictRealtime=no", "RestrictSUIDSGID=no", "LockPersonality=no", "ProtectClock=no",
        "ProtectKernelLogs=no", "ProtectKernelModules=no", "ProtectHostname=no",
    ],
    "own root": [
        "RootDirectory=", "BindReadOnlyPaths=", "NoExecPaths=", "ExecPaths=", "InaccessiblePaths=", "ReadOnlyPaths=",
        "ProtectSystem=no", "ProtectHome=no", "PrivateTmp=no", "PrivateDevices=no", "ProtectProc=default", "ProcSubset=all",
        "ProtectControlGroups=no", "ProtectKernelTunables=no", "ProtectKernelLogs=no", "MountAPIVFS=no",
    ],
    "no network": ["PrivateNetwork=no"],
    "no addresses": ["IPAddressDeny=", "SocketBindDeny="],
    "no privileges": ["User=root", "Group=root", "PrivateUsers=no", "NoNewPrivileges=no", "CapabilityBoundingSet=~"],
}
# What must be refused whichever layer is off: ways to other hosts, to secrets, and to change anything outside the state. Here
# and below stands only what works when no layer is on: else it would show nothing.
NEVER = [
    "network: another host", "network: another program on this host", "network: raw IP", "network: packets",
    "exec: shell", "exec: a file it wrote", "exec: a file it wrote, by the loader",
    "read: /etc/shadow", "read: /etc/credstore", "read: /proc/1/environ", "read: /var/lib/tradingbot@two/ledger.sqlite",
    "write: /etc/x", "write: /usr/bin/x", "write: /usr/bin/tradingbot, replaced", "write: /etc/tradingbot/tradingbot.toml",
    "kernel: ptrace", "kernel: process_vm_readv", "kernel: bpf", "namespaces: mount", "privileges: capset",
]
# What a layer refuses when no other is there, although the probe then runs as root or with all calls open.
ALONE = {
    "landlock": [
        "exec: shell", "exec: a file it wrote", "network: another host", "network: another program on this host",
        "network: bind, TCP", "read: /etc/shadow", "read: /root", "read: /var/lib/tradingbot@two/ledger.sqlite",
        "write: /etc/x", "write: /usr/bin/x", "write: /usr/bin/dpkg", "write: /usr/bin/tradingbot, replaced",
        "write: symlinkat", "write: mknodat",
    ],
    "system calls": [
        "network: TCP", "network: UDP", "network: raw IP", "network: packets", "network: netlink", "network: io_uring_setup",
        "network: bind, unix", "network: another host", "network: another program on this host", "exec: execveat",
        "memory: writable and executable", "memory: written, then executable", "memory: memfd_create",
        "kernel: ptrace", "kernel: process_vm_readv", "kernel: bpf", "kernel: keyctl", "kernel: perf_event_open",
        "namespaces: unshare, users", "namespaces: mount", "namespaces: setns", "namespaces: chroot", "privileges: setuid",
    ],
    "own root": [
        "exec: shell", "exec: a file it wrote", "read: /etc/shadow", "read: /etc/passwd", "read: /srv", "read: /var/log",
        "read: /sys/class/net", "read: /var/lib/tradingbot@two/ledger.sqlite", "write: /etc/x", "write: /usr/bin/x",
        "write: /usr/bin/dpkg", "write: /usr/bin/tradingbot, replaced", "network: system bus", "network: service manager",
    ],
    "no network": ["network: another host", "network: another program on this host"],
    "no addresses": ["network: another host", "network: another program on this host"],
    "no privileges": [
        "read: /etc/shadow", "read: /root", "read: /etc/credstore", "write: /etc/x", "write: /usr/bin/dpkg",
        "write: /usr/bin/tradingbot, replaced", "network: raw IP", "network: packets", "kernel: process_vm_readv",
        "privileges: setuid", "privileges: capset",
    ],
}
# What one refuses beyond that on Debian 13: `SocketBindDeny=` does nothing in a container of the tests on Debian 12.
ALONE_ON_TRIXIE = {"no addresses": ["network: bind, TCP"]}
# Why a way is refused although no layer is on. Whatever else it says has a reason of its own.
REFUSED_HERE = {
    "EAFNOSUPPORT": "the kernel of the tests has none", "ENOSYS": "the kernel of the tests has none",
    "ENOENT": "a machine of the tests has none", "ENXIO": "a machine of the tests has none",
    "EPERM": "a machine of the tests refuses it to all in it", "EACCES": "a machine of the tests refuses it to all in it",
    "EROFS": "a machine of the tests refuses it to all in it",
    "ENOSPC": "the processor of the tests has none", "EOPNOTSUPP": "the file system of the tests cannot do it",
}
REFUSED_WITH_A_REASON = {
    "memory: pkey_alloc": "the processor of the tests has no such keys",
    "kernel: reboot": "a container can only end itself",
    "namespaces: open_tree": "not from the root of a container",
    "namespaces: pivot_root": "not from the root of a container",
    "namespaces: move_mount": "needs what the one before it would have given",
}
# The layers that the bot looks for at its start, and what a drop-in says that takes one away, with the reason it must give.
GUARDS = ["system calls", "sockets", "memory", "programs", "privileges", "own users", "network", "own root"]
TAKEN_AWAY = [
    ("SystemCallFilter=\n", "system calls", "its filter lets calls through that it does not need (memfd_create, pidfd_open)"),
    ("SystemCallFilter=@system-service\n", "system calls", "its filter lets calls through that it does not need"),
    ("RestrictAddressFamilies=\n", "sockets", "it may ask for other sockets than unix ones (IPv4, IPv6, netlink)"),
    ("RestrictAddressFamilies=AF_NETLINK\n", "sockets", "it may ask for other sockets than unix ones (netlink)"),
    ("MemoryDenyWriteExecute=no\n", "memory", "memory that was written can be run"),
    ("NoExecPaths=\nExecPaths=\n", "programs", "what it writes can be run ("),
    ("CapabilityBoundingSet=CAP_NET_ADMIN\n", "privileges", "it may have capabilities (CapBnd)"),
    ("PrivateUsers=no\n", "own users", "it shares users with the host (4294967295 of them)"),
    ("PrivateNetwork=no\n", "network", "it sees the network (cable)"),
    ("RootDirectory=\n", "own root", "it sees files of the host (/etc/passwd)"),
    ("ProtectHome=no\nBindReadOnlyPaths=/home /root\n", "own root", "it sees files of the host (/home/u)"),
    ("ProtectHome=no\nBindReadOnlyPaths=/root\n", "own root", "it sees"),
    ("ProcSubset=all\n", "own root", "it sees what the kernel says of itself"),
    ("ProtectProc=default\n", "own root", "it sees other processes"),
]
WAYS_MIN = 60
EXPOSURE_MAX = 0.2
# Units that people know.
KNOWN = ["cron.service", "dbus.service", "ssh.service", "systemd-journald.service", "systemd-logind.service"]
OURS = ["tradingbot.service", "tradingbot@two.service", "tradingbot-ledger-verify.service", "tradingbot-firewall.service"]


def case_exposure_is_at_most_0_2_booted_and_offline(m):
    m.get("/v1/status")
    rows = []
    for unit in [*OURS, *KNOWN]:
        booted = exposure(m.sh(f"systemd-analyze security --no-pager {unit}"), unit)
        gate = unit.startswith("tradingbot") and "firewall" not in unit
        rows.append([f"`{unit}`", f"{booted:.1f}"])
        if gate and booted > EXPOSURE_MAX:
            raise Failed(f"{unit}: {booted}")
    for unit in ("tradingbot.service", "tradingbot@.service", "tradingbot-ledger-verify.service"):
        path = m.sh(f"dpkg -L tradingbot | grep '/system/{unit}$'").strip()
        m.sh(f"cp {path} /tmp/{unit.replace('@.', '@two.')}")
        text = m.sh(f"systemd-analyze security --offline=true --threshold=2 --no-pager /tmp/{unit.replace('@.', '@two.')}")
        m.note(f"offline, without drop-ins: {unit}: {exposure(text, unit):.1f}")
    m.tables["exposure"] = table(["unit", "exposure, 0 to 10"], rows)
    m.note(", ".join(f"{unit.strip('`')} {value}" for unit, value in rows))


def exposure(text, unit):
    line = next((line for line in text.splitlines() if "Overall exposure level" in line), None)
    if line is None:
        raise Failed(f"{unit}: no exposure in\n{text}")
    return float(line.split(": ")[1].split()[0])


def case_its_root_holds_nothing_but_what_it_needs(m):
    m.get("/v1/status")
    pid = m.show("tradingbot.service", "MainPID")
    found = m.sh(f"cd /proc/{pid}/root && "
                 "find bin etc home lib lib64 media mnt opt root srv usr var -type f 2>/dev/null", check=False)
    written = ("var/lib/tradingbot/inputs-", "var/lib/tradingbot/ledger.sqlite", "var/lib/tradingbot/tokens.")
    files = {path for path in found.split() if not path.startswith(written)}
    equal(files, {
        "etc/tradingbot/tradingbot.toml", "usr/bin/tradingbot", "lib64/ld-linux-x86-64.so.2",
        "lib/x86_64-linux-gnu/libc.so.6", "lib/x86_64-linux-gnu/libm.so.6", "lib/x86_64-linux-gnu/libgcc_s.so.1",
    })


@starts("installed")
def case_every_library_of_the_program_is_in_its_root(m):
    needed = {line.split()[0] for line in m.sh("ldd /usr/bin/tradingbot").splitlines()}
    bound = m.show("tradingbot.service", "BindReadOnlyPaths")
    for library in needed - {"linux-vdso.so.1"}:
        holds(bound, library.rsplit("/", 1)[-1])


def case_landlock_is_in_force_and_said_so(m):
    mark = m.mark()
    m.sh("systemctl start tradingbot.service")
    m.eventually(lambda: "confined in full (landlock" in m.journal(mark), "which layers are in force")


def case_without_landlock_it_says_so_and_goes_on_on_paper(m):
    m.dropin("tradingbot.service", "no-landlock", "[Service]\nSystemCallFilter=~landlock_create_ruleset\n")
    mark = m.mark()
    equal(m.get("/v1/status", m.token)[0], 200)
    m.eventually(lambda: "not confined; not refused: files" in m.journal(mark), "a warning")
    equal(m.sh("journalctl -u tradingbot -p warning -o cat --no-pager").count("not confined"), 1, "warnings")


def case_without_landlock_where_all_is_required_it_does_not_start(m):
    m.dropin("tradingbot.service", "no-landlock", "[Service]\nSystemCallFilter=~landlock_create_ruleset\n")
    config = m.path("/etc/tradingbot/tradingbot.toml")
    config.write_text(config.read_text().replace('require = "best"', 'require = "full"'))
    mark = m.mark()
    m.fails("systemctl start tradingbot.service")
    holds(m.journal(mark), "sandbox.require is", "not confined")
    m.dropin("tradingbot.service", "no-landlock", None)
    m.sh("systemctl restart tradingbot.service")


def case_a_layer_that_a_drop_in_takes_away_is_named_and_where_all_is_required_it_does_not_start(m):
    world(m)
    m.path("/home/u").mkdir(exist_ok=True)
    config = m.path("/etc/tradingbot/tradingbot.toml")
    best, full = config.read_text(), config.read_text().replace('require = "best"', 'require = "full"')
    m.sh("systemctl stop tradingbot.socket tradingbot-control.socket tradingbot.service", check=False)
    m.sh("systemctl start tradingbot.socket tradingbot-control.socket")
    for lines, layer, why in [("", None, None), *TAKEN_AWAY]:
        m.dropin("tradingbot.service", "open", "[Service]\nRestart=no\n" + lines)
        for text in (best, full):
            config.write_text(text)
            mark = m.mark()
            if layer and text is full:
                m.fails("systemctl start tradingbot.service")
                holds(m.journal(mark), 'sandbox.require is "full", and the process is guarded from outside in part',
                      "; missing: ", f"{layer} ({why}")
                m.sh("systemctl reset-failed tradingbot.service")
                continue
            m.sh("systemctl start tradingbot.service")
            said = m.eventually(lambda mark=mark: [line for line in m.journal(mark).splitlines() if "guarded from" in line],
                                "what is around it")[0]
            if layer:
                holds(said, "guarded from outside in part: ", f"{layer} ({why}", "tradingbot doctor --sandbox")
                holds(m.sh("tradingbot doctor --sandbox 2>&1", check=False), f"{layer:<13} MISSING")
            else:
                holds(said, "guarded from outside in full: " + ", ".join(GUARDS))
            m.sh("systemctl stop tradingbot.service")


def case_the_program_asks_nothing_of_the_kernel_that_its_units_do_not_list(m):
    m.path("/etc/tradingbot/tradingbot.toml").write_text(BUSY)
    mark = m.mark()
    trace = m.out / f"{m.suite}.trace"
    with m.traced(trace):
        equal(m.get("/v1/status", m.token)[0], 200)
        m.eventually(lambda: "filled" in m.journal(mark), "a fill", 60)
        for path in ("/v1/fills", "/v1/entries", "/v1/orders", "/v1/config", "/metrics", "/v1/nowhere"):
            m.get(path, m.token)
        m.sh("runuser -u tradingbot -- tradingbot token new --name two --scope read")
        m.sh(f"tradingbot halt --reason 'a test' --socket {CONTROL}", user="olga")
        m.sh("systemctl reload tradingbot.service")
        m.sh("systemctl start tradingbot-ledger-verify.service", timeout=120)
        m.sh("systemctl restart tradingbot.service")
        m.sh("systemctl stop tradingbot.service")
    defaults = m.sh("systemd-analyze syscall-filter @default")
    for name in ("tradingbot.service", "tradingbot-ledger-verify.service"):
        unit = (TREE / "systemd" / name).read_text(encoding="utf-8")
        seen = calls.seen(trace.read_text(encoding="utf-8", errors="replace"), unit)
        listed, default = calls.listed(unit, defaults)
        m.note(f"{name}: {len(seen)} seen; listed and not seen: {' '.join(sorted(listed - seen))}")
        equal("write" in seen, True, f"calls of {name}")
        refused = ["memfd_create", "pidfd_open"] if name == "tradingbot.service" else []
        equal(sorted(seen - listed - default), refused, f"calls of {name} that are not listed, but those made to be refused")


@starts("installed")
def case_every_way_out_is_refused_and_no_layer_stands_alone(m):
    prepare(m)
    open_ways = probe(m, list(LAYERS), bare=True)
    m.sh("systemctl unmask tradingbot-firewall.service")
    seen = {"": probe(m, [])}
    for layer in LAYERS:
        seen[layer] = probe(m, [layer])
    ways = list(seen[""])
    m.note(f"{len(ways)} ways out tried")
    names = [f"without {name}".replace("without no ", "with ") for name in LAYERS]
    m.tables["ways out"] = ways_table(seen, open_ways, ["all on", *names])
    for layer, answers in seen.items():
        worked = [way for way, why in answers.items() if why == "worked"]
        m.note(f"{'without ' + layer if layer else 'with all'}: {len(ways) - len(worked)} refused" +
               (f"; worked: {', '.join(worked)}" if worked else ""))
        equal(worked if not layer else [way for way in worked if way in NEVER], [], f"ways out without {layer or 'nothing'}")
    shown = [way for way in ways if open_ways[way] == "worked"]
    if len(shown) < WAYS_MIN:
        raise Failed(f"only {len(shown)} ways out work when no layer is on")
    equal([way for way in NEVER if way not in shown], [], "ways that show nothing")


@starts("installed")
def case_each_layer_alone_refuses_what_it_is_there_for(m):
    prepare(m)
    open_ways = probe(m, list(LAYERS), bare=True)
    seen = {}
    for layer in LAYERS:
        seen[layer] = probe(m, [other for other in LAYERS if other != layer], bare=True)
    shown = [way for way, why in open_ways.items() if why == "worked"]
    m.note(f"{len(shown)} of {len(open_ways)} work with none on; not shown: " +
           ", ".join(f"{way} ({why})" for way, why in open_ways.items() if why != "worked"))
    m.tables["layers alone"] = ways_table({"": open_ways, **seen}, open_ways, ["none on", *(f"{name} alone" for name in LAYERS)])
    faults = []
    for layer, answers in seen.items():
        claimed = ALONE[layer] + (ALONE_ON_TRIXIE.get(layer, []) if m.suite == "trixie" else [])
        m.note(f"{layer} alone: {sum(answers[way] != 'worked' for way in shown)} of {len(shown)} refused")
        faults += [f"{layer}: {way}: it does not work with none on" for way in claimed if way not in shown]
        faults += [f"{layer}: {way}: it works" for way in claimed if answers.get(way) == "worked"]
    equal(faults, [], "what a layer is said to refuse alone")


def prepare(m):
    """The probe in the place of the bot, secrets to look for, a second bot's state, and somebody at the end of each way."""
    m.sh("systemctl start tradingbot.service && systemctl stop tradingbot.socket tradingbot-control.socket tradingbot.service")
    m.sh("mkdir -p /etc/credstore && chmod 700 /etc/credstore && cp -a /var/lib/tradingbot /var/lib/tradingbot@two && "
         "test -s /var/lib/tradingbot@two/ledger.sqlite")
    m.path("/usr/bin/tradingbot").write_bytes(m.probe())
    world(m)
    listen = "systemd-run --quiet --property=Type=exec"
    m.sh(f"{listen} systemd-socket-activate --accept -l 127.0.0.1:9001 cat")
    m.sh(f"{listen} ip netns exec world systemd-socket-activate --accept -l 10.9.0.2:443 cat")
    m.eventually(lambda: ":9001 " in m.sh("ss -Hltn"), "a listener on this host")
    m.eventually(lambda: ":443 " in m.sh("ip netns exec world ss -Hltn"), "a listener on another host")
    m.sh("sysctl --quiet --write net.ipv4.ping_group_range='0 2147483647'")
    m.sh("systemctl mask --quiet --now tradingbot-firewall.service")


def probe(m, off, bare=False):
    """What became of each way out, with some layers off: `worked`, or why it was refused. A bare one has no limits either."""
    lines = [line for layer in off for line in LAYERS[layer]] + (["LimitMEMLOCK=infinity"] if bare else [])
    text = "\n".join(["[Service]", "Restart=no", "Environment=PROBE_LANDLOCK=1", *lines, ""])
    m.dropin("tradingbot.service", "probe", text)
    # What the slice says of addresses counts for all in it.
    m.dropin("tradingbot.slice", "probe", "[Slice]\nIPAddressDeny=\n" if "no addresses" in off else None)
    m.sh("rm -f /var/lib/tradingbot/probe.txt; systemctl start tradingbot.service; systemctl stop tradingbot.service")
    lines = m.path("/var/lib/tradingbot/probe.txt").read_text().splitlines()
    equal(lines[-1], "end", f"last line of the probe without {off}")
    m.sh("chown -R tradingbot: /var/lib/tradingbot; systemctl reset-failed", check=False)
    answers = {}
    for line in lines[:-1]:
        way, answer = line.rsplit(": ", 1)
        while way in answers:
            way += "'"
        answers[way] = "worked" if answer == "WORKED" else answer.removeprefix("refused (").removesuffix(")")
    return answers


def ways_table(seen, open_ways, names):
    """A row for each way out. What no layer refuses here, because it is refused without one, is marked: it shows nothing."""
    rows, shown, silent = [], [way for way, why in open_ways.items() if why == "worked"], []
    for way, why in open_ways.items():
        cells = ["**worked**" if answers[way] == "worked" else answers[way] for answers in seen.values()]
        if way not in shown:
            reason = REFUSED_WITH_A_REASON.get(way) or REFUSED_HERE.get(why)
            if reason is None:
                silent.append(f"{way}: {why}")
            way += f" (not shown here: {reason})"
        rows.append([way.replace("|", "/"), *cells])
    equal(silent, [], "ways that are refused with none on, and nothing says why")
    counts = [f"{sum(answers[way] != 'worked' for way in shown)} of {len(shown)}" for answers in seen.values()]
    return table(["way out", *names], [["refused, of those that are shown", *counts], *rows])

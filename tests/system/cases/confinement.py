"""What the service cannot do, tried from its own place."""

import calls
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
    "no network": ["PrivateNetwork=no", "IPAddressDeny="],
    "no privileges": ["User=root", "Group=root", "PrivateUsers=no", "NoNewPrivileges=no", "CapabilityBoundingSet=~"],
}
# What must be refused whichever layer is off: ways to other hosts, to secrets, and to change anything outside the state.
NEVER = [
    "network: another host", "network: the API on this host", "network: raw IP", "network: packets",
    "exec: shell", "exec: a file it wrote", "exec: a file it wrote, by the loader",
    "read: /etc/shadow", "read: /etc/credstore", "read: /proc/1/environ", "read: /dev/mem", "read: /dev/vda",
    "write: /etc/x", "write: /usr/bin/x", "write: /usr/bin/tradingbot", "write: /etc/tradingbot/tradingbot.toml",
    "kernel: ptrace", "kernel: init_module", "kernel: reboot", "kernel: bpf", "kernel: clock_settime",
    "namespaces: mount", "privileges: capset",
]
# What a layer refuses when no other is there, although the probe then runs as root or with all calls open.
ALONE = {
    "landlock": [
        "exec: shell", "exec: a file it wrote", "network: another host", "network: the API on this host", "read: /etc/shadow",
        "read: /root", "write: /etc/x", "write: /usr/bin/x", "write: /usr/bin/tradingbot", "write: symlinkat", "write: mknodat",
    ],
    "system calls": [
        "network: TCP", "network: UDP", "network: raw IP", "network: packets", "network: netlink", "network: io_uring_setup", "network: bind, unix",
        "exec: execveat", "memory: writable and executable", "memory: written, then executable", "memory: memfd_create",
        "kernel: ptrace", "kernel: bpf", "kernel: init_module", "kernel: keyctl", "kernel: perf_event_open",
        "kernel: clock_settime", "namespaces: unshare, users", "namespaces: mount", "namespaces: setns", "privileges: setuid",
    ],
    "own root": [
        "exec: shell", "exec: a file it wrote", "read: /etc/shadow", "read: /etc/passwd", "read: /srv", "read: /var/log",
        "read: /sys/class/net", "read: /dev/mem", "write: /etc/x", "write: /usr/bin/x", "write: /usr/bin/tradingbot",
        "network: system bus", "network: service manager",
    ],
    "no network": ["network: another host", "network: the API on this host"],
    "no privileges": [
        "read: /etc/shadow", "read: /root", "read: /etc/credstore", "write: /etc/x", "write: /usr/bin/tradingbot",
        "network: raw IP", "network: packets", "kernel: init_module", "kernel: reboot", "kernel: clock_settime",
        "privileges: setuid", "privileges: capset",
    ],
}
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
        equal(sorted(seen - listed - default), [], f"calls of {name} that are not listed")


@starts("installed")
def case_every_way_out_is_refused_and_no_layer_stands_alone(m):
    prepare(m)
    seen = {"": probe(m, [])}
    for layer in LAYERS:
        seen[layer] = probe(m, [layer])
    ways = list(seen[""])
    m.note(f"{len(ways)} ways out tried")
    m.tables["ways out"] = ways_table(seen, "all on", [f"without {name}".replace("without no ", "with ") for name in LAYERS])
    for layer, answers in seen.items():
        worked = [way for way, why in answers.items() if why == "worked"]
        m.note(f"{'without ' + layer if layer else 'with all'}: {len(ways) - len(worked)} refused" +
               (f"; worked: {', '.join(worked)}" if worked else ""))
        equal(worked if not layer else [way for way in worked if way in NEVER], [], f"ways out without {layer or 'nothing'}")
    if len(ways) < WAYS_MIN:
        raise Failed(f"only {len(ways)} ways out were tried")
    equal([way for way in NEVER if way not in ways], [], "ways that are not tried")


@starts("installed")
def case_each_layer_alone_refuses_what_it_is_there_for(m):
    prepare(m)
    seen = {"": probe(m, list(LAYERS))}
    for layer in LAYERS:
        seen[layer] = probe(m, [other for other in LAYERS if other != layer])
    m.tables["layers alone"] = ways_table(seen, "none on", [f"{name} alone" for name in LAYERS])
    for layer, answers in seen.items():
        worked = sum(why == "worked" for why in answers.values())
        m.note(f"{layer or 'none'} alone: {len(answers) - worked} of {len(answers)} refused")
    for layer, claimed in ALONE.items():
        equal([way for way in claimed if seen[layer].get(way, "not tried") in ("worked", "not tried")], [],
              f"ways out with {layer} alone")


def prepare(m):
    """The probe in the place of the bot, secrets to look for, and a second bot's state."""
    m.sh("mkdir -p /etc/credstore && chmod 700 /etc/credstore && cp -r /var/lib/tradingbot /var/lib/tradingbot@two")
    m.path("/usr/bin/tradingbot").write_bytes(m.probe())


def probe(m, off):
    """What became of each way out, with some layers off: `worked`, or why it was refused."""
    lines = [line for layer in off for line in LAYERS[layer]]
    text = "\n".join(["[Service]", "Restart=no", "Environment=PROBE_LANDLOCK=1", *lines, ""])
    m.dropin("tradingbot.service", "probe", text)
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


def ways_table(seen, first, names):
    rows = []
    for way in seen[""]:
        cells = [answers.get(way, "-") for answers in seen.values()]
        rows.append([way.replace("|", "/"), *("**worked**" if cell == "worked" else cell for cell in cells)])
    total = ["refused", *(f"{sum(why != 'worked' for why in answers.values())} of {len(answers)}" for answers in seen.values())]
    return table(["way out", first, *names], [total, *rows])

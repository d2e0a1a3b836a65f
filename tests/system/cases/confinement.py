"""What the service cannot do, tried from its own place."""

import collections

from machine import Failed, equal, holds

# Each layer alone switched off, by what a drop-in says. Landlock is in the process, so the probe leaves it out itself.
LAYERS = {
    "none": "",
    "landlock": "UnsetEnvironment=PROBE_LANDLOCK\n",
    "system calls": "SystemCallFilter=\nSystemCallArchitectures=\nRestrictAddressFamilies=\nRestrictNamespaces=no\n"
                    "MemoryDenyWriteExecute=no\nRestrictRealtime=no\nRestrictSUIDSGID=no\nLockPersonality=no\n"
                    "ProtectClock=no\nProtectKernelLogs=no\nProtectKernelModules=no\nProtectHostname=no\n"
                    "PrivateDevices=no\nProtectKernelTunables=no\n",
    "own root": "RootDirectory=\nBindReadOnlyPaths=\nNoExecPaths=\nExecPaths=\nInaccessiblePaths=\nReadOnlyPaths=\nProtectSystem=no\nProtectHome=no\n"
                "PrivateTmp=no\nPrivateDevices=no\nProtectProc=default\nProcSubset=all\nProtectControlGroups=no\n"
                "ProtectKernelTunables=no\nProtectKernelLogs=no\nMountAPIVFS=no\n",
    "no network": "PrivateNetwork=no\nIPAddressDeny=\n",
    "no privileges": "User=root\nGroup=root\nPrivateUsers=no\nNoNewPrivileges=no\n"
                     "CapabilityBoundingSet=~\n",
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


def case_exposure_is_at_most_0_2(m):
    for unit in ("tradingbot.service", "tradingbot@two.service", "tradingbot-ledger-verify.service"):
        text = m.sh(f"systemd-analyze security --threshold=2 --no-pager {unit}")
        m.note(next(line for line in text.splitlines() if "Overall exposure" in line).strip("→ "))
    path = m.sh("systemctl show --value --property=FragmentPath tradingbot.service").strip()
    m.sh(f"systemd-analyze security --offline=true --threshold=2 --no-pager {path}")
    known = m.sh("systemd-analyze security --no-pager").splitlines()
    m.note("beside: " + ", ".join(f"{line.split()[0]} {line.split()[1]}" for line in known if line.startswith(("dbus", "systemd-"))))


def case_its_root_holds_nothing_but_what_it_needs(m):
    m.get("/v1/status")
    pid = m.show("tradingbot.service", "MainPID")
    found = m.sh(f"cd /proc/{pid}/root && "
                 "find bin etc home lib lib64 media mnt opt root srv usr var -type f 2>/dev/null", check=False)
    written = ("var/lib/tradingbot/inputs-", "var/lib/tradingbot/ledger.sqlite")
    files = {path for path in found.split() if not path.startswith(written)}
    equal(files, {
        "etc/tradingbot/tradingbot.toml", "etc/tradingbot/two.toml", "usr/bin/tradingbot", "lib64/ld-linux-x86-64.so.2",
        "lib/x86_64-linux-gnu/libc.so.6", "lib/x86_64-linux-gnu/libm.so.6", "lib/x86_64-linux-gnu/libgcc_s.so.1",
        "var/lib/tradingbot/tokens.json",
    })


def case_every_library_of_the_program_is_in_its_root(m):
    needed = {line.split()[0] for line in m.sh("ldd /usr/bin/tradingbot").splitlines()}
    bound = m.show("tradingbot.service", "BindReadOnlyPaths")
    for library in needed - {"linux-vdso.so.1"}:
        holds(bound, library.rsplit("/", 1)[-1])


def case_landlock_is_in_force_and_said_so(m):
    mark = m.mark()
    m.sh("systemctl restart tradingbot.service")
    holds(m.journal(mark), "confined in full (landlock")


def case_without_landlock_it_says_so_and_where_all_is_required_it_does_not_start(m):
    m.dropin("tradingbot.service", "no-landlock", "[Service]\nSystemCallFilter=~landlock_create_ruleset\n")
    mark = m.mark()
    m.sh("systemctl restart tradingbot.service")
    m.eventually(lambda: "not confined; not refused: files" in m.journal(mark), "a warning")
    config = m.path("/etc/tradingbot/tradingbot.toml")
    whole = config.read_text()
    config.write_text(whole.replace('require = "best"', 'require = "full"'))
    mark = m.mark()
    m.fails("systemctl restart tradingbot.service")
    holds(m.journal(mark), "sandbox.require is", "not confined")
    config.write_text(whole)
    m.dropin("tradingbot.service", "no-landlock", None)
    m.sh("systemctl restart tradingbot.service")


def case_every_way_out_is_refused_and_no_layer_stands_alone(m):
    m.sh("cp /usr/bin/tradingbot /usr/bin/tradingbot.whole")
    m.sh("mkdir -p /etc/credstore && chmod 700 /etc/credstore")
    m.path("/srv/probe").write_bytes((m.out.parent / "package" / "probe").read_bytes())
    m.sh("systemctl stop tradingbot.service")
    m.sh("install -m 0755 /srv/probe /usr/bin/tradingbot")
    worked = {}
    try:
        for layer, text in LAYERS.items():
            m.dropin("tradingbot.service", "probe", f"[Service]\nRestart=no\nEnvironment=PROBE_LANDLOCK=1\n{text}")
            m.sh("rm -f /var/lib/tradingbot/probe.txt; systemctl start tradingbot.service; "
                 "systemctl stop tradingbot.service")
            lines = m.path("/var/lib/tradingbot/probe.txt").read_text().splitlines()
            equal(lines[-1], "end", f"last line of the probe without {layer}")
            worked[layer] = [line.removesuffix(": WORKED") for line in lines if line.endswith(": WORKED")]
            tried = len(lines) - 1
    finally:
        m.dropin("tradingbot.service", "probe", None)
        m.sh("mv /usr/bin/tradingbot.whole /usr/bin/tradingbot; rm -f /var/lib/tradingbot/probe.txt")
        m.sh("chown -R tradingbot: /var/lib/tradingbot; systemctl reset-failed", check=False)
    m.note(f"{tried} ways out tried")
    for layer, ways in worked.items():
        groups = collections.Counter(way.split(":")[0] for way in ways)
        m.note(f"layer off: {layer}: {tried - len(ways)} refused" + (f"; worked: {dict(groups)}" if ways else ""))
        m.note("    " + "; ".join(ways)) if ways else None
    equal(worked["none"], [], "ways out")
    if tried < 60:
        raise Failed(f"only {tried} ways out were tried")
    for layer, ways in worked.items():
        equal([way for way in ways if way in NEVER], [], f"ways out without {layer}")

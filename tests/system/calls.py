"""What a program asks of the kernel, beside what its unit lets it ask."""

import re

PROGRAM = "/usr/bin/tradingbot"
CALL = re.compile(r"^(\d+) +(?:<\.\.\. )?(\w+)(?:\(| resumed>)")
# In a process namespace of its own, strace says both numbers.
FORK = re.compile(r"^\d+ +(?:<\.\.\. )?(?:clone|clone3|fork|vfork)\b.* = (\d+)(?: /\* (\d+) in strace's PID NS \*/)?$")


def seen(trace, unit):
    """The names of the calls of every process that has become the program, as the unit starts it, and of its threads.

    `trace` is the output of strace with --follow-forks and --pidns-translation. Calls count from the program's execve on.
    """
    argument = re.search(r"^ExecStart=\S+ (\w+)", unit, re.MULTILINE).group(1)
    ours, names = set(), set()
    for line in trace.splitlines():
        call = CALL.match(line)
        if not call:
            continue
        process, name = call.groups()
        if name == "execve" and f'"{PROGRAM}", ["{PROGRAM}", "{argument}"' in line:
            ours.add(process)
            continue
        if process in ours:
            names.add(name)
            fork = FORK.match(line)
            if fork:
                ours.add(fork.group(2) or fork.group(1))
            if name == "exit_group":
                ours.discard(process)
    return names - {"execve"}


def listed(unit, defaults):
    """The names in the unit's lines, and those that `systemd-analyze syscall-filter @default` prints."""
    names = set()
    for value in re.findall(r"^SystemCallFilter=(.*)$", unit, re.MULTILINE):
        names |= set(value.split())
    return names - {"@default"}, {line.strip() for line in defaults.splitlines() if re.fullmatch(r"\s+[a-z]\w*", line)}

"""Runs the cases on each release, and says at the end how many passed and failed."""

import importlib
import os
import shutil
import subprocess
import sys
import time
import traceback
from pathlib import Path

from machine import Failed, Machine
from roots import root_of

AREAS = ["install", "service", "confinement", "firewall", "trouble", "log", "upgrade", "remove"]
SUITES = ["bookworm", "trixie"]
TREE = Path(__file__).resolve().parents[2]
OUT = TREE / "target" / "system"


def main(arguments):
    names = []
    if "--" in arguments:
        cut = arguments.index("--")
        arguments, names = arguments[:cut], arguments[cut + 1:]
    keep = "--keep" in arguments
    suites = [name for name in arguments if name != "--keep"] or SUITES
    unknown = [name for name in suites if name not in SUITES]
    if unknown:
        sys.exit(f"no such release: {', '.join(unknown)}")
    if os.geteuid() != 0:
        sys.exit("only root can boot a machine")
    repositories()
    passed = failed = 0
    for suite in suites:
        started = time.monotonic()
        try:
            with Machine(suite, root_of(suite), OUT, keep) as machine:
                print(f"{suite}: booted in {time.monotonic() - started:.1f} s, {machine.version()}", flush=True)
                for case in cases(names):
                    if run(machine, case):
                        passed += 1
                    else:
                        failed += 1
        except Failed as error:
            print(f"{suite}: FAILED, there is no machine: {error}", flush=True)
            failed += 1
        print(f"{suite}: {time.monotonic() - started:.0f} s", flush=True)
    print(f"\n{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def cases(names):
    """Functions whose names begin with `case_`, in the order in which they stand: each finds what the ones before left."""
    for area in AREAS:
        module = importlib.import_module(f"cases.{area}")
        for name, value in vars(module).items():
            if name.startswith("case_") and (not names or any(part in name for part in names) or area == "install"):
                yield value


def run(machine, case):
    name = case.__name__.removeprefix("case_").replace("_", " ")
    started = time.monotonic()
    machine.notes.clear()
    try:
        case(machine)
        verdict = "ok"
    except (Failed, LookupError, ValueError, subprocess.TimeoutExpired, OSError) as error:
        verdict = "FAILED"
        frame = traceback.extract_tb(error.__traceback__)
        line = next(entry for entry in reversed(frame) if "/cases/" in entry.filename)
        reason = f"{Path(line.filename).name}:{line.lineno}: {line.line}\n{error}"
    seconds = time.monotonic() - started
    print(f"{machine.suite}: {name} ... {verdict} ({seconds:.1f} s)", flush=True)
    for note in machine.notes:
        print(f"    {note}", flush=True)
    if verdict == "FAILED":
        story = machine.sh("journalctl -u 'tradingbot*' -n 15 -o short-precise --no-pager", check=False)
        print("\n".join("    | " + text for text in (reason + "\n-- journal\n" + story).splitlines()), flush=True)
    return verdict == "ok"


def repositories():
    """The package in one signed repository, and in another, with the same key, the same package of a later version."""
    OUT.mkdir(parents=True, exist_ok=True)
    home = OUT / "key"
    later = OUT / "later"
    shutil.rmtree(later, ignore_errors=True)
    for package in sorted((TREE / "target" / "deb").glob("*/*.deb")):
        raw = OUT / "raw"
        shutil.rmtree(raw, ignore_errors=True)
        subprocess.run(["dpkg-deb", "--raw-extract", package, raw], check=True)
        control = raw / "DEBIAN" / "control"
        text = control.read_text()
        control.write_text(text.replace("\nVersion: 0.1.0", "\nVersion: 0.1.0.1", 1))
        (later / package.parent.name).mkdir(parents=True)
        target = later / package.parent.name / package.name.replace("_0.1.0", "_0.1.0.1")
        subprocess.run(["dpkg-deb", "--root-owner-group", "--build", raw, target], check=True, stdout=subprocess.DEVNULL)
        shutil.rmtree(raw)
    make = TREE / "packaging" / "make-repo"
    for name, packages in [("first", TREE / "target" / "deb"), ("second", later)]:
        command = [make, OUT / name, "--packages", packages, "--key-home", home, "--uri", "file:/srv/tradingbot"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

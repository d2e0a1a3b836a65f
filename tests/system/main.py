"""Runs the cases on each release, both side by side, and says at the end how many passed and failed."""

import importlib
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import time
import traceback
from pathlib import Path

from machine import TREE, Failed, Machine
from roots import root_of
from tables import write_docs

AREAS = [
    "install", "service", "sockets", "confinement", "credentials", "firewall", "commands", "trouble", "log", "upgrade",
    "remove",
]
# Only when they are named: what takes long or measures.
ASKED_FOR = ["figures", "twice"]
SUITES = ["bookworm", "trixie"]
OUT = TREE / "target" / "system"


def main(arguments):
    docs = "--write-docs" in arguments
    words = [word for word in arguments if word != "--write-docs"]
    unknown = [word for word in words if word.startswith("-")]
    if unknown:
        sys.exit(f"no such option: {', '.join(unknown)}")
    suites = [word for word in words if word in SUITES] or SUITES
    names = [word for word in words if word not in SUITES]
    if os.geteuid() != 0:
        sys.exit("only root can boot a machine")
    os.umask(0o022)
    started = time.monotonic()
    repositories()
    print(f"two repositories made in {time.monotonic() - started:.1f} s", flush=True)
    lock, results = multiprocessing.Lock(), multiprocessing.SimpleQueue()
    workers = [multiprocessing.Process(target=work, args=(suite, names, lock, results)) for suite in suites]
    # Side by side, but what measures is left alone.
    at_once = 1 if set(names) & set(ASKED_FOR) else len(workers)
    for first in range(0, len(workers), at_once):
        for worker in workers[first:first + at_once]:
            worker.start()
        for worker in workers[first:first + at_once]:
            worker.join()
    passed, broken = 0, [f"{suite}: it ended with {w.exitcode}" for suite, w in zip(suites, workers) if w.exitcode]
    while not results.empty():
        good, bad = results.get()
        passed, broken = passed + good, broken + bad
    print("".join(f"\nFAILED {name}" for name in broken))
    print(f"{passed} passed, {len(broken)} failed, {time.monotonic() - started:.0f} s")
    if docs and not broken:
        write_docs(TREE, OUT, suites)
    return 1 if broken or not passed else 0


def work(suite, names, lock, results):
    """All cases on one release."""

    def say(text):
        with lock:
            print(text, flush=True)

    started = time.monotonic()
    passed, failed = 0, []
    try:
        with Machine(suite, root_of(suite), OUT) as machine:
            for case in cases(names):
                # Each has a clean machine: what one leaves behind is nothing to the next.
                machine.start(getattr(case, "state", "ready"))
                good, text = run(machine, case)
                say(text)
                if good:
                    passed += 1
                else:
                    failed.append(f"{suite}: {title(case)}")
            say(f"{suite}: {passed} passed, {len(failed)} failed, {machine.version}, {time.monotonic() - started:.0f} s")
            tables = OUT / f"{suite}.tables.json"
            tables.write_text(json.dumps(machine.tables), encoding="utf-8")
    except Failed as error:
        say(f"{suite}: FAILED, there is no machine: {error}")
        failed.append(f"{suite}: there is no machine")
    results.put((passed, failed))


def title(case):
    return case.__name__.removeprefix("case_").replace("_", " ")


def cases(names):
    """Functions whose names begin with `case_`, in the order in which they stand; `names` are areas or parts of names."""
    for area in AREAS + ASKED_FOR:
        module = importlib.import_module(f"cases.{area}")
        for name, value in list(vars(module).items()):
            if not name.startswith("case_"):
                continue
            if area in names or any(word.replace(" ", "_") in name for word in names) or not (names or area in ASKED_FOR):
                yield value


def run(machine, case):
    """Runs a case: whether it passed, and what to say; why it failed comes with the end of the journal."""
    started = time.monotonic()
    machine.notes.clear()
    reason = None
    try:
        case(machine)
    except Exception as error:  # whatever it is, the case failed
        frame = traceback.extract_tb(error.__traceback__)
        line = next((entry for entry in reversed(frame) if "/cases/" in entry.filename), frame[-1])
        reason = f"{Path(line.filename).name}:{line.lineno}: {line.line}\n{type(error).__name__}: {error}"
    seconds = time.monotonic() - started
    lines = [f"{machine.suite}: {title(case)} ... " + (f"ok ({seconds:.1f} s)" if reason is None else "FAILED")]
    lines += [f"    {note}" for note in machine.notes]
    if reason is not None:
        try:
            story = machine.sh("journalctl -u 'tradingbot*' -n 25 -o short-precise --no-pager", check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            story = f"there is none: {error}"
        lines += ["    | " + text for text in f"{reason}\n-- the end of the journal\n{story}".splitlines()]
    return reason is None, "\n".join(lines)


def repositories():
    """The package in one signed repository, with the same key the same package of a later version in another, and both in one."""
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
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "--build", raw, target], check=True,
                       stdout=subprocess.DEVNULL)
        shutil.rmtree(raw)
    make = TREE / "packaging" / "make-repo"
    for name in ("first", "second", "both"):
        shutil.rmtree(OUT / name, ignore_errors=True)
    for name, packages in [("first", TREE / "target" / "deb"), ("second", later), ("both", TREE / "target" / "deb"), ("both", later)]:
        command = [make, OUT / name, "--packages", packages, "--key-home", home, "--uri", "file:/srv/tradingbot"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""A booted Debian: systemd as its first process, a network namespace of its own, and ways to act in it."""

import ctypes
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

API = ("127.0.0.1", 8080)
CONTROL = "/run/tradingbot/control.sock"
# Beyond what nspawn lets through by itself, so that what refuses a call is the unit and not nspawn.
CALLS = "landlock_create_ruleset landlock_add_rule landlock_restrict_self @keyring bpf perf_event_open userfaultfd"


class Failed(Exception):
    """A case did not find what it looked for."""


class Machine:
    """One booted system, from an archive of its root file system."""

    def __init__(self, suite, archive, out, keep):
        self.suite = suite
        self.archive = archive
        self.out = out
        self.keep = keep
        self.root = out / suite
        self.notes = []
        self.token = None
        self.nspawn = None
        self.leader = None
        self.cgroup = f"tradingbot-test-{suite}-{os.getpid()}"

    def __enter__(self):
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True)
        subprocess.run(["tar", "-xf", self.archive, "-C", self.root, "--numeric-owner"], check=True)
        for path in self.root.glob("etc/apt/sources.list*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        (self.root / "etc/apt/sources.list.d").mkdir()
        shutil.copytree(self.out / "first", self.root / "srv/tradingbot")
        shutil.copytree(self.out / "second", self.root / "srv/second")
        (self.root / "etc/hostname").write_text(f"{self.suite}\n")
        self.boot()
        return self

    def __exit__(self, *_):
        self.halt()
        if not self.keep:
            shutil.rmtree(self.root, ignore_errors=True)

    def boot(self):
        """Starts it and waits until it is up."""
        command = [
            "systemd-nspawn", "--quiet", f"--directory={self.root}", "--boot", "--private-network", "--register=no",
            f"--machine={self.cgroup}", "--link-journal=no", f"--system-call-filter={CALLS}",
        ]
        managed = Path("/run/systemd/system").is_dir()
        if not managed:
            command.append("--keep-unit")
        log = open(self.out / f"{self.suite}.console", "wb")
        self.nspawn = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            preexec_fn=None if managed else self.enter_cgroup,
        )
        log.close()

        def up():
            if self.nspawn.poll() is not None:
                raise Failed(f"it does not boot:\n{(self.out / f'{self.suite}.console').read_text()[-2000:]}")
            children = Path(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children").read_text().split()
            self.leader = children[0] if children else None
            return self.leader and Path(f"/proc/{self.leader}/root/run/systemd/private").exists()

        self.eventually(up, "it comes up", 60)
        state = self.sh("systemctl is-system-running --wait", check=False, timeout=120).strip()
        if state != "running":
            raise Failed(f"it is up and {state}:\n{self.sh('systemctl --failed --no-pager', check=False)}")

    def halt(self):
        """Ends it; only processes that it started are touched."""
        if self.nspawn is None:
            return
        if self.nspawn.poll() is None:
            # SIGTERM asks the system in it to power off.
            self.nspawn.send_signal(signal.SIGTERM)
            try:
                self.nspawn.wait(30)
            except subprocess.TimeoutExpired:
                self.nspawn.kill()
                self.nspawn.wait()
        for hierarchy in self.hierarchies():
            for folder in sorted((hierarchy / self.cgroup).glob("**/"), reverse=True):
                folder.rmdir()

    @staticmethod
    def hierarchies():
        """Where control groups are mounted; several where the old kind is in use."""
        return [Path(line.split()[1]) for line in Path("/proc/mounts").read_text().splitlines()
                if line.split()[2] in ("cgroup", "cgroup2")]

    def enter_cgroup(self):
        """Where no service manager gives it a control group, it gets one here: two machines must not share one."""
        for hierarchy in self.hierarchies():
            group = hierarchy / self.cgroup
            group.mkdir(exist_ok=True)
            for name in ("cpuset.cpus", "cpuset.mems"):
                if (hierarchy / name).exists():
                    (group / name).write_text((hierarchy / name).read_text())
            (group / "cgroup.procs").write_text(str(os.getpid()))

    def sh(self, script, check=True, timeout=60, user=None):
        """Runs a shell script in it and returns what it says; a failure of it fails the case, unless `check` is false."""
        command = ["nsenter", f"--target={self.leader}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup",
                   "--root", "--wd", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8",
                   "DEBIAN_FRONTEND=noninteractive"]
        if user:
            command += ["setpriv", "--reuid", user, "--regid", user, "--init-groups"]
        command += ["timeout", "--kill-after=5", str(timeout), "sh", "-c", script]
        result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True, timeout=timeout + 10, check=False)
        if check and result.returncode != 0:
            raise Failed(f"`{script}` ended with {result.returncode}:\n{result.stdout[-3000:]}")
        return result.stdout

    def fails(self, script, user=None):
        """Runs a script that must fail, and returns what it says."""
        text = self.sh(f"if {script}; then echo IT WORKED; fi", user=user)
        if "IT WORKED" in text:
            raise Failed(f"`{script}` worked:\n{text}")
        return text

    def version(self):
        """Which systemd and which kernel."""
        return f"{self.sh('systemctl --version').splitlines()[0]}, Linux {os.uname().release}"

    def show(self, unit, name):
        """A property of a unit."""
        return self.sh(f"systemctl show --value --property={name} '{unit}'").strip()

    def state(self, unit):
        """`active`, `inactive`, `failed` and so on."""
        return self.show(unit, "ActiveState")

    def path(self, inside):
        """The path on this host of a path in it, as its first process sees it."""
        return Path(f"/proc/{self.leader}/root{inside}")

    def write(self, inside, text):
        """Writes a file in it, with the folders above."""
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def dropin(self, unit, name, text):
        """Gives a unit a drop-in that is gone with the next boot, or takes it away when there is no text."""
        path = f"/run/systemd/system/{unit}.d/{name}.conf"
        if text is None:
            self.path(path).unlink(missing_ok=True)
        else:
            self.write(path, text)
        self.sh("systemctl daemon-reload")

    def journal(self, since, unit="tradingbot.service"):
        """What `journalctl -u` shows from a point on, which `mark` gave."""
        return self.sh(f"journalctl -u {unit} -o cat --no-pager --after-cursor='{since}'", check=False)

    def mark(self):
        """A point in the journal."""
        return self.sh("journalctl -n 1 --show-cursor -o cat --no-pager | sed -n 's/^-- cursor: //p'").strip()

    def eventually(self, look, what, seconds=20):
        """Looks again and again until there is something to see, and returns it."""
        until = time.monotonic() + seconds
        while True:
            seen = look()
            if seen:
                return seen
            if time.monotonic() > until:
                raise Failed(f"not within {seconds} s: {what}; last seen: {seen!r}")
            time.sleep(0.05)

    def inside(self, act):
        """Calls `act` in the machine's network, from a thread of its own that stays behind there."""
        box = {}

        def enter():
            try:
                with open(f"/proc/{self.leader}/ns/net", "rb") as namespace:
                    if LIBC.setns(namespace.fileno(), CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), "setns")
                box["value"] = act()
            except BaseException as error:  # handed over to who waits
                box["error"] = error

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        if "error" in box:
            raise box["error"]
        return box["value"]

    def get(self, path, token=None, timeout=15):
        """Asks the API over TCP: status, headers, body."""

        def ask():
            connection = http.client.HTTPConnection(*API, timeout=timeout)
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            return answer.status, answer.headers, body

        return self.inside(ask)

    def status(self, path=CONTROL):
        """What the control socket says about the bot."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(30)
            control.connect(str(self.path(path)))
            control.sendall(b"GET /v1/status HTTP/1.1\r\nHost: bot\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: control.recv(65_536), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n")[0]:
            raise Failed(answer.decode())
        return json.loads(body)

    def note(self, text):
        """Says something beside the verdict: a figure, a table."""
        self.notes.append(text)


def equal(seen, wanted, what=""):
    """Fails unless the two are equal."""
    if seen != wanted:
        raise Failed(f"{what}: {seen!r}, not {wanted!r}")


def holds(text, *parts):
    """Fails unless every part is in the text."""
    for part in parts:
        if part not in text:
            raise Failed(f"\"{part}\" is not in:\n{text}")


LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x4000_0000

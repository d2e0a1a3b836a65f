"""A booted Debian: systemd as its first process, a network namespace of its own, and ways to act in it."""

import contextlib
import ctypes
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
API = ("127.0.0.1", 8080)
CONTROL = "/run/tradingbot/control.sock"
# Beyond what nspawn lets through by itself, so that what refuses a call is the unit and not nspawn.
CALLS = "landlock_create_ruleset landlock_add_rule landlock_restrict_self @keyring bpf perf_event_open userfaultfd " \
        "fanotify_init memfd_secret modify_ldt pkey_alloc pidfd_getfd"


# Seizes a thread and stops it (ptrace(2)), for as long as this runs; reaps it, so that its parent hears of its end.
FREEZE = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
for request in 0x4206, 0x4207:
    if libc.ptrace(request, int(sys.argv[1]), 0, 0):
        sys.exit(os.strerror(ctypes.get_errno()))
print("frozen", flush=True)
try:
    while True:
        os.waitpid(-1, 0x40000000)
except ChildProcessError:
    pass
"""


class Failed(Exception):
    """A case did not find what it looked for."""


def starts(state):
    """Says in which state of the machine a case starts, when that is not `ready`."""

    def mark(case):
        case.state = state
        return case

    return mark


class Machine:
    """One booted system. Its root file system is a stack of layers in memory over the release's own, so that a clean one
    costs a boot and no more."""

    def __init__(self, suite, base, out):
        self.suite = suite
        self.out = out
        self.work = out / suite
        self.layers = {"": [base]}
        self.tables = {}
        self.notes = []
        self.token = None
        self.nspawn = None
        self.leader = None
        self.root = self.work / "root"
        self.cgroup = f"tradingbot-test-{suite}-{os.getpid()}"
        self.version = ""

    def __enter__(self):
        self.work.mkdir(parents=True, exist_ok=True)
        while os.path.ismount(self.root):
            run("umount", "--lazy", self.root)
        while os.path.ismount(self.work):
            run("umount", "--lazy", self.work)
        run("mount", "-t", "tmpfs", "-o", "mode=0755", "tradingbot-test", self.work)
        self.root.mkdir()
        self.make("bare", "", self.furnish)
        self.make("installed", "bare", lambda: self.booted(self.install))
        self.make("ready", "installed", lambda: self.booted(self.open))
        return self

    def __exit__(self, *_):
        self.stop()
        run("umount", "--lazy", self.work)

    def make(self, state, below, act):
        """Makes the layer that `act` adds to those below."""
        self.mount(below, state)
        act()
        run("umount", self.root)
        self.layers[state] = [self.work / state, *self.layers[below]]

    def mount(self, state, upper):
        """Puts a root file system together; what is written goes to `upper`."""
        for name in (upper, "overlay"):
            shutil.rmtree(self.work / name, ignore_errors=True)
            (self.work / name).mkdir()
        lower = ":".join(str(layer) for layer in self.layers[state])
        options = f"lowerdir={lower},upperdir={self.work / upper},workdir={self.work / 'overlay'}"
        run("mount", "-t", "overlay", "-o", options, f"tradingbot-test-{self.suite}", self.root)

    def booted(self, act):
        """Does something in the booted system, and powers it off."""
        self.boot()
        act()
        self.halt()

    def furnish(self):
        """A host of its own: a name, no package source, and the two repositories."""
        for path in self.root.glob("etc/apt/sources.list*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        (self.root / "etc/apt/sources.list.d").mkdir()
        shutil.copytree(self.out / "first", self.root / "srv/tradingbot")
        shutil.copytree(self.out / "second", self.root / "srv/second")
        shutil.copytree(self.out / "both", self.root / "srv/both")
        # It is there to be compared with, not to be reached.
        (self.root / "etc/systemd/system/multi-user.target.wants/ssh.service").unlink()
        (self.root / "etc/hostname").write_text(f"{self.suite}\n", encoding="utf-8")
        (self.root / "root/files").write_text("\n".join(sorted(files(self.root))), encoding="utf-8")

    def install(self):
        """As a user does, with the repository's key and source."""
        self.sh("install -m 0644 /srv/tradingbot/tradingbot-archive-keyring.pgp /usr/share/keyrings/")
        self.sh(f"install -m 0644 /srv/tradingbot/tradingbot-{self.suite}.sources "
                "/etc/apt/sources.list.d/tradingbot.sources")
        self.sh("apt-get update --error-on=any")
        return self.sh("apt-get install --yes tradingbot", timeout=180)

    def open(self):
        """The next commands of a user, an operator, and a stranger. The bot has not run yet."""
        self.sh("useradd --groups tradingbot olga && useradd stan")
        self.sh("systemctl enable tradingbot.socket")
        self.sh("runuser -u tradingbot -- tradingbot token new --name me --scope admin | head -n 1 > /root/token")

    def start(self, state):
        """Boots a clean system in one of its states: `bare`, `installed`, `ready`."""
        self.stop()
        self.mount(state, "upper")
        token = self.root / "root/token"
        self.token = token.read_text(encoding="utf-8").strip() if token.exists() else None
        self.boot()

    def stop(self):
        """Throws the system away."""
        self.halt(at_once=True)
        if os.path.ismount(self.root):
            run("umount", "--lazy", self.root)

    def restart(self):
        """Powers the system off and boots it again, with all that it wrote."""
        self.halt()
        self.boot()

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
        self.version = f"{self.sh('systemctl --version').splitlines()[0]}, Linux {os.uname().release}"

    def halt(self, at_once=False):
        """Ends it; only processes that it started are touched."""
        if self.nspawn is None:
            return
        if self.nspawn.poll() is None:
            if at_once and self.leader:
                os.kill(int(self.leader), signal.SIGKILL)
            else:
                # SIGTERM asks the system in it to power off.
                self.nspawn.send_signal(signal.SIGTERM)
            try:
                self.nspawn.wait(30)
            except subprocess.TimeoutExpired:
                self.nspawn.kill()
                self.nspawn.wait()
        self.nspawn = self.leader = None
        for hierarchy in self.hierarchies():
            for folder in sorted((hierarchy / self.cgroup).glob("**/"), reverse=True):
                self.eventually(lambda folder=folder: gone(folder), f"{folder} is empty", 10)

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
        return self.sh(f"journalctl --sync; journalctl -u {unit} -o cat --no-pager --since='{since}'", check=False)

    @contextlib.contextmanager
    def frozen(self, pid):
        """Holds the first thread of one of its processes, by the machine's number for it, and no other thread."""
        thread = next(entry.parent.name for entry in Path("/proc").glob("[0-9]*/status") if self.is_its(entry, pid))
        with subprocess.Popen([sys.executable, "-c", FREEZE, thread], stdout=subprocess.PIPE, text=True) as holder:
            if holder.stdout.readline() != "frozen\n":
                raise Failed(f"thread {thread} cannot be held: {holder.wait()}")
            try:
                yield
            finally:
                holder.kill()

    def is_its(self, status, pid):
        """Whether a status file of this host is that of its process `pid`."""
        try:
            numbers = next(line for line in status.read_text().splitlines() if line.startswith("NSpid:")).split()[1:]
            here = os.readlink(f"/proc/{self.leader}/ns/pid") == os.readlink(status.parent / "ns/pid")
        except (OSError, StopIteration):
            return False
        return here and numbers[-1] == pid

    def records(self, since="@0"):
        """What the program itself said from a point on, with all fields."""
        lines = self.sh(f"journalctl --sync; journalctl -u tradingbot.service -o json --no-pager --since='{since}'",
                        timeout=120).splitlines()
        return [record for record in map(json.loads, lines) if record.get("_COMM") == "tradingbot"]

    def everything_said(self, since):
        """What the whole journal shows from a point on."""
        return self.sh(f"journalctl --sync; journalctl -o cat --no-pager --since='{since}'")

    def mark(self):
        """A point in the journal. Not a cursor: after one that does not match the filter, 252 skips the first that does."""
        return self.sh("journalctl --sync; date +@%s.%6N").strip()

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

    @contextlib.contextmanager
    def traced(self, to):
        """Writes down every system call of all that is started meanwhile."""
        command = ["strace", "--follow-forks", "--pidns-translation", "-qq", f"--attach={self.leader}", f"--output={to}"]
        tracer = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        try:
            self.eventually(lambda: "TracerPid:\t0" not in Path(f"/proc/{self.leader}/status").read_text(), "it is traced")
            yield
        finally:
            tracer.terminate()
            tracer.wait(60)

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
        self.eventually(self.path(path).exists, f"{path} is there")
        return self.eventually(lambda: self.asked(path), "an answer to one who asks no faster than a client may", 60)

    def asked(self, path):
        """What it says, or none when it was asked too often."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(30)
            control.connect(str(self.path(path)))
            control.sendall(b"GET /v1/status HTTP/1.1\r\nHost: bot\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: control.recv(65_536), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        if b" 429 " in head.split(b"\r\n")[0]:
            time.sleep(1)
            return None
        if b" 200 " not in head.split(b"\r\n")[0]:
            raise Failed(answer.decode())
        return json.loads(body)

    def note(self, text):
        """Says something beside the verdict: a figure, a table."""
        self.notes.append(text)

    def probe(self):
        """The program that tries to get out."""
        return (self.out.parent / "package" / "probe").read_bytes()

    def files(self):
        """Every path outside of what other programs write, to compare before and after."""
        return files(self.path("/"))

    def added(self):
        """What is there and was not before the package was installed."""
        before = set(self.path("/root/files").read_text(encoding="utf-8").splitlines())
        return sorted(path for path in self.files() - before if not path.startswith("/root/"))


def files(root):
    """Paths in a root file system, but what the system itself writes while it runs."""
    found = subprocess.run(["find", ".", "-xdev", "-not", "-type", "d", "-o", "-name", "*tradingbot*"], cwd=root,
                           stdout=subprocess.PIPE, check=True, text=True).stdout.split("\n")
    return {path[1:] for path in found if path and not path.startswith(NOISE)}


def gone(folder):
    """Whether a control group is no more."""
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def run(*command):
    """Runs a program on the host."""
    result = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            check=False)
    if result.returncode != 0:
        raise Failed(f"`{' '.join(map(str, command))}` ended with {result.returncode}:\n{result.stdout[-3000:]}")


def equal(seen, wanted, what=""):
    """Fails unless the two are equal."""
    if seen != wanted:
        raise Failed(f"{what}: {seen!r}, not {wanted!r}")


def holds(text, *parts):
    """Fails unless every part is in the text."""
    for part in parts:
        if part not in text:
            raise Failed(f"\"{part}\" is not in:\n{text}")


NOISE = ("./var/lib/systemd/timers/stamp-apt", "./var/lib/systemd/timers/stamp-dpkg", "./var/lib/systemd/timers/stamp-man",
         "./var/lib/systemd/timers/stamp-e2scrub", "./var/lib/systemd/timers/stamp-logrotate", "./var/lib/systemd/random-seed",
         "./var/lib/systemd/catalog/", "./var/lib/logrotate/", "./var/lib/dbus/machine-id", "./var/.updated", "./etc/.updated",
         "./etc/.pwd.lock", "./etc/passwd-", "./etc/group-", "./etc/shadow-", "./etc/gshadow-", "./etc/subuid-", "./etc/subgid-", "./var/spool/cron/",
         "./etc/hostname",
         "./proc/", "./sys/", "./dev/", "./tmp/", "./var/tmp/", "./srv/", "./root/", "./run/", "./var/cache/",
         "./var/lib/dpkg/", "./var/lib/apt/", "./var/log/", "./etc/machine-id", "./etc/resolv.conf")
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x4000_0000

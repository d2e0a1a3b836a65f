"""Root file systems of Debian releases, made by mmdebstrap and kept for a month."""

import fcntl
import os
import subprocess
import time
from pathlib import Path

from machine import Failed

# What a small server has, and what the cases look with.
PACKAGES = [
    "ca-certificates", "dbus", "iproute2", "libpam-systemd", "logrotate", "nftables", "systemd", "systemd-sysv", "ufw",
]
AGE_MAX_S = 30 * 86_400


def root_of(suite):
    """The archive of the root file system of `suite`, made if there is none or it is too old."""
    base = os.environ.get("XDG_CACHE_HOME") or Path(os.environ.get("HOME", "/root")) / ".cache"
    folder = Path(base) / "tradingbot-roots"
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / f"{suite}.tar"
    with open(folder / f"{suite}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        recipe = folder / f"{suite}.packages"
        wanted = " ".join(PACKAGES)
        fresh = archive.exists() and time.time() - archive.stat().st_mtime < AGE_MAX_S
        if fresh and recipe.exists() and recipe.read_text(encoding="ascii") == wanted:
            return archive
        print(f"{suite}: making a root file system, this takes some minutes", flush=True)
        made = archive.with_suffix(".new.tar")
        command = [
            "mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}",
            "--aptopt=Acquire::Languages none", "--dpkgopt=path-exclude=/usr/share/doc/*",
            "--dpkgopt=path-include=/usr/share/doc/tradingbot/*", suite, str(made),
        ]
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise Failed(f"mmdebstrap made no {suite}:\n{result.stderr[-2000:]}")
        made.rename(archive)
        recipe.write_text(wanted, encoding="ascii")
    return archive

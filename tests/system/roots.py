"""Root file systems of Debian releases, made by mmdebstrap and kept for a month."""

import fcntl
import os
import shutil
import subprocess
import time
from pathlib import Path

from machine import Failed

# What a small server has, and what the cases look with.
PACKAGES = [
    "ca-certificates", "cron", "curl", "dbus", "iproute2", "libpam-systemd", "lintian", "logrotate", "nftables",
    "openssh-server", "systemd", "systemd-sysv", "ufw",
]
AGE_MAX_S = 30 * 86_400


def root_of(suite):
    """The folder with the root file system of `suite`, which nobody changes; made if there is none or it is too old."""
    base = os.environ.get("XDG_CACHE_HOME") or Path(os.environ.get("HOME", "/root")) / ".cache"
    folder = Path(base) / "tradingbot-roots"
    folder.mkdir(parents=True, exist_ok=True)
    root = folder / suite
    recipe = folder / f"{suite}.packages"
    wanted = " ".join(PACKAGES)
    with open(folder / f"{suite}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if recipe.exists() and recipe.read_text(encoding="ascii") == wanted and root.is_dir():
            if time.time() - recipe.stat().st_mtime < AGE_MAX_S:
                return root
        print(f"{suite}: making a root file system, this takes some minutes", flush=True)
        made = folder / f"{suite}.new"
        for old in (recipe, root, made):
            shutil.rmtree(old) if old.is_dir() else old.unlink(missing_ok=True)
        command = [
            "mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}",
            "--aptopt=Acquire::Languages none", "--dpkgopt=path-exclude=/usr/share/doc/*",
            "--dpkgopt=path-include=/usr/share/doc/tradingbot/*", suite, str(made),
        ]
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise Failed(f"mmdebstrap made no {suite}:\n{result.stderr[-2000:]}")
        made.rename(root)
        recipe.write_text(wanted, encoding="ascii")
    return root

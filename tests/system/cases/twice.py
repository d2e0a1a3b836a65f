"""The program, built again from nothing. Run only when it is named, because that takes minutes."""

import os
import shutil
import subprocess
from pathlib import Path

from cases.install import copy_tree, digest
from machine import equal, starts


@starts("bare")
def case_built_again_elsewhere_and_at_another_time_the_program_is_the_same_to_the_byte(m):
    elsewhere = m.out / f"built again {m.suite}"
    copy_tree(elsewhere)
    environment = {**os.environ, "TZ": "Pacific/Kiritimati", "LC_ALL": "C"}
    subprocess.run(["sh", "-c", "umask 077; exec packaging/build-release out/tradingbot"], cwd=elsewhere, env=environment,
                   stderr=subprocess.DEVNULL, check=True)
    equal(digest(elsewhere / "out" / "tradingbot"), digest(Path(os.environ["TRADINGBOT_BINARY"])), "the same, built twice")
    shutil.rmtree(elsewhere)

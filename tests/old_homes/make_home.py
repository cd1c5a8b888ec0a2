"""Freeze a home as this commit writes it: `PYTHONPATH=tests python -m old_homes.make_home FORMAT`.

The home has two monthly deliveries of 2,000 synthetic people, two outcomes with approved champions, and a published run of each
outcome for each delivery. It is made below a neutral folder, because MLflow's store records absolute addresses.
"""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
from pathlib import Path

from regression.small_icb import CONFIG, FIRST, SECOND, as_on, deliver, write_deliveries

WORK = Path("/srv/strata-old-home")
HERE = Path(__file__).parent
KEY = "a key for synthetic people in tests, of no use elsewhere\n"
# Files of a run that are not part of the format: locks, temporary files, pages and captured output.
NOT_PACKED = ("run.lock", "spill", "reports", ".locks", "compute_logs")


def main() -> None:
    """Make the home and pack it next to its configuration and key."""
    target = HERE / f"format_{int(sys.argv[1])}"
    shutil.rmtree(WORK, ignore_errors=True)
    target.mkdir(exist_ok=True)
    config, key = WORK / "icb.yaml", WORK / "pseudonym.key"
    write_deliveries(WORK, clear=True)
    config.write_text(CONFIG.format(deployment="old_home", pseudonymised="false"))
    key.write_text(KEY)
    key.chmod(0o600)
    os.environ["STRATA_HOME"] = str(WORK / "home")
    from dagster_project.command_line import main as strata

    for day in (FIRST, SECOND):
        deliver(WORK, day)
        with as_on(day):
            code = strata(["run", str(config)])
        if code != 0:
            raise SystemExit(f"the run of the delivery of {day} failed")
    for file in (config, key):
        shutil.copy(file, target / file.name)
    with tarfile.open(target / "home.tar.xz", "w:xz", preset=9) as packed:
        for name in ("home", "extracts", "reference"):
            packed.add(WORK / name, name, filter=_packed)


def _packed(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if any(part in NOT_PACKED for part in Path(member.name).parts):
        return None
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    main()

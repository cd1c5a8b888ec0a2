"""Unpack a home that an earlier commit wrote."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

HERE = Path(__file__).parent
FORMATS = tuple(sorted(int(folder.name.removeprefix("format_")) for folder in HERE.glob("format_*")))


def unpack(number: int, folder: Path) -> Path:
    """Unpack the home of a format below `folder`, which is not its original place, and return the path of its configuration."""
    packed = HERE / f"format_{number}"
    for name in ("icb.yaml", "pseudonym.key"):
        shutil.copy(packed / name, folder / name)
    (folder / "pseudonym.key").chmod(0o600)
    with tarfile.open(packed / "home.tar.xz") as file:
        file.extractall(folder, filter="data")
    return folder / "icb.yaml"

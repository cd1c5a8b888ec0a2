"""File modes: only the account that runs Strata can read what it writes."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

OF_OTHERS = 0o077


@contextmanager
def for_this_account() -> Iterator[None]:
    """Set modes 0600 and 0700 on files and folders made in this block, also by processes that it starts."""
    before = os.umask(OF_OTHERS)
    try:
        yield
    finally:
        os.umask(before)


def close_to_others(home: Path) -> None:
    """Remove the access of other accounts to a home that an earlier version or a person made.

    Only the home and the files and folders directly in it are changed: no other account can pass a closed home. Files of other accounts
    stay as they are.
    """
    take_from_others(home, *home.iterdir())


def take_from_others(*paths: Path) -> None:
    """Remove the permission of other accounts to read, write and enter; links are not changed."""
    for path in paths:
        mode = stat.S_IMODE(path.lstat().st_mode)
        if path.is_symlink() or not mode & OF_OTHERS:
            continue
        with suppress(OSError):  # owned by another account, or on a read-only disk
            path.chmod(mode & ~OF_OTHERS)

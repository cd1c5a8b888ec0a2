"""What a run writes is for its own account alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

OF_OTHERS = 0o077


@contextmanager
def for_this_account() -> Iterator[None]:
    """Give files and folders made in this block, by processes that it starts too, the modes 0600 and 0700."""
    before = os.umask(OF_OTHERS)
    try:
        yield
    finally:
        os.umask(before)


def close_to_others(home: Path) -> None:
    """Take a home of an earlier version, or one made by hand, from other accounts; what is not this account's own stays as it is.

    Nobody passes a closed home, so what lies deeper need not be looked at again and again.
    """
    take_from_others(home, *home.iterdir())


def take_from_others(*paths: Path) -> None:
    """Take the leave to read, write and enter from other accounts; links are left alone."""
    for path in paths:
        mode = stat.S_IMODE(path.lstat().st_mode)
        if path.is_symlink() or not mode & OF_OTHERS:
            continue
        with suppress(OSError):  # another account's, or a disk that is read only
            path.chmod(mode & ~OF_OTHERS)

"""Text files that are written in one step: readers see the old file or the new one, and never half of one."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from pipelines.lake.file_modes import take_from_others

OWN_FILE = 0o600


def write_whole(path: Path, text: str) -> Path:
    """Write a file that only this account may read, and return its path; missing folders are created.

    The text is first written to a draft in the same folder. A process that ends while it writes leaves the old file as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.partial")
    draft.touch(mode=OWN_FILE)
    take_from_others(draft)  # a draft that an interrupted process left may have other modes
    try:
        draft.write_text(text, encoding="utf-8")
        return draft.replace(path)
    except Exception:
        with suppress(OSError):
            draft.unlink()
        raise

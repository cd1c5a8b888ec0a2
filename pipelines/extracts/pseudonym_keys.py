"""The chain of keys with which the stored pseudonyms were made.

Each key is recognised by a check value, from which the key cannot be computed.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime

from expectations.tables.records import PSEUDONYM_KEYS
from pipelines.errors import RefusalError
from pipelines.lake.storage import Lake

IN_USE, ROTATING = "in_use", "rotating"
CHECKED = b"strata: check of a pseudonym key"
ROTATE = "run `strata rotate-key`"


def key_check(key: bytes) -> str:
    """Return the check value of a key; the key cannot be computed from it."""
    return hmac.new(key, CHECKED, hashlib.sha256).hexdigest()[:16]


def checks_in_use(lake: Lake) -> list[str]:
    """Return the check values of the keys of all stored pseudonyms, in order; empty if none is recorded."""
    return [row["key_check"] for row in _rows(lake) if row["status"] == IN_USE]


def check_chain(lake: Lake, keys: Sequence[bytes]) -> None:
    """Refuse keys that are not those of the stored pseudonyms, and record the first chain.

    With other keys the same people would be stored as new people.
    """
    refuse_half_rotated(lake)
    given, known = [key_check(key) for key in keys], checks_in_use(lake)
    if not known:
        record_chain(lake, keys, len(keys))
        return
    if given == known:
        return
    if given[: len(known)] == known:
        raise RefusalError(f"there is a new pseudonym key and the tables have pseudonyms of the old one: {ROTATE} first")
    raise RefusalError(
        "the pseudonym key is not the one that made the stored pseudonyms: the same people would be stored as other people. Restore the key. "
        "To give everyone new pseudonyms, keep the old key and add the new one to source.nhs.pseudonyms.later_keys"
    )


def refuse_half_rotated(lake: Lake) -> None:
    """Raise an error if some tables have new pseudonyms and others old ones."""
    if any(row["status"] == ROTATING for row in _rows(lake)):
        raise RefusalError(f"a rotation of the pseudonym key was interrupted: {ROTATE} once more, which completes it")


def record_chain(lake: Lake, keys: Sequence[bytes], in_use: int) -> None:
    """Record the keys of a chain and how many are in use; the others are those of a rotation in progress."""
    before = {row["key_check"]: row["recorded_at"] for row in _rows(lake)}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    rows = [
        {
            "key_number": number,
            "key_check": check,
            "status": IN_USE if number <= in_use else ROTATING,
            "recorded_at": before.get(check, now),
        }
        for number, check in enumerate(map(key_check, keys), start=1)
    ]
    lake.write(PSEUDONYM_KEYS, rows)


def _rows(lake: Lake) -> list[dict[str, str]]:
    return lake.read_or_empty(PSEUDONYM_KEYS, order="key_number").to_pylist()

"""Which chain of keys the stored pseudonyms were made with: known again by a check of each key, which tells nothing of it."""

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
    """Give what a key is known again by; the key cannot be found from it."""
    return hmac.new(key, CHECKED, hashlib.sha256).hexdigest()[:16]


def checks_in_use(lake: Lake) -> list[str]:
    """Give the checks of the keys that every stored pseudonym has gone through, in order; empty where none is recorded."""
    return [row["key_check"] for row in _rows(lake) if row["status"] == IN_USE]


def check_chain(lake: Lake, keys: Sequence[bytes]) -> None:
    """Refuse keys other than those of the stored pseudonyms: the same people would come in as others. The first chain is recorded."""
    refuse_half_rotated(lake)
    given, known = [key_check(key) for key in keys], checks_in_use(lake)
    if not known:
        record_chain(lake, keys, len(keys))
        return
    if given == known:
        return
    if given[: len(known)] == known:
        raise RefusalError(f"there is a new pseudonym key and the tables hold pseudonyms of the one before: {ROTATE} first")
    raise RefusalError(
        "the pseudonym key is not the one that the stored pseudonyms were made with: the same people would come in as others. Bring back the key, "
        "or, to give everyone new pseudonyms, leave it where it is and add the new one to source.nhs.pseudonyms.later_keys"
    )


def refuse_half_rotated(lake: Lake) -> None:
    """Refuse to go on while some tables hold new pseudonyms and others old ones."""
    if any(row["status"] == ROTATING for row in _rows(lake)):
        raise RefusalError(f"a rotation of the pseudonym key was cut short: {ROTATE} once more, which completes it")


def record_chain(lake: Lake, keys: Sequence[bytes], in_use: int) -> None:
    """Record the keys of a chain: the first so many in use, the others being rotated to."""
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

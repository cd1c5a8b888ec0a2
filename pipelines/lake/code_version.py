"""Which code and which settings made a result: digests of what bears on it."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

PACKAGES = ("expectations", "features", "models", "pipelines")
ROOT = Path(__file__).resolve().parents[2]


@cache
def code_version() -> str:
    """Give a digest of the code and code lists that bear on a result: 12 hex digits."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            if path.suffix in {".py", ".csv"}:
                digest.update(str(path.relative_to(ROOT)).encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def digest_of(value: object) -> str:
    """Give a digest of plain data, whatever the order of its keys: 16 hex digits."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]

"""Digests of the code and the settings that determine a result."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

PACKAGES = ("expectations", "features", "models", "pipelines")
ROOT = Path(__file__).resolve().parents[2]


@cache
def code_version() -> str:
    """Return a digest of the code and code lists that determine a result: 12 hex digits."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            if path.suffix in {".py", ".csv"}:
                digest.update(str(path.relative_to(ROOT)).encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def digest_of(value: object) -> str:
    """Return a digest of plain data, in any order of its keys: 16 hex digits."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]

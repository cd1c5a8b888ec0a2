"""Pseudonyms: a keyed hash (HMAC-SHA256) of an identifier, computed in SQL; the key stays in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.errors import SettingsError
from pipelines.sources.nhs import PseudonymSettings

BLOCK_BYTES = 64  # of SHA-256, RFC 2104
SHORTEST_KEY_BYTES = 32
PSEUDONYM_LENGTH = 32
PADS = "pseudonym_key"


def read_key(settings: PseudonymSettings, folder: Path) -> bytes:
    """Read the key from its file (relative paths start at `folder`) or environment variable."""
    if settings.key_file is not None:
        file = folder / settings.key_file
        if not file.is_file():
            raise SettingsError(f"pseudonyms.key_file: there is no file {file}")
        key, place = file.read_bytes().strip(), f"the file {file}"
    else:
        key, place = os.environ.get(settings.key_variable, "").encode(), f"the environment variable {settings.key_variable}"
    if len(key) < SHORTEST_KEY_BYTES:
        raise SettingsError(
            f"a feed comes with clear identifiers (pseudonymised: false) and the key in {place} has {len(key)} bytes; "
            f"at least {SHORTEST_KEY_BYTES} random bytes are needed, the same for every feed and every run"
        )
    return key


@contextmanager
def keyed(con: duckdb.DuckDBPyConnection, key: bytes) -> Iterator[None]:
    """Lend a connection the key for as long as the block lasts; it lies in Arrow memory, which DuckDB never spills."""
    padded = key.ljust(BLOCK_BYTES, b"\0")
    inner, outer = bytes(byte ^ 0x36 for byte in padded), bytes(byte ^ 0x5C for byte in padded)
    con.register(PADS, pa.table({"inner_pad": pa.array([inner], pa.binary()), "outer_pad": pa.array([outer], pa.binary())}))
    try:
        yield
    finally:
        con.unregister(PADS)


def pseudonym_sql(value: str) -> str:
    """Give the SQL of a value's pseudonym: spaces and case apart, the same identifier gives the same pseudonym; empty gives null."""
    message = f"nullif(upper(regexp_replace({value}, '[ -]', '', 'g')), '')"
    inner = f"sha256((SELECT inner_pad FROM {PADS}) || encode({message}))"
    return f"left(sha256((SELECT outer_pad FROM {PADS}) || unhex({inner})), {PSEUDONYM_LENGTH})"

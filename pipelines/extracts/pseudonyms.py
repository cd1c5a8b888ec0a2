"""Pseudonyms: a keyed hash (HMAC-SHA256) of an identifier, computed in SQL. The keys stay in memory.

Keys form a chain: each later key hashes the pseudonym made by the one before. Tables can so get new pseudonyms without the
identifiers, and later deliveries go through the complete chain to the same pseudonyms.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from expectations.identifier_text import normal
from expectations.sql_values import quote, quote_all
from pipelines.errors import SettingsError
from pipelines.extracts.erased_people import PREFIX, digest_of_person
from pipelines.sources.nhs import KeyPlace, PseudonymSettings

BLOCK_BYTES = 64  # of SHA-256, RFC 2104
SHORTEST_KEY_BYTES = 32
PSEUDONYM_LENGTH = 32
PADS = "pseudonym_key"
MACRO = "strata_pseudonym"
READABLE_BY_OTHERS = 0o007


def read_keys(settings: PseudonymSettings, folder: Path) -> tuple[bytes, ...]:
    """Read the chain of keys, the first one first; relative paths start at `folder`."""
    return tuple(read_key(place, folder) for place in (settings, *settings.later_keys))


def read_key(settings: KeyPlace, folder: Path) -> bytes:
    """Read a key from its file or environment variable; a SettingsError says why it cannot be used."""
    if settings.key_file is not None:
        file = folder / settings.key_file
        if not file.is_file():
            raise SettingsError(f"pseudonyms.key_file: there is no file {file}")
        if file.stat().st_mode & READABLE_BY_OTHERS:
            raise SettingsError(
                f"pseudonyms.key_file: every account of this machine can read {file}; run `chmod 600` on it and consider a new key"
            )
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
def keyed(con: duckdb.DuckDBPyConnection, keys: Sequence[bytes], erased: Collection[str] = ()) -> Iterator[None]:
    """Lend a connection access to the chain of keys during the block, in Arrow memory, which DuckDB never spills.

    `erased` are the digests of erased people, who keep the pseudonym by which they are recognised.
    """
    con.register(PADS, _pads(keys))
    try:
        con.execute(f"CREATE OR REPLACE TEMP MACRO {MACRO}(value) AS {_chain_sql('value', len(keys), erased)}")
        yield
    finally:
        con.execute(f"DROP MACRO IF EXISTS {MACRO}")
        con.unregister(PADS)


def pseudonym_sql(value: str) -> str:
    """Return the SQL of the pseudonym of a value; an empty value gives null.

    Spaces and case do not matter: the same identifier gives the same pseudonym.
    """
    return f"{MACRO}({value})"


@contextmanager
def rehashing(con: duckdb.DuckDBPyConnection, keys: Sequence[bytes]) -> Iterator[None]:
    """Lend a connection access to the later keys of a chain during the block, for `rehashed_sql`."""
    con.register(PADS, _pads(keys))
    try:
        yield
    finally:
        con.unregister(PADS)


def rehashed_sql(column: str, links: int) -> str:
    """Return the SQL of a pseudonym hashed by a number of later keys; a value that is no pseudonym stays."""
    pseudonym = column
    for link in range(links):
        pseudonym = _link_sql(pseudonym, link)
    pattern = quote(f"[0-9a-f]{{{PSEUDONYM_LENGTH}}}")
    return f"CASE WHEN regexp_full_match({column}, {pattern}) THEN {pseudonym} ELSE {column} END"


def pseudonym_of(identifier: str, keys: Sequence[bytes], erased: Collection[str] = ()) -> str:
    """Return the pseudonym that ingest makes of an identifier."""
    pseudonym = re.sub("[ -]", "", normal(identifier)).upper()
    for link, key in enumerate(keys):
        if link and digest_of_person(pseudonym) in erased:
            return pseudonym
        pseudonym = hmac.new(key, pseudonym.encode(), hashlib.sha256).hexdigest()[:PSEUDONYM_LENGTH]
    return pseudonym


def _pads(keys: Sequence[bytes]) -> pa.Table:
    columns = {}
    for link, key in enumerate(keys):
        padded = (hashlib.sha256(key).digest() if len(key) > BLOCK_BYTES else key).ljust(BLOCK_BYTES, b"\0")
        columns[f"inner_{link}"] = pa.array([bytes(byte ^ 0x36 for byte in padded)], pa.binary())
        columns[f"outer_{link}"] = pa.array([bytes(byte ^ 0x5C for byte in padded)], pa.binary())
    return pa.table(columns)


def _chain_sql(value: str, links: int, erased: Collection[str]) -> str:
    pseudonym = _link_sql(f"nullif(upper(regexp_replace({value}, '[ -]', '', 'g')), '')", 0)
    for link in range(1, links):
        after = _link_sql(pseudonym, link)
        pseudonym = (
            f"CASE WHEN sha256({quote(PREFIX)} || {pseudonym}) IN ({quote_all(sorted(erased))}) THEN {pseudonym} ELSE {after} END"
            if erased
            else after
        )
    return pseudonym


def _link_sql(message: str, link: int) -> str:
    inner = f"sha256((SELECT inner_{link} FROM {PADS}) || encode({message}))"
    return f"left(sha256((SELECT outer_{link} FROM {PADS}) || unhex({inner})), {PSEUDONYM_LENGTH})"

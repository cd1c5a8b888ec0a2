"""Erased people: recognised by a digest only, so that their rows in later deliveries are skipped."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import duckdb
import numpy as np

from expectations.identifier_text import plain_sql
from expectations.sql_values import quote, quote_all
from expectations.table import Table
from expectations.tables.records import ERASURES
from pipelines.lake.storage import Lake

PREFIX = "strata erasure "


def digest_of_person(person_id: str) -> str:
    """Return the digest by which the rows of an erased person are recognised."""
    return hashlib.sha256(f"{PREFIX}{person_id}".encode()).hexdigest()


def erased_digests(lake: Lake) -> set[str]:
    """Return the digests of everyone who was erased."""
    return set(lake.read_or_empty(ERASURES, "person_digest")["person_digest"].to_pylist())


def erased_rows(con: duckdb.DuckDBPyConnection, table: Table, scan: str, erased: Iterable[str]) -> np.ndarray:
    """Return the numbers of the rows of a delivery that belong to an erased person."""
    digests = sorted(erased)
    if not digests or table.person not in {column.name for column in table.columns}:
        return np.empty(0, np.int64)
    plain = plain_sql(table.person)
    digest = f"sha256({quote(PREFIX)} || {f'lower({plain})' if table.column(table.person).ignores_case else plain})"
    found = con.sql(f"SELECT row_number FROM {scan} WHERE {digest} IN ({quote_all(digests)}) ORDER BY row_number")
    return np.asarray(found.fetchnumpy()["row_number"], dtype=np.int64)

"""Clear identifiers of people before they are hashed: brought into plain form, and checked to be NHS numbers.

Most values are valid NHS numbers, which SQL recognises and hashes. The distinct other values are decided here one by one. An identifier
that cannot be one is never stored: the raw table has the reason in its place, and validation sets the row aside.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from expectations.identifier_schemes import (
    LONGEST_FLOAT,
    TEST_IDENTIFIER,
    against_nhs_number,
    against_pseudonym,
    is_placeholder_sql,
    marker,
    nhs_digits,
)
from expectations.identifier_text import may_change_sql, normal
from expectations.sql_values import quote
from pipelines.extracts.clear_identifiers import digits_sql, passes_check_sql
from pipelines.extracts.identifier_kind import RUNS, ListKind, has_hidden, has_numbers
from pipelines.extracts.pseudonyms import pseudonym_sql
from pipelines.sources.nhs import FeedSettings

DECIDED = "decided_{0}"  # the registered table of the values of a column that were decided one by one
PERSON, HOUSEHOLD = "person_id", "household_id"
_LIKE_AN_NHS_NUMBER = "[0-9]{9,11}"
_USUAL_FORM = re.compile("[0-9]{10}|[0-9]{3}([ -])[0-9]{3}\\1[0-9]{4}")


@dataclass(frozen=True)
class ClearColumn:
    """A column of clear identifiers: its SQL in the file, and what its values must be.

    `is_local` allows identifiers that are not NHS numbers. `is_declared` is false where the content of the file decided that.
    """

    name: str
    value: str
    is_local: bool
    is_declared: bool
    test_numbers: tuple[str, ...]

    def decide(self, value: str) -> tuple[str | None, str, bool]:
        """Return an identifier as it is hashed, the reason against it ('' for none), and whether it was repaired."""
        text = normal(value)
        if not text:
            return None, "", False
        if not self.is_local or (not self.is_declared and re.fullmatch(_LIKE_AN_NHS_NUMBER, nhs_digits(text))):
            digits, reason = nhs_digits(text), against_nhs_number(text)
            tested = not reason and digits.startswith(self.test_numbers) if self.test_numbers else False
            return digits, TEST_IDENTIFIER if tested else reason, not _USUAL_FORM.fullmatch(value.strip(" "))
        return text, against_pseudonym(text), text != value.strip(" ")

    @property
    def is_usual_sql(self) -> str:
        """Return fast SQL that is true for values which are hashed as they are; all others are decided one by one."""
        if self.is_local:
            return self._usual_local_sql
        digits = digits_sql(self.value)
        tests = "".join(
            f" AND NOT starts_with(lpad(CAST({digits} AS VARCHAR), 10, '0'), {quote(start)})" for start in self.test_numbers
        )
        return f"CASE WHEN {digits} IS NULL THEN false ELSE {passes_check_sql(digits)} AND {digits} NOT IN ({RUNS}){tests} END"

    @property
    def _usual_local_sql(self) -> str:
        value = self.value
        looks_odd = f"{value} < ':' OR contains({value}, '+') OR contains({value}, '.') OR contains({value}, ',')"
        short = f"NOT ({looks_odd}) AND NOT {is_placeholder_sql(value)}"
        return f"CASE WHEN {may_change_sql(value)} THEN false WHEN strlen({value}) > {LONGEST_FLOAT} THEN true ELSE {short} END"


def clear_columns(
    con: duckdb.DuckDBPyConnection, settings: FeedSettings, test_numbers: tuple[str, ...], values: Mapping[str, str], source: str,
    of_list: ListKind = lambda: None,
) -> list[ClearColumn]:  # fmt: skip
    """Return the columns of a file that are hashed; none where the sender hashed them.

    Where the feed does not declare what its identifiers are, they are NHS numbers if the file has any valid one, or if the
    registered list has (`of_list`). Without such a list they are NHS numbers if the file has any inside other text.
    """
    if settings.pseudonymised:
        return []
    columns = []
    if PERSON in values:
        declared = settings.identifiers is not None
        local = settings.identifiers == "local" if declared else not _has_numbers(con, source, values[PERSON], of_list)
        columns.append(ClearColumn(PERSON, values[PERSON], local, declared, test_numbers))
    if HOUSEHOLD in values:
        columns.append(ClearColumn(HOUSEHOLD, values[HOUSEHOLD], True, True, ()))
    return columns


def _has_numbers(con: duckdb.DuckDBPyConnection, source: str, value: str, of_list: ListKind) -> bool:
    if has_numbers(con, source, value):
        return True
    listed = of_list()
    return has_hidden(con, source, value) if listed is None else listed


def register_decided(con: duckdb.DuckDBPyConnection, column: ClearColumn, source: str) -> bool:
    """Decide the unusual values of a column and register them, in Arrow memory; return whether there are any."""
    unusual = f"SELECT DISTINCT {column.value} FROM {source} WHERE {column.value} IS NOT NULL AND NOT {column.is_usual_sql}"
    values = [value for (value,) in con.execute(unusual).fetchall()]
    decided = [column.decide(value) for value in values]
    forms = pa.array([form for form, _, _ in decided], pa.string())
    against = pa.array([marker(reason) if reason else None for _, reason, _ in decided], pa.string())
    repaired = pa.array([repaired and not reason for _, reason, repaired in decided], pa.bool_())
    columns = {"value": pa.array(values, pa.string()), "form": forms, "against": against, "repaired": repaired}
    con.register(DECIDED.format(column.name), pa.table(columns))
    return bool(values)


def stored_sql(column: ClearColumn) -> str:
    """Return the SQL of what a raw table stores, for a source that is joined to the decided values."""
    decided = DECIDED.format(column.name)
    return (
        f"CASE WHEN {decided}.value IS NULL THEN {pseudonym_sql(column.value)} WHEN {decided}.against IS NOT NULL THEN {decided}.against "
        f"ELSE {pseudonym_sql(decided + '.form')} END"
    )


def joined_sql(column: ClearColumn, source: str) -> str:
    """Return a source joined to the decided values of a column."""
    decided = DECIDED.format(column.name)
    return f"{source} LEFT JOIN {decided} ON {decided}.value = {column.value}"


def repaired_rows(con: duckdb.DuckDBPyConnection, column: ClearColumn, source: str) -> np.ndarray:
    """Return the numbers of the rows whose identifier was repaired before it was hashed."""
    decided = DECIDED.format(column.name)
    if not con.execute(f"SELECT 1 FROM {decided} WHERE repaired LIMIT 1").fetchall():
        return np.empty(0, np.int64)
    rows = f"SELECT row_number FROM {joined_sql(column, source)} WHERE {decided}.repaired ORDER BY row_number"
    return np.asarray(con.execute(rows).fetchnumpy()["row_number"], dtype=np.int64)

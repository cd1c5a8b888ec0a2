"""The row rules of one extract, in bounded batches.

Great Expectations counts the broken rows, and the keys of broken rows go to quarantine.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from expectations.identifier_schemes import REASONS
from expectations.row_checks import RECORDED_AT_INGEST, RowCheck, row_checks
from expectations.sql_values import quote_all
from expectations.table import Action, Table
from expectations.tables.core import QUARANTINE
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake
from pipelines.validation.delivery_context import Profile
from pipelines.validation.row_flags import flagged_rows_sql

if TYPE_CHECKING:
    from expectations.validation import Engine

EngineCount = Callable[[pa.RecordBatch], dict[tuple[str, ...], int]]
STORED = pa.schema([part for part in arrow_schema(QUARANTINE) if part.name not in QUARANTINE.partitioned_by])


class CountMismatch(Exception):  # noqa: N818 - the name says what differs
    """Two ways of counting the rows that break a rule disagree. This is a bug in Strata, not an error in the data."""


@dataclass
class RowOutcome:
    """The result of the row rules in an extract: rows, rows set aside, and rows that break each check, by its name."""

    profile: Profile
    checks: list[RowCheck]
    possible: list[RowCheck]  # the checks that a row may break; the profile shows that no row breaks the others
    set_aside: int = 0
    broken: Counter[str] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        """Count the extract's rows, unreadable ones included."""
        return self.profile.rows + self.profile.extract.rows_unreadable


def checks_of(table: Table, profile: Profile) -> list[RowCheck]:
    """List the checks that an extract can break. A column that is absent or empty has no checks of its values."""
    absent = set(json.loads(profile.extract.columns_missing))
    return [
        check
        for check in row_checks(table)
        if not check.column
        or (check.column not in absent if check.reason == "missing_value" else profile.values[check.column] > 0)
    ]


def validate_rows(
    lake: Lake,
    con: duckdb.DuckDBPyConnection,
    engine: Engine,
    table: Table,
    profile: Profile,
    checks: list[RowCheck],
    batch_rows: int,
) -> RowOutcome:
    """Check the rows of an extract and replace its part of the quarantine.

    A CountMismatch is raised if Great Expectations and the flags, which name the rows, count differently.
    """
    from expectations.suites import flag_suite, flagged_checks, shown_columns, value_suite  # its import takes seconds

    outcome, extract_id = RowOutcome(profile, checks, _possible(checks, profile)), profile.extract.extract_id
    checks = outcome.possible
    partition = {"table_name": table.name, "extract_id": extract_id}
    unreadable = _unreadable_rows(lake, partition)
    shown = shown_columns(checks)
    query = flagged_rows_sql(table, profile.source, profile.reading, checks, shown, extract_id)
    batches = con.sql(query).to_arrow_reader(batch_rows)
    values, flags = value_suite(table, checks), flag_suite(table, checks)
    flagged = [check.name for check in flagged_checks(checks)]

    def count(batch: pa.RecordBatch) -> dict[tuple[str, ...], int]:
        return {
            **engine.count_broken(_frame(batch, shown), values),
            **engine.count_broken(_frame(batch, flagged), flags),
        }

    listed = _listed(batches, count, outcome)
    data = lake.write_arrow(QUARANTINE.name, pa.RecordBatchReader.from_batches(STORED, _after(unreadable, listed)), partition)
    lake.commit(QUARANTINE.name, [data], arrow_schema(QUARANTINE), partition_by=QUARANTINE.partitioned_by, replace=partition)
    outcome.set_aside += profile.extract.rows_unreadable
    return outcome


def _possible(checks: list[RowCheck], profile: Profile) -> list[RowCheck]:
    """Return the checks that a row may break. The profile has the distinct values that cannot be identifiers."""
    wrong = profile.reading.wrong
    return [check for check in checks if check.reason not in REASONS or wrong.get(check.column, {}).get(check.reason)]


def _unreadable_rows(lake: Lake, partition: dict[str, str]) -> pa.Table:
    """Read the unreadable and repaired rows that ingest recorded for the extract."""
    reasons = quote_all(RECORDED_AT_INGEST)
    return lake.read_or_empty(QUARANTINE, ", ".join(STORED.names), f"reason IN ({reasons})", "row_number", partition).cast(STORED)


def _after(first: pa.Table, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from first.to_batches()
    yield from rest


def _listed(batches: pa.RecordBatchReader, count_broken: EngineCount, outcome: RowOutcome) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        if not batch.num_rows:
            continue
        flags = {check.name: batch.column(check.name).to_numpy(zero_copy_only=False) for check in outcome.possible}
        counts = {name: int(np.count_nonzero(flag)) for name, flag in flags.items()}
        _compare(count_broken(batch), counts)
        outcome.broken.update(counts)
        leaving = [flags[check.name] for check in outcome.possible if check.action is Action.SET_ASIDE and counts[check.name]]
        outcome.set_aside += int(np.count_nonzero(np.logical_or.reduce(leaving)))
        numbers = batch.column("row_number").to_numpy()
        for check in outcome.possible:
            if counts[check.name]:
                yield _rows(outcome.profile.extract.file_name, numbers[flags[check.name]], check)


def _frame(batch: pa.RecordBatch, names: list[str]) -> pd.DataFrame:
    """Return columns of a batch in the form that costs the engine least: text as categories."""
    columns = {name: batch.column(name) for name in names}
    texts = {name for name, column in columns.items() if pa.types.is_string(column.type)}
    return pa.table(
        {name: column.dictionary_encode() if name in texts else column for name, column in columns.items()}
    ).to_pandas()


def _compare(engine_counts: dict[tuple[str, ...], int], counts: dict[str, int]) -> None:
    for checks, found in engine_counts.items():
        listed = sum(counts[name] for name in checks)
        if listed != found:
            raise CountMismatch(f"{' + '.join(checks)}: the engine counts {found:,} rows, the listing {listed:,}")


def _rows(file_name: str, numbers: np.ndarray, check: RowCheck) -> pa.RecordBatch:
    values = {"file_name": file_name, "reason": check.reason, "column_name": check.column, "action": check.action.value}
    columns = [
        pa.array(numbers, pa.int64()) if name == "row_number" else pa.repeat(values[name], numbers.size) for name in STORED.names
    ]
    return pa.RecordBatch.from_arrays(columns, schema=STORED)

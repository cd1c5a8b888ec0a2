"""core__event: one long table, sorted by person and date, with one file for each range of people.

Events are numbered once and written to one bucket on disk for each range of people. Each bucket is then sorted and stored
separately. The memory depends on the size of a range, not on the size of the board.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import duckdb
from pydantic import BaseModel, Field

from expectations.sql_values import quote, quote_paths
from expectations.tables.core import EVENT
from features.analytes import analyte_of_code
from features.code_lists import CodeList, load_code_lists
from features.diagnosis_rules import AMBULATORY_CARE_SENSITIVE
from features.events import FEED_NUMBER
from pipelines.conform.availability import AvailabilitySettings
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.diagnosis_codes_of_stays import deciding_code_sql
from pipelines.conform.event_rows import EventRows
from pipelines.conform.feeds import Sources
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake

_COLUMNS = ", ".join(column.name for column in EVENT.columns)
# Person, day and type are one number, which sorts faster. The other columns make the order complete.
_PERSON_DAY_TYPE = "(CAST(person_key AS BIGINT) << 32) + (CAST(event_date - DATE '0001-01-01' AS BIGINT) << 8) + event_type"
_ORDER = f"{_PERSON_DAY_TYPE}, code, value, provider, available_date"


class EventSettings(BaseModel, extra="forbid", frozen=True):
    """How core__event is cut into files."""

    people_per_file: int = Field(131_072, ge=1_000, description="People in the range of one file of core__event.")


@dataclass(frozen=True)
class EventRequest:
    """What events are made with: clinical rules, lags, a work folder that is emptied, and the size of files.

    `superseded` has, by feed, the rows that a later delivery changed or removed, with `superseded_date`. `code_lists` are
    Strata's lists unless a team has its own: those of measurements (`features/analytes.py`) and of stays (`features/diagnosis_rules.py`).
    """

    rules: ClinicalRules
    available: AvailabilitySettings
    work: Path
    settings: EventSettings = field(default_factory=EventSettings)
    superseded: Sources = field(default_factory=dict)
    code_lists: Mapping[str, CodeList] = field(default_factory=load_code_lists)

    @cached_property
    def analyte_of_code(self) -> Mapping[str, str]:
        """Return the analyte of each code of a measurement."""
        return analyte_of_code(self.code_lists)

    @cached_property
    def sensitive_code(self) -> str:
        """Return the SQL of the code by which a spell is one for an ambulatory-care-sensitive condition."""
        return deciding_code_sql(AMBULATORY_CARE_SENSITIVE, self.code_lists)


@dataclass(frozen=True)
class Numbers:
    """SQL, usable in FROM, of core__person and core__code, which have the numbers of people and codes."""

    people: str
    codes: str


def write_events(
    lake: Lake, con: duckdb.DuckDBPyConnection, rows: Sequence[EventRows], numbers: Numbers, request: EventRequest
) -> int:
    """Number, sort and store events as core__event in one commit, and return their number."""
    settings, work = request.settings, request.work
    last = con.execute(f"SELECT max(person_key) FROM {numbers.people}").fetchall()[0][0]
    if rows and last is not None and last < settings.people_per_file:
        # There is one range of people: buckets on disk would save no memory.
        parts = " UNION ALL ".join(f"({numbered_sql(part, numbers)})" for part in rows)
        only = lake.write_sql(EVENT.name, con, f"SELECT {_COLUMNS} FROM ({parts}) ORDER BY {_ORDER}")
        lake.commit(EVENT.name, [only], arrow_schema(EVENT), replace="all")
        return only.rows
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        con.execute("SET partitioned_write_flush_threshold = 65536")
        for number, part in enumerate(rows):
            con.execute(_bucket_sql(part, numbers, settings.people_per_file, work / f"{number:02}"))
        buckets = sorted({int(folder.name.removeprefix("bucket=")) for folder in work.glob("*/bucket=*")})
        files = [lake.write_sql(EVENT.name, con, _sorted_sql(work, bucket)) for bucket in buckets]
        if not files:
            files = [lake.write_sql(EVENT.name, con, _no_events_sql())]
        lake.commit(EVENT.name, files, arrow_schema(EVENT), replace="all")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return sum(file.rows for file in files)


def _bucket_sql(part: EventRows, numbers: Numbers, people_per_file: int, folder: Path) -> str:
    numbered = f"SELECT *, person_key // {people_per_file} AS bucket FROM ({numbered_sql(part, numbers)})"
    return f"COPY ({numbered}) TO {quote(folder)} (FORMAT parquet, COMPRESSION lz4_raw, PARTITION_BY (bucket))"


def numbered_sql(part: EventRows, numbers: Numbers) -> str:
    """Return the SQL of a part's events as core__event holds them, in no order."""
    person = "" if part.numbered else f"JOIN (SELECT person_id, person_key FROM {numbers.people}) USING (person_id)"
    code = "coalesce(coded.code, 0)" if part.code_system else "0"
    coded = (
        f"LEFT JOIN {_codes_of(part.code_system, numbers.codes)} AS coded ON coded.source_code = row.code"
        if part.code_system
        else ""
    )
    return f"""
        SELECT person_key, event_date, greatest(available_date, event_date) AS available_date,
            CAST(event_type AS SMALLINT) AS event_type, {code} AS code,
            CAST(CASE WHEN isfinite(value) THEN value END AS FLOAT) AS value,
            coalesce(sent.code, 0) AS provider, CAST({FEED_NUMBER[part.feed]} AS TINYINT) AS feed
        FROM ({part.sql}) AS row {person} {coded}
        LEFT JOIN {_codes_of("ods", numbers.codes)} AS sent ON sent.source_code = row.provider"""


def _codes_of(system: str, codes: str) -> str:
    return f"(SELECT code, source_code FROM {codes} WHERE code_system = {quote(system)})"


def _sorted_sql(work: Path, bucket: int) -> str:
    files = sorted(work.glob(f"*/bucket={bucket}/*.parquet"))
    return f"SELECT {_COLUMNS} FROM read_parquet([{quote_paths(files)}], hive_partitioning=false) ORDER BY {_ORDER}"


def _no_events_sql() -> str:
    kinds = {"date32": "DATE", "int16": "SMALLINT", "int8": "TINYINT", "int32": "INTEGER", "float32": "FLOAT"}
    return "SELECT " + ", ".join(f"CAST(NULL AS {kinds[c.arrow_type]}) AS {c.name}" for c in EVENT.columns) + " WHERE false"

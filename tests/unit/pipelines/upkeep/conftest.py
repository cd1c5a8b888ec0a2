"""A home whose opt-outs came in clear, by a first key: three people, their scores and drivers; and published runs as small as they can be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from expectations.table import Kind, Table
from expectations.tables import core, risk
from expectations.tables.raw_gp import OPT_OUTS
from pipelines.extracts.ingest import ingest_feed
from pipelines.extracts.pseudonyms import pseudonym_of
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import NhsSettings

HEADER = "PERSON_ID,OPT_OUT_TYPE,STATUS,EFFECTIVE_DATE\n"
NUMBERS = ("9990000018", "9990000026", "9990000034")
KEYS = (b"first" * 8, b"second" * 8, b"third" * 8)
VARIABLES = ("STRATA_PSEUDONYM_KEY", "KEY_2", "KEY_3")
PLAIN: dict[Kind, Any] = {Kind.DATE: date(2026, 1, 1), Kind.INTEGER: 1, Kind.NUMBER: 0.5, Kind.BOOLEAN: True}
DAY, RUN = date(2026, 1, 1), "20260101abcd"


def row(table: Table, **given: object) -> dict[str, object]:
    """Return a row of a declared table: columns not given have a plain value of their kind."""
    return {column.name: given.get(column.name, PLAIN.get(column.kind, column.name)) for column in table.columns}


def rows_of(table: Table, rows: list[dict[str, object]]) -> pa.Table:
    """Return rows of a declared table: columns not given have a plain value of their kind."""
    full = [{column.name: row.get(column.name, PLAIN.get(column.kind, column.name)) for column in table.columns} for row in rows]
    return pa.Table.from_pylist(full, schema=arrow_schema(table))


@dataclass(frozen=True)
class Home:
    """A home, and the pseudonyms of its people under the first key."""

    path: Path

    @property
    def lake(self) -> Lake:
        return Lake(self.path / "lake")

    def deliver(self, day: str, links: int = 1) -> list[str]:
        """Take in a delivery of everyone's opt-outs with a chain of so many keys, and give the pseudonyms it came to."""
        file = self.path / "landing" / "opt_outs" / f"opt_outs_{day}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(HEADER + "".join(f"{number},TYPE_1,1,{day}\n" for number in NUMBERS))
        later = [{"key_variable": name} for name in VARIABLES[1:links]]
        nhs = NhsSettings.model_validate({"feeds": {"opt_outs": {"pseudonymised": False}}, "pseudonyms": {"later_keys": later}})
        with connect() as con:
            new = ingest_feed(self.lake, con, OPT_OUTS, nhs, self.path / "landing").new
        where = f"file_name = '{new[-1].file_name}'"
        return [str(value) for value in self.lake.read(OPT_OUTS.name, "person_id", where, "row_number")["person_id"].to_pylist()]


@pytest.fixture
def numbers() -> tuple[str, ...]:
    return NUMBERS


@pytest.fixture
def keys() -> tuple[bytes, ...]:
    return KEYS


@pytest.fixture
def make_rows() -> Callable[..., pa.Table]:
    return rows_of


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name, key in zip(VARIABLES, KEYS, strict=True):
        monkeypatch.setenv(name, key.decode())
    made = Home(tmp_path)
    made.deliver("2026-01-01")
    people = [pseudonym_of(number, KEYS[:1]) for number in NUMBERS]
    practices = ("A81001", "A81001", "B82002")
    lake = made.lake
    lake.write(core.PERSON, rows_of(core.PERSON, [{"person_key": key, "person_id": person} for key, person in enumerate(people)]))
    registered = [{"person_key": key, "practice_code": practice, "end_date": None} for key, practice in enumerate(practices)]
    lake.write(core.REGISTRATION, rows_of(core.REGISTRATION, registered))
    homes = [{"person_key": key, "household_id": people[0] if key else None} for key in range(3)]
    lake.write(core.RESIDENCE, rows_of(core.RESIDENCE, homes))
    common = {"run_id": RUN, "outcome": "falls", "index_date": DAY, "suppression_reason": "", "direction": "raises"}
    scores = [
        {**common, "person_id": person, "practice_code": practice, "risk": 0.1 + 0.1 * place, "driver": f"Driver {place}"}
        for place, (person, practice) in enumerate(zip(people, practices, strict=True))
    ]
    for table, partition in (
        (risk.SCORES, {"run_id": RUN}),
        (risk.DRIVERS, {"run_id": RUN}),
        (risk.CURRENT, {"outcome": "falls"}),
    ):
        lake.write(table, rows_of(table, scores), partition)
    lake.append(
        risk.RUNS,
        rows_of(
            risk.RUNS, [{**common, "recorded_at": "2026-01-01", "status": "published", "table_versions": "{}", "reason": ""}]
        ),
    )
    return made


@pytest.fixture
def published() -> Callable[..., str]:
    def publish(lake: Lake, day: date, people: tuple[str, ...] = ("p1", "p2")) -> str:
        run_id = f"{day:%Y%m%d}abcd"
        for table in (risk.SCORES, risk.DRIVERS):
            rows = [row(table, person_id=person, run_id=run_id, outcome="falls", index_date=day) for person in people]
            lake.write(table, rows, {"run_id": run_id})
        run = row(risk.RUNS, run_id=run_id, outcome="falls", index_date=day, status="published", table_versions="{}", reason="")
        lake.append(risk.RUNS, [{**run, "recorded_at": day.isoformat()}])
        return run_id

    return publish

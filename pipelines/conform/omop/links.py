"""Rules of OMOP rows that depend on PERSON and OBSERVATION_PERIOD: unknown people, and days outside the observed time."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from expectations.sql_values import quote, quote_all
from expectations.table import Table
from expectations.tables.core import QUARANTINE
from expectations.tables.raw_omop import CDM_TABLES, NO_SUCH_PERSON, OUTSIDE_OBSERVATION
from pipelines.conform.omop.visits import Cdm
from pipelines.lake.storage import Lake


def linked_rows(rows: Cdm) -> Cdm:
    """Return the SQL of each CDM table without rows that break a rule of other tables; `rows` are the validated rows."""
    people, periods = (
        rows["person"],
        _joined(rows["observation_period"], CDM_TABLES["observation_period"], rows["person"], "", "SEMI"),
    )
    kept = {"person": people, "observation_period": periods}
    return {name: kept.get(name) or _joined(sql, CDM_TABLES[name], people, periods, "SEMI") for name, sql in rows.items()}


def _joined(rows: str, table: Table, people: str, periods: str, how: str) -> str:
    """Return the rows that keep (SEMI) or break (ANTI) the rules of other tables; `periods` are of known people only."""
    if OUTSIDE_OBSERVATION in table.linked_rules:
        seen = f"row.{table.event_date} BETWEEN observation_period_start_date AND observation_period_end_date"
        return f"(SELECT row.* FROM {rows} AS row {how} JOIN {periods} AS period ON period.person_id = row.{table.person} AND {seen})"
    if NO_SUCH_PERSON in table.linked_rules:
        return f"(SELECT row.* FROM {rows} AS row {how} JOIN {people} AS known ON known.person_id = row.{table.person})"
    return rows


def quarantine_unlinked(lake: Lake, con: duckdb.DuckDBPyConnection, rows: Cdm) -> dict[str, int]:
    """Add the rows that break a rule of other tables to core__quarantine, and return their number by reason."""
    periods = linked_rows(rows)["observation_period"]
    counts: dict[str, int] = {}
    for name, table in CDM_TABLES.items():
        if name in rows and table.linked_rules:
            for reason, count in _quarantine(lake, con, table, _broken(rows[name], table, rows["person"], periods)).items():
                counts[reason] = counts.get(reason, 0) + count
    return counts


def _broken(rows: str, table: Table, people: str, periods: str) -> str:
    return f"""SELECT extract_id, row_number, CASE WHEN known.person_id IS NULL THEN {quote(NO_SUCH_PERSON.reason)}
            ELSE {quote(OUTSIDE_OBSERVATION.reason)} END AS reason
        FROM {_joined(rows, table, people, periods, "ANTI")} AS row
        LEFT JOIN (SELECT DISTINCT person_id FROM {people}) AS known ON known.person_id = row.{table.person}
        ORDER BY extract_id, row_number"""


def _quarantine(lake: Lake, con: duckdb.DuckDBPyConnection, table: Table, broken: str) -> dict[str, int]:
    """Replace the broken rows of these reasons in the quarantine of each extract; rows of other reasons stay."""
    found = con.sql(broken).to_arrow_table()
    names = con.execute(f"SELECT DISTINCT extract_id, file_name FROM {lake.scan(table.name)}").fetchall()
    reasons = quote_all(rule.reason for rule in table.linked_rules)
    for extract_id, file_name in names:
        partition = {"table_name": table.name, "extract_id": extract_id}
        mine = found.filter(pc.equal(found["extract_id"], extract_id)).drop_columns(["extract_id"])
        mine = mine.append_column("file_name", pa.array([file_name] * mine.num_rows, pa.string()))
        mine = mine.append_column("column_name", pa.array([""] * mine.num_rows, pa.string()))
        mine = mine.append_column("action", pa.array(["set_aside"] * mine.num_rows, pa.string()))
        others = _others(lake, partition, f"reason NOT IN ({reasons})")
        whole = pa.concat_tables([others, mine.select(others.column_names).cast(others.schema)]) if others is not None else mine
        if others is not None or mine.num_rows:
            lake.write(QUARANTINE, whole, partition)
    counts = found.group_by("reason").aggregate([("row_number", "count")]).to_pylist()
    return {row["reason"]: row["row_number_count"] for row in counts}


def _others(lake: Lake, partition: Mapping[str, str], where: str) -> pa.Table | None:
    if not lake.exists(QUARANTINE.name):
        return None
    return lake.read(QUARANTINE.name, "file_name, row_number, reason, column_name, action", where, partition=partition)

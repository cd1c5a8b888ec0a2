"""What a lake holds, in a form that two commits can be compared by.

Every column is digested as the sum of hash(primary key, value), so the order of rows does not matter and swapping two people's values
shows. Learnt numbers are kept as values, because another machine may differ in the last digit. Free text is compared only as empty or
not, so that a better wording is no change of results.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from regression.stable_names import stable_names

from expectations.catalogue import TABLES
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake

# Tables that say when or how a run was done, not what it found.
NOT_COMPARED = ("monitoring__stages", "monitoring__alerts", "monitoring__decision", "raw__pseudonym_keys")
# Columns that hold a time, a place or a digest of code, settings or the tracker.
OF_THE_RUN = (
    "recorded_at", "scored_at", "outcome_definition_version", "mlflow_run_id", "model_version", "code_version", "settings_version",
    "feature_set_version", "scores_digest", "table_versions", "inputs", "reading", "path", "bytes", "deliveries",
)  # fmt: skip
# Columns that hold a digest for which there is a stable name.
NAMED = ("extract_id", "training_id", "model_digest", "run_id", "previous_run_id", "compared_run_id")
# Text for people: its wording may change.
FREE_TEXT = (
    "description", "label", "source", "message", "note", "runbook", "driver", "features", "data_quality_status", "approval", "approval_reason",
    "imd_reason", "rules", "text_reading", "gates",
)  # fmt: skip
FREE_TEXT_OF = {"risk__runs": ("suppressed", "reason"), "features__catalogue": ("reason",), "equity__outcome_rates": ("reason",)}
LEARNT_LAYERS = ("risk", "equity", "monitoring")
EXACT_TABLES = ("risk__labels", "risk__cohort_flow", "risk__actions", "monitoring__validation", "monitoring__volumes")
SEPARATOR = "\x1f"
# The number of a table's rows, next to the digests of its columns.
ROW_COUNT = "rows"
OTHER_ROW_COUNT = "number of rows"  # of a table with a column called `rows`


@dataclass(frozen=True)
class Content:
    """The digests of exact columns, and the values of learnt numbers in the order of their primary key, by table."""

    exact: Mapping[str, Mapping[str, str]]
    learnt: Mapping[str, pa.Table]

    def write(self, folder: Path) -> None:
        """Write the content as one JSON file and one small Parquet file per table of learnt numbers."""
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*"):
            old.unlink()
        (folder / "exact.json").write_text(json.dumps(self.exact, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        for name, values in self.learnt.items():
            pq.write_table(values, folder / f"{name}.parquet", compression="zstd", compression_level=15, use_dictionary=False)


def read_reference(folder: Path) -> Content:
    """Read content that was written before."""
    exact = json.loads((folder / "exact.json").read_text(encoding="utf-8"))
    return Content(exact, {file.stem: pq.read_table(file) for file in sorted(folder.glob("*.parquet"))})


def content_of(lake: Lake) -> Content:
    """Return the content of every table of a lake."""
    exact, learnt = {}, {}
    with connect() as con:
        _register_names(con, lake)
        for name in lake.tables():
            if name in NOT_COMPARED:
                continue
            exact[name] = _digests(con, lake, name)
            if numbers := _learnt_columns(lake, name):
                key = ", ".join(_key(lake, name))
                kept = ", ".join(f"CAST({_quoted(column)} AS FLOAT) AS {_quoted(column)}" for column in numbers)
                learnt[name] = con.sql(f"SELECT {kept} FROM {lake.scan(name)} ORDER BY {key}").to_arrow_table()
        if "risk__models" in exact:
            exact["gates of risk__models"] = _verdicts(con, lake)
    return Content(exact, learnt)


def _register_names(con: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    names = stable_names(lake)
    schema = pa.schema({"digest": pa.string(), "name": pa.string()})
    con.register("stable_names", pa.table({"digest": list(names), "name": list(names.values())}, schema))
    con.execute("CREATE TEMP TABLE names AS SELECT map(list(digest), list(name)) AS by_digest FROM stable_names")
    con.execute("CREATE TEMP MACRO stable(value) AS coalesce((SELECT by_digest FROM names)[value], value)")


def _digests(con: duckdb.DuckDBPyConnection, lake: Lake, name: str) -> dict[str, str]:
    """Return the number of rows, and for each exact column the sum of hash(primary key, value) as text."""
    key = ", ".join(f"coalesce(CAST({part} AS VARCHAR), '')" for part in _key(lake, name))
    learnt = _learnt_columns(lake, name)
    fields = [field for field in lake.schema(name) if field.name not in OF_THE_RUN and field.name not in learnt]
    columns = [field.name for field in fields]
    sums = [
        f"sum(CAST(md5_number_lower(concat_ws('{SEPARATOR}', row_key, {_value(name, field)})) AS HUGEINT))" for field in fields
    ]
    rows = f"SELECT *, concat_ws('{SEPARATOR}', {key}) AS row_key FROM {lake.scan(name)}"
    row = con.execute(f"SELECT count(*), {', '.join(sums)} FROM ({rows})").fetchall()[0]
    digests = {column: str(value) for column, value in zip(columns, row[1:], strict=True)}
    return {OTHER_ROW_COUNT if ROW_COUNT in digests else ROW_COUNT: str(row[0]), **digests}


def _verdicts(con: duckdb.DuckDBPyConnection, lake: Lake) -> dict[str, str]:
    """Return each candidate's verdict on each gate."""
    rows = con.execute(f"SELECT stable(training_id), candidate, gates FROM {lake.scan('risk__models')} ORDER BY 1, 2").fetchall()
    return {
        f"{training}, {candidate}": ", ".join(sorted(f"{gate['gate']}: {gate['answer']}" for gate in json.loads(gates)))
        for training, candidate, gates in rows
    }


def _key(lake: Lake, name: str) -> list[str]:
    """Return SQL of the columns that tell a table's rows from each other; all of them where none is declared."""
    schema = lake.schema(name)
    declared = TABLES[name].key if name in TABLES else ()
    columns = [column for column in declared or schema.names if column not in OF_THE_RUN]
    return [f"stable({_quoted(column)})" if column in NAMED else _quoted(column) for column in columns]


def _value(name: str, field: pa.Field) -> str:
    """Return SQL of the text by which a value is digested."""
    quoted = _quoted(field.name)
    if field.type != pa.string():
        return f"coalesce(CAST({quoted} AS VARCHAR), '{SEPARATOR}null')"
    if field.name in FREE_TEXT or field.name in FREE_TEXT_OF.get(name, ()):
        return f"CASE WHEN coalesce({quoted}, '') = '' THEN 'empty' ELSE 'text' END"
    named = f"stable({quoted})" if field.name in NAMED else quoted
    return f"coalesce({named}, '{SEPARATOR}null')"


def _learnt_columns(lake: Lake, name: str) -> list[str]:
    """Return the columns of numbers that a model or a sample of chance made: any but whole numbers outside the exact tables."""
    if name.split("__")[0] not in LEARNT_LAYERS or name in EXACT_TABLES:
        return []
    return [field.name for field in lake.schema(name) if pa.types.is_floating(field.type) and field.name not in OF_THE_RUN]


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'

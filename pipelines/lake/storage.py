"""The lake: Delta tables on disk, read by DuckDB. The one file that knows how tables are stored.

DuckDB writes Parquet files, which keep the order of rows; they are then committed as Delta add actions. A file that was
written and not committed is seen by no reader.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from urllib.parse import quote, unquote

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, Schema
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions

from expectations.table import Table
from pipelines.lake.sql_literals import text, texts

ROW_GROUP_ROWS = 122_880
type_codes = {"string": pa.string(), "date32": pa.date32(), "bool": pa.bool_()}


LogState = tuple[str, int, int]


class StorageError(Exception):
    """The lake cannot give or keep what was asked."""


@dataclass(frozen=True)
class DataFile:
    """A Parquet file in a table's folder that is not yet committed."""

    path: str  # relative to the table's folder, where names are URL-quoted
    size: int
    rows: int
    partition: Mapping[str, str]


def connect(memory_limit_gb: float = 4.0, threads: int = 2, spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB with bounded memory, which needs no network."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory_limit_gb}GB",
        "threads": str(threads),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "preserve_insertion_order": "true",
    }
    if spill is not None:
        spill.mkdir(parents=True, exist_ok=True)
        config["temp_directory"] = str(spill)
    return duckdb.connect(config=config)


def arrow_schema(table: Table) -> pa.Schema:
    """Give the Arrow schema of a declared table."""
    return pa.schema(
        [pa.field(column.name, type_codes.get(column.arrow_type) or getattr(pa, column.arrow_type)()) for column in table.columns]
    )


@cache
def _reader() -> duckdb.DuckDBPyConnection:
    """Open the connection of this process for small reads; opening one for each would cost more than they do."""
    con = connect()
    con.execute("SET enable_external_file_cache = false")
    return con


_OPENED: dict[Path, tuple[LogState, DeltaTable]] = {}  # tables as last opened: reading a log again costs most of a small read
_RECORDS: dict[Path, tuple[tuple[LogState, int], pa.Table]] = {}  # tables of records as last read


def _log_state(folder: Path) -> LogState:
    """Tell a table's log from any other state of it, by its last commit."""
    last = max(entry.name for entry in (folder / "_delta_log").iterdir() if entry.suffix == ".json")
    told = (folder / "_delta_log" / last).stat()
    return last, told.st_ino, told.st_mtime_ns


class Lake:
    """The Delta tables under one folder."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def folder(self, name: str) -> Path:
        return self.root / name

    def exists(self, name: str) -> bool:
        return DeltaTable.is_deltatable(str(self.folder(name)))

    def version(self, name: str) -> int | None:
        """Give the table's latest version, or None where there is no table."""
        return self._open(name).version() if self.exists(name) else None

    def versions(self, names: list[str]) -> dict[str, int]:
        """Give the latest version of each table that exists."""
        found = {name: self.version(name) for name in sorted(names)}
        return {name: version for name, version in found.items() if version is not None}

    def tables(self) -> list[str]:
        """List the tables there are."""
        return sorted(path.name for path in self.root.glob("*") if self.exists(path.name)) if self.root.exists() else []

    def rows(self, name: str, partition: Mapping[str, str] | None = None) -> int:
        """Count the rows of a table, or of those with some values, from its metadata where files are kept by them."""
        if not self.exists(name):
            return 0
        wanted = partition or {}
        if not set(wanted) <= set(self.partitioned_by(name)):
            return int(self.read(name, "count(*) AS rows", partition=wanted)["rows"][0].as_py())
        return sum(file.rows for file in self.live_files(name) if wanted.items() <= file.partition.items())

    def partitioned_by(self, name: str, version: int | None = None) -> tuple[str, ...]:
        """Name the columns by whose values the files of a table are kept apart."""
        return tuple(self._open(name, version).metadata().partition_columns)

    def partitions(self, name: str, column: str) -> list[str]:
        """List the values of a column, sorted; without reading where files are kept by it."""
        if not self.exists(name):
            return []
        if column not in self.partitioned_by(name):
            return [str(value) for value in self.read(name, f"DISTINCT {column}", order="1")[column].to_pylist()]
        return sorted({file.partition[column] for file in self.live_files(name)})

    def files(self, name: str, partition: Mapping[str, str] | None = None, version: int | None = None) -> list[str]:
        """List the absolute paths of the files that may hold rows of a table (or partition), in order of their names."""
        by = self.partitioned_by(name, version)
        filters = [(key, "=", value) for key, value in (partition or {}).items() if key in by]
        return sorted(uri.removeprefix("file://") for uri in self._open(name, version).file_uris(filters or None))

    def scan(self, name: str, partition: Mapping[str, str] | None = None, version: int | None = None) -> str:
        """Give the SQL that reads a table in DuckDB, or its rows with some values; without files it reads as no rows."""
        table = self._open(name, version)
        files = self.files(name, partition, version)
        by = self.partitioned_by(name, version)
        schema = pa.schema(table.schema().to_arrow())
        if not files:
            columns = ", ".join(f"CAST(NULL AS {_sql_type(field.type)}) AS {field.name}" for field in schema)
            return f"(SELECT {columns} WHERE false)"
        types = ", ".join(f"'{column}': {_sql_type(schema.field(column).type)}" for column in by)
        hive = f", hive_partitioning=true, hive_types={{{types}}}" if by else ", hive_partitioning=false"
        read = f"read_parquet([{texts(files)}]{hive}, union_by_name=true)"
        among = [
            f"{key} = CAST({text(value)} AS {_sql_type(schema.field(key).type)})"
            for key, value in (partition or {}).items()
            if key not in by
        ]
        return f"(SELECT * FROM {read} WHERE {' AND '.join(among)})" if among else read

    def read(
        self, name: str, columns: str = "*", where: str = "true", order: str = "", partition: Mapping[str, str] | None = None
    ) -> pa.Table:
        """Read columns of a table that fits in memory."""
        by = f"ORDER BY {order}" if order else ""
        with _reader().cursor() as con:
            return con.sql(f"SELECT {columns} FROM {self.scan(name, partition)} WHERE {where} {by}").to_arrow_table()

    def records(self, name: str) -> pa.Table:
        """Read a table of few rows whole; it is asked again and again, and read again only when it has changed."""
        state, folder = (_log_state(self.folder(name)), self._open(name).version()), self.folder(name)
        held, rows = _RECORDS.get(folder, (None, None))
        if rows is None or held != state:
            rows = self.read(name)
            _RECORDS[folder] = (state, rows)
        return rows

    def table(self, name: str) -> DeltaTable:
        """Give a table as Delta Lake has it."""
        return self._open(name)

    def live_files(self, name: str) -> list[DataFile]:
        """List the files that a table is made of, in order of their paths."""
        found = [
            DataFile(
                unquote(row["path"]), int(row["size_bytes"]), int(row["num_records"] or 0), _as_text(row.get("partition") or {})
            )
            for row in pa.table(self._open(name).get_add_actions(flatten=False)).to_pylist()
        ]
        return sorted(found, key=lambda file: file.path)

    def bytes_stored(self) -> int:
        """Return the size of all tables as they are now, without their earlier versions."""
        return sum(file.size for name in self.tables() for file in self.live_files(name))

    def schema(self, name: str) -> pa.Schema:
        return pa.schema(self._open(name).schema().to_arrow())

    def write_sql(
        self, name: str, con: duckdb.DuckDBPyConnection, query: str, partition: Mapping[str, str] | None = None
    ) -> DataFile:
        """Write a query's rows, in its order, to one file that is not yet committed.

        The rows stream through Arrow, whose Parquet writer takes a third of the processor time of DuckDB's own. What fails
        while they stream comes as an OSError without a number, and its words may hold values.
        """
        return self.write_arrow(name, con.sql(query).to_arrow_reader(ROW_GROUP_ROWS), partition)

    def write_arrow(
        self, name: str, data: pa.Table | pa.RecordBatchReader, partition: Mapping[str, str] | None = None
    ) -> DataFile:
        """Write Arrow rows, in their order, to one file that is not yet committed."""
        target, relative = self._new_file(name, partition)
        reader = data.to_reader() if isinstance(data, pa.Table) else data
        rows = 0
        try:
            with pq.ParquetWriter(target, reader.schema, compression="zstd") as writer:
                for batch in reader:
                    writer.write_batch(batch, row_group_size=ROW_GROUP_ROWS)
                    rows += batch.num_rows
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        return DataFile(relative, target.stat().st_size, rows, dict(partition or {}))

    def commit(
        self,
        name: str,
        files: list[DataFile],
        schema: pa.Schema,
        *,
        partition_by: tuple[str, ...] = (),
        replace: Mapping[str, str] | str | None = None,
    ) -> int:
        """Make files part of a table in one transaction and give its new version.

        `schema` holds all columns, those of the partition too. `replace` is None to append, "all", or the partition
        whose files give way. Files that hold, byte for byte, what they would replace are deleted instead: the table stays
        as it is, and what is made from it need not be made again.
        """
        if self._same_bytes(name, files, replace):
            return self.table(name).version()
        adds: list[AddAction | RemoveAction] = [add_action(file) for file in files]
        delta = Schema.from_arrow(schema)
        with self.writing(name):
            kept_by = self.partitioned_by(name) if self.exists(name) else None
            if kept_by is None or (kept_by != partition_by and replace == "all"):
                create_table_with_add_actions(
                    str(self.folder(name)),
                    delta,
                    [add for add in adds if isinstance(add, AddAction)],
                    mode="error" if kept_by is None else "overwrite",
                    partition_by=list(partition_by) or None,
                    name=name,
                )
                return self._open(name).version()
            if kept_by != partition_by:
                raise StorageError(
                    f"{name} was written by an earlier version of Strata or from another kind of cohort, which kept it in other parts. Nothing "
                    f"is lost by removing {self.folder(name)} if the extracts are there still: the next run writes it again"
                )
            table = self._open(name)
            filters = [(key, "=", value) for key, value in replace.items()] if isinstance(replace, Mapping) else None
            mode = "append" if replace is None else "overwrite"
            table.create_write_transaction(adds, mode, delta, list(partition_by) or None, filters)
            return self._open(name).version()

    def _same_bytes(self, name: str, files: list[DataFile], replace: Mapping[str, str] | str | None) -> bool:
        """Tell whether new files are the ones they would replace; if so they are deleted."""
        if replace is None or not files or not self.exists(name):
            return False
        wanted = replace if isinstance(replace, Mapping) else {}
        held = [file for file in self.live_files(name) if wanted.items() <= file.partition.items()]
        if sorted((file.size, file.rows) for file in held) != sorted((file.size, file.rows) for file in files):
            return False
        content = partial(_content, self.folder(name))
        if sorted(map(content, held)) != sorted(map(content, files)):
            return False
        for file in files:
            (self.folder(name) / file.path).unlink()
        return True

    def replace_sql(self, table: Table, con: duckdb.DuckDBPyConnection, query: str, order: str = "") -> int:
        """Replace a declared, unpartitioned table by a query's rows, cast to the declaration; give the rows written."""
        columns = ", ".join(
            f"CAST({column.name} AS {_sql_type(arrow_schema(table).field(column.name).type)}) AS {column.name}"
            for column in table.columns
        )
        by = f" ORDER BY {order}" if order else ""
        file = self.write_sql(table.name, con, f"SELECT {columns} FROM ({query}){by}")
        self.commit(table.name, [file], arrow_schema(table), replace="all")
        return file.rows

    def replace(self, table: Table, data: pa.Table, partition: Mapping[str, str] | None = None) -> int:
        """Replace a declared table, or one partition of it, by Arrow rows; give the rows written.

        The columns of the partition may be absent from `data`.
        """
        return self._put(table, data, partition, replace=dict(partition) if partition else "all")

    def append(self, table: Table, data: pa.Table, partition: Mapping[str, str] | None = None) -> int:
        """Append Arrow rows to a declared table; give the rows written."""
        return self._put(table, data, partition, replace=None)

    def _put(
        self, table: Table, data: pa.Table, partition: Mapping[str, str] | None, replace: Mapping[str, str] | str | None
    ) -> int:
        schema = arrow_schema(table)
        stored = pa.schema([field for field in schema if field.name not in table.partitioned_by])
        missing = [name for name in stored.names if name not in data.column_names]
        if missing:
            raise StorageError(f"{table.name}: the rows to store lack the declared columns {missing}")
        file = self.write_arrow(table.name, data.select(stored.names).cast(stored), partition)
        self.commit(table.name, [file], schema, partition_by=table.partitioned_by, replace=replace)
        return file.rows

    def _new_file(self, name: str, partition: Mapping[str, str] | None) -> tuple[Path, str]:
        parts = [f"{key}={quote(str(value), safe='')}" for key, value in (partition or {}).items()]
        relative = "/".join([*parts, f"part-{uuid.uuid4().hex}.parquet"])
        target = self.folder(name) / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        return target, relative

    def _open(self, name: str, version: int | None = None) -> DeltaTable:
        if not self.exists(name):
            raise StorageError(f"there is no table {name} in {self.root}; run the stage that writes it first")
        folder = self.folder(name)
        if version is not None:
            return DeltaTable(str(folder), version=version)
        state, (held, table) = _log_state(folder), _OPENED.get(folder, (None, None))
        if table is None or held != state:
            table = DeltaTable(str(folder))
            _OPENED[folder] = (state, table)
        return table

    @contextmanager
    def writing(self, name: str) -> Iterator[None]:
        """Hold a table for one commit, so that its log has one writer at a time."""
        locks = self.root / ".locks"
        locks.mkdir(parents=True, exist_ok=True)
        with (locks / name).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def add_action(file: DataFile) -> AddAction:
    """Give what commits a file to its table."""
    return AddAction(
        file.path, file.size, dict(file.partition), int(time.time() * 1000), True, json.dumps({"numRecords": file.rows})
    )


def _content(folder: Path, file: DataFile) -> tuple[str, str]:
    with (folder / file.path).open("rb") as opened:
        return str(sorted(file.partition.items())), hashlib.file_digest(opened, "sha256").hexdigest()


def _as_text(partition: Mapping[str, object]) -> dict[str, str]:
    return {key: str(value) for key, value in partition.items() if value is not None}


def _sql_type(kind: pa.DataType) -> str:
    names = {
        "string": "VARCHAR", "large_string": "VARCHAR", "string_view": "VARCHAR", "date32[day]": "DATE", "bool": "BOOLEAN",
        "int8": "TINYINT", "int16": "SMALLINT", "int32": "INTEGER", "int64": "BIGINT", "float": "FLOAT", "double": "DOUBLE",
    }  # fmt: skip
    if str(kind).startswith("timestamp"):
        return "TIMESTAMP"
    return names[str(kind)]

"""The lake: Delta tables on disk, read by DuckDB. With `files.py`, the only code that knows how tables are stored.

Parquet files keep the order of rows. Strata writes them first and then commits them as Delta add actions. No reader sees a file that is
not committed.
"""

from __future__ import annotations

import fcntl
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote as url_quote
from urllib.parse import unquote

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, Schema
from deltalake.transaction import AddAction, create_table_with_add_actions

from expectations.sql_values import quote, quote_paths
from expectations.table import Table
from pipelines.lake.data_files import DataFile, add_action, content_digest
from pipelines.lake.delta_log import LogState, last_commit, log_state, open_latest
from pipelines.lake.duckdb_connection import shared_reader
from pipelines.lake.rows import Rows, StorageError, arrow_schema, as_arrow, no_rows, sql_type

ROW_GROUP_ROWS = 122_880

_RECORDS: dict[Path, tuple[tuple[LogState, int], pa.Table]] = {}  # tables of records as last read


def _partition_of(replace: Mapping[str, str] | str | None) -> Mapping[str, str]:
    """Return the partition that a commit replaces; empty if it is not limited to one."""
    return replace if isinstance(replace, Mapping) else {}


class Lake:
    """The Delta tables under one folder."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def folder(self, name: str) -> Path:
        return self.root / name

    def exists(self, name: str) -> bool:
        return bool(last_commit(self.folder(name)))

    def version(self, name: str) -> int | None:
        """Return the table's latest version, or None if there is no table."""
        return self._open(name).version() if self.exists(name) else None

    def versions(self, names: list[str]) -> dict[str, int]:
        """Return the latest version of each table that exists."""
        versions = {name: self.version(name) for name in sorted(names)}
        return {name: version for name, version in versions.items() if version is not None}

    def tables(self) -> list[str]:
        """Return the names of the tables that exist, sorted."""
        return sorted(path.name for path in self.root.glob("*") if self.exists(path.name)) if self.root.exists() else []

    def rows(self, name: str, partition: Mapping[str, str] | None = None) -> int:
        """Count the rows of a table or partition, from the metadata if the table is partitioned by these columns."""
        if not self.exists(name):
            return 0
        requested = partition or {}
        if not set(requested) <= set(self.partitioned_by(name)):
            return int(self.read(name, "count(*) AS rows", partition=requested)["rows"][0].as_py())
        return sum(file.rows for file in self.live_files(name) if requested.items() <= file.partition.items())

    def partitioned_by(self, name: str, version: int | None = None) -> tuple[str, ...]:
        """Return the columns by whose values a table is split into files."""
        return tuple(self._open(name, version).metadata().partition_columns)

    def partitions(self, name: str, column: str) -> list[str]:
        """Return the sorted values of a column, or none if there is no table; a partition column is not read from the files."""
        if not self.exists(name):
            return []
        if column not in self.partitioned_by(name):
            return [str(value) for value in self.read(name, f"DISTINCT {column}", order="1")[column].to_pylist()]
        return sorted({file.partition[column] for file in self.live_files(name)})

    def files(self, name: str, partition: Mapping[str, str] | None = None, version: int | None = None) -> list[str]:
        """Return the absolute paths of the files that may have rows of a table (or partition), sorted."""
        by = self.partitioned_by(name, version)
        filters = [(key, "=", value) for key, value in (partition or {}).items() if key in by]
        folder = self.folder(name).resolve()  # a URI quotes the names of the folders above, and not those of the partitions
        uris = self._open(name, version).file_uris(filters or None)
        return sorted(str(folder.joinpath(*uri.removeprefix("file://").split("/")[len(folder.parts) :])) for uri in uris)

    def scan(self, name: str, partition: Mapping[str, str] | None = None, version: int | None = None) -> str:
        """Return the SQL that reads a table or a partition of it in DuckDB; a table without files has no rows."""
        table = self._open(name, version)
        files = self.files(name, partition, version)
        by = self.partitioned_by(name, version)
        schema = pa.schema(table.schema().to_arrow())
        if not files:
            return no_rows(schema)
        types = ", ".join(f"{quote(column)}: {sql_type(schema.field(column).type)}" for column in by)
        hive = f", hive_partitioning=true, hive_types={{{types}}}" if by else ", hive_partitioning=false"
        read = f"read_parquet([{quote_paths(files)}]{hive}, union_by_name=true)"
        conditions = [
            f"{key} = CAST({quote(value)} AS {sql_type(schema.field(key).type)})"
            for key, value in (partition or {}).items()
            if key not in by
        ]
        return f"(SELECT * FROM {read} WHERE {' AND '.join(conditions)})" if conditions else read

    def read(
        self, name: str, columns: str = "*", where: str = "true", order: str = "", partition: Mapping[str, str] | None = None
    ) -> pa.Table:
        """Read columns of a table that fits in memory."""
        return self._select(self.scan(name, partition), columns, where, order)

    def scan_or_empty(self, table: Table, partition: Mapping[str, str] | None = None) -> str:
        """Return the SQL that reads a declared table in DuckDB, or no rows if it was never written.

        A declared column that the stored table lacks, because an earlier version wrote it, reads as null.
        """
        declared = arrow_schema(table)
        if not self.exists(table.name):
            return no_rows(declared)
        stored = self.schema(table.name)
        missing = [
            f"CAST(NULL AS {sql_type(field.type)}) AS {field.name}" for field in declared if field.name not in stored.names
        ]
        scan = self.scan(table.name, partition)
        return f"(SELECT *, {', '.join(missing)} FROM {scan})" if missing else scan

    def read_or_empty(
        self, table: Table, columns: str = "*", where: str = "true", order: str = "", partition: Mapping[str, str] | None = None
    ) -> pa.Table:
        """Read columns of a declared table that fits in memory, or no rows if it was never written."""
        return self._select(self.scan_or_empty(table, partition), columns, where, order)

    def _select(self, scan: str, columns: str, where: str, order: str) -> pa.Table:
        by = f"ORDER BY {order}" if order else ""
        with shared_reader().cursor() as con:
            return con.sql(f"SELECT {columns} FROM {scan} WHERE {where} {by}").to_arrow_table()

    def records(self, table: Table) -> pa.Table:
        """Read a declared table of few rows, such as a log; it is read again only if it has changed."""
        if not self.exists(table.name):
            return arrow_schema(table).empty_table()
        folder = self.folder(table.name)
        state = (log_state(folder), self._open(table.name).version())
        state_before, rows = _RECORDS.get(folder, (None, None))
        if rows is None or state_before != state:
            rows = self.read_or_empty(table)
            _RECORDS[folder] = (state, rows)
        return rows

    def table(self, name: str) -> DeltaTable:
        """Return a table as an object of Delta Lake."""
        return self._open(name)

    def live_files(self, name: str) -> list[DataFile]:
        """Return the files of a table in order of their paths, or none if it was never written."""
        if not self.exists(name):
            return []
        files = [
            DataFile(
                unquote(row["path"]), int(row["size_bytes"]), int(row["num_records"] or 0), _as_text(row.get("partition") or {})
            )
            for row in pa.table(self._open(name).get_add_actions(flatten=False)).to_pylist()
        ]
        return sorted(files, key=lambda file: file.path)

    def bytes_stored(self) -> int:
        """Return the size of all tables as they are now, without their earlier versions."""
        return sum(file.size for name in self.tables() for file in self.live_files(name))

    def schema(self, name: str) -> pa.Schema:
        return pa.schema(self._open(name).schema().to_arrow())

    def write_sql(
        self, name: str, con: duckdb.DuckDBPyConnection, query: str, partition: Mapping[str, str] | None = None
    ) -> DataFile:
        """Write a query's rows, in its order, to one file that is not yet committed.

        The rows stream through Arrow, whose Parquet writer takes a third of the processor time of DuckDB's own. An error while they stream
        is an OSError without a number, and its message may contain values.
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
        """Add files to a table in one transaction and return its new version.

        `schema` has all columns, including those of the partition. `replace` is None to append, "all", or the partition to replace. If the
        new files have the same bytes as those they would replace, they are deleted and the table does not change. Stages that read the table
        then need not run again.
        """
        if self._same_bytes(name, files, replace):
            return self.table(name).version()
        adds, delta = list(map(add_action, files)), Schema.from_arrow(schema)
        with self.writing(name):
            split_by = self.partitioned_by(name) if self.exists(name) else None
            if split_by == partition_by:
                filters = [(key, "=", value) for key, value in _partition_of(replace).items()] or None
                mode = "append" if replace is None else "overwrite"
                if replace is None:
                    self._add_columns(name, schema)
                self._open(name).create_write_transaction([*adds], mode, delta, list(partition_by), filters)
            elif split_by is None or replace == "all":
                self._create(name, adds, delta, partition_by)
            else:
                raise StorageError(
                    f"{name} is partitioned differently: an earlier version of Strata or another kind of cohort wrote it. If the extracts "
                    f"are still there, delete {self.folder(name)} and run again: the run rebuilds the table"
                )
            return self._open(name).version()

    def _add_columns(self, name: str, schema: pa.Schema) -> None:
        """Add the columns that a table lacks, because an earlier version wrote it, before rows with them are appended."""
        stored = self.schema(name).names
        if lacking := [field for field in schema if field.name not in stored]:
            self._open(name).alter.add_columns(list(Schema.from_arrow(pa.schema(lacking)).fields))

    def _create(self, name: str, adds: list[AddAction], delta: Schema, partition_by: tuple[str, ...]) -> None:
        """Create a table, or replace one that is partitioned differently."""
        mode: Literal["overwrite", "error"] = "overwrite" if self.exists(name) else "error"
        create_table_with_add_actions(str(self.folder(name)), delta, adds, mode, list(partition_by), name)

    def _same_bytes(self, name: str, files: list[DataFile], replace: Mapping[str, str] | str | None) -> bool:
        """Return whether new files have the same bytes as those they would replace, and if so delete them."""
        if replace is None or not files or not self.exists(name):
            return False
        partition = _partition_of(replace)
        stored = [file for file in self.live_files(name) if partition.items() <= file.partition.items()]
        traits: tuple[Callable[[DataFile], Any], ...] = (attrgetter("size", "rows"), partial(content_digest, self.folder(name)))
        if any(sorted(map(trait, stored)) != sorted(map(trait, files)) for trait in traits):  # the cheap trait first
            return False
        for file in files:
            (self.folder(name) / file.path).unlink()
        return True

    def replace_sql(self, table: Table, con: duckdb.DuckDBPyConnection, query: str, order: str = "") -> int:
        """Replace a declared, unpartitioned table by a query's rows, cast to the declared types; return the rows written."""
        columns = ", ".join(
            f"CAST({column.name} AS {sql_type(arrow_schema(table).field(column.name).type)}) AS {column.name}"
            for column in table.columns
        )
        by = f" ORDER BY {order}" if order else ""
        file = self.write_sql(table.name, con, f"SELECT {columns} FROM ({query}){by}")
        self.commit(table.name, [file], arrow_schema(table), replace="all")
        return file.rows

    def create_if_absent(self, table: Table) -> None:
        """Create a declared table without rows if it was never written."""
        if not self.exists(table.name):
            self.commit(table.name, [], arrow_schema(table), partition_by=table.partitioned_by)

    def write(self, table: Table, rows: Rows, partition: Mapping[str, str] | None = None) -> int:
        """Replace a declared table, or one partition of it, and return the number of rows written.

        `rows` need the declared columns in any order. Those of the partition may be absent, and other columns are ignored.
        """
        return self._put(table, rows, partition, replace=dict(partition) if partition else "all")

    def append(self, table: Table, rows: Rows, partition: Mapping[str, str] | None = None) -> int:
        """Append rows to a declared table and return the number of rows written."""
        return self._put(table, rows, partition, replace=None)

    def _put(self, table: Table, rows: Rows, partition: Mapping[str, str] | None, replace: Mapping[str, str] | str | None) -> int:
        schema = arrow_schema(table)
        stored = pa.schema([field for field in schema if field.name not in table.partitioned_by])
        file = self.write_arrow(table.name, as_arrow(table.name, rows, stored), partition)
        self.commit(table.name, [file], schema, partition_by=table.partitioned_by, replace=replace)
        return file.rows

    def _new_file(self, name: str, partition: Mapping[str, str] | None) -> tuple[Path, str]:
        parts = [f"{key}={url_quote(str(value), safe='')}" for key, value in (partition or {}).items()]
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
        return open_latest(folder)

    @contextmanager
    def writing(self, name: str) -> Iterator[None]:
        """Lock a table for one commit, so that its log has one writer at a time."""
        locks = self.root / ".locks"
        locks.mkdir(parents=True, exist_ok=True)
        with (locks / name).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _as_text(partition: Mapping[str, object]) -> dict[str, str]:
    return {key: str(value) for key, value in partition.items() if value is not None}

"""Removal and replacement of the lake's files. With `storage.py`, the only code that knows how tables are stored."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.transaction import AddAction, RemoveAction

from expectations.sql_values import quote_path
from pipelines.lake.data_files import DataFile, add_action
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake

MANY_FILES = 12


class PastLake(Lake):
    """The lake at recorded versions of its tables, to read but not to write."""

    def __init__(self, root: Path, versions: dict[str, int]) -> None:
        super().__init__(root)
        self._versions = versions

    def exists(self, name: str) -> bool:
        return name in self._versions and super().exists(name)

    def _open(self, name: str, version: int | None = None) -> DeltaTable:
        return super()._open(name, self._versions.get(name) if version is None else version)

    def writing(self, name: str) -> NoReturn:  # type: ignore[override]
        raise TypeError(f"a past version of {name} cannot be written")


def without_rows(lake: Lake, name: str, where: str) -> int:
    """Remove the rows of a table that meet a condition, in one commit, and return their number.

    Only the files with such rows are rewritten. The order of the other rows stays. The earlier version stays readable until `drop_versions`.
    """
    return without_rows_of({name: {}}, lake, where)[name]


def without_rows_of(partitions: Mapping[str, Mapping[str, str]], lake: Lake, where: str) -> dict[str, int]:
    """Remove the rows that meet a condition from a partition of each of several tables, and return their number by table.

    Every file is written first. Then one commit for each table follows at once, in the order given.
    """
    parts = {name: _rewritten(lake, name, where, partition) for name, partition in partitions.items()}
    for name, (gone, fresh) in parts.items():
        if gone:
            exchange(lake, name, gone, fresh)
    return {name: sum(file.rows for file in gone) - sum(file.rows for file in fresh) for name, (gone, fresh) in parts.items()}


def _rewritten(lake: Lake, name: str, where: str, partition: Mapping[str, str]) -> tuple[list[DataFile], list[DataFile]]:
    """Return the files with rows that meet a condition, and the same files written without these rows."""
    gone, fresh = [], []
    with connect() as con:
        for file in lake.live_files(name):
            if not partition.items() <= file.partition.items():
                continue
            scan = f"read_parquet({quote_path(lake.folder(name) / file.path)}, hive_partitioning=false)"
            if con.execute(f"SELECT 1 FROM {scan} WHERE {where} LIMIT 1").fetchall():
                gone.append(file)
                fresh.append(
                    lake.write_sql(name, con, f"SELECT * FROM {scan} WHERE NOT coalesce({where}, false)", file.partition)
                )
    return gone, fresh


def without_partition(lake: Lake, name: str, partition: Mapping[str, str]) -> int:
    """Remove a partition of a table, in one commit, and return the number of rows removed."""
    gone = [file for file in lake.live_files(name) if partition.items() <= file.partition.items()]
    if gone:
        exchange(lake, name, gone, [])
    return sum(file.rows for file in gone)


def compact(lake: Lake, name: str) -> int:
    """Merge the files of an unpartitioned table with many files into one, in order, and return the number of merged files."""
    files = lake.live_files(name)
    if len(files) < MANY_FILES or lake.partitioned_by(name):
        return 0
    with connect() as con:
        exchange(lake, name, files, [lake.write_sql(name, con, f"SELECT * FROM {lake.scan(name)}")])
    return len(files)


def exchange(
    lake: Lake, name: str, gone: Iterable[DataFile], fresh: Iterable[DataFile], properties: CommitProperties | None = None
) -> None:
    """Replace files by others in one commit, which may have properties."""
    now = int(time.time() * 1000)
    removed = [RemoveAction(file.path, True, now, file.size, dict(file.partition)) for file in gone]
    table = lake.table(name)
    schema, by = pa.schema(table.schema().to_arrow()), table.metadata().partition_columns
    actions: list[AddAction | RemoveAction] = [*removed, *(add_action(file) for file in fresh)]
    with lake.writing(name):
        table.create_write_transaction(actions, "append", Schema.from_arrow(schema), by or None, commit_properties=properties)


def drop_versions(lake: Lake, name: str, days: int, kept: Iterable[int] = ()) -> int:
    """Delete the files of versions that ended more than some days ago, and those of interrupted writers; return their number.

    Versions in `kept` stay readable at any age.
    """
    table = lake.table(name)
    keep_versions = sorted(version for version in set(kept) if version <= table.version())
    options: dict[str, Any] = {"enforce_retention_duration": False, "full": True, "keep_versions": keep_versions or None}
    deletable = [path for path in table.vacuum(days * 24, dry_run=True, **options) if (lake.folder(name) / path).exists()]
    if deletable:
        table.vacuum(days * 24, dry_run=False, **options)
    return len(deletable)

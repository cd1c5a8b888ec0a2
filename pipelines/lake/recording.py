"""A lake that records which tables are read and written, so that a stage's declaration can be compared with what it did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable

from pipelines.lake.storage import DataFile, Lake


class RecordingLake(Lake):
    """The same lake, with a record of the tables that are read and written through it.

    Asking whether a table exists counts as reading it, because the answer changes what is done. A table counts as read only
    if it is read before it is written here. Listing the versions of tables for a run's record is no reading.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.tables_read: set[str] = set()
        self.tables_written: set[str] = set()
        self._paused = False

    def exists(self, name: str) -> bool:
        self._note_reading(name)
        return super().exists(name)

    def versions(self, names: list[str]) -> dict[str, int]:
        with self._without_record():
            return super().versions(names)

    def tables(self) -> list[str]:
        with self._without_record():
            return super().tables()

    def bytes_stored(self) -> int:
        with self._without_record():
            return super().bytes_stored()

    def commit(
        self,
        name: str,
        files: list[DataFile],
        schema: pa.Schema,
        *,
        partition_by: tuple[str, ...] = (),
        replace: Mapping[str, str] | str | None = None,
    ) -> int:
        self.tables_written.add(name)
        with self._without_record():
            return super().commit(name, files, schema, partition_by=partition_by, replace=replace)

    @contextmanager
    def writing(self, name: str) -> Iterator[None]:
        self.tables_written.add(name)
        with super().writing(name):
            yield

    def _open(self, name: str, version: int | None = None) -> DeltaTable:
        self._note_reading(name)
        return super()._open(name, version)

    def _note_reading(self, name: str) -> None:
        if not self._paused and name not in self.tables_written:
            self.tables_read.add(name)

    @contextmanager
    def _without_record(self) -> Iterator[None]:
        before, self._paused = self._paused, True
        try:
            yield
        finally:
            self._paused = before

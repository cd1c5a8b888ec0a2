"""Reads the events of a range of people: only the row groups that hold them, whatever the files' layout."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

COLUMNS = ("person_key", "event_date", "available_date", "event_type", "code", "value", "provider")
_TYPES = (pa.int32(), pa.date32(), pa.date32(), pa.int16(), pa.int32(), pa.float32(), pa.int32())
SCHEMA = pa.schema(list(zip(COLUMNS, _TYPES, strict=True)))


def read_events(files: Sequence[str], first: int, last: int, columns: Sequence[str] = COLUMNS) -> pa.Table:
    """Give the events of the people from `first` up to, not including, `last`, in the order the files have them.

    `columns` begins with person_key.
    """
    schema = pa.schema([SCHEMA.field(name) for name in columns])
    parts = [part for file in files for part in _read_file(file, first, last, schema)]
    return pa.concat_tables(parts) if parts else schema.empty_table()


def _read_file(file: str, first: int, last: int, schema: pa.Schema) -> list[pa.Table]:
    groups = [place for place, (low, high) in enumerate(_key_ranges(file)) if high >= first and low < last]
    if not groups:
        return []
    with pq.ParquetFile(file) as opened:
        table = opened.read_row_groups(groups, columns=schema.names, use_threads=False).cast(schema)
    key = table["person_key"].combine_chunks().to_numpy(zero_copy_only=False)
    if len(key) and (np.diff(key) >= 0).all():
        start, end = np.searchsorted(key, [first, last]).tolist()
        return [table.slice(start, end - start)]
    return [table.filter(pa.array((key >= first) & (key < last)))]


@lru_cache(maxsize=4096)
def _key_ranges(file: str) -> tuple[tuple[int, int], ...]:
    """Give the lowest and highest person of each row group; a group without statistics may hold anyone."""
    with pq.ParquetFile(file) as opened:
        metadata, names = opened.metadata, opened.schema_arrow.names
        column = names.index(COLUMNS[0])
        statistics = [metadata.row_group(place).column(column).statistics for place in range(metadata.num_row_groups)]
    anyone = (0, np.iinfo(np.int32).max)
    return tuple(anyone if found is None or not found.has_min_max else (found.min, found.max) for found in statistics)

"""Read the events of a range of people from the row groups that contain them, in any layout of the files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.window_counts import Events

COLUMNS = ("person_key", "event_date", "available_date", "event_type", "code", "value", "provider")
_TYPES = (pa.int32(), pa.date32(), pa.date32(), pa.int16(), pa.int32(), pa.float32(), pa.int32())
SCHEMA = pa.schema(list(zip(COLUMNS, _TYPES, strict=True)))


def read_events(files: Sequence[str], first: int, last: int, columns: Sequence[str] = COLUMNS) -> pa.Table:
    """Return the events of the people from `first` up to, not including, `last`, in the order of the files.

    The first of `columns` is person_key.
    """
    schema = pa.schema([SCHEMA.field(name) for name in columns])
    parts = [part for file in files for part in _read_file(file, first, last, schema)]
    return pa.concat_tables(parts) if parts else schema.empty_table()


def read_event_arrays(files: Sequence[str], first: int, last: int) -> Events:
    """Return the events of `read_events` as arrays.

    The arrays are filled one row group at a time, so that memory never holds a second copy as a table.
    """
    rows = sum(size for file in files for low, high, size in _key_ranges(file) if high >= first and low < last)
    kinds = (np.int32, np.int32, np.int32, np.int16, np.int32, np.float32, np.int32)
    arrays: list[NDArray] = [np.empty(rows, dtype=kind) for kind in kinds]
    filled = 0
    for file in sorted(files, key=lambda file: _key_ranges(file)[:1]):
        groups = _groups(file, first, last)
        if groups:
            with pq.ParquetFile(file) as opened:
                for group in groups:
                    table = opened.read_row_group(group, columns=list(COLUMNS), use_threads=False).cast(SCHEMA)
                    filled += _fill(arrays, filled, _of_people(table, first, last))
    person, event_day, available_day, event_type, code, value, provider = (array[:filled] for array in arrays)
    return Events(person, event_day, available_day, event_type, code, value, provider).in_order()


def _fill(arrays: Sequence[NDArray], filled: int, table: pa.Table) -> int:
    """Copy the rows of a table into the arrays after those already there, and return their number."""
    for array, column in zip(arrays, table.columns, strict=True):
        array[filled : filled + table.num_rows] = _plain(column.combine_chunks())
    return table.num_rows


def _plain(column: pa.Array) -> NDArray:
    """Return a column as an array: dates as days since 1970, null as NaN.

    All bits of a missing float are set, which is a NaN. Arrow's conversion takes ten times as long.
    """
    if pa.types.is_date32(column.type):
        column = column.view(pa.int32())
    if not column.null_count or column.type != pa.float32():
        return column.to_numpy(zero_copy_only=False)
    present, values = column.buffers()
    bits = np.unpackbits(np.frombuffer(present, np.uint8), bitorder="little", count=column.offset + len(column))[column.offset :]
    missing = bits.astype(np.int32) - 1
    return (np.frombuffer(values, np.int32, len(column), column.offset * 4) | missing).view(np.float32)


def _read_file(file: str, first: int, last: int, schema: pa.Schema) -> list[pa.Table]:
    groups = _groups(file, first, last)
    if not groups:
        return []
    with pq.ParquetFile(file) as opened:
        table = opened.read_row_groups(groups, columns=schema.names, use_threads=False).cast(schema)
    return [_of_people(table, first, last)]


def _groups(file: str, first: int, last: int) -> list[int]:
    return [place for place, (low, high, _) in enumerate(_key_ranges(file)) if high >= first and low < last]


def _of_people(table: pa.Table, first: int, last: int) -> pa.Table:
    key = table["person_key"].combine_chunks().to_numpy(zero_copy_only=False)
    if (key[1:] >= key[:-1]).all():
        start, end = np.searchsorted(key, np.array([first, last]).astype(key.dtype)).tolist()
        return table.slice(start, end - start)
    return table.filter(pa.array((key >= first) & (key < last)))


@lru_cache(maxsize=4096)
def _key_ranges(file: str) -> tuple[tuple[int, int, int], ...]:
    """Return the lowest and highest person of each row group, and its number of rows.

    A group without statistics may contain anyone.
    """
    with pq.ParquetFile(file) as opened:
        metadata, names = opened.metadata, opened.schema_arrow.names
        column = names.index(COLUMNS[0])
        groups = [metadata.row_group(place) for place in range(metadata.num_row_groups)]
        described = [(group.column(column).statistics, group.num_rows) for group in groups]
    anyone = (0, int(np.iinfo(np.int32).max))
    return tuple(
        (*((statistics.min, statistics.max) if statistics is not None and statistics.has_min_max else anyone), rows)
        for statistics, rows in described
    )

"""The column names of a CSV or Parquet file, without reading the rest."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.errors import ExtractError

DELIMITERS = (",", "\t", "|", ";")


def read_header(file: Path, delimiter: str = "") -> list[str]:
    """Return the column names of a file, trimmed; an ExtractError names a file that cannot be read."""
    name = file.name.lower()
    try:
        if name.endswith(".parquet"):
            return list(pq.read_schema(file).names)
        with file.open("rb") as packed:
            plain = gzip.GzipFile(fileobj=packed) if name.endswith(".gz") else packed
            first = plain.readline().decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError, pa.ArrowInvalid) as error:
        raise ExtractError(f"{file}: its header cannot be read ({type(error).__name__}); have the file sent again") from error
    separator = delimiter or max(DELIMITERS, key=first.count)
    return [column.strip() for column in next(csv.reader([first], delimiter=separator), [])]

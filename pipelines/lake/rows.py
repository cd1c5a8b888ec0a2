"""Rows of a declared table as Arrow and as SQL: schema, types and conversion before storage."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

import pandas as pd
import pyarrow as pa

from expectations.table import Table

Rows: TypeAlias = pa.Table | pd.DataFrame | Sequence[Mapping[str, object]]
_ARROW_TYPES = {"string": pa.string(), "date32": pa.date32(), "bool": pa.bool_()}


class StorageError(Exception):
    """The lake cannot read or store a table as requested."""


def arrow_schema(table: Table) -> pa.Schema:
    """Return the Arrow schema of a declared table."""
    return pa.schema(
        [
            pa.field(column.name, _ARROW_TYPES.get(column.arrow_type) or getattr(pa, column.arrow_type)())
            for column in table.columns
        ]
    )


def as_arrow(name: str, rows: Rows, schema: pa.Schema) -> pa.Table:
    """Convert rows to Arrow with exactly the columns and types of a schema; raise StorageError for a column they lack."""
    columns: Collection[str]
    if isinstance(rows, pa.Table):
        columns = rows.column_names
    elif isinstance(rows, pd.DataFrame):
        columns = rows.columns
    else:
        columns = set().union(*rows) if rows else schema.names
    if missing := [column for column in schema.names if column not in columns]:
        raise StorageError(f"{name}: the rows to store lack the declared columns {', '.join(missing)}")
    if isinstance(rows, pa.Table):
        return rows.select(schema.names).cast(schema)
    if isinstance(rows, pd.DataFrame):
        return pa.Table.from_pandas(rows[schema.names], schema=schema, preserve_index=False).replace_schema_metadata(None)
    return pa.Table.from_pylist([dict(row) for row in rows], schema=schema)


def no_rows(schema: pa.Schema) -> str:
    """Return the SQL of a table with these columns and no rows."""
    columns = ", ".join(f"CAST(NULL AS {sql_type(field.type)}) AS {field.name}" for field in schema)
    return f"(SELECT {columns} WHERE false)"


def sql_type(kind: pa.DataType) -> str:
    """Return the DuckDB type of an Arrow type."""
    names = {
        "string": "VARCHAR", "large_string": "VARCHAR", "string_view": "VARCHAR", "date32[day]": "DATE", "bool": "BOOLEAN",
        "int8": "TINYINT", "int16": "SMALLINT", "int32": "INTEGER", "int64": "BIGINT", "float": "FLOAT", "double": "DOUBLE",
    }  # fmt: skip
    if str(kind).startswith("timestamp"):
        return "TIMESTAMP"
    return names[str(kind)]

"""Connections to DuckDB: in memory, with bounded memory and without a network."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import duckdb

from expectations.code_text import CODE_MACROS
from expectations.identifier_text import NORMAL_MACRO


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
    con = duckdb.connect(config=config)
    con.execute("; ".join((NORMAL_MACRO, *CODE_MACROS)))
    return con


@cache
def shared_reader() -> duckdb.DuckDBPyConnection:
    """Return this process's connection for small reads; opening a connection costs more than such a read."""
    con = connect()
    con.execute("SET enable_external_file_cache = false")
    return con

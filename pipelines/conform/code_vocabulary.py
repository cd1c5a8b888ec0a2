"""core__code_name and core__code_ancestor: the names of codes, and the concepts above them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from expectations.sql_values import quote_path
from expectations.tables.core import CODE, CODE_ANCESTOR, CODE_NAME
from features.code_lists import PRODUCTS, CodeList
from pipelines.lake.storage import Lake


def name_codes(lake: Lake, con: duckdb.DuckDBPyConnection, lists: Mapping[str, CodeList], concepts: str | None) -> int:
    """Write core__code_name and return its number of rows; `concepts` is SQL of validated CONCEPT rows, None without them.

    All concepts are stored, because groups have names too. If several code lists contain a code, the first description counts.
    """
    first = sorted(
        lists.values(), key=lambda found: found.name != PRODUCTS
    )  # a product is named by its substance, not by its list
    entries = [entry for found in first for entry in found.entries if entry.description]
    listed = pa.table(
        {
            "code_system": pa.array([entry.system for entry in entries], pa.string()),
            "source_code": pa.array([entry.code for entry in entries], pa.string()),
            "name": pa.array([entry.description for entry in entries], pa.string()),
            "place": pa.array(range(len(entries)), pa.int64()),
        }
    )
    con.register("listed_codes", listed)
    own = "SELECT code_system, source_code, arg_min(name, place) AS name FROM listed_codes GROUP BY ALL"
    concept_names = (
        f"SELECT 'omop' AS code_system, concept_id AS source_code, min(concept_name) AS name FROM {concepts} GROUP BY concept_id"
    )
    query = f"{own} UNION ALL {concept_names} HAVING min(concept_name) IS NOT NULL" if concepts else own
    rows = lake.replace_sql(CODE_NAME, con, query, order="code_system, source_code")
    con.unregister("listed_codes")
    return rows


def write_ancestors(lake: Lake, con: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> int:
    """Write core__code_ancestor for the codes of events, from files of CONCEPT_ANCESTOR; return its number of rows.

    The complete vocabulary has about 80 million pairs. They are read once, and only the needed ones are stored.
    """
    if not files:
        return lake.write(CODE_ANCESTOR, [])
    parts = []
    for file in files:
        reader = (
            f"read_parquet({quote_path(file)})"
            if file.name.lower().endswith(".parquet")
            else f"read_csv({quote_path(file)}, all_varchar = true)"
        )
        parts.append(f"SELECT ancestor_concept_id, descendant_concept_id, min_levels_of_separation FROM {reader}")
    query = f"""SELECT code, CAST(ancestor_concept_id AS VARCHAR) AS ancestor_code, min(CAST(min_levels_of_separation AS INTEGER)) AS levels
        FROM ({" UNION ALL ".join(parts)})
        JOIN {lake.scan(CODE.name)} ON code_system = 'omop' AND source_code = CAST(descendant_concept_id AS VARCHAR) GROUP BY ALL"""
    return lake.replace_sql(CODE_ANCESTOR, con, query, order="code, ancestor_code")

"""Read the values of MEASUREMENT in the units that `unit_concept_id` names, by the rules of values of the GP record.

A value whose unit is not known or contradicts it is null. Measurements of concepts that are no analyte keep their value.
"""

from __future__ import annotations

import duckdb

from expectations.sql_values import quote
from features.analytes import CONCEPTS_OF_ANALYTE, UNIT_CONCEPTS
from pipelines.conform.measured_values import measured_rows_sql

NO_CONCEPT = "0"
_ANALYTE_OF_CONCEPT = {concept: analyte for analyte, concepts in CONCEPTS_OF_ANALYTE.items() for concept in concepts}


def read_measurements_sql(source: str) -> str:
    """Return the SQL, usable in FROM, of rows of MEASUREMENT with `value_as_number` read and the `outcome`, null for other concepts."""
    units = " ".join(f"WHEN {quote(concept)} THEN {quote(unit)}" for concept, unit in UNIT_CONCEPTS.items())
    shaped = f"""(SELECT *, measurement_concept_id AS concept_code, value_as_number AS result_value, '' AS practice_code,
            measurement_date AS effective_date,
            CASE coalesce(unit_concept_id, {quote(NO_CONCEPT)}) WHEN {quote(NO_CONCEPT)} THEN '' {units} ELSE unit_concept_id END AS result_unit
        FROM {source})"""
    measured = measured_rows_sql(shaped, "measurement_date", _ANALYTE_OF_CONCEPT)
    return f"(SELECT * REPLACE (result_value AS value_as_number) FROM {measured})"


def unit_summary(con: duckdb.DuckDBPyConnection, measurements: str) -> dict[str, object]:
    """Return the number of values of analytes by what became of them."""
    counts = con.execute(
        f"SELECT outcome, count(*) FROM {measurements} WHERE outcome IS NOT NULL GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return {f"values_{outcome}": count for outcome, count in counts}

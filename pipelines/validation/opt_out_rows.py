"""The rows of opt-outs that count: those of every delivery, however the feed is loaded.

An objection holds until its sender withdraws it. A later delivery or a corrected file that does not list it is no withdrawal.
"""

from __future__ import annotations

from expectations.sql_values import quote
from expectations.table import Table
from pipelines.extracts.ingest import current_extracts, replaced_extracts
from pipelines.lake.storage import Lake
from pipelines.validation.valid_extracts import kept_rows_sql, passed_extracts, valid_extracts

OBJECTS = "status = '1'"


def opt_out_rows_sql(lake: Lake, table: Table) -> str:
    """Return the SQL, usable in FROM, of the validated rows of all deliveries: of each key the row that was delivered last.

    Of a file that was later replaced under the same path and delivery date, only objections count: the new file may correct a
    withdrawal. The columns are those of `validated_rows_sql`. An ExtractError names a current extract that is not validated.
    """
    extracts = current_extracts(lake, table.feed)
    current = [f"FROM {kept_rows_sql(table, one)}" for one in valid_extracts(lake, table, extracts)]
    replaced = passed_extracts(lake, table, replaced_extracts(lake, table.feed))
    objections = [f"FROM {kept_rows_sql(table, one)} WHERE {OBJECTS}" for one in replaced]
    rows, key = " UNION ALL BY NAME ".join([*current, *objections]), ", ".join(table.key)
    first = min(extract.extract_date for extract in extracts)
    once = f"""SELECT *, min(extract_date) OVER (PARTITION BY {key}) AS first_extract_date FROM ({rows})
        QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY extract_date DESC, extract_id, row_number) = 1"""
    since = f"first_extract_date = DATE {quote(first)}"
    return f"""(SELECT *, {since} AS is_first_delivery, first_extract_date AS key_extract_date, {since} AS key_in_first_delivery
        FROM ({once}))"""


def latest_objections_sql(lake: Lake, table: Table) -> str:
    """Return the SQL, usable in FROM, of the people and kinds of opt-out that the latest delivery lists as objecting."""
    extracts = current_extracts(lake, table.feed)
    latest = [extract for extract in extracts if extract.extract_date == extracts[-1].extract_date]
    rows = " UNION ALL BY NAME ".join(f"FROM {kept_rows_sql(table, one)}" for one in valid_extracts(lake, table, latest))
    return f"(SELECT DISTINCT person_id, opt_out_type FROM ({rows}) WHERE {OBJECTS})"

"""Rows of admissions that state a death in hospital, or do not show whether the stay ended in one.

Such a row counts even if it is set aside, because another row of its stay is there or its day of discharge cannot be read.
"""

from __future__ import annotations

from collections.abc import Collection

from expectations.catalogue import RAW_TABLES
from expectations.feeds import ADMISSIONS
from expectations.sql_values import quote, quote_all
from expectations.tables.core import QUARANTINE
from pipelines.lake.storage import Lake
from pipelines.sources.episodes import as_delivered
from pipelines.sources.nhs import NhsSettings
from pipelines.validation.stated_dates import BY_RULE, named, of_every_extract, of_no_one, set_aside_rows
from pipelines.validation.typed_rows import column_text_sql, narrowed, typed_rows_sql
from pipelines.validation.valid_extracts import ValidExtract

METHOD = "discharge_method"


def stated_stays_sql(lake: Lake, nhs: NhsSettings, died_methods: Collection[str]) -> str:
    """Return the SQL, usable in FROM, of the rows of every delivery of admissions that may state a death; '' without extracts.

    Columns: person_id, the key of a stay, extract_date, stated_date (day of discharge; null if it cannot be used), has_died (false where
    the discharge method cannot be read), is_set_aside and is_replaced (by a corrected file of the same name and date).
    """
    feed = ADMISSIONS.name
    table = as_delivered(RAW_TABLES[feed], nhs.feeds[feed], nhs.case_of(feed))
    died = f"{METHOD} IN ({quote_all(died_methods)})"
    of_stay = ("person_id", "provider_code", "spell_number", "admission_date")

    def of_extract(valid: ValidExtract) -> str:
        partition = {"table_name": table.name, "extract_id": valid.extract.extract_id}
        unread = f"column_name = {quote(METHOD)} AND reason = 'not_in_vocabulary'"
        lost = f"(SELECT row_number, true AS is_lost FROM {lake.scan_or_empty(QUARANTINE, partition)} WHERE {unread})"
        method = column_text_sql(table.column(METHOD), METHOD in valid.reading.padded)
        may_have_died = " OR ".join(f"contains({method}, {quote(one)})" for one in died_methods) or "false"
        source = f"(SELECT * FROM {valid.source} WHERE {may_have_died} OR row_number IN (SELECT row_number FROM {lost}))"
        rows = typed_rows_sql(narrowed(table, *of_stay, "discharge_date", METHOD), source, valid.reading, keep=("row_number",))
        day, is_out, left = "discharge_date", "false", ""
        if valid.set_aside:
            left = f""" ANTI JOIN {set_aside_rows(lake, table, valid, of_no_one(table))} AS gone USING (row_number)
                LEFT JOIN (SELECT row_number, true AS is_out FROM {valid.set_aside}) USING (row_number)
                LEFT JOIN (SELECT row_number, true AS is_broken FROM {set_aside_rows(lake, table, valid, BY_RULE)}) USING (row_number)"""
            day, is_out = "CASE WHEN is_broken IS NULL THEN discharge_date END", "is_out IS NOT NULL"
        return f"""SELECT {", ".join(of_stay)}, DATE {quote(valid.extract.extract_date)} AS extract_date, {day} AS stated_date,
                coalesce({died}, false) AS has_died, {is_out} AS is_set_aside
            FROM {rows} LEFT JOIN {lost} USING (row_number){left} WHERE ({died} OR is_lost) AND {named(table)}"""

    return of_every_extract(lake, table, of_extract)

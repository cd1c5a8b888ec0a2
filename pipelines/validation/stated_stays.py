"""Rows of admissions that state a death in hospital, or do not show whether the stay ended in one.

Such a row counts even if it is set aside, because another row of its stay is there or its day of discharge cannot be read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from expectations.catalogue import RAW_TABLES
from expectations.feeds import ADMISSIONS
from expectations.sql_values import quote, quote_all
from expectations.table import Table
from expectations.tables.core import QUARANTINE
from expectations.tables.raw_omop import VISIT_OCCURRENCE
from pipelines.lake.storage import Lake
from pipelines.sources.episodes import as_delivered
from pipelines.sources.nhs import NhsSettings
from pipelines.validation.stated_dates import BY_RULE, named, of_every_extract, of_no_one, set_aside_rows
from pipelines.validation.typed_rows import column_text_sql, narrowed, typed_rows_sql
from pipelines.validation.unread_lines import stays_of_lines
from pipelines.validation.valid_extracts import ValidExtract

METHOD, DESTINATION = "discharge_method", "discharged_to_concept_id"
NO_SITE = "OMOP"  # the provider of a visit without a place of care


@dataclass(frozen=True)
class _Stays:
    """A table of stays: the column that states a death, the codes of it, the day of discharge, and the SQL of the columns of a stay."""

    table: Table
    method: str
    died: Collection[str]
    discharged: str
    key: Mapping[str, str]
    reads: tuple[str, ...]


def stated_stays_sql(lake: Lake, nhs: NhsSettings, died_methods: Collection[str]) -> str:
    """Return the SQL, usable in FROM, of the rows of every delivery of admissions that may state a death; '' without extracts.

    Columns: person_id, the key of a stay, extract_date, stated_date (day of discharge; null if it cannot be used), has_died (false where
    the discharge method cannot be read), is_set_aside and is_replaced (by a corrected file of the same name and date).
    """
    feed, of_stay = ADMISSIONS.name, ("person_id", "provider_code", "spell_number", "admission_date")
    table = as_delivered(RAW_TABLES[feed], nhs.feeds[feed], nhs.case_of(feed))
    return _stated_sql(
        lake, nhs, _Stays(table, METHOD, died_methods, "discharge_date", {name: name for name in of_stay}, of_stay)
    )


def stated_visits_sql(lake: Lake, nhs: NhsSettings, died_destinations: Collection[int]) -> str:
    """Return the SQL, usable in FROM, of the visits of an OMOP source that may state a death, as `stated_stays_sql` does."""
    key = {
        "person_id": "person_id", "provider_code": f"coalesce(upper(care_site_id), {quote(NO_SITE)})", "spell_number": "visit_occurrence_id",
        "admission_date": "visit_start_date",
    }  # fmt: skip
    reads = ("person_id", "care_site_id", "visit_occurrence_id", "visit_start_date")
    died = [str(code) for code in died_destinations]
    return _stated_sql(lake, nhs, _Stays(VISIT_OCCURRENCE, DESTINATION, died, "visit_end_date", key, reads))


def _stated_sql(lake: Lake, nhs: NhsSettings, stays: _Stays) -> str:
    table, method = stays.table, stays.method
    died = f"{method} IN ({quote_all(stays.died)})"

    def of_extract(valid: ValidExtract) -> str:
        partition = {"table_name": table.name, "extract_id": valid.extract.extract_id}
        unread = f"column_name = {quote(method)} AND reason = 'not_in_vocabulary'"
        lost = f"(SELECT row_number, true AS is_lost FROM {lake.scan_or_empty(QUARANTINE, partition)} WHERE {unread})"
        sent = column_text_sql(table.column(method), method in valid.reading.padded)
        may_have_died = " OR ".join(f"contains({sent}, {quote(one)})" for one in stays.died) or "false"
        source = f"(SELECT * FROM {valid.source} WHERE {may_have_died} OR row_number IN (SELECT row_number FROM {lost}))"
        rows = typed_rows_sql(
            narrowed(table, *stays.reads, stays.discharged, method), source, valid.reading, keep=("row_number",)
        )
        day, is_out, left = stays.discharged, "false", ""
        if valid.set_aside:
            left = f""" ANTI JOIN {set_aside_rows(lake, table, valid, of_no_one(table))} AS gone USING (row_number)
                LEFT JOIN (SELECT row_number, true AS is_out FROM {valid.set_aside}) USING (row_number)
                LEFT JOIN (SELECT row_number, true AS is_broken FROM {set_aside_rows(lake, table, valid, BY_RULE)}) USING (row_number)"""
            day, is_out = f"CASE WHEN is_broken IS NULL THEN {stays.discharged} END", "is_out IS NOT NULL"
        key = ", ".join(f"{value} AS {name}" for name, value in stays.key.items())
        return f"""SELECT {key}, DATE {quote(valid.extract.extract_date)} AS extract_date, {day} AS stated_date,
                coalesce({died}, false) AS has_died, {is_out} AS is_set_aside
            FROM {rows} LEFT JOIN {lost} USING (row_number){left} WHERE ({died} OR is_lost) AND {named(table)}"""

    rows, lines = of_every_extract(lake, table, of_extract), stays_of_lines(lake, nhs, table, stays.died, method)
    return f"(FROM {rows} UNION ALL {' UNION ALL '.join(lines)})" if rows and lines else rows

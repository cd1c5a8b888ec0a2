"""The rows of a feed from which core tables are made: typed, with the load mode applied, without rows set aside."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import pairwise

from expectations.catalogue import RAW_TABLES
from expectations.feeds import OPT_OUTS, TYPE_1_OBJECTIONS
from expectations.row_checks import sender_columns
from expectations.sql_values import quote
from expectations.table import Table
from pipelines.extracts.extract_records import current_extracts
from pipelines.lake.duckdb_connection import shared_reader
from pipelines.lake.storage import Lake
from pipelines.sources.episodes import as_delivered
from pipelines.sources.nhs import FeedSettings, NhsSettings
from pipelines.validation.opt_out_rows import opt_out_rows_sql
from pipelines.validation.restated_rows import restated_rows
from pipelines.validation.typed_rows import SENT, Reading, organisation_column, typed_rows_sql
from pipelines.validation.valid_extracts import (
    ValidExtract,
    first_restated_day,
    kept_rows_sql,
    known_dates,
    valid_extracts,
)

_ALWAYS_FIRST = "extract_date AS first_extract_date, true AS is_first_delivery, extract_date AS key_extract_date, true AS key_in_first_delivery"
_COMPARED = "row_number, holds, superseded_date, first_extract_date, key_extract_date"


def validated_rows_sql(lake: Lake, nhs: NhsSettings, feed: str, table: Table | None = None) -> str:
    """Return the SQL, usable in FROM, of a feed's current, typed, validated rows.

    The columns are the declared ones and the following:

    * `extract_id`, `extract_date` and `row_number` identify the row.
    * `first_extract_date` is the first delivery since which this key has had the same facts; for a feed without dates, the
      first with the key. `is_first_delivery` says whether it was the first delivery of the feed.
    * `key_extract_date` and `key_in_first_delivery` are the same for the key with the same beginning, whatever the rest of the
      row said.

    An ExtractError names an extract that is not validated. A feed without extracts has no rows. Objections count from every
    delivery (`opt_out_rows.py`). `table` is the declaration of the feed, if a source or setting changes it.
    """
    settings = nhs.feeds[feed]
    table = table or as_delivered(RAW_TABLES[feed], settings, nhs.case_of(feed))
    extracts = current_extracts(lake, feed)
    if not extracts:
        return _no_rows(table)
    if feed in (OPT_OUTS.name, TYPE_1_OBJECTIONS.name):
        return opt_out_rows_sql(lake, table)
    valid = valid_extracts(lake, table, extracts)
    deliveries = sorted({one.extract.extract_date for one in valid})
    if len(deliveries) == 1:
        return f"(SELECT *, {_ALWAYS_FIRST} FROM {_union([kept_rows_sql(table, one) for one in valid])})"
    restated, first = restated_rows(lake, table, settings, valid), _first_known(valid)
    spared = _spared_extracts(restated, deliveries[-1]) if settings.load == "snapshot" else set()
    parts = []
    for one, after, gone in _restatements(table, settings, valid, deliveries):
        # Of an earlier snapshot, only rows hold that later ones contain in rows which cannot be used.
        if after is None or settings.load != "snapshot" or one.extract.extract_id in spared:
            parts.append(f"(FROM {_compared(table, one, restated, first)} WHERE coalesce(holds, NOT ({gone})))")
    return f"(SELECT * EXCLUDE (holds, superseded_date, is_restated) FROM {_union(parts)})"


def superseded_rows_sql(lake: Lake, nhs: NhsSettings, feed: str, table: Table | None = None) -> str:
    """Return the SQL of a feed's rows as they were before a later delivery changed or removed them; '' for none.

    The columns are those of `validated_rows_sql` and `superseded_date`, the delivery since which the row is no longer valid. A
    row that is changed and later changed back is valid until the first change and again since the second.
    """
    settings = nhs.feeds[feed]
    table = table or as_delivered(RAW_TABLES[feed], settings, nhs.case_of(feed))
    valid = valid_extracts(lake, table, current_extracts(lake, feed))
    deliveries = sorted({one.extract.extract_date for one in valid})
    if len(deliveries) < 2 or not table.event_date:
        return ""
    restated, first = restated_rows(lake, table, settings, valid), _first_known(valid)
    parts = []
    for one, after, gone in _restatements(table, settings, valid, deliveries):
        since = _omitted_since(table, settings, valid, after) if after else "CAST(NULL AS DATE)"
        ended = f"CASE WHEN is_restated THEN superseded_date WHEN {gone} THEN {since} END"
        parts.append(f"(SELECT * REPLACE ({ended} AS superseded_date) FROM {_compared(table, one, restated, first)})")
    return f"(SELECT * EXCLUDE (holds, is_restated) FROM {_union(parts)} WHERE superseded_date IS NOT NULL)"


def _compared(table: Table, valid: ValidExtract, restated: str, first: date) -> str:
    """Return the kept rows of an extract with the results of the comparison of deliveries."""
    extract = valid.extract
    of_extract = f"extract_id = {quote(extract.extract_id)} AND extract_date = DATE {quote(extract.extract_date)}"
    known = f"DATE {quote(extract.known_date)}"
    dates = ", ".join(
        f"coalesce(compared.{kind}_extract_date, {known}) AS {kind}_extract_date, "
        f"coalesce(compared.{kind}_extract_date, {known}) = DATE {quote(first)} AS {flag}"
        for kind, flag in (("first", "is_first_delivery"), ("key", "key_in_first_delivery"))
    )
    return f"""(SELECT rows.*, {dates}, holds, superseded_date, compared.row_number IS NOT NULL AS is_restated
        FROM {kept_rows_sql(table, valid)} AS rows
        LEFT JOIN (SELECT {_COMPARED} FROM {restated} WHERE {of_extract}) AS compared USING (row_number))"""


def _first_known(extracts: list[ValidExtract]) -> date:
    """Return the day since which the facts of the first delivery are known: the one that arrived first."""
    return min(one.extract.known_date for one in extracts)


def _omitted_since(table: Table, settings: FeedSettings, extracts: list[ValidExtract], after: date) -> str:
    """Return the SQL of the day since which it is known that a row's day is restated without it, by a delivery or ones after it."""
    known = {day: known for day, known in known_dates(extracts).items() if day >= after}
    cases, months = [f"DATE {quote(known[after])}"], settings.replaces_months
    for day, since in [*known.items()][1:]:  # one that arrived in time may come after one that arrived late
        restated = f"{table.event_date} >= DATE {quote(first_restated_day(day, months))}" if months else "true"
        cases += [f"CASE WHEN {restated} THEN DATE {quote(since)} END"] if since < known[after] else []
    return f"least({', '.join(cases)})"


def _spared_extracts(restated: str, last: date) -> set[str]:
    """Return the extracts of earlier snapshots of which rows still hold."""
    query = f"SELECT DISTINCT extract_id FROM {restated} WHERE holds AND extract_date < DATE {quote(last)}"
    with shared_reader().cursor() as con:
        return {str(row[0]) for row in con.execute(query).fetchall()}


def _restatements(
    table: Table, settings: FeedSettings, extracts: list[ValidExtract], deliveries: list[date]
) -> Iterator[tuple[ValidExtract, date | None, str]]:
    """Return each extract with the delivery after it, and the SQL of the rows that this one restates even if it omits them."""
    following, months = dict(pairwise(deliveries)), settings.replaces_months
    for valid in extracts:
        after = following.get(valid.extract.extract_date)
        if after and months:
            yield valid, after, f"{table.event_date} >= DATE {quote(first_restated_day(after, months))}"
        else:
            yield valid, after, "true" if after and settings.load == "snapshot" else "false"


def _union(parts: list[str]) -> str:
    return f"({' UNION ALL BY NAME '.join(f'FROM {part}' for part in parts)})"


def _no_rows(table: Table) -> str:
    nothing = ", ".join(
        f"CAST(NULL AS VARCHAR) AS {column.name}" for column in (*sender_columns(table), table.column("extract_id"))
    )
    source = f"(SELECT {nothing}, CAST(NULL AS DATE) AS extract_date, CAST(NULL AS BIGINT) AS row_number WHERE false)"
    rows = typed_rows_sql(
        table,
        source.replace(" AS extract_date", " AS extract_date, '' AS file_name"),
        Reading(),
        keep=("extract_date", "row_number"),
    )
    sent = f", '' AS {SENT}" if organisation_column(table) else ""
    return f"(SELECT *, '' AS extract_id{sent}, {_ALWAYS_FIRST} FROM {rows})"

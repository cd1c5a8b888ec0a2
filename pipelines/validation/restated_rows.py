"""core__restated_rows: which rows are valid, and since when, if several deliveries contain the same key.

A row whose key is in one delivery only needs no comparison. The others are mostly few. They are compared once per set of
deliveries, and readers of a feed join the result to its rows.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import date
from itertools import pairwise

from expectations.feeds import FEEDS
from expectations.row_checks import sender_columns
from expectations.sql_values import quote
from expectations.table import Table
from expectations.tables.records import RESTATED_ROWS
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import FeedSettings
from pipelines.validation.typed_rows import typed_rows_sql
from pipelines.validation.valid_extracts import ValidExtract, first_restated_day, kept_rows_sql


def restated_rows(lake: Lake, table: Table, settings: FeedSettings, extracts: list[ValidExtract]) -> str:
    """Return the SQL of a feed's part of core__restated_rows, and write that part if it does not exist."""
    partition = {"feed": table.feed, "deliveries": _digest(table, settings, extracts)}
    name = RESTATED_ROWS.name
    if not lake.exists(name) or not lake.files(name, partition):
        with connect(spill=lake.root.parent / "spill") as con:
            file = lake.write_sql(name, con, _compared_sql(table, settings, extracts), partition)
        schema = arrow_schema(RESTATED_ROWS)
        lake.commit(name, [file], schema, partition_by=RESTATED_ROWS.partitioned_by, replace={"feed": table.feed})
    return lake.scan(name, partition)


def _digest(table: Table, settings: FeedSettings, extracts: list[ValidExtract]) -> str:
    """Return a digest of everything that decides which rows are valid."""
    extracts_read = [(one.extract.extract_id, str(one.extract.extract_date), one.rules, one.set_aside != "") for one in extracts]
    parts = [repr(table), settings.load, settings.replaces_months, extracts_read]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:16]


def _compared_sql(table: Table, settings: FeedSettings, extracts: list[ValidExtract]) -> str:
    """Return the rows of core__restated_rows: every row whose key is in several deliveries, with the result of the comparison."""
    deliveries = sorted({valid.extract.extract_date for valid in extracts})
    ids = " ".join(f"WHEN {place} THEN {quote(valid.extract.extract_id)}" for place, valid in enumerate(extracts))
    days = " ".join(f"WHEN {place} THEN DATE {quote(valid.extract.extract_date)}" for place, valid in enumerate(extracts))
    columns = "extract_id, row_number, extract_date, first_extract_date, key_extract_date"
    key = ", ".join(table.key)
    facts = f"SELECT {columns}, CAST(NULL AS DATE) AS superseded_date FROM current JOIN history USING ({key}, content)"
    if table.event_date:
        facts += f" UNION ALL SELECT {columns}, superseded_date FROM ({_superseded(table, settings, deliveries)})"
    return f"""WITH {_several(table, extracts)}, {_contents(table, extracts)}, current AS MATERIALIZED ({_current(table, settings, deliveries)})
        SELECT extract_id, extract_date, row_number, found.row_number IS NOT NULL AND superseded_date IS NULL AS holds,
            first_extract_date, key_extract_date, superseded_date
        FROM (SELECT row_number, CASE place {ids} END AS extract_id, CASE place {days} END AS extract_date FROM several) AS rows
        LEFT JOIN ({facts}) AS found USING (extract_id, extract_date, row_number) ORDER BY extract_date, extract_id, row_number"""


def _several(table: Table, extracts: list[ValidExtract]) -> str:
    """Return the CTE `several`: extract and row number of every row whose key is in several deliveries.

    The first delivery is mostly by far the largest. It is only compared with the keys of later ones.
    """
    first = min(valid.extract.extract_date for valid in extracts)

    def keys(of_first: bool) -> str:
        return " UNION ALL ".join(
            f"SELECT hash({', '.join(table.key)}) AS digest, {place} AS place, DATE {quote(valid.extract.extract_date)} AS delivered, row_number "
            f"FROM {typed_rows_sql(table, valid.source, valid.reading, keep=('row_number',))}"
            for place, valid in enumerate(extracts)
            if (valid.extract.extract_date == first) == of_first
        )

    return f"""later AS MATERIALIZED ({keys(of_first=False)}),
        repeated AS MATERIALIZED (SELECT * FROM ({keys(of_first=True)}) SEMI JOIN later USING (digest)),
        shared AS (
            SELECT digest FROM repeated UNION
            SELECT digest FROM later GROUP BY digest HAVING min(delivered) < max(delivered)
        ),
        several AS MATERIALIZED (
            SELECT place, row_number FROM repeated UNION ALL SELECT place, row_number FROM later SEMI JOIN shared USING (digest)
        )"""


def _contents(table: Table, extracts: list[ValidExtract]) -> str:
    """Return three CTEs of the content of those rows: `named`, `kept` and `history`.

    `named` has key and delivery, also of rows that were set aside. `history` says when a key with its content was delivered
    first and last, and when the key with its beginning was delivered first.
    """
    key = ", ".join(table.key)
    only = [
        replace(
            valid,
            source=f"(FROM {valid.source} SEMI JOIN (SELECT row_number FROM several WHERE place = {place}) USING (row_number))",
        )
        for place, valid in enumerate(extracts)
    ]
    named = " UNION ALL ".join(
        f"SELECT {key}, DATE {quote(valid.extract.extract_date)} AS extract_date FROM {typed_rows_sql(table, valid.source, valid.reading)}"
        for valid in only
    )
    read = ", ".join(dict.fromkeys((*table.key, *([table.event_date] if table.event_date else []))))
    beginning = FEEDS[table.feed].beginning if table.feed in FEEDS else ()
    begun = f"hash({', '.join(beginning)})" if beginning else "0"
    columns = f"{read}, {_content(table)} AS content, {begun} AS begun, extract_id, extract_date, row_number"
    kept = " UNION ALL ".join(f"SELECT {columns} FROM {kept_rows_sql(table, valid)}" for valid in only)
    begins = f"min(min(extract_date)) OVER (PARTITION BY {key}, begun) AS key_extract_date"
    dates = f"min(extract_date) AS first_extract_date, max(extract_date) AS last_extract_date, {begins}"
    return f"""named AS MATERIALIZED ({named}), kept AS MATERIALIZED ({kept}),
        history AS MATERIALIZED (SELECT {key}, content, {dates} FROM kept GROUP BY {key}, content, begun)"""


def _content(table: Table) -> str:
    """Return the SQL of a digest of the facts in a row."""
    without = FEEDS[table.feed].columns_without_facts if table.feed in FEEDS else ()
    facts = [column.name for column in sender_columns(table) if column.name not in without] if table.event_date else []
    return f"hash({', '.join(facts or table.key)})"


def _current(table: Table, settings: FeedSettings, deliveries: list[date]) -> str:
    """Keep the latest delivery of each key, without rows of earlier deliveries that a later one restates.

    A row that was set aside also counts for its key: a sender that flags a row as deleted takes it back.
    """
    if settings.load == "snapshot":
        return f"SELECT * FROM kept WHERE extract_date = DATE {quote(deliveries[-1])}"
    key, months = ", ".join(table.key), settings.replaces_months
    stay = [
        f"(extract_date <> DATE {quote(day)} OR {table.event_date} < DATE {quote(first_restated_day(after, months))})"
        for day, after in pairwise(deliveries)
        if months
    ]
    latest = f"(SELECT {key}, max(extract_date) AS extract_date FROM named GROUP BY {key})"
    return (
        f"SELECT kept.* FROM kept SEMI JOIN {latest} AS latest USING ({key}, extract_date) WHERE {' AND '.join(stay) or 'true'}"
    )


def _superseded(table: Table, settings: FeedSettings, deliveries: list[date]) -> str:
    """Return the rows that a later delivery changed or removed. A row that was changed and changed back is not one of them."""
    key = ", ".join(table.key)
    namings = f"(SELECT {key}, list(extract_date) AS namings FROM named GROUP BY {key})"
    return f"""SELECT rows.*, {_superseded_on(table, settings, deliveries)} AS superseded_date
        FROM (FROM kept JOIN history USING ({key}, content) WHERE extract_date = last_extract_date AND last_extract_date < DATE {quote(deliveries[-1])}) AS rows
        ANTI JOIN current USING ({key}, content) JOIN {namings} AS named_on USING ({key})"""


def _superseded_on(table: Table, settings: FeedSettings, deliveries: list[date]) -> str:
    """Return the SQL of the first later delivery that contains the key of a row, or restates its day without it."""
    cases = ["list_min(list_filter(namings, lambda day: day > last_extract_date))"]
    for day in deliveries[1:]:
        months = settings.replaces_months
        if settings.load == "snapshot" or months:
            since = (
                ""
                if settings.load == "snapshot"
                else f" AND {table.event_date} >= DATE {quote(first_restated_day(day, months or 0))}"
            )
            cases.append(f"CASE WHEN last_extract_date < DATE {quote(day)}{since} THEN DATE {quote(day)} END")
    return f"least({', '.join(cases)})"

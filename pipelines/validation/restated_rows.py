"""core__restated_rows: which rows are valid, and since when, if several deliveries contain the same key.

A row whose key is in one delivery only needs no comparison. The others are mostly few. They are compared once per set of
deliveries, and readers of a feed join the result to its rows.

A later delivery ends a row if it contains the key again, if the sender takes the row back there (`withdraws` of a row rule, or a mark
that cannot be read), or if it restates the row's day without it. A row that was set aside for any other reason leaves what was sent before
as it is: it spares the rows of its key. A row whose key could not be read, or had a date that could not be right, spares the rows that share
the rest of its key. `omitted_rows.py` finds the rows that may be in lines which could not be read, or in rows without an identifier. They are
spared and counted (`kept_for_unparsed`).

A row that was changed or removed and later sent again as it was is known again since then: its periods between such deliveries are separate
runs, each with its own first delivery.

Deliveries are placed by their date, and their facts count as known since their date, or since they arrived if that was later.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import date

from expectations.feeds import FEEDS
from expectations.row_checks import sender_columns
from expectations.sql_values import quote
from expectations.table import Kind, Table
from expectations.tables.core_places import ORGANISATION_LINE
from expectations.tables.records import RESTATED_ROWS
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import FeedSettings
from pipelines.validation.omitted_rows import identifiers, omitted_sql, restates, unnamed_rows
from pipelines.validation.typed_rows import narrowed, typed_rows_sql
from pipelines.validation.valid_extracts import ValidExtract, first_restated_day, kept_rows_sql, known_dates, lines_sql

COMPARISON = 4  # a higher number has stored comparisons made again: since 4 a row that lost its identifier deletes none that agrees with it


def restated_rows(lake: Lake, table: Table, settings: FeedSettings, extracts: list[ValidExtract]) -> str:
    """Return the SQL of a feed's part of core__restated_rows, and write that part if it does not exist."""
    partition = {"feed": table.feed, "deliveries": _digest(lake, table, settings, extracts)}
    name = RESTATED_ROWS.name
    if not lake.exists(name) or not lake.files(name, partition):
        with connect(spill=lake.root.parent / "spill") as con:
            file = lake.write_sql(name, con, _compared_sql(table, settings, extracts), partition)
        schema = arrow_schema(RESTATED_ROWS)
        lake.commit(name, [file], schema, partition_by=RESTATED_ROWS.partitioned_by, replace={"feed": table.feed})
    return lake.scan(name, partition)


def _digest(lake: Lake, table: Table, settings: FeedSettings, extracts: list[ValidExtract]) -> str:
    """Return a digest of everything that decides which rows are valid."""
    extracts_read = [
        (
            one.extract.extract_id,
            str(one.extract.extract_date),
            str(one.extract.arrived_date),
            one.rules,
            one.set_aside != "",
            one.unparsed,
        )
        for one in extracts
    ]
    lines = lake.read(ORGANISATION_LINE.name, "code, line", order="code").to_pylist() if lines_sql(lake) else []
    parts = [repr(table), settings.load, settings.replaces_months, extracts_read, COMPARISON, *([lines] if lines else [])]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:16]


def _compared_sql(table: Table, settings: FeedSettings, extracts: list[ValidExtract]) -> str:
    """Return the rows of core__restated_rows: every row whose key is in several deliveries, with the result of the comparison."""
    deliveries = known_dates(extracts)
    unnamed = {valid.extract.extract_id: unnamed_rows(table, valid) for valid in extracts if restates(settings)}
    ids = " ".join(f"WHEN {place} THEN {quote(valid.extract.extract_id)}" for place, valid in enumerate(extracts))
    days = " ".join(f"WHEN {place} THEN DATE {quote(valid.extract.extract_date)}" for place, valid in enumerate(extracts))
    columns = "extract_id, row_number, extract_date, first_extract_date, key_extract_date"
    key = ", ".join(table.key)
    facts = f"SELECT {columns}, CAST(NULL AS DATE) AS superseded_date FROM current JOIN history USING ({key}, content, run)"
    if table.event_date:
        facts += f" UNION ALL SELECT {columns}, superseded_date FROM ({_superseded(table, settings, deliveries)})"
    return f"""WITH {omitted_sql(table, settings, extracts, unnamed)}, {_several(table, extracts)}, {_contents(table, settings, extracts)}, current AS MATERIALIZED ({_current(table, settings, deliveries)})
        SELECT extract_id, extract_date, row_number, found.row_number IS NOT NULL AND superseded_date IS NULL AS holds,
            first_extract_date, key_extract_date, found.row_number IS NOT NULL AND superseded_date IS NULL
                AND (extract_id, extract_date, row_number) IN (SELECT (extract_id, extract_date, row_number) FROM omitted_rows) AS kept_for_unparsed,
            superseded_date
        FROM (SELECT row_number, CASE place {ids} END AS extract_id, CASE place {days} END AS extract_date FROM several) AS rows
        LEFT JOIN ({facts}) AS found USING (extract_id, extract_date, row_number) ORDER BY extract_date, extract_id, row_number"""


def _several(table: Table, extracts: list[ValidExtract]) -> str:
    """Return the CTE `several`: extract and row number of every row that has to be compared with other deliveries.

    Its key is in several deliveries, or an unusable row of a later delivery may be meant for it: the identifiers of their keys
    agree. The first delivery is mostly by far the largest. It is only compared with later ones.
    """
    first = min(valid.extract.extract_date for valid in extracts)
    names, keyed = identifiers(table), narrowed(table, *table.key)
    rest = f"hash({', '.join(names)})" if names else "0"

    def keys(of_first: bool) -> str:
        return " UNION ALL ".join(
            f"SELECT hash({', '.join(table.key)}) AS digest, {rest} AS rest, {place} AS place, "
            f"DATE {quote(valid.extract.extract_date)} AS delivered, row_number "
            f"FROM {typed_rows_sql(keyed, valid.source, valid.reading, keep=('row_number',))}"
            for place, valid in enumerate(extracts)
            if (valid.extract.extract_date == first) == of_first
        )

    later = [(place, valid) for place, valid in enumerate(extracts) if valid.extract.extract_date > first]
    unusable = [f"SELECT {place} AS place, row_number FROM {_unusable(valid)}" for place, valid in later if valid.set_aside]
    numbers = " UNION ALL ".join(unusable if names and unusable else ["SELECT 0 AS place, 0 AS row_number WHERE false"])
    return f"""later AS MATERIALIZED ({keys(of_first=False)}),
        unusable_rests AS MATERIALIZED (SELECT DISTINCT rest FROM later SEMI JOIN ({numbers}) USING (place, row_number)),
        repeated AS MATERIALIZED (
            SELECT * FROM ({keys(of_first=True)})
            WHERE digest IN (SELECT digest FROM later) OR rest IN (SELECT rest FROM unusable_rests)
                OR digest IN (SELECT digest FROM omitted)
        ),
        shared AS (
            SELECT digest FROM repeated UNION
            SELECT digest FROM later GROUP BY digest HAVING min(delivered) < max(delivered)
        ),
        several AS MATERIALIZED (
            SELECT place, row_number FROM repeated UNION ALL
            SELECT place, row_number FROM later
            WHERE digest IN (SELECT digest FROM shared) OR rest IN (SELECT rest FROM unusable_rests)
                OR digest IN (SELECT digest FROM omitted)
        )"""


def _unusable(valid: ValidExtract) -> str:
    """Return the SQL of the rows of an extract that were set aside and with which the sender takes nothing back."""
    return f"({valid.set_aside} EXCEPT {valid.withdrawn})" if valid.withdrawn else valid.set_aside


def _contents(table: Table, settings: FeedSettings, extracts: list[ValidExtract]) -> str:
    """Return CTEs of the content of those rows: `kept`, `withdrawn`, `named`, `spared`, `running` and `history`.

    `named` has key and delivery of the rows that were kept or that the sender takes back, which are `withdrawn`. `spared` has the deliveries
    that leave a key as it is, for they contain it in a row that cannot be used. `running` numbers the runs of deliveries that leave a content as it is.
    `history` has, by run, when a key with its content was delivered first and last, and when the key with its beginning was delivered first.
    """
    key = ", ".join(table.key)
    only = [
        replace(
            valid,
            source=f"(FROM {valid.source} SEMI JOIN (SELECT row_number FROM several WHERE place = {place}) USING (row_number))",
        )
        for place, valid in enumerate(extracts)
    ]
    read = ", ".join(dict.fromkeys((*table.key, *([table.event_date] if table.event_date else []))))
    beginning = FEEDS[table.feed].beginning if table.feed in FEEDS else ()
    begun = f"hash({', '.join(beginning)})" if beginning else "0"
    columns = f"{read}, {_content(table)} AS content, {begun} AS begun, extract_id, extract_date, row_number"
    kept = " UNION ALL ".join(
        f"SELECT {columns}, DATE {quote(valid.extract.known_date)} AS known_date FROM {kept_rows_sql(table, valid)}"
        for valid in only
    )
    taken_back = [_keys_of(table, valid, valid.withdrawn) for valid in only if valid.withdrawn]
    withdrawn = " UNION ALL ".join(taken_back or [f"SELECT {key}, extract_date FROM kept WHERE false"])
    begins = f"min(min(known_date)) OVER (PARTITION BY {key}, begun) AS key_extract_date"
    dates = f"min(known_date) AS first_extract_date, max(extract_date) AS last_extract_date, {begins}"
    return f"""kept AS MATERIALIZED ({kept}), withdrawn AS MATERIALIZED ({withdrawn}),
        named AS MATERIALIZED (SELECT {key}, extract_date FROM kept UNION ALL FROM withdrawn),
        {_spared(table, only)}, {_running(table, settings, extracts)},
        history AS MATERIALIZED (SELECT {key}, content, run, {dates} FROM running GROUP BY {key}, content, run, begun)"""


def _running(table: Table, settings: FeedSettings, extracts: list[ValidExtract]) -> str:
    """Return the CTE `running`: the rows of `kept` with the number of their run.

    A new run begins where the delivery that named the key before had another content, or one in between omitted it. Lists without dates
    have one run: a person is on them since the first delivery that named the person.
    """
    if not table.event_date:
        return "running AS MATERIALIZED (SELECT *, 0 AS run FROM kept)"
    key = ", ".join(table.key)
    earlier = "ORDER BY extract_date RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL 1 DAY PRECEDING"
    days = [*known_dates(extracts)][1:] if restates(settings) else []
    omitted = [f"({_omits(table, settings, day, 'same_before')} AND extract_date > DATE {quote(day)})" for day in days]
    return f"""before AS (
            SELECT *, max(extract_date) OVER (PARTITION BY {key}, content {earlier}) AS same_before,
                max(extract_date) OVER (PARTITION BY {key} {earlier}) AS named_before
            FROM (SELECT *, true AS is_kept FROM kept UNION ALL BY NAME SELECT *, false AS is_kept FROM withdrawn)
            QUALIFY is_kept
        ),
        running AS MATERIALIZED (
            SELECT * EXCLUDE (is_kept, same_before, named_before, spared), sum(CASE WHEN same_before < named_before OR {" OR ".join(omitted or ["false"])} THEN 1 ELSE 0 END)
                OVER (PARTITION BY {key}, content ORDER BY extract_date) AS run
            FROM before LEFT JOIN spared USING ({key})
        )"""


def _keys_of(table: Table, valid: ValidExtract, numbers: str) -> str:
    """Return the SQL of the keys, with the delivery, of some rows of an extract."""
    source = f"(FROM {valid.source} SEMI JOIN {numbers} USING (row_number))"
    rows = typed_rows_sql(narrowed(table, *table.key), source, valid.reading)
    return f"SELECT {', '.join(table.key)}, DATE {quote(valid.extract.extract_date)} AS extract_date FROM {rows}"


def _spared(table: Table, extracts: list[ValidExtract]) -> str:
    """Return the CTEs that end with `spared`: keys with the list of the deliveries that leave them as they are."""
    key = ", ".join(table.key)
    found = [_keys_of(table, valid, _unusable(valid)) for valid in extracts if valid.set_aside]
    unusable = " UNION ALL ".join(found or [f"SELECT {key}, extract_date FROM kept WHERE false"])
    # Of a row without a usable key, a date of the key may be wrong, and a code of it may be missing. Its identifiers say what it is.
    may_differ = [
        f"(stray.{name} IS NULL OR kept.{name} = stray.{name})"
        for name in table.key
        if table.column(name).kind not in (Kind.IDENTIFIER, Kind.DATE)
    ]
    same = " AND ".join([*(f"kept.{name} = stray.{name}" for name in identifiers(table)), *may_differ])
    columns = ", ".join(f"kept.{name}" for name in table.key)
    by_rest = f" UNION ALL SELECT {columns}, stray.extract_date FROM kept JOIN stray ON {same} WHERE kept.extract_date < stray.extract_date"
    return f"""unusable AS MATERIALIZED ({unusable}), stray AS MATERIALIZED (FROM unusable ANTI JOIN kept USING ({key})),
        omitted_rows AS MATERIALIZED (
            SELECT kept.*, day FROM kept JOIN omitted ON hash({columns}) = omitted.digest AND kept.extract_date < omitted.day
        ),
        spared AS MATERIALIZED (
            SELECT {key}, list(DISTINCT extract_date) AS spared FROM (
                FROM unusable{by_rest if identifiers(table) else ""} UNION ALL SELECT {key}, day AS extract_date FROM omitted_rows
            ) GROUP BY ALL
        )"""


def _content(table: Table) -> str:
    """Return the SQL of a digest of the facts in a row."""
    without = FEEDS[table.feed].columns_without_facts if table.feed in FEEDS else ()
    facts = [column.name for column in sender_columns(table) if column.name not in without] if table.event_date else []
    return f"hash({', '.join(facts or table.key)})"


def _current(table: Table, settings: FeedSettings, deliveries: dict[date, date]) -> str:
    """Keep the latest delivery of each key, without rows that a later delivery restates and omits."""
    key = ", ".join(table.key)
    stay = [f"NOT coalesce({_omits(table, settings, day)}, false)" for day in [*deliveries][1:] if restates(settings)]
    latest = f"(SELECT {key}, max(extract_date) AS extract_date FROM named GROUP BY {key})"
    return f"""SELECT running.* FROM running SEMI JOIN {latest} AS latest USING ({key}, extract_date) LEFT JOIN spared USING ({key})
        WHERE {" AND ".join(stay) or "true"}"""


def _omits(table: Table, settings: FeedSettings, day: date, since: str = "extract_date") -> str:
    """Return the SQL that is true of a row, last delivered on `since`, whose day a later delivery restates without its key."""
    months = settings.replaces_months
    restated = f" AND {table.event_date} >= DATE {quote(first_restated_day(day, months))}" if months else ""
    return f"({since} < DATE {quote(day)}{restated} AND NOT coalesce(list_contains(spared, DATE {quote(day)}), false))"


def _superseded(table: Table, settings: FeedSettings, deliveries: dict[date, date]) -> str:
    """Return the rows that a later delivery changed or removed. Of a row that was changed and changed back, the earlier run is one of them."""
    key, last = ", ".join(table.key), [*deliveries][-1]
    namings = f"(SELECT {key}, list(extract_date) AS namings FROM named GROUP BY {key})"
    return f"""SELECT rows.*, {_superseded_on(table, settings, deliveries)} AS superseded_date
        FROM (FROM running JOIN history USING ({key}, content, run) WHERE extract_date = last_extract_date AND last_extract_date < DATE {quote(last)}) AS rows
        ANTI JOIN current USING ({key}, content, run) JOIN {namings} AS named_on USING ({key}) LEFT JOIN spared USING ({key})"""


def _superseded_on(table: Table, settings: FeedSettings, deliveries: dict[date, date]) -> str:
    """Return the SQL of the day on which it was first known that a later delivery contains the key, or restates its day without it."""
    late = " ".join(f"WHEN DATE {quote(day)} THEN DATE {quote(known)}" for day, known in deliveries.items() if day != known)
    named = "list_filter(namings, lambda day: day > last_extract_date)"
    known = f"list_transform({named}, lambda day: CASE day {late} ELSE day END)" if late else named
    cases = [f"list_min({known})"]
    if restates(settings):
        cases += [
            f"CASE WHEN {_omits(table, settings, day, 'last_extract_date')} THEN DATE {quote(known)} END"
            for day, known in [*deliveries.items()][1:]
        ]
    return f"least({', '.join(cases)})"

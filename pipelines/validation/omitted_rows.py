"""Rows that a delivery restates and omits, and that it may contain in a form in which they cannot be recognised.

* A line of which no field could be read may be any row that its delivery omits: as many omitted rows as there are such lines are spared, the
  most recent ones.
* A row whose identifier of the key is lost (the number of the record, or the person in lists of people) may be an omitted row that agrees
  with it in all that identifies the fact: person, day and organisation. Each such row spares one.
"""

from __future__ import annotations

from datetime import date

from expectations.identifier_schemes import WITHHELD
from expectations.row_checks import sender_columns
from expectations.sql_values import quote
from expectations.table import Kind, Table
from pipelines.lake.duckdb_connection import connect
from pipelines.sources.nhs import FeedSettings
from pipelines.validation.typed_rows import narrowed, typed_rows_sql
from pipelines.validation.valid_extracts import ValidExtract, first_restated_day, kept_rows_sql


def restates(settings: FeedSettings) -> bool:
    """Return whether a delivery of the feed deletes what it omits."""
    return settings.load == "snapshot" or bool(settings.replaces_months)


def identifiers(table: Table) -> list[str]:
    """Return the columns of the key that name a record or a person."""
    return [name for name in table.key if table.column(name).kind is Kind.IDENTIFIER]


def omitted_sql(table: Table, settings: FeedSettings, extracts: list[ValidExtract], unnamed: dict[str, str]) -> str:
    """Return the CTE `omitted`: digests of the keys that a delivery restates and omits and may contain, with the day of the delivery.

    `unnamed` has the answer of `unnamed_rows` for each extract.
    """
    first = min(valid.extract.extract_date for valid in extracts)
    parts = []
    for day in sorted({valid.extract.extract_date for valid in extracts} - {first}) if restates(settings) else ():
        delivery = [valid for valid in extracts if valid.extract.extract_date == day]
        candidates = _candidates(table, settings, extracts, day)
        if lines := sum(valid.unparsed for valid in delivery):
            latest = "ORDER BY delivered DESC, event DESC NULLS LAST, digest"
            parts.append(f"(SELECT digest, DATE {quote(day)} AS day FROM ({candidates}) {latest} LIMIT {lines})")
        parts += [
            _like_unnamed(table, valid, candidates, unnamed[valid.extract.extract_id])
            for valid in delivery
            if unnamed[valid.extract.extract_id]
        ]
    nothing = "SELECT 0::UBIGINT AS digest, CAST(NULL AS DATE) AS day WHERE false"
    return f"omitted AS MATERIALIZED ({' UNION '.join(parts or [nothing])})"


def unnamed_rows(table: Table, valid: ValidExtract) -> str:
    """Return SQL of the numbers of the rows of an extract that lost an identifier of their key; '' if there are none.

    A row with which the sender takes something back is none of them.
    """
    if not valid.set_aside:
        return ""
    names = identifiers(table)
    wrong = [wrong for name in names if (wrong := valid.reading.is_wrong(name))]
    lost = " OR ".join([f"{name} IS NULL OR {name} = {quote(WITHHELD)}" for name in names] + wrong)
    numbers = f"{valid.set_aside} EXCEPT {valid.withdrawn}" if valid.withdrawn else valid.set_aside
    rows = typed_rows_sql(narrowed(table, *names), valid.source, valid.reading)
    found = f"SELECT row_number FROM {rows} SEMI JOIN ({numbers}) USING (row_number) WHERE {lost or 'false'}"
    with connect() as con:
        return f"({found})" if con.execute(f"{found} LIMIT 1").fetchall() else ""


def _candidates(table: Table, settings: FeedSettings, extracts: list[ValidExtract], day: date) -> str:
    """Return the SQL of the keys that earlier deliveries have and a delivery restates and omits."""
    digest, event = f"hash({', '.join(table.key)})", table.event_date or "CAST(NULL AS DATE)"
    keyed, compared = (
        narrowed(table, *table.key),
        narrowed(table, *table.key, *_alike_columns(table), *filter(None, (table.event_date,))),
    )
    alike = f"hash({', '.join(_alike_columns(table))}) AS alike"
    earlier = " UNION ALL ".join(
        f"SELECT {digest} AS digest, {alike}, extract_date AS delivered, {event} AS event FROM {kept_rows_sql(compared, valid)}"
        for valid in extracts
        if valid.extract.extract_date < day
    )
    again = " UNION ALL ".join(
        f"SELECT {digest} FROM {typed_rows_sql(keyed, valid.source, valid.reading)}"
        for valid in extracts
        if valid.extract.extract_date == day
    )
    months = settings.replaces_months
    restated = f" AND event >= DATE {quote(first_restated_day(day, months))}" if months else ""
    return f"""SELECT digest, max_by(alike, delivered) AS alike, max(delivered) AS delivered, max(event) AS event FROM ({earlier})
        WHERE digest NOT IN ({again}){restated} GROUP BY digest"""


def _like_unnamed(table: Table, valid: ValidExtract, candidates: str, numbers: str) -> str:
    """Return the SQL of the keys among some candidates that agree with rows without an identifier, as many as there are such rows."""
    columns = _alike_columns(table)
    source = f"(FROM {valid.source} SEMI JOIN {numbers} USING (row_number))"
    rows = typed_rows_sql(narrowed(table, *columns), source, valid.reading)
    return f"""(SELECT digest, DATE {quote(valid.extract.extract_date)} AS day FROM ({candidates})
        JOIN (SELECT hash({", ".join(columns)}) AS alike, count(*) AS most FROM {rows} GROUP BY ALL) USING (alike)
        QUALIFY row_number() OVER (PARTITION BY alike ORDER BY delivered DESC, event DESC NULLS LAST, digest) <= most)"""


def _alike_columns(table: Table) -> list[str]:
    """Return the columns that identify a fact besides the identifiers of its key.

    They are the rest of the key and the person. A list of people has none: its rows agree in the columns that a file needs.
    """
    lost = identifiers(table)
    columns = [name for name in (*table.key, *filter(None, (table.person, table.event_date))) if name not in lost]
    needed = [column.name for column in sender_columns(table) if column.required_in_file and column.name not in lost]
    return list(dict.fromkeys(columns or needed))

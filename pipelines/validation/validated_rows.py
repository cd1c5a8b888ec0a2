"""The rows of a feed that the core tables are made of: typed, without what was set aside, with the load mode applied."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from expectations.catalogue import RAW_TABLES
from expectations.row_checks import sender_columns
from expectations.table import Table
from expectations.tables.core import QUARANTINE
from expectations.tables.records import VALIDATED_EXTRACTS
from pipelines.errors import ExtractError
from pipelines.extracts.ingest import Extract, current_extracts
from pipelines.sources.nhs import FeedSettings, NhsSettings
from pipelines.storage import Lake
from pipelines.validation.typed_rows import Reading, typed_rows_sql

# Columns that no event is made of: a row in which only these changed states no new fact.
NOT_IN_EVENTS = frozenset(
    {
        "record_id", "site_code", "sex", "ethnic_category", "age_at_start", "age_at_arrival", "lsoa_code", "length_of_stay",
        "episode_count", "procedures", "minutes_to_departure", "acuity", "chief_complaint", "first_attendance", "outcome", "medium",
    }
)  # fmt: skip

# What a row says of its beginning, which is a fact of its own: an admission is known before its discharge and its coding.
BEGINNING = {"admissions": ("person_id", "admission_method", "admission_source", "patient_classification", "treatment_function")}
_ALWAYS_FIRST = "extract_date AS first_extract_date, true AS is_first_delivery, extract_date AS key_extract_date, true AS key_in_first_delivery"


@dataclass(frozen=True)
class ValidExtract:
    """A validated extract: where its rows are, how its text is read and whether rows of it were set aside."""

    extract: Extract
    source: str
    reading: Reading
    set_aside: str  # SQL of the row numbers that left the flow; empty for none


def validated_rows_sql(lake: Lake, nhs: NhsSettings, feed: str, table: Table | None = None) -> str:
    """Give the SQL, usable in FROM, of a feed's current, typed, validated rows.

    Beside the declared columns: `extract_id`, `extract_date`, `row_number`, `first_extract_date` (the first delivery that
    held this key with what its event is made of; of a feed whose rows have no day, the key alone), `is_first_delivery`
    (that was the feed's first delivery), and the same two of the key with what its row says of its beginning, whatever was
    said of the rest: `key_extract_date`, `key_in_first_delivery`. An ExtractError names an extract that is not validated; a feed without extracts gives no rows. `table` is the feed's declaration where another source
    or a setting gives it one of its own.
    """
    table, settings = table or RAW_TABLES[feed], nhs.feeds[feed]
    extracts = current_extracts(lake, feed)
    if not extracts:
        return _no_rows(table)
    return current_rows_sql(table, settings, valid_extracts(lake, table, extracts))


def superseded_rows_sql(lake: Lake, nhs: NhsSettings, feed: str, table: Table | None = None) -> str:
    """Give the SQL of a feed's rows as they were told before a later delivery changed them or took them back; '' for none.

    The columns are those of `validated_rows_sql`, and `superseded_date`: the delivery from which on the row no longer holds.
    A row that is changed and later changed back holds all the while.
    """
    table, settings = table or RAW_TABLES[feed], nhs.feeds[feed]
    valid = valid_extracts(lake, table, current_extracts(lake, feed))
    deliveries = sorted({one.extract.extract_date for one in valid})
    if len(deliveries) < 2 or not table.event_date:
        return ""
    key = ", ".join(table.key)
    current = f"(SELECT {key}, {_content(table)} AS content FROM {_current(table, settings, valid, deliveries)})"
    rows = f"(SELECT *, {_content(table)} AS content FROM {_union([kept_rows_sql(table, one) for one in valid])})"
    gone = f"last_extract_date < DATE '{deliveries[-1]}'"
    namings = f"(SELECT {key}, list(extract_date) AS namings FROM {_named(table, valid)} GROUP BY {key})"
    return f"""(SELECT rows.* EXCLUDE (content, last_extract_date), {_superseded_on(table, settings, deliveries)} AS superseded_date
        FROM (SELECT rows.* EXCLUDE (content), content, last_extract_date, {_first_columns(deliveries[0])}
            FROM {rows} AS rows {_joined_history(table, valid, gone)} WHERE rows.extract_date = last_extract_date) AS rows
        ANTI JOIN {current} AS current USING ({key}, content) JOIN {namings} AS named USING ({key}))"""


def _superseded_on(table: Table, settings: FeedSettings, deliveries: list[date]) -> str:
    """Give the SQL of the first later delivery that names a row's key or restates its day without it."""
    cases = ["list_min(list_filter(namings, lambda day: day > last_extract_date))"]
    for day in deliveries[1:]:
        months = settings.replaces_months
        if settings.load == "snapshot" or months:
            since = (
                "" if settings.load == "snapshot" else f" AND {table.event_date} >= DATE '{first_restated_day(day, months or 0)}'"
            )
            cases.append(f"CASE WHEN last_extract_date < DATE '{day}'{since} THEN DATE '{day}' END")
    return f"least({', '.join(cases)})"


def valid_extracts(
    lake: Lake, table: Table, extracts: list[Extract], statuses: tuple[str, ...] = ("passed",)
) -> list[ValidExtract]:
    """Give extracts with what validation recorded of them; an ExtractError names one that is not validated."""
    records = _records(lake, table.feed, statuses)
    missing = sorted({extract.path for extract in extracts if extract.extract_id not in records})
    if missing:
        raise ExtractError(f"the extracts {missing} of the feed {table.feed} are not validated; run the validation first")
    return [_valid(lake, table, extract, records) for extract in extracts]


def current_rows_sql(table: Table, settings: FeedSettings, extracts: list[ValidExtract]) -> str:
    """Apply a feed's load mode to its validated extracts, which come in order of delivery."""
    deliveries = sorted({valid.extract.extract_date for valid in extracts})
    if len(deliveries) == 1:
        rows = _union([kept_rows_sql(table, valid) for valid in extracts])
        return f"(SELECT *, {_ALWAYS_FIRST} FROM {rows})"
    return _with_first_delivery(table, extracts, _current(table, settings, extracts, deliveries), deliveries[0])


def _current(table: Table, settings: FeedSettings, extracts: list[ValidExtract], deliveries: list[date]) -> str:
    if settings.load == "snapshot":
        return _union([kept_rows_sql(table, valid) for valid in extracts if valid.extract.extract_date == deliveries[-1]])
    return _merged(table, extracts, deliveries, settings.replaces_months)


def kept_rows_sql(table: Table, valid: ValidExtract) -> str:
    """Give an extract's typed rows without those that were set aside."""
    rows = typed_rows_sql(table, valid.source, valid.reading, keep=("row_number",))
    extract = valid.extract
    kept = f" ANTI JOIN {valid.set_aside} USING (row_number)" if valid.set_aside else ""
    return f"(SELECT *, '{extract.extract_id}' AS extract_id, DATE '{extract.extract_date}' AS extract_date FROM {rows}{kept})"


def first_restated_day(delivered: date, months: int) -> date:
    """Give the first day of the months that a delivery restates: those before the month of its date, and that month."""
    number = delivered.year * 12 + delivered.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def _named(table: Table, extracts: list[ValidExtract]) -> str:
    """Give key and delivery of every row, of one that was set aside too."""
    return "({})".format(
        " UNION ALL ".join(
            f"SELECT {', '.join(table.key)}, DATE '{valid.extract.extract_date}' AS extract_date "
            f"FROM {typed_rows_sql(table, valid.source, valid.reading)}"
            for valid in extracts
        )
    )


def _merged(table: Table, extracts: list[ValidExtract], deliveries: list[date], months: int | None) -> str:
    """Keep of each key the latest delivery that names it, and of an earlier delivery nothing that a later one restates.

    A key counts as named by a row that was set aside, too: a sender that marks a row as deleted takes it back.
    """
    key = ", ".join(table.key)
    latest = f"(SELECT {key}, max(extract_date) AS extract_date FROM {_named(table, extracts)} GROUP BY {key})"
    following = dict(pairwise(deliveries))
    parts = []
    for valid in extracts:
        after = following.get(valid.extract.extract_date)
        until = f" WHERE {table.event_date} < DATE '{first_restated_day(after, months)}'" if after and months else ""
        parts.append(f"(SELECT * FROM {kept_rows_sql(table, valid)}{until})")
    return f"(SELECT rows.* FROM {_union(parts)} AS rows SEMI JOIN {latest} AS latest USING ({key}, extract_date))"


def _with_first_delivery(table: Table, extracts: list[ValidExtract], current: str, first: date) -> str:
    """Add when each row's key was first delivered, and when with the facts it has now."""
    rows = f"(SELECT *, {_content(table)} AS content FROM {current})"
    return f"(SELECT rows.* EXCLUDE (content), {_first_columns(first)} FROM {rows} AS rows {_joined_history(table, extracts)})"


def _content(table: Table) -> str:
    """Give the SQL of a digest of the facts that a row states."""
    facts = [column.name for column in sender_columns(table) if column.name not in NOT_IN_EVENTS] if table.event_date else []
    return f"hash({', '.join(facts or table.key)})"


def _first_columns(first: date) -> str:
    return (
        f"first_extract_date, first_extract_date = DATE '{first}' AS is_first_delivery, "
        f"key_extract_date, key_extract_date = DATE '{first}' AS key_in_first_delivery"
    )


def _joined_history(table: Table, extracts: list[ValidExtract], where: str = "true") -> str:
    """Give the SQL that joins to `rows` when their key, and their key with their content, was delivered first and last."""
    key = ", ".join(table.key)
    begun = f"hash({', '.join(BEGINNING[table.feed])})" if table.feed in BEGINNING else "0"
    read = f"{key}, {_content(table)} AS content, {begun} AS begun, extract_date"
    seen = _union([f"(SELECT {read} FROM {kept_rows_sql(table, valid)})" for valid in extracts])
    named = f"min(min(extract_date)) OVER (PARTITION BY {key}, begun) AS key_extract_date"
    dates = f"min(extract_date) AS first_extract_date, max(extract_date) AS last_extract_date, {named}"
    history = f"(SELECT {key}, content, {dates} FROM {seen} GROUP BY {key}, content, begun)"
    return f"JOIN (SELECT * FROM {history} WHERE {where}) AS history USING ({key}, content)"


def _union(parts: list[str]) -> str:
    return f"({' UNION ALL BY NAME '.join(f'FROM {part}' for part in parts)})"


def _records(lake: Lake, feed: str, statuses: tuple[str, ...]) -> dict[str, dict[str, object]]:
    if not lake.exists(VALIDATED_EXTRACTS.name):
        return {}
    listed = ", ".join(f"'{status}'" for status in statuses)
    rows = lake.read(VALIDATED_EXTRACTS.name, where=f"feed = '{feed}' AND status IN ({listed})").to_pylist()
    return {str(row["extract_id"]): row for row in rows}


def _valid(lake: Lake, table: Table, extract: Extract, records: dict[str, dict[str, object]]) -> ValidExtract:
    record = records[extract.extract_id]
    partition = {"table_name": table.name, "extract_id": extract.extract_id}
    quarantined = lake.scan(QUARANTINE.name, partition) if lake.exists(QUARANTINE.name) else ""
    set_aside = (
        f"(SELECT DISTINCT row_number FROM {quarantined} WHERE action = 'set_aside')"
        if record["rows_set_aside"] and quarantined
        else ""
    )
    source = lake.scan(table.name, {"extract_id": extract.extract_id})
    return ValidExtract(extract, source, Reading.from_json(str(record["text_reading"])), set_aside)


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
    return f"(SELECT *, '' AS extract_id, {_ALWAYS_FIRST} FROM {rows})"

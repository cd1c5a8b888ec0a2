"""The validated extracts and their typed rows, without rows that were set aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from expectations.row_checks import EXCLUDED_AT_INGEST, PARSING_REASONS, REPEATED_HEADER
from expectations.sql_values import quote, quote_all
from expectations.table import RowRule, Table
from expectations.tables.core import QUARANTINE
from expectations.tables.core_places import ORGANISATION_LINE
from expectations.tables.records import VALIDATED_EXTRACTS
from pipelines.errors import ExtractError
from pipelines.extracts.extract_records import Extract
from pipelines.lake.storage import Lake
from pipelines.validation.typed_rows import SENT, Reading, organisation_column, typed_rows_sql


@dataclass(frozen=True)
class ValidExtract:
    """A validated extract: where its rows are, how its text is read, and whether rows were set aside."""

    extract: Extract
    source: str
    reading: Reading
    set_aside: str  # SQL of the row numbers that were set aside; empty for none
    rules: str  # digest of the rules it was validated by
    withdrawn: str = ""  # SQL of those with which the sender takes a row back, or may: a mark that cannot be read; empty for none
    unparsed: int = 0  # rows that lines may hold of which no field could be read


def valid_extracts(
    lake: Lake, table: Table, extracts: list[Extract], statuses: tuple[str, ...] = ("passed",)
) -> list[ValidExtract]:
    """Return extracts with the results of validation; an ExtractError names one that is not validated."""
    records = _records(lake, table.feed, statuses)
    missing = sorted({extract.path for extract in extracts if extract.extract_id not in records})
    if missing:
        raise ExtractError(
            f"the extracts {', '.join(missing)} of the feed {table.feed} are not validated; run the validation first"
        )
    return [_valid(lake, table, extract, records) for extract in extracts]


def passed_extracts(lake: Lake, table: Table, extracts: list[Extract]) -> list[ValidExtract]:
    """Return the extracts that passed validation."""
    records = _records(lake, table.feed, ("passed",))
    return [_valid(lake, table, extract, records) for extract in extracts if extract.extract_id in records]


def kept_rows_sql(table: Table, valid: ValidExtract) -> str:
    """Return the typed rows of an extract without those that were set aside, with the organisation as sent (`SENT`) if they name one."""
    sent = (SENT,) if organisation_column(table) else ()
    rows = typed_rows_sql(table, valid.source, valid.reading, keep=("row_number", *sent))
    extract = valid.extract
    kept = f" ANTI JOIN {valid.set_aside} USING (row_number)" if valid.set_aside else ""
    return f"(SELECT *, {quote(extract.extract_id)} AS extract_id, DATE {quote(extract.extract_date)} AS extract_date FROM {rows}{kept})"


def lines_sql(lake: Lake) -> str:
    """Return the SQL of code and line of the organisations that are in a line under another name; '' if there are none."""
    lines = ORGANISATION_LINE.name
    return f"(SELECT code, line FROM {lake.scan(lines)} WHERE code <> line)" if lake.rows(lines) else ""


def known_dates(extracts: list[ValidExtract]) -> dict[date, date]:
    """Return the day of each delivery in order, with the day since which its facts count as known."""
    days = sorted({one.extract.extract_date for one in extracts})
    return {day: max(one.extract.known_date for one in extracts if one.extract.extract_date == day) for day in days}


def first_restated_day(delivered: date, months: int) -> date:
    """Return the first day of the months that a delivery restates: the months before its date, and its own month."""
    number = delivered.year * 12 + delivered.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def _records(lake: Lake, feed: str, statuses: tuple[str, ...]) -> dict[str, dict[str, object]]:
    rows = lake.records(VALIDATED_EXTRACTS).to_pylist()
    return {str(row["extract_id"]): row for row in rows if row["feed"] == feed and row["status"] in statuses}


def _valid(lake: Lake, table: Table, extract: Extract, records: dict[str, dict[str, object]]) -> ValidExtract:
    record = records[extract.extract_id]
    partition = {"table_name": table.name, "extract_id": extract.extract_id}
    rules = [rule for rule in table.row_rules if rule.withdraws]
    set_aside = withdrawn = ""
    if record["rows_set_aside"]:
        rows = f"SELECT DISTINCT row_number FROM {lake.scan_or_empty(QUARANTINE, partition)} WHERE action = 'set_aside'"
        set_aside, withdrawn = f"({rows})", f"({rows} AND {_withdraws(rules)})" if rules else ""
    unparsed = _unparsed(lake, partition, extract.rows_unreadable) if extract.rows_unreadable else 0
    source = lake.scan(table.name, {"extract_id": extract.extract_id})
    reading = replace(Reading.from_json(str(record["text_reading"])), lines=lines_sql(lake))
    return ValidExtract(extract, source, reading, set_aside, str(record["rules"]), withdrawn, unparsed)


def _unparsed(lake: Lake, partition: dict[str, str], rows_unreadable: int) -> int:
    """Count the rows of which no field could be read: the lines, and further rows that they may hold, which are in no list."""
    of_rows = quote_all(reason for reason in PARSING_REASONS if reason != REPEATED_HEADER)
    counts = f"count(*) AS recorded, count(*) FILTER (reason IN ({of_rows})) AS lines"
    where = f"reason IN ({quote_all(EXCLUDED_AT_INGEST)})"
    found = lake.read_or_empty(QUARANTINE, counts, where, partition=partition).to_pylist()[0]
    return int(found["lines"]) + max(0, rows_unreadable - int(found["recorded"]))


def _withdraws(rules: Sequence[RowRule]) -> str:
    """Return the condition of the quarantine that a row takes back what was sent before: by a mark, or by one that cannot be read."""
    columns = sorted({name for rule in rules if rule.is_mark for name in rule.columns})
    lost = f" OR (reason = 'not_in_vocabulary' AND column_name IN ({quote_all(columns)}))" if columns else ""
    return f"(reason IN ({quote_all(rule.reason for rule in rules)}){lost})"

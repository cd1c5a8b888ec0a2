"""How a day may be written, and which local day a time with a zone is."""

from __future__ import annotations

from datetime import date
from typing import get_args

import pytest

from expectations.date_formats import DETECTED, FORMATS, MONTH_FIRST_OF, FormatName
from expectations.table import Action, Column, Kind, Table
from pipelines.lake.duckdb_connection import connect
from pipelines.validation.typed_rows import Reading, typed_rows_sql

ARRIVALS = Table(
    "raw__arrivals",
    "An example.",
    (Column("arrival", Kind.DATE, "Day.", nullable=False, on_violation=Action.SET_ASIDE),),
    ("arrival",),
    feed="arrivals",
)


def read(text: str, form: str = "YYYY-MM-DD", zone: str = "UTC") -> date | None:
    source = f"(SELECT '{text}' AS arrival, DATE '2026-01-01' AS extract_date, 'a.csv' AS file_name, 1 AS row_number)"
    with connect() as con:
        con.execute(f"SET TimeZone = '{zone}'")
        return con.execute(f"SELECT arrival FROM {typed_rows_sql(ARRIVALS, source, Reading({'arrival': form}))}").fetchall()[0][0]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2025-06-30T23:30:00Z", date(2025, 7, 1)),
        ("2025-06-30T22:59:59Z", date(2025, 6, 30)),
        ("2025-06-30T23:00Z", date(2025, 7, 1)),
        ("2025-06-30 23:30:00.123456Z", date(2025, 7, 1)),
        ("2025-06-30 23:30:00 UTC", date(2025, 7, 1)),
        ("2025-06-30t23:30:00z", date(2025, 7, 1)),
        ("2025-06-30 23:30:00+00", date(2025, 7, 1)),
        ("2025-06-30 23:30:00+0000", date(2025, 7, 1)),
        ("2025-06-30 23:30:00 +00:00", date(2025, 7, 1)),
        ("2025-06-30T23:30:00-00:00", date(2025, 7, 1)),
        ("2025-06-30T23:30:00+01:00", date(2025, 6, 30)),
        ("2025-06-30T23:30:00+0100", date(2025, 6, 30)),
        ("2025-06-30T23:30:00+01", date(2025, 6, 30)),
        ("2025-07-01T00:30:00+01:00", date(2025, 7, 1)),
        ("2025-07-01T00:30:00+02:00", date(2025, 6, 30)),
        ("2025-06-30T19:00:00-05:00", date(2025, 7, 1)),
        ("2025-06-30T18:15:00-04:45", date(2025, 7, 1)),
        ("2025-12-31T23:30:00Z", date(2025, 12, 31)),
        ("2026-01-01T00:30:00+01:00", date(2025, 12, 31)),
        ("2025-12-31T23:30:00+00:00", date(2025, 12, 31)),
        ("2025-03-30T00:59:00Z", date(2025, 3, 30)),
        ("2025-10-25T23:30:00Z", date(2025, 10, 26)),
        ("2025-10-26T23:30:00Z", date(2025, 10, 26)),
        ("2024-02-28T23:30:00-01:00", date(2024, 2, 29)),
        ("1970-01-01T23:30:00Z", date(1970, 1, 2)),
        ("2025-06-30T24:00:00", date(2025, 6, 30)),
        ("2025-06-30 23:30:00", date(2025, 6, 30)),
        ("2025-06-30T23:30", date(2025, 6, 30)),
        ("2025-06-30T23:30:00X", None),
        ("2025-06-30T24:00:00Z", date(2025, 7, 1)),
        ("2025-06-30T23:59:60Z", date(2025, 7, 1)),
        ("2025-06-30T25:00:00", None),
        ("2025-06-30T99:00:00Z", None),
        ("2025-06-30T12:60", None),
        ("2025-06-30T24:01", None),
        ("2025-06-30T12:00:00+99:00", None),
        ("2025-06-30T12:00:00-15", None),
        ("2025-06-30T12:00:00+14:00", date(2025, 6, 29)),
        ("2025-06-30Z", None),
        ("2025-02-30T23:30:00Z", None),
    ],
)
def test_a_time_with_a_zone_is_its_local_day(text: str, day: date | None, zone: str) -> None:
    assert read(text, zone=zone) == day


@pytest.mark.parametrize(
    ("text", "form", "day"),
    [
        ("30/06/2025 23:30:00Z", "DD/MM/YYYY", date(2025, 7, 1)),
        ("1/1/2025 23:30Z", "DD/MM/YYYY", date(2025, 1, 1)),
        ("6/30/2025 23:30Z", "MM/DD/YYYY", date(2025, 7, 1)),
        ("2025/06/30 23:30:00+00", "YYYY/MM/DD", date(2025, 7, 1)),
        ("30-Jun-2025 23:30:00Z", "DD-MON-YYYY", date(2025, 7, 1)),
        ("30.06.2025 23:30Z", "DD.MM.YYYY", date(2025, 7, 1)),
        ("30-06-2025T23:30Z", "DD-MM-YYYY", date(2025, 7, 1)),
        ("05/06/2025", "MM/DD/YYYY", date(2025, 5, 6)),
        ("5-6-2025", "MM-DD-YYYY", date(2025, 5, 6)),
        ("05.06.2025", "MM.DD.YYYY", date(2025, 5, 6)),
        ("13/06/2025", "MM/DD/YYYY", None),
        ("45421", "spreadsheet serial", date(2024, 5, 9)),
        ("45421.75", "spreadsheet serial", date(2024, 5, 9)),
        ("45421.0", "spreadsheet serial", date(2024, 5, 9)),
        ("61", "spreadsheet serial", date(1900, 3, 1)),
        ("60", "spreadsheet serial", None),
        ("2024-05-09", "spreadsheet serial", None),
        ("454210", "spreadsheet serial", None),
    ],
)
def test_a_day_is_read_in_the_format_that_is_set(text: str, form: str, day: date | None) -> None:
    assert read(text, form) == day


def test_every_format_can_be_set_and_those_that_need_it_are_not_detected() -> None:
    assert get_args(FormatName) == tuple(form.name for form in FORMATS)
    assert set(MONTH_FIRST_OF.values()).isdisjoint(form.name for form in DETECTED)

"""A column that does not show whether day or month is first stops, unless the settings or the history say it."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from expectations.tables.raw_hospital import ADMISSIONS
from pipelines.errors import ValidationStop
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import FeedSettings, NhsSettings
from pipelines.validation.validate import ValidationSettings, validate_feed
from pipelines.validation.validated_rows import validated_rows_sql

CASES = Path(__file__).resolve().parents[5] / "shared" / "cases"
HEADER = "Der_Pseudo_NHS_Number,Hospital_Spell_No,Der_Provider_Code,Admission_Date,Discharge_Date,Admission_Method\n"
LENIENT = ValidationSettings(limits={"share_set_aside": 1, "unknown_codes": 1, "month_collapsed": 0})
MONTHS = [date(2025, month, 1) for month in range(1, 13)]
USUAL = [date(2025, 1, 1) + timedelta(days=9 * number) for number in range(30)]
DAYS_TO_12 = [date(2025, 1 + number % 9, 1 + (5 * number + 2) % 12) for number in range(40)]
DAY_FIRST, MONTH_FIRST = "%d/%m/%Y", "%m/%d/%Y"


class Bench:
    """A landing folder and a lake for admissions."""

    def __init__(self, folder: Path) -> None:
        self.landing, self.lake = folder / "landing", Lake(folder / "lake")

    def land(self, days: list[date], form: str, delivered: str = "2026-01-01", discharge: str = "") -> None:
        rows = [
            f"p{n},s{delivered}{n},RX1,{day.strftime(form)},{day.strftime(discharge)},{21 + n % 2}\n"
            for n, day in enumerate(days)
        ]
        self.write(HEADER + "".join(rows), delivered)

    def write(self, content: str, delivered: str = "2026-01-01") -> None:
        (self.landing / "admissions").mkdir(parents=True, exist_ok=True)
        (self.landing / "admissions" / f"admissions_{delivered}.csv").write_text(content)

    def days(self, settings: ValidationSettings = LENIENT, **dates: str) -> list[date]:
        nhs = NhsSettings(feeds={"admissions": FeedSettings(load="append", dates=dates)})  # type: ignore[arg-type]
        with connect() as con:
            ingest_feed(self.lake, con, ADMISSIONS, nhs, self.landing)
            validate_feed(self.lake, con, ADMISSIONS, nhs, settings)
            rows = con.execute(
                f"SELECT admission_date FROM {validated_rows_sql(self.lake, nhs, 'admissions')} ORDER BY 1"
            ).fetchall()
        return [day for (day,) in rows]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.skipif(not CASES.is_dir(), reason="the case files are not beside the project")
def test_twelve_first_days_of_months_are_never_twelve_days_of_january(bench: Bench) -> None:
    bench.write((CASES / "admissions_month_first_2026-01-01.csv").read_text())
    with pytest.raises(
        ValidationStop,
        match=r"(?s)admissions_2026-01-01\.csv: none of 12 values of admission_date.*dates: \{admission_date: MM/DD/YYYY\}",
    ):
        bench.days()
    assert bench.days(admission_date="MM/DD/YYYY", discharge_date="MM/DD/YYYY") == MONTHS


@pytest.mark.parametrize(
    ("days", "form"),
    [
        (MONTHS, MONTH_FIRST),
        (MONTHS, DAY_FIRST),
        (DAYS_TO_12, DAY_FIRST),
        (DAYS_TO_12, MONTH_FIRST),
        (USUAL, MONTH_FIRST),
        (MONTHS, "%m-%d-%Y"),
        (MONTHS, "%m.%d.%Y"),
        (MONTHS, "%m/%d/%Y 00:00:00"),
        (MONTHS[:6], MONTH_FIRST),
        ([*MONTHS, date(2025, 3, 15)], MONTH_FIRST),
        ([date(2025, 3, 15)], MONTH_FIRST),
        (MONTHS * 5, MONTH_FIRST),
    ],
)
def test_a_column_that_is_or_may_be_month_first_stops_until_the_settings_say_it(
    bench: Bench, days: list[date], form: str
) -> None:
    bench.land(days, form)
    with pytest.raises(ValidationStop, match="day_and_month_known"):
        bench.days()
    name = form.split(" ")[0].replace("%m", "MM").replace("%d", "DD").replace("%Y", "YYYY")
    assert bench.days(admission_date=name) == sorted(days)


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y%m%d", "%d-%b-%Y", "%Y/%m/%d"])
@pytest.mark.parametrize("days", [MONTHS, DAYS_TO_12, USUAL])
def test_other_formats_leave_no_question(bench: Bench, days: list[date], form: str) -> None:
    bench.land(days, form)
    assert bench.days() == sorted(days)


def test_usual_days_show_that_the_day_is_first(bench: Bench) -> None:
    bench.land(USUAL, DAY_FIRST)
    assert bench.days() == USUAL


def test_a_few_days_show_nothing_and_are_read_day_first(bench: Bench) -> None:
    bench.land([date(2025, 2, 1), date(2025, 3, 4)], DAY_FIRST)
    assert bench.days() == [date(2025, 2, 1), date(2025, 3, 4)]


def test_a_few_days_with_the_month_first_in_a_day_first_column_are_errors_of_their_rows(bench: Bench) -> None:
    bench.land([*USUAL, *USUAL], DAY_FIRST)
    text = (bench.landing / "admissions" / "admissions_2026-01-01.csv").read_text()
    bench.write(text + "p99,s99,RX1,03/25/2025,,21\n")
    assert bench.days() == sorted([*USUAL, *USUAL])


def test_two_orders_in_one_column_stop(bench: Bench) -> None:
    bench.land(USUAL, DAY_FIRST)
    text = (bench.landing / "admissions" / "admissions_2026-01-01.csv").read_text()
    bench.write(text + "".join(f"q{n},t{n},RX2,{day.strftime(MONTH_FIRST)},,21\n" for n, day in enumerate(USUAL)))
    with pytest.raises(ValidationStop, match="17 of 60 values of admission_date have the month before the day"):
        bench.days()


@pytest.mark.parametrize(
    ("days", "form"), [(MONTHS, MONTH_FIRST), (MONTHS, DAY_FIRST), (DAYS_TO_12, MONTH_FIRST), (USUAL, MONTH_FIRST)]
)
def test_a_delivery_unlike_the_history_stops(bench: Bench, days: list[date], form: str) -> None:
    bench.land(USUAL, DAY_FIRST, "2025-12-01")
    bench.land(days, form)
    with pytest.raises(ValidationStop, match=r"delivery of 2026-01-01: admissions_2026-01-01\.csv"):
        bench.days()


def test_a_few_days_are_known_by_the_history_and_the_other_columns(bench: Bench) -> None:
    bench.land(USUAL, DAY_FIRST, "2025-12-01", discharge=DAY_FIRST)
    spread = [date(2025, 3 + number % 5, 2 + number) for number in range(7)]
    bench.land(spread, DAY_FIRST)
    assert bench.days() == sorted([*USUAL, *spread])


def test_first_days_of_months_that_were_accepted_once_are_read_alike(bench: Bench) -> None:
    bench.land(MONTHS, DAY_FIRST, "2025-12-01")
    accepted = LENIENT.model_copy(update={"limits": {**LENIENT.limits, "day_and_month_known": 1}})
    assert bench.days(accepted) == MONTHS
    bench.land([day.replace(year=2024) for day in MONTHS], DAY_FIRST, "2026-01-01")
    assert len(bench.days(accepted)) == 24


def test_a_setting_for_no_date_column_or_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValidationError, match="admission_method is no date column"):
        NhsSettings(feeds={"admissions": FeedSettings(dates={"admission_method": "MM/DD/YYYY"})})
    with pytest.raises(ValidationError, match="MM/DD/YYYY"):
        FeedSettings.model_validate({"dates": {"admission_date": "mm/dd"}})


def test_another_setting_reads_stored_deliveries_again(bench: Bench) -> None:
    bench.land(DAYS_TO_12, MONTH_FIRST)
    assert bench.days(admission_date="MM/DD/YYYY") == sorted(DAYS_TO_12)
    assert bench.days(admission_date="DD/MM/YYYY") == sorted(day.replace(month=day.day, day=day.month) for day in DAYS_TO_12)


@pytest.mark.parametrize("text", ["45748", "45748.5"])
def test_spreadsheet_serials_are_read_where_the_settings_say_so(bench: Bench, text: str) -> None:
    bench.write(HEADER + f"p1,s1,RX1,{text},,21\n")
    assert bench.days(admission_date="spreadsheet serial") == [date(2025, 4, 1)]
    assert bench.days() == []

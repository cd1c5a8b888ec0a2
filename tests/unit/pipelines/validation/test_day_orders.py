"""A column that does not show whether day or month is first stops, unless the settings or the history say it."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from expectations.catalogue import RAW_TABLES
from expectations.row_checks import sender_columns
from expectations.table import Kind, Table
from expectations.tables.raw_hospital import ADMISSIONS
from expectations.tables.raw_omop import OMOP_TABLES
from expectations.tables.raw_table_rules import DAY_AND_MONTH
from pipelines.errors import ValidationStop
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.feature_table import FeatureTableSettings
from pipelines.sources.feature_table_columns import declare_feature_table, feature_table_feed
from pipelines.sources.nhs import FeedSettings, NhsSettings
from pipelines.sources.omop.settings import OmopSettings
from pipelines.validation.validate import ValidationSettings, validate_feed
from pipelines.validation.validated_rows import validated_rows_sql

CASES = Path(__file__).resolve().parents[5] / "shared" / "cases"
HEADER = "Der_Pseudo_NHS_Number,Hospital_Spell_No,Der_Provider_Code,Admission_Date,Discharge_Date,Admission_Method\n"
LENIENT = ValidationSettings(limits={"share_set_aside": 1, "unknown_codes": 1, "month_collapsed": 0})
MONTHS = [date(2025, month, 1) for month in range(1, 13)]
USUAL = [date(2025, 1, 1) + timedelta(days=9 * number) for number in range(30)]
DAYS_TO_12 = [date(2025, 1 + number % 9, 1 + (5 * number + 2) % 12) for number in range(40)]
JANUARY = [date(2025, 1, day) for day in range(1, 13)]
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
        match=r"(?s)admissions_2026-01-01\.csv: none of 12 values of admission_date.*source.nhs.feeds.admissions.dates: \{admission_date: MM/DD/YYYY\}",
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
        (MONTHS[1:5], MONTH_FIRST),
        ([date(2025, 1, 1 + number) for number in range(1, 5)], MONTH_FIRST),
        (JANUARY, "%Y-%d-%m"),
        (JANUARY, "%Y%d%m"),
        (JANUARY, "%Y/%d/%m"),
        (JANUARY, "%Y-%d-%m 00:00:00"),
        (JANUARY[:6], "%Y-%d-%m"),
        ([day.replace(month=5) for day in JANUARY], "%Y-%d-%m"),
        (DAYS_TO_12, "%Y-%d-%m"),
        (USUAL, "%Y-%d-%m"),
        (USUAL, "%Y%d%m"),
        (MONTHS * 5, MONTH_FIRST),
    ],
)
def test_a_column_that_is_or_may_be_in_the_other_order_stops_until_the_settings_say_it(
    bench: Bench, days: list[date], form: str
) -> None:
    bench.land(days, form)
    with pytest.raises(ValidationStop, match="day_and_month_known"):
        bench.days()
    name = form.split(" ")[0].replace("%m", "MM").replace("%d", "DD").replace("%Y", "YYYY")
    assert bench.days(admission_date=name) == sorted(days)


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y%m%d", "%d-%b-%Y", "%Y/%m/%d"])
@pytest.mark.parametrize(
    "days",
    [
        USUAL,
        JANUARY,
        MONTHS[:4],
        DAYS_TO_12[:11],
        [day.replace(year=year) for day in MONTHS for year in (2024, 2025)],
        [*MONTHS, date(2025, 3, 15)],
    ],
)
def test_other_formats_leave_no_question(bench: Bench, days: list[date], form: str) -> None:
    bench.land(days, form)
    assert bench.days() == sorted(days)


def test_usual_days_show_that_the_day_is_first(bench: Bench) -> None:
    bench.land(USUAL, DAY_FIRST)
    assert bench.days() == USUAL


@pytest.mark.parametrize("form", ["%d-%b-%Y"])
@pytest.mark.parametrize("days", [MONTHS, DAYS_TO_12])
def test_a_month_by_its_name_leaves_no_question(bench: Bench, days: list[date], form: str) -> None:
    bench.land(days, form)
    assert bench.days() == sorted(days)


def test_a_few_days_are_read_day_first_only_where_something_shows_it(bench: Bench) -> None:
    few = [date(2025, 2, 1), date(2025, 3, 4), date(2025, 5, 6)]
    bench.land(few, DAY_FIRST)
    with pytest.raises(ValidationStop, match="none of 3 values of admission_date shows whether the day or the month is first"):
        bench.days()
    rows = [f"p{n},s{n},RX1,{day.strftime(DAY_FIRST)},25/06/2025,{21 + n}\n" for n, day in enumerate(few)]
    bench.write(HEADER + "".join(rows))
    assert bench.days() == few


def test_one_or_two_days_are_read_day_first_as_is_usual(bench: Bench) -> None:
    few = [date(2025, 2, 1), date(2025, 3, 4)]
    bench.land(few, DAY_FIRST)
    assert bench.days() == few


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


def test_year_first_dates_that_show_the_other_order_are_named(bench: Bench) -> None:
    bench.land(USUAL, "%Y-%d-%m")
    with pytest.raises(ValidationStop, match="17 of 30 values of admission_date have the day before the month"):
        bench.days()


def test_a_month_13_in_a_small_file_is_an_error_of_its_row(bench: Bench) -> None:
    bench.write(HEADER + "p1,s1,RX1,2025-03-01,,21\np2,s2,RX1,2025-13-01,,22\n")
    assert bench.days() == [date(2025, 3, 1)]


@pytest.mark.parametrize("table", [*OMOP_TABLES, *RAW_TABLES.values()], ids=lambda table: table.name)
def test_every_table_with_a_date_column_has_the_rule(table: Table) -> None:
    assert (DAY_AND_MONTH in table.table_rules) == any(column.kind is Kind.DATE for column in sender_columns(table))


def test_the_settings_of_an_omop_source_name_date_columns() -> None:
    with pytest.raises(ValidationError, match="person_id: no date column of the CDM"):
        OmopSettings.model_validate({"folder": "cdm", "extract_date": "2026-01-01", "dates": {"person_id": "YYYY-DD-MM"}})


def test_a_ready_made_table_has_the_rule_and_the_setting(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("id,day,y,x\n1,2025-01-02,1,3\n")
    given = {"file": "table.csv", "delivered": "2026-01-01", "person": "id", "index_date": "day", "label": {"column": "y"}}
    settings = FeatureTableSettings.model_validate({**given, "dates": {"index_date": "YYYY-DD-MM"}})
    table = declare_feature_table(settings, tmp_path / "table.csv")
    assert DAY_AND_MONTH in table.table_rules
    assert [column.name for column in table.columns if column.chosen_days] == ["index_date"]
    assert feature_table_feed(settings, tmp_path / "table.csv").dates == {"index_date": "YYYY-DD-MM"}

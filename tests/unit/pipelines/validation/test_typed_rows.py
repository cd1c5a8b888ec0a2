from datetime import date

import pytest

from expectations.catalogue import RAW_TABLES
from expectations.row_checks import row_checks, sender_columns
from expectations.table import Action, Column, Kind, RowRule, Table
from pipelines.lake.duckdb_connection import connect
from pipelines.validation.row_flags import flagged_rows_sql
from pipelines.validation.typed_rows import Reading, narrowed, read_sql, typed_rows_sql

VISITS = Table(
    "raw__visits",
    "An example.",
    (
        Column("person_id", Kind.IDENTIFIER, "Person.", nullable=False),
        Column("arrival", Kind.DATE, "Day.", nullable=False, on_violation=Action.SET_ASIDE),
        Column("recorded_date", Kind.DATE, "Day of record."),
        Column("method", Kind.CODE, "Method.", allowed=("21", "2A")),
        Column("nights", Kind.INTEGER, "Nights.", minimum=0, maximum=730),
        Column("cost", Kind.NUMBER, "Cost."),
        Column("level", Kind.NUMBER, "Level in a sample.", minimum=1, reads_limits=True),
    ),
    ("person_id", "arrival"),
    row_rules=(
        RowRule("long_night", "nights > 600", Action.REPAIRED, "Capped.", ("nights",), repair="600"),
        RowRule("cheap", "cost < 1 AND nights > 1", Action.NULLED, "Not a cost.", ("cost",)),
    ),
    feed="visits",
)
ISO = Reading(
    {"arrival": "YYYY-MM-DD", "recorded_date": "YYYY-MM-DD"},
    frozenset({"person_id", "arrival", "recorded_date", "method", "nights", "cost", "level"}),
)


def source(**values: str) -> str:
    given = {
        "person_id": "p1",
        "arrival": "2024-03-01",
        "recorded_date": None,
        "method": "21",
        "nights": "1",
        "cost": "2",
        "level": None,
        **values,
    }
    columns = ", ".join(f"CAST({'NULL' if value is None else repr(value)} AS VARCHAR) AS {name}" for name, value in given.items())
    return f"(SELECT {columns}, DATE '2024-06-30' AS extract_date, 'a.csv' AS file_name, 1::BIGINT AS row_number)"


def typed(column: str, reading: Reading = ISO, **values: str) -> object:
    with connect() as con:
        return con.execute(f"SELECT {column} FROM {typed_rows_sql(VISITS, source(**values), reading)}").fetchall()[0][0]


def reasons(reading: Reading = ISO, **values: str) -> list[str]:
    checks = row_checks(VISITS)
    with connect() as con:
        row = con.execute(flagged_rows_sql(VISITS, source(**values), reading, checks, [], "x")).fetchall()[0]
    return [check.name for check, broken in zip(checks, row[1:], strict=True) if broken]


def test_a_narrowed_table_has_the_values_of_the_whole_one() -> None:
    values = {
        "arrival": "2024",
        "recorded_date": "2024-03-05",
        "nights": "700",
        "cost": "0.5",
    }  # a day and a rule read other columns
    whole = {column.name: typed(column.name, **values) for column in sender_columns(VISITS)}
    assert (whole["arrival"], whole["nights"], whole["cost"]) == (date(2024, 3, 5), 600, None)
    with connect() as con:
        for name, value in whole.items():
            rows = typed_rows_sql(narrowed(VISITS, name), source(**values), ISO)
            assert con.execute(f"SELECT {name} FROM {rows}").fetchall() == [(value,)], name
    assert [column.name for column in sender_columns(narrowed(VISITS, "method"))] == ["recorded_date", "method"]
    assert narrowed(VISITS, "") == narrowed(VISITS, *VISITS.key)  # a table without an organisation or a day has rows all the same


@pytest.mark.parametrize("table", RAW_TABLES.values(), ids=lambda table: table.feed)
def test_a_narrowed_table_has_every_column_that_its_values_depend_on(table: Table) -> None:
    nothing = ", ".join(f"CAST(NULL AS VARCHAR) AS {column.name}" for column in sender_columns(table))
    rows = f"(SELECT {nothing}, DATE '2024-06-30' AS extract_date, 'a.csv' AS file_name, 1::BIGINT AS row_number)"
    reading = Reading({column.name: "YYYY-MM-DD" for column in sender_columns(table) if column.kind is Kind.DATE})
    names = [column.name for column in sender_columns(table)]
    with connect() as con:
        whole = con.execute(f"SELECT {', '.join(names)} FROM {typed_rows_sql(table, rows, reading)}").fetchall()[0]
        for name, value in zip(names, whole, strict=True):
            narrow = typed_rows_sql(narrowed(table, name), rows, reading)
            assert con.execute(f"SELECT {name} FROM {narrow}").fetchall() == [(value,)], name


@pytest.mark.parametrize(
    ("form", "text", "day"),
    [
        ("YYYY-MM-DD", "2024-03-01", date(2024, 3, 1)),
        ("YYYY-MM-DD", "2024-03-01T10:20:30Z", date(2024, 3, 1)),
        ("YYYY-MM-DD", "2024-03-01 00:00:00.000", date(2024, 3, 1)),
        ("YYYY-MM-DD", "2024-02-30", None),
        ("YYYY-MM-DD", "2024-3-1", None),
        ("YYYY-MM-DD", "2024/03/01", None),
        ("YYYY-MM-DD", "2024-03-01X", None),
        ("YYYY-MM-DD", "10000-01-01", None),
        ("DD/MM/YYYY", "02/03/2024", date(2024, 3, 2)),
        ("DD/MM/YYYY", "02/03/2024 10:20", date(2024, 3, 2)),
        ("DD/MM/YYYY", "03/13/2024", None),
        ("YYYYMMDD", "20240301", date(2024, 3, 1)),
        ("DD-MON-YYYY", "01-Mar-2024", date(2024, 3, 1)),
        ("DD-MON-YYYY", "04JAN2021", date(2021, 1, 4)),
        ("DD.MM.YYYY", "1.3.2024", date(2024, 3, 1)),
    ],
)
def test_a_date_is_read_in_its_files_main_format(form: str, text: str, day: date | None) -> None:
    assert typed("arrival", Reading({"arrival": form}), arrival=text) == day


@pytest.mark.parametrize(
    ("text", "recorded", "day"),
    [
        ("2023", None, date(2023, 12, 31)),
        ("2023-02", None, date(2023, 2, 28)),
        ("2024", None, date(2024, 6, 30)),
        ("2023", "2023-05-06", date(2023, 5, 6)),
        ("2023", "2022-05-06", date(2023, 12, 31)),
        ("2027", None, date(2027, 12, 31)),
    ],
)
def test_an_imprecise_date_is_its_last_day_and_no_later_than_known(text: str, recorded: str | None, day: date) -> None:
    assert typed("arrival", arrival=text, recorded_date=recorded) == day
    assert reasons(arrival=text, recorded_date=recorded) == ["imprecise_date__arrival"]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7),
        ("007", 7),
        ("0000000000000000007", None),
        ("99999999999", None),
        (" 7 ", 7),
        ("7.0", 7),
        ("+7", 7),
        ("7.5", None),
        ("1,204", None),
        ("731", None),
        ("", None),
        ("NULL", None),
    ],
)
def test_a_whole_number_is_read_without_guessing(text: str, number: int | None) -> None:
    assert typed("nights", nights=text) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1204.5", 1204.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1,204.50", None),
        ("<5", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
    ],
)
def test_a_number_is_read_without_guessing(text: str, number: float | None) -> None:
    assert typed("cost", cost=text) == number


@pytest.mark.parametrize(
    ("text", "number", "found"),
    [
        (">90", 90, ["limit_of_measurement__level"]),
        ("<5", 5, ["limit_of_measurement__level"]),
        ("<= 2.5", 2.5, ["limit_of_measurement__level"]),
        (">=1e3", 1000, ["limit_of_measurement__level"]),
        ("≥60", 60, ["limit_of_measurement__level"]),
        (" >90 ", 90, ["limit_of_measurement__level"]),
        ("<0.5", None, ["limit_of_measurement__level", "out_of_range__level"]),
        ("90", 90, []),
        ("90+", None, ["unreadable_number__level"]),
        (">90 mL", None, ["unreadable_number__level"]),
        (">", None, ["unreadable_number__level"]),
        ("<>5", None, ["unreadable_number__level"]),
        ("> <5", None, ["unreadable_number__level"]),
        ("<-", None, ["unreadable_number__level"]),
        (">1,204", None, ["unreadable_number__level"]),
        (">inf", None, ["unreadable_number__level"]),
    ],
)
def test_a_limit_of_measurement_is_read_as_the_limit_and_counted(text: str, number: float | None, found: list[str]) -> None:
    assert typed("level", level=text) == number
    assert reasons(level=text) == found


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({}, []),
        ({"person_id": ""}, ["missing_value__person_id"]),
        ({"arrival": "01/03/2024"}, ["second_date_format__arrival"]),
        ({"arrival": "2024-02-30"}, ["unreadable_date__arrival"]),
        ({"arrival": "soon"}, ["unreadable_date__arrival"]),
        ({"method": "2a "}, ["padding_or_case__method"]),
        ({"method": "ZZ"}, ["not_in_vocabulary__method"]),
        ({"nights": "1,204"}, ["unreadable_number__nights"]),
        ({"nights": "731"}, ["out_of_range__nights"]),
        ({"nights": "601"}, ["long_night"]),
        ({"cost": "0", "nights": "2"}, ["cheap"]),
    ],
)
def test_what_is_wrong_has_its_reason(values: dict[str, str], found: list[str]) -> None:
    assert reasons(**values) == found


def test_codes_are_trimmed_and_in_upper_case() -> None:
    assert (typed("method", method=" 2a "), typed("method", method="zz")) == ("2A", None)


def test_row_rules_null_and_repair_their_columns() -> None:
    assert (typed("nights", nights="700"), typed("cost", cost="0.5", nights="2")) == (600, None)


def test_text_that_is_not_padded_is_read_the_same_without_trimming() -> None:
    assert read_sql(VISITS.column("method"), Reading()) == "upper(text_method)"
    assert typed("method", Reading({"arrival": "YYYY-MM-DD"}), method="2a") == "2A"

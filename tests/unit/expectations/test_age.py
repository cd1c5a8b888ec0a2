"""Ages are completed calendar years, in Python and in SQL alike, whatever the dates."""

from __future__ import annotations

import json
from datetime import date, timedelta

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recount.calendar_age import birthdays_reached

from expectations.age import (
    UNKNOWN_BIRTH,
    age_by_month_sql,
    age_counts_from,
    assumed_birth_sql,
    completed_years,
    completed_years_sql,
    earliest_birth_sql,
)
from expectations.tables.raw_gp import PATIENTS

ZERO = date(1970, 1, 1)
DATES = st.dates(date(1880, 1, 1), date(2040, 12, 31))
LEAP_DAYS = st.sampled_from(
    [date(year, month, day) for year in range(1896, 2041, 4) if year != 1900 for month, day in ((2, 28), (2, 29), (3, 1))]
)


def days(*dates: date) -> np.ndarray:
    return np.array([(day - ZERO).days for day in dates], dtype=np.int32)


def in_sql(expression: str) -> object:
    with duckdb.connect() as con:
        return con.execute(f"SELECT {expression}").fetchall()[0][0]


@pytest.mark.parametrize(
    ("birth", "day", "age"),
    [
        (date(2004, 2, 29), date(2022, 2, 28), 17),
        (date(2004, 2, 29), date(2022, 3, 1), 18),
        (date(2004, 2, 29), date(2024, 2, 28), 19),
        (date(2004, 2, 29), date(2024, 2, 29), 20),
        (date(2004, 2, 28), date(2024, 2, 29), 20),
        (date(2004, 3, 1), date(2024, 2, 29), 19),
        (date(1900, 3, 1), date(2000, 2, 29), 99),  # 1900 had no 29 February
        (date(1900, 3, 1), date(2000, 3, 1), 100),
        (date(1912, 2, 29), date(2025, 2, 28), 112),
        (date(1912, 2, 29), date(2025, 3, 1), 113),
        (date(1957, 3, 1), date(2023, 3, 1), 66),  # 24,106 days: less than 66 times 365.25
        (date(2023, 12, 31), date(2024, 12, 30), 0),
        (date(2024, 2, 29), date(2024, 2, 29), 0),
        (date(2024, 3, 1), date(2024, 2, 29), -1),
    ],
)
def test_a_birthday_counts_on_its_day_and_that_of_29_february_on_1_march(birth: date, day: date, age: int) -> None:
    assert completed_years(days(birth), days(day)).tolist() == [age]
    assert in_sql(completed_years_sql(f"DATE '{birth}'", f"DATE '{day}'")) == age


@settings(max_examples=60, deadline=None, derandomize=True)
@given(pairs=st.lists(st.tuples(DATES | LEAP_DAYS, DATES | LEAP_DAYS), min_size=1, max_size=300))
def test_ages_are_the_birthdays_reached_on_any_two_dates(pairs: list[tuple[date, date]]) -> None:
    expected = [birthdays_reached(birth, day) for birth, day in pairs]
    assert completed_years(days(*(birth for birth, _ in pairs)), days(*(day for _, day in pairs))).tolist() == expected
    rows = json.dumps([{"birth": str(birth), "day": str(day)} for birth, day in pairs])
    with duckdb.connect() as con:
        query = f'SELECT {completed_years_sql("p.birth::DATE", "p.day::DATE")} FROM (SELECT unnest(from_json(?, \'[{{"birth":"VARCHAR","day":"VARCHAR"}}]\')) AS p)'
        assert [row[0] for row in con.execute(query, [rows]).fetchall()] == expected


def test_people_by_days_make_a_table() -> None:
    births, ends = days(date(2000, 1, 31), date(1999, 12, 31)), days(date(2020, 1, 30), date(2020, 1, 31), date(2020, 12, 31))
    assert completed_years(births[:, None], ends[None, :]).tolist() == [[19, 20, 20], [20, 20, 21]]
    assert completed_years(births, int(ends[0])).tolist() == [19, 20]


def test_a_birth_that_is_not_known_has_no_error() -> None:
    assert completed_years(np.array([UNKNOWN_BIRTH]), days(date(2024, 1, 1))).shape == (1,)


@pytest.mark.parametrize(
    ("year", "month", "day", "age"),
    [
        ("1903", "12", date(2023, 12, 1), 120),  # the whole month of birth counts from its first day
        ("1903", "12", date(2024, 1, 1), 120),  # the years differ by 121
        ("1903", "1", date(2024, 1, 1), 121),
        ("1903", "NULL", date(2024, 6, 30), 120),
        ("1903", "NULL", date(2024, 7, 1), 121),
        ("99999999", "13", date(2024, 1, 1), 2024 - 99999999 - 1),  # impossible numbers raise no error
        ("NULL", "1", date(2024, 1, 1), None),
    ],
)
def test_an_age_by_year_and_month_counts_from_the_first_day_or_from_mid_year(
    year: str, month: str, day: date, age: int | None
) -> None:
    assert in_sql(age_by_month_sql(f"{year}::INTEGER", f"{month}::INTEGER", f"DATE '{day}'")) == age


@pytest.mark.parametrize(
    ("birth", "is_set_aside"),
    [("1903, 12", False), ("1903, 6", True), ("1903, NULL", False), ("1893, NULL", True), ("2000, 13", False)],
)
def test_a_person_of_120_stays_on_the_list_and_one_of_121_does_not(birth: str, is_set_aside: bool) -> None:
    rule = next(rule for rule in PATIENTS.row_rules if rule.reason == "age_over_120")
    row = f"(SELECT NULL::DATE AS death_date, DATE '2024-06-30' AS extract_date, * FROM (VALUES ({birth})) AS b(birth_year, birth_month))"
    with duckdb.connect() as con:
        assert con.execute(f"SELECT {rule.broken_when} FROM {row}").fetchall() == [(is_set_aside,)]


def test_a_birth_by_month_or_year_has_its_earliest_day_and_for_a_year_alone_its_middle() -> None:
    by_month, by_year = ("1980", "4::INTEGER"), ("1980", "NULL::INTEGER")
    assert [in_sql(earliest_birth_sql(*birth)) for birth in (by_month, by_year)] == [date(1980, 4, 1), date(1980, 1, 1)]
    assert [in_sql(assumed_birth_sql(*birth)) for birth in (by_month, by_year)] == [None, date(1980, 7, 1)]


@pytest.mark.parametrize(
    ("birth", "day"),
    [
        (("2004", "2::INTEGER", "29"), date(2004, 2, 29)),
        (("2005", "2::INTEGER", "29"), date(2005, 2, 1)),  # no day of that year
        (("1980", "4::INTEGER", "31"), date(1980, 4, 1)),
        (("1980", "12::INTEGER", "31"), date(1980, 12, 31)),
        (("1980", "4::INTEGER", "NULL::INTEGER"), date(1980, 4, 1)),
        (("1980", "NULL::INTEGER", "15"), date(1980, 1, 1)),
    ],
)
def test_a_day_of_birth_counts_where_its_month_has_it(birth: tuple[str, str, str], day: date) -> None:
    assert in_sql(earliest_birth_sql(*birth)) == day


def test_an_age_by_year_alone_counts_from_1_july_and_no_one_who_may_be_born_is_unborn() -> None:
    earliest = np.append(
        days(date(1960, 1, 1), date(1960, 1, 1), date(2024, 1, 1), date(2025, 1, 1), date(1960, 3, 1)), UNKNOWN_BIRTH
    )
    assumed = np.append(days(date(1960, 7, 1), date(1960, 7, 1), date(2024, 7, 1), date(2025, 7, 1)), [UNKNOWN_BIRTH] * 2)
    on = days(date(2024, 6, 30), date(2024, 7, 1), date(2024, 3, 1), date(2024, 3, 1), date(2024, 3, 1), date(2024, 3, 1))
    since = age_counts_from(earliest, assumed.astype(np.int32), on)
    assert since.tolist() == [
        *days(date(1960, 7, 1), date(1960, 7, 1), date(2024, 3, 1), date(2025, 1, 1), date(1960, 3, 1)),
        UNKNOWN_BIRTH,
    ]
    assert completed_years(since, on)[:5].tolist() == [63, 64, 0, -1, 64]


def test_the_old_formula_would_fail_these_tests() -> None:
    """The length of a year is no calendar: this is the error that the tests above exclude."""
    births = [date(1957, 3, 1) + timedelta(days=step) for step in range(365)]
    day = date(2023, 3, 1)
    divided = [int((day - birth).days / 365.25) for birth in births]
    assert divided != [birthdays_reached(birth, day) for birth in births]

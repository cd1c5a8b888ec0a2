"""Age: the whole years that a person has completed on a day, by the calendar. Every age of Strata is computed here.

* **Birthdays.** A birthday on the day counts: a person reaches an age at the start of the anniversary of the birth (Family Law Reform Act
  1969, section 9, for England and Wales).
* **29 February.** The Act names no anniversary in a year without that day. Strata takes 1 March, when the year is complete.
* **What is known of the birth.** If only the month is known, as in the NHS feeds, age counts from its first day: a person reaches an age at
  the start of the month. If only the year is known, age counts from 1 July, but from no later than the index date. An OMOP source may have
  the day of birth, from which age counts.

A duration in years, such as the years since a first diagnosis, is no age. It is days divided by `DAYS_PER_YEAR`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DAYS_PER_YEAR = 365.25  # of durations and rates, never of ages
BY_THE_CALENDAR = (
    "Whole years completed, by the calendar: a birthday on the day counts, and that of 29 February is 1 March in other years"
)
BIRTH_BY_MONTH = (
    "Counted from the first day of the month of birth where the day is not known, and from 1 July where only the year is known"
)
UNKNOWN_BIRTH = np.int32(np.iinfo(np.int32).min)
_MIDDLE_OF_YEAR = 7  # the month from whose first day age counts if only the year is known
_LONGEST_MONTH = 31


def completed_years(birth_day: NDArray | int, day: NDArray | int) -> NDArray[np.int64]:
    """Return the completed years from a day of birth to a day, both in days since 1970; negative before the birth.

    The arrays are combined by the rules of NumPy, so people x 1 and 1 x days make a table of people x days.
    """
    birth_year, birthday = _year_and_place(birth_day)
    year, place = _year_and_place(day)
    return year - birth_year - (place < birthday)


def completed_years_sql(birth_date: str, day: str) -> str:
    """Return the SQL of the completed years from a date of birth to a day, both SQL of a date."""
    return _completed_sql(day, f"year({birth_date})", f"month({birth_date})", f"day({birth_date})")


def age_by_month_sql(birth_year: str, birth_month: str, day: str) -> str:
    """Return the SQL of the age on a day by year and month of birth, as numbers that may be impossible; the month may be null."""
    return _completed_sql(day, birth_year, f"coalesce({birth_month}, {_MIDDLE_OF_YEAR})", "1")


def earliest_birth_sql(birth_year: str, birth_month: str, birth_day: str = "") -> str:
    """Return the SQL of the first day on which the person can have been born, for what may not be before birth.

    `birth_day` is SQL of the day of the month. A day that is null, or that the month does not have, is not known.
    """
    first = f"make_date({birth_year}, coalesce({birth_month}, 1), 1)"
    if not birth_day:
        return first
    day_of_month = (
        f"CASE WHEN {birth_month} IS NOT NULL AND {birth_day} BETWEEN 1 AND day(last_day({first})) THEN {birth_day} ELSE 1 END"
    )
    return f"({first} + CAST({day_of_month} AS INTEGER) - 1)"


def assumed_birth_sql(birth_year: str, birth_month: str) -> str:
    """Return the SQL of the day from which age counts if only the year of birth is known; null if the month is known."""
    return f"CASE WHEN {birth_month} IS NULL THEN make_date({birth_year}, {_MIDDLE_OF_YEAR}, 1) END"


def age_counts_from(earliest: NDArray[np.int32], assumed: NDArray[np.int32], day: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the day from which each person's age counts, in days since 1970; `assumed` is UNKNOWN_BIRTH where the month is known.

    It is the assumed day of birth, but not later than `day` for a person who may be born by then.
    """
    only_year = (assumed > earliest) & (earliest <= day)
    return np.where(only_year, np.minimum(assumed, day), earliest).astype(np.int32)


def _year_and_place(days: NDArray | int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the year of each day, and a number that puts the days of every year in the same order by month and day."""
    dates = np.asarray(days, dtype=np.int64).astype("datetime64[D]")
    month = dates.astype("datetime64[M]")
    year = month.astype("datetime64[Y]")
    of_year, of_month = (
        (month - year.astype("datetime64[M]")).astype(np.int64),
        (dates - month.astype("datetime64[D]")).astype(np.int64),
    )
    return year.astype(np.int64), of_year * _LONGEST_MONTH + of_month


def _completed_sql(day: str, year: str, month: str, day_of_month: str) -> str:
    before_birthday = f"month({day}) < {month} OR (month({day}) = {month} AND day({day}) < {day_of_month})"
    return f"(year({day}) - {year} - CAST({before_birthday} AS INTEGER))"

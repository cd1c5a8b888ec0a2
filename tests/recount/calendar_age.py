"""Ages, counted birthday by birthday: no formula of Strata is used."""

from __future__ import annotations

from datetime import date

import duckdb


def birthdays_reached(birth: date, day: date) -> int:
    """Count the birthdays after a birth, up to and with a day; for a person who is not born, those that are still to come count as negative.

    In a year without 29 February the birthday of that day is 1 March.
    """
    count = 0
    while anniversary(birth, birth.year + count) > day:
        count -= 1
    while anniversary(birth, birth.year + count + 1) <= day:
        count += 1
    return count


def anniversary(birth: date, year: int) -> date:
    """Return the birthday in a year."""
    is_missing = (birth.month, birth.day) == (2, 29) and not (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))
    return date(year, 3, 1) if is_missing else date(year, birth.month, birth.day)


def add_birthdays(con: duckdb.DuckDBPyConnection) -> None:
    """Add the SQL function `birthdays(birth, day)`; null where one of them is null."""
    con.create_function("birthdays", birthdays_reached, ["DATE", "DATE"], "INTEGER")  # type: ignore[list-item, arg-type]

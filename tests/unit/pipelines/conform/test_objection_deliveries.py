"""The rows of core__objection_delivery, from small tables of homes, statements and the registered list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

import duckdb
import numpy as np
import pytest

from pipelines.conform.national_list import Fall, NationalList
from pipelines.conform.objection_deliveries import (
    FALL_RULE,
    NOT_KNOWN,
    STRANGERS_RULE,
    TOO_MANY_STRANGERS,
    kind_rows,
    practice_rows,
)
from pipelines.conform.objection_inputs import ObjectionInputs
from pipelines.conform.objection_states import COMPLETE, TOO_MANY_ABSENT, Absences, PracticeDelivery
from pipelines.conform.objections import ObjectionSettings
from pipelines.lake.duckdb_connection import connect

JANUARY, FEBRUARY = date(2026, 1, 1), date(2026, 2, 1)
BY_PRACTICE = ObjectionInputs(by_practice=frozenset({"type_1_objections"}))
NO_ABSENCES = Absences(np.empty(0, np.int32), [])


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect() as con:
        con.execute(
            "CREATE TEMP TABLE homes AS SELECT * FROM (VALUES ('p1', 'A'), ('p2', 'B'), ('p3', 'C')) AS t(person_id, practice_code)"
        )
        con.execute("CREATE TEMP TABLE listed AS SELECT person_id FROM homes")
        con.execute(
            """CREATE TEMP TABLE stated (feed VARCHAR, kind VARCHAR, person_id VARCHAR, practice_code VARCHAR, status VARCHAR,
            list_part VARCHAR, extract_date DATE)"""
        )
        yield con


def state(con: duckdb.DuckDBPyConnection, kind: str, day: date, people: Mapping[str, str | None]) -> None:
    """Add the objections of a delivery, as person -> practice."""
    feed = "type_1_objections" if kind == "type_1" else "national_opt_outs"
    for person, practice in people.items():
        con.execute("INSERT INTO stated VALUES (?, ?, ?, ?, '1', 'OPTED_OUT', ?)", [feed, kind, person, practice, day])


def test_a_practice_is_complete_or_late_or_never_delivered(con: duckdb.DuckDBPyConnection) -> None:
    state(con, "type_1", JANUARY, {"p1": "A"})
    state(con, "type_1", FEBRUARY, {"p2": "B"})
    absences = Absences(np.empty(0, np.int32), [], {"B": PracticeDelivery(FEBRUARY, "type_1_objections", 5, 2, TOO_MANY_ABSENT)})
    rows = practice_rows(con, BY_PRACTICE, absences)
    assert [(row["practice_code"], row["delivered"], row["status"], row["objections"], row["absent"]) for row in rows] == [
        ("A", JANUARY, NOT_KNOWN, 0, 0),
        ("B", FEBRUARY, TOO_MANY_ABSENT, 5, 2),
        ("C", None, NOT_KNOWN, 0, 0),
    ]


def test_a_feed_that_names_no_practice_is_the_delivery_of_every_practice(con: duckdb.DuckDBPyConnection) -> None:
    state(con, "type_1", FEBRUARY, {"p1": None})
    rows = practice_rows(con, ObjectionInputs(), NO_ABSENCES)
    assert {row["practice_code"]: (row["delivered"], row["status"]) for row in rows} == dict.fromkeys("ABC", (FEBRUARY, COMPLETE))


@pytest.mark.parametrize(("is_accepted", "status"), [(False, TOO_MANY_STRANGERS), (True, COMPLETE)])
def test_a_jump_of_strangers_counts_unless_it_is_accepted(con: duckdb.DuckDBPyConnection, is_accepted: bool, status: str) -> None:
    state(con, "type_1", JANUARY, {"p1": "A", "p2": "B"})
    state(con, "type_1", FEBRUARY, {"p1": "A", "stranger": "B"})
    breach = ("type_1_objections", STRANGERS_RULE, FEBRUARY, "")
    inputs = ObjectionInputs(accepted=frozenset({breach}) if is_accepted else frozenset())
    (row,) = kind_rows(con, inputs, ObjectionSettings(), NationalList(), {})
    assert (row["delivered"], row["status"], row["share_not_on_list_before"], row["share_not_on_list"]) == (
        FEBRUARY,
        status,
        0.0,
        0.5,
    )


def test_a_jump_in_a_delivery_that_was_checked_is_not_shown_again(con: duckdb.DuckDBPyConnection) -> None:
    state(con, "type_1", JANUARY, {"p1": "A"})
    state(con, "type_1", FEBRUARY, {"p1": "A", "stranger": "B"})
    state(con, "type_1", date(2026, 3, 1), {"p1": "A", "stranger": "B"})
    (first,) = kind_rows(con, BY_PRACTICE, ObjectionSettings(), NationalList(), {})
    (later,) = kind_rows(con, BY_PRACTICE, ObjectionSettings(), NationalList(), {"type_1": FEBRUARY})
    assert (first["delivered"], first["status"]) == (FEBRUARY, TOO_MANY_STRANGERS)
    assert (later["delivered"], later["status"]) == (date(2026, 3, 1), COMPLETE)


@pytest.mark.parametrize(
    ("on_list", "is_accepted", "status"), [(80, False, TOO_MANY_ABSENT), (80, True, COMPLETE), (90, False, COMPLETE)]
)
def test_a_national_list_that_fell_above_the_limit_counts_unless_it_is_accepted(
    con: duckdb.DuckDBPyConnection, on_list: int, is_accepted: bool, status: str
) -> None:
    state(con, "national", FEBRUARY, {"p1": None})
    inputs = ObjectionInputs(accepted=frozenset({("national_opt_outs", FALL_RULE, FEBRUARY, "")}) if is_accepted else frozenset())
    fall = Fall("national_opt_outs", FEBRUARY, before=100, fewer=100 - on_list)
    national = NationalList(submitted=JANUARY, valid_until=FEBRUARY, falls=(fall,))
    (row,) = kind_rows(con, inputs, ObjectionSettings(), national, {})
    assert (row["status"], row["objections"], row["absent"]) == (status, 100, 100 - on_list)
    assert (row["submitted"], row["valid_until"]) == (JANUARY, FEBRUARY)

"""Whom planning outputs count, by cohort: with and without opt-outs, with a decision, in a run for planning and under disclosure control."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from expectations.tables import core, risk
from expectations.tables.equity import PLANNING_POPULATION
from expectations.tables.features import PERSON_FEATURES
from pipelines.building.planning_population import excluded_people_sql, population_of, write_planning_population
from pipelines.lake.decision_record import Decision
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.study.opt_out_rules import OptOutRule

DAYS = (date(2025, 1, 1), date(2026, 1, 1))
EXCLUDES = OptOutRule(excludes=True)
DECIDED = OptOutRule(
    False, Decision("national_opt_out", "planning: does not apply", "Board", "CAG 12", DAYS[0], decision_id="d1")
)


def put(lake: Lake, people: int, opted_out: int, delivered: bool = True) -> None:
    """Store people of whom the first have an opt-out; the second index date lacks the last 100."""
    facts = {"on_list": True, "death_not_readable": False, "type_1_opt_out": False}
    rows = [
        {**facts, "person_key": key, "person_id": f"p{key}", "national_data_opt_out": key < opted_out} for key in range(people)
    ]
    lake.write(core.PERSON, [{**dict.fromkeys(column.name for column in core.PERSON.columns), **row} for row in rows])
    for day, count in zip(DAYS, (people, people - 100), strict=True):
        features = [
            {
                **dict.fromkeys(column.name for column in PERSON_FEATURES.columns),
                "person_key": key,
                "person_id": f"p{key}",
                "index_event_id": str(day),
            }
            for key in range(count)
        ]
        lake.write(
            PERSON_FEATURES,
            [{name: value for name, value in row.items() if name != "index_date"} for row in features],
            {"index_date": str(day)},
        )
    if delivered:
        row: dict[str, Any] = {"kind": "national", "practice_code": "ALL", "status": "complete", "objections": 0, "absent": 0}
        lake.write(core.OBJECTION_DELIVERY, [{**dict.fromkeys(column.name for column in core.OBJECTION_DELIVERY.columns), **row}])


def written(lake: Lake, rule: OptOutRule, own_dates: bool = False) -> list[tuple[object, ...]]:
    with connect() as con:
        write_planning_population(lake, con, rule, own_dates)
    return [tuple(row.values()) for row in lake.read(PLANNING_POPULATION.name, order="period").to_pylist()]


def excluded(lake: Lake) -> list[int]:
    with connect() as con:
        return [key for (key,) in con.sql(f"SELECT person_key FROM {excluded_people_sql(lake)} ORDER BY 1").fetchall()]


def test_people_with_an_opt_out_are_excluded_and_their_share_is_stored(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    put(lake, 1003, 52)
    assert written(lake, EXCLUDES) == [
        ("2025-01-01", "excluded", 1005, 50, 0.0498, ""),
        ("2026-01-01", "excluded", 905, 50, 0.0552, ""),
    ]
    assert excluded(lake) == list(range(52))


def test_a_decision_includes_them_and_is_named(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    put(lake, 1003, 52)
    assert written(lake, DECIDED)[0] == ("2025-01-01", "included", 1005, 0, 0.0, "d1")
    assert excluded(lake) == []


@pytest.mark.parametrize("rule", [EXCLUDES, DECIDED])
def test_without_any_list_it_is_not_known_who_opted_out(tmp_path: Path, rule: OptOutRule) -> None:
    lake = Lake(tmp_path)
    put(lake, 500, 0, delivered=False)
    assert written(lake, rule)[0] == ("2025-01-01", "not_known", 500, 0, 0.0, "")
    assert excluded(lake) == []


def test_a_list_that_no_one_of_the_cohort_is_on_excludes_no_one(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    put(lake, 500, 0)
    assert written(lake, EXCLUDES)[0] == ("2025-01-01", "excluded", 500, 0, 0.0, "")


def test_fewer_than_eight_people_are_not_shown_and_do_not_follow_from_the_share(tmp_path: Path) -> None:
    seen = []
    for few in (1, 7):
        lake = Lake(tmp_path / str(few))
        put(lake, 1003, few)
        seen.append(written(lake, EXCLUDES)[0])
    assert seen[0] == seen[1] == ("2025-01-01", "excluded", 1005, None, 0.00498, "")


def test_people_whom_the_cohort_of_a_planning_run_excluded_count_too(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    put(lake, 900, 0)
    for day in DAYS:
        step = {"step": 3, "reason": "national data opt-out", "people": 100}
        lake.write(risk.COHORT_FLOW, [step], {"index_date": str(day)})
    assert written(lake, EXCLUDES)[0] == ("2025-01-01", "excluded", 1000, 100, 0.1, "")


def test_a_cohort_whose_rows_have_their_own_dates_is_one_population(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    put(lake, 1000, 100)
    assert written(lake, EXCLUDES, own_dates=True) == [("all", "excluded", 1900, 200, 0.105, "")]
    found = population_of(lake, "2025")
    assert found is not None and found["share_excluded"] == 0.105


def test_before_a_population_is_stored_everyone_with_an_opt_out_is_excluded(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert excluded(lake) == []
    put(lake, 150, 2)
    assert excluded(lake) == [0, 1]
    assert population_of(lake, "2025-01-01") is None


def test_a_lake_without_features_has_no_population(tmp_path: Path) -> None:
    assert written(Lake(tmp_path), EXCLUDES) == []

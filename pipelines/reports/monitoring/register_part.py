"""Disease registers on the page: the share of people of each register's ages who are on it, next to the published one.

A cohort without people of a register's youngest ages or of old age, or with an event as its index, is not the population that a register counts.
"""

from __future__ import annotations

from typing import Any

from expectations.tables.features import CATALOGUE, PERSON_FEATURES
from features.code_list_matches import Match, compared
from features.registers import REGISTERS, Register
from models.disclosure_control import is_small, shown_share
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.reports.labels import label
from pipelines.reports.monitoring.code_list_part import RESULTS
from pipelines.reports.numbers import NOT_SHOWN

READ = {"age_years", "gp_covered"}
OLD = 85  # years: a cohort without such people has a highest age
OTHER_AGES = "not compared: the cohort lacks people of these ages"


def register_part(lake: Lake) -> dict[str, Any]:
    """Return a row for each register whose feature is computed, on the latest index date; no rows if people have their own dates."""
    table = PERSON_FEATURES.name
    days = lake.partitions(table, "index_date") if lake.exists(table) and "index_date" in lake.partitioned_by(table) else []
    if not days:
        return {"rows": [], "day": ""}
    computed = set(lake.schema(table).names)
    declared = {*computed, *lake.read_or_empty(CATALOGUE, "name")["name"].to_pylist()}
    feature_of = {register: feature for register in REGISTERS if (feature := register.feature_among(declared, computed))}
    counts = _counts(lake, days[-1], feature_of) if computed >= READ else {}
    return {"rows": [_row(register, *counts[register]) for register in feature_of if register in counts], "day": days[-1]}


def _counts(lake: Lake, day: str, feature_of: dict[Register, str]) -> dict[Register, tuple[int, int, bool]]:
    """Return for each register the people on it, those of its ages, and whether the cohort has all of its ages.

    Only people whose GP record is covered, and whose value is known, are counted.
    """
    people = lake.scan(PERSON_FEATURES.name, {"index_date": day})
    figures = [
        f"count(*) FILTER ({feature} > 0 AND {old}), count({feature}) FILTER ({old})"
        for register, feature in feature_of.items()
        for old in [f"age_years >= {register.least_age}"]
    ]
    with connect() as con:
        columns = ", ".join(
            [
                "floor(min(age_years))",
                "max(age_years)",
                "count(*) FILTER (index_event_id <> CAST(index_date AS VARCHAR))",
                *figures,
            ]
        )
        youngest, oldest, events, *counted = con.execute(f"SELECT {columns} FROM {people} WHERE gp_covered").fetchall()[0]
    if youngest is None or events:
        return {}
    pairs = zip(counted[::2], counted[1::2], strict=True)
    return {
        register: (on_it, known, youngest <= register.least_age and oldest >= OLD)
        for register, (on_it, known) in zip(feature_of, pairs, strict=True)
    }


def _row(register: Register, on_it: int, known: int, has_all_ages: bool) -> dict[str, str]:
    hidden = not known or is_small(on_it) or is_small(known - on_it)
    result = RESULTS[_compared(register, on_it, known)] if has_all_ages else OTHER_AGES
    return {
        "register": register.code,
        "condition": label(register.condition),
        "ages": f"{register.least_age} and over" if register.least_age else "all",
        "share": NOT_SHOWN if hidden else f"{shown_share(on_it, known):.1%}",
        "expected": f"{'at least ' if register.is_least else ''}{register.expected_share:.1%}",
        "result": result,
    }


def _compared(register: Register, on_it: int, known: int) -> Match:
    """Return how the people with a register's feature compare with its share. No number is too many for the least share that is expected."""
    result = compared(on_it, known, register.expected_share)
    return Match.MATCHED if register.is_least and result is Match.ABOVE_EXPECTED else result

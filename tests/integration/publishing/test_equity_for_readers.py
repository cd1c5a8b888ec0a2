"""Inequality for readers of the database: rates and audit after disclosure control, and nothing that reveals a small group."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from expectations.tables.equity import OUTCOME_RATES, PLANNING_POPULATION
from expectations.tables.risk import MODEL_AUDIT, RUNS
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake
from pipelines.postgres.follow import follow
from pipelines.training.audit_for_readers import write_audit_for_readers

Publish = Callable[..., str]
Row = tuple[object, ...]
OUTCOME, SHARE = "emergency_admission", "top_5pct"
# Of each group: people, outcomes, listed people and outcomes among them; None where the stored audit suppresses it.
GROUPS: dict[tuple[str, str], tuple[int, int, int, int] | None] = {
    ("all", "all"): (1003, 143, 80, 40),
    ("ethnic_group", "white"): (640, 96, 45, 22), ("ethnic_group", "asian"): (203, 27, 16, 8), ("ethnic_group", "black"): None,
    ("ethnic_group", "mixed"): None,  # of 4 outcomes; black, of 16, is suppressed with it
    ("sex_name", "female"): (511, 72, 41, 20), ("sex_name", "male"): (477, 68, 37, 18), ("sex_name", "not_known"): None,
    ("sex_name", "other"): None,  # of one and two outcomes: the total would reveal that there are three
    ("age_band", "18-64"): (700, 80, 3, 2), ("age_band", "65-84"): (203, 43, 60, 25), ("age_band", "85+"): (100, 20, 17, 9),
    ("imd_decile", "1"): (100, 20, 17, 9),
}  # fmt: skip


def measures(people: int, events: int, listed: int, found: int) -> dict[str, float]:
    return {
        "base_rate": events / people, "auroc": 0.7891234, f"selection_rate_{SHARE}": listed / people, f"ppv_{SHARE}": found / listed,
        f"sensitivity_{SHARE}": found / events, "ppv_top_0_5pct": 0.6, "death_at_same_score": 1.1,
    }  # fmt: skip


def audit_rows() -> list[dict[str, Any]]:
    """Return the exact audit as training stores it."""
    head = {"outcome": OUTCOME, "candidate": "lightgbm", "model_version": "3", "split": "test"}
    rows = []
    for (kind, name), counts in GROUPS.items():
        for metric, value in measures(*(counts or GROUPS[("all", "all")])).items():  # type: ignore[misc]
            few_listed = counts is not None and counts[2] < 8 and SHARE in metric
            hidden = counts is None or few_listed
            limits = dict.fromkeys(("value", "lower", "upper"), None if hidden else value)
            counted = dict(zip(("people", "events"), counts or (None, None), strict=False))
            rows.append(
                {**head, "group_kind": kind, "group_name": name, "metric": metric, **limits, **counted, "suppressed": hidden}
            )
    gap = {
        "group_kind": "sex_name",
        "group_name": "between_groups",
        "metric": "auroc_difference",
        "value": 0.1,
        "suppressed": False,
    }
    return [*rows, head | gap, {**rows[0], "model_version": "2", "candidate": "earlier"}]


@pytest.fixture
def audited(lake: Lake, publish: Publish, database: str) -> str:
    publish(lake, 1, people=20)
    runs = lake.read(RUNS.name).to_pylist()
    lake.write(RUNS, [{**run, "model_version": "3"} for run in runs])
    schema = pa.schema([field for field in arrow_schema(MODEL_AUDIT) if field.name != "training_id"])
    filled = [{field.name: row.get(field.name) for field in schema} for row in audit_rows()]
    lake.write(MODEL_AUDIT, filled, {"training_id": "t1"})
    write_audit_for_readers(lake)
    follow(lake, database)
    return database


def ask(database: str, query: str, role: str = "strata_reader") -> list[Row]:
    with psycopg.connect(database) as connection:
        connection.execute(f"SET ROLE {role}")  # type: ignore[arg-type]
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


def seen(database: str, metric: str) -> dict[str, Row]:
    """Return a metric as readers see it: value, people and events by group."""
    query = f"SELECT group_name, value, people, events FROM strata.equity__published_audit WHERE metric = '{metric}'"
    return {str(name): values for name, *values in ask(database, query)}  # type: ignore[misc]


def test_counts_are_rounded_and_measures_are_those_of_the_rounded_counts(audited: str) -> None:
    rows = seen(audited, "base_rate")
    assert rows["all"] == [0.144, 1005, 145]  # 145 of 1,005: 143 of 1,003 would be 0.143
    assert rows["white"] == [0.148, 640, 95]
    assert seen(audited, f"ppv_{SHARE}")["white"][0] == 0.444  # 20 of 45, not 22
    assert seen(audited, "auroc")["asian"] == [0.789, 205, 25]


def test_small_groups_and_groups_that_would_reveal_them_are_hidden_with_every_measure(audited: str) -> None:
    rows = ask(
        audited,
        "SELECT group_name, value, lower, upper FROM strata.equity__published_audit WHERE people IS NULL OR events IS NULL",
    )
    # 143 less 72 and 68 would reveal the three outcomes of two groups: the smaller of the others is hidden with them
    assert {row[0] for row in rows} == {"black", "mixed", "not_known", "other", "male"}
    assert {row[1:] for row in rows} == {(None, None, None)}
    assert seen(audited, "auroc")["female"] == [0.789, 510, 70]


def test_few_listed_people_hide_the_lists_of_two_more_groups(audited: str) -> None:
    rows = seen(audited, f"selection_rate_{SHARE}")
    assert {name: rows[name][0] for name in ("18-64", "65-84", "85+")} == dict.fromkeys(("18-64", "65-84", "85+"))
    assert rows["white"][0] is not None
    assert seen(audited, f"ppv_{SHARE}")["18-64"][0] is None
    assert seen(audited, "base_rate")["18-64"] == [0.114, 700, 80]  # a measure of everyone in the group, not of the listed people


def test_readers_see_only_the_current_model_and_groups_that_do_not_overlap(audited: str) -> None:
    rows = ask(audited, "SELECT DISTINCT candidate, group_kind, group_name, metric FROM strata.equity__published_audit")
    assert {row[0] for row in rows} == {"lightgbm"}  # the model whose scores are current
    assert {row[1] for row in rows} == {"all", "ethnic_group", "sex_name", "age_band"}  # deciles nest in quintiles
    assert not {row[2] for row in rows} & {"between_groups"}
    assert not {row[3] for row in rows} & {"ppv_top_0_5pct", "death_at_same_score"}


def test_analysts_see_the_exact_audit_and_readers_do_not(audited: str) -> None:
    exact = "SELECT people, events FROM strata.equity__model_audit WHERE group_name = 'all' AND metric = 'base_rate' AND model_version = '3'"
    assert ask(audited, exact, "strata_analyst") == [(1003, 143)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(audited, exact)


def test_readers_see_whom_the_rates_exclude(lake: Lake, rows: Callable[..., pa.Table], database: str) -> None:
    lake.write(
        PLANNING_POPULATION, rows(PLANNING_POPULATION, 1, period="2025-01-01", opt_out_rule="excluded", share_excluded=0.05)
    )
    follow(lake, database)
    shown = ask(database, "SELECT period, opt_out_rule, share_excluded FROM strata.equity__published_population")
    assert shown == [("2025-01-01", "excluded", 0.05)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(database, "SELECT 1 FROM strata.equity__planning_population")


def test_readers_see_the_stored_rates(lake: Lake, rows: Callable[..., pa.Table], database: str) -> None:
    lake.write(OUTCOME_RATES, rows(OUTCOME_RATES, 1, people=15, events=None, suppressed=True, reason="few"))
    follow(lake, database)
    assert ask(database, "SELECT people, events, suppressed, reason FROM strata.equity__published_rates") == [
        (15, None, True, "few")
    ]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(database, "SELECT 1 FROM strata.equity__outcome_rates")

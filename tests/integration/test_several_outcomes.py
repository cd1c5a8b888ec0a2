"""Several outcomes in one configuration: each has its own experiment, model, gates, scores and rates."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pipelines.lake.duckdb_connection import connect
from pipelines.lake.run_record import all_runs

ALSO = """
  also:
    - name: admission_or_death
      outcome: {name: admission_or_death, defined_as: emergency_admission_overnight, on_death: counts}
      gates: {minimum_events: 5000, minimum_slope_events: 5000, minimum_need_events: 5000}
      approval: {role: Test approver, reason: The composite too, day: 2026-01-01}
    - name: frequent_attendance
      outcome: {name: ae_attendances_5}
      candidates: {names: [age_sex, logistic], minimum_events: 5000}
"""
FIRST, COMPOSITE, REFUSED = "emergency_admission_overnight", "admission_or_death", "ae_attendances_5"


@pytest.fixture(scope="module")
def several(undisturbed: Any, strata: Callable[..., int], tmp_path_factory: pytest.TempPathFactory, small_board: str) -> Any:
    """Return the small ICB after a second run with two further outcomes."""
    folder = tmp_path_factory.mktemp("several")
    config, home = folder / "several.yaml", folder / "home"
    config.write_text(small_board + ALSO)
    shutil.copytree(undisturbed.home, home)
    return replace(undisturbed, config=config, home=home, code=strata(home, "run", str(config)))


def test_a_refused_outcome_does_not_prevent_the_publication_of_others(several: Any) -> None:
    assert several.code == 1  # frequent attendance has too few events to train on, and the command reports it
    latest = {row["outcome"]: row["status"] for row in all_runs(several.lake)}
    assert latest == {FIRST: "published", COMPOSITE: "published"}


def test_every_outcome_has_its_own_rows(several: Any) -> None:
    lake = several.lake
    assert lake.partitions("risk__labels", "outcome") == [COMPOSITE, REFUSED, FIRST]
    assert lake.partitions("risk__current", "outcome") == [COMPOSITE, FIRST]
    for table in ("risk__models", "equity__model_audit", "risk__drivers", "risk__scores"):
        assert set(lake.read(table, "DISTINCT outcome")["outcome"].to_pylist()) == {FIRST, COMPOSITE}, table
    rates = set(lake.read("equity__outcome_rates", "DISTINCT outcome")["outcome"].to_pylist())
    assert rates == {FIRST, f"{FIRST}_or_death", COMPOSITE, REFUSED, f"{REFUSED}_or_death", "death"}
    with connect() as con:
        counts = f"SELECT outcome, sum(label), sum(composite_label) FROM {lake.scan('risk__labels')} GROUP BY ALL"
        events = {outcome: (int(own), int(composite)) for outcome, own, composite in con.sql(counts).fetchall()}
    assert events[COMPOSITE][0] == events[COMPOSITE][1] == events[FIRST][1] > events[FIRST][0]


def test_each_has_its_experiment_and_champion(several: Any) -> None:
    from pipelines.tracking.tracker import Tracker

    tracker = Tracker(several.home)
    assert None not in {tracker.champion_version(name) for name in ("small_study", "admission_or_death")}
    assert tracker.champion_version("frequent_attendance") is None
    names = {experiment.name for experiment in tracker.client.search_experiments()}
    assert {"small_study", "admission_or_death"} <= names


def test_a_further_outcome_does_not_change_the_first(several: Any, undisturbed: Any) -> None:
    def trainings(run: Any) -> set[str]:
        rows = run.lake.read("risk__models", "DISTINCT training_id", f"outcome = '{FIRST}'")
        return set(rows["training_id"].to_pylist())

    def published(run: Any) -> list[tuple[str, str]]:
        return [(row["run_id"], row["scores_digest"]) for row in all_runs(run.lake) if row["outcome"] == FIRST]

    assert trainings(several) == trainings(undisturbed)
    assert published(several) == published(undisturbed)

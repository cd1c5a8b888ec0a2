"""ICBs whose need is recorded but not served, or not recorded, and a fair one of the same size, from extracts to gates."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.run.deployment import Deployment, open_deployment
from pipelines.stages import building, conforming, landing, organisations, run_plan
from pipelines.training.judging import StudyResult
from pipelines.training.train import run_study
from pipelines.training.training_request import TrainingRequest

pytestmark = pytest.mark.slow
GATE = "need_within_score_by_imd_quintile"
STUDY: dict[str, Any] = {
    "name": "injustice",
    "outcome": {"name": "any_emergency_admission"},
    "index_dates": {"train": ["2023-07-01"], "test": "2024-10-01"},
    "gates": {"minimum_need_events": 12},  # ten thousand people have fewer than fifty undiagnosed outcomes in a group
}


def evaluated(folder: Path, injustice: dict[str, Any], *names: str) -> StudyResult:
    """Build a synthetic ICB of 10,000 people and train candidates on it, stage by stage."""
    candidates = {"minimum_events": 50, "logistic": {"prior_variances": [0.01], "spline_knots": 3}}
    synthetic = {"people": 10_000, "start_date": "2022-01-01", "defects": {"enabled": False}, "injustice": injustice}
    content = {
        "deployment": "injustice",
        "home": str(folder / "home"),
        "purpose": {"use": "planning", "approval": "Synthetic people", "approval_expires": "2099-12-31"},
        "source": {"kind": "synthetic", "synthetic": synthetic},
        "study": {**STUDY, "candidates": {**candidates, "names": list(names)}},
    }
    config = folder / "injustice.yaml"
    config.write_text(yaml.safe_dump(content), encoding="utf-8")
    deployment = open_deployment(config)
    dates = _built(deployment)
    return run_study(
        TrainingRequest(
            deployment.lake, deployment.settings.study, deployment.settings.engine, dates, run_plan.data_cut(deployment)
        )
    )


def _built(deployment: Deployment) -> dict[str, tuple[date, ...]]:
    landing.write_synthetic_board(deployment)
    for table in run_plan.raw_tables(deployment):
        landing.ingest(deployment, table)
        landing.validate(deployment, table)
    for step in (
        organisations.conform_organisations, conforming.conform_areas, conforming.conform_objections, conforming.conform_people, conforming.conform_registrations,
        conforming.conform_spells, conforming.conform_events, conforming.conform_coverage, conforming.conform_linkage,
    ):  # fmt: skip
        step(deployment)
    building.build_catalogue(deployment)
    dates = run_plan.index_date_plan(deployment)
    for day in (*dates["train"], *dates["test"]):
        building.build_features(deployment, day)
        building.build_labels(deployment, day)
    return dates


def failed_checks(result: StudyResult) -> list[tuple[str, str]]:
    """Return the group and the need of every failed check in the gate of needs, for the last candidate."""
    gate = next(gate for gate in result.candidates[-1].gates if gate.gate == GATE)
    return [(str(check["subject"]), str(check["measure"])) for check in gate.details if check["answer"] == "fail"]


def test_need_that_is_recorded_and_not_served_stops_a_model_that_passes_all_other_gates(tmp_path: Path) -> None:
    # Twice the hazard of illness. The served share leaves no more emergencies than other people of that age have.
    result = evaluated(tmp_path, {"group": "most_deprived", "need": 2.0, "served": 0.4}, "logistic")

    assert failed_checks(result) == [("imd_quintile 1", "long-term conditions over everyone else's at the same score")]
    assert [gate.gate for gate in result.candidates[-1].gates if gate.answer == "fail"] == [GATE]
    assert result.chosen is None


def test_need_that_is_not_recorded_stops_a_model_without_deprivation(tmp_path: Path) -> None:
    result = evaluated(tmp_path, {"group": "most_deprived", "recorded": 0.0}, "age_sex", "logistic_no_deprivation")

    assert ("imd_quintile 1", "outcomes without a diagnosis before over everyone else's at the same score") in failed_checks(
        result
    )
    assert result.chosen is None


def test_a_fair_icb_of_the_same_size_is_not_flagged(tmp_path: Path) -> None:
    result = evaluated(tmp_path, {}, "age_sex", "logistic")

    assert failed_checks(result) == []
    assert result.chosen is not None

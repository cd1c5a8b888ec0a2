"""A decision is checked before it is recorded: what it is about, by which role, why and until when."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from expectations.table import Kind
from expectations.tables.risk import MODELS
from pipelines.errors import RefusalError
from pipelines.lake.decision_record import APPROVAL, all_decisions, decisions_that_count, waivers_of
from pipelines.run.deployment import Deployment, open_deployment
from pipelines.stages.deciding import DecisionRequest, decide
from pipelines.stages.decisions_in_settings import import_decisions
from pipelines.stages.run_plan import settings_version
from pipelines.study.opt_out_rules import planning_rule, training_rule

PLAIN: dict[Kind, Any] = {Kind.DATE: None, Kind.INTEGER: 1, Kind.NUMBER: 0.8, Kind.BOOLEAN: True}
OUTCOME = "emergency_admission_overnight"
BREACH = {"feed": "admissions", "rule": "month_collapsed", "delivery": "2026-01-01", "reason": "the ward closed in January"}
NEVER = date(2099, 12, 31)


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """Open a deployment with a candidate registered as version 3, and one that a leak alarm stopped."""
    monkeypatch.setenv("STRATA_HOME", str(tmp_path / "home"))
    opened = opened_with(tmp_path)
    answers = {"calibration_slope": "cannot_tell", "calibration_overall": "pass", "auroc_alarm": "pass"}
    rows = [
        candidate("logistic", "3", "digest of 3", answers),
        candidate("age_sex", "2", "digest of 2", answers),
        candidate("lightgbm", None, "digest of the leak", {"auroc_alarm": "fail", "calibration_overall": "fail"}),
    ]
    opened.lake.append(MODELS, rows)
    return opened


def opened_with(folder: Path, study: dict[str, Any] | None = None, validation: dict[str, Any] | None = None) -> Deployment:
    settings = {
        "deployment": "test",
        "purpose": {"use": "planning", "approval": "DSA 12", "approval_expires": "2099-12-31"},
        "source": {"kind": "synthetic", "synthetic": {"people": 500, "start_date": "2022-01-01"}},
        "study": {"name": "emergency_admission", **(study or {})},
        "validation": validation or {},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    return open_deployment(folder / "config.yaml")


def candidate(name: str, version: str | None, digest: str, gates: dict[str, str]) -> dict[str, Any]:
    row = {column.name: PLAIN.get(column.kind, column.name) for column in MODELS.columns}
    answers = [{"gate": gate, "answer": answer, "reason": ""} for gate, answer in gates.items()]
    of_candidate = {"candidate": name, "model_version": version, "model_digest": digest, "gates": json.dumps(answers)}
    return {**row, **of_candidate, "outcome": OUTCOME, "eligible": version is not None, "status": "eligible"}


def asked(kind: str, subject: str, expires: date | None = None, ends: str = "", **given: str) -> DecisionRequest:
    return DecisionRequest(kind, subject, given.get("role", "Board"), given.get("reason", "the report was read"), expires, ends)


def test_an_approval_is_bound_to_the_model_that_was_read(deployment: Deployment) -> None:
    summary = decide(deployment, asked("approval", "emergency_admission version 3"))
    assert summary["next"] == "the next scoring (strata score) makes it champion"
    (recorded,) = all_decisions(deployment.lake)
    assert (recorded.decision_id, recorded.subject, recorded.digest) == (
        summary["decision"], "emergency_admission version 3", "digest of 3",
    )  # fmt: skip
    assert decide(deployment, asked("approval", "emergency_admission/3"))["decision"] == recorded.decision_id


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (asked("approval", "emergency_admission"), "names no model"),
        (asked("approval", "falls version 3"), "there is no study 'falls'"),
        (asked("approval", "emergency_admission version 7"), "the versions are: 2, 3"),
        (asked("approval", "emergency_admission version 2"), "is the baseline"),
        (asked("approval", "emergency_admission version 3", role=" "), "needs the role"),
        (asked("approval", "emergency_admission version 3", role="jo@example.nhs.uk"), "never a name"),
        (asked("approval", "emergency_admission version 3", reason=""), "needs a reason"),
        (asked("approval", "emergency_admission version 3", expires=date(2020, 1, 1)), "is before today"),
        (asked("approval", "emergency_admission version 3", ends="x"), "there is no decision 'x' to end"),
        (asked("promotion", "emergency_admission version 3"), "there is no decision of the kind 'promotion'"),
        (
            asked("accepted_breach", "admissions month_collapsed 2026-01-01"),
            "there is no delivery of admissions dated 2026-01-01",
        ),
        (asked("waiver", "emergency_admission version 3 gate calibration_slope"), "a waiver ends"),
        (asked("waiver", "emergency_admission version 3 gate calibration_overall", NEVER), "cannot be waived"),
        (asked("waiver", "emergency_admission version 3 gate auroc_alarm", NEVER), "cannot be waived"),
        (asked("waiver", "emergency_admission candidate lightgbm gate calibration_overall", NEVER), "cannot be waived"),
        (asked("waiver", "emergency_admission version 3 gate slope", NEVER), "was not asked the gate 'slope'"),
        (asked("withdrawal", "20260101abcd"), "there is no run '20260101abcd'"),
        (asked("national_opt_out", "planning", NEVER), "states no rule: write 'planning: does not apply'"),
        (asked("national_opt_out", "planning: applies", NEVER), "exclude people with a national data opt-out without a decision"),
        (asked("national_opt_out", "planning: does not apply"), "add --expires with its last day"),
    ],
)
def test_what_cannot_be_decided_is_refused_and_nothing_is_recorded(
    deployment: Deployment, request_: DecisionRequest, words: str
) -> None:
    with pytest.raises(RefusalError, match=words):
        decide(deployment, request_)
    assert all_decisions(deployment.lake) == []


def test_gates_without_enough_data_and_leak_alarms_can_be_waived_and_are_shown_in_the_run(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = deployment.tracker
    experiment = tracker.client.create_experiment("emergency_admission", tracker.artifacts.as_uri())
    run = tracker.client.create_run(experiment).info.run_id
    rows = [{**row, "mlflow_run_id": run} for row in deployment.lake.read(MODELS.name).to_pylist()]
    deployment.lake.write(MODELS, rows)
    summary = decide(deployment, asked("waiver", "emergency_admission version 3 gate calibration_slope", NEVER))
    assert summary["gate"] == "Calibration slope overall"
    decide(deployment, asked("waiver", "emergency_admission candidate lightgbm gate auroc_alarm", NEVER))
    assert list(waivers_of(deployment.lake, "digest of 3")) == ["calibration_slope"]
    assert list(waivers_of(deployment.lake, "digest of the leak")) == ["auroc_alarm"]
    assert tracker.run_tags(run)["strata.waiver.calibration_slope"] == "waived until 2099-12-31 by Board: the report was read"
    assert [row["eligible"] for row in deployment.lake.read(MODELS.name).to_pylist()] == [True, True, False]


def test_rules_for_the_national_opt_out_are_recorded_for_planning_and_for_training(deployment: Deployment) -> None:
    first = decide(deployment, asked("national_opt_out", "planning does not apply", NEVER))
    assert (first["subject"], first["next"]) == ("planning: does not apply", "the next run applies the rule for planning")
    decide(deployment, asked("national_opt_out", "training: applies"))
    assert (planning_rule(deployment.lake).excludes, training_rule(deployment.lake).excludes) == (False, True)
    decide(deployment, asked("withdrawal", first["decision"]))
    assert planning_rule(deployment.lake).excludes


def test_a_correction_and_a_withdrawal_end_an_earlier_decision(deployment: Deployment) -> None:
    first = decide(deployment, asked("approval", "emergency_admission version 3"))["decision"]
    second = decide(deployment, asked("approval", "emergency_admission version 3", ends=first, reason="a clearer reason"))[
        "decision"
    ]
    assert [one.decision_id for one in decisions_that_count(deployment.lake, APPROVAL)] == [second]
    assert decide(deployment, asked("withdrawal", second, reason="recorded by mistake"))["ended"] == second
    assert decisions_that_count(deployment.lake, APPROVAL) == []


def test_decisions_in_settings_are_imported_once_and_bear_on_no_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATA_HOME", str(tmp_path / "home"))
    without = opened_with(tmp_path)
    approval = {"role": "Board", "reason": "Read", "day": "2026-01-05"}
    also = [{"name": "falls", "outcome": {"name": "death"}, "approval": approval}]
    with_one = opened_with(tmp_path, {"approval": approval})
    assert settings_version(with_one) == settings_version(without)
    several = opened_with(tmp_path, {"approval": approval, "also": also}, {"accepted": [BREACH]})
    assert import_decisions(several, date(2026, 1, 6)) == 3
    assert import_decisions(several, date(2026, 1, 7)) == 0  # the day of a breach is that of its import, and no part of it
    found = [(one.kind, one.subject, one.digest, one.role) for one in all_decisions(several.lake)]
    assert found == [
        ("approval", "emergency_admission", "", "Board"),
        ("approval", "falls", "", "Board"),
        ("accepted_breach", "admissions month_collapsed 2026-01-01", "", "not recorded"),
    ]

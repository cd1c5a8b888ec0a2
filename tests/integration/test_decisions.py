"""An approval from the settings is used once; one that is recorded for a version promotes it at the next score, and reruns nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pipelines.lake.decision_record import all_decisions
from pipelines.lake.run_record import all_runs
from pipelines.tracking.tracker import Tracker

pytestmark = pytest.mark.slow
STUDY = "small_study"
ANOTHER_MODEL = ("logistic: {prior_variances: [0.01], spline_knots: 3}", "logistic: {prior_variances: [0.009], spline_knots: 3}")


@pytest.fixture(scope="module")
def retrained(undisturbed: Any, strata: Callable[..., int], tmp_path_factory: pytest.TempPathFactory, small_board: str) -> Any:
    """Return the small board, run again with another penalty and the approval as it was."""
    folder = tmp_path_factory.mktemp("decisions")
    config, home = folder / "small_board.yaml", folder / "home"
    config.write_text(small_board.replace(*ANOTHER_MODEL))
    shutil.copytree(undisturbed.home, home)
    Tracker(home).correct_addresses()
    return replace(undisturbed, config=config, home=home, code=strata(home, "run", str(config)))


def trainings(run: Any) -> list[str]:
    return sorted(run.lake.read("risk__models", "DISTINCT training_id")["training_id"].to_pylist())


def test_an_approval_from_the_settings_is_imported_once_and_used_once(retrained: Any, undisturbed: Any) -> None:
    (imported,) = all_decisions(undisturbed.lake)
    assert all_decisions(retrained.lake) == [imported]
    assert (imported.kind, imported.subject, imported.digest, imported.role) == ("approval", STUDY, "", "Test approver")
    tracker = Tracker(retrained.home)
    assert tracker.champion_version(STUDY) == Tracker(undisturbed.home).champion_version(STUDY)
    assert tracker.version_of(STUDY, "challenger") not in (None, tracker.champion_version(STUDY))


def test_an_approval_of_a_version_promotes_it_at_the_next_score_and_trains_nothing(
    retrained: Any, strata: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    tracker, before = Tracker(retrained.home), trainings(retrained)
    champion, challenger = tracker.champion_version(STUDY), tracker.version_of(STUDY, "challenger")
    said = ("--role", "Clinical safety officer", "--reason", "Report of the new penalty read")
    assert strata(retrained.home, "decide", str(retrained.config), "approval", f"{STUDY} version {challenger}", *said) == 0
    assert "the next scoring (strata score) makes it champion" in capsys.readouterr().out
    assert Tracker(retrained.home).champion_version(STUDY) == champion  # nothing was done yet

    assert strata(retrained.home, "score", str(retrained.config)) == 0
    tracker = Tracker(retrained.home)
    assert (tracker.champion_version(STUDY), tracker.version_of(STUDY, "previous")) == (challenger, champion)
    assert trainings(retrained) == before
    last = all_runs(retrained.lake)[-1]
    assert (last["status"], last["model_version"]) == ("published", challenger)
    row = retrained.lake.read("risk__models", "status, approved_by_role", f"model_version = '{challenger}'").to_pylist()
    assert row == [{"status": "champion", "approved_by_role": "Clinical safety officer"}]

    published = len(all_runs(retrained.lake))
    assert strata(retrained.home, "score", str(retrained.config)) == 0
    assert Tracker(retrained.home).champion_version(STUDY) == challenger
    assert len(all_runs(retrained.lake)) == published  # the same inputs give the same run


def test_a_withdrawal_is_a_decision_and_a_row_of_the_runs(retrained: Any, strata: Callable[..., int]) -> None:
    run_id = str(all_runs(retrained.lake)[-1]["run_id"])
    assert strata(retrained.home, "withdraw", str(retrained.config), run_id, "--reason", "the wrong penalty") == 0
    assert (all_runs(retrained.lake)[-1]["run_id"], all_runs(retrained.lake)[-1]["status"]) == (run_id, "withdrawn")
    last = all_decisions(retrained.lake)[-1]
    assert (last.kind, last.subject, last.reason) == ("withdrawal", run_id, "the wrong penalty")

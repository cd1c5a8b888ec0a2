import sqlite3
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException

from pipelines.tracking.tracked_record import Record
from pipelines.tracking.tracker import Tracker

STUDY = "a_study"


@pytest.fixture
def tracker(tmp_path: Path) -> Tracker:
    (tmp_path / "mlflow-draft.db").write_bytes(b"half a database of a process that died")
    (tmp_path / "mlflow-draft.db-journal").write_bytes(b"and its journal")
    return Tracker(tmp_path)


def test_an_incomplete_store_is_created_again(tracker: Tracker, tmp_path: Path) -> None:
    assert [path.name for path in tmp_path.glob("mlflow*")] == ["mlflow.db"]
    with sqlite3.connect(tmp_path / "mlflow.db") as con:
        assert con.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert Tracker(tmp_path).champion_version(STUDY) is None


def test_a_run_has_the_content_of_its_record(tracker: Tracker) -> None:
    record = Record("training 1", params={"seed": 1}, metrics={"auroc": 0.7, "slope": float("nan")}, tags={"strata.kind": "training"}, texts={"notes.txt": "none"})  # fmt: skip
    parent = tracker.open_run(STUDY, record)
    child = tracker.open_run(STUDY, Record("logistic"), parent)
    data = tracker.client.get_run(parent).data
    assert data.params == {"seed": "1"}
    assert data.metrics == {"auroc": 0.7}
    assert data.tags["strata.kind"] == "training"
    assert tracker.client.get_run(child).data.tags["mlflow.parentRunId"] == parent
    assert [file.path for file in tracker.client.list_artifacts(parent)] == ["notes.txt"]


def test_inputs_are_tables_with_their_versions(tracker: Tracker, tmp_path: Path) -> None:
    run = tracker.open_run(STUDY, Record("training 1"))
    tracker.log_inputs(run, STUDY, {"features__person": (str(tmp_path / "lake" / "features__person"), 3)})
    inputs = tracker.client.get_run(run).inputs.dataset_inputs
    assert [(one.dataset.name, one.dataset.digest) for one in inputs] == [("features__person", "v3")]


def test_a_model_without_a_champion_has_none_and_a_broken_store_is_an_error(tracker: Tracker, tmp_path: Path) -> None:
    tracker.client.create_registered_model(STUDY)
    assert tracker.champion_version(STUDY) is None
    with sqlite3.connect(tmp_path / "mlflow.db") as con:
        con.execute("ALTER TABLE registered_model_aliases RENAME TO lost")
    with pytest.raises(MlflowException, match="registered_model_aliases"):
        tracker.champion_version(STUDY)


def test_the_last_champion_is_kept_as_previous(tracker: Tracker) -> None:
    client = tracker.client
    client.create_registered_model(STUDY)
    run = tracker.open_run(STUDY, Record("logistic"))
    versions = [str(client.create_model_version(STUDY, source="file:///nowhere", run_id=run).version) for _ in range(2)]
    tracker.promote(STUDY, versions[0])
    tracker.promote(STUDY, versions[1])
    tracker.promote(STUDY, versions[1])  # a repetition changes nothing
    assert tracker.champion_version(STUDY) == versions[1]
    assert str(client.get_model_version_by_alias(STUDY, "previous").version) == versions[0]
    assert tracker.version_tags(STUDY, versions[1])["run_id"] == run


def test_the_same_model_registered_twice_is_not_its_own_predecessor_and_a_challenger_can_be_removed(tracker: Tracker) -> None:
    client = tracker.client
    client.create_registered_model(STUDY)
    run = tracker.open_run(STUDY, Record("logistic", tags={"strata.train_dates": "2023-07-01"}))
    one, two, again = (
        str(client.create_model_version(STUDY, source="file:///nowhere", run_id=run, tags={"digest": digest}).version)
        for digest in ("a", "b", "b")
    )
    for version in (one, two, again):
        tracker.promote(STUDY, version)
    assert (tracker.version_of(STUDY, "champion"), tracker.version_of(STUDY, "previous")) == (again, one)
    tracker.challenge(STUDY, None)  # there was none
    tracker.challenge(STUDY, two)
    assert tracker.version_of(STUDY, "challenger") == two
    tracker.challenge(STUDY, None)
    assert tracker.version_of(STUDY, "challenger") is None
    assert tracker.run_tags(run)["strata.train_dates"] == "2023-07-01"

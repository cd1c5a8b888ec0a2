import logging
from pathlib import Path

import dagster as dg
import pytest

from dagster_project.headless import HEADLESS, end_killed_runs, explain, open_instance, run_job
from features.outcomes import ImmatureOutcomeError
from models.training import TooFewEventsError
from pipelines.errors import RefusalError, StrataError, ValidationStop
from pipelines.lake.rows import StorageError

WORDS = "patients_2026-01-01.csv: this cannot be used:\n  column SEX: 40% of rows\nGive another file: see README"


def job_of(*assets: dg.AssetsDefinition, checks: tuple[dg.AssetChecksDefinition, ...] = ()) -> dg.JobDefinition:
    return dg.Definitions(
        assets=assets, asset_checks=checks, jobs=[dg.define_asset_job("whole")], executor=dg.in_process_executor
    ).resolve_job_def("whole")


def failing(error: BaseException, name: str = "broken") -> dg.AssetsDefinition:
    @dg.asset(name=name)
    def body() -> None:
        raise error

    return body


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    with open_instance(tmp_path / "home") as instance:
        yield instance


def stopped(instance: dg.DagsterInstance, job: dg.JobDefinition, log: Path) -> str:
    with pytest.raises(StrataError) as raised:
        run_job(job, instance, {}, log)
    return str(raised.value)


@pytest.mark.parametrize("kind", [RefusalError, ValidationStop, StorageError, ImmatureOutcomeError, TooFewEventsError])
def test_an_error_of_stratas_own_comes_out_whole(kind: type[Exception], instance: dg.DagsterInstance, tmp_path: Path) -> None:
    assert stopped(instance, job_of(failing(kind(WORDS))), tmp_path / "log") == WORDS
    assert not (tmp_path / "log").exists()


def test_the_outermost_of_stratas_errors_speaks(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    @dg.asset
    def broken() -> None:
        try:
            raise TooFewEventsError("12 events")
        except TooFewEventsError as error:
            raise RefusalError("training refuses: 12 events") from error

    assert stopped(instance, job_of(broken), tmp_path / "log") == "training refuses: 12 events"


def test_a_fault_is_called_one_and_its_details_are_kept(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    words = stopped(instance, job_of(failing(KeyError("nhs_number 123"))), tmp_path / "reports" / "log")
    assert "broken failed with KeyError: this is a bug in Strata" in words
    assert "nhs_number" not in words
    assert "KeyError" in (tmp_path / "reports" / "log").read_text()


def test_everything_that_stopped_a_run_is_reported_once(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    job = job_of(
        failing(RefusalError("first")), failing(RefusalError("second"), "other"), failing(RefusalError("first"), "third")
    )
    assert sorted(stopped(instance, job, tmp_path / "log").splitlines()) == ["first", "second"]


def test_a_broken_check_tells_its_words_and_holds_back_what_comes_after(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    made = []

    @dg.asset
    def raw() -> None:
        made.append("raw")

    @dg.asset_check(asset=raw, blocking=True)
    def suite() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False, description=WORDS)

    @dg.asset(deps=[raw])
    def core() -> None:
        made.append("core")

    assert stopped(instance, job_of(raw, core, checks=(suite,)), tmp_path / "log") == WORDS
    assert made == ["raw"]


def test_a_person_who_stops_a_run_is_no_fault(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_job(job_of(failing(KeyboardInterrupt())), instance, {}, tmp_path / "log")
    assert not (tmp_path / "log").exists()


def test_a_job_that_ends_well_raises_nothing(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    @dg.asset
    def fine() -> None:
        return None

    run_job(job_of(fine), instance, {"who": "a test"}, tmp_path / "log")
    assert [run.tags["who"] for run in instance.get_runs()] == ["a test"]


def test_what_a_killed_process_left_is_ended_and_nothing_else(instance: dg.DagsterInstance) -> None:
    job = job_of(failing(RefusalError("never run")))
    started = dg.DagsterRunStatus.STARTED
    killed = instance.create_run_for_job(job, status=started, tags={HEADLESS: "true"})
    launched = instance.create_run_for_job(job, status=started)
    end_killed_runs(instance)
    status = {run.run_id: run.status for run in instance.get_runs()}
    assert status == {killed.run_id: dg.DagsterRunStatus.FAILURE, launched.run_id: started}


def test_settings_of_dagster_are_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    open_instance(tmp_path)
    settings = tmp_path / "dagster" / "dagster.yaml"
    assert "enabled: false" in settings.read_text()
    settings.write_text(settings.read_text() + "# a team's own line\n")
    open_instance(tmp_path)
    assert "a team's own line" in settings.read_text()


@pytest.mark.parametrize("error", [RefusalError(WORDS), TooFewEventsError(WORDS)])
def test_words_outside_a_run_are_the_same(error: Exception, tmp_path: Path) -> None:
    assert explain(error, tmp_path / "log") == WORDS
    assert "bug in Strata" in explain(ValueError("x"), tmp_path / "log")
    assert "ValueError: (its message is withheld" in (tmp_path / "log").read_text()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("[Errno 28] Error writing bytes to file. Detail: [errno 28] No space left on device", "the disk is full: free space"),
        ("database or disk is full", "the disk is full: free space"),
        ("Generic LocalFileSystem error: Permission denied (os error 13)", "cannot be read or written"),
        ("attempt to write a readonly database", "cannot be read or written"),
    ],
)
def test_what_a_disk_refuses_is_not_a_bug(said: str, words: str, instance: dg.DagsterInstance, tmp_path: Path) -> None:
    log = tmp_path / "home" / "reports" / "log"
    assert words in explain(OSError(said), log)
    assert words in stopped(instance, job_of(failing(OSError(said))), log)
    assert str(tmp_path / "home") in explain(OSError(said), log)


def test_words_come_even_where_no_log_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file where the folder of the log should be")
    assert "bug in Strata" in explain(ValueError("x"), tmp_path / "reports" / "log")

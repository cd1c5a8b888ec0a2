"""Upkeep of the home of a complete run: run again, backfilled, tidied, a run reproduced and a person erased."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from expectations.tables import risk
from expectations.tables.decisions import DECISION
from expectations.tables.monitoring import STAGES
from pipelines.lake.run_record import published_runs
from pipelines.lake.storage import Lake

pytestmark = pytest.mark.slow

OUTCOME = "emergency_admission_overnight"
Command = Callable[..., int]


@pytest.fixture(scope="module")
def lived_in(undisturbed: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a copy of the home of a complete run, for tests that change it."""
    folder = tmp_path_factory.mktemp("lived_in")
    home, config = folder / "home", folder / "lived_in.yaml"
    shutil.copytree(undisturbed.home, home, symlinks=True)
    shutil.copy(undisturbed.config, config)  # a process opens a configuration and its home once
    return type(undisturbed)(config, home, 0)


def run_id_of(lake: Lake) -> str:
    return str(published_runs(lake, OUTCOME)[-1]["run_id"])


def last_status(lake: Lake) -> dict[tuple[str, str], str]:
    rows = lake.read(STAGES.name, "stage, index_date, status", order="started_at").to_pylist()
    return {(row["stage"], row["index_date"]): row["status"] for row in rows}


def test_the_same_run_again_skips_every_stage(lived_in: Any, strata: Command) -> None:
    assert rerun(lived_in, lived_in.config, strata) == set()


def rerun(lived_in: Any, config: Path, strata: Command) -> set[str]:
    """Run again, check that no table but the log of stages changed unless a stage was done, and return the stages that were done."""
    before = {name: lived_in.lake.files(name) for name in lived_in.lake.tables()}
    assert strata(lived_in.home, "run", str(config)) == 0
    done = {stage for (stage, _), status in last_status(lived_in.lake).items() if status == "done"}
    after = {name: lived_in.lake.files(name) for name in before}
    changed = {name for name in before if before[name] != after[name]}
    assert done or changed <= {STAGES.name, DECISION.name}
    return done


def test_recording_an_approval_or_renewing_the_purpose_runs_nothing_again(lived_in: Any, strata: Command, tmp_path: Path) -> None:
    settings = yaml.safe_load(lived_in.config.read_text())
    settings["purpose"] |= {"approval": "A later register entry", "approval_expires": "2100-12-31"}
    settings["study"]["approval"] = {"role": "Another approver", "reason": "Reviewed again", "day": "2026-02-01"}
    config = tmp_path / "approved.yaml"
    config.write_text(yaml.safe_dump(settings))
    assert rerun(lived_in, config, strata) == set()


def test_index_dates_are_backfilled_and_those_of_the_plan_stay(lived_in: Any, strata: Command) -> None:
    before = lived_in.lake.files("features__person")
    assert strata(lived_in.home, "backfill", str(lived_in.config), "2023-08-15", "2023-10-01") == 0
    dates = lived_in.lake.partitions("features__person", "index_date")
    assert {"2023-08-01", "2023-09-01", "2023-10-01"} < set(dates)
    assert set(before) < set(lived_in.lake.files("features__person"))
    assert strata(lived_in.home, "backfill", str(lived_in.config), "2024-02-01", "2024-01-01") == 1


def test_a_past_run_is_reproduced_bit_for_bit(lived_in: Any, strata: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert strata(lived_in.home, "tidy", str(lived_in.config)) == 0
    run_id = run_id_of(lived_in.lake)
    assert strata(lived_in.home, "reproduce", str(lived_in.config), run_id) == 0
    printed = capsys.readouterr().out
    assert f"run id: {run_id}\nscores: equal bit for bit" in printed
    assert "tables: as they were" in printed
    assert f"scored again: {lived_in.lake.rows(risk.SCORES.name, {'run_id': run_id}):,}" in printed
    assert strata(lived_in.home, "reproduce", str(lived_in.config), "feed") == 1


def test_a_person_is_erased_and_the_scores_of_others_can_still_be_reproduced(
    lived_in: Any, strata: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    lake, run_id = lived_in.lake, run_id_of(lived_in.lake)
    person = lake.read(risk.CURRENT.name, "person_id", order="risk DESC LIMIT 1")["person_id"][0].as_py()
    assert strata(lived_in.home, "erase", str(lived_in.config), person, "--reason", "article 17") == 0
    assert person not in capsys.readouterr().out
    for name in lake.tables():
        if "person_id" in lake.schema(name).names:
            assert not lake.read(name, "person_id", f"person_id = '{person}'").num_rows, name
    assert strata(lived_in.home, "reproduce", str(lived_in.config), run_id) == 0  # for everyone else
    printed = capsys.readouterr().out
    assert f"scored again: {lake.rows(risk.SCORES.name, {'run_id': run_id}):,}" in printed
    assert "tables: as they are now" in printed


def test_a_changed_score_is_found(lived_in: Any, strata: Command, capsys: pytest.CaptureFixture[str]) -> None:
    lake, run_id = lived_in.lake, run_id_of(lived_in.lake)
    scores = lake.read(risk.SCORES.name, order="person_id", partition={"run_id": run_id})
    place = scores.column_names.index("risk")
    nudged = scores.set_column(
        place, "risk", [[risk_ + 1e-12 if row == 3 else risk_ for row, risk_ in enumerate(scores["risk"].to_pylist())]]
    )
    lake.write(risk.SCORES, nudged, {"run_id": run_id})
    assert strata(lived_in.home, "reproduce", str(lived_in.config), run_id) == 1
    assert "unequal: 1" in capsys.readouterr().out


def test_a_withdrawn_run_stays_withdrawn_after_another_run_with_the_same_inputs(lived_in: Any, strata: Command) -> None:
    lake, run_id = lived_in.lake, run_id_of(lived_in.lake)
    assert strata(lived_in.home, "withdraw", str(lived_in.config), run_id, "--reason", "a wrong code list") == 0
    assert strata(lived_in.home, "score", str(lived_in.config)) == 0
    assert run_id not in [run["run_id"] for run in published_runs(lake, OUTCOME)]
    assert not lake.rows(risk.CURRENT.name)

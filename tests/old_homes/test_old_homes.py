"""A home that an earlier commit wrote is refused until it is upgraded, and is then readable in full, even after a move."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import mlflow
import pytest
from deltalake import DeltaTable
from old_homes.unpack import FORMATS, HERE, unpack

from pipelines.run.home_format import CURRENT_FORMAT
from pipelines.run.settings import read_settings

pytestmark = pytest.mark.slow
CONFIGURATIONS = sorted(HERE.glob("format_*/config/*.yaml"))


@dataclass(frozen=True)
class OldHome:
    """An unpacked home, its configuration, and a way to run a command on it."""

    config: Path
    strata: Callable[..., int]

    @property
    def home(self) -> Path:
        return self.config.parent / "home"

    def run(self, command: str, *arguments: str) -> int:
        return self.strata(self.home, command, str(self.config), *arguments)

    def rows(self, table: str, query: str) -> list[tuple[object, ...]]:
        """Return the rows of a query of a table, as another program would read it without Strata."""
        scores = DeltaTable(str(self.home / "lake" / table)).to_pyarrow_table()  # noqa: F841 - DuckDB reads the variable by its name
        return duckdb.sql(query).fetchall()


@pytest.fixture(scope="module", params=FORMATS)
def old_home(request: pytest.FixtureRequest, strata: Callable[..., int], tmp_path_factory: pytest.TempPathFactory) -> OldHome:
    return OldHome(unpack(request.param, tmp_path_factory.mktemp("moved")), strata)


@pytest.fixture(scope="module")
def upgraded(old_home: OldHome) -> OldHome:
    assert old_home.run("upgrade") == 0
    return old_home


def test_an_old_home_is_refused_until_it_is_upgraded(old_home: OldHome, capsys: pytest.CaptureFixture[str]) -> None:
    assert old_home.run("score") == 1
    assert "strata upgrade" in capsys.readouterr().err


def test_an_upgrade_records_the_format_and_can_be_repeated(upgraded: OldHome) -> None:
    assert (upgraded.home / "format").read_text() == f"{CURRENT_FORMAT}\n"
    assert upgraded.run("upgrade") == 0


def test_published_scores_stay_readable(upgraded: OldHome) -> None:
    published = upgraded.rows(
        "risk__runs", "SELECT outcome, max(index_date), max(rows) FROM scores GROUP BY outcome ORDER BY outcome"
    )
    current = upgraded.rows(
        "risk__current", "SELECT outcome, max(index_date), count(*) FROM scores GROUP BY outcome ORDER BY outcome"
    )
    assert [outcome for outcome, _, _ in current] == ["ae_attendances_5", "emergency_admission_overnight"]
    assert current == published


def test_every_published_run_is_reproduced_by_its_stored_model(upgraded: OldHome) -> None:
    runs = [str(run) for (run,) in upgraded.rows("risk__runs", "SELECT DISTINCT run_id FROM scores ORDER BY 1")]
    assert len(runs) == 4
    assert {run: upgraded.run("reproduce", run) for run in runs} == dict.fromkeys(runs, 0)


def test_a_caseload_can_be_written(upgraded: OldHome) -> None:
    assert upgraded.run("caseload") == 0
    assert list((upgraded.home / "reports" / "caseloads").glob("**/*.csv"))


def test_no_address_of_the_original_folder_remains(upgraded: OldHome) -> None:
    uri = f"sqlite:///{upgraded.home / 'mlflow.db'}"
    client = mlflow.MlflowClient(uri, uri)
    for experiment in client.search_experiments():
        for run in client.search_runs([experiment.experiment_id]):
            assert run.info.artifact_uri.startswith((upgraded.home / "mlartifacts").as_uri())


@pytest.mark.parametrize("config", CONFIGURATIONS, ids=lambda path: f"{path.parents[1].name}_{path.stem}")
def test_its_configurations_load(config: Path) -> None:
    assert read_settings(config).deployment

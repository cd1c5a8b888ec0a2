"""A run that is killed several times: no partial publication is visible, and its result is that of an undisturbed run."""

import os
import signal
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pytest
from integration.started_runs import start_run

from pipelines.lake.run_record import published_runs
from pipelines.lake.storage import Lake

pytestmark = pytest.mark.slow

OUTCOME = "emergency_admission_overnight"
TIMEOUT = 600.0  # seconds
# Files and folders that appear in the home during a run. The run is killed when each appears.
MOMENTS = (
    "dagster/history",
    "lake/raw__gp_observations",
    "lake/core__event",
    "lake/risk__models",
    "lake/risk__scores",
)


class Process:
    """A run in a separate process and home; its output goes to a file."""

    def __init__(self, config: Path, home: Path) -> None:
        self.config, self.home = config, home
        self.output = home.parent / "output.txt"

    def start(self) -> ForkServerProcess:
        return start_run(self.config, self.home, self.output)

    def run(self) -> int | None:
        """Run to the end and return the exit code."""
        started = self.start()
        started.join(TIMEOUT)
        return started.exitcode

    def stop_at(self, sight: str, by: signal.Signals) -> int | None:
        """Run until a file or folder appears, send the signal and return the exit code."""
        started = self.start()
        end = time.monotonic() + TIMEOUT
        while not (self.home / sight).exists():
            assert started.exitcode is None, f"the run ended before {sight}:\n{self.output.read_text()[-2000:]}"
            assert time.monotonic() < end, f"{sight} never appeared"
            time.sleep(0.002)
        assert started.pid is not None
        os.kill(started.pid, by)
        started.join(TIMEOUT)
        return started.exitcode


@pytest.fixture(scope="module")
def process(undisturbed: Any, tmp_path_factory: pytest.TempPathFactory) -> Process:
    folder = tmp_path_factory.mktemp("interrupted")
    config = folder / "another_name.yaml"
    config.write_text(undisturbed.config.read_text())
    return Process(config, folder / "home")


def seen_by_readers(home: Path) -> dict[str, tuple[int, int]]:
    """Return the recorded and the actual number of rows of every published run."""
    lake = Lake(home / "lake")
    runs = published_runs(lake, OUTCOME)
    return {
        str(run["run_id"]): (int(str(run["rows"])), lake.rows("risk__scores", {"run_id": str(run["run_id"])})) for run in runs
    }


def test_a_killed_run_publishes_nothing_and_continues_to_the_same_result(process: Process, undisturbed: Any) -> None:
    assert undisturbed.code == 0
    for sight in MOMENTS:
        code = process.stop_at(sight, signal.SIGKILL)
        assert code in (-signal.SIGKILL, 0)  # at the last moment it may have ended already
        assert all(announced == there for announced, there in seen_by_readers(process.home).values()), sight
        if code:
            assert len(seen_by_readers(process.home)) <= (sight == MOMENTS[-1]), sight
    assert process.run() == 0, process.output.read_text()[-3000:]
    assert "Traceback" not in process.output.read_text()
    assert published(process.home) == published(undisturbed.home)
    assert core(process.home) == core(undisturbed.home)


def published(home: Path) -> tuple[Any, ...]:
    """Return the published run, its digest, and every risk and driver, bit for bit."""
    lake = Lake(home / "lake")
    runs = published_runs(lake, OUTCOME)
    assert len(runs) == 1
    partition = {"run_id": str(runs[0]["run_id"])}
    scores = lake.read("risk__scores", "person_id, risk, risk_band, eligible", order="person_id", partition=partition)
    drivers = lake.read("risk__drivers", order="person_id, driver_rank", partition=partition)
    return runs[0]["run_id"], runs[0]["scores_digest"], scores.to_pydict(), drivers.to_pydict()


def core(home: Path) -> dict[str, tuple[int, str]]:
    """Return the rows of the tables before the scores, and a digest of their content."""
    lake = Lake(home / "lake")
    tables = [name for name in lake.tables() if name.startswith(("raw__", "core__", "features__", "risk__labels"))]
    digest = "bit_xor(hash(COLUMNS(*)::VARCHAR))::VARCHAR"
    return {name: (lake.rows(name), str(lake.read(name, digest).to_pydict())) for name in tables}


def test_no_run_keeps_the_status_running(process: Process) -> None:
    import dagster as dg

    with dg.DagsterInstance.local_temp(str(process.home / "dagster")) as instance:
        statuses = [run.status.value for run in instance.get_runs()]
    assert set(statuses) <= {"SUCCESS", "FAILURE"}
    assert "FAILURE" in statuses


def test_a_run_that_a_person_stops_prints_a_message(process: Process) -> None:
    process.output.write_text("")
    # Another version of the clinical rules: stages that read them run again.
    process.config.write_text(process.config.read_text() + "clinical: {version: another}\n")
    (process.home / "spill").rename(process.home / "spill_before")  # its return shows that the first table is being read
    assert process.stop_at("spill", signal.SIGINT) == 130
    assert "Stopped. What was committed stays" in process.output.read_text()
    assert "Traceback" not in process.output.read_text()

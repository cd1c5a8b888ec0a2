"""Features built on a local Spark with two workers equal those of the local engine, and are committed completely or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from recount.board import EDITION, REGISTERED, Board
from recount.edge_board import edge_board

from features.catalogue import build_catalogue
from features.code_lists import load_code_lists
from pipelines.building.build_features import build_features
from pipelines.building.range_workers import RangeRunner
from pipelines.building.spark_engine import check_spark, over_ranges_on_spark
from pipelines.errors import StrataError
from pipelines.lake.storage import Lake
from pipelines.run.deployment import Deployment
from pipelines.run.settings import Settings

pytestmark = pytest.mark.slow

TABLE = "features__person"
PEOPLE_PER_RANGE = 1000
SETTINGS = {
    "deployment": "on_spark",
    "purpose": {"use": "planning", "approval": "Made-up people", "approval_expires": "2099-12-31"},
    "source": {"kind": "synthetic", "synthetic": {}},
    "engine": "spark",
}


@pytest.fixture(scope="module")
def board() -> Board:
    return edge_board(build_catalogue(load_code_lists(), EDITION))


@pytest.fixture(scope="module")
def deployment(board: Board, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    home = tmp_path_factory.mktemp("on_spark")
    board.store(home / "lake")
    return Deployment(Settings.model_validate(SETTINGS), home, home)


@pytest.fixture(scope="module")
def on_spark(deployment: Deployment) -> Iterator[RangeRunner]:
    """Yield the range runner of the settings `engine: spark`, a Spark with two workers that is stopped at the end."""
    try:
        check_spark()
    except StrataError as error:
        pytest.skip(str(error))
    interrupt = signal.getsignal(signal.SIGINT)
    with deployment.range_runner() as run_ranges:
        assert signal.getsignal(signal.SIGINT) is interrupt
        yield run_ranges
    assert check_spark() is None
    assert not list((deployment.home / "spill").rglob("*.*"))


def stored(lake: Lake) -> pa.Table:
    """Return the stored table: the rows of each file in their order, the files in order of their first person."""
    files = [pq.read_table(file, partitioning=None) for file in lake.files(TABLE)]
    return pa.concat_tables(sorted(files, key=lambda rows: int(rows["person_key"][0].as_py())))


def test_two_ranges_are_built_at_the_same_time(on_spark: RangeRunner, tmp_path: Path) -> None:
    def meet(first: int, other: int) -> int:
        (tmp_path / str(first)).touch()
        end = time.monotonic() + 120
        while not (tmp_path / str(other)).exists():
            assert time.monotonic() < end, "the other range did not start"
            time.sleep(0.02)
        return os.getpid()

    processes = on_spark(meet, [(0, 1), (1, 0)])
    assert len({*processes, os.getpid()}) == 3


def test_features_equal_the_local_engines_to_the_row(on_spark: RangeRunner, deployment: Deployment, board: Board) -> None:
    lake, day = deployment.lake, board.index_date
    here = build_features(lake, REGISTERED, day, people_per_range=PEOPLE_PER_RANGE)
    expected, version = stored(lake), lake.version(TABLE)
    there = build_features(lake, REGISTERED, day, people_per_range=PEOPLE_PER_RANGE, run_ranges=on_spark)
    assert there == here
    assert there.rows == len(board.people)
    assert lake.version(TABLE) == version  # the same bytes, so there is no commit
    assert len(lake.files(TABLE)) == -(-len(board.people) // PEOPLE_PER_RANGE)
    assert stored(lake).equals(expected)


def test_a_range_that_fails_at_the_end_leaves_the_table_as_it_was(
    on_spark: RangeRunner, deployment: Deployment, board: Board
) -> None:
    lake, day = deployment.lake, board.index_date
    before, version = stored(lake), lake.version(TABLE)

    def failing(error: Exception) -> RangeRunner:
        def run(function: Callable[[int, int], Any], ranges: Any) -> list[Any]:
            def then_fail(first: int, last: int) -> Any:
                result = function(first, last)
                if first == ranges[-1][0]:
                    raise error
                return result

            return on_spark(then_fail, ranges)

        return run

    for error, raised in ((KeyError("no such code"), KeyError), (OSError("the disk went away"), StrataError)):
        with pytest.raises(raised, match=str(error)):
            build_features(lake, REGISTERED, day, people_per_range=PEOPLE_PER_RANGE, run_ranges=failing(error))
    assert lake.version(TABLE) == version
    assert stored(lake).equals(before)


def test_a_session_that_is_active_is_used_and_left_running(on_spark: RangeRunner, deployment: Deployment) -> None:
    session = check_spark()
    assert session is not None
    with deployment.range_runner() as run_ranges:
        assert run_ranges(divmod, [(7, 2), (9, 4), (5, 5)]) == [(3, 1), (2, 1), (1, 0)]
    assert over_ranges_on_spark(divmod, [(7, 2)], session) == [(3, 1)]
    assert over_ranges_on_spark(divmod, [], session) == []


def test_an_installed_spark_ends_no_process_in_which_validation_is_imported() -> None:
    """Without its Connect requirements pyspark ends such a process, with exit code 0, when Great Expectations looks for it."""
    done = subprocess.run(
        [sys.executable, "-c", "import great_expectations; print('still there')"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "still there\n"

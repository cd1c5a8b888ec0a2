"""Run a board stage by stage without faults, and keep its home, duration and table contents after every stage."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
from chaos.processes import Starter

from pipelines.lake.storage import Lake

ORDER = ("ingest", "validate", "conform", "features", "training", "scoring")
PUBLISHED = ("risk__runs", "risk__scores", "risk__drivers", "risk__current", "risk__removed", "risk__removals")
CONFIG = """
deployment: fault_board
purpose: {{use: finding_people_for_care, approval: Synthetic people; no approval needed, approval_expires: 2099-12-31}}
source:
  kind: synthetic
  synthetic: {{people: 2500, start_date: 2022-01-01, defects: {{least_dummy_rows: 20}}}}
study:
  name: fault_study
  index_dates: {{train: [2023-07-01], test: 2024-10-01{score}}}
  candidates: {{names: [age_sex, logistic], minimum_events: 20, logistic: {{prior_variances: [0.01], spline_knots: 3}}}}
  gates: {{minimum_events: 5000, minimum_slope_events: 5000}}
  bands: {{names: [low, moderate, high], cuts: [0.05, 0.15]}}
  driver_bands: 1
  approval: {{role: Test approver, reason: Synthetic people only, day: 2026-01-01}}
upkeep: {{free_disk_gb: 0}}
"""
WITH_DATABASE = "publish: {postgres: {}}\n"
# Columns that may differ between two runs of the same inputs: times, and identifiers from the tracker.
VOLATILE = ("scored_at", "recorded_at", "mlflow_run_id", "model_version", "table_versions")
Content = dict[str, tuple[int, str]]


@dataclass
class Board:
    """The board's configuration and home, the copies of the home after every stage, and the duration of each stage."""

    folder: Path
    starter: Starter
    seconds: dict[str, float] = field(default_factory=dict)
    _contents: dict[str, Content] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.folder / "fault_board.yaml"

    @property
    def config_with_database(self) -> Path:
        return self.folder / "fault_board_with_database.yaml"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def lake(self) -> Lake:
        return Lake(self.home / "lake")

    def after(self, stage: str) -> Path:
        """Return the copy of the home after a stage."""
        return self.folder / "after" / stage

    def before(self, stage: str) -> Path:
        """Return the copy of the home before a stage."""
        return self.after((("board", *ORDER, "publication"))[("board", *ORDER, "publication").index(stage) - 1])

    def restore(self, stage: str) -> None:
        """Restore the home to its state before a stage."""
        if self.home.is_mount():
            for entry in self.home.iterdir():
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        else:
            shutil.rmtree(self.home, ignore_errors=True)
        shutil.copytree(self.before(stage), self.home, symlinks=True, dirs_exist_ok=True)

    def run(self, stage: str, config: Path | None = None, **more: object) -> int:
        """Run a stage and return its exit code."""
        return self.starter.begin(stage, config or self.config, self.home, **more).wait()

    def content(self) -> Content:
        """Return the row count and a digest of every table, independent of row order and without volatile columns."""
        return _content(self.lake)

    def expected_content(self, stage: str) -> Content:
        """Return the content of the tables after a stage without faults."""
        if stage not in self._contents:
            self._contents[stage] = _content(Lake(self.after(stage) / "lake"))
        return self._contents[stage]


def _content(lake: Lake) -> Content:
    with duckdb.connect() as con:
        return {name: _digest(con, lake.scan(name)) for name in lake.tables()}


def _digest(con: duckdb.DuckDBPyConnection, scan: str) -> tuple[int, str]:
    columns = [row[0] for row in con.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()]
    compared = ", ".join(f'"{column}"' for column in columns if column not in VOLATILE)
    rows = con.execute(f"SELECT count(*), sum(hash(t)::HUGEINT) FROM (SELECT {compared} FROM {scan}) AS t").fetchall()[0]
    return int(rows[0]), str(rows[1])


def build_board(folder: Path, starter: Starter) -> Board:
    """Run the board once without faults, including an earlier published run for readers; raise if a stage fails."""
    board = Board(folder, starter)
    board.config.write_text(CONFIG.format(score=""))
    board.config_with_database.write_text(CONFIG.format(score="") + WITH_DATABASE)
    earlier = folder / "earlier.yaml"
    earlier.write_text(CONFIG.format(score=", score: 2024-10-01"))
    _do(board, "board", board.config)
    _keep(board, "board")
    for stage in ORDER[:-1]:
        board.seconds[stage] = _do(board, stage, board.config)
        _keep(board, stage)
    _do(board, "scoring", earlier)
    _keep(board, "training")
    for stage in ("board", *ORDER[:-2]):
        for table in PUBLISHED:
            shutil.copytree(board.home / "lake" / table, board.after(stage) / "lake" / table)
    board.seconds["scoring"] = _do(board, "scoring", board.config)
    _keep(board, "scoring")
    return board


def _do(board: Board, stage: str, config: Path) -> float:
    begin = time.monotonic()
    code = board.run(stage, config)
    if code:
        raise RuntimeError(f"{stage} without a fault ended with {code}: {board.starter.output.read_text()[-3000:]}")
    return time.monotonic() - begin


def _keep(board: Board, stage: str) -> None:
    shutil.rmtree(board.after(stage), ignore_errors=True)
    shutil.copytree(board.home, board.after(stage), symlinks=True)

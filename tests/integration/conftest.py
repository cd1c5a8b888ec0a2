"""The configuration of a small ICB, and a complete undisturbed run of it that several tests share."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines.lake.storage import Lake

# The smallest configuration that runs to the end: 2,500 people, one training and one test date, and limits that so few events can meet.
SMALL_BOARD = """
deployment: small_board
purpose:
  use: finding_people_for_care
  approval: Synthetic people; no approval needed
  approval_expires: 2099-12-31
source:
  kind: synthetic
  synthetic:
    people: 2500
    start_date: 2022-01-01
    defects: {least_dummy_rows: 20}
study:
  name: small_study
  index_dates:
    train: [2023-07-01]
    test: 2024-10-01
  candidates:
    names: [age_sex, logistic]
    minimum_events: 20
    logistic: {prior_variances: [0.01], spline_knots: 3}
  gates: {minimum_events: 5000, minimum_slope_events: 5000}
  bands: {names: [low, moderate, high], cuts: [0.05, 0.15]}
  driver_bands: 1
  approval: {role: Test approver, reason: Synthetic people only, day: 2026-01-01}
"""


@dataclass(frozen=True)
class Run:
    """A finished run: its configuration, its home and its exit code."""

    config: Path
    home: Path
    code: int

    @property
    def lake(self) -> Lake:
        return Lake(self.home / "lake")


@pytest.fixture(scope="session")
def small_board() -> str:
    return SMALL_BOARD


@pytest.fixture(scope="session")
def undisturbed(strata: Callable[..., int], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a complete run of the small ICB."""
    folder = tmp_path_factory.mktemp("undisturbed")
    config, home = folder / "small_board.yaml", folder / "home"
    config.write_text(SMALL_BOARD)
    return Run(config, home, strata(home, "run", str(config)))

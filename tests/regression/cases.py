"""The runs whose results are kept: a small synthetic ICB, the MIMIC demo and a sample of diabetes130.

`python -m regression.cases NAME FOLDER` runs one of them below an empty folder. Each is run as a person runs it, through the command line.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from regression.small_icb import CONFIG, FIRST, SECOND, as_on, deliver, write_deliveries

from pipelines.lake.storage import Lake

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
DIABETES = DATA / "diabetes130" / "diabetic_data.csv.zip"
DIABETES_PEOPLE = 2_000
# Small settings for the candidates: the search for a penalty and long boosting have tests elsewhere.
QUICK = {"logistic": {"prior_variances": [0.01], "spline_knots": 3}, "lightgbm": {"rounds": 30}}


def run_small_icb(folder: Path) -> None:
    """Run two monthly deliveries of the small ICB, one after the other."""
    write_deliveries(folder)
    config = folder / "icb.yaml"
    config.write_text(CONFIG.format(deployment="small_icb", pseudonymised="true"))
    for day in (FIRST, SECOND):
        deliver(folder, day)
        with as_on(day):
            _strata("run", config, folder / "home")


def run_mimic_demo(folder: Path) -> None:
    """Run the 100 people of the MIMIC demo to published scores, although their outcomes are too few for use."""
    candidates = {**QUICK, "allow_too_few_events": True, "minimum_events": 1}
    _strata("run", configured(folder, "mimic_demo.yaml", {"study": {"candidates": candidates}}), folder / "home")


def run_diabetes130(folder: Path) -> None:
    """Run every encounter of 2,000 people of diabetes130."""
    changes = {
        "source": {"feature_table": {"file": str(sample_of_diabetes130(folder, DIABETES_PEOPLE))}},
        "study": {"candidates": {**QUICK, "minimum_events": 20}, "validation": {"folds": 2}},
    }
    _strata("run", configured(folder, "diabetes130.yaml", changes), folder / "home")


def sample_of_diabetes130(folder: Path, people: int) -> Path:
    """Write every encounter of some people of diabetes130 to a file in a folder, and return the file."""
    encounters = pd.read_csv(DIABETES, dtype=str, keep_default_na=False)
    chosen = encounters["patient_nbr"].drop_duplicates().sample(people, random_state=7)
    sample = folder / "encounters.csv"
    encounters[encounters["patient_nbr"].isin(chosen)].to_csv(sample, index=False)
    return sample


CASES: Mapping[str, Callable[[Path], None]] = {
    "small_icb": run_small_icb,
    "mimic_demo": run_mimic_demo,
    "diabetes130": run_diabetes130,
}
DATA_OF = {"mimic_demo": DATA / "mimic_omop_demo", "diabetes130": DIABETES}


def run_case(name: str, folder: Path) -> Lake:
    """Run a case in a separate process and return its lake; raise RuntimeError with what it printed if it fails."""
    folder.mkdir(parents=True, exist_ok=True)
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "regression.cases", name, str(folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "tests"), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode != 0:
        raise RuntimeError(f"the case {name} failed:\n{found.stdout[-2000:]}\n{found.stderr[-4000:]}")
    return Lake(folder / "home" / "lake")


def configured(folder: Path, name: str, changes: Mapping[str, Any]) -> Path:
    """Write a configuration of the project to a folder, with some settings changed, and return the file."""
    text = (ROOT / "config" / name).read_text(encoding="utf-8").replace("../../shared/data", DATA.as_posix())
    config = folder / name
    config.write_text(yaml.safe_dump(merged(yaml.safe_load(text), changes), sort_keys=False), encoding="utf-8")
    return config


def merged(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with some changed, section by section."""
    both = {key: merged(settings[key], value) for key, value in changes.items() if isinstance(value, dict) and key in settings}
    return {**settings, **changes, **both}


def _strata(command: str, config: Path, home: Path) -> None:
    from dagster_project.command_line import main

    os.environ["STRATA_HOME"] = str(home)
    if main([command, str(config)]) != 0:
        raise SystemExit(1)


if __name__ == "__main__":
    CASES[sys.argv[1]](Path(sys.argv[2]))

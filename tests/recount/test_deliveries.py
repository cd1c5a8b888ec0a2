"""A board's deliveries, taken through ingest, validation, conform and features, give the same rows however they come.

* Last year's features, built from last year's deliveries alone, are those that today's deliveries give for the same date, also
  where today's delivery tells old rows otherwise or lacks them.
* The order of an extract's rows, and the files it comes in, change nothing; nor do other pseudonyms for the same people.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from recount.comparison import built_rows

from pipelines.lake.storage import Lake
from pipelines.run.deployment import Deployment
from pipelines.run.settings import Settings
from pipelines.sources.synthetic.landing_files import write_board
from pipelines.sources.synthetic.settings import SyntheticSettings
from pipelines.stages import building, conforming, organisations, run_plan
from pipelines.stages import landing as landing_stage

pytestmark = pytest.mark.slow

PSEUDONYM = re.compile(r"P[0-9a-f]{16}")
LATEST = ("ethnic_category", "ethnic_group")  # for the audit: as last recorded
THEN, NOW = date(2024, 7, 1), date(2025, 1, 1)  # the later delivery restates the twelve months before it
RESTATED = {
    "admissions": ("Admission_Date", {"Spell_Primary_Diagnosis": "I500", "Der_Diagnosis_All": "I500,E119", "Admission_Method": "11"}),
    "emergency_attendances": ("Arrival_Date", {"EC_Department_Type": "03"}),
    "outpatient_appointments": ("Appointment_Date", {"Attendance_Status": "3"}),
    "gp_observations": ("CLINICAL_EFFECTIVE_DATE", {"RESULT_VALUE": "77"}),
    "gp_medication_orders": ("CLINICAL_EFFECTIVE_DATE", {"MEDICATION_ORDER_SOURCE_CONCEPT_ID": "773455007"}),
}  # fmt: skip
BOARD = SyntheticSettings(
    people=500, seed=11, start_date=date(2021, 4, 1), data_cut_date=NOW, delivery_dates=(THEN, NOW), defects={"enabled": False}
)  # fmt: skip
SETTINGS = {
    "deployment": "deliveries", "purpose": {"use": "planning", "approval": "Synthetic people", "approval_expires": "2099-12-31"},
    "source": {"kind": "nhs", "nhs": {}}, "engine": {"threads": 1},
}  # fmt: skip


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deliveries")
    write_board(BOARD, folder)
    return folder


@pytest.fixture(scope="module")
def then(deliveries: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return features_then(deliveries, tmp_path_factory.mktemp("then"), of_then)


def of_then(file: Path) -> bool:
    return str(NOW) not in file.name


def features_then(landing: Path, home: Path, keep: Callable[[Path], bool]) -> pd.DataFrame:
    """Take in the extracts that are kept and build last year's features, in order of person."""
    for file in landing.rglob("*.csv"):
        target = home / "landing" / file.relative_to(landing)
        if keep(file):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
    deployment = Deployment(Settings.model_validate(SETTINGS), home, home)
    for table in run_plan.raw_tables(deployment):
        landing_stage.ingest(deployment, table)
        assert not landing_stage.validate(deployment, table).broken
    for step in (organisations.conform_organisations, conforming.conform_areas, conforming.conform_objections, conforming.conform_people, conforming.conform_registrations,
                 conforming.conform_spells, conforming.conform_events, conforming.conform_coverage):  # fmt: skip
        step(deployment)
    building.build_features(deployment, THEN)
    return built_rows(deployment.lake).drop(columns="person_key").sort_values("person_id").reset_index(drop=True)


def test_last_years_deliveries_give_the_features_that_todays_give_for_last_year(
    deliveries: Path, then: pd.DataFrame, tmp_path: Path
) -> None:
    # An opt-out has no day: once it is made the person's records do not count at all. So the opt-outs are those of last year.
    since = tmp_path / "since"
    shutil.copytree(deliveries, since, ignore=shutil.ignore_patterns(f"opt_outs_{NOW}.csv"))
    for feed in RESTATED:
        restate(feed, since / feed / f"{feed}_{NOW}.csv")
    today = features_then(since, tmp_path / "today", keep=lambda file: True)
    assert Lake(tmp_path / "today" / "lake").rows("core__event_superseded") > 100
    assert today.columns.tolist() == then.columns.tolist()
    compared = [name for name in then if name not in LATEST]
    pd.testing.assert_frame_equal(today[compared], then[compared], check_exact=True)


def restate(feed: str, file: Path) -> None:
    """Let today's delivery lack some rows of the time before, and tell others of them otherwise."""
    day, changes = RESTATED[feed]
    rows = pd.read_csv(file, dtype=str, keep_default_na=False)
    old = rows.index[rows[day] < str(THEN)].to_series()
    changed = old.sample(frac=0.1, random_state=1)
    rows.loc[changed, list(changes)] = list(changes.values())
    lacking = old.drop(changed).sample(frac=0.04, random_state=2)
    rows.drop(lacking).to_csv(file, index=False)


def test_the_order_of_rows_their_files_and_the_pseudonyms_change_nothing(
    deliveries: Path, then: pd.DataFrame, tmp_path: Path
) -> None:
    for file in filter(of_then, deliveries.rglob("*.csv")):
        target = tmp_path / "other" / file.relative_to(deliveries)
        target.parent.mkdir(parents=True, exist_ok=True)
        if "reference" in file.parts:
            shutil.copy(file, target)
            continue
        rows = pd.read_csv(file, dtype=str, keep_default_na=False).sample(frac=1, random_state=3).map(renamed)
        for part in range(2):
            rows.iloc[part::2].to_csv(target.with_name(f"part{part}_{file.name}"), index=False)
    other = features_then(tmp_path / "other", tmp_path / "home", keep=lambda file: True)
    expected = then.assign(person_id=then["person_id"].map(renamed)).sort_values("person_id").reset_index(drop=True)
    pd.testing.assert_frame_equal(other, expected, check_exact=True)


def renamed(value: str) -> str:
    """Return another pseudonym with another place in the order; return any other value unchanged."""
    return f"P{hashlib.sha256(value.encode()).hexdigest()[:16]}" if PSEUDONYM.fullmatch(value) else value

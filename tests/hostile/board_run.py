"""Run a small ICB from its files to features and labels, and read the result of every person."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from hostile.lost_value_damages import DIED, LEFT, NOT_LISTED

from expectations.suppression import DEATH_NOT_READABLE, END_NOT_READABLE
from pipelines.lake.storage import Lake
from pipelines.run.deployment import Deployment, open_deployment
from pipelines.stages import building, conforming, landing, organisations, run_plan
from pipelines.validation.validate import validate_feed

NOW, PAST = date(2026, 1, 1), date(2024, 10, 1)
OBJECTS, OBJECTS_NATIONALLY = "type 1 opt-out", "national data opt-out"
# Limits that a few people of a tiny ICB would reach are off: one row fewer must not change what is covered.
CONFIG = """
deployment: a_board
purpose: {{use: planning, approval: DSA 12, approval_expires: 2099-12-31}}
source: {{kind: nhs, nhs: {{landing: landing, feeds: {{{feeds}}}}}}}
validation: {{limits: {{month_collapsed: 0.02, month_gap: 0}}}}
conform: {{coverage: {{partial_share: 0.01, absent_expected_rows: 1000000}}}}
"""
CONFORM = (
    organisations.conform_organisations, conforming.conform_areas, conforming.conform_objections, conforming.conform_people, conforming.conform_registrations,
    conforming.conform_spells, conforming.conform_events, conforming.conform_coverage, conforming.conform_linkage,
)  # fmt: skip
Values = dict[str, Any]
OF_OTHER_PEOPLE = (
    "practice_emergency_rate_365d",
    "area_emergency_rate_365d",
)  # rates of everyone in a place: a touched person changes them
NOT_COMPARED = ("person_key", *OF_OTHER_PEOPLE)


@contextmanager
def home_of(folder: Path) -> Iterator[Deployment]:
    """Open the deployment of a folder, with its home below it."""
    before = os.environ.get("STRATA_HOME")
    os.environ["STRATA_HOME"] = str(folder / "home")
    try:
        yield open_deployment(folder / "board.yaml")
    finally:
        if before is None:
            del os.environ["STRATA_HOME"]
        else:
            os.environ["STRATA_HOME"] = before


@dataclass(frozen=True)
class Result:
    """The tables of a finished run."""

    lake: Lake

    @cached_property
    def people(self) -> dict[str, list[Values]]:
        """Return the features of each person of a cohort on both dates, and the labels."""
        found: dict[str, list[Values]] = defaultdict(list)
        keys = {
            row["person_key"]: row["person_id"] for row in self.lake.read("core__person", "person_key, person_id").to_pylist()
        }
        for name, order in (("features__person", "person_id, index_date"), ("risk__labels", "person_key")):
            for row in self.lake.read(name, order=order).to_pylist():
                person = row.get("person_id") or keys[row["person_key"]]
                found[person].append({column: value for column, value in row.items() if column not in NOT_COMPARED})
        return found

    @cached_property
    def cohort(self) -> set[str]:
        """Return the people of the cohort of the latest date."""
        return set(self.lake.read("features__person", "person_id", f"index_date = DATE '{NOW}'")["person_id"].to_pylist())

    @cached_property
    def reasons(self) -> dict[str, set[str]]:
        """Return why each person is in no cohort, from the core tables."""
        found: dict[str, set[str]] = defaultdict(set)
        for row in self.lake.read("core__person").to_pylist():
            flags = {
                DIED: row["death_date"] is not None, DEATH_NOT_READABLE: row["death_not_readable"], OBJECTS: row["type_1_opt_out"],
                OBJECTS_NATIONALLY: row["national_data_opt_out"], NOT_LISTED: not row["on_list"], row["suppression"] or "": True,
            }  # fmt: skip
            found[row["person_id"]] |= {reason for reason, applies in flags.items() if applies and reason}
        keys = {
            row["person_id"]: row["person_key"] for row in self.lake.read("core__person", "person_key, person_id").to_pylist()
        }
        periods = self.lake.read("core__registration").to_pylist()
        unreadable = {row["person_key"] for row in periods if row["end_not_readable"]}
        open_now = {row["person_key"] for row in periods if row["end_date"] is None or row["end_date"] >= NOW}
        for person, key in keys.items():
            found[person] |= {END_NOT_READABLE} if key in unreadable else set()
            found[person] |= {LEFT} if key not in open_now else set()
        return found

    @cached_property
    def quarantine(self) -> list[Values]:
        columns = "table_name, file_name, row_number, column_name, reason, action"
        return self.lake.read("core__quarantine", columns).to_pylist()


def write_files(folder: Path, files: Mapping[str, bytes], config: str = "") -> None:
    """Write files of feeds, by path below the landing folder, and the configuration if it is not there."""
    for name, content in files.items():
        (folder / "landing" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "landing" / name).write_bytes(content)
    if config:
        (folder / "board.yaml").write_text(config)


def take_in(deployment: Deployment) -> None:
    """Ingest and validate what is new of every feed."""
    for table in run_plan.raw_tables(deployment):
        landing.ingest(deployment, table)
        with deployment.duckdb() as con:
            validate_feed(deployment.lake, con, table, run_plan.source(deployment).reading, deployment.settings.validation)


def build(deployment: Deployment) -> Result:
    """Build features of both dates and the labels of the earlier one, from core tables."""
    building.build_catalogue(deployment)
    for day in (NOW, PAST):
        building.build_features(deployment, day)
    building.build_labels(deployment, PAST)
    return Result(deployment.lake)


def run_board(folder: Path, files: Mapping[str, bytes], config: str) -> Result:
    """Run files in a new folder from ingest to labels."""
    write_files(folder, files, config)
    with home_of(folder) as deployment:
        take_in(deployment)
        for step in CONFORM:
            step(deployment)
        return build(deployment)

"""Random synthetic ICBs as an ICB sends them: two deliveries with restated rows, silent months, and births of which only the year is known."""

from __future__ import annotations

import csv
import random
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

from recount.raw_files import HOSPITAL, RULES, Row, deliveries

from pipelines.run.deployment import Deployment
from pipelines.run.settings import Settings
from pipelines.sources.synthetic.landing_files import write_board
from pipelines.sources.synthetic.settings import SyntheticSettings
from pipelines.stages import building, conforming, run_plan
from pipelines.stages import landing as landing_stage

THEN, NOW = date(2024, 7, 1), date(2025, 1, 1)
SETTINGS = {
    "deployment": "recount", "purpose": {"use": "planning", "approval": "Synthetic people", "approval_expires": "2099-12-31"},
    "source": {"kind": "nhs", "nhs": {}}, "engine": {"threads": 1},
    "validation": {"least_month_rows": 1_000_000},  # silent months are wanted: none stops the run
}  # fmt: skip
RESTATED = {
    "admissions": {"Spell_Primary_Diagnosis": "I500", "Admission_Method": "11"},
    "emergency_attendances": {"EC_Department_Type": "03"},
    "outpatient_appointments": {"Attendance_Status": "3"},
    "gp_observations": {"RESULT_VALUE": "77"},
    "gp_medication_orders": {"QUANTITY_VALUE": "29"},
}
NO_FACT = {
    "admissions": "Der_Provider_Site_Code",
    "outpatient_appointments": "First_Attendance",
}  # a change of it changes no fact


def landed_board(seed: int, home: Path) -> Deployment:
    """Write an ICB by a seed, alter its files at random, take it in and build its core tables."""
    landing, rng = home / "landing", random.Random(seed)
    settings = SyntheticSettings(
        people=600, seed=seed, start_date=date(2021, 4, 1), data_cut_date=NOW, delivery_dates=(THEN, NOW), defects={"enabled": False}
    )  # fmt: skip
    write_board(settings, home / "board")
    shutil.move(home / "board", landing)
    _alter(landing, rng)
    deployment = Deployment(Settings.model_validate(SETTINGS), home, home)
    for table in run_plan.raw_tables(deployment):
        landing_stage.ingest(deployment, table)
        assert not landing_stage.validate(deployment, table).broken
    for step in (conforming.conform_organisations, conforming.conform_areas, conforming.conform_objections, conforming.conform_people, conforming.conform_registrations,
                 conforming.conform_spells, conforming.conform_events, conforming.conform_coverage):  # fmt: skip
        step(deployment)
    return deployment


def build(deployment: Deployment, index: date) -> None:
    """Build the features of an index date."""
    building.build_features(deployment, index)


def _alter(landing: Path, rng: random.Random) -> None:
    _rewrite(
        landing,
        "patients",
        lambda rows, _: [row | ({"BIRTH_MONTH": ""} if _chance(row["PERSON_ID"], 0.05) else {}) for row in rows],
    )
    silent = {feed: _silent_months(landing, feed, rng) for feed in RULES}
    for feed, rules in RULES.items():

        def speaks(row: Row, feed: str = feed, day: str = rules.day, sender: str = rules.sender) -> bool:
            share = silent[feed].get((row[sender], row[day][:7]), 0.0)
            return not _chance(row[sender] + "|".join(row.values()), share)

        _rewrite(landing, feed, lambda rows, day, feed=feed, speaks=speaks: [
            _restated(feed, row, rng) if day == NOW else row for row in rows if speaks(row) and not (day == NOW and _is_lacking(feed, row))
        ])  # fmt: skip


def _silent_months(landing: Path, feed: str, rng: random.Random) -> dict[tuple[str, str], float]:
    """Return the share of the rows that some senders do not send in some months."""
    rules, rows = RULES[feed], deliveries(landing, feed)[-1][1]
    senders = sorted({row[rules.sender] for row in rows})
    found = {}
    for sender in rng.sample(senders, min(3 if feed in HOSPITAL else 2, len(senders))):
        begins, months, share = rng.randrange(2022 * 12, 2024 * 12 + 9), rng.choice((1, 2, 6)), rng.choice((1.0, 1.0, 0.8))
        found |= {(sender, f"{number // 12}-{number % 12 + 1:02d}"): share for number in range(begins, begins + months)}
    return found


def _restated(feed: str, row: Row, rng: random.Random) -> Row:
    """Let the last delivery state some rows otherwise, and some with another value that is no fact."""
    lottery = rng.random()
    if row[RULES[feed].day] >= str(THEN) or lottery > 0.15:
        return row
    if lottery > 0.1:
        return row | ({NO_FACT[feed]: _other(row[NO_FACT[feed]])} if feed in NO_FACT else {})
    return row | RESTATED[feed]


def _other(value: str) -> str:
    return f"{value[:-2]}02" if len(value) > 2 else "2"


def _is_lacking(feed: str, row: Row) -> bool:
    return row[RULES[feed].day] < str(THEN) and _chance("lacking" + "|".join(row[name] for name in RULES[feed].key), 0.03)


def _chance(text: str, share: float) -> bool:
    """Draw by the text itself, so that a row has the same fate in every delivery."""
    return random.Random(text).random() < share


def _rewrite(landing: Path, feed: str, rule: Callable[[list[Row], date], list[Row]]) -> None:
    for file in sorted((landing / feed).glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        names = list(rows[0])
        with file.open("w", encoding="utf-8", newline="") as lines:
            writer = csv.DictWriter(lines, names)
            writer.writeheader()
            writer.writerows(rule(rows, NOW if str(NOW) in file.name else THEN))

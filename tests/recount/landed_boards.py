"""Random synthetic ICBs as an ICB sends them: two deliveries with restated rows, silent months, and births of which only the year is known."""

from __future__ import annotations

import csv
import random
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

from recount.raw_files import DAY, HOSPITAL, RULES, Row, deliveries

from pipelines.run.deployment import Deployment
from pipelines.run.settings import Settings
from pipelines.sources.synthetic.landing_files import write_board
from pipelines.sources.synthetic.settings import SyntheticSettings
from pipelines.stages import building, conforming, organisations, run_plan
from pipelines.stages import landing as landing_stage

NOW = date(2025, 1, 1)
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
# A column of which a change is no change of a fact.
NO_FACT = {"admissions": "Der_Provider_Site_Code", "outpatient_appointments": "First_Attendance"}


@dataclass(frozen=True)
class Plan:
    """A random ICB: its seed, the day of its first delivery, and a feed without a second one."""

    seed: int
    then: date
    behind: str = ""


def landed_board(plan: Plan, home: Path) -> Deployment:
    """Write an ICB, alter its files at random, take it in and build its core tables."""
    settings = SyntheticSettings(
        people=600, seed=plan.seed, start_date=date(2021, 4, 1), data_cut_date=NOW, delivery_dates=(plan.then, NOW), defects={"enabled": False}
    )  # fmt: skip
    write_board(settings, home / "board")
    shutil.move(home / "board", home / "landing")
    _alter(home / "landing", plan)
    return take_in(home)


def take_in(home: Path) -> Deployment:
    """Take in the files of a landing folder and build its core tables."""
    deployment = Deployment(Settings.model_validate(SETTINGS), home, home)
    for table in run_plan.raw_tables(deployment):
        if table.feed == "actions":  # so few rows that chance can break a rule, and nothing here reads them
            continue
        landing_stage.ingest(deployment, table)
        broken = landing_stage.validate(deployment, table).broken
        assert not broken, (table.name, broken)
    for step in (organisations.conform_organisations, conforming.conform_areas, conforming.conform_objections, conforming.conform_people, conforming.conform_registrations,
                 conforming.conform_spells, conforming.conform_events, conforming.conform_coverage):  # fmt: skip
        step(deployment)
    return deployment


def build(deployment: Deployment, index: date) -> None:
    """Build the features of an index date."""
    building.build_features(deployment, index)


def _alter(landing: Path, plan: Plan) -> None:
    rng = random.Random(plan.seed)
    _rewrite(landing, "patients", lambda rows, _: [_without_month(row) for row in rows])
    for feed in RULES:
        silent = _silent_months(landing, feed, rng)
        _rewrite(landing, feed, partial(_sent, feed, silent, plan.then, rng))
    if plan.behind:
        next((landing / plan.behind).glob(f"*{NOW}*.csv")).unlink()


def _without_month(row: Row) -> Row:
    """Return the row of a person, for some without the month of birth."""
    return row | {"BIRTH_MONTH": ""} if _chance(row["PERSON_ID"], 0.05) else row


def _sent(
    feed: str, silent: Mapping[tuple[str, str], float], then: date, rng: random.Random, rows: list[Row], delivered: date
) -> list[Row]:
    """Return the rows that senders do send; the last delivery states some old rows otherwise and lacks others."""
    rules = RULES[feed]
    spoken = [
        row
        for row in rows
        if not _chance("|".join(row[name] for name in rules.key), silent.get((row[rules.sender], row[rules.day][:7]), 0.0))
    ]
    if delivered != NOW:
        return spoken
    old = [row for row in spoken if row[rules.day] < str(then)]
    lacking = {id(row) for row in old if _chance("lacking" + "|".join(row[name] for name in rules.key), 0.03)}
    return [_restated(feed, row, rng) if row[rules.day] < str(then) else row for row in spoken if id(row) not in lacking]


def _silent_months(landing: Path, feed: str, rng: random.Random) -> dict[tuple[str, str], float]:
    """Return the share of the rows that some senders do not send in some months."""
    rules, rows = RULES[feed], deliveries(landing, feed)[-1][1]
    senders = sorted({row[rules.sender] for row in rows})
    found: dict[tuple[str, str], float] = {}
    for place, sender in enumerate(rng.sample(senders, min(3 if feed in HOSPITAL else 2, len(senders)))):
        begins, months = rng.randrange(2022 * 12, 2024 * 12 + 9), rng.choice((1, 2, 6))
        share = 0.8 if place == 1 else 1.0
        found |= {(sender, f"{number // 12}-{number % 12 + 1:02d}"): share for number in range(begins, begins + months)}
    return found


def _restated(feed: str, row: Row, rng: random.Random) -> Row:
    """State some rows otherwise, and some with another value that is no fact."""
    lottery = rng.random()
    if lottery < 0.1:
        return row | RESTATED[feed]
    return row | {NO_FACT[feed]: _other(row[NO_FACT[feed]])} if feed in NO_FACT and lottery < 0.15 else row


def _other(value: str) -> str:
    return f"{value[:-2]}02" if len(value) > 2 else "2"


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
            writer.writerows(rule(rows, date.fromisoformat(DAY.search(file.name)[0])))  # type: ignore[index]

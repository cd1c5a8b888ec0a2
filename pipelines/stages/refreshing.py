"""Between two runs: people who died, objected, became confidential or left are removed from what readers see.

Only the feeds of the registered list and of objections are taken in, and no one is scored. What an interrupted refresh left
undone is done by the next one: the record of who is removed is written first, and everything else follows from it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from expectations.feeds import OBJECTION_FEEDS, PATIENTS, REGISTRATIONS
from expectations.table import Table
from expectations.tables.caseload import CASELOAD
from pipelines.errors import RefusalError, StrataError
from pipelines.extracts.extract_records import current_extracts
from pipelines.extracts.pseudonym_keys import refuse_half_rotated
from pipelines.lake.run_record import published_runs
from pipelines.lake.storage import Lake
from pipelines.reports.caseload.files import write_caseloads
from pipelines.run.deployment import Deployment
from pipelines.scoring.publication import refresh_current
from pipelines.scoring.removals import KnownTo, applied_deliveries, known_to, record_known, record_removals, removed_people
from pipelines.stages import conforming, landing, publishing, run_plan
from pipelines.stages.context import open_context
from pipelines.stages.declared import perform
from pipelines.stages.results import StageResult
from pipelines.stages.stage import Stage
from pipelines.validation.passed_lake import PassedLake

FEEDS_OF_EXCLUSIONS = (PATIENTS.name, REGISTRATIONS.name, *(feed.name for feed in OBJECTION_FEEDS))
CONFORM = (conforming.conform_objections, conforming.conform_people, conforming.conform_registrations)

_BETWEEN = re.compile(r"[<>,\"\s]+")  # what separates pseudonyms from other text in a page or CSV file


@dataclass
class Taken:
    """What was taken in, what was found in it, and why a feed could not be."""

    extracts: int = 0
    files_held: int = 0
    warned: str = ""
    stopped: dict[str, str] = field(default_factory=dict)

    @property
    def facts(self) -> dict[str, object]:
        """Return the facts that an operator sees: held files and warnings only where there are some."""
        held = {"files_held": self.files_held} if self.files_held else {}
        return {"new_extracts": self.extracts, **held, **({"warned": self.warned} if self.warned else {})}

    def add(self, facts: Mapping[str, Any]) -> None:
        """Add what a stage of a feed reports."""
        self.extracts += int(facts.get("new_extracts", 0))
        self.files_held += int(facts.get("files_held", 0))
        self.warned += str(facts.get("warned", ""))


def refresh_exclusions(deployment: Deployment) -> StageResult:
    """Take in the registered list and objections, and remove everyone who died, objected or left from what readers see.

    `refused` holds the reason for each feed whose delivery could not be used; what the other feeds say is done nevertheless.
    """
    tables = list_tables(deployment)
    if not tables:
        raise RefusalError("this source has no feed of the registered list or of objections, so there is nothing to refresh from")
    if not is_published(deployment):
        raise RefusalError("no run is published, so readers see no one. Run the pipeline first")
    refuse_half_rotated(deployment.lake)
    taken = take_in(deployment, tables)
    failed = _conform(deployment, tables, taken)
    removed = record_removals(deployment.lake) if failed is not None else {}
    applied = applied_days(deployment.lake, failed)
    for run in _current(deployment).values():
        refresh_current(deployment.lake, str(run["outcome"]))
    record_known(deployment.lake, applied)
    facts = {**taken.facts, "people_removed": sum(removed.values()), "removed_by_reason": removed}
    facts |= {"pages": _write_pages(deployment)}
    if deployment.settings.publish.postgres:
        facts |= publishing.follow_in_postgres(deployment).facts
    known = {"deaths_known_to": str(applied.deaths or "not known"), "objections_known_to": str(applied.objections or "not known")}
    return StageResult({**facts, **known}, refused=taken.stopped)


def list_tables(deployment: Deployment) -> tuple[Table, ...]:
    """Return the raw tables of the feeds that a refresh takes in."""
    if not run_plan.has_core_tables(deployment):
        return ()
    return tuple(table for table in run_plan.raw_tables(deployment) if table.feed in FEEDS_OF_EXCLUSIONS)


def landed_lists_digest(deployment: Deployment) -> str:
    """Return a digest of names, sizes and times of the files of the registered list and of objections that have landed."""
    return " ".join(run_plan.landed_files_digest(deployment, table.feed) for table in list_tables(deployment))


def is_published(deployment: Deployment) -> bool:
    """Return whether readers see a run."""
    return bool(_current(deployment))


def _current(deployment: Deployment) -> dict[str, dict[str, object]]:
    """Return the latest published run of each study's outcome."""
    outcomes = [study.settings.study.outcome.name for study in deployment.studies]
    return {outcome: runs[-1] for outcome in outcomes if (runs := published_runs(deployment.lake, outcome))}


def take_in(deployment: Deployment, tables: tuple[Table, ...]) -> Taken:
    """Take in and validate each feed by itself; one that is stopped keeps no other from being used.

    A feed whose latest delivery is far ahead of the other feeds is not taken in: people would be removed as of a wrong day.
    """
    taken, ahead = Taken(), run_plan.feeds_far_ahead(deployment)
    for table in tables:
        if table.feed in ahead:
            taken.stopped[table.feed] = _far_ahead_words(deployment, *ahead[table.feed])
            continue
        try:
            taken.add(landing.ingest(deployment, table).facts)
            found = _validate(deployment, table, taken)
            taken.add(found.facts)
            if found.broken:
                taken.stopped[table.feed] = found.broken
        except StrataError as error:
            taken.stopped[table.feed] = str(error)
    return taken


def _far_ahead_words(deployment: Deployment, day: date, path: str) -> str:
    days = deployment.settings.schedule.far_ahead_days
    return (
        f"{path}: the delivery date {day} is more than {days} days ahead of the other feeds, so the feed was not taken in. Correct the date in the "
        f"file's name. If it is right, deliver the other feeds, or set schedule.far_ahead_days to more than {days}"
    )


def _validate(deployment: Deployment, table: Table, taken: Taken) -> StageResult:
    """Validate a feed; births are looked up in the delivery of the list that passed, where the latest was stopped."""
    stage = landing.suite_stage(table)
    context = open_context(deployment, stage)
    return stage.work(replace(context, lake=PassedLake(context.lake.root, taken.stopped)) if taken.stopped else context)


def applied_days(lake: Lake, failed: frozenset[str] | None) -> KnownTo:
    """Return up to when deaths and objections are known, where some stages `failed` or, with None, nothing was done.

    What a stage did not apply stays known up to the day that was recorded before.
    """
    before, now = known_to(lake) or KnownTo(), applied_deliveries(lake)
    people, objections = conforming.conform_people.name, conforming.conform_objections.name
    if failed is None or people in failed:
        return before
    return KnownTo(now.deaths, before.objections if objections in failed else now.objections)


def _conform(deployment: Deployment, tables: tuple[Table, ...], taken: Taken) -> frozenset[str] | None:
    """Bring objections, deaths and registrations up to the deliveries that passed.

    Return the names of the stages that failed, or None where a feed has no such delivery and nothing was done.
    """
    lake = PassedLake(deployment.lake.root)
    stored = run_plan.raw_tables(deployment)
    unusable = [
        one.feed for one in tables if current_extracts(deployment.lake, one.feed) and not current_extracts(lake, one.feed)
    ]
    if unusable:
        taken.stopped.setdefault(unusable[0], f"no delivery of {', '.join(unusable)} has passed validation; nothing was removed")
        return None
    waits = any(current_extracts(deployment.lake, one.feed) != current_extracts(lake, one.feed) for one in stored)
    failed: set[str] = set()
    for stage in CONFORM:
        try:
            _without_what_waits(deployment, stage) if waits else perform(deployment, stage)
        except StrataError as error:
            taken.stopped[stage.name] = str(error)
            failed.add(stage.name)
    if broken := conforming.check_objections(deployment).broken:
        taken.stopped[conforming.check_objections.name] = broken
    return frozenset(failed)


def _without_what_waits(deployment: Deployment, stage: Stage) -> None:
    """Do a stage's work as if the deliveries that did not pass had not arrived. A later run does the stage again."""
    stage.work(replace(open_context(deployment, stage), lake=PassedLake(deployment.lake.root)))


def _write_pages(deployment: Deployment) -> int:
    """Write the pages of the current runs that are there again, and delete others that name someone who was removed."""
    folder, written = deployment.reports / "caseloads", set[Path]()
    for study in deployment.studies:
        caseloads = study.settings.study.caseloads
        for run in _current(study).values():
            if deployment.lake.rows(CASELOAD.name, {"run_id": str(run["run_id"])}):
                only_again = not caseloads.write_pages
                written |= set(write_caseloads(deployment.lake, run, folder, caseloads.leave_out, only_again=only_again))
    removed = set(removed_people(deployment.lake))
    for path in sorted({path for path in folder.glob("*") if path.is_file()} - written) if removed else ():
        if removed & set(_BETWEEN.split(path.read_text(encoding="utf-8", errors="ignore"))):
            path.unlink()
    return len(written)

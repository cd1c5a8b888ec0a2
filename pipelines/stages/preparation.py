"""What must hold before a run begins."""

from __future__ import annotations

from datetime import date

from pipelines.building.spark_engine import check_spark
from pipelines.errors import RefusalError
from pipelines.extracts.extract_records import read_extracts
from pipelines.extracts.pseudonym_keys import refuse_half_rotated
from pipelines.extracts.retained import kept_days
from pipelines.run.deployment import Deployment
from pipelines.sources.extract_files import find_extracts
from pipelines.stages import run_plan
from pipelines.stages.decisions_in_settings import import_decisions
from pipelines.stages.delivery_dates import refuse_future_extracts, today_in_london
from pipelines.stages.input_paths import check_code_lists, check_feeds, check_outcomes, check_paths
from pipelines.upkeep.disk import bytes_needed, check_room


def prepare(deployment: Deployment, today: date | None = None) -> None:
    """Refuse what must not begin: an expired approval, a full disk, inputs that are not there or dated after today."""
    purpose = deployment.settings.purpose
    day = today or today_in_london()
    if purpose.approval_expires < day:
        raise RefusalError(
            f"the approval '{purpose.approval}' expired on {purpose.approval_expires}: nothing was run. "
            "Renew it and set purpose.approval_expires"
        )
    check_paths(deployment.settings, deployment.folder)
    check_code_lists(deployment.settings, deployment.folder)
    if deployment.settings.engine.kind == "spark":
        check_spark()
    run_plan.refuse_future_dates(deployment, day)
    _refuse_future_extracts(deployment, day)
    run_plan.refuse_deliveries_far_ahead(deployment, day)
    deployment.lake.root.mkdir(parents=True, exist_ok=True)
    refuse_half_rotated(deployment.lake)
    check_feeds(deployment.settings, run_plan.source(deployment), deployment.lake)
    run_plan.refuse_late(deployment, day)
    check_outcomes(deployment.settings)
    run_plan.refuse_contradictory_dates(deployment, day)
    run_plan.refuse_earlier_date(deployment, day)
    needed = bytes_needed(deployment.lake, _new_extract_bytes(deployment, day))
    check_room(deployment.home, needed, deployment.settings.upkeep.free_disk_gb)
    import_decisions(deployment, day)


def _refuse_future_extracts(deployment: Deployment, today: date) -> None:
    opened = run_plan.source(deployment)
    if opened.correct_date is not None:
        rows = [row for table in opened.tables for row in read_extracts(deployment.lake, table.feed)]
        refuse_future_extracts([(row.path, row.extract_date) for row in rows], today)


def _new_extract_bytes(deployment: Deployment, today: date) -> int:
    """Return the size of the files that have landed and were not taken in, by their names and sizes."""
    opened, total = run_plan.source(deployment), 0
    for table in opened.tables:
        known = {(row.path, row.bytes) for row in read_extracts(deployment.lake, table.feed)}
        landed = find_extracts(table.feed, opened.reading.feeds[table.feed], opened.landing)
        kept = kept_days(table.feed, (file.extract_date for file in landed), run_plan.oldest_kept_delivery(deployment, today))
        new = [file for file in landed if file.extract_date in kept and (file.path, file.file.stat().st_size) not in known]
        total += sum(file.file.stat().st_size for file in new)
    return total

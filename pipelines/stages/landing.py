"""From files to validated raw tables."""

from __future__ import annotations

from functools import cache, partial

import pandas as pd

from expectations.table import Table
from expectations.tables import core
from expectations.tables.core_places import ORGANISATION_LINE
from expectations.tables.records import ERASURES, EXTRACTS, PSEUDONYM_KEYS, VALIDATED_EXTRACTS, VALIDATION
from expectations.tables.risk import VOLUMES
from pipelines.errors import RefusalError, ValidationStop
from pipelines.extracts.extract_records import read_extracts
from pipelines.extracts.held_files import held_files
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.decision_record import ACCEPTED_BREACH, LATE_DELIVERY
from pipelines.reference.stored_lines import stored_lines
from pipelines.reports.data_docs import data_docs
from pipelines.reports.validation_page import write_validation_page
from pipelines.run.deployment import Deployment
from pipelines.sources.extract_files import find_extracts
from pipelines.sources.synthetic.landing_files import board_is_there, write_board
from pipelines.sources.synthetic.real_areas import areas_of_icb, practices_of_icb, published_list_sizes
from pipelines.stages import run_plan
from pipelines.stages.context import StageContext
from pipelines.stages.delivery_dates import accepted_late, held_words, refuse_future_deliveries, today_in_london
from pipelines.stages.outside import OutsideInput
from pipelines.stages.presence import has_core, has_synthetic_board
from pipelines.stages.results import StageResult
from pipelines.stages.stage import ALL_FEEDS, Check, Stage, stage
from pipelines.upkeep.retention import oldest_delivery
from pipelines.validation import volumes
from pipelines.validation.validate import looks_up_births, validate_feed
from pipelines.validation.validation_settings import RULE_SETTINGS

BOARD = "synthetic_board"
LIST_FEED = "patients"
SUITE = "suite"


@stage(
    name=BOARD,
    settings=("source.synthetic", "study.imd_edition"),
    outside=(OutsideInput.REFERENCE_FILES,),
    changes=(OutsideInput.LANDED_EXTRACTS, OutsideInput.REFERENCE_FILES),
    group="landing",
    kind="file",
    exists=has_synthetic_board,
)
def write_synthetic_board(context: StageContext) -> StageResult:
    """Write a complete synthetic ICB as NHS extracts, unless this very ICB is there already."""
    settings, landing = context.settings.source.synthetic, context.machine.landing
    if settings is None:
        raise RefusalError("this deployment has no synthetic board")
    if board_is_there(settings, landing):
        return StageResult(message="there already")
    if settings.icb is None:
        written = write_board(settings, landing)
    else:
        reference = context.outside.reference_of_the_settings
        areas = areas_of_icb(reference, settings.icb, context.settings.study.imd_edition)
        written = write_board(settings, landing, areas, practices_of_icb(reference, settings.icb))
    counts = {"people": written.people, "practices": written.practices, "areas": written.areas}
    return StageResult({**counts, "rows": sum(written.rows.values())})


def raw_stage(table: Table, first: Table) -> Stage:
    """Return the stage that takes in a feed. The others wait for the first one, in which births and organisations are looked up."""
    return Stage(
        partial(_ingest, table=table),
        table.name,
        "Take in a feed's new extracts.",
        writes=(table,),
        adds_to=(EXTRACTS, core.QUARANTINE, core.UNREAD_LINE, PSEUDONYM_KEYS),
        reads_earlier=(EXTRACTS, PSEUDONYM_KEYS, ERASURES, core.UNREAD_LINE),
        settings=("source", "study.validation.split_column", "upkeep.extract_months"),
        decisions=(LATE_DELIVERY,),
        outside=(OutsideInput.LANDED_EXTRACTS, OutsideInput.DATA_CUT, OutsideInput.PSEUDONYM_KEYS),
        follows=(BOARD, first.name),
        feed=table.feed,
    )


def suite_stage(table: Table) -> Stage:
    """Return the stage that validates a feed: the suite of its raw table, a check that blocks."""
    is_list = table.feed == LIST_FEED
    return Stage(
        partial(_validate, table=table),
        f"{table.name} {SUITE}",
        "Validate a feed's new extracts and write the page of the findings.",
        adds_to=(VALIDATED_EXTRACTS, core.QUARANTINE, VALIDATION),
        reads=(table, ORGANISATION_LINE),
        feeds=(LIST_FEED,) if looks_up_births(table) else (),
        reads_earlier=(EXTRACTS, VALIDATED_EXTRACTS, core.QUARANTINE, VALIDATION),
        settings=("source", "study.validation.split_column", *(f"validation.{name}" for name in RULE_SETTINGS)),
        decisions=(ACCEPTED_BREACH,),
        outside=(OutsideInput.REFERENCE_FILES,) if is_list else (),
        check=Check(SUITE, table, f"The Great Expectations suite of {table.name}."),
        feed=table.feed,
    )


@cache
def feed_stages(deployment: Deployment) -> tuple[Stage, ...]:
    """Return the stages of each feed of a deployment: its raw table, then its suite."""
    tables = run_plan.raw_tables(deployment)
    return tuple(made for table in tables for made in (raw_stage(table, tables[0]), suite_stage(table)))


def ingest(deployment: Deployment, table: Table) -> StageResult:
    """Take in a feed's new extracts."""
    return raw_stage(table, table)(deployment)


def validate(deployment: Deployment, table: Table) -> StageResult:
    """Validate a feed's new extracts."""
    return suite_stage(table)(deployment)


def _ingest(context: StageContext, table: Table) -> StageResult:
    opened = context.source
    months = context.settings.upkeep.extract_months
    oldest = oldest_delivery(months, context.outside.data_cut) if months else None
    landed = find_extracts(table.feed, opened.reading.feeds[table.feed], opened.landing)
    if opened.correct_date is not None:  # also for a file that landed after the run began
        refuse_future_deliveries(landed, today_in_london(), opened.correct_date)
    known, encoding = read_extracts(context.lake, table.feed), opened.reading.feeds[table.feed].encoding
    late = accepted_late(context.lake, table.feed, lambda: held_files(table, landed, known, encoding))
    with context.machine.duckdb() as con:
        taken = ingest_feed(context.lake, con, table, opened.reading, opened.landing, opened.folder, oldest, late)
    held = {"files_held": len(taken.held), "warned": held_words(table.feed, taken.held)} if taken.held else {}
    if not taken.new:
        return StageResult({"files": taken.files, **held}, message="nothing new")
    counts = {"files": taken.files, "new_extracts": len(taken.new), "new_rows": taken.rows}
    return StageResult({**counts, "rows_unreadable": taken.rows_unreadable, **held})


def _list_sizes_by_line(context: StageContext) -> pd.DataFrame | None:
    """Return the published list sizes of practices (`published_list_sizes`), with the codes of a line summed."""
    sizes = published_list_sizes(context.outside.reference)
    if sizes is None:
        return None
    line = sizes["practice_code"].map(stored_lines(context.lake).first_code)
    return (
        sizes.assign(practice_code=line).groupby("practice_code", as_index=False).agg({"patients": "sum", "extract_date": "max"})
    )


def _validate(context: StageContext, table: Table) -> StageResult:
    reports = context.machine.reports
    lists = _list_sizes_by_line(context) if table.feed == LIST_FEED else None
    try:
        with context.machine.duckdb() as con:
            found = validate_feed(
                context.lake,
                con,
                table,
                context.source.reading,
                context.settings.validation.rules,
                published_lists=lists,
                docs=data_docs(reports / "data_docs"),
            )
    except ValidationStop as stop:
        write_validation_page(context.lake, reports / "validation.html")
        return StageResult(broken=str(stop))
    write_validation_page(context.lake, reports / "validation.html")
    if not found.deliveries:
        return StageResult(message="nothing new to validate")
    return StageResult(
        {
            "rows": found.rows,
            "set_aside": found.rows_set_aside,
            "warnings": len(found.warnings),
            "warned": "".join(f"* {breach.words}\n" for breach in found.warnings),
            "rows_by_broken_rule": {name: count for name, count in found.broken.most_common() if count},
        }
    )


@stage([core.QUARANTINE, VALIDATION], reads_earlier=(core.QUARANTINE,), feeds=ALL_FEEDS)
def count_quarantine(context: StageContext) -> StageResult:
    """Count the quarantined rows by action."""
    lake = context.lake
    if not lake.exists(core.QUARANTINE.name):
        return StageResult({"rows": 0})
    rows = lake.read(core.QUARANTINE.name, "action, count(*) AS n", "true GROUP BY action", "action").to_pylist()
    return StageResult({row["action"]: row["n"] for row in rows})


@stage([VOLUMES], feeds=ALL_FEEDS, settings=("source",), exists=has_core)
def count_volumes(context: StageContext) -> StageResult:
    """Count rows by feed, organisation and month in the latest deliveries and the ones before."""
    with context.machine.duckdb() as con:
        rows = volumes.write_volumes(context.lake, con, context.source.tables)
    return StageResult({"rows": rows})


STAGES: tuple[Stage, ...] = (count_quarantine, count_volumes)  # after those of the feeds

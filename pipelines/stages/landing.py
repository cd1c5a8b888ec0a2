"""From files to validated raw tables."""

from __future__ import annotations

from typing import Any

from expectations.feeds import LIST_FEED
from expectations.table import Table
from expectations.tables import core
from pipelines.errors import RefusalError, ValidationStop
from pipelines.extracts import ingest as ingest_stage
from pipelines.reference.files import Reference
from pipelines.reports.data_docs import data_docs
from pipelines.reports.validation_page import write_validation_page
from pipelines.run.deployment import Deployment
from pipelines.sources.synthetic.landing_files import board_is_there, write_board
from pipelines.sources.synthetic.real_areas import areas_of_icb, practices_of_icb, published_list_sizes
from pipelines.stages.run_plan import oldest_kept_delivery, source
from pipelines.stages.stage_inputs import reference
from pipelines.validation import volumes
from pipelines.validation.validate import validate_feed

Summary = dict[str, Any]


def write_synthetic_board(deployment: Deployment) -> Summary:
    """Write the synthetic board into the landing folder, unless this very board is there."""
    settings = deployment.settings.source.synthetic
    if settings is None:
        raise RefusalError("this deployment has no synthetic board")
    if board_is_there(settings, deployment.landing):
        return {"status": "there already"}
    if settings.icb is None:
        written = write_board(settings, deployment.landing)
    else:
        given = Reference(deployment.settings.reference, deployment.folder, deployment.landing / "fetched")
        areas = areas_of_icb(given, settings.icb, deployment.settings.study.imd_edition)
        written = write_board(settings, deployment.landing, areas, practices_of_icb(given, settings.icb))
    return {"people": written.people, "practices": written.practices, "areas": written.areas, "rows": sum(written.rows.values())}


def ingest(deployment: Deployment, table: Table) -> Summary:
    """Take in a feed's new extracts."""
    opened = source(deployment)
    with deployment.duckdb() as con:
        taken = ingest_stage.ingest_feed(
            deployment.lake, con, table, opened.reading, opened.landing, opened.folder, oldest_kept_delivery(deployment)
        )
    if not taken.new:
        return {"files": taken.files, "status": "nothing new"}
    return {
        "files": taken.files,
        "new_extracts": len(taken.new),
        "new_rows": taken.rows,
        "rows_unreadable": taken.rows_unreadable,
    }


def validate(deployment: Deployment, table: Table) -> Summary:
    """Validate a feed's new extracts and write the page of what was found; `broken` holds the rules that stop, in words."""
    opened = source(deployment)
    lists = published_list_sizes(reference(deployment)) if table.feed == LIST_FEED else None
    with deployment.duckdb() as con:
        try:
            found = validate_feed(
                deployment.lake,
                con,
                table,
                opened.reading,
                deployment.settings.validation,
                published_lists=lists,
                docs=data_docs(deployment.reports / "data_docs"),
            )
        except ValidationStop as stop:
            write_validation_page(deployment.lake, deployment.reports / "validation.html")
            return {"broken": str(stop)}
    write_validation_page(deployment.lake, deployment.reports / "validation.html")
    if not found.deliveries:
        return {"status": "nothing new to validate"}
    return {
        "rows": found.rows,
        "set_aside": found.rows_set_aside,
        "warnings": len(found.warnings),
        "warned": "".join(f"* {breach.words}\n" for breach in found.warnings),
        "rows_by_broken_rule": {name: count for name, count in found.broken.most_common() if count},
    }


def count_quarantine(deployment: Deployment) -> Summary:
    """Count the quarantined rows by action."""
    lake = deployment.lake
    if not lake.exists(core.QUARANTINE.name):
        return {"rows": 0}
    found = lake.read(core.QUARANTINE.name, "action, count(*) AS n", "true GROUP BY action", "action").to_pylist()
    return {row["action"]: row["n"] for row in found}


def count_volumes(deployment: Deployment) -> Summary:
    """Count rows by feed, organisation and month in the latest deliveries and the ones before."""
    opened = source(deployment)
    with deployment.duckdb() as con:
        rows = volumes.write_volumes(deployment.lake, con, opened.tables)
    return {"rows": rows}

"""Organisations and their lines of succession, which every later stage reads its rows by."""

from __future__ import annotations

from datetime import date

import duckdb
import pandas as pd

from expectations.feeds import EVENT_FEEDS, FEEDS
from expectations.sql_values import quote
from expectations.tables import core, core_places
from pipelines.conform import areas_and_organisations
from pipelines.conform.silent_senders import LIST, check_silent_senders, renamed_on_one_side, silent_senders
from pipelines.conform.volumes import list_sizes_sql
from pipelines.lake.storage import Lake
from pipelines.stages.context import StageContext
from pipelines.stages.landing import BOARD
from pipelines.stages.outside import OutsideInput
from pipelines.stages.presence import has_core
from pipelines.stages.results import StageResult
from pipelines.stages.stage import Check, stage


@stage(
    [
        core_places.ORGANISATION,
        core_places.ORGANISATION_RELATION,
        core_places.ORGANISATION_SUCCESSION,
        core_places.ORGANISATION_LINE,
    ],
    outside=(OutsideInput.REFERENCE_FILES,),
    follows=(BOARD,),
    exists=has_core,
)
def conform_organisations(context: StageContext) -> StageResult:
    """Write the organisation tables from the reference files, before the rows of any feed are read."""
    return StageResult(areas_and_organisations.conform_organisations(context.lake, context.outside.reference))


@stage(
    name="organisations followed",
    reads=(core.COVERAGE, core.REGISTRATION, core_places.ORGANISATION_SUCCESSION),
    settings=("conform.silent_senders",),
    outside=(OutsideInput.DATA_CUT,),
    check=Check(
        "organisations_followed",
        core.COVERAGE,
        "Refuse to go on where an organisation may have changed its code and no succession is declared.",
    ),
    exists=has_core,
)
def check_organisations(context: StageContext) -> StageResult:
    """Check that no large organisation falls silent while an unknown code appears."""
    lake = context.lake
    successions = lake.read(core_places.ORGANISATION_SUCCESSION.name, "from_code, to_code").to_pandas()
    declared = {str(code) for name in successions for code in successions[name].dropna()}
    with context.machine.duckdb() as con:
        counts = _counts(lake, con, context.outside.data_cut)
    settings = context.settings.conform.silent_senders
    of_practices = counts[counts["feed"].isin([LIST, *(feed for feed in EVENT_FEEDS if FEEDS[feed].is_sent_by_practices)])]
    one_sided = renamed_on_one_side(of_practices, declared, settings)
    check_silent_senders([*silent_senders(counts, declared, settings), *one_sided])
    return StageResult({"months": counts["month"].nunique(), "organisations": counts["organisation_code"].nunique()})


def _counts(lake: Lake, con: duckdb.DuckDBPyConnection, data_cut: date) -> pd.DataFrame:
    """Count the rows of each feed by sender and complete month, and the people on the list of each practice on the first day of months."""
    by_feed = [(feed, "practice" if FEEDS[feed].is_sent_by_practices else "provider") for feed in EVENT_FEEDS]
    senders = ", ".join(f"({quote(feed)}, {quote(role)})" for feed, role in by_feed)
    rows = lake.read(
        core.COVERAGE.name, "feed, organisation_code, month, rows", f"(feed, organisation_role) IN ({senders})"
    ).to_pandas()
    first = min(rows["month"], default=data_cut)
    lists = con.execute(list_sizes_sql(lake.scan(core.REGISTRATION.name), pd.Timestamp(first).date(), data_cut)).df()
    lists = lists.rename(columns={"practice_code": "organisation_code", "people": "rows"}).assign(feed=LIST)
    return pd.concat([rows, lists], ignore_index=True).assign(month=lambda counts: pd.to_datetime(counts["month"]))

"""The part of a summary about data: extracts, the cohort, what is absent, rows that broke a rule, warnings and features."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType

from expectations.catalogue import RAW_TABLES
from expectations.feeds import LIST_FEED, OBJECTION_FEEDS
from expectations.sql_values import quote_all
from expectations.tables import core, core_places, risk
from expectations.tables.features import CATALOGUE
from expectations.tables.records import EXTRACTS, VALIDATION
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.run_record import extracts_read
from pipelines.lake.storage import Lake
from pipelines.reports.labels import label
from pipelines.reports.terminal import Rows, item, paragraph, section, table
from pipelines.reports.validation_page import ACTIONS
from pipelines.run.deployment import Deployment

MOST_WARNINGS = 25
EDITIONS = ("2019", "2025")  # of the deprivation index


def query_rows(query: str) -> Rows:
    """Return the rows of a query on tables of the lake."""
    with connect() as con:
        return con.sql(query).to_arrow_table().to_pylist()


def row_name(deployment: Deployment) -> str:
    """Return what a row of the cohort is: people, or index events of a person."""
    per_person = deployment.settings.source.chosen.is_conformed and deployment.settings.study.cohort.one_date_for_all
    return "People" if per_person else "Index events"


def extract_lines(lake: Lake) -> Iterator[RenderableType]:
    """Yield the extracts by feed."""
    if not lake.exists(EXTRACTS.name):
        return
    rows = query_rows(
        "SELECT feed, count(*) AS extracts, max(extract_date)::VARCHAR AS latest, sum(rows)::BIGINT AS rows, "
        f"sum(rows_unreadable)::BIGINT AS unreadable FROM {lake.scan(EXTRACTS.name)} GROUP BY feed ORDER BY feed"
    )
    columns = {"feed": "Feed", "extracts": "Extracts", "latest": "Latest", "rows": "Rows", "unreadable": "Unreadable rows"}
    yield table([{**row, "feed": label(str(row["feed"]))} for row in rows], columns)


def cohort_lines(deployment: Deployment) -> Iterator[RenderableType]:
    """Yield the number of people, events and spells, and the steps from everyone to the latest cohort."""
    lake = deployment.lake
    if lake.exists(core.PERSON.name):
        people = query_rows(f"SELECT count(*) AS n, count(*) FILTER (on_list) AS listed FROM {lake.scan(core.PERSON.name)}")[0]
        yield paragraph(
            f"People: {people['n']:,}, of whom {people['listed']:,} are on the registered list. "
            f"Events: {lake.rows(core.EVENT.name):,}. Hospital spells: {lake.rows(core.SPELL.name):,}."
        )
    columns = "index_date::VARCHAR AS index_date, reason, people"
    rows = lake.read_or_empty(risk.COHORT_FLOW, columns, order="index_date, step").to_pylist()
    if rows:
        latest = rows[-1]["index_date"]
        yield section(f"Cohort of {latest}")
        steps = [{**row, "reason": row["reason"][:1].upper() + row["reason"][1:]} for row in rows]
        steps = [row for row in steps if row["index_date"] == latest and row["people"]]
        yield table(steps, {"reason": "Step", "people": row_name(deployment)})


def absent_lines(deployment: Deployment, with_reference: bool = True) -> Iterator[RenderableType]:
    """Yield what is not computed because a feed or a reference file is absent."""
    source = deployment.settings.source.chosen
    if not source.has_optional_feeds:
        return
    lines = [*_absent_feeds(deployment, source.has_list)]
    if with_reference:
        lines += _absent_reference(deployment.lake)
    if not source.has_list:
        lines.append(
            f"The feed '{LIST_FEED}' is not configured. Without the registered list there are no features, labels, models or scores, "
            "and the run ends with the core tables."
        )
    if lines:
        yield section("Not available")
        yield from map(item, lines)


def _absent_feeds(deployment: Deployment, has_list: bool) -> Iterator[str]:
    read = set(extracts_read(deployment.lake))
    parts = {feed.name for feed in OBJECTION_FEEDS}  # one feed may bring what the others would
    absent = sorted(set(RAW_TABLES) - read - (parts if read & parts else set()))
    if absent:
        yield f"Feeds without an extract: {', '.join(absent)}. Strata does not compute what needs them."
    if {feed.name for feed in OBJECTION_FEEDS} <= set(absent) and has_list:
        yield "Without a feed of objections no one is excluded for an objection: the extracts must come without the people who objected."


def _absent_reference(lake: Lake) -> list[str]:
    """Return the columns of core__area that no area has, of the editions in the reference files."""
    if not lake.rows(core_places.AREA.name):
        return ["There are no reference files for areas, so deprivation is not known."]
    filled = _filled_columns(lake)
    editions = {edition for edition in EDITIONS if filled[f"imd_{edition}_decile"]}
    absent = [name for name, count in filled.items() if not count and _is_expected(name, editions)]
    absent += [f"the {edition} edition" for edition in EDITIONS if edition not in editions]
    return [f"The reference files do not include: {', '.join(absent)}."] if absent else []


def _filled_columns(lake: Lake) -> dict[str, int]:
    """Return the number of areas that have each column of core__area."""
    names = [column.name for column in core_places.AREA.columns if column.nullable and column.name != "imd_reason"]
    counts = ", ".join(f"count({name}) AS {name}" for name in names)
    row = query_rows(f"SELECT {counts} FROM {lake.scan(core_places.AREA.name)}")[0]
    return {name: int(str(row[name])) for name in names}


def _is_expected(name: str, editions: set[str]) -> bool:
    """Return whether a column belongs to an edition that is there, or to no edition."""
    return bool(editions & set(name.split("_"))) or "20" not in name


def quarantine_lines(lake: Lake) -> Iterator[RenderableType]:
    """Yield the rows that broke a rule, by reason and by what was done."""
    if not lake.exists(core.QUARANTINE.name):
        return
    rows = query_rows(
        f"SELECT action, reason, count(*) AS rows FROM {lake.scan(core.QUARANTINE.name)} "
        "GROUP BY ALL ORDER BY action DESC, rows DESC, reason"
    )
    yield section("Rows that broke a rule")
    readable = [
        {
            "action": ACTIONS.get(str(row["action"]), label(str(row["action"]))),
            "reason": label(str(row["reason"])),
            "rows": row["rows"],
        }
        for row in rows
    ]
    yield table(readable, {"action": "What was done", "reason": "Reason", "rows": "Rows"})


def warning_lines(lake: Lake) -> Iterator[RenderableType]:
    """Yield the warnings about whole deliveries."""
    where, order = "severity = 'warn' AND note <> ''", "feed, rule, organisation_code, month"
    rows = lake.read_or_empty(VALIDATION, "feed, note", where, order).to_pylist()
    if not rows:
        return
    yield section("Warnings about deliveries")
    yield from (item(f"{label(row['feed'])}: {row['note']}") for row in rows[:MOST_WARNINGS])
    if len(rows) > MOST_WARNINGS:
        yield paragraph(f"and {len(rows) - MOST_WARNINGS} more: see the page on data quality", indent=4)


def feature_lines(deployment: Deployment) -> Iterator[RenderableType]:
    """Yield how many features are computed, and why others are not."""
    lake = deployment.lake
    if not lake.exists(CATALOGUE.name):
        return
    scan = lake.scan(CATALOGUE.name)
    never = quote_all(deployment.settings.source.chosen.feeds_it_never_has)
    rows = query_rows(
        "SELECT reason, count(*) AS features, array_to_string(list(name ORDER BY name)[:3], ', ') AS examples "
        f"FROM {scan} WHERE status <> 'computed' AND NOT list_has_any(string_split(feed, ', '), [{never}]) GROUP BY ALL ORDER BY ALL"
    )
    computed = query_rows(f"SELECT count(*) AS n FROM {scan} WHERE status = 'computed'")[0]["n"]
    yield section(f"Features: {computed} computed" + (", and not computed:" if rows else ""))
    if rows:
        yield table(rows, {"reason": "Reason", "features": "Features", "examples": "Examples"})

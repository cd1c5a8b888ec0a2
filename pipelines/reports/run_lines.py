"""The part of a summary about an outcome's latest published run: scores, lists, risk bands and who has the highest risks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType

from expectations.tables import risk
from expectations.tables.caseload import CASELOAD, EXCLUSIONS, RISING
from expectations.tables.features import PERSON_FEATURES
from pipelines.caseloads.place_caseloads import PLACES
from pipelines.lake.run_record import published_runs
from pipelines.lake.storage import Lake
from pipelines.reports.data_lines import query_rows, row_name
from pipelines.reports.labels import known_to_words, label
from pipelines.reports.terminal import paragraph, section, table
from pipelines.run.deployment import Deployment
from pipelines.scoring.removals import known_to

AUDIT_GROUPS = ("ethnic_group", "age_band", "sex_name")
TOP = "risk_percentile > 95"
NO_ONE = "no one"


def run_lines(deployment: Deployment, outcome: str) -> Iterator[RenderableType]:
    """Yield the scores and lists of the latest published run; nothing where no run is published."""
    lake = deployment.lake
    runs = published_runs(lake, outcome)
    if not runs:
        return
    run = runs[-1]
    yield section(f"Published: {run['rows']:,} scores of '{outcome}' for {run['index_date']}, run {run['run_id']}")
    yield paragraph(f"Suppressed: {_counts(run['suppressed'])}.")
    if known := known_to(lake):
        yield paragraph(f"{known_to_words(known.deaths, known.objections)}.")
    yield from list_lines(lake, run)
    scores = lake.scan(risk.SCORES.name, {"run_id": str(run["run_id"])})
    yield from _highest_risks(deployment, scores)
    yield paragraph("Risk bands:")
    bands = query_rows(
        f"SELECT risk_band, count(*) AS people, min(risk) AS lowest FROM {scores} GROUP BY ALL ORDER BY lowest DESC"
    )
    rows = [{**row, "lowest": percent(row["lowest"])} for row in bands]
    yield table(rows, {"risk_band": "Band", "people": row_name(deployment), "lowest": "Lowest risk"})


def percent(share: object) -> str:
    """Return a share as text, in percent."""
    return f"{float(str(share)):.1%}"


def _counts(stored: object) -> str:
    counts = json.loads(str(stored or "{}"))
    return ", ".join(f"{reason} ({count:,})" for reason, count in counts.items()) or NO_ONE


def list_lines(lake: Lake, run: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Yield the flags and lists of a run; nothing for a run that was published without lists."""
    partition = {"run_id": str(run["run_id"])}
    if not lake.rows(EXCLUSIONS.name, partition):
        return
    counts = lake.read(EXCLUSIONS.name, order="list_name, treatment, reason", partition=partition).to_pylist()
    flags = [row for row in counts if row["treatment"] == "marked"]
    yield paragraph("People with a flag, whom a team may exclude from its list:")
    columns = {"reason": "Flag", "people": "People", "people_unknown": "Not known for"}
    yield table([{**row, "reason": label(row["reason"])} for row in flags], columns)
    summary = (
        "count(*) FILTER (listed) AS people, count(DISTINCT place_code) FILTER (listed) AS places, any_value(place_kind) AS kind"
    )
    listed = lake.read(CASELOAD.name, summary, partition=partition).to_pylist()[0]
    where = f" at {listed['places']:,} places (by {PLACES[listed['kind']]})" if listed["people"] else ""
    yield paragraph(f"Caseloads: {listed['people']:,} people listed{where}. Not listed: {_reasons(counts, 'caseload')}.")
    yield from _rising_lines(lake, partition, _reasons(counts, "rising"))


def _rising_lines(lake: Lake, partition: Mapping[str, str], reasons: str) -> Iterator[RenderableType]:
    since = lake.read(RISING.name, "any_value(compared_index_date) AS since", partition=partition)["since"][0].as_py()
    if since or reasons != NO_ONE:
        people = lake.rows(RISING.name, partition)
        day = since or "the run before"
        yield paragraph(f"Risk has risen since {day}: {people:,} people, for review. Not compared or suppressed: {reasons}.")


def _reasons(counts: list[dict[str, Any]], list_name: str) -> str:
    return ", ".join(f"{row['reason']} ({row['people']:,})" for row in counts if row["list_name"] == list_name) or NO_ONE


@dataclass(frozen=True)
class Grouping:
    """How the people at the top are grouped: a heading, the SQL of the group's name, and the rows that have it."""

    heading: str
    sql: str
    source: str
    note: str = ""


def _highest_risks(deployment: Deployment, scores: str) -> Iterator[RenderableType]:
    """Yield who is in the top 5%: by deprivation, or by the first group of the audit where deprivation is not known."""
    grouping = _grouping(deployment, scores)
    rows = query_rows(
        f"SELECT {grouping.sql} AS name, count(*) AS scored, count(*) FILTER ({TOP}) AS top, avg(risk) AS mean_risk "
        f"FROM {grouping.source} GROUP BY ALL ORDER BY ALL"
    )
    readable = [
        {
            "name": row["name"],
            "scored": row["scored"],
            "top": row["top"],
            "share": percent(int(str(row["top"])) / int(str(row["scored"]))),
            "mean": percent(row["mean_risk"]),
        }
        for row in rows
    ]
    yield paragraph(f"The 5% with the highest risks, by {grouping.heading.lower()}{grouping.note}:")
    columns = {"name": grouping.heading, "scored": "Scored", "top": "In the top 5%", "share": "Share", "mean": "Mean risk"}
    yield table(readable, columns)


def _grouping(deployment: Deployment, scores: str) -> Grouping:
    if query_rows(f"SELECT count(imd_decile) AS n FROM {scores}")[0]["n"]:
        quintile = "coalesce('Quintile ' || CEIL(imd_decile / 2)::INTEGER::VARCHAR, 'Not known')"
        return Grouping("Deprivation", quintile, scores, " (quintile 1 is most deprived)")
    features = deployment.lake.scan(PERSON_FEATURES.name)
    kind = _audit_group(deployment, features)
    if not kind:
        return Grouping("Everyone", "'Everyone'", scores, "; deprivation is not known")
    named = f"coalesce(\"{kind}\"::VARCHAR, 'Not known')"
    join = f"(SELECT person_id, index_event_id, {named} AS audit_group FROM {features})"
    return Grouping(
        label(kind), "audit_group", f"{scores} JOIN {join} USING (person_id, index_event_id)", "; deprivation is not known"
    )


def _audit_group(deployment: Deployment, features: str) -> str:
    """Return the first group of the audit that distinguishes people, or ''."""
    ready_made = deployment.settings.source.feature_table
    for name in ready_made.groups if ready_made else AUDIT_GROUPS:
        if query_rows(f'SELECT count(DISTINCT "{name}") AS n FROM {features}')[0]["n"] != 1:
            return str(name)
    return ""

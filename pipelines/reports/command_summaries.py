"""What a person reads at the end of a command: plain text from the stored tables, aggregates alone."""

from __future__ import annotations

import json
from collections.abc import Iterator

from expectations.catalogue import RAW_TABLES
from expectations.feeds import LIST_FEED, OPT_OUTS
from expectations.sql_values import quote, quote_all
from expectations.tables import core, risk
from expectations.tables.features import CATALOGUE, PERSON_FEATURES
from expectations.tables.records import EXTRACTS, VALIDATION
from models.gates import label_of, line_of
from pipelines.lake.decision_record import waivers_of
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.run_record import extracts_read, published_runs
from pipelines.lake.storage import Lake
from pipelines.reports.caseload_lines import list_lines
from pipelines.reports.equity_lines import inequality_lines
from pipelines.reports.text_table import Rows, fitted, table
from pipelines.run.deployment import Deployment
from pipelines.validation.defects import count_defects, describe_defects

MOST_WARNINGS = 25
AUDIT_GROUPS = ("ethnic_group", "age_band", "sex_name")


def closing_summary(deployment: Deployment, seconds: float) -> str:
    """Tell what a whole run did and where to look next."""
    lake, study = deployment.lake, deployment.settings.study
    parts = [
        _head(f"Strata: '{deployment.settings.deployment}' finished in {seconds:,.0f} s"),
        *_volumes(deployment),
        *_switched_off(deployment),
        *_quarantined(lake),
        *_warnings(lake),
        *_features(deployment),
        *(line for one in study.each for line in _models(lake, one.outcome.name)),
        *(line for one in study.each for line in inequality_lines(lake, one.outcome.name)),
        *(line for one in study.each for line in _published(deployment, one.outcome.name)),
        *_next(deployment),
    ]
    return "\n".join(fitted(parts))


def extract_summary(deployment: Deployment) -> str:
    """Tell what ingest and validation found."""
    lake = deployment.lake
    parts = [
        _head(f"Extracts of '{deployment.settings.deployment}'"),
        *_extracts(lake),
        *_switched_off(deployment, with_reference=False),
        *_quarantined(lake),
        *_warnings(lake),
    ]
    parts += ["", f"Keys of the rows  {lake.folder(core.QUARANTINE.name)}"]
    parts += [f"Page of it all    {deployment.reports / 'validation.html'}"]
    return "\n".join(fitted(parts))


def defect_summary(deployment: Deployment) -> str:
    """Tell how many of a synthetic board's planted defects were found, missed and falsely raised."""
    with deployment.duckdb() as con:
        counts = count_defects(deployment.lake, con, deployment.landing)
    return "\n".join([_head("Planted defects: found, missed and falsely raised"), describe_defects(counts)])


def _head(words: str) -> str:
    return f"\n{words}\n{'=' * len(words)}"


def _section(words: str) -> str:
    return f"\n{words}"


def _read(lake: Lake, query: str) -> Rows:
    with connect() as con:
        return con.sql(query).to_arrow_table().to_pylist()


def _volumes(deployment: Deployment) -> Iterator[str]:
    lake = deployment.lake
    if lake.exists(core.PERSON.name):
        people, listed = (
            _read(lake, f"SELECT count(*) AS people, count(*) FILTER (on_list) AS listed FROM {lake.scan(core.PERSON.name)}")[0][
                name
            ]
            for name in ("people", "listed")
        )
        yield f"People: {people:,} known, {listed:,} of them on the list. Events: {lake.rows(core.EVENT.name):,}. Spells: {lake.rows(core.SPELL.name):,}."
    rows = _rows_are(deployment)
    last = lake.read_or_empty(
        risk.COHORT_FLOW, f"index_date::VARCHAR AS index_date, reason, people AS {rows}", order="index_date, step"
    ).to_pylist()
    if last:
        latest = [row for row in last if row["index_date"] == last[-1]["index_date"] and row[rows]]
        yield _section(f"Cohort of {last[-1]['index_date']}")
        yield from table(latest, ("reason", rows))


def _rows_are(deployment: Deployment) -> str:
    """Say what a row of the cohort is: a person, or one of a person's index events."""
    per_person = deployment.settings.source.chosen.is_conformed and deployment.settings.study.cohort.one_date_for_all
    return "people" if per_person else "index_events"


def _switched_off(deployment: Deployment, with_reference: bool = True) -> Iterator[str]:
    """Say what had no feed or reference to work on: nothing is left out in silence."""
    source = deployment.settings.source.chosen
    if not source.has_optional_feeds:
        return
    lines = [*_absent_feeds(deployment, source.has_list)]
    if with_reference:
        lines += _not_in_the_reference(deployment.lake)
    if not source.has_list:
        lines.append(
            f"No features, labels, models or scores: the feed '{LIST_FEED}' is not configured, and without a list there is nobody to "
            "score. The run ends with the core tables."
        )
    if lines:
        yield _section("Switched off")
        yield from (f"  {line}" for line in lines)


def _absent_feeds(deployment: Deployment, has_list: bool) -> Iterator[str]:
    absent = sorted(set(RAW_TABLES) - set(extracts_read(deployment.lake)))
    if absent:
        yield f"Feeds without an extract: {', '.join(absent)}. What needs them is not made."
    if OPT_OUTS.name in absent and has_list:
        yield "Without opt_outs nobody is left out for an opt-out: the extracts must come without the people who opted out."


def _not_in_the_reference(lake: Lake) -> Iterator[str]:
    """Name the columns of core__area that no area has, of the editions that are given."""
    if not lake.rows(core.AREA.name):
        yield "No reference files for areas are given: nobody has a deprivation decile."
        return
    names = [column.name for column in core.AREA.columns if column.nullable and column.name != "imd_reason"]
    counted = ", ".join(f"count({name}) AS {name}" for name in names)
    filled = _read(lake, f"SELECT {counted} FROM {lake.scan(core.AREA.name)}")[0]
    given = {edition for edition in ("2019", "2025") if filled[f"imd_{edition}_decile"]}
    unfilled = [name for name in names if not filled[name] and (given & set(name.split("_")) or "20" not in name)]
    lacking = unfilled + [f"the {edition} edition" for edition in ("2019", "2025") if edition not in given]
    if lacking:
        yield f"The reference files do not hold: {', '.join(lacking)}."


def _extracts(lake: Lake) -> Iterator[str]:
    if lake.exists(EXTRACTS.name):
        query = (
            "SELECT feed, count(*) AS extracts, max(extract_date)::VARCHAR AS latest, sum(rows)::BIGINT AS rows, "
            f"sum(rows_unreadable)::BIGINT AS unreadable FROM {lake.scan(EXTRACTS.name)} GROUP BY feed ORDER BY feed"
        )
        yield from table(_read(lake, query), ("feed", "extracts", "latest", "rows", "unreadable"))


def _quarantined(lake: Lake) -> Iterator[str]:
    if not lake.exists(core.QUARANTINE.name):
        return
    query = f"SELECT action, reason, count(*) AS rows FROM {lake.scan(core.QUARANTINE.name)} GROUP BY ALL ORDER BY action DESC, rows DESC, reason"
    rows = _read(lake, query)
    yield _section("Rows that broke a rule, by what was done with them")
    yield from table(rows, ("action", "reason", "rows"))


def _warnings(lake: Lake) -> Iterator[str]:
    where, order = "severity = 'warn' AND note <> ''", "feed, rule, organisation_code, month"
    rows = lake.read_or_empty(VALIDATION, "feed, note", where, order).to_pylist()
    if rows:
        yield _section("Warnings about whole extracts")
        yield from (f"  {row['feed']}: {row['note']}" for row in rows[:MOST_WARNINGS])
        if len(rows) > MOST_WARNINGS:
            yield f"  and {len(rows) - MOST_WARNINGS} more, all of them on the page of the data quality"


def _features(deployment: Deployment) -> Iterator[str]:
    lake = deployment.lake
    if not lake.exists(CATALOGUE.name):
        return
    never = quote_all(deployment.settings.source.chosen.feeds_it_never_has)
    rows = _read(
        lake,
        "SELECT reason, count(*) AS features, array_to_string(list(name ORDER BY name)[:3], ', ') AS such_as "
        f"FROM {lake.scan(CATALOGUE.name)} WHERE status <> 'computed' AND NOT list_has_any(string_split(feed, ', '), [{never}]) GROUP BY ALL ORDER BY ALL",
    )
    computed = _read(lake, f"SELECT count(*) AS n FROM {lake.scan(CATALOGUE.name)} WHERE status = 'computed'")[0]["n"]
    yield _section(f"Features: {computed} computed" + (", not computed:" if rows else ""))
    yield from (table(rows, ("reason", "features", "such_as")) if rows else ())


def _models(lake: Lake, outcome: str) -> Iterator[str]:
    if not lake.exists(risk.MODELS.name):
        return
    query = f"SELECT * FROM {lake.scan(risk.MODELS.name)} WHERE outcome = {quote(outcome)}"
    last = _read(lake, f"{query} ORDER BY recorded_at DESC LIMIT 1")
    rows = _read(lake, f"{query} AND training_id = {quote(last[0]['training_id'])}") if last else []
    yield _section(f"Candidates for '{outcome}', on rows that trained none of them")
    yield from table(
        rows, ("candidate", "auroc", "average_precision", "brier", "calibration_slope", "observed_over_expected", "status")
    )
    for row in rows:
        unsure = [line_of(**gate) for gate in json.loads(str(row["gates"])) if gate["answer"] != "pass"]
        if row["status"] == "champion":
            yield f"Champion: {row['candidate']}, version {row['model_version']}, approved by: {row['approved_by_role']} ({row['approval_reason']})."
            yield from (f"  {line.text[:260]}" for line in unsure)
            yield from _waivers(lake, str(row["model_digest"]))
        elif not row["eligible"]:
            failed = "; ".join(f"{line.label} ({line.reason[:160]})" for line in unsure if line.token == "fail")
            yield f"Not eligible: {row['candidate']}: {failed}."
            yield from _waivers(lake, str(row["model_digest"]))
    if any(row["eligible"] for row in rows) and not any(row["status"] == "champion" for row in rows):
        yield (
            "No candidate of this training became champion, and a model that is in use stays. An approval makes one model champion. Read the report of the "
            "best of these (alias challenger), then record its approval with: strata decide CONFIG approval 'STUDY version N' --role ROLE --reason WHY"
        )


def _waivers(lake: Lake, model_digest: str) -> Iterator[str]:
    for gate, waiver in waivers_of(lake, model_digest).items():
        yield f"  Waived until {waiver.expires}: {label_of(gate)}, by {waiver.role} ({waiver.reason})."


def _published(deployment: Deployment, outcome: str) -> Iterator[str]:
    lake, rows = deployment.lake, _rows_are(deployment)
    runs = published_runs(lake, outcome)
    if not runs:
        return
    run = runs[-1]
    scan = lake.scan(risk.SCORES.name, {"run_id": str(run["run_id"])})
    yield _section(
        f"Published: run {run['run_id']}, {run['rows']:,} scores of '{outcome}' for {run['index_date']}; suppressed: {_counts(run['suppressed'])}"
    )
    yield from list_lines(lake, run)
    yield from _pyramid(deployment, scan)
    bands = _read(
        lake, f"SELECT risk_band, count(*) AS {rows}, min(risk) AS lowest_risk FROM {scan} GROUP BY ALL ORDER BY lowest_risk DESC"
    )
    yield from table(bands, ("risk_band", rows, "lowest_risk"))


def _counts(stored: object) -> str:
    counts = json.loads(str(stored or "{}"))
    return ", ".join(f"{reason} {count:,}" for reason, count in counts.items()) or "nobody"


def _pyramid(deployment: Deployment, scores: str) -> Iterator[str]:
    """Show who is at the top: by deprivation, or by the first group of the audit where no decile is known."""
    lake = deployment.lake
    features = lake.scan(PERSON_FEATURES.name)
    kind = "deprivation"
    group, source = "coalesce('quintile ' || CEIL(imd_decile / 2)::INTEGER::VARCHAR, 'no decile')", scores
    if not _read(lake, f"SELECT count(imd_decile) AS known FROM {scores}")[0]["known"]:
        kinds = (
            tuple(deployment.settings.source.feature_table.groups) if deployment.settings.source.feature_table else AUDIT_GROUPS
        )
        kind = next(
            (name for name in kinds if _read(lake, f'SELECT count(DISTINCT "{name}") AS n FROM {features}')[0]["n"] != 1), ""
        )
        named = f"coalesce(\"{kind}\", 'not_known')" if kind else "'everyone'"
        group = "audit_group"
        source = f"{scores} JOIN (SELECT person_id, index_event_id, {named} AS audit_group FROM {features}) USING (person_id, index_event_id)"
    top = "risk_percentile > 95"
    query = (
        f'SELECT {group} AS "{kind or "everyone"}", count(*) AS scored, count(*) FILTER ({top}) AS in_top_5_percent, '
        f"count(*) FILTER ({top}) / count(*) AS share_in_top, avg(risk) AS mean_risk FROM {source} GROUP BY ALL ORDER BY ALL"
    )
    yield f"The top 5% by {kind}" + (
        " (quintile 1 is most deprived)" if kind == "deprivation" else "; no deprivation decile is known"
    )
    yield from table(_read(lake, query), (kind or "everyone", "scored", "in_top_5_percent", "share_in_top", "mean_risk"))


def _next(deployment: Deployment) -> Iterator[str]:
    yield _section("Where to look next")
    yield f"  tables        {deployment.lake.root}"
    yield f"  data quality  {deployment.reports / 'validation.html'}"
    if (monitoring := deployment.reports / "monitoring.html").is_file():
        yield f"  monitoring    {monitoring}"
    yield from (f"  model report  {page}" for page in _model_reports(deployment))
    given = f" CONFIG={deployment.config}" if deployment.config else ""
    yield f"  a caseload    .venv/bin/strata caseload {deployment.config or 'CONFIG'} --practice CODE: a page to print, and a CSV"
    yield f"  models, runs  make ui{given}, then http://127.0.0.1:5000 (MLflow) and http://127.0.0.1:3000 (Dagster)"


def _model_reports(deployment: Deployment) -> Iterator[str]:
    """Give the report of each outcome's champion; those of the other candidates are artifacts of their runs in MLflow."""
    lake = deployment.lake
    for study in deployment.settings.study.each:
        where = f"outcome = {quote(study.outcome.name)} AND status = 'champion'"
        for run in lake.read_or_empty(risk.MODELS, "mlflow_run_id", where, "recorded_at DESC LIMIT 1")[
            "mlflow_run_id"
        ].to_pylist():
            page = deployment.home / "mlartifacts" / str(run) / "artifacts" / "model_report.html"
            if page.is_file():
                yield str(page)

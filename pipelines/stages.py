"""What the assets call: each stage takes a deployment's settings apart and calls one step with what it needs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from expectations.table import Table
from expectations.tables import core
from features.code_lists import load_code_lists
from features.labels import Occurrences
from features.outcomes import ImmatureOutcomeError
from models.risk_model import RiskModel
from pipelines import build_features as features_stage
from pipelines import build_labels as labels_stage
from pipelines import same_day_care, training_record
from pipelines import score as score_stage
from pipelines.code_version import code_version, digest_of
from pipelines.conform import board, places
from pipelines.conform.availability import AvailabilitySettings
from pipelines.conform.code_vocabulary import name_codes, write_ancestors
from pipelines.conform.feeds import EVENT_FEEDS
from pipelines.conform.linkage import check_linkage as linkage_check
from pipelines.deployment import Deployment
from pipelines.errors import RefusalError, ValidationStop
from pipelines.extracts import ingest as ingest_stage
from pipelines.input_paths import check_feeds, check_paths
from pipelines.load_feature_table import load_feature_table
from pipelines.outcome_events import OutcomeSearch
from pipelines.outcome_rates import GROUP_KINDS, RatesRequest, write_outcome_rates
from pipelines.postgres.settings import connection_string
from pipelines.publication import refresh_current, withdraw
from pipelines.run_record import RunInputs, all_runs, extracts_read
from pipelines.settings import planned_index_dates
from pipelines.sources.nhs import find_extracts
from pipelines.sources.omop.cohorts import index_events_sql, outcomes_sql
from pipelines.sources.omop.conform import conform_omop_coverage, conform_omop_events, people_sources
from pipelines.sources.omop.feed_rows import omop_availability, omop_sources
from pipelines.sources.omop.files import table_files
from pipelines.sources.omop.links import linked_rows, quarantine_unlinked
from pipelines.sources.opened import OpenedSource, open_source
from pipelines.sources.real_areas import areas_of_icb, practices_of_icb, published_list_sizes
from pipelines.sources.reference import Reference, with_landing_reference
from pipelines.sources.synthetic.board import board_is_there, write_board
from pipelines.spark_engine import check_spark
from pipelines.train import run_study
from pipelines.training_inputs import TrainingInputs
from pipelines.validation import volumes
from pipelines.validation.validate import validate_feed
from pipelines.validation.validated_rows import superseded_rows_sql, validated_rows_sql
from pipelines.validation.validation_page import write_validation_page
from pipelines.why import Answer, why, why_ready_made

Summary = dict[str, Any]


# --- before a run ---------------------------------------------------------------------------------------------------


def prepare(deployment: Deployment, today: date | None = None) -> None:
    """Refuse what must not begin: an expired approval, a full disk, inputs that are not there."""
    purpose = deployment.settings.purpose
    day = today or datetime.now(UTC).date()
    if purpose.approval_expires < day:
        raise RefusalError(
            f"the approval '{purpose.approval}' expired on {purpose.approval_expires}: nothing was run. "
            "Renew it and set purpose.approval_expires"
        )
    check_paths(deployment.settings, deployment.folder)
    if deployment.settings.engine.kind == "spark":
        check_spark()
    deployment.lake.root.mkdir(parents=True, exist_ok=True)
    check_feeds(deployment.settings, source(deployment), deployment.lake)
    data_cut(deployment)


@cache
def source(deployment: Deployment) -> OpenedSource:
    """Open a deployment's source once."""
    return open_source(deployment.settings.source, deployment.folder, deployment.home)


def raw_tables(deployment: Deployment) -> tuple[Table, ...]:
    """Give the raw tables of the configured feeds, in the order they are taken in."""
    return source(deployment).tables


def has_list(deployment: Deployment) -> bool:
    """Say whether there is a list of people to score."""
    return source(deployment).has_list


def data_cut(deployment: Deployment) -> date:
    """Give the day the data reach to: the setting, else the latest delivery of any feed."""
    settings = deployment.settings
    if settings.data_cut_date:
        return settings.data_cut_date
    if settings.source.synthetic and settings.source.kind == "synthetic":
        return settings.source.synthetic.data_cut_date
    opened = source(deployment)
    found = [
        extract.extract_date
        for table in opened.tables
        for extract in find_extracts(table.feed, opened.reading.feeds[table.feed], opened.landing)
    ]
    if not found:
        raise RefusalError(
            f"there is no extract of any feed below {opened.landing}; put the files there, or set source.nhs.landing and the feeds' files"
        )
    return max(found)


def index_date_plan(deployment: Deployment) -> dict[str, tuple[date, ...]]:
    """Give the training, test and scoring dates of a deployment; one date stands for all where rows have dates of their own."""
    study, cut = deployment.settings.study, data_cut(deployment)
    if study.validation.kind != "time":
        return {"train": (), "test": (), "score": (cut,)}
    return planned_index_dates(study, cut)


def landed_files_digest(deployment: Deployment) -> str:
    """Give a digest of names, sizes and times of the files that have landed."""
    opened = source(deployment)
    files = [
        extract.file
        for table in opened.tables
        for extract in find_extracts(table.feed, opened.reading.feeds[table.feed], opened.landing)
    ]
    told = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in sorted(set(files))]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


# --- raw ------------------------------------------------------------------------------------------------------------


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
        taken = ingest_stage.ingest_feed(deployment.lake, con, table, opened.reading, opened.landing, opened.folder)
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
    lists = published_list_sizes(_reference(deployment)) if table.feed == "patients" else None
    with deployment.duckdb() as con:
        try:
            found = validate_feed(
                deployment.lake,
                con,
                table,
                opened.reading,
                deployment.settings.validation,
                published_lists=lists,
                docs=deployment.reports / "data_docs",
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


# --- core -----------------------------------------------------------------------------------------------------------


def conform_organisations(deployment: Deployment) -> Summary:
    """Write the organisation tables from the reference files."""
    return places.conform_organisations(deployment.lake, _reference(deployment))


def conform_areas(deployment: Deployment) -> Summary:
    """Write core__area from the reference files."""
    return places.conform_areas(deployment.lake, _reference(deployment))


def conform_people(deployment: Deployment) -> Summary:
    """Write core__person; rows of an OMOP source that break a rule of other tables are quarantined first."""
    lake, rules = deployment.lake, deployment.settings.clinical
    if deployment.settings.source.kind != "omop":
        return _conformed(deployment, lambda con, rows: board.conform_people(lake, con, rows, rules))
    with deployment.duckdb() as con:
        quarantine_unlinked(lake, con, _validated_cdm(deployment))
    return _conformed(deployment, lambda con, rows: board.conform_people(lake, con, people_sources(rows), rules))


def conform_registrations(deployment: Deployment) -> Summary:
    """Write core__registration and core__residence, and refuse residences of a year the areas do not know."""
    registration = deployment.settings.conform.registration

    def work(con: duckdb.DuckDBPyConnection, rows: Mapping[str, str]) -> Summary:
        summary = board.conform_registrations(deployment.lake, con, rows, registration)
        places.check_residences(deployment.lake, con)
        return summary

    return _conformed(deployment, work)


def conform_spells(deployment: Deployment) -> Summary:
    """Write core__spell."""
    available, rules = _availability(deployment), deployment.settings.clinical
    return _conformed(deployment, lambda con, rows: board.conform_spells(deployment.lake, con, rows, rules, available))


def conform_events(deployment: Deployment) -> Summary:
    """Write core__event and its dictionaries."""
    lake, settings, work = deployment.lake, deployment.settings, deployment.home / "spill" / "events"
    omop = settings.source.omop
    if settings.source.kind == "omop" and omop is not None:
        with deployment.duckdb() as con:
            summary = conform_omop_events(lake, con, _cdm(deployment), omop, settings.clinical, settings.conform.events, work)
    else:
        available = _availability(deployment)
        summary = _conformed(
            deployment,
            lambda con, rows: board.conform_events(
                lake, con, rows, settings.clinical, available, settings.conform.events, work, _superseded(deployment)
            ),
        )
    _write_vocabulary(deployment)
    return summary


def _write_vocabulary(deployment: Deployment) -> None:
    """Write what codes are called, and the concepts above them where the study groups by those."""
    omop, grouped = deployment.settings.source.omop, deployment.settings.study.code_level.groups == "omop_ancestors"
    own = deployment.settings.source.kind == "omop" and omop is not None
    files = table_files(source(deployment).landing, "concept_ancestor") if own and grouped else []
    with deployment.duckdb() as con:
        concepts = _validated_cdm(deployment).get("concept") if own else None
        name_codes(deployment.lake, con, load_code_lists(_code_lists(deployment)), concepts)
        write_ancestors(deployment.lake, con, files)


def conform_coverage(deployment: Deployment) -> Summary:
    """Write core__coverage."""
    if deployment.settings.source.kind == "omop":
        with deployment.duckdb() as con:
            return conform_omop_coverage(deployment.lake, con)
    coverage, cut = deployment.settings.conform.coverage, data_cut(deployment)
    return _conformed(deployment, lambda con, rows: board.conform_coverage(deployment.lake, con, rows, coverage, cut))


def conform_linkage(deployment: Deployment) -> Summary:
    """Write core__linkage."""
    return _conformed(deployment, lambda con, rows: board.conform_linkage(deployment.lake, con, rows))


def check_linkage(deployment: Deployment) -> Summary:
    """Check the share of people found on the list; `broken` says where it is too low."""
    linkage = deployment.lake.read(core.LINKAGE.name).to_pandas()
    try:
        linkage_check(linkage, deployment.settings.conform.linkage)
    except ValidationStop as stop:
        return {"broken": str(stop)}
    return {"organisations": len(linkage)}


# --- features and labels --------------------------------------------------------------------------------------------


def write_same_day_care(deployment: Deployment) -> Summary:
    """Write monitoring__same_day_emergency_care."""
    return dict(same_day_care.write_same_day_care(deployment.lake))


def build_catalogue(deployment: Deployment) -> Summary:
    """Write features__catalogue."""
    reasons = features_stage.build_catalogue(deployment.lake, _feature_request(deployment))
    return {"features": deployment.lake.rows("features__catalogue") - len(reasons), "not_computed": len(reasons)}


def build_features(deployment: Deployment, index_date: date) -> Summary:
    """Write features__person and risk__cohort_flow of an index date."""
    request, given = _feature_request(deployment), _given_index_events(deployment)
    with deployment.range_runner() as run_ranges:
        built = features_stage.build_features(deployment.lake, request, index_date, given=given, run_ranges=run_ranges)
    return {"rows": built.rows, "features": built.features}


def build_labels(deployment: Deployment, index_date: date) -> Summary:
    """Write risk__labels of an index date; a date that has not matured has no labels yet, but for why someone is not at risk."""
    lake, study, cut = deployment.lake, deployment.settings.study, data_cut(deployment)
    search = _outcome_search(deployment)
    per_person = study.cohort.kind != "registered"
    try:
        built = labels_stage.build_labels(lake, study.outcome, index_date, cut, search=search, all_dates=per_person)
    except ImmatureOutcomeError:
        plan = index_date_plan(deployment)
        if index_date in (*plan["train"], *plan["test"]):
            raise
        if per_person or not study.outcome.not_all_at_risk:
            return {"status": "not matured: no labels yet"}
        built = labels_stage.build_reasons(lake, study.outcome, index_date, cut, search=search)
        return {"status": "not matured: no labels yet", "not_at_risk": built.not_at_risk}
    return {"rows": built.rows, "events": built.events, "left_list": built.left_list, "not_at_risk": built.not_at_risk}


def explain_person(deployment: Deployment, person_id: str, index_date: date, feature: str | None = None) -> Answer:
    """Say what a person's features on an index date rest on, or what kept the person out of the cohort."""
    if deployment.settings.source.kind == "feature_table":
        return why_ready_made(deployment.lake, person_id, index_date, feature)
    request, given = _feature_request(deployment), _given_index_events(deployment)
    return why(deployment.lake, request, person_id, index_date, feature, given)


def load_ready_table(deployment: Deployment, index_date: date) -> Summary:
    """Write the feature tables of a ready-made feature table."""
    settings, table = deployment.settings.source.feature_table, raw_tables(deployment)[0]
    if settings is None or index_date != settings.delivered:
        return {"skipped": "no rows of this date"}
    outcome = deployment.settings.study.outcome
    with deployment.duckdb() as con:
        rows = _validated(deployment, table)
        return load_feature_table(deployment.lake, con, table, rows, settings, outcome.name, outcome.horizon_days)


# --- models and scores ----------------------------------------------------------------------------------------------


def train(deployment: Deployment) -> Summary:
    """Train, judge and record the study's candidates; a training of the same inputs is not repeated."""
    lake, study = deployment.lake, deployment.settings.study
    dates = index_date_plan(deployment)
    versions = lake.versions(["features__person", "features__catalogue", "risk__labels", "core__event", "core__person"])
    told = {use: [day.isoformat() for day in days] for use, days in dates.items()}
    inputs = TrainingInputs(
        _training_id(deployment, told),
        told,
        versions,
        code_version(),
        settings_version(deployment),
        deployment.settings.deployment,
        deployment.settings.purpose,
        extracts_read(lake),
    )
    if training_record.is_recorded(lake, inputs.training_id):
        return {"status": "trained before on the same inputs", "training_id": inputs.training_id}
    groups = deployment.settings.source.feature_table
    kinds = tuple(groups.groups) if groups else ()
    result = run_study(
        lake, study, deployment.settings.engine, dates, data_cut(deployment), kinds, deployment.settings.purpose.allowed_feeds
    )
    return training_record.record_training(lake, deployment.tracker, study, result, inputs)


def score(deployment: Deployment, index_date: date) -> Summary:
    """Score the scoring date with the champion and publish; other index dates publish nothing."""
    if index_date not in index_date_plan(deployment)["score"]:
        return {"skipped": "not the scoring date: nothing published"}
    lake, study, purpose = deployment.lake, deployment.settings.study, deployment.settings.purpose
    champion = _champion(deployment)
    scoring = score_stage.score_rows(lake, study, champion, index_date, deployment.settings.engine.threads)
    inputs = RunInputs(
        outcome=study.outcome.name,
        index_date=index_date,
        data_cut_date=data_cut(deployment),
        extracts=extracts_read(lake),
        settings_version=settings_version(deployment),
        code_version=code_version(),
        model_digest=champion.model.digest,
        catalogue_version=score_stage.catalogue_version(lake),
        previous_run_id=score_stage.previous_run_id(lake, study.outcome.name, index_date),
    )
    published = score_stage.publish(lake, study, purpose, champion, scoring, inputs)
    return {**published, "current_run_id": refresh_current(lake, study.outcome.name)}


def follow_in_postgres(deployment: Deployment) -> Summary:
    """Bring the publishing database to the lake's runs; the lake has published already."""
    settings = deployment.settings.publish.postgres
    if settings is None:
        raise RefusalError("no database is configured: set publish.postgres in the configuration")
    from pipelines.postgres.follow import follow  # Alembic takes a second to import

    for outcome in {str(row["outcome"]) for row in all_runs(deployment.lake)}:
        refresh_current(deployment.lake, outcome)
    done = follow(deployment.lake, connection_string(settings))
    return {"runs_loaded": len(done.loaded), "rows": done.rows, "runs_withdrawn": len(done.withdrawn)}


def withdraw_run(deployment: Deployment, run_id: str, reason: str) -> Summary:
    """Withdraw a run from every target: readers see the one before."""
    told = withdraw(deployment.lake, run_id, reason)
    return {**told, **(follow_in_postgres(deployment) if deployment.settings.publish.postgres else {})}


def outcome_rates(deployment: Deployment) -> Summary:
    """Write the rates of the outcomes by group, for every index date whose labels are there."""
    lake, study, given = deployment.lake, deployment.settings.study, deployment.settings.source.feature_table
    if not lake.exists("risk__labels"):
        return {"status": "no index date has matured: no rates yet"}
    search = _outcome_search(deployment)

    def occurrences(outcome: str) -> Occurrences | None:
        if given is not None or outcome != study.outcome.name:
            return None
        return search.occurrences(lake, study.outcome, data_cut(deployment))

    kinds = tuple(dict.fromkeys((*GROUP_KINDS, *(given.groups if given else ()))))
    own_dates = study.cohort.kind != "registered" and given is None
    request = RatesRequest(study.outcome.horizon_days, kinds, own_dates, study.seed, occurrences)
    with deployment.duckdb() as con:
        return write_outcome_rates(lake, con, request)


def settings_version(deployment: Deployment) -> str:
    """Give a digest of the settings that bear on a result; where files lie and what the machine gives do not."""
    told = deployment.settings.model_dump(mode="json", exclude={"home", "reference", "engine", "publish"})
    for section in told["source"].values():
        if isinstance(section, dict):
            for place in ("landing", "folder", "file"):
                section.pop(place, None)
    own = _code_lists(deployment)
    told["study"]["code_lists"] = {name: found.version for name, found in load_code_lists(own).items()} if own else None
    return digest_of(told)


# --- what the stages share ------------------------------------------------------------------------------------------


def _conformed(deployment: Deployment, work: Callable[[duckdb.DuckDBPyConnection, Mapping[str, str]], Summary]) -> Summary:
    """Do one conform step over the validated rows of every feed."""
    omop = deployment.settings.source.omop
    with deployment.duckdb() as con:
        if deployment.settings.source.kind == "omop" and omop is not None:
            return work(con, omop_sources(_cdm(deployment), omop))
        return work(
            con,
            {table.feed: _validated(deployment, table) for table in raw_tables(deployment) if _has_extracts(deployment, table)},
        )


def _has_extracts(deployment: Deployment, table: Table) -> bool:
    return bool(ingest_stage.current_extracts(deployment.lake, table.feed))


def _validated(deployment: Deployment, table: Table) -> str:
    return validated_rows_sql(deployment.lake, source(deployment).reading, table.feed, table)


def _superseded(deployment: Deployment) -> Mapping[str, str]:
    """Give, by feed of events, the rows that a later delivery changed or took back."""
    lake, reading = deployment.lake, source(deployment).reading
    tables = [table for table in raw_tables(deployment) if table.feed in EVENT_FEEDS and _has_extracts(deployment, table)]
    rows = {table.feed: superseded_rows_sql(lake, reading, table.feed, table) for table in tables}
    return {feed: sql for feed, sql in rows.items() if sql}


def _validated_cdm(deployment: Deployment) -> Mapping[str, str]:
    return {table.feed.removeprefix("omop_"): _validated(deployment, table) for table in raw_tables(deployment)}


def _cdm(deployment: Deployment) -> Mapping[str, str]:
    return linked_rows(_validated_cdm(deployment))


def _availability(deployment: Deployment) -> AvailabilitySettings:
    opened, omop = source(deployment), deployment.settings.source.omop
    if deployment.settings.source.kind == "omop" and omop is not None:
        return omop_availability(omop)
    return AvailabilitySettings(lag_days={feed: opened.reading.lag_days(feed) for feed in opened.reading.feeds})


def _reference(deployment: Deployment) -> Reference:
    known = with_landing_reference(deployment.settings.reference, deployment.landing / "reference")
    return Reference(known, deployment.folder, deployment.landing / "fetched")


def _given_index_events(deployment: Deployment) -> pa.Table | None:
    omop = deployment.settings.source.omop
    if omop is None or omop.target_cohort_id is None:
        return None
    with deployment.duckdb() as con:
        return con.sql(index_events_sql(deployment.lake, omop.target_cohort_id)).to_arrow_table()


def _given_outcomes(deployment: Deployment) -> pa.Table | None:
    omop = deployment.settings.source.omop
    if omop is None or omop.outcome_cohort_id is None:
        return None
    with deployment.duckdb() as con:
        return con.sql(outcomes_sql(deployment.lake, omop.outcome_cohort_id)).to_arrow_table()


def _feature_request(deployment: Deployment) -> features_stage.FeatureRequest:
    settings = deployment.settings
    return features_stage.FeatureRequest(
        settings.study.cohort,
        settings.purpose.use,
        settings.study.imd_edition,
        settings.purpose.allowed_feeds,
        _code_lists(deployment),
    )


def _code_lists(deployment: Deployment) -> Path | None:
    """Give the folder of the team's own code lists; a relative one starts at the configuration's folder."""
    own = deployment.settings.study.code_lists
    return None if own is None else deployment.folder / own


def _outcome_search(deployment: Deployment) -> OutcomeSearch:
    settings = deployment.settings
    return OutcomeSearch(_given_outcomes(deployment), settings.clinical, settings.purpose.allowed_feeds, _code_lists(deployment))


def _training_id(deployment: Deployment, dates: Mapping[str, list[str]]) -> str:
    known = {use: days for use, days in dates.items() if use != "score" or not dates["train"]}
    return digest_of([settings_version(deployment), code_version(), known, extracts_read(deployment.lake)])


def _champion(deployment: Deployment) -> score_stage.Champion:
    name, tracker = deployment.settings.study.name, deployment.tracker
    version = tracker.champion_version(name)
    if version is None:
        raise RefusalError(
            f"there is no champion of '{name}', so nothing was scored: no candidate is eligible and approved. "
            "Read risk__models (columns gates, status) or the runs in MLflow; record an approval under study.approval"
        )
    return score_stage.Champion(
        RiskModel.from_files(tracker.champion_files(name)), name, version, tracker.version_tags(name, version)["run_id"]
    )

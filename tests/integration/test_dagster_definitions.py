"""What Dagster loads for each kind of source, without a run: assets, checks, jobs, schedule and sensor."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_project.assembly import build
from dagster_project.partitions import DATES, RANGE_END, RANGE_START, add_index_dates, asked_for
from dagster_project.resources import opened
from dagster_project.stage_assets import with_progress
from expectations.catalogue import RAW_TABLES, TABLES
from pipelines.errors import RefusalError
from pipelines.stages.results import StageResult

PURPOSE = """
purpose: {use: planning, approval: A test of the definitions, approval_expires: 2099-12-31}
study: {name: of_a_test}
"""
SYNTHETIC = f"deployment: synthetic\nsource: {{kind: synthetic, synthetic: {{people: 500}}}}{PURPOSE}"
NHS = (
    """deployment: nhs
source:
  kind: nhs
  nhs:
    landing: landing
    feeds:
      patients: {load: snapshot, files: ["patients_*.csv"]}
      registrations: {load: snapshot, files: ["registrations_*.csv"]}
      admissions: {load: append, files: ["admissions_*.csv"]}
"""
    + PURPOSE
)
WITHOUT_A_LIST = NHS.replace("patients: {load: snapshot", "outpatient_appointments: {load: snapshot").replace(
    "patients_*", "outpatients_*"
)
FEATURE_TABLE = """deployment: ready_made
source:
  kind: feature_table
  feature_table:
    file: rows.csv
    delivered: 2025-01-01
    person: person
    index_event: event
    label: {column: outcome, positive: ["1"], negative: ["0"]}
    numbers: [visits]
purpose: {use: planning, approval: A test of the definitions, approval_expires: 2099-12-31}
study: {name: of_a_test, validation: {kind: person_folds}}
"""
CORE = {
    "core__area", "core__code", "core__code_ancestor", "core__code_name", "core__coverage", "core__event", "core__event_superseded", "core__event_type", "core__linkage", "core__objection", "core__objection_delivery", "core__organisation",
    "core__organisation_line", "core__organisation_relation", "core__organisation_succession", "core__person", "core__quarantine", "core__registration",
    "core__residence", "core__spell", "monitoring__code_lists", "monitoring__code_lists_by_practice", "monitoring__same_day_emergency_care", "monitoring__validation", "monitoring__volumes",
}  # fmt: skip
FEATURES = {"features__catalogue", "features__person", "risk__cohort_flow", "risk__labels"}
TRAINED = {"risk__models", "equity__model_audit", "equity__audit_for_readers"}
SCORED = {
    "risk__scores", "risk__drivers", "risk__runs", "risk__current", "risk__caseload", "risk__rising", "monitoring__exclusions",
}  # fmt: skip
RATES = {
    "equity__planning_population",
    "equity__outcome_rates",
    "monitoring__drift",
    "monitoring__scores",
    "monitoring__calibration",
    "monitoring__alerts",
}
RAW = {table.name for table in RAW_TABLES.values()}


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Write a configuration into a separate folder and return its path; the home is next to it."""
    monkeypatch.setenv("STRATA_HOME", str(tmp_path / "home"))
    (tmp_path / "landing").mkdir()
    (tmp_path / "rows.csv").write_text("person,event,outcome,visits\n1,1,0,2\n")

    def write(text: str) -> str:
        file = tmp_path / "config.yaml"
        file.write_text(text)
        return str(file)

    return write


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def tick_of(sensor: dg.SensorDefinition, instance: dg.DagsterInstance, cursor: str | None = None) -> Any:
    """Evaluate a sensor. Its context is closed: one that is not leaves its storage behind for whatever loads definitions next."""
    with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
        return sensor.evaluate_tick(context)


def tick_on(day: datetime, schedule: dg.ScheduleDefinition, instance: dg.DagsterInstance) -> Any:
    """Evaluate a schedule on a day, and close its context."""
    with dg.build_schedule_context(instance=instance, scheduled_execution_time=day) as context:
        return schedule.evaluate_tick(context)


def keys(definitions: dg.Definitions) -> set[str]:
    return {key.to_user_string() for key in definitions.resolve_asset_graph().get_all_asset_keys()}


def selected(definitions: dg.Definitions, job: str) -> set[str]:
    selected = definitions.resolve_job_def(job).asset_layer.selected_asset_keys
    return {key.to_user_string() for key in selected}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SYNTHETIC, RAW | CORE | FEATURES | TRAINED | SCORED | RATES | {"synthetic_board", "risk__actions", "monitoring__units"}),
        (NHS, {"raw__patients", "raw__registrations", "raw__admissions"} | CORE | FEATURES | TRAINED | SCORED | RATES),
        (WITHOUT_A_LIST, {"raw__outpatient_appointments", "raw__registrations", "raw__admissions"} | CORE),
        (
            FEATURE_TABLE,
            {"raw__feature_table", "core__quarantine", "monitoring__validation"} | FEATURES | TRAINED | SCORED | RATES,
        ),
    ],
    ids=["synthetic", "nhs", "nhs without a list", "feature table"],
)
def test_each_kind_of_source_has_the_assets_that_its_feeds_allow(
    text: str, expected: set[str], configured: Callable[[str], str]
) -> None:
    definitions = build(configured(text))
    dg.Definitions.validate_loadable(definitions)
    assert keys(definitions) == expected
    assert selected(definitions, "whole_pipeline") == expected
    assert selected(definitions, "check_extract") == {
        name for name in expected if name.startswith(("raw__", "synthetic", "core__organisation"))
    }
    jobs = {job.name for job in definitions.jobs or []}
    of_a_list = {"score_only", "watch"} | ({"index_dates", "refresh_exclusions"} if "core__event" in expected else set())
    assert jobs == {"whole_pipeline", "unattended", "check_extract", "tidy"} | (of_a_list if expected >= SCORED else set())
    if "score_only" in jobs:
        assert selected(definitions, "score_only") == expected - TRAINED


def test_every_asset_has_a_description_and_its_columns(configured: Callable[[str], str]) -> None:
    definitions = build(configured(SYNTHETIC))
    for name in keys(definitions) - {"synthetic_board"}:
        spec = _spec(definitions, name)
        table = TABLES[name]
        assert spec.description == table.description
        assert spec.group_name == table.layer
        columns = spec.metadata["dagster/column_schema"].columns
        assert [column.name for column in columns] == [column.name for column in table.columns]
        assert all(column.description for column in columns)


def _spec(definitions: dg.Definitions, name: str) -> dg.AssetSpec:
    return next(spec for spec in definitions.resolve_all_asset_specs() if spec.key == dg.AssetKey(name))


def test_features_labels_and_scores_are_partitioned_by_index_date(configured: Callable[[str], str]) -> None:
    definitions = build(configured(SYNTHETIC))
    partitioned = {spec.key.to_user_string() for spec in definitions.resolve_all_asset_specs() if spec.partitions_def}
    assert partitioned == (FEATURES | SCORED) - {"features__catalogue"}


def test_every_raw_table_has_its_suite_as_a_blocking_check(configured: Callable[[str], str]) -> None:
    checks = [spec for check in build(configured(SYNTHETIC)).asset_checks or [] for spec in check.check_specs]
    assert {spec.name for spec in checks if not spec.blocking} == {"fresh_enough"}
    assert all(spec.description for spec in checks)
    assert {spec.asset_key.to_user_string() for spec in checks if spec.name == "suite"} == RAW
    assert [spec.name for spec in checks if spec.asset_key == dg.AssetKey("core__linkage")] == ["people_found_on_the_list"]


def test_the_monthly_schedule_requests_every_date_of_the_plan(
    configured: Callable[[str], str], instance: dg.DagsterInstance
) -> None:
    definitions = build(configured(SYNTHETIC))
    schedule = definitions.resolve_schedule_def("monthly")
    assert (schedule.job_name, schedule.execution_timezone) == ("unattended", "Europe/London")
    (request,) = tick_on(datetime(2026, 2, 2, 5), schedule, instance).run_requests
    dates = request.tags[DATES].split(",")
    assert request.run_key == "monthly-2026-02-02"
    assert instance.get_dynamic_partitions("index_date") == dates == sorted(dates)
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == (dates[0], dates[-1])
    assert dates[-1] == "2026-01-01"  # the scoring date is the data cut


def test_the_sensor_requests_a_run_when_files_arrive_or_change(
    configured: Callable[[str], str], instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    sensor = build(configured(NHS)).resolve_sensor_def("new_extracts")

    def tick(cursor: str | None) -> Any:
        return tick_of(sensor, instance, cursor)

    before = tick(None)
    assert not before.run_requests and "no extract of any feed" in str(before.skip_message)
    extract = tmp_path / "landing" / "patients_2026-03-01.csv"
    extract.write_text("PERSON_ID\n1\n")
    arrived = tick(before.cursor)
    assert arrived.run_requests[0].tags[RANGE_END] == "2026-03-01"
    again = tick(arrived.cursor)
    assert not again.run_requests and again.skip_message == "no file arrived or changed"
    extract.write_text("PERSON_ID\n1\n2\n")
    assert tick(again.cursor).run_requests[0].run_key != arrived.run_requests[0].run_key


def test_last_months_scoring_date_is_not_computed_again(instance: dg.DagsterInstance) -> None:
    add_index_dates(instance, [date(2024, 10, 1), date(2026, 1, 1)])
    tags = add_index_dates(instance, [date(2024, 10, 1), date(2026, 2, 1)])
    assert (tags[RANGE_START], tags[RANGE_END]) == ("2024-10-01", "2026-02-01")
    between = ["2024-10-01", "2026-01-01", "2026-02-01"]
    assert asked_for(tags, between) == {"2024-10-01", "2026-02-01"}
    assert asked_for({}, between) == set(between)  # started by a person, for the selected dates


def test_a_run_that_must_not_begin_is_refused_however_it_is_started(
    configured: Callable[[str], str], instance: dg.DagsterInstance
) -> None:
    expired = build(configured(SYNTHETIC.replace("2099-12-31", "2020-12-31")))
    with pytest.raises(dg.DagsterError) as refused:
        expired.resolve_job_def("check_extract").execute_in_process(instance=instance)
    assert "expired on 2020-12-31" in str(refused.value.__cause__)


def test_a_job_that_only_reads_can_run_after_the_approval_has_expired(
    configured: Callable[[str], str], instance: dg.DagsterInstance
) -> None:
    expired = build(configured(SYNTHETIC.replace("2099-12-31", "2020-12-31")))
    result = expired.resolve_job_def("watch").execute_in_process(instance=instance)
    assert result.success
    assert {event.step_key for event in result.all_events if event.is_step_success} == {
        "write_monitoring__alerts",
        "risk__current_fresh_enough",
    }


LATE = NHS.replace("deployment: nhs", "deployment: late\nschedule: {late_feed: wait}")


def test_a_run_waits_for_a_late_feed_if_the_settings_say_so(
    configured: Callable[[str], str], instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    for name in ("patients_2026-03-01", "registrations_2026-03-01", "admissions_2025-12-01"):
        (tmp_path / "landing" / f"{name}.csv").write_text("PERSON_ID\n1\n")
    sensor = build(configured(LATE)).resolve_sensor_def("new_extracts")
    tick = tick_of(sensor, instance)
    assert not tick.run_requests and tick.cursor is None
    assert "late feed admissions: latest delivery 2025-12-01; the data cut is 2026-03-01" in str(tick.skip_message)
    (tmp_path / "landing" / "admissions_2026-03-01.csv").write_text("PERSON_ID\n2\n")
    assert tick_of(sensor, instance).run_requests


def _tries(error: type[Exception], instance: dg.DagsterInstance) -> int:
    """Count the attempts at an asset whose stage raises, in the job that schedule and sensor start."""
    tries = []

    @dg.asset(retry_policy=dg.RetryPolicy(max_retries=2, delay=0))
    def fails() -> None:
        def work() -> StageResult:
            tries.append(1)
            raise error("no")

        with_progress("fails", work)

    assert not dg.materialize([fails], instance=instance, raise_on_error=False).success
    return len(tries)


def test_a_fault_is_retried_and_a_refusal_is_not(instance: dg.DagsterInstance) -> None:
    assert (_tries(OSError, instance), _tries(RefusalError, instance)) == (3, 1)


def test_schedule_and_sensor_retry_faults_and_a_command_does_not(configured: Callable[[str], str]) -> None:
    definitions = build(configured(SYNTHETIC + "schedule: {retries: 4, retry_delay_s: 30, hour: 6}"))
    step = "write_risk__models"
    policy = (
        definitions.resolve_job_def("unattended").get_node_named(step).retry_policy
        or definitions.resolve_job_def("unattended").op_retry_policy
    )
    assert policy is not None and (policy.max_retries, policy.delay, policy.backoff) == (4, 30, dg.Backoff.EXPONENTIAL)
    assert definitions.resolve_job_def("whole_pipeline").op_retry_policy is None
    assert definitions.resolve_schedule_def("monthly").cron_schedule == "0 6 2 * *"


def test_a_second_run_in_the_same_home_is_refused(configured: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = opened(configured(SYNTHETIC))
    with deployment.alone(), deployment.alone():  # one process may lock its home twice
        monkeypatch.setattr("pipelines.run.deployment.HELD", set())  # as in another process
        with pytest.raises(RefusalError, match="another run"), deployment.alone():
            pass


def test_a_delivery_dated_after_today_starts_no_run_and_prevents_one(
    configured: Callable[[str], str], instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    for name in ("patients_2026-03-01", "registrations_2026-03-01", "admissions_2062-01-01"):
        (tmp_path / "landing" / f"{name}.csv").write_text("PERSON_ID\n1\n")
    definitions = build(configured(NHS))
    tick = tick_of(definitions.resolve_sensor_def("new_extracts"), instance)
    month = tick_on(datetime(2026, 4, 2, 5), definitions.resolve_schedule_def("monthly"), instance)
    for answer in (tick, month):
        assert not answer.run_requests
        assert "admissions_2062-01-01.csv: delivery date 2062-01-01" in str(answer.skip_message)
    assert instance.get_dynamic_partitions("index_date") == []
    with pytest.raises(dg.DagsterError) as refused:
        definitions.resolve_job_def("check_extract").execute_in_process(instance=instance)
    assert "delivery date 2062-01-01" in str(refused.value.__cause__)
    assert not (tmp_path / "home" / "lake").exists()
    assert definitions.resolve_job_def("watch").execute_in_process(instance=instance).success

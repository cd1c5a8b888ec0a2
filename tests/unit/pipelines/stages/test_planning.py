"""Every planning output is stopped by the check of the national list, and no care output is."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from expectations.table import Purpose
from expectations.tables import core
from expectations.tables.equity import PLANNING_POPULATION
from pipelines.lake.decision_record import NATIONAL_OPT_OUT, Decision, record
from pipelines.run.deployment import Deployment
from pipelines.run.settings import Settings
from pipelines.stages.building import build_features
from pipelines.stages.context import open_context
from pipelines.stages.declared import STAGES, stages_of
from pipelines.stages.planning import check_planning_list
from pipelines.stages.stage import Stage
from pipelines.stages.stage_inputs import cohort_request

PURPOSE = {"use": "finding_people_for_care", "approval": "DSA 12", "approval_expires": "2099-12-31"}
SOURCE = {"kind": "nhs", "nhs": {"feeds": {"patients": {}, "registrations": {}, "opt_outs": {}}}}


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    settings = Settings.model_validate({"deployment": "a_board", "purpose": PURPOSE, "source": SOURCE})
    return Deployment(settings, tmp_path, tmp_path / "home")


def deliver_list(deployment: Deployment, valid_until: date) -> None:
    row = {
        "kind": "national",
        "practice_code": "ALL",
        "status": "complete",
        "objections": 0,
        "absent": 0,
        "valid_until": valid_until,
    }
    deployment.lake.write(
        core.OBJECTION_DELIVERY, [{**dict.fromkeys(column.name for column in core.OBJECTION_DELIVERY.columns), **row}]
    )


def writes(stage: Stage, purpose: Purpose) -> bool:
    return any(table.purpose is purpose for table in stage.writes if table != PLANNING_POPULATION)


def test_every_planning_output_reads_the_population_whose_check_blocks_it(deployment: Deployment) -> None:
    planning = [stage for stage in STAGES if writes(stage, Purpose.PLANNING)]
    assert planning
    assert [stage.name for stage in planning if PLANNING_POPULATION not in stage.reads] == []
    check = check_planning_list.check
    assert check is not None and (check.table, check.blocking) == (PLANNING_POPULATION, True)
    assert check_planning_list in stages_of(deployment)


def test_no_care_output_waits_for_the_population(deployment: Deployment) -> None:
    assert any(writes(stage, Purpose.CARE) for stage in STAGES)
    for stage in STAGES:
        before = {*(table.name for table in (*stage.reads, *stage.reads_earlier)), *stage.follows}
        assert not (writes(stage, Purpose.CARE) and PLANNING_POPULATION.name in before), stage.name


def test_an_expired_list_stops_planning_outputs_with_what_to_do(deployment: Deployment) -> None:
    assert not check_planning_list(deployment).broken  # without a list there is none that expired
    deliver_list(deployment, date(2099, 1, 1))
    assert not check_planning_list(deployment).broken
    deliver_list(deployment, date(2020, 1, 1))
    broken = check_planning_list(deployment).broken
    assert "valid until 2020-01-01, so planning outputs must not be made" in broken
    assert "deliver the result to the feed national_opt_outs" in broken


def test_the_cohort_of_a_run_for_planning_follows_the_decision(tmp_path: Path) -> None:
    settings = Settings.model_validate({"deployment": "a_board", "purpose": {**PURPOSE, "use": "planning"}, "source": SOURCE})
    deployment = Deployment(settings, tmp_path, tmp_path / "home")
    context = open_context(deployment, build_features, date(2026, 1, 1))
    assert cohort_request(context).use == "planning"
    record(deployment.lake, Decision(NATIONAL_OPT_OUT, "planning: does not apply", "Board", "CAG 12", date(2026, 1, 5)))
    assert cohort_request(context).use == "finding_people_for_care"


def test_no_list_is_needed_where_the_opt_out_does_not_apply(deployment: Deployment) -> None:
    deliver_list(deployment, date(2020, 1, 1))
    decision = Decision(
        NATIONAL_OPT_OUT, "planning: does not apply", "Board", "CAG 12", date(2026, 1, 5), expires=date(2099, 1, 1)
    )
    recorded = record(deployment.lake, decision)
    result = check_planning_list(deployment)
    assert not result.broken and recorded.decision_id in result.message

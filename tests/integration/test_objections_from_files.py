"""Objections from files: the published rows of other shapes, permitted lists, rows that cannot be read, and a removed feed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from expectations.tables import core
from expectations.tables.features import PERSON_FEATURES
from expectations.tables.risk import LABELS
from pipelines.lake.decision_record import NATIONAL_OPT_OUT, Decision, record
from pipelines.reports.opt_out_lines import sentence_on_planning
from pipelines.run.deployment import Deployment, open_deployment
from pipelines.stages import conforming, landing, planning, run_plan
from pipelines.stages.deciding import DecisionRequest, decide

CASE = Path(__file__).parents[3] / "shared" / "cases" / "opt_outs_shape_2026-01-01.csv"
CONFIG = """
deployment: a_board
purpose: {{use: {use}, approval: DSA 12, approval_expires: 2099-12-31}}
source: {{kind: nhs, nhs: {{landing: landing, feeds: {{patients: {{not_delivered: [death_date, is_confidential, is_deleted, is_spine_sensitive, is_test_patient]}}, {feeds}}}}}}}
validation: {{limits: {{single_value: 0, share_set_aside: 1, unknown_codes: 1}}}}
"""
LIST = "PERSON_ID,REGISTERED_PRACTICE_ORGANISATION_ID,BIRTH_YEAR\n"


def board(
    folder: Path, patch: pytest.MonkeyPatch, people: list[str], files: dict[str, str], *feeds: str, use: str = "planning"
) -> Deployment:
    """Write, take in and validate files, and conform objections and people."""
    listed = LIST + "".join(f"{person},Y00001,1950\n" for person in people)
    for name, rows in ({"patients/patients_2026-01-01.csv": listed} | files).items():
        (folder / "landing" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "landing" / name).write_text(rows, encoding="utf-8")
    (folder / "board.yaml").write_text(CONFIG.format(use=use, feeds=", ".join(f"{feed}: {{}}" for feed in feeds)))
    patch.setenv("STRATA_HOME", str(folder / "home"))
    deployment = open_deployment(folder / "board.yaml")
    for table in run_plan.raw_tables(deployment):
        landing.ingest(deployment, table)
        assert not landing.validate(deployment, table).broken
    conforming.conform_objections(deployment)
    conforming.conform_people(deployment)
    return deployment


def objecting(deployment: Deployment, column: str = "type_1_opt_out") -> list[str]:
    return [
        str(person)
        for person in deployment.lake.read("core__person", "person_id", f"{column} AND on_list", "person_id")[
            "person_id"
        ].to_pylist()
    ]


def test_the_published_rows_of_other_shapes_hold_and_their_repairs_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not CASE.is_file():
        pytest.skip("the published cases are not next to the project")
    people = [f"P8db4af50f22db2{end}" for end in ("3a", "4b", "5c")]
    deployment = board(
        tmp_path, monkeypatch, people, {"opt_outs/opt_outs_2026-01-01.csv": CASE.read_text(encoding="utf-8")}, "opt_outs"
    )
    assert objecting(deployment) == people
    repaired = deployment.lake.read("core__quarantine", "action, row_number", "reason = 'trailing_delimiter'").to_pylist()
    assert repaired == [{"action": "repaired", "row_number": 1}]


def test_unreadable_rows_object_and_stay_when_the_feed_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    statuses = ("1", "X", "", "yes", "NULL")
    people = [f"p{number}" for number in range(5)]
    days = ("soon", "soon", "soon", "2025-01-01", "2025-01-01")  # if no date could be read, the delivery would be stopped
    rows = "".join(f"{person},Y00001,{status},{day},\n" for person, status, day in zip(people, statuses, days, strict=True))
    files = {"type_1_objections/type_1_objections_2026-01-01.csv": f"PERSON_ID,ORGANISATION_ID,STATUS,EFFECTIVE_DATE\n{rows}"}
    assert objecting(board(tmp_path, monkeypatch, people, files, "type_1_objections")) == people
    assert objecting(board(tmp_path, monkeypatch, people, {})) == people


def test_a_permitted_list_of_two_files_expires_for_planning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "national_opt_outs/submitted_2026-01-01.csv": "PERSON_ID,LIST,SUBMISSION_DATE\n"
        + "".join(f"p{n},submitted,2025-12-30,\n" for n in range(4)),
        "national_opt_outs/returned_2026-01-01.csv": "PERSON_ID,LIST,SUBMISSION_DATE\np0,RETURNED,2025-12-30\np1,RETURNED,2025-12-30\n",
    }
    deployment = board(tmp_path, monkeypatch, ["p0", "p1", "p2", "p3", "p4"], files, "national_opt_outs")
    states = deployment.lake.read(core.OBJECTION.name, "person_id, state", order="person_id").to_pylist()
    assert [tuple(row.values()) for row in states] == [("p2", "in_force"), ("p3", "in_force"), ("p4", "not_known")]
    assert objecting(deployment, "national_data_opt_out") == ["p2", "p3", "p4"]
    assert "valid until 2026-01-20" in str(conforming.check_national_list(deployment).broken)
    decision = Decision(
        NATIONAL_OPT_OUT, "planning: does not apply", "Board", "CAG 12", date(2026, 1, 5), expires=date(2099, 12, 31)
    )
    recorded = record(deployment.lake, decision)
    assert recorded.decision_id in conforming.check_national_list(deployment).message
    assert deployment.lake.read(core.OBJECTION_DELIVERY.name, "valid_until", "kind = 'national'")["valid_until"].to_pylist() == [
        date(2026, 1, 20)
    ]


def put_outcomes(deployment: Deployment, day: str) -> None:
    """Store the cohort of an index date, in which every second person has the outcome."""
    people = deployment.lake.read("core__person", "person_key, person_id", "on_list", "person_key").to_pylist()
    features, labels = (dict.fromkeys(column.name for column in table.columns) for table in (PERSON_FEATURES, LABELS))
    for row in (features, labels):
        row.update(index_event_id=day)
    known = {"follow_up_days": 365, "left_list": False}
    cohort = [{**features, **person} for person in people]
    outcomes = [{**labels, **person, **known, "label": key % 2, "composite_label": key % 2} for key, person in enumerate(people)]
    for table, rows, part in ((PERSON_FEATURES, cohort, {}), (LABELS, outcomes, {"outcome": "one_outcome"})):
        split = {**part, "index_date": day}
        deployment.lake.write(table, [{name: row[name] for name in row if name not in split} for row in rows], split)


def test_a_national_list_from_a_file_lowers_rates_until_a_decision_states_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [f"p{number:03d}" for number in range(400)]
    rows = "".join(f"{person},OPTED_OUT,2025-12-30\n" for person in people[:100])
    files = {"national_opt_outs/national_2026-01-01.csv": f"PERSON_ID,LIST,SUBMISSION_DATE\n{rows}"}
    deployment = board(tmp_path, monkeypatch, people, files, "national_opt_outs", use="finding_people_for_care")
    put_outcomes(deployment, "2025-01-01")

    def rate() -> tuple[int, int]:
        planning.planning_population(deployment)
        planning.outcome_rates(deployment)
        where = "measure = 'crude_rate' AND group_kind = 'all' AND outcome = 'one_outcome'"
        (row,) = deployment.lake.read("equity__outcome_rates", "people, events", where).to_pylist()
        return row["people"], row["events"]

    assert "valid until 2026-01-20, so planning outputs must not be made" in planning.check_planning_list(deployment).broken
    assert not conforming.check_objections(deployment).broken  # care goes on
    assert rate() == (300, 150)
    shown = sentence_on_planning(deployment.lake, "2025-01-01")
    assert shown == "25.0% of people are excluded because of the national data opt-out."
    decided = DecisionRequest("national_opt_out", "planning: does not apply", "Caldicott Guardian", "CAG 12", date(2099, 12, 31))
    decision = decide(deployment, decided)["decision"]
    assert not planning.check_planning_list(deployment).broken
    assert rate() == (400, 200)
    assert f"by decision {decision} of" in sentence_on_planning(deployment.lake, "2025-01-01")

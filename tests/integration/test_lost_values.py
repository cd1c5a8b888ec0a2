"""The published cases of damaged people, and a death in review, from the files to the cohort and the counts."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from expectations.suppression import CONFLICTING, DEATH_CONTRADICTED, DEATH_WITHDRAWN, LOST_MARKS
from features.cohort import DEATH_NOT_READABLE
from pipelines.errors import RefusalError
from pipelines.run.deployment import Deployment, open_deployment
from pipelines.scoring.left_out import suppressions
from pipelines.stages import building, conforming, landing, organisations, run_plan
from pipelines.stages.deciding import DecisionRequest, decide
from pipelines.validation.validate import validate_feed

CASES = Path(__file__).parents[3] / "shared" / "cases"
DAY = date(2026, 1, 1)
CONFIG = """
deployment: a_board
purpose: {{use: finding_people_for_care, approval: DSA 12, approval_expires: 2099-12-31}}
source: {{kind: nhs, nhs: {{landing: landing, feeds: {{patients: {{{patients}}}, registrations: {{}}, admissions: {{}}{feeds}}}}}}}
validation: {{limits: {{month_collapsed: 0, month_gap: 0, single_value: 0, share_set_aside: 1, unknown_codes: 1}}}}
"""
HEADER = "PERSON_ID,REGISTERED_PRACTICE_ORGANISATION_ID,BIRTH_YEAR,BIRTH_MONTH,DEATH_DATE,SEX,LSOA_CODE"
WELL = "well,Y00001,1950,1,,1,E01033768"
REGISTERED = "PERSON_ID,ORGANISATION_ID,START_DATE,END_DATE\n"
ADMITTED = "Der_Pseudo_NHS_Number,Hospital_Spell_No,Der_Provider_Code,Admission_Date,Discharge_Date,Admission_Method\n"


class Board:
    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        patch.setenv("STRATA_HOME", str(folder / "home"))

    def deliver(self, feed: str, text: str, day: date = DAY) -> None:
        (self.folder / "landing" / feed).mkdir(parents=True, exist_ok=True)
        (self.folder / "landing" / feed / f"{feed}_{day}.csv").write_text(text)

    def conformed(self, patients: str = "", more: str = "", feeds: str = "") -> Deployment:
        (self.folder / "board.yaml").write_text(CONFIG.format(patients=patients, feeds=feeds) + more)
        deployment = open_deployment(self.folder / "board.yaml")
        for table in run_plan.raw_tables(deployment):
            landing.ingest(deployment, table)
            with deployment.duckdb() as con:
                validate_feed(deployment.lake, con, table, run_plan.source(deployment).reading, deployment.settings.validation)
        for step in (
            organisations.conform_organisations, conforming.conform_areas, conforming.conform_objections, conforming.conform_people, conforming.conform_registrations,
            conforming.conform_spells, conforming.conform_events, conforming.conform_coverage,
        ):  # fmt: skip
            step(deployment)
        return deployment

    def with_people(self, rows: list[str], header: str = HEADER) -> None:
        ids = sorted({row.split(",")[0] for row in rows})
        self.deliver("patients", "\n".join([header, *rows]) + "\n")
        self.deliver("registrations", REGISTERED + "".join(f"{person},Y00001,2015-01-01,\n" for person in ids))
        self.deliver("admissions", ADMITTED + "well,1,RX1,2025-02-20,2025-03-05,21\n")


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Board:
    return Board(tmp_path, monkeypatch)


def flow_of(deployment: Deployment) -> dict[str, int]:
    building.build_features(deployment, DAY)
    return {row["reason"]: row["people"] for row in deployment.lake.read("risk__cohort_flow").to_pylist() if row["people"]}


def in_cohort(deployment: Deployment) -> list[str]:
    return deployment.lake.read("features__person", "person_id", order="1")["person_id"].to_pylist()


def case_rows(name: str) -> list[str]:
    file = CASES / f"{name}_2026-01-01.csv"
    if not file.is_file():
        pytest.skip(f"the published case {file.name} is not next to this folder")
    header, *rows = file.read_text(encoding="utf-8").splitlines()
    assert header == HEADER
    return [*rows, WELL]


def test_the_case_alive_then_dead(board: Board) -> None:
    board.with_people(case_rows("patients_alive_then_dead"))
    deployment = board.conformed()
    people = deployment.lake.read("core__person", "person_id, death_date", "death_date IS NOT NULL").to_pylist()
    assert people == [{"person_id": "P0000000000000013", "death_date": date(2024, 2, 3)}]
    found = deployment.lake.read("core__quarantine", "row_number, reason, action", "table_name = 'raw__patients'").to_pylist()
    assert found == [{"row_number": 2, "reason": "conflicting_rows", "action": "set_aside"}]
    assert flow_of(deployment)["died on or before the index date"] == 1
    assert in_cohort(deployment) == ["well"]


@pytest.mark.parametrize(
    ("name", "others"), [("patients_death_as_serial", ["P0000000000000012"]), ("patients_death_as_word", [])]
)
def test_the_cases_of_deaths_that_cannot_be_read(board: Board, name: str, others: list[str]) -> None:
    board.with_people(case_rows(name))
    deployment = board.conformed()
    assert flow_of(deployment)[DEATH_NOT_READABLE] == 1
    assert in_cohort(deployment) == [*others, "well"]


@pytest.mark.parametrize("written", ["true", "TRUE", "1", "false"])
def test_a_date_of_death_that_is_a_boolean_is_never_read_as_alive(board: Board, written: str) -> None:
    board.with_people([WELL, f"ann,Y00001,1950,1,{written},1,E01033768"])
    deployment = board.conformed()
    assert flow_of(deployment)[DEATH_NOT_READABLE] == 1
    assert in_cohort(deployment) == ["well"]
    lost = deployment.lake.read("core__quarantine", "row_number, reason, column_name, action").to_pylist()
    assert lost == [{"row_number": 2, "reason": "unreadable_date", "column_name": "death_date", "action": "nulled"}]


DIABETES = "44054006"
ENTRY = "ID,PERSON_ID,ORGANISATION_ID,CLINICAL_EFFECTIVE_DATE,DATE_RECORDED,OBSERVATION_SOURCE_CONCEPT_ID,IS_CONFIDENTIAL,IS_DELETED\n"


def test_an_entry_that_its_own_copy_marks_as_deleted_or_confidential_counts_nowhere(board: Board) -> None:
    names = ("kept", "after", "before", "unreadable", "hidden")
    board.with_people([WELL, *(f"{name},Y00001,1950,1,,1,E01033768" for name in names)])
    marks = {
        "kept": ["0,0"],
        "after": ["0,0", "0,1"],
        "before": ["0,1", "0,0"],
        "unreadable": ["0,0", "0,X"],
        "hidden": ["0,0", "1,0"],
    }
    rows = [f"{name},{name},Y00001,2025-02-03,2025-02-03,{DIABETES},{mark}\n" for name in names for mark in marks[name]]
    board.deliver("gp_observations", ENTRY + "".join(rows))
    deployment = board.conformed(feeds=", gp_observations: {}")
    event, person, code = (deployment.lake.scan(f"core__{name}") for name in ("event", "person", "code"))
    events = f"SELECT person_id FROM {event} JOIN {person} USING (person_key) JOIN {code} USING (code) WHERE source_code = '{DIABETES}'"
    with deployment.duckdb() as con:
        assert con.sql(events).fetchall() == [("kept",)]
    reasons = set(deployment.lake.read("core__quarantine", "reason")["reason"].to_pylist())
    assert {"conflicting_rows", "deleted", "confidential", "not_in_vocabulary"} <= reasons


def test_the_case_of_a_serial_in_a_column_of_serials(board: Board) -> None:
    board.with_people(case_rows("patients_death_as_serial"))
    deployment = board.conformed("dates: {death_date: spreadsheet serial}")
    people = deployment.lake.read("core__person", "person_id, death_date", "death_date IS NOT NULL").to_pylist()
    assert people == [{"person_id": "P0000000000000011", "death_date": date(2024, 5, 9)}]


def test_marks_that_are_lost_or_conflict_are_counted_and_others_are_as_before(board: Board) -> None:
    header = f"{HEADER},IS_CONFIDENTIAL"
    rows = [
        f"{name},Y00001,1950,1,,1,E01033768,{mark}"
        for name, mark in (("well", "0"), ("lost", "X"), ("both", "0"), ("both", "1"), ("yes", "T"))
    ]
    board.with_people(rows, header)
    deployment = board.conformed()
    flow = flow_of(deployment)
    assert (flow[LOST_MARKS["is_confidential"]], flow[CONFLICTING], flow["in cohort"]) == (1, 1, 1)
    assert in_cohort(deployment) == ["well"]
    assert sorted(suppressions(deployment.lake).values()) == sorted([LOST_MARKS["is_confidential"], CONFLICTING])


def test_the_days_until_a_registration_contradicts_a_death_are_a_setting(board: Board) -> None:
    board.with_people([WELL, "ann,Y00001,1950,1,2015-01-01,1,E01033768"])
    board.deliver("registrations", REGISTERED + "well,Y00001,2015-01-01,\nann,Y00001,2015-01-20,\n")
    assert list(suppressions(board.conformed().lake).values()) == [DEATH_CONTRADICTED]
    assert not suppressions(board.conformed(more="conform: {deaths: {registered_again_days: 20}}").lake)


def test_a_withdrawn_death_is_in_review_until_a_decision_and_one_for_another_person_is_refused(board: Board) -> None:
    board.with_people([WELL, "ann,Y00001,1950,1,,1,E01033768"])
    board.deliver("patients", f"{HEADER}\n{WELL}\nann,Y00001,1950,1,2024-02-03,1,E01033768\n", date(2025, 12, 1))
    deployment = board.conformed()
    assert flow_of(deployment)[DEATH_WITHDRAWN] == 1
    assert in_cohort(deployment) == ["well"]
    asked = DecisionRequest("death_review", "ann", "Data manager", "The practice confirmed that the person is alive")
    with pytest.raises(RefusalError, match="no death of 'well' is in review"):
        decide(deployment, DecisionRequest("death_review", "well", asked.role, asked.reason))
    decide(deployment, asked)
    conforming.conform_people(deployment)
    assert DEATH_WITHDRAWN not in flow_of(deployment)
    assert in_cohort(deployment) == ["ann", "well"]

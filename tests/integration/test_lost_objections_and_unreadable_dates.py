"""Opt-outs missing from a delivery and unreadable dates, from the files to the cohort."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from integration.taken_in import take_in, write_files

from expectations.table import Table
from expectations.tables import core
from features.cohort import DEATH_NOT_READABLE, END_NOT_READABLE
from pipelines.lake.storage import Lake
from pipelines.run.deployment import Deployment
from pipelines.scoring.left_out import suppression
from pipelines.stages import building, conforming, organisations

CONFIG = """
deployment: a_board
purpose: {use: finding_people_for_care, approval: DSA 12, approval_expires: 2099-12-31}
source: {kind: nhs, nhs: {landing: landing, feeds: {patients: {not_delivered: [is_confidential, is_deleted, is_spine_sensitive, is_test_patient]}, registrations: {}, admissions: {}, opt_outs: {load: snapshot}}}}
validation: {limits: {feed_collapsed: 0, month_collapsed: 0, month_gap: 0, single_value: 0, share_set_aside: 1, unknown_codes: 1}}
"""
OMOP_CONFIG = """
deployment: a_cdm
purpose: {use: finding_people_for_care, approval: DSA 12, approval_expires: 2099-12-31}
source: {kind: omop, omop: {folder: cdm, extract_date: 2026-01-01}}
validation: {limits: {single_value: 0, share_set_aside: 1, unknown_codes: 1}}
"""
FILES = {
    "patients/patients_2026-01-01.csv": """PERSON_ID,REGISTERED_PRACTICE_ORGANISATION_ID,BIRTH_YEAR,BIRTH_MONTH,DEATH_DATE,SEX
well,Y00001,1950,1,,1
serial,Y00001,1950,1,45421,1
word,Y00001,1950,1,Y,1
twice,Y00001,1950,1,,1
twice,Y00001,1950,1,2024-02-03,1
left,Y00001,1950,1,,1
objects,Y00001,1950,1,,1
""",
    "registrations/registrations_2026-01-01.csv": "PERSON_ID,ORGANISATION_ID,START_DATE,END_DATE\n"
    + "".join(f"{name},Y00001,2015-01-01,\n" for name in ("well", "serial", "word", "twice", "objects"))
    + "left,Y00001,2015-01-01,45500\n",
    "admissions/admissions_2026-01-01.csv": "Der_Pseudo_NHS_Number,Hospital_Spell_No,Der_Provider_Code,Admission_Date,Discharge_Date,Admission_Method\n"
    "well,1,RX1,2025-02-20,2025-03-05,21\n",
    "opt_outs/opt_outs_2025-12-01.csv": "PERSON_ID,OPT_OUT_TYPE,STATUS,EFFECTIVE_DATE\nobjects,TYPE_1,1,2024-05-01\nother,TYPE_1,1,2024-05-01\n",
    "opt_outs/opt_outs_2026-01-01.csv": "PERSON_ID,OPT_OUT_TYPE,STATUS,EFFECTIVE_DATE\nother,TYPE_1,1,2024-05-01\n",
}
CDM = {
    "person": "person_id,gender_concept_id,year_of_birth\nwell,8507,1950\nword,8507,1950\n",
    "death": "person_id,death_date\nword,Y\n",
    "observation_period": "observation_period_id,person_id,observation_period_start_date,observation_period_end_date\n"
    "1,well,2015-01-01,2025-12-31\n2,word,2015-01-01,2025-12-31\n",
    "visit_occurrence": "visit_occurrence_id,person_id,visit_concept_id,visit_start_date,visit_end_date\n1,well,9201,2025-02-20,2025-03-05\n",
}
DAY = date(2026, 1, 1)


def conformed(folder: Path, config: str, files: dict[str, str], patch: pytest.MonkeyPatch) -> Deployment:
    """Write and ingest files, and conform people and registrations with the tables that they need."""
    write_files(folder, files)
    patch.setenv("STRATA_HOME", str(folder / "home"))
    deployment = take_in(folder, config)
    organisations.conform_organisations(deployment)
    conforming.conform_areas(deployment)
    return deployment


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    return conformed(tmp_path, CONFIG, {f"landing/{name}": rows for name, rows in FILES.items()}, monkeypatch)


def without_columns(lake: Lake, table: Table, *names: str) -> None:
    """Write a table as an earlier version did, without some columns."""
    kept = tuple(column for column in table.columns if column.name not in names)
    older = Table(table.name, table.description, kept, table.key)
    lake.commit(
        table.name,
        [lake.write_arrow(table.name, lake.read(table.name).drop_columns(list(names)))],
        pa.schema([field for field in lake.schema(table.name) if field.name not in names]),
        replace="all",
    )
    assert lake.schema(older.name).names == [column.name for column in kept]


def test_these_people_are_counted_and_in_no_cohort(board: Deployment) -> None:
    objections = conforming.conform_objections(board).facts
    people, registrations = conforming.conform_people(board).facts, conforming.conform_registrations(board).facts
    conforming.conform_spells(board)
    conforming.conform_events(board)
    conforming.conform_coverage(board)
    counts = (
        "died",
        "death_date_not_readable",
        "died_by_a_repeated_row",
        "type_1_opt_outs",
    )
    assert [people[name] for name in counts] == [1, 2, 1, 2]
    assert objections["absent_from_the_latest_delivery"] == 1
    assert "practice Y00001: 1 of 1 objections" in str(conforming.check_objections(board).broken)
    assert registrations["registration_end_not_readable"] == 1
    building.build_features(board, DAY)
    assert board.lake.read("features__person", "person_id")["person_id"].to_pylist() == ["well"]
    answers = {name: building.explain_person(board, name, DAY).text for name in ("word", "left")}
    assert "died on a day that cannot be read" in " ".join(answers["word"].lower().split())
    assert END_NOT_READABLE in answers["left"] and "ended on a day that cannot be read" in answers["left"]
    flow = {row["reason"]: row["people"] for row in board.lake.read("risk__cohort_flow").to_pylist() if row["people"]}
    assert flow == {
        "people the sources name": 7, "not on the registered list: only known from hospital, or the list's record was set aside": 1,
        "died on or before the index date": 1, DEATH_NOT_READABLE: 2, END_NOT_READABLE: 1, "type 1 opt-out": 1, "in cohort": 1,
    }  # fmt: skip


def test_a_home_of_an_earlier_version_opens_and_conform_updates_it(board: Deployment) -> None:
    for step in (conforming.conform_objections, conforming.conform_people, conforming.conform_registrations, conforming.conform_spells, conforming.conform_events, conforming.conform_coverage):  # fmt: skip
        step(board)
    without_columns(board.lake, core.PERSON, "death_not_readable")
    without_columns(board.lake, core.REGISTRATION, "end_not_readable")
    building.build_features(board, DAY)  # from the columns of such a home
    built = sorted(board.lake.read("features__person", "person_id")["person_id"].to_pylist())
    assert built == ["left", "serial", "well", "word"]
    rows = board.lake.read("core__person", "person_key, person_id", order="person_key").to_pandas()
    frame = pd.DataFrame({**rows, "index_event_id": DAY.isoformat()})
    assert set(suppression(board.lake, "any", frame, DAY)) == {"", "died since"}
    conforming.conform_people(board)
    conforming.conform_registrations(board)
    reasons = dict(zip(frame["person_id"], suppression(board.lake, "any", frame, DAY), strict=True))
    assert {name: reason for name, reason in reasons.items() if reason} == {
        "serial": DEATH_NOT_READABLE, "word": DEATH_NOT_READABLE, "left": END_NOT_READABLE, "twice": "died since",
    }  # fmt: skip


def test_a_death_of_an_omop_source_without_a_readable_day_is_a_death(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"cdm/{name}.csv": rows for name, rows in CDM.items()}
    deployment = conformed(tmp_path, OMOP_CONFIG, files, monkeypatch)
    assert conforming.conform_people(deployment).facts["death_date_not_readable"] == 1
    people = deployment.lake.read("core__person", "person_id", "death_not_readable")["person_id"].to_pylist()
    assert people == ["word"]

"""Identifiers from files to people: plain form, placeholders, check digits, letter case and what matches no one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from expectations.catalogue import RAW_TABLES
from expectations.feeds import FEEDS
from expectations.granting_columns import granting_columns
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.core_tables import StatedFacts, conform_linkage, conform_people
from pipelines.conform.objection_inputs import read_objection_inputs
from pipelines.conform.objections import ObjectionSettings, conform_objections
from pipelines.conform.person import CASE_CAUTIOUS
from pipelines.errors import ValidationStop
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import NhsSettings
from pipelines.sources.nhs_source import NhsSource
from pipelines.upkeep.erasure import erase_person
from pipelines.validation.stated_dates import confidential_people_sql, stated_dates_sql
from pipelines.validation.validate import ValidationSettings, ValidationSummary, validate_feed
from pipelines.validation.validated_rows import validated_rows_sql

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"
NEEDS_CASES = pytest.mark.skipif(not CASES.is_dir(), reason="the published cases are not here")
LENIENT = ValidationSettings(limits={"share_set_aside": 1, "unknown_codes": 1, "single_value": 0, "objections_lost": 1})
PATIENT = "PERSON_ID,REGISTERED_PRACTICE_ORGANISATION_ID,BIRTH_YEAR,DEATH_DATE,IS_CONFIDENTIAL,HOUSEHOLD_ID\n"
OPT_OUT = "PERSON_ID,OPT_OUT_TYPE,STATUS,EFFECTIVE_DATE\n"
SPELL = (
    "Der_Pseudo_NHS_Number,Hospital_Spell_No,Der_Provider_Code,Admission_Date,Discharge_Date,Admission_Method,Discharge_Method\n"
)
ENTRY = "ID,PERSON_ID,ORGANISATION_ID,CLINICAL_EFFECTIVE_DATE,DATE_RECORDED,OBSERVATION_SOURCE_CONCEPT_ID,RESULT_VALUE,RESULT_VALUE_UNITS\n"
ACTION = "RECORD_ID,RUN_ID,PERSON_ID,PRACTICE_CODE,LISTED,REVIEWED,DECISION,REASON,ACTION,ACTION_DATE,END_DATE\n"


class Board:
    """Feeds in files, ingested, validated and conformed to people."""

    def __init__(self, folder: Path, **source: Any) -> None:
        self.folder, self.landing, self.lake = folder, folder / "landing", Lake(folder / "lake")
        names = ("patients", "opt_outs", "admissions", "gp_observations", "actions")
        self.nhs = NhsSettings.model_validate(
            {"feeds": {feed: {"not_delivered": sorted(granting_columns(RAW_TABLES[feed]))} for feed in names}, **source}
        )
        self.tables = {table.feed: table for table in NhsSource(self.nhs).open(folder, folder).tables}
        self.feeds: list[str] = []

    def deliver(self, feed: str, content: str, day: str = "2026-01-01", rules: ValidationSettings = LENIENT) -> ValidationSummary:
        file = self.landing / feed / f"{feed}_{day}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
        self.feeds = list(dict.fromkeys([*self.feeds, feed]))
        with connect() as con:
            ingest_feed(self.lake, con, self.tables[feed], self.nhs, self.landing)
            return validate_feed(self.lake, con, self.tables[feed], self.nhs, rules)

    def rows(self, feed: str, columns: str = "person_id") -> list[tuple]:
        with connect() as con:
            source = validated_rows_sql(self.lake, self.nhs, feed, self.tables[feed])
            return con.sql(f"SELECT {columns} FROM {source} ORDER BY row_number").fetchall()

    def people(self) -> Mapping[str, Mapping[str, Any]]:
        with connect() as con:
            sources = {feed: validated_rows_sql(self.lake, self.nhs, feed, self.tables[feed]) for feed in self.feeds}
            deaths = stated_dates_sql(self.lake, self.nhs, "patients", "death_date")
            cautious = [feed for feed in CASE_CAUTIOUS if self.nhs.case_of(feed) is None]
            hidden = confidential_people_sql(self.lake, self.nhs, "patients")
            stated = StatedFacts(deaths, confidential=hidden, cautious=cautious)
            inputs = read_objection_inputs(self.lake, [self.tables[feed] for feed in self.feeds], self.nhs)
            conform_objections(self.lake, con, sources, inputs, ObjectionSettings())
            conform_people(self.lake, con, sources, ClinicalRules(), stated)
        return {row["person_id"]: row for row in self.lake.read("core__person").to_pylist()}

    def reasons(self, feed: str) -> set[tuple]:
        rows = self.lake.read("core__quarantine", "row_number, reason, column_name, action", f"table_name = 'raw__{feed}'")
        return {tuple(row.values()) for row in rows.to_pylist()}


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path)


def patient(person: str, died: str = "", confidential: str = "", household: str = "") -> str:
    return f"{person},Y00001,1950,{died},{confidential},{household}\n"


@NEEDS_CASES
def test_the_published_opt_outs_hold_whatever_their_form(board: Board) -> None:
    ids = ("P8db4af50f22db23a", "P8db4af50f22db24b", "P8db4af50f22db25c")
    board.deliver("patients", PATIENT + "".join(map(patient, ids)))
    lines = (CASES / "opt_outs_shape_2026-01-01.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    board.deliver("opt_outs", "".join([lines[0], *lines[2:]]))  # the line with a field too many is a matter of parsing
    people = board.people()
    assert [people[person]["type_1_opt_out"] for person in ids] == [False, True, True]
    assert (2, "padding_or_case", "person_id", "repaired") in board.reasons("opt_outs")


@NEEDS_CASES
def test_the_published_codes_are_concepts_or_set_aside(board: Board) -> None:
    entries = (CASES / "observations_codes_2026-01-01.csv").read_text(encoding="utf-8")
    board.deliver("gp_observations", entries)
    assert board.rows("gp_observations", "concept_code") == [("313436004",)]
    assert board.reasons("gp_observations") == {(2, "not_a_snomed_concept", "concept_code", "set_aside")}


def test_a_snomed_code_is_read_from_a_file_with_what_is_around_it_and_then_checked(board: Board) -> None:
    codes = (
        "73211009 |Diabetes mellitus (disorder)|", "SCTID: 73211009", "http://snomed.info/id/73211009", "73\u00a0211\u00a0009", "1.62660004E8",
        "73211008|Diabetes|", "4.4054E+07", "73211009 or 44054006", "73211009",
    )  # fmt: skip
    board.deliver(
        "gp_observations", ENTRY + "".join(f"E{n},p1,Y00001,2024-01-01,2024-01-01,{code},,\n" for n, code in enumerate(codes))
    )
    assert board.rows("gp_observations", "concept_code") == [*[("73211009",)] * 4, ("162660004",), ("73211009",)]
    assert {reason for reason in board.reasons("gp_observations") if reason[2] == "concept_code"} == {
        *((number, "padding_or_case", "concept_code", "repaired") for number in range(1, 6)),
        (6, "padding_or_case", "concept_code", "repaired"), (6, "wrong_check_digit", "concept_code", "set_aside"),
        (7, "number_as_float", "concept_code", "set_aside"), (7, "not_in_vocabulary", "concept_code", "set_aside"),
        (8, "not_in_vocabulary", "concept_code", "set_aside"),
    }  # fmt: skip


ONE = "P8db4af50f22db2"
FULL_WIDTH = {ord(letter): chr(ord(letter) + 0xFEE0) for letter in "0123456789abcdefP"}
SAME_PERSON = tuple(
    form.format(f"{ONE}{number:02}", f"{ONE}{number:02}".translate(FULL_WIDTH), f"{ONE}{number:02}"[7:])
    for number, form in enumerate(
        ("{0}\u200b", "\ufeff{0}", "\u00a0{0}", "{0}\u200e", "P8db4af\u00ad{2}", "'{0}", '"=""{0}"""', "{0}\u3000", "{1}", "\u2066{0}\u2069",
         "{0}\u202f"),
    )
)  # fmt: skip


def test_a_pseudonym_is_one_person_in_every_feed_and_every_repair_is_counted(board: Board) -> None:
    people = [f"{ONE}{number:02}" for number in range(len(SAME_PERSON))]
    written = list(enumerate(SAME_PERSON))
    board.deliver("patients", PATIENT + "".join(map(patient, people)) + patient("other"))
    objections = "".join(f"{form},TYPE_1,1,2020-01-01\n" for form in SAME_PERSON)
    board.deliver("opt_outs", OPT_OUT + objections + "other,NATIONAL,1,2020-01-01\n")
    board.deliver("admissions", SPELL + "".join(f"{form},S{n},RX1,2024-01-01,2024-01-02,21,1\n" for n, form in written))
    board.deliver(
        "gp_observations", ENTRY + "".join(f"E{n},{form},Y00001,2024-01-01,2024-01-01,44054006,,\n" for n, form in written)
    )
    actions = "".join(f"A{n},abcdef01,{form},Y00001,Y,Y,ACCEPTED,,CONTACT,2025-12-01,\n" for n, form in written)
    board.deliver("actions", ACTION + actions)
    found = board.people()
    assert set(found) == {*people, "other"}
    assert [person for person in found if found[person]["type_1_opt_out"]] == people
    for feed in ("opt_outs", "admissions", "gp_observations", "actions"):
        assert board.rows(feed)[: len(people)] == [(person,) for person in people]
        repaired = {(number, "padding_or_case", "person_id", "repaired") for number in range(1, len(people) + 1)}
        assert repaired <= board.reasons(feed)


NO_PSEUDONYM = {
    "UNKNOWN": "placeholder_identifier", "n/a": "placeholder_identifier", "9999999999": "placeholder_identifier",
    "\u200bNone\u00a0": "placeholder_identifier", "00000000": "placeholder_identifier", "4.00E+09": "number_as_float", "1.2e+10": "number_as_float",
}  # fmt: skip


@pytest.mark.parametrize(
    ("feed", "header", "line"),
    [
        ("patients", PATIENT, patient("{0}")),
        ("opt_outs", OPT_OUT, "{0},TYPE_1,1,2020-01-01\n"),
        ("admissions", SPELL, "{0},S{1},RX1,2024-01-01,2024-01-02,21,1\n"),
        ("actions", ACTION, "A{1},abcdef01,{0},Y00001,Y,Y,ACCEPTED,,CONTACT,2025-12-01,\n"),
    ],
)
def test_what_cannot_be_a_pseudonym_is_set_aside_in_every_feed(board: Board, feed: str, header: str, line: str) -> None:
    written = ("p1", *NO_PSEUDONYM, "p2")
    summary = board.deliver(feed, header + "".join(line.format(person, number) for number, person in enumerate(written)))
    assert board.rows(feed) == [("p1",), ("p2",)]
    expected = {(row, reason, "person_id", "set_aside") for row, reason in enumerate(NO_PSEUDONYM.values(), start=2)}
    assert expected <= board.reasons(feed)
    for reason in ("placeholder_identifier", "number_as_float"):
        times = list(NO_PSEUDONYM.values()).count(reason)
        assert summary.broken[f"{reason}__person_id"] == times
        results = board.lake.read("monitoring__validation", "rows_broken", f"rule = '{reason}' AND column_name = 'person_id'")
        assert results["rows_broken"].to_pylist() == [times]


def test_a_household_that_is_not_known_joins_no_one(board: Board) -> None:
    board.deliver(
        "patients",
        PATIENT + patient("p1", household="H1") + patient("p2", household="UNKNOWN") + patient("p3", household="unknown"),
    )
    assert board.rows("patients", "person_id, household_id") == [("p1", "H1"), ("p2", None), ("p3", None)]


def test_codes_are_read_in_plain_form_and_checked(board: Board) -> None:
    codes = (
        "44054006",
        "４４０５４００６",
        "44054006.0",
        "'44054006",
        "44054006\u200b",
        "44054007",
        "4.4E+07",
        "101013",
        "44054060",
    )
    entries = "".join(f"E{number},p1,Y00001,2024-01-01,2024-01-01,{code},,\n" for number, code in enumerate(codes, 1))
    board.deliver("gp_observations", ENTRY + entries)
    assert board.rows("gp_observations", "concept_code") == [("44054006",)] * 5
    found = {(number, reason) for number, reason, column, action in board.reasons("gp_observations") if action == "set_aside"}
    assert found == {
        (6, "wrong_check_digit"),
        (7, "number_as_float"),
        (7, "not_in_vocabulary"),
        (8, "not_a_snomed_concept"),
        (9, "wrong_check_digit"),
    }


def test_codes_that_are_mostly_wrong_stop_the_delivery(board: Board) -> None:
    entries = "".join(f"E{number},p1,Y00001,2024-01-01,2024-01-01,44054007,,\n" for number in range(10))
    with pytest.raises(ValidationStop, match="share_set_aside"):
        board.deliver("gp_observations", ENTRY + entries, rules=ValidationSettings())


def test_a_placeholder_of_a_provider_is_set_aside(board: Board) -> None:
    rows = [
        f"p1,S{number},{provider},2024-01-0{number},2024-01-0{number},21,1\n"
        for number, provider in enumerate(("RX1", "NONE", "XXX", "RX1"), 1)
    ]
    board.deliver("admissions", SPELL + "".join(rows))
    assert board.rows("admissions", "spell_number") == [("S1",), ("S4",)]
    assert {reason[:3] for reason in board.reasons("admissions")} == {
        (2, "placeholder_identifier", "provider_code"),
        (3, "placeholder_identifier", "provider_code"),
    }


# --- letter case ------------------------------------------------------------------------------------------------------


def differing_in_case(board: Board) -> Mapping[str, Mapping[str, Any]]:
    """Return the people of a list whose objection, deaths and confidential record name them in other letter case."""
    names = ("Pa", "Pb", "Pc", "Pd", "Pe")
    rows = [*map(patient, names), patient("pB", died="2024-02-03"), patient("pC", confidential="1")]
    board.deliver("patients", PATIENT + "".join(rows))
    board.deliver("opt_outs", OPT_OUT + "PA,NATIONAL,1,2020-01-01\npE,TYPE_1,0,2020-01-01\nPe,TYPE_1,1,2019-01-01\n")
    board.deliver("admissions", SPELL + "pd,S1,RX1,2024-01-01,2024-01-09,21,4\n")
    return board.people()


def test_case_that_is_not_declared_never_loses_an_objection_a_death_or_confidentiality(board: Board) -> None:
    people = differing_in_case(board)
    assert people["Pa"]["national_data_opt_out"]
    assert people["Pb"]["death_date"] == date(2024, 2, 3)
    assert not people["Pc"]["on_list"]
    assert people["Pd"]["death_date"] == date(2024, 1, 9)
    assert people["Pe"]["type_1_opt_out"]  # a withdrawal in other letter case ends nothing
    assert people["Pe"]["on_list"] and people["Pa"]["on_list"] and people["Pa"]["death_date"] is None


def test_case_that_matters_makes_two_people(tmp_path: Path) -> None:
    people = differing_in_case(Board(tmp_path, pseudonym_case="matters"))
    assert not people["Pa"]["national_data_opt_out"]
    assert people["Pb"]["death_date"] is None and people["Pd"]["death_date"] is None
    assert people["Pc"]["on_list"]


def test_case_that_is_ignored_makes_one_person(tmp_path: Path) -> None:
    board = Board(tmp_path, pseudonym_case="ignored")
    board.deliver("patients", PATIENT + patient("Pa") + patient("Pb"))
    board.deliver("opt_outs", OPT_OUT + "PA,NATIONAL,1,2020-01-01\n")
    board.deliver("admissions", SPELL + "pB,S1,RX1,2024-01-01,2024-01-09,21,4\n")
    people = board.people()
    assert set(people) == {"pa", "pb"}
    assert people["pa"]["national_data_opt_out"] and people["pb"]["death_date"] == date(2024, 1, 9)
    assert erase_person(board.lake, tmp_path / "reports", "\u200bPA", "asked for it", ignores_case=True)["raw__patients"] == 1
    board.deliver("opt_outs", OPT_OUT + "pA,NATIONAL,1,2020-01-01\npb,TYPE_1,1,2020-01-01\n", "2026-02-01")
    assert "pa" not in board.people()


# --- what matches no one ----------------------------------------------------------------------------------------------


def test_identifiers_that_match_no_one_are_counted_for_every_feed_and_delivery(board: Board) -> None:
    board.deliver("patients", PATIENT + patient("Pa") + patient("Pb"))
    board.deliver(
        "opt_outs", OPT_OUT + "Pa,TYPE_1,1,2020-01-01\npb,TYPE_1,1,2020-01-01\nPx,TYPE_1,1,2020-01-01\nPx,NATIONAL,1,2020-01-01\n"
    )
    board.deliver("opt_outs", OPT_OUT + "Py,TYPE_1,1,2020-01-01\n", "2026-02-01")
    board.deliver("actions", ACTION + "A1,abcdef01,pA,Y00001,Y,Y,ACCEPTED,,CONTACT,2025-12-01,\n")
    board.deliver(
        "gp_observations",
        ENTRY + "E1,Pb,Y00001,2024-01-01,2024-01-01,44054006,,\nE2,Pz,Y00001,2024-01-01,2024-01-01,44054006,,\n",
    )
    board.people()
    with connect() as con:
        lake_of_events(board.lake)
        sources = {feed: validated_rows_sql(board.lake, board.nhs, feed, board.tables[feed]) for feed in board.feeds}
        summary = conform_linkage(board.lake, con, sources)
    columns = "feed, organisation_code, extract_date, identifiers_not_on_list, rows_not_on_list, identifiers_by_case"
    rows = [
        tuple(row.values())
        for row in board.lake.read("core__linkage", columns, "identifiers_not_on_list IS NOT NULL").to_pylist()
    ]
    first, second = date(2026, 1, 1), date(2026, 2, 1)
    assert {row for row in rows if row[1] == "DELIVERY"} == {
        ("patients", "DELIVERY", first, 0, 0, 0),
        ("opt_outs", "DELIVERY", first, 2, 3, 1),
        ("opt_outs", "DELIVERY", second, 1, 1, 0),
        ("actions", "DELIVERY", first, 1, 1, 1),
        ("gp_observations", "DELIVERY", first, 1, 1, 0),
    }
    assert {row for row in rows if row[1] == "ALL"} == {
        ("patients", "ALL", None, 0, 0, 0), ("opt_outs", "ALL", None, 3, 4, 1), ("actions", "ALL", None, 1, 1, 1),
    }  # fmt: skip
    assert summary["found_only_without_letter_case_opt_outs"] == summary["found_only_without_letter_case_actions"] == 1


def lake_of_events(lake: Lake) -> None:
    """Write the tables of events that linkage reads, without rows."""
    from expectations.tables import core

    lake.write(core.EVENT, [])
    lake.write(core.CODE, [])


@pytest.mark.parametrize("written", ["Pa", " Pa\u200b", "Ｐａ"])
def test_an_erasure_finds_the_person_however_the_pseudonym_is_written(board: Board, written: str) -> None:
    board.deliver("patients", PATIENT + patient("Pa\u200b") + patient("Pb"))
    board.people()
    removed = erase_person(board.lake, board.folder / "reports", written, "asked for it")
    assert removed == {"core__person": 1, "raw__patients": 1}
    board.deliver("patients", PATIENT + patient("\u00a0Pa") + patient("Pb"), "2026-02-01")
    assert board.rows("patients") == [("Pb",)]


def test_every_feed_of_people_is_covered() -> None:
    assert all(table.column(table.person).scheme for table in (feed.table for feed in FEEDS.values()) if table)

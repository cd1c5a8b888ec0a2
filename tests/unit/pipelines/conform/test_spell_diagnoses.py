"""From a file to the diagnoses of a spell: each code counts by itself, and what cannot be used is counted with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from expectations.tables.core import QUARANTINE
from expectations.tables.raw_hospital import ADMISSIONS
from features.catalogue import build_catalogue
from features.code_lists import load_code_lists
from pipelines.conform.availability import AvailabilitySettings
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.spell import spell_sql
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import NhsSettings
from pipelines.validation.validate import ValidationSettings, validate_feed
from pipelines.validation.validated_rows import validated_rows_sql

CASE = Path(__file__).resolve().parents[5] / "shared" / "cases" / "admissions_diagnosis_lists_2026-01-01.csv"
HEADER = (
    "Der_Pseudo_NHS_Number,Hospital_Spell_No,Der_Provider_Code,Admission_Date,Discharge_Date,Admission_Method,"
    "Spell_Primary_Diagnosis,Der_Diagnosis_All\n"
)
NHS = NhsSettings(feeds={"admissions": {"load": "append"}})
LENIENT = ValidationSettings(limits={"share_set_aside": 1, "single_value": 0})


class Bench:
    """A landing folder and a lake for admissions."""

    def __init__(self, folder: Path) -> None:
        self.landing, self.lake = folder / "landing", Lake(folder / "lake")

    def diagnoses(self, content: str, settings: ValidationSettings = LENIENT) -> list[tuple[str | None, str | None]]:
        """Return the primary diagnosis and all diagnoses of each spell, in order of the person."""
        (self.landing / "admissions").mkdir(parents=True)
        (self.landing / "admissions" / "admissions_2026-01-01.csv").write_text(content, encoding="utf-8")
        with connect() as con:
            ingest_feed(self.lake, con, ADMISSIONS, NHS, self.landing)
            self.found = validate_feed(self.lake, con, ADMISSIONS, NHS, settings)
            con.execute(f"CREATE TEMP TABLE stays AS SELECT * FROM {validated_rows_sql(self.lake, NHS, 'admissions')}")
            people = "(SELECT person_id, row_number() OVER (ORDER BY person_id) AS person_key FROM (SELECT DISTINCT person_id FROM stays))"
            spells = spell_sql("stays", people, ClinicalRules(), AvailabilitySettings())
            return con.execute(f"SELECT primary_diagnosis, diagnoses FROM ({spells}) ORDER BY person_key").fetchall()

    def counted(self) -> list[tuple[int, str, str, str]]:
        """Return the rows with a fault in their diagnoses: number, reason, column and action."""
        columns = "row_number, reason, column_name, action"
        rows = self.lake.read(QUARANTINE.name, columns, "reason <> 'padding_or_case'", "row_number, column_name")
        return [tuple(row.values()) for row in rows.to_pylist()]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def rows(*diagnoses: tuple[str, str]) -> str:
    lines = [
        f"p{number:03},S{number},RX1,2025-02-01,2025-02-05,{21 + number % 2},{primary},{listed}\n"
        for number, (primary, listed) in enumerate(diagnoses, start=1)
    ]
    return HEADER + "".join(lines)


@pytest.mark.skipif(not CASE.is_file(), reason="the published cases are not next to this folder")
def test_the_published_lists_lose_the_unknown_code_alone(bench: Bench) -> None:
    heart_failure, others = bench.diagnoses(CASE.read_text(encoding="utf-8"))
    assert heart_failure == ("I500", "I500,N183")
    assert others == ("J44", "E119,J44")
    assert bench.counted() == [(2, "code_not_in_vocabulary", "diagnoses", "repaired")]
    catalogue = build_catalogue(load_code_lists(), 2025)
    for feature, code in (("heart_failure_ever", "I500"), ("copd_ever", "J44"), ("diabetes_ever", "E119")):
        concepts = [catalogue.concepts[name] for name in catalogue.by_name[feature].concepts]
        assert any(catalogue.covering(concept).covers("icd10", code) for concept in concepts)


def test_each_diagnosis_counts_by_itself_and_the_primary_one_is_among_them(bench: Bench) -> None:
    sent = [
        ("i50.0", "||i50.0 ,n18.3||J44X"),  # lower case and the separators of a national extract
        ("E11.4†", '"E11.4†,G63.2*"'),  # a dagger and its asterisk
        ("S72.00", "S7200D;W19.9"),  # a fifth character
        ("FALL", "FALL;W199"),  # the primary one cannot be used, the list can
        ("I500", "SEE NOTES"),  # the list cannot be used, the primary one can
        ("FALL", "ZZZZ9"),
        ("", "-"),  # there is no diagnosis, which is no fault
    ]
    sent = [(primary, listed if listed.startswith('"') else f'"{listed}"') for primary, listed in sent]
    assert bench.diagnoses(rows(*sent)) == [
        ("I500", "I500,J44,N183"),
        ("E114", "E114,G632"),
        ("S7200", "S7200,W199"),
        (None, "W199"),
        ("I500", "I500"),
        (None, None),
        (None, None),
    ]
    assert bench.counted() == [
        (4, "code_not_in_vocabulary", "diagnoses", "repaired"),
        (4, "not_in_vocabulary", "primary_diagnosis", "nulled"),
        (5, "not_in_vocabulary", "diagnoses", "nulled"),
        (6, "not_in_vocabulary", "diagnoses", "nulled"),
        (6, "not_in_vocabulary", "primary_diagnosis", "nulled"),
    ]


def test_many_lists_with_an_unknown_code_are_a_warning_and_lose_nothing_else(bench: Bench) -> None:
    found = bench.diagnoses(rows(*[("I500", "I500;LOCAL1")] * 60, *[("I500", "I500;N183")] * 40), ValidationSettings())
    assert found == [("I500", "I500")] * 60 + [("I500", "I500,N183")] * 40
    (result,) = bench.lake.read("monitoring__validation", where="rule = 'unknown_codes_in_lists'").to_pylist()
    assert (result["passed"], result["severity"]) == (False, "warn")


def test_a_primary_diagnosis_of_two_codes_or_with_a_term_keeps_its_code(bench: Bench) -> None:
    sent = [
        ("M51.1+G55.1*", "I10"),
        ("H36.0*E11.3+", ""),  # in the wrong order: the marks decide
        ("E11.9 - Type 2 diabetes", ""),
        ("I10X|Essential hypertension", "N183"),
        ("I500;N183", ""),  # which of the two is the main one is not known
    ]
    assert bench.diagnoses(rows(*sent)) == [
        ("M511", "G551,I10,M511"),
        ("E113", "E113,H360"),
        ("E119", "E119"),
        ("I10", "I10,N183"),
        (None, None),
    ]
    assert bench.counted() == [(5, "not_in_vocabulary", "primary_diagnosis", "nulled")]
    repaired = bench.lake.read(
        QUARANTINE.name, "row_number", "reason = 'padding_or_case' AND column_name = 'primary_diagnosis'", "row_number"
    )
    assert repaired["row_number"].to_pylist() == [3, 4]

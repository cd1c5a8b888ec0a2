"""What one delivery's rows break: rules of the table that need no delivery before it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from expectations.table import Table
from expectations.tables.raw_gp import PATIENTS
from expectations.tables.raw_hospital import ADMISSIONS
from pipelines.errors import ValidationStop
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import FeedSettings, NhsSettings
from pipelines.validation.validate import ValidationSettings, ValidationSummary, validate_feed

PATIENT_HEADER = "PERSON_ID,REGISTERED_PRACTICE_ORGANISATION_ID,BIRTH_YEAR,BIRTH_MONTH,SEX,IS_TEST_PATIENT\n"
SPELL_HEADER = "Der_Pseudo_NHS_Number,Hospital_Spell_No,Der_Provider_Code,Admission_Date,Discharge_Date,Admission_Method\n"
ABSENT = ("death_date", "is_confidential", "is_deleted", "is_spine_sensitive")
NHS = NhsSettings(feeds={"patients": FeedSettings(not_delivered=ABSENT), "admissions": FeedSettings(load="snapshot")})


class Bench:
    def __init__(self, folder: Path) -> None:
        self.landing, self.lake = folder, Lake(folder / "lake")

    def land(self, feed: str, day: str, content: str) -> None:
        (self.landing / feed).mkdir(exist_ok=True)
        (self.landing / feed / f"{feed}_{day}.csv").write_text(content)

    def validate(self, table: Table, lists: pd.DataFrame | None = None) -> ValidationSummary:
        with connect() as con:
            ingest_feed(self.lake, con, table, NHS, self.landing)
            return validate_feed(self.lake, con, table, NHS, ValidationSettings(), published_lists=lists)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def spell(person: str, number: str, provider: str, admitted: str, discharged: str, method: str = "21") -> str:
    return f"{person},{number},{provider},{admitted},{discharged},{method}\n"


def many(rows: int, month: str = "2025-01", provider: str = "RX1", method: str = "21") -> str:
    return "".join(
        spell(f"p{n}", f"{month}{n}", provider, f"{month}-{n % 28 + 1:02}", f"{month}-28", "11" if n % 2 else method)
        for n in range(rows)
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (SPELL_HEADER, "not_empty.* has no rows"),
        (SPELL_HEADER.replace("Admission_Method", "Method") + many(5), "columns_present.* has no column admission_method"),
        (SPELL_HEADER + many(30, method="ZZ"), "unknown_codes.*15 of 30 values of admission_method"),
        (SPELL_HEADER + many(10) + spell("p", "s", "RX1", "2025-01-03", "2025-01-01") * 5, r"share_set_aside.*5 of 15 rows"),
    ],
)
def test_a_broken_table_rule_stops(bench: Bench, content: str, words: str) -> None:
    bench.land("admissions", "2026-01-01", content)
    with pytest.raises(ValidationStop, match=words):
        bench.validate(ADMISSIONS)
    with pytest.raises(ValidationStop, match=words):
        bench.validate(ADMISSIONS)


def test_a_practice_below_its_published_list_is_a_warning(bench: Bench) -> None:
    people = "".join(f"p{n},Y00001,1950,6,{n % 2 + 1},0\n" for n in range(60))
    bench.land("patients", "2026-01-01", PATIENT_HEADER + people)
    found = bench.validate(PATIENTS, pd.DataFrame({"practice_code": ["Y00001"], "patients": [400]}))
    assert (
        found.warnings[0].words
        == "below_published_list, delivery of 2026-01-01: Y00001: 60 patients, 400 on the published list (15%) (limit 0.5)"
    )

"""A landing folder and a lake for patients and admissions, and rows of admissions for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from expectations.table import Table
from expectations.tables.raw_gp import PATIENTS
from expectations.tables.raw_hospital import ADMISSIONS
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.reports.data_docs import data_docs
from pipelines.sources.nhs import FeedSettings, NhsSettings
from pipelines.validation.validate import ValidationSettings, ValidationSummary, validate_feed

PATIENT_HEADER = "PERSON_ID,REGISTERED_PRACTICE_ORGANISATION_ID,BIRTH_YEAR,BIRTH_MONTH,SEX,IS_TEST_PATIENT\n"
SPELL_HEADER = "Der_Pseudo_NHS_Number,Hospital_Spell_No,Der_Provider_Code,Admission_Date,Discharge_Date,Admission_Method\n"
ABSENT = ("death_date", "is_confidential", "is_deleted", "is_spine_sensitive")
NHS = NhsSettings(feeds={"patients": FeedSettings(not_delivered=ABSENT), "admissions": FeedSettings(load="snapshot")})
LENIENT = ValidationSettings(limits={"share_set_aside": 1, "unknown_codes": 1})


class Bench:
    def __init__(self, folder: Path) -> None:
        self.landing, self.lake = folder, Lake(folder / "lake")

    def land(self, feed: str, day: str, content: str, part: str = "") -> None:
        (self.landing / feed).mkdir(exist_ok=True)
        (self.landing / feed / f"{feed}{part}_{day}.csv").write_text(content)

    def validate(
        self,
        settings: ValidationSettings = LENIENT,
        tables: Sequence[Table] = (PATIENTS, ADMISSIONS),
        lists: pd.DataFrame | None = None,
        docs: Path | None = None,
    ) -> dict[str, ValidationSummary]:
        """Take in and validate what landed of some feeds; `lists` are the published lists of practices, `docs` the folder of the pages."""
        pages = data_docs(docs) if docs else None
        with connect() as con:
            found = {}
            for table in tables:
                ingest_feed(self.lake, con, table, NHS, self.landing)
                found[table.feed] = validate_feed(self.lake, con, table, NHS, settings, published_lists=lists, docs=pages)
        return found

    def quarantine(self, feed: str) -> list[tuple]:
        rows = self.lake.read(
            "core__quarantine", "file_name, row_number, reason, column_name, action", f"table_name = 'raw__{feed}'", "1, 2, 3, 4"
        )
        return [tuple(row.values())[1:] for row in rows.to_pylist()]


def spell(person: str, number: str, provider: str, admitted: str, discharged: str, method: str = "21") -> str:
    return f"{person},{number},{provider},{admitted},{discharged},{method}\n"


def many(rows: int, month: str = "2025-01", provider: str = "RX1", method: str = "21") -> str:
    return "".join(
        spell(f"p{n}", f"{month}{n}", provider, f"{month}-{n % 28 + 1:02}", f"{month}-28", "11" if n % 2 else method)
        for n in range(rows)
    )

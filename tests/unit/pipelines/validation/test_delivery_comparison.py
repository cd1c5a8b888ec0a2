"""Deliveries that bring fewer rows than the one before, or the same value in every row."""

from __future__ import annotations

from pathlib import Path

import pytest

from expectations.tables.raw_hospital import ADMISSIONS
from pipelines.errors import ValidationStop
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import FeedSettings, NhsSettings
from pipelines.validation.validate import ValidationSettings, validate_feed

SPELL_HEADER = "Der_Pseudo_NHS_Number,Hospital_Spell_No,Der_Provider_Code,Admission_Date,Discharge_Date,Admission_Method\n"
NHS = NhsSettings(feeds={"admissions": FeedSettings(load="snapshot")})
LENIENT = ValidationSettings(limits={"share_set_aside": 1, "unknown_codes": 1})


class Bench:
    def __init__(self, folder: Path) -> None:
        self.landing, self.lake = folder, Lake(folder / "lake")

    def land(self, feed: str, day: str, content: str) -> None:
        (self.landing / feed).mkdir(exist_ok=True)
        (self.landing / feed / f"{feed}_{day}.csv").write_text(content)

    def validate(self) -> None:
        with connect() as con:
            ingest_feed(self.lake, con, ADMISSIONS, NHS, self.landing)
            validate_feed(self.lake, con, ADMISSIONS, NHS, LENIENT)


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


def test_a_collapsed_month_stops_and_says_where(bench: Bench) -> None:
    bench.land("admissions", "2025-03-01", SPELL_HEADER + many(60) + many(60, "2025-02"))
    bench.land("admissions", "2025-04-01", SPELL_HEADER + many(20) + many(60, "2025-02"))
    with pytest.raises(
        ValidationStop,
        match=r"month_collapsed, delivery of 2025-04-01: RX1 2025-01: 20 rows, 60 in the previous delivery \(33%\) \(limit 0\.5\)",
    ):
        bench.validate()
    with pytest.raises(ValidationStop, match=r"validation\.limits\.admissions\.month_collapsed"):
        bench.validate()


def test_a_column_that_froze_stops(bench: Bench) -> None:
    bench.land("admissions", "2025-03-01", SPELL_HEADER + many(60))
    bench.land("admissions", "2025-04-01", SPELL_HEADER + many(60).replace(",21\n", ",11\n"))
    with pytest.raises(ValidationStop, match=r"single_value.*admission_method has one value or none"):
        bench.validate()

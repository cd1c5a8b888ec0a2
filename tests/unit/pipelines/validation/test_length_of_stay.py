"""A length of stay that a sender computed decides nothing: a spell with good dates counts, whatever its value."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from expectations.tables.raw_hospital import ADMISSIONS
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import FeedSettings, NhsSettings
from pipelines.validation.validate import ValidationSettings, validate_feed
from pipelines.validation.validated_rows import validated_rows_sql

HEADER = "Der_Pseudo_NHS_Number,Hospital_Spell_No,Der_Provider_Code,Admission_Date,Discharge_Date,Admission_Method,Der_Spell_LoS,Der_Episode_Count\n"
NHS = NhsSettings(feeds={"admissions": FeedSettings(load="snapshot")})
LIMITS = {"share_set_aside": 1, "unknown_codes": 1, "single_value": 0, "feed_collapsed": 0, "month_collapsed": 0}
OTHERS = "".join(f"other{n},{n},RX2,2025-01-{n},2025-01-{n},{'11' if n % 2 else '21'},0,1\n" for n in range(10, 31))
CONTRADICTS, AFTER_EXTRACT = "length_of_stay_contradicts_dates", "length_of_stay_after_extract"


@pytest.fixture
def validated(tmp_path: Path):
    def run(row: str) -> tuple[list[tuple[date, date | None, int | None]], list[tuple[str, str]]]:
        """Return the usable rows of ann, as dates and length of stay, with the reasons and actions of the checks."""
        lake, folder = Lake(tmp_path / "lake"), tmp_path / "admissions"
        folder.mkdir()
        (folder / "admissions_2026-01-01.csv").write_text(f"{HEADER}ann,1,RX1,{row}\n{OTHERS}")
        with connect() as con:
            ingest_feed(lake, con, ADMISSIONS, NHS, tmp_path)
            validate_feed(lake, con, ADMISSIONS, NHS, ValidationSettings(limits=LIMITS))
            columns = "admission_date, discharge_date, length_of_stay"
            rows = con.sql(
                f"SELECT {columns} FROM {validated_rows_sql(lake, NHS, 'admissions')} WHERE person_id = 'ann'"
            ).fetchall()
        reasons = lake.read("core__quarantine", "reason, action", "row_number = 1").to_pylist()
        return rows, [(each["reason"], each["action"]) for each in reasons]

    return run


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("999", CONTRADICTS), ("745", CONTRADICTS), ("73100", CONTRADICTS), ("0", CONTRADICTS), ("2147483647", CONTRADICTS),
        ("-4", "out_of_range"), ("99999999999", "unreadable_number"), ("four", "unreadable_number"), ("4.5", "unreadable_number"),
    ],
)  # fmt: skip
def test_an_odd_length_of_stay_is_counted_and_the_spell_stays(validated, text, reason):
    rows, reasons = validated(f"2025-03-01,2025-03-05,21,{text},1")
    nights = 4 if reason == CONTRADICTS else None
    assert rows == [(date(2025, 3, 1), date(2025, 3, 5), nights)]
    assert reasons == [(reason, "repaired" if reason == CONTRADICTS else "nulled")]


@pytest.mark.parametrize("text", ["4", "3", "5", ""])
def test_a_length_of_stay_that_agrees_with_the_dates_is_as_it_was_sent(validated, text):
    rows, reasons = validated(f"2025-03-01,2025-03-05,21,{text},1")
    assert rows == [(date(2025, 3, 1), date(2025, 3, 5), int(text) if text else None)]
    assert reasons == []


def test_an_open_stay_longer_than_its_delivery_allows_has_no_length(validated):
    rows, reasons = validated("2025-12-01,,21,999,1")
    assert rows == [(date(2025, 12, 1), None, None)]
    assert reasons == [(AFTER_EXTRACT, "nulled")]


def test_the_length_of_an_open_stay_up_to_its_delivery_is_kept(validated):
    assert validated("2025-12-01,,21,31,1") == ([(date(2025, 12, 1), None, 31)], [])


def test_a_long_stay_is_kept_by_its_episodes_and_not_by_its_length(validated):
    rows, reasons = validated("2023-01-01,2025-03-05,21,4,9")
    assert rows == [(date(2023, 1, 1), date(2025, 3, 5), 794)]
    assert reasons == [(CONTRADICTS, "repaired")]


def test_dates_that_are_years_apart_in_one_episode_are_set_aside(validated):
    rows, reasons = validated("2022-01-01,2025-03-05,21,4,1")
    assert rows == []
    assert ("implausible_length_of_stay", "set_aside") in reasons

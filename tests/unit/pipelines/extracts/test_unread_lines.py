"""Whom lines that are no rows name, by pseudonym: the same person as in rows, never an identifier in clear, and no erased person."""

from __future__ import annotations

from pathlib import Path

import pytest

from expectations.tables.core import UNREAD_LINE
from expectations.tables.raw_gp import PATIENTS
from expectations.tables.records import ERASURES
from pipelines.extracts.erased_people import digest_of_person
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import FeedSettings, NhsSettings

HEADER = "PERSON_ID,REGISTERED_PRACTICE_ORGANISATION_ID,BIRTH_YEAR,DEATH_DATE\n"


def deliver(folder: Path, text: str, erased: str = "", **settings: object) -> Lake:
    """Take in a list in which lines are no rows."""
    (folder / "patients").mkdir()
    (folder / "patients" / "patients_2026-01-01.csv").write_text(HEADER + text, encoding="utf-8")
    lake, nhs = Lake(folder / "lake"), NhsSettings(feeds={"patients": FeedSettings.model_validate(settings)})
    if erased:
        lake.append(ERASURES, [{"person_digest": digest_of_person(erased), "recorded_at": "2026", "reason": "asked"}])
    with connect() as con:
        ingest_feed(lake, con, PATIENTS, nhs, folder)
    return lake


def people(lake: Lake) -> list[str]:
    return list(lake.read_or_empty(UNREAD_LINE, "person_id", order="row_number")["person_id"].to_pylist())


PSEUDONYMS = "".join(f"p{number},Y00001,1940,\n" for number in range(9))


def test_a_line_has_the_pseudonym_of_the_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATA_PSEUDONYM_KEY", "k" * 40)
    rows = "9434765919,Y00001,1940,\n" * 8
    forms = ["9434765919", "943 476 5919", "9434765919\u00a0", "UNKNOWN", "9434765910"]
    lines = "".join(f"{form},Y00001,1940,2025-12-01,more\n" for form in forms)
    lake = deliver(tmp_path, rows + lines, pseudonymised=False)
    same = lake.read("raw__patients", "DISTINCT person_id")["person_id"].to_pylist()
    assert people(lake) == same * 3
    assert not any(b"4765919" in file.read_bytes() for file in (tmp_path / "lake").rglob("*.parquet"))


def test_a_clear_identifier_among_pseudonyms_is_not_stored(tmp_path: Path) -> None:
    lines = "p1,Y00001,1940,,x\n9434765919,Y00001,1940,,x\nSMITH JOHN,Y00001,1940,,x\n"
    assert people(deliver(tmp_path, PSEUDONYMS + lines)) == ["p1"]


def test_an_erased_person_is_not_stored_again(tmp_path: Path) -> None:
    assert people(deliver(tmp_path, PSEUDONYMS + "p1,Y00001,1940,,x\np2,Y00001,1940,,x\n", erased="p1")) == ["p2"]

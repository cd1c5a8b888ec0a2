"""A new feed takes four edits: they are made here on a copy of the packages, and each one that is missing is reported by name.

The edits are the recipe of docs/changing-strata.md. The copy runs in a separate process, so nothing is patched.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("expectations", "features", "models", "pipelines")
RAW_TABLE = '''"""Contacts of community services."""

from expectations.table import Action, Column, Kind
from expectations.tables.raw_common import code, event_date, person, raw_table

COMMUNITY_CONTACTS = raw_table(
    "community_contacts",
    "Contacts of community nursing and therapy teams.",
    (
        person("PERSON"),
        Column("record_id", Kind.IDENTIFIER, "The sender's record number.", nullable=False, on_violation=Action.SET_ASIDE,
               source="ID", required_in_file=True),
        Column("provider_code", Kind.CODE, "ODS code of the provider.", nullable=False, pattern=r"[A-Z0-9]{3,6}",
               on_violation=Action.SET_ASIDE, source="PROVIDER", required_in_file=True),
        event_date("contact_date", "CONTACT_DATE", "Day of the contact."),
        code("team", "TEAM", "The team."),
    ),
    ("provider_code", "record_id"),
    event_date="contact_date",
    available="contact_date",
    provider="provider_code",
)
'''
FEED = """COMMUNITY_CONTACTS = Feed(
    "community_contacts", Family.OTHER_CARE, raw_community.COMMUNITY_CONTACTS, load="append", lag_days=21,
    legal_basis="Risk stratification approval: community services", number=16,
    event_types=(EventType(50, "community_contact", "A contact of a community team.", "team", is_record=True),),
    code_column="team", columns_without_facts=("record_id",),
)

# In the order"""
# File, the text that is replaced, what replaces it.
EDITS = {
    "the raw table": [("expectations/tables/raw_community.py", "", RAW_TABLE)],
    "the declaration": [
        ("expectations/feeds.py", "import raw_actions,", "import raw_actions, raw_community,"),
        ("expectations/feeds.py", "# In the order", FEED),
        ("expectations/feeds.py", "    ACTIONS,\n", "    ACTIONS,\n    COMMUNITY_CONTACTS,\n"),
    ],
    "the SQL of its events": [
        ("pipelines/conform/event_rows.py", "    GP_MEDICATION_ORDERS.name: one_event,\n",
         '    GP_MEDICATION_ORDERS.name: one_event,\n    "community_contacts": one_event,\n'),
    ],
    "its features": [
        ("features/utilisation.py", "CONCEPTS = (\n", 'CONCEPTS = (\n    Concept("community_contact", ("community_contact",)),\n'),
        ("features/utilisation.py", "_COUNTS = (\n",
         '_COUNTS = (\n    *_windows("community_contact", "community_contacts", "Community contacts", (365,)),\n'),
    ],
}  # fmt: skip
RUN = '''
import json, sys
from datetime import date
from pathlib import Path
from expectations.catalogue import RAW_TABLES
from features.catalogue import build_catalogue, catalogue_rows, unavailable
from features.code_lists import load_code_lists
from features.coverage import coverage_calendar
from pipelines.conform import core_tables as steps
from pipelines.conform.availability import AvailabilitySettings
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.coverage import CoverageSettings
from pipelines.conform.event import EventRequest
from pipelines.conform.registration import RegistrationSettings
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import NhsSettings
from pipelines.validation.validate import ValidationSettings, validate_feed
from pipelines.validation.validated_rows import validated_rows_sql

home = Path(sys.argv[1])
lake, nhs, rules, feeds = Lake(home / "lake"), NhsSettings(), ClinicalRules(), ("patients", "registrations", "community_contacts")
lags = AvailabilitySettings(lag_days={feed: nhs.lag_days(feed) for feed in nhs.feeds})
with connect() as con:
    for feed in feeds:
        ingest_feed(lake, con, RAW_TABLES[feed], nhs, home / "landing")
        validate_feed(lake, con, RAW_TABLES[feed], nhs, ValidationSettings())
    rows = {feed: validated_rows_sql(lake, nhs, feed) for feed in feeds}
    steps.conform_people(lake, con, rows, rules)
    steps.conform_registrations(lake, con, rows, RegistrationSettings())
    steps.conform_spells(lake, con, rows, rules, lags)
    steps.conform_events(lake, con, rows, EventRequest(rules, lags, home / "work"))
    steps.conform_coverage(lake, con, rows, CoverageSettings(), date(2026, 1, 1), {})
    steps.conform_linkage(lake, con, rows)
    events = con.sql(f"""SELECT name, code.source_code, provider.source_code, person_id, CAST(event_date AS VARCHAR), CAST(available_date AS VARCHAR)
        FROM {lake.scan("core__event")} AS event JOIN {lake.scan("core__event_type")} USING (event_type)
        JOIN {lake.scan("core__person")} USING (person_key)
        JOIN {lake.scan("core__code")} AS code ON code.code = event.code JOIN {lake.scan("core__code")} AS provider ON provider.code = event.provider
        ORDER BY event_date, person_id""").fetchall()
    covered = con.sql(f"""SELECT organisation_role, organisation_code, count(*) FROM {lake.scan("core__coverage")}
        WHERE feed = 'community_contacts' AND status = 'covered' GROUP BY ALL ORDER BY ALL""").fetchall()
    linked = con.sql(f"SELECT people FROM {lake.scan('core__linkage')} WHERE feed = 'community_contacts' AND organisation_code = 'ALL'").fetchall()
calendar = coverage_calendar(lake.read("core__coverage", "feed, organisation_code, month, status", "organisation_role = 'practice'"))
catalogue = build_catalogue(load_code_lists(None), 2019)
reasons = unavailable(catalogue, calendar.feeds, None)
feature = [row for row in catalogue_rows(catalogue, reasons) if row["name"] == "community_contacts_365d"]
print(json.dumps({"events": events, "covered": covered, "linked": linked, "feature": feature}, default=str))
'''


def copy_with_edits(folder: Path, without: str = "") -> Path:
    """Copy the packages and make the edits of the recipe, but for one."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for edit in (edit for part, edits in EDITS.items() if part != without for edit in edits):
        path, before, after = folder / edit[0], edit[1], edit[2]
        text = path.read_text(encoding="utf-8") if before else ""
        assert text.count(before) == 1, f"{edit[0]}: {before!r} is not there once; correct the edit in this test"
        path.write_text(text.replace(before, after), encoding="utf-8")
    return folder


def run(folder: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)


def write_extracts(landing: Path) -> None:
    people = [f"p{number}" for number in range(6)]
    months = [f"2025-{month:02}" for month in range(1, 13)]
    files = {
        "patients": ["PERSON_ID,REGISTERED_PRACTICE_ORGANISATION_ID,BIRTH_YEAR,BIRTH_MONTH,SEX,DEATH_DATE,IS_CONFIDENTIAL,IS_TEST_PATIENT,IS_SPINE_SENSITIVE,IS_DELETED",
                     *(f"{person},A8000{number % 2},19{50 + number},6,{1 + number % 2},,0,0,0,0" for number, person in enumerate(people))],
        "registrations": ["PERSON_ID,ORGANISATION_ID,START_DATE,END_DATE",
                          *(f"{person},A8000{number % 2},20{10 + number}-03-0{number + 1}," for number, person in enumerate(people))],
        "community_contacts": ["PERSON,ID,PROVIDER,CONTACT_DATE,TEAM",
                               *(f"{person},{month}{person},RXX,{month}-1{number},TEAM{number % 2}"
                                 for month in months for number, person in enumerate(people))],
    }  # fmt: skip
    for feed, lines in files.items():
        (landing / feed).mkdir(parents=True)
        (landing / feed / f"{feed}_2026-01-01.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_four_files_make_a_feed_events_coverage_and_a_feature(tmp_path):
    assert len({path for edits in EDITS.values() for path, *_ in edits}) <= 4
    copy = copy_with_edits(tmp_path / "copy")
    write_extracts(tmp_path / "landing")
    done = run(copy, RUN, str(tmp_path))
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert len(result["events"]) == 72  # six people, twelve months
    assert result["events"][0] == ["community_contact", "TEAM0", "RXX", "p0", "2025-01-10", "2025-01-31"]  # known after 21 days
    assert result["covered"] == [["practice", "A80000", 12], ["practice", "A80001", 12], ["provider", "RXX", 12]]
    assert result["linked"] == [[6]]
    (feature,) = result["feature"]
    assert feature["status"] == "computed"
    assert feature["legal_basis"] == "Risk stratification approval: community services"


@pytest.mark.parametrize(
    ("without", "message"),
    [
        ("the raw table", "cannot import name 'raw_community'"),
        ("the declaration", "raw_community.py declares raw__community_contacts, and no feed has it"),
        ("the SQL of its events", "community_contacts: declared with event types in expectations/feeds.py, and without the SQL"),
    ],
)
def test_a_part_that_is_missing_is_reported_by_name_at_import(tmp_path, without, message):
    done = run(copy_with_edits(tmp_path, without), "import expectations.catalogue, pipelines.conform.event_rows")
    assert done.returncode != 0
    assert message in done.stderr


def test_events_without_a_declaration_are_reported_by_name(tmp_path):
    copy = copy_with_edits(tmp_path, "the declaration")
    (copy / "expectations/tables/raw_community.py").unlink()
    done = run(copy, "import pipelines.conform.event_rows")
    assert "community_contacts: EVENT_SQL in pipelines/conform/event_rows.py has its events" in done.stderr

"""Real input through ingest, validation and later stages; each needs open data in a folder next to the project."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import yaml

from expectations.catalogue import RAW_TABLES
from expectations.tables import core
from pipelines.building.load_feature_table import load_feature_table
from pipelines.conform.availability import AvailabilitySettings
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.core_tables import conform_events, conform_people, conform_registrations, conform_spells
from pipelines.conform.event import EventRequest
from pipelines.conform.omop.core_tables import conform_omop_coverage, conform_omop_events, people_sources
from pipelines.conform.omop.feed_rows import omop_availability, omop_sources
from pipelines.conform.omop.links import linked_rows, quarantine_unlinked
from pipelines.conform.registration import RegistrationSettings
from pipelines.errors import ValidationStop
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.decision_record import import_once
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.deliveries import deliveries
from pipelines.sources.episodes import as_delivered
from pipelines.sources.feature_table import FeatureTableSettings
from pipelines.sources.feature_table_columns import FEED, declare_feature_table, feature_table_feed, feature_table_file
from pipelines.sources.nhs import NhsSettings
from pipelines.sources.omop.settings import OmopSettings
from pipelines.sources.omop.source import OmopSource
from pipelines.validation.accepted_breaches import decision_of_settings
from pipelines.validation.validate import validate_feed
from pipelines.validation.validated_rows import validated_rows_sql
from pipelines.validation.validation_settings import ValidationSettings

pytestmark = pytest.mark.slow
PROJECT = Path(__file__).parents[2]
CONFIG = PROJECT / "config"
DATA = PROJECT.parent / "shared" / "data"


def needs(folder: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not (DATA / folder).is_dir(), reason=f"the open data {folder} are not beside the project")


def configured(name: str) -> dict:
    return yaml.safe_load((CONFIG / name).read_text(encoding="utf-8"))


@needs("mimic_omop_demo")
def test_the_mimic_demo_becomes_core_tables(tmp_path: Path) -> None:
    settings = OmopSettings.model_validate(configured("mimic_demo.yaml")["source"]["omop"])
    omop, lake, rules = OmopSource(settings).open(CONFIG, tmp_path), Lake(tmp_path / "lake"), ClinicalRules()
    with connect() as con:
        taken = {table.feed: ingest_feed(lake, con, table, omop.reading, omop.landing).rows for table in omop.tables}
        again = sum(ingest_feed(lake, con, table, omop.reading, omop.landing).rows for table in omop.tables)
        for table in omop.tables:
            validate_feed(lake, con, table, omop.reading, ValidationSettings())
        rows = {
            table.feed.removeprefix("omop_"): validated_rows_sql(lake, omop.reading, table.feed, table) for table in omop.tables
        }
        unlinked = quarantine_unlinked(lake, con, rows)
        cdm = linked_rows(rows)
        sources = omop_sources(cdm, settings)
        people = conform_people(lake, con, people_sources(sources), rules)
        registrations = conform_registrations(lake, con, sources, RegistrationSettings())
        spells = conform_spells(lake, con, sources, rules, omop_availability(settings))
        events = conform_omop_events(
            lake, con, cdm, settings, EventRequest(rules, omop_availability(settings), tmp_path / "work")
        )
        conform_omop_coverage(lake, con)
        by_type = dict(
            con.sql(
                f"SELECT name, count(*) FROM {lake.scan(core.EVENT.name)} JOIN {lake.scan(core.EVENT_TYPE.name)} USING (event_type) GROUP BY name"
            ).fetchall()
        )

    assert (taken["omop_person"], taken["omop_visit_occurrence"], again, unlinked) == (100, 852, 0, {})
    assert (people["people"], people["on_list"], people["died"]) == (100, 100, 15)
    assert registrations["registrations"] == 100
    assert (spells["spells"], spells["stays"]) == (232, 233)
    assert by_type["omop_condition"] == taken["omop_condition_occurrence"]
    assert by_type["omop_drug"] == taken["omop_drug_exposure"]
    assert by_type["omop_procedure"] == taken["omop_procedure_occurrence"]
    assert (by_type["emergency_admission"], by_type["elective_admission"], by_type["hospital_diagnosis"]) == (201, 31, 1640)
    assert sum(by_type.values()) == events["events"]
    assert 233 + by_type["ae_attendance"] + by_type["outpatient_attended"] == taken["omop_visit_occurrence"]


@needs("diabetes130")
def test_the_diabetes_encounters_become_features_and_labels(tmp_path: Path) -> None:
    settings = FeatureTableSettings.model_validate(configured("diabetes130.yaml")["source"]["feature_table"])
    lake = Lake(tmp_path / "lake")
    file = feature_table_file(settings, CONFIG, tmp_path / "landing")
    table, feeds = declare_feature_table(settings, file), deliveries({FEED: feature_table_feed(settings, file)})
    with connect() as con:
        taken = ingest_feed(lake, con, table, feeds, file.parent)
        validated = validate_feed(lake, con, table, feeds, ValidationSettings())
        summary = load_feature_table(
            lake, con, table, validated_rows_sql(lake, feeds, FEED, table), settings, "unplanned_readmission", 30
        )
    catalogue = lake.read("features__catalogue").to_pylist()
    race = [row for row in catalogue if "race" in row["name"]]

    assert (taken.rows, validated.rows_set_aside, summary["rows"], summary["people"]) == (101_766, 0, 101_766, 71_518)
    assert summary["not_at_risk_died"] + summary["not_at_risk_went_to_hospice"] == 2_423
    assert (summary["with_outcome"], summary["without_outcome"]) == (11_314, 88_029)
    assert [row["role"] for row in race] == ["audit"]
    assert lake.rows("features__person") == lake.rows("risk__labels") == 101_766


@needs("artificial_hes")
def test_every_hes_row_is_in_a_core_table_or_in_quarantine(tmp_path: Path) -> None:
    content = configured("artificial_hes.yaml")
    nhs, validation = (
        NhsSettings.model_validate(content["source"]["nhs"]),
        ValidationSettings.model_validate(content["validation"]),
    )
    landing, lake, rules, available = (
        (CONFIG / str(nhs.landing)).resolve(),
        Lake(tmp_path / "lake"),
        ClinicalRules(),
        AvailabilitySettings(),
    )
    sources, taken, set_aside = {}, {}, {}
    import_once(lake, [decision_of_settings(breach, date.today()) for breach in validation.accepted], dated=False)
    with connect() as con:
        for feed, settings in nhs.feeds.items():
            table = as_delivered(RAW_TABLES[feed], settings)
            taken[feed] = ingest_feed(lake, con, table, nhs, landing).rows
            set_aside[feed] = validate_feed(lake, con, table, nhs, validation).rows_set_aside
            sources[feed] = validated_rows_sql(lake, nhs, feed, table)
        quarantined = dict(
            con.sql(
                f"SELECT table_name, count(DISTINCT row_number) FROM {lake.scan(core.QUARANTINE.name)} WHERE action = 'set_aside' GROUP BY ALL"
            ).fetchall()
        )
        conform_people(lake, con, sources, rules)
        conform_registrations(lake, con, sources, RegistrationSettings())
        spells = conform_spells(lake, con, sources, rules, available)
        conform_events(lake, con, sources, EventRequest(rules, available, tmp_path / "work"))
        by_feed = dict(
            con.sql(
                f"SELECT kind.feed, count(*) FROM {lake.scan(core.EVENT.name)} AS event "
                f"JOIN {lake.scan(core.EVENT_TYPE.name)} AS kind USING (event_type) GROUP BY kind.feed"
            ).fetchall()
        )

    assert taken == {"admissions": 2075, "emergency_attendances": 1000, "outpatient_appointments": 1000}
    assert quarantined.get("raw__admissions", 0) == set_aside["admissions"] > 0
    assert spells["stays"] == taken["admissions"] - set_aside["admissions"]
    assert by_feed["emergency_attendances"] == taken["emergency_attendances"] - set_aside["emergency_attendances"]
    assert by_feed["outpatient_appointments"] == taken["outpatient_appointments"] - set_aside["outpatient_appointments"]


@needs("mimic_omop_demo")
def test_an_extract_date_before_the_last_event_is_refused(tmp_path: Path) -> None:
    content = configured("mimic_demo.yaml")["source"]["omop"]
    settings = OmopSettings.model_validate({**content, "extract_date": date(2021, 5, 3)})
    omop, lake = OmopSource(settings).open(CONFIG, tmp_path), Lake(tmp_path / "lake")
    visits = next(table for table in omop.tables if table.feed == "omop_visit_occurrence")
    with connect() as con:
        ingest_feed(lake, con, visits, omop.reading, omop.landing)
        with pytest.raises(ValidationStop, match="omop_visit_occurrence"):
            validate_feed(lake, con, visits, omop.reading, ValidationSettings())

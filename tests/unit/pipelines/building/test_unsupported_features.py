"""Concepts without any event in a feed with many records: their features are not computed, because 0 would mean that none happened."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from expectations.tables import core
from features.catalogue import Catalogue
from features.catalogue import build_catalogue as declare_catalogue
from features.code_list_matches import unmatched
from features.code_lists import load_code_lists
from features.events import EVENT_TYPES, NUMBER_OF
from pipelines.building.unsupported_features import LEAST_RECORDS, empty_concepts
from pipelines.lake.storage import Lake

DAY = date(2025, 5, 1)
OF_DIAGNOSES = {
    "distinct_diagnoses_365d", "self_harm_ever", "hospital_frailty_score_730d", "charlson_shmi_1095d", "charlson_band",
    "ambulatory_care_sensitive_spells_365d",
}  # fmt: skip


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return declare_catalogue(load_code_lists(), 2019)


def reasons(folder: Path, catalogue: Catalogue, events: dict[str, int]) -> dict[str, str]:
    """Return why features are not computed on a board with some events of each type."""
    lake = Lake(folder)
    blank = {"person_key": 1, "event_date": DAY, "available_date": DAY, "code": 0, "value": None, "provider": 0, "feed": 1}
    rows = [{**blank, "event_type": NUMBER_OF[kind]} for kind, number in events.items() for _ in range(number)]
    lake.write(core.EVENT, rows)
    return unmatched(catalogue, (), empty_concepts(lake, catalogue)).reasons


def every_type(number: int, *without: str) -> dict[str, int]:
    return {kind.name: number for kind in EVENT_TYPES if kind.name not in without}


def test_stays_without_any_diagnosis_leave_the_features_of_diagnoses_null(tmp_path: Path, catalogue: Catalogue) -> None:
    found = reasons(tmp_path, catalogue, every_type(LEAST_RECORDS, "hospital_diagnosis", "ambulatory_care_sensitive_discharge"))
    assert set(found) >= OF_DIAGNOSES
    assert "of the feed admissions has hospital_diagnosis" in found["distinct_diagnoses_365d"]
    # Features that the GP record or the stay itself also states are computed.
    assert not {"hypertension_ever", "emergency_overnight_spells_365d", "gp_contacts_365d"} & set(found)


@pytest.mark.parametrize(
    "kind", ["ambulance_arrival", "out_of_hours_attendance", "left_before_seen", "outpatient_missed", "spell_cost"]
)
def test_a_detail_that_no_record_of_a_feed_has_is_not_known(tmp_path: Path, catalogue: Catalogue, kind: str) -> None:
    found = reasons(tmp_path, catalogue, every_type(LEAST_RECORDS, kind))
    read = {name for name, concept in catalogue.concepts.items() if concept.event_types == (kind,)}
    features = {feature.name for feature in catalogue.features if feature.concept in read}
    assert features and features <= set(found)


def test_among_few_records_none_may_be_by_chance(tmp_path: Path, catalogue: Catalogue) -> None:
    assert reasons(tmp_path, catalogue, every_type(20, "left_before_seen", "hospital_diagnosis")) == {}


def test_a_board_with_events_of_every_type_lacks_nothing(tmp_path: Path, catalogue: Catalogue) -> None:
    assert reasons(tmp_path, catalogue, every_type(LEAST_RECORDS)) == {}

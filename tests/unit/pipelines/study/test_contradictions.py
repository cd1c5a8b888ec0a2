"""Settings that contradict each other are refused as they are read; the message names both settings and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.errors import SettingsError
from pipelines.run.settings import read_settings
from pipelines.study.settings import StudySettings

TRAIN, TEST, SCORE = "study.index_dates.train", "study.index_dates.test", "study.index_dates.score"
FITS: dict[str, Any] = {"index_dates": {"train": ["2022-12-01", "2023-06-01"], "test": "2024-09-01", "score": "2025-12-01"}}


def dates(**changes: Any) -> dict[str, Any]:
    return {"index_dates": FITS["index_dates"] | changes}


def bands_of(first: int, *further: int) -> dict[str, Any]:
    """Return studies with so many bands each."""
    each = [
        {"names": [f"band {n}" for n in range(number)], "cuts": [n / number for n in range(1, number)]}
        for number in (first, *further)
    ]
    also = [{"name": f"study_{n}", "outcome": {"name": "death"}, "bands": bands} for n, bands in enumerate(each[1:])]
    return {"bands": each[0], "also": also}


# What is set, both settings that the message names, and what it says to do.
CONTRADICTIONS: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "training outcomes beyond the test": (dates(train=["2023-07-01"]), TRAIN, TEST, "Choose training dates up to 2023-06-04"),
    "a maturity that reaches the test": (
        FITS | {"outcome": {"maturity_days": 120}}, "study.outcome.maturity_days", TEST, "Choose training dates up to 2023-05-05",
    ),
    "a horizon that reaches the test": (FITS | {"outcome": {"horizon_days": 730}}, "study.outcome.horizon_days", TEST, "later test date"),
    "a test date that trains": (dates(train=["2022-12-01", "2024-09-01"]), TEST, TRAIN, "Remove the date from one of the two"),
    "a training date named twice": (dates(train=["2022-12-01", "2022-12-01"]), TRAIN, "2022-12-01", "Name each training date once"),
    "no training date": (dates(train=[]), TRAIN, "empty", "Name a date"),
    "scores before training": (dates(test=None, score="2022-06-01"), SCORE, TRAIN, "Choose a later scoring date"),
    "scores before the test": (dates(score="2024-06-01"), SCORE, TEST, "on or after the test date"),
    "training dates both named and derived": (dates(training_dates=3), TRAIN, "study.index_dates.training_dates", "Remove one of the two"),
    "dates that nothing uses": (FITS | {"validation": {"kind": "person_folds"}}, TRAIN, "study.validation.kind", "Remove the dates"),
    "more origins than dates": (FITS | {"validation": {"rolling_origins": 2}}, "study.validation.rolling_origins", TRAIN, "Choose fewer origins"),
    "dates of their own, tested by time": (
        {"cohort": {"kind": "discharges"}}, "study.cohort.kind", "study.validation.kind", "Set study.validation.kind to person_folds",
    ),
    "discharges of a cohort without them": (
        {"cohort": {"discharge_minimum_nights": 2}}, "study.cohort.discharge_minimum_nights", "study.cohort.kind", "Remove the setting",
    ),
    "too young to be registered so long": (
        {"cohort": {"maximum_age": 1, "minimum_days_on_list": 731}}, "study.cohort.maximum_age", "study.cohort.minimum_days_on_list", "fewer days",
    ),
    "too young to be at risk": (
        {"cohort": {"maximum_age": 0}, "outcome": {"minimum_days_on_list": 366}}, "study.cohort.maximum_age", "study.outcome.minimum_days_on_list",
        "Choose a higher age",
    ),
    "ages in the wrong order": ({"cohort": {"minimum_age": 65, "maximum_age": 64}}, "maximum_age", "minimum_age", "choose a maximum_age"),
    "two deaths": ({"outcome": {"name": "death", "events": 2}}, "study.outcome.events", "study.outcome.name", "Set study.outcome.events to 1"),
    "drivers of bands that do not exist": ({"driver_bands": 5}, "study.driver_bands", "study.bands.names", "at most 4 driver bands, or 10"),
    "a rise over more bands than there are": ({"rising_risk_bands": 4}, "study.rising_risk_bands", "study.bands.names", "at most 3, more bands, or 10"),
    "drivers of bands that no study has": ({"driver_bands": 4, **bands_of(2, 3)}, "study.driver_bands", "at most 3 in any study", "at most 3"),
    "a rise over the bands of every study": ({"rising_risk_bands": 3, **bands_of(3, 2)}, "study.rising_risk_bands", "with 3", "at most 2"),
    "a rise over one band": ({"rising_risk_bands": 3, **bands_of(1)}, "study.rising_risk_bands", "with 1", "Choose more bands, or 10"),
}  # fmt: skip


@pytest.mark.parametrize(("settings", "one", "other", "remedy"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_contradiction_is_refused_with_both_settings_and_a_remedy(settings, one, other, remedy):
    with pytest.raises(ValidationError) as refused:
        StudySettings.model_validate(settings)
    message = str(refused.value)
    assert one in message
    assert other in message
    assert remedy in message


@pytest.mark.parametrize(
    "settings",
    [
        {}, FITS, dates(train=["2023-06-04"]), dates(score="2024-09-01"), dates(score=None, test=None), {"index_dates": {"training_dates": 3}},
        FITS | {"validation": {"rolling_origins": 1}}, {"cohort": {"kind": "discharges"}, "validation": {"kind": "person_folds"}},
        {"cohort": {"maximum_age": 0, "minimum_days_on_list": 365}}, {"driver_bands": 4}, {"rising_risk_bands": 3},
        {"driver_bands": 3, **bands_of(4, 2)}, {"driver_bands": 4, **bands_of(2, 4)}, {"driver_bands": 10}, {"driver_bands": 10, **bands_of(4, 2)},
        {"rising_risk_bands": 3, **bands_of(4, 2)}, {"rising_risk_bands": 3, **bands_of(2, 4)}, {"rising_risk_bands": 10}, {"driver_bands": 0},
        bands_of(1), bands_of(2, 1),
        {"outcome": {"name": "ae_attendances_5", "events": 2}},
    ],
)  # fmt: skip
def test_settings_that_fit_each_other_are_accepted(settings):
    StudySettings.model_validate(settings)


def test_every_contradiction_is_named_at_once_and_with_its_study():
    both = FITS | {"also": [{"name": "long", "outcome": {"name": "death", "horizon_days": 1000, "events": 2}}]}
    with pytest.raises(ValidationError) as refused:
        StudySettings.model_validate(both)
    assert "study 'long': study.index_dates.train 2022-12-01, 2023-06-01" in str(refused.value)
    assert "a person dies once" in str(refused.value)


def deployment(folder: Path, study: dict[str, Any], **more: Any) -> Path:
    purpose = {"use": "planning", "approval": "A test", "approval_expires": "2099-12-31", **more.pop("purpose", {})}
    source = {"kind": "synthetic", "synthetic": {"people": 500}}
    path = folder / "icb.yaml"
    path.write_text(yaml.safe_dump({"deployment": "a", "purpose": purpose, "source": source, "study": study, **more}))
    return path


@pytest.mark.parametrize(
    ("study", "more", "messages"),
    [
        (FITS, {"data_cut_date": "2025-11-30"}, (SCORE, "data_cut_date", "2024-08-31")),
        (FITS, {"data_cut_date": "2024-01-01"}, (TEST, "data_cut_date", "no data reach that day")),
        (dates(score=None), {"data_cut_date": "2025-11-30"}, (TEST, "data_cut_date 2025-11-30", "2024-08-31")),
        ({}, {"purpose": {"allowed_feeds": ["patients"]}}, ("study.outcome.name", "purpose.allowed_feeds", "admissions")),
    ],
)
def test_what_contradicts_the_data_cut_or_the_approval_is_refused(tmp_path, study, more, messages):
    with pytest.raises(SettingsError) as refused:
        read_settings(deployment(tmp_path, study, **more))
    assert [text for text in messages if text not in str(refused.value)] == []


def test_the_last_test_date_that_has_matured_is_accepted(tmp_path):
    assert read_settings(deployment(tmp_path, dates(score=None), data_cut_date="2025-12-01")).study.index_dates.test is not None


@pytest.mark.parametrize(
    ("rules", "one", "other"),
    [
        ({"emergency_methods": ("21", "11")}, "clinical.emergency_methods", "clinical.elective_methods"),
        ({"maternity_methods": ("31", "82")}, "clinical.maternity_methods", "clinical.birth_methods"),
        ({"missed_statuses": ("3", "5")}, "clinical.attended_statuses", "clinical.missed_statuses"),
        ({"attendance_departments": ("01", "05")}, "clinical.same_day_emergency_department", "clinical.attendance_departments"),
        ({"out_of_hours_from": "08:00", "out_of_hours_to": "18:30"}, "clinical.out_of_hours_from", "clinical.out_of_hours_to"),
    ],
)
def test_clinical_rules_that_contradict_each_other_are_refused(rules, one, other):
    with pytest.raises(ValidationError) as refused:
        ClinicalRules(**rules)
    assert one in str(refused.value)
    assert other in str(refused.value)

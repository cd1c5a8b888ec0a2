"""Settings that contradict each other are refused as they are read; the message names both settings and what to do."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from pipelines.conform.clinical_rules import ClinicalRules
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
    "more origins than derived dates": (
        {"validation": {"rolling_origins": 5}}, "study.validation.rolling_origins 5", "study.index_dates.training_dates 2", "Choose fewer origins",
    ),
    "origins too close to each other": (
        FITS | {"validation": {"rolling_origins": 1}}, "study.validation.rolling_origins", TRAIN, "choose training dates that are further apart",
    ),
    "two first diagnoses": (
        {"outcome": {"name": "first_copd", "events": 3}}, "study.outcome.events 3", "study.outcome.name 'first_copd'", "Set study.outcome.events to 1",
    ),
    "a first diagnosis without a washout": (
        {"outcome": {"name": "first_copd", "washout_days": 0}}, "study.outcome.washout_days 0", "study.outcome.name", "Remove the setting for 'ever'",
    ),
    "a first diagnosis after a short washout": (
        {"outcome": {"name": "copd", "defined_as": "first_copd", "washout_days": 364}}, "study.outcome.washout_days 364", "'copd'", "at least 365",
    ),
    "a death after a death": (
        {"outcome": {"name": "death", "washout_days": 365}}, "study.outcome.washout_days 365", "study.outcome.name 'death'", "to 0",
    ),
    "a gain over a model that is not trained": (
        {"candidates": {"names": ["logistic"]}, "gates": {"minimum_gain": 0.01}}, "study.gates.minimum_gain 0.01", "study.candidates.names logistic",
        "Add the candidate",
    ),
    "a gain of no model": (
        {"candidates": {"names": ["age_sex"]}, "gates": {"minimum_gain": 0.01}}, "study.gates.minimum_gain 0.01", "study.candidates.names age_sex", "to 0",
    ),
    "places to hold out of no kind": ({"validation": {"most_places": 3}}, "most_places 3", "places", "Set places"),
    "limits of a slope without 1": ({"gates": {"slope": [1.05, 1.2]}}, "slope", "limits around 1", "(1.05, 1.2)"),
    "limits of groups without 1": ({"gates": {"group_observed_over_expected": [0.5, 0.9]}}, "group_observed_over_expected", "around 1", "(0.5, 0.9)"),
    "lists of no age group": ({"caseloads": {"people": 10, "people_per_thousand": {"65+": 0}}}, "people", "people_per_thousand", "above 0"),
    "lists of a place for no age group": ({"caseloads": {"places": {"Y1": 5}, "people_per_thousand": {}}}, "places", "people_per_thousand", "above 0"),
    "a band twice": ({"bands": {"names": ["low", "low"], "cuts": [0.1]}}, "bands.names", "low", "list it once"),
    "a candidate twice": ({"candidates": {"names": ["age_sex", "logistic", "age_sex"]}}, "candidates.names", "age_sex", "list it once"),
    "a method of calibration twice": ({"candidates": {"calibration": ["beta", "beta"]}}, "candidates.calibration", "beta", "list it once"),
    "a share twice": ({"capacity": {"shares": [0.05, 0.05]}}, "capacity.shares", "0.05", "list it once"),
    "no share": ({"capacity": {"shares": []}}, "capacity.shares", "at least 1", "too_short"),
    "no family": ({"feature_families": []}, "feature_families", "at least 1", "too_short"),
    "a family twice": ({"feature_families": ["medicines", "medicines"]}, "feature_families", "medicines", "list it once"),
    "a group kind twice": ({"gates": {"need_kinds": ["ethnic_group", "ethnic_group"]}}, "gates.need_kinds", "ethnic_group", "list it once"),
    "a flag twice": ({"caseloads": {"leave_out": ["care_home", "care_home"]}}, "caseloads.leave_out", "care_home", "list it once"),
    "a GP feed that does not exist": ({"candidates": {"gp_feeds": ["gp_observation"]}}, "gp_feeds", "no feed gp_observation", "mean gp_observations"),
    "no GP feed": ({"candidates": {"gp_feeds": []}}, "candidates.gp_feeds", "at least 1", "too_short"),
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
        dates(train=["2021-06-01", "2022-12-01"]) | {"validation": {"rolling_origins": 1}}, {"cohort": {"kind": "discharges"}, "validation": {"kind": "person_folds"}},
        {"cohort": {"maximum_age": 0, "minimum_days_on_list": 365}}, {"driver_bands": 4}, {"rising_risk_bands": 3},
        {"driver_bands": 3, **bands_of(4, 2)}, {"driver_bands": 4, **bands_of(2, 4)}, {"driver_bands": 10}, {"driver_bands": 10, **bands_of(4, 2)},
        {"rising_risk_bands": 3, **bands_of(4, 2)}, {"rising_risk_bands": 3, **bands_of(2, 4)}, {"rising_risk_bands": 10}, {"driver_bands": 0},
        bands_of(1), bands_of(2, 1),
        {"outcome": {"name": "ae_attendances_5", "events": 2}}, {"outcome": {"name": "first_copd", "washout_days": 730, "minimum_days_on_list": 0}},
        {"outcome": {"name": "any_emergency_admission", "washout_days": 3650}}, {"candidates": {"names": ["logistic"]}},
        {"gates": {"minimum_gain": 0.01}}, {"caseloads": {"people_per_thousand": {}}}, {"validation": {"places": "pcn_code", "most_places": 3}},
        {"candidates": {"names": ["logistic"], "baseline_predictors": ["age_years"]}},
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


@pytest.mark.parametrize(
    ("rules", "one", "other"),
    [
        ({"emergency_methods": ("21", "11")}, "clinical.emergency_methods", "clinical.elective_methods"),
        ({"maternity_methods": ("31", "82")}, "clinical.maternity_methods", "clinical.birth_methods"),
        ({"missed_statuses": ("3", "5")}, "clinical.attended_statuses", "clinical.missed_statuses"),
        ({"attendance_departments": ("01", "05")}, "clinical.same_day_emergency_department", "clinical.attendance_departments"),
        ({"emergency_methods": ()}, "emergency_methods", "at least 1"),
        ({"died_methods": ("4", "4")}, "died_methods", "list it once"),
        ({"out_of_hours_from": "08:00", "out_of_hours_to": "18:30"}, "clinical.out_of_hours_from", "clinical.out_of_hours_to"),
    ],
)
def test_clinical_rules_that_contradict_each_other_are_refused(rules, one, other):
    with pytest.raises(ValidationError) as refused:
        ClinicalRules(**rules)
    assert one in str(refused.value)
    assert other in str(refused.value)

"""Settings of a study that contradict each other: each rule names both settings, why they do not fit, and what to do.

`StudySettings` applies the rules to every study of a configuration, so a contradiction is refused before any work. The rules of index dates are
in `date_rules.py`, and those that need a setting outside the study in `pipelines/run/section_rules.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import TYPE_CHECKING

from pydantic import BaseModel

from expectations.age import DAYS_PER_YEAR
from features.outcomes import EVER
from models.candidates import BASELINE
from pipelines.study.date_rules import contradictory_dates, named_days

if TYPE_CHECKING:
    from pipelines.study.settings import StudySettings

Rule = Callable[["StudySettings"], Iterator[str]]
SHORTEST_WASHOUT = 365  # days of a first diagnosis: the year that people must have been registered and covered to be at risk
EVERY_BAND = 10  # as driver_bands: people of every band; as rising_risk_bands: no one rises by so many


def contradictions(study: StudySettings) -> list[str]:
    """Return a message for each contradiction between the settings of a study; none if they fit each other."""
    return [*contradictory_dates(study), *(message for rule in RULES for message in rule(study))]


def shared_contradictions(study: StudySettings) -> list[str]:
    """Return a message for each setting of all studies that fits none of them.

    Further studies have other bands and share the settings that count bands. So a number of bands is refused only if no study has so many.
    """
    bands, where = max((one.bands for one in study.each), key=lambda one: len(one.names)), "study.bands.names"
    number = len(bands.names)
    most = f"{where} with {number}" if bands == study.bands else f"{where}, which has at most {number} in any study"
    messages = []
    if number < study.driver_bands < EVERY_BAND and is_chosen(study, "driver_bands"):
        messages.append(
            f"study.driver_bands {study.driver_bands} and {most}: there are fewer bands. Choose at most {number} driver bands, or {EVERY_BAND} for "
            "every band"
        )
    if number <= study.rising_risk_bands < EVERY_BAND and is_chosen(study, "rising_risk_bands"):
        fewer = f"Choose at most {number - 1}, more bands, or" if number > 1 else "Choose more bands, or"
        messages.append(
            f"study.rising_risk_bands {study.rising_risk_bands} and {most}: no risk can rise by so many bands. {fewer} {EVERY_BAND} to flag no "
            "one by bands"
        )
    return messages


def is_chosen(section: BaseModel, name: str) -> bool:
    """Return whether a setting differs from its default. A configuration may name every default."""
    return bool(getattr(section, name) != type(section).model_fields[name].default)


def _days(days: Iterable[date]) -> str:
    return ", ".join(day.isoformat() for day in days)


def _dates_are_used(study: StudySettings) -> Iterator[str]:
    if study.validation.by_date:
        return
    dates = [f"study.index_dates.{use}" for use, days in named_days(study) if days]
    if dates:
        yield (
            f"{', '.join(dates)} and study.validation.kind '{study.validation.kind}': only validation by time uses index dates. Remove the dates, or "
            "set study.validation.kind to time"
        )


def _dates_are_distinct(study: StudySettings) -> Iterator[str]:
    dates = study.index_dates
    if dates.train is None:
        return
    if not dates.train:
        yield "study.index_dates.train is empty, so nothing trains the models. Name a date, or remove the setting to derive the dates"
    twice = sorted({day for day in dates.train if dates.train.count(day) > 1})
    if twice:
        yield f"study.index_dates.train has {_days(twice)} more than once. Name each training date once"
    derived = [name for name in ("training_dates", "months_between") if is_chosen(dates, name)]
    if derived:
        yield (
            f"study.index_dates.train and study.index_dates.{derived[0]}: the second derives training dates, and the first names them. Remove one of "
            "the two"
        )


def _cohort_and_validation_fit(study: StudySettings) -> Iterator[str]:
    cohort = study.cohort
    if not cohort.one_date_for_all and study.validation.by_date:
        yield (
            f"study.cohort.kind '{cohort.kind}' and study.validation.kind 'time': rows of this cohort have their own dates, so there is no later date "
            "that tests a model. Set study.validation.kind to person_folds, or study.cohort.kind to registered"
        )
    unused = [name for name in type(cohort).model_fields if name.startswith("discharge_") and is_chosen(cohort, name)]
    if unused and not cohort.of_discharges:
        yield (
            f"study.cohort.{unused[0]} and study.cohort.kind '{cohort.kind}': only a cohort of kind discharges uses it. Remove the setting, or set "
            "study.cohort.kind to discharges"
        )


def _someone_can_be_in_the_cohort(study: StudySettings) -> Iterator[str]:
    oldest = study.cohort.maximum_age
    if oldest is None:
        return
    for section, days in (("cohort", study.cohort.minimum_days_on_list), ("outcome", study.outcome.minimum_days_on_list)):
        if days >= (oldest + 1) * DAYS_PER_YEAR:
            yield (
                f"study.cohort.maximum_age {oldest} and study.{section}.minimum_days_on_list {days:,}: no one of that age has been registered for so "
                "long. Choose a higher age or fewer days"
            )


def _outcome_can_happen(study: StudySettings) -> Iterator[str]:
    outcome = study.outcome
    if outcome.definition.death and outcome.events > 1:
        yield (
            f"study.outcome.events {outcome.events} and study.outcome.name '{outcome.name}': a person dies once. Set study.outcome.events to 1, or "
            "choose another outcome"
        )
    if outcome.definition.death and outcome.washout_days:
        yield (
            f"study.outcome.washout_days {outcome.washout_days} and study.outcome.name '{outcome.name}': no one in a cohort has died before. Set "
            "study.outcome.washout_days to 0"
        )
    if not outcome.definition.is_first:
        return
    if outcome.events > 1:
        yield (
            f"study.outcome.events {outcome.events} and study.outcome.name '{outcome.name}': a first diagnosis happens once. Set study.outcome.events "
            "to 1, or choose another outcome"
        )
    if outcome.washout_days != EVER and outcome.washout_days < SHORTEST_WASHOUT:
        yield (
            f"study.outcome.washout_days {outcome.washout_days} and study.outcome.name '{outcome.name}': a diagnosis of earlier years would count as a "
            f"first one, because most long-term conditions are coded again at least once a year. Remove the setting for '{EVER}', or set at least "
            f"{SHORTEST_WASHOUT}"
        )


def _gain_has_a_baseline(study: StudySettings) -> Iterator[str]:
    names, gain = study.candidates.names, study.gates.minimum_gain
    if gain and not {BASELINE} < set(names):
        yield (
            f"study.gates.minimum_gain {gain:g} and study.candidates.names {', '.join(names)}: the gain is that of a candidate over {BASELINE}, and both "
            "are needed. Add the candidate that is not there, or set study.gates.minimum_gain to 0"
        )


RULES: tuple[Rule, ...] = (
    _dates_are_used,
    _dates_are_distinct,
    _cohort_and_validation_fit,
    _someone_can_be_in_the_cohort,
    _outcome_can_happen,
    _gain_has_a_baseline,
)

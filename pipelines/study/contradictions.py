"""Settings of a study that contradict each other: each rule names both settings, why they do not fit, and what to do.

`StudySettings` applies the rules to every study of a configuration, so a contradiction is refused before any work. A rule that needs a
setting outside the study (the data cut, the feeds of the approval) is here as well, and `pipelines/run/settings.py` applies it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING

from pydantic import BaseModel

from expectations.age import DAYS_PER_YEAR
from expectations.maturity import has_matured, last_day_awaited, latest_matured

if TYPE_CHECKING:
    from pipelines.study.settings import IndexDates, StudySettings

Rule = Callable[["StudySettings"], Iterator[str]]
EVERY_BAND = 10  # as driver_bands: people of every band; as rising_risk_bands: no one rises by so many
LONGEST_GAP = "study.outcome.horizon_days + study.outcome.maturity_days"


def contradictions(study: StudySettings) -> list[str]:
    """Return a message for each contradiction between the settings of a study; none if they fit each other."""
    return [message for rule in RULES for message in rule(study)]


def shared_contradictions(study: StudySettings) -> list[str]:
    """Return a message for each setting of all studies that fits none of them.

    Further studies have other bands and share the settings that count bands. So a number of bands is refused only if no study has so many.
    """
    bands, where = max((one.bands for one in study.each), key=lambda one: len(one.names)), "study.bands.names"
    number = len(bands.names)
    most = f"{where} with {number}" if bands == study.bands else f"{where}, which has at most {number} in any study"
    messages = []
    if number < study.driver_bands < EVERY_BAND and _is_chosen(study, "driver_bands"):
        messages.append(
            f"study.driver_bands {study.driver_bands} and {most}: there are fewer bands. Choose at most {number} driver bands, or {EVERY_BAND} for "
            "every band"
        )
    if number <= study.rising_risk_bands < EVERY_BAND and _is_chosen(study, "rising_risk_bands"):
        fewer = f"Choose at most {number - 1}, more bands, or" if number > 1 else "Choose more bands, or"
        messages.append(
            f"study.rising_risk_bands {study.rising_risk_bands} and {most}: no risk can rise by so many bands. {fewer} {EVERY_BAND} to flag no "
            "one by bands"
        )
    return messages


def beyond_data_cut(study: StudySettings, data_cut: date) -> list[str]:
    """Return a message for each index date of the settings that the data cut of the settings does not allow."""
    dates, outcome = study.index_dates, study.outcome
    messages = [
        f"study.index_dates.{use} has {day}, which is after data_cut_date {data_cut}: no data reach that day. Choose an earlier date, or a later "
        "data_cut_date"
        for use, days in _uses(dates)
        for day in days
        if day > data_cut
    ]
    horizon, maturity = outcome.horizon_days, outcome.maturity_days
    if (
        study.validation.by_date
        and dates.test
        and dates.test <= data_cut
        and not has_matured(dates.test, data_cut, horizon, maturity)
    ):
        messages.append(
            f"study.index_dates.test {dates.test} and data_cut_date {data_cut}: the outcomes of the test date are complete on "
            f"{last_day_awaited(dates.test, horizon, maturity)} ({LONGEST_GAP}: {horizon} + {maturity}), which is not before the data cut. Choose a "
            f"test date up to {latest_matured(data_cut, horizon, maturity)}, or a later data_cut_date"
        )
    return messages


def feeds_not_allowed(study: StudySettings, allowed: Collection[str]) -> list[str]:
    """Return a message if the outcome uses feeds that the approval does not cover."""
    missing = [feed for feed in study.outcome.definition.feeds if feed not in allowed]
    if not missing:
        return []
    return [
        f"study.outcome.name '{study.outcome.name}' uses the feeds {', '.join(missing)}, which purpose.allowed_feeds does not name; add them if "
        "the approval covers them, or choose another outcome"
    ]


def _uses(dates: IndexDates) -> Iterable[tuple[str, tuple[date, ...]]]:
    single = (("test", dates.test), ("score", dates.score))
    return (("train", dates.train or ()), *((use, (day,)) for use, day in single if day is not None))


def _is_chosen(section: BaseModel, name: str) -> bool:
    """Return whether a setting differs from its default. A configuration may name every default."""
    return bool(getattr(section, name) != type(section).model_fields[name].default)


def _days(days: Iterable[date]) -> str:
    return ", ".join(day.isoformat() for day in days)


def _dates_are_used(study: StudySettings) -> Iterator[str]:
    if study.validation.by_date:
        return
    dates = [f"study.index_dates.{use}" for use, days in _uses(study.index_dates) if days]
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
    derived = [name for name in ("training_dates", "months_between") if _is_chosen(dates, name)]
    if derived:
        yield (
            f"study.index_dates.train and study.index_dates.{derived[0]}: the second derives training dates, and the first names them. Remove one of "
            "the two"
        )


def _training_ends_before_the_test(study: StudySettings) -> Iterator[str]:
    dates, outcome = study.index_dates, study.outcome
    if not dates.train or dates.test is None or not study.validation.by_date:
        return
    if dates.test in dates.train:
        yield (
            f"study.index_dates.test {dates.test} is also in study.index_dates.train: a model cannot be tested on the rows that train it. Remove the "
            "date from one of the two"
        )
    lag = outcome.horizon_days + outcome.maturity_days
    late = [day for day in sorted(set(dates.train)) if day != dates.test and day + timedelta(days=lag) > dates.test]
    if late:
        yield (
            f"study.index_dates.train {_days(late)} and study.index_dates.test {dates.test} overlap: {LONGEST_GAP} is {outcome.horizon_days} + "
            f"{outcome.maturity_days} days, so the outcomes of a training date reach beyond the test date. Choose training dates up to "
            f"{dates.test - timedelta(days=lag)}, or a later test date"
        )


def _scores_come_last(study: StudySettings) -> Iterator[str]:
    dates = study.index_dates
    if dates.score is None:
        return
    later = [day for day in sorted(set(dates.train or ())) if day > dates.score]
    if later:
        yield (
            f"study.index_dates.score {dates.score} is before study.index_dates.train {_days(later)}: people would be scored by a model that learned "
            "from a later time. Choose a later scoring date, or earlier training dates"
        )
    if dates.test is not None and dates.score < dates.test:
        yield (
            f"study.index_dates.score {dates.score} is before study.index_dates.test {dates.test}: a model is tested on a time before its use. Choose "
            "a scoring date on or after the test date, or an earlier test date"
        )


def _cohort_and_validation_fit(study: StudySettings) -> Iterator[str]:
    cohort = study.cohort
    if not cohort.one_date_for_all and study.validation.by_date:
        yield (
            f"study.cohort.kind '{cohort.kind}' and study.validation.kind 'time': rows of this cohort have their own dates, so there is no later date "
            "that tests a model. Set study.validation.kind to person_folds, or study.cohort.kind to registered"
        )
    unused = [name for name in type(cohort).model_fields if name.startswith("discharge_") and _is_chosen(cohort, name)]
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


def _origins_exist(study: StudySettings) -> Iterator[str]:
    origins, train = study.validation.rolling_origins, study.index_dates.train
    if train and origins >= len(train):
        yield (
            f"study.validation.rolling_origins {origins} and study.index_dates.train with {len(train)}: the first training date has no earlier one, so "
            f"at most {len(train) - 1} can be tested. Choose fewer origins, or name more training dates"
        )


RULES: tuple[Rule, ...] = (
    _dates_are_used,
    _dates_are_distinct,
    _training_ends_before_the_test,
    _scores_come_last,
    _cohort_and_validation_fit,
    _someone_can_be_in_the_cohort,
    _outcome_can_happen,
    _origins_exist,
)

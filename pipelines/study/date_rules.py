"""Index dates that contradict each other or the data cut: each rule names both settings, why they do not fit, and what to do.

The rules apply to the dates that a study names and, once the data cut is known, to those that follow from it. `StudySettings` applies them
without a data cut, `pipelines/run/settings.py` with the data cut of the settings, and the preparation of a run with that of the deliveries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from expectations.maturity import has_matured, last_day_awaited, latest_matured
from models.splitting import rolling_origins
from pipelines.study.index_dates import planned_index_dates

if TYPE_CHECKING:
    from pipelines.study.settings import StudySettings

LONGEST_GAP = "study.outcome.horizon_days + study.outcome.maturity_days"
SETTING, DELIVERIES = "data_cut_date", "the data cut"  # what messages call a data cut: the setting, or what the source delivers
TRAIN, TEST, SCORE = "study.index_dates.train", "study.index_dates.test", "study.index_dates.score"
ORIGINS = "study.validation.rolling_origins"


@dataclass(frozen=True)
class _Dates:
    """The index dates of a study, empty or None where neither a setting nor a data cut gives them."""

    study: StudySettings
    train: tuple[date, ...]
    test: date | None
    score: date | None
    data_cut: date | None
    cut_name: str

    @property
    def gap(self) -> timedelta:
        outcome = self.study.outcome
        return timedelta(days=outcome.horizon_days + outcome.maturity_days)

    @property
    def origin(self) -> str:
        """Return the setting that the derived dates follow from."""
        if self.study.index_dates.test is not None:
            return f"{TEST} {self.study.index_dates.test}"
        return f"{self.cut_name} {self.data_cut}"

    def training(self, days: Iterable[date]) -> str:
        """Return some training dates as a message names them."""
        return (
            f"{TRAIN} {_days(days)}" if self.study.index_dates.train else f"the training dates {_days(days)} (from {self.origin})"
        )

    @property
    def testing(self) -> str:
        """Return the test date as a message names it."""
        return f"{TEST} {self.test}" if self.study.index_dates.test else f"the test date {self.test} (from {self.origin})"

    @property
    def later_test(self) -> str:
        """Return what makes the test date later."""
        return "a later test date" if self.study.index_dates.test else f"a later {self.cut_name.removeprefix('the ')}"


def named_days(study: StudySettings) -> tuple[tuple[str, tuple[date, ...]], ...]:
    """Return the index dates that the settings name, by use."""
    dates = study.index_dates
    single = (("test", dates.test), ("score", dates.score))
    return (("train", dates.train or ()), *((use, (day,)) for use, day in single if day is not None))


def contradictory_dates(study: StudySettings, data_cut: date | None = None, cut_name: str = SETTING) -> list[str]:
    """Return a message for each contradiction between the index dates of a study, and with the data cut if it is known."""
    if not study.validation.by_date:
        return [] if data_cut is None else list(_reached(_dates_of(study, None, cut_name), data_cut))
    dates = _dates_of(study, data_cut, cut_name)
    messages = [
        message for rule in (_training_ends_before_the_test, _scores_come_last, _origins_exist) for message in rule(dates)
    ]
    if data_cut is not None:
        messages += [*_reached(dates, data_cut), *_test_has_matured(dates, data_cut)]
    return messages


def _dates_of(study: StudySettings, data_cut: date | None, cut_name: str) -> _Dates:
    named = study.index_dates
    if data_cut is None:
        return _Dates(study, named.train or (), named.test, named.score, None, cut_name)
    planned = planned_index_dates(study, data_cut)
    return _Dates(study, planned["train"], planned["test"][0], planned["score"][0], data_cut, cut_name)


def _days(days: Iterable[date]) -> str:
    return ", ".join(day.isoformat() for day in days)


def _training_ends_before_the_test(dates: _Dates) -> Iterator[str]:
    if dates.test is None:
        return
    if dates.test in dates.train:
        yield (
            f"{dates.testing} is also in {TRAIN}: a model cannot be tested on the rows that train it. Remove the date from one of the two, or choose "
            "another test date"
        )
    late = [day for day in sorted(set(dates.train)) if day != dates.test and day + dates.gap > dates.test]
    if late:
        outcome = dates.study.outcome
        yield (
            f"{dates.training(late)} and {dates.testing} overlap: {LONGEST_GAP} is {outcome.horizon_days} + {outcome.maturity_days} days, so the "
            f"outcomes of a training date reach beyond the test date. Choose training dates up to {dates.test - dates.gap}, or {dates.later_test}"
        )


def _scores_come_last(dates: _Dates) -> Iterator[str]:
    score = dates.study.index_dates.score  # one that is derived is the data cut, which no date may lie after
    if score is None:
        return
    later = [day for day in sorted(set(dates.train)) if day > score]
    if later:
        yield (
            f"{SCORE} {score} is before {dates.training(later)}: people would be scored by a model that learned from a later time. Choose a later "
            "scoring date, or earlier training dates"
        )
    if dates.test is not None and score < dates.test:
        yield (
            f"{SCORE} {score} is before {dates.testing}: a model is tested on a time before its use. Choose a scoring date on or after the test date, "
            "or an earlier test date"
        )


def _origins_exist(dates: _Dates) -> Iterator[str]:
    """Yield a message if there are fewer training dates than origins need, or none of them is a horizon and maturity after another."""
    origins, derived = dates.study.validation.rolling_origins, dates.study.index_dates.training_dates
    number = len(dates.train) or derived
    named = f"{TRAIN} with {number}" if dates.study.index_dates.train else f"study.index_dates.training_dates {number}"
    if not origins:
        return
    if origins >= number:
        yield (
            f"{ORIGINS} {origins} and {named}: the first training date has no earlier one, so at most {number - 1} can be tested. Choose fewer "
            "origins, or more training dates"
        )
    outcome = dates.study.outcome
    if dates.train and not rolling_origins(sorted(dates.train), outcome.horizon_days, outcome.maturity_days, date.max):
        yield (
            f"{ORIGINS} {origins} and {dates.training(sorted(dates.train))}: no training date is {LONGEST_GAP} ({outcome.horizon_days} + "
            f"{outcome.maturity_days} days) after another, so none can be tested. Set {ORIGINS} to 0, or choose training dates that are further apart"
        )


def _reached(dates: _Dates, data_cut: date) -> Iterator[str]:
    for use, days in named_days(dates.study):
        for day in days:
            if day > data_cut:
                yield (
                    f"study.index_dates.{use} has {day}, which is after {dates.cut_name} {data_cut}: no data reach that day. Choose an earlier date, or "
                    f"a later {dates.cut_name.removeprefix('the ')}"
                )


def _test_has_matured(dates: _Dates, data_cut: date) -> Iterator[str]:
    horizon, maturity = dates.study.outcome.horizon_days, dates.study.outcome.maturity_days
    if dates.test is None or dates.test > data_cut or has_matured(dates.test, data_cut, horizon, maturity):
        return
    yield (
        f"{dates.testing} and {dates.cut_name} {data_cut}: the outcomes of the test date are complete on "
        f"{last_day_awaited(dates.test, horizon, maturity)} ({LONGEST_GAP}: {horizon} + {maturity}), which is not before the data cut. Choose a "
        f"test date up to {latest_matured(data_cut, horizon, maturity)}, or a later {dates.cut_name.removeprefix('the ')}"
    )

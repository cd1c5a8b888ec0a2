"""Periods of people, such as registrations and addresses, looked up by day; all dates are days since 1970."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OPEN = np.int32(np.iinfo(np.int32).max)  # the end of a period that has not ended
# A new registration that starts at most this many days after the last one ended is a move between practices: the person was registered
# throughout. A death at most this many days after the end of a registration is a death on the registered list. Cohorts, labels and
# households use the same number.
MOVE_GAP_DAYS = 30
STAY_DAYS = 730  # the sender of an older open stay never closed it
_SPAN = 1 << 22  # more days than there are between any two dates
_ZERO = 1 << 21


def as_at(
    person: NDArray[np.int32], start: NDArray[np.int32], end: NDArray[np.int32], who: NDArray[np.int32], day: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Return the position of the period that includes the day of each person in `who`, or -1.

    The periods are in order of person and start.
    """
    if not len(person):
        return np.full(len(who), -1, dtype=np.int64)
    place = np.searchsorted(_moment(person, start), _moment(who, day), side="right") - 1
    inside = (place >= 0) & (person[place] == who) & (end[place] >= day)
    return np.where(inside, place, -1)


def registered_at(
    person: NDArray[np.int32], start: NDArray[np.int32], end: NDArray[np.int32], who: NDArray[np.int32], day: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Return the position of the registration of each person in `who` on a day, or -1.

    During a move between practices that is the registration that ended: its practice holds the record of the time before the day. A person
    whose registration ended and who has no later one has left, however short ago.
    """
    inside = as_at(person, start, end, who, day)
    if len(person) < 2:
        return inside
    before = np.searchsorted(_moment(person, start), _moment(who, day), side="right") - 1
    after = np.minimum(before + 1, len(person) - 1)
    between = (before >= 0) & (person[before] == who) & (person[after] == who) & (after > before)
    moves = between & (start[after].astype(np.int64) - end[before] - 1 <= MOVE_GAP_DAYS)
    return np.where(moves, before, inside)


def lasts_beyond(
    person: NDArray[np.int32], start: NDArray[np.int32], end: NDArray[np.int32], who: NDArray[np.int32], day: NDArray[np.int32]
) -> NDArray[np.bool_]:
    """Return whether a period of each person in `who` starts by a day and ends after it; the periods are in any order."""
    if not len(person):
        return np.zeros(len(who), dtype=bool)
    order = np.argsort(_moment(person, start), kind="stable")
    # The running maximum needs no restart: the moments of a person are after those of the person before.
    latest = np.maximum.accumulate(_moment(person[order], end[order]))
    place = np.searchsorted(_moment(person[order], start[order]), _moment(who, day), side="right") - 1
    return (place >= 0) & (latest[place] > _moment(who, day))


def starts_between(
    person: NDArray[np.int32], start: NDArray[np.int32], who: NDArray[np.int32], first: NDArray[np.int32], last: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Count the periods of each person that start from `first` to `last`, both included."""
    moments = _moment(person, start)
    if (moments[1:] < moments[:-1]).any():
        moments = np.sort(moments)
    return np.searchsorted(moments, _moment(who, last), side="right") - np.searchsorted(moments, _moment(who, first), side="left")


@dataclass(frozen=True)
class Households:
    """Periods of people in households, stored so that two look-ups find the size of a household on any day."""

    numbers: NDArray[np.uint64]  # the households' numbers, ascending
    begun: NDArray[np.int64]
    over: NDArray[np.int64]
    in_doubt: Households | None = None  # the periods of people of whom it is not known whether they count

    @classmethod
    def from_periods(
        cls, household: NDArray[np.uint64], start: NDArray[np.int32], end: NDArray[np.int32], in_doubt: NDArray[np.bool_]
    ) -> Households:
        """Build from one element for each person and household; the end is included, and OPEN where the period has not ended."""
        numbers, place = np.unique(household, return_inverse=True)
        closed = np.minimum(end, _ZERO - 1)
        doubts = (
            cls.from_periods(household[in_doubt], start[in_doubt], end[in_doubt], ~in_doubt[in_doubt]) if in_doubt.any() else None
        )
        return cls(numbers, np.sort(_moment(place, start)), np.sort(_moment(place, closed)), doubts)

    def size_at(self, household: NDArray[np.uint64], day: NDArray[np.int32]) -> NDArray[np.int64]:
        """Count the people of each household on a day; 0 for an unknown household, or one with a person in doubt."""
        if not len(self.numbers):
            return np.zeros(len(household), dtype=np.int64)
        place = np.minimum(np.searchsorted(self.numbers, household), len(self.numbers) - 1)
        lowest = _moment(place, np.full_like(day, 1 - _ZERO))
        begun = np.searchsorted(self.begun, _moment(place, day), side="right") - np.searchsorted(self.begun, lowest)
        over = np.searchsorted(self.over, _moment(place, day)) - np.searchsorted(self.over, lowest)
        size = np.where(self.numbers[place] == household, begun - over, 0)
        return size if self.in_doubt is None else np.where(self.in_doubt.size_at(household, day) > 0, 0, size)


@dataclass(frozen=True)
class HouseholdSizes:
    """Sizes of households on a single day. They need a third of the memory and look-ups of `Households`."""

    numbers: NDArray[np.uint64]  # the households' numbers, ascending
    people: NDArray[np.int32]

    @classmethod
    def of(cls, household: NDArray[np.uint64], in_doubt: NDArray[np.bool_]) -> HouseholdSizes:
        """Build from the household of each person who is in a household on the day; the size of one with a person in doubt is 0."""
        numbers, people = np.unique(household, return_counts=True)
        people[np.isin(numbers, household[in_doubt])] = 0
        return cls(numbers, people.astype(np.int32))

    def size_at(self, household: NDArray[np.uint64], day: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return the number of people of each household on the single day; 0 for an unknown household. `day` is not used."""
        if not len(self.numbers):
            return np.zeros(len(household), dtype=np.int64)
        order = np.argsort(household)  # look-ups in order use the processor's cache better
        place = np.empty(len(household), dtype=np.int64)
        place[order] = np.minimum(np.searchsorted(self.numbers, household[order]), len(self.numbers) - 1)
        return np.where(self.numbers[place] == household, self.people[place], 0)


def joined_ends(person: NDArray[np.int32], start: NDArray[np.int32], end: NDArray[np.int32], gap_days: int) -> NDArray[np.int32]:
    """Return the end of each period's chain; periods of a person that are at most `gap_days` apart form a chain."""
    if not len(person):
        return end.copy()
    far = np.minimum(end, _ZERO - 1).astype(np.int64)
    follows = (person[1:] == person[:-1]) & (start[1:] - far[:-1] - 1 <= gap_days)
    chain = np.concatenate([[0], np.cumsum(~follows)])
    last = np.full(chain[-1] + 1, -_ZERO, dtype=np.int64)
    np.maximum.at(last, chain, far)
    ends = last[chain]
    return np.where(ends == _ZERO - 1, OPEN, ends).astype(np.int32)


def _moment(person: NDArray, day: NDArray[np.int32]) -> NDArray[np.int64]:
    return person.astype(np.int64) * _SPAN + (day.astype(np.int64) + _ZERO)

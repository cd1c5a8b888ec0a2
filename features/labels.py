"""Labels: what happened to each row after its index date, by the rules of time at risk, death and leaving.

Time at risk starts the day after the index date and ends with the horizon, with death, or with the last day on the list:
nothing counts after it, so that whoever leaves is treated alike with the outcome and without. A death within 30 days of the
end of a registration ended it, and is no leaving. Death without the outcome competes and stays 0; the composite counts it.
Whoever leaves alive and without the outcome has no label: those who stayed stand for them by inverse-probability-of-
censoring weights over the follow-up told here (`models/censoring.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.outcomes import EVER, OutcomeSettings
from features.periods import OPEN

LEAVING_GAP_DAYS = 30  # a new registration within this gap is a move of practice; a death within it is no leaving
HAD_IT = "had the outcome before, or on, the index date"
LEFT = "left the list within the horizon"
_SPAN, _ZERO = 1 << 22, 1 << 21


@dataclass(frozen=True)
class Labels:
    """One line per row; days are since 1970 and OPEN where there is none; label -1 where it cannot be told.

    A row that has not matured or is not at risk has no label, no follow-up (-1) and nothing else that is known only in part.
    """

    label: NDArray[np.int8]
    composite: NDArray[np.int8]
    outcome_day: NDArray[np.int32]
    death_day: NDArray[np.int32]
    follow_up_days: NDArray[np.int32]
    left_list: NDArray[np.bool_]


@dataclass(frozen=True)
class Occurrences:
    """Everything that counts as the outcome, whenever it happened, as ascending moments of person and day."""

    moments: NDArray[np.int64]

    @classmethod
    def of(cls, person: NDArray[np.int32], day: NDArray[np.int32]) -> Occurrences:
        """Take a line per occurrence, in any order."""
        return cls(np.sort(_moment(person, day)))

    def nth_after(self, who: NDArray[np.int32], index_day: NDArray[np.int32], turn: int = 1) -> NDArray[np.int32]:
        """Give the day of each person's `turn`-th occurrence after the index date, OPEN without one."""
        place = np.searchsorted(self.moments, _moment(who, index_day), side="right") + turn - 1
        found = np.append(self.moments, np.iinfo(np.int64).max)[np.minimum(place, len(self.moments))]
        return np.where(found // _SPAN == who, found % _SPAN - _ZERO, OPEN).astype(np.int32)

    def number_before(self, who: NDArray[np.int32], index_day: NDArray[np.int32], days: int | str) -> NDArray[np.int64]:
        """Count each person's occurrences in the `days` up to the index date, that day included; 'ever' takes all of them."""
        first = np.full_like(index_day, -_ZERO) if days == EVER else index_day - np.int32(days)
        low = np.searchsorted(self.moments, _moment(who, first), side="left")
        return np.searchsorted(self.moments, _moment(who, index_day), side="right") - low


def label_rows(
    outcome_day: NDArray[np.int32], death_day: NDArray[np.int32], list_end: NDArray[np.int32], index_day: NDArray[np.int32],
    rules: OutcomeSettings,
) -> Labels:  # fmt: skip
    """Label rows from the days of the outcome, of death and of the end of registration (OPEN where there is none)."""
    last = index_day.astype(np.int64) + rules.horizon_days
    stays = (death_day <= list_end.astype(np.int64) + LEAVING_GAP_DAYS) | (rules.on_leaving == "followed")
    seen_to = np.minimum(last, np.where(stays, OPEN, list_end))
    died = death_day <= seen_to
    happens = np.minimum(outcome_day, np.where(died, death_day, OPEN)) if rules.on_death == "counts" else outcome_day
    happened = happens <= np.minimum(seen_to, np.where(died, death_day, OPEN))
    left = (seen_to < last) & ~happened & ~died
    end = np.where(happened, happens, np.where(died, death_day, seen_to))
    return Labels(
        label=np.where(happened, 1, np.where(left, -1, 0)).astype(np.int8),
        composite=np.where(happened | died, 1, np.where(left, -1, 0)).astype(np.int8),
        outcome_day=np.where(happened, happens, OPEN).astype(np.int32),
        death_day=np.where(died, death_day, OPEN).astype(np.int32),
        follow_up_days=(end - index_day).astype(np.int32),
        left_list=left,
    )


def reasons_not_at_risk(
    rules: OutcomeSettings, had_before: NDArray[np.int64], days_on_list: NDArray[np.int32], covered: dict[str, NDArray[np.bool_]]
) -> NDArray[np.object_]:
    """Say of each row why it is not at risk, empty where it is: having had the outcome goes before a short or uncovered record.

    `had_before` counts the occurrences of the washout; `covered` says by feed whether it covers the row's year before and horizon.
    """
    reason = np.full(len(had_before), "", dtype=object)
    for feed, held in covered.items():
        reason[~held] = f"{feed} does not cover the year before the index date and the horizon"
    if rules.minimum_days_on_list:
        reason[days_on_list < rules.minimum_days_on_list] = f"on the list for fewer than {rules.minimum_days_on_list} days"
    if rules.washout_days:
        reason[had_before >= rules.events] = HAD_IT
    return reason


def without_rows(labels: Labels, kept: NDArray[np.bool_]) -> Labels:
    """Take back what is told of rows that are not kept: not matured, or not at risk."""
    return replace(
        labels,
        label=np.where(kept, labels.label, -1).astype(np.int8),
        composite=np.where(kept, labels.composite, -1).astype(np.int8),
        outcome_day=np.where(kept, labels.outcome_day, OPEN).astype(np.int32),
        death_day=np.where(kept, labels.death_day, OPEN).astype(np.int32),
        follow_up_days=np.where(kept, labels.follow_up_days, -1).astype(np.int32),
        left_list=labels.left_list & kept,
    )


def _moment(person: NDArray[np.int32], day: NDArray[np.int32]) -> NDArray[np.int64]:
    return person.astype(np.int64) * _SPAN + (day.astype(np.int64) + _ZERO)

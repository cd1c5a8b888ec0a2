"""Labels: whether each row had the outcome after its index date.

* Time at risk starts the day after the index date. It ends with the horizon, with death or with the last day on the registered list.
  Nothing counts after it, so that leavers with the outcome and leavers without it are treated in the same way.
* A death at most `MOVE_GAP_DAYS` after the end of a registration is a death on the registered list. A practice may end the
  registration before the death is recorded.
* A death without the outcome is a competing event: the label is 0. The composite outcome counts it.
* A person who leaves alive and without the outcome has no label. People who stay represent the leavers by inverse probability of censoring
  weights, computed from the follow-up of this module (`models/censoring.py`; Robins and Finkelstein 2000).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.outcomes import EVER, OutcomeSettings
from features.periods import MOVE_GAP_DAYS, OPEN

HAD_IT = "had the outcome before, or on, the index date"
LEFT = "left the list within the horizon"
_SPAN, _ZERO = 1 << 22, 1 << 21


@dataclass(frozen=True)
class Labels:
    """One element for each row; days are since 1970, or OPEN where there is none; the label is -1 where it is not known.

    A row that has not matured or is not at risk has no label, no follow-up (-1) and no other result.
    """

    label: NDArray[np.int8]
    composite: NDArray[np.int8]
    outcome_day: NDArray[np.int32]
    death_day: NDArray[np.int32]
    follow_up_days: NDArray[np.int32]
    left_list: NDArray[np.bool_]


@dataclass(frozen=True)
class Occurrences:
    """All events that count as the outcome, at any time, as ascending keys of person and day."""

    moments: NDArray[np.int64]

    @classmethod
    def of(cls, person: NDArray[np.int32], day: NDArray[np.int32]) -> Occurrences:
        """Build from one element for each occurrence, in any order."""
        return cls(np.sort(_moment(person, day)))

    def nth_after(self, who: NDArray[np.int32], index_day: NDArray[np.int32], turn: int = 1) -> NDArray[np.int32]:
        """Return the day of each person's `turn`-th occurrence after the index date; OPEN where there is none."""
        place = np.searchsorted(self.moments, _moment(who, index_day), side="right") + turn - 1
        moment = np.append(self.moments, np.iinfo(np.int64).max)[np.minimum(place, len(self.moments))]
        return np.where(moment // _SPAN == who, moment % _SPAN - _ZERO, OPEN).astype(np.int32)

    def number_before(self, who: NDArray[np.int32], index_day: NDArray[np.int32], days: int | str) -> NDArray[np.int64]:
        """Count each person's occurrences in the `days` up to and including the index date; 'ever' counts all of them."""
        first = np.full_like(index_day, -_ZERO) if days == EVER else index_day - np.int32(days)
        low = np.searchsorted(self.moments, _moment(who, first), side="left")
        return np.searchsorted(self.moments, _moment(who, index_day), side="right") - low


def label_rows(
    outcome_day: NDArray[np.int32], death_day: NDArray[np.int32], list_end: NDArray[np.int32], index_day: NDArray[np.int32],
    rules: OutcomeSettings,
) -> Labels:  # fmt: skip
    """Return the labels of rows from the days of the outcome, of death and of the end of registration (OPEN where there is none)."""
    last = index_day.astype(np.int64) + rules.horizon_days
    stays = (death_day <= list_end.astype(np.int64) + MOVE_GAP_DAYS) | (rules.on_leaving == "followed")
    followed_to = np.minimum(last, np.where(stays, OPEN, list_end))
    died = death_day <= followed_to
    happens = np.minimum(outcome_day, np.where(died, death_day, OPEN)) if rules.on_death == "counts" else outcome_day
    happened = happens <= np.minimum(followed_to, np.where(died, death_day, OPEN))
    left = (followed_to < last) & ~happened & ~died
    end = np.where(happened, happens, np.where(died, death_day, followed_to))
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
    """Return why each row is not at risk, or '' where it is at risk.

    An earlier outcome takes precedence over a short or uncovered record. `had_before` counts the occurrences in the washout. `covered` flags
    by feed the rows whose year before the index date and horizon are covered.
    """
    reason = np.full(len(had_before), "", dtype=object)
    for feed, is_covered in covered.items():
        reason[~is_covered] = f"{feed} does not cover the year before the index date and the horizon"
    if rules.minimum_days_on_list:
        reason[days_on_list < rules.minimum_days_on_list] = f"on the list for fewer than {rules.minimum_days_on_list} days"
    if rules.washout_days:
        reason[had_before >= rules.events] = HAD_IT
    return reason


def without_rows(labels: Labels, kept: NDArray[np.bool_]) -> Labels:
    """Return labels without the results of rows that are not kept because they have not matured or are not at risk."""
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

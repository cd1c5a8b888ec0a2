"""Which type 1 objections are absent from the deliveries of their practice, and when an absence ends one (pure).

An absence counts in a complete snapshot of the practice with which the person is still registered. Two consecutive complete
snapshots without the objection end it. A snapshot without too large a share of the objections is not complete. A file that was
sent before, with another date, is no second snapshot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

ABSENCES_THAT_END = 2

COMPLETE = "complete"
NOT_COMPLETE = "not complete"
TOO_MANY_ABSENT = "too many absent"
SENT_BEFORE = "sent before"


@dataclass(frozen=True)
class Snapshot:
    """A delivery of objections on one day: the practices that it contains, and what is known about its completeness."""

    day: date
    feed: str
    practices: frozenset[str]
    is_complete: bool = True  # false: a row was set aside that may have been an objection
    accepted: frozenset[str] = frozenset()  # practices whose absences were accepted; '' for all
    repeated: frozenset[str] = frozenset()  # practices whose files were all delivered on an earlier day

    def accepts(self, practice: str) -> bool:
        return bool({"", practice} & self.accepted)


@dataclass
class PracticeDelivery:
    """What a snapshot contains of a practice's objections."""

    day: date
    feed: str
    objections: int
    absent: int
    status: str


@dataclass
class Absences:
    """The result by objection, in the order of the objections, and the latest delivery of each practice."""

    consecutive: NDArray[np.int32]
    ended: list[date | None]
    practices: dict[str, PracticeDelivery] = field(default_factory=dict)


def follow_absences(
    objections: pd.DataFrame, snapshots: Iterable[Snapshot], listed: Mapping[date, NDArray[np.int64]],
    objecting: Mapping[date, NDArray[np.int64]], absent_share: float,
) -> Absences:  # fmt: skip
    """Go through the snapshots in order and count the absences of each objection.

    `objections` has practice_code (that last stated the objection), home (the practice of the registration, or None) and
    first_stated. `objecting` are the positions of objections whose person a day's deliveries name as objecting. `listed` are
    these and those whose person they name with a withdrawal of a later day. Any other withdrawal is a delivery without the objection.
    """
    found = Absences(np.zeros(len(objections), np.int32), [None] * len(objections))
    ended = np.zeros(len(objections), np.bool_)
    registered = (objections["home"].notna() & (objections["home"] == objections["practice_code"])).to_numpy(dtype=bool)
    place = objections["practice_code"].fillna("").to_numpy(dtype=object)
    first = pd.to_datetime(objections["first_stated"]).to_numpy()
    for snapshot in sorted(snapshots, key=lambda one: (one.day, one.feed)):
        here, again = (_mask(days.get(snapshot.day), len(objections)) for days in (listed, objecting))
        ended &= ~again
        due = registered & ~ended & (first < np.datetime64(snapshot.day)) & np.isin(place, list(snapshot.practices))
        absent = due & ~here
        complete = _assess(found, snapshot, place, due, absent, absent_share)
        counts = absent & np.isin(place, complete)
        resets = here | (absent & ~np.isin(place, list(snapshot.repeated)))
        found.consecutive = np.where(counts, found.consecutive + 1, np.where(resets, 0, found.consecutive))
        for position in np.flatnonzero(counts & (found.consecutive >= ABSENCES_THAT_END)):
            found.ended[position], ended[position] = snapshot.day, True
    found.ended = [day if is_ended else None for day, is_ended in zip(found.ended, ended, strict=True)]
    return found


def _mask(positions: NDArray[np.int64] | None, length: int) -> NDArray[np.bool_]:
    mask = np.zeros(length, np.bool_)
    if positions is not None:
        mask[positions] = True
    return mask


def _assess(
    found: Absences,
    snapshot: Snapshot,
    place: NDArray[np.object_],
    due: NDArray[np.bool_],
    absent: NDArray[np.bool_],
    limit: float,
) -> list[str]:
    """Record what the snapshot contains of each practice, and return the practices of which it is complete."""
    objections, missing = (pd.Series(place[mask]).value_counts() for mask in (due, absent))
    complete = []
    for practice in snapshot.practices:
        of_practice, gone = int(objections.get(practice, 0)), int(missing.get(practice, 0))
        status = COMPLETE if snapshot.is_complete else NOT_COMPLETE
        if practice in snapshot.repeated and not snapshot.accepts(practice):
            status = SENT_BEFORE
        if gone > limit * of_practice and not snapshot.accepts(practice):
            status = TOO_MANY_ABSENT
        found.practices[practice] = PracticeDelivery(snapshot.day, snapshot.feed, of_practice, gone, status)
        if status == COMPLETE:
            complete.append(practice)
    return complete

"""What happened after an index date: labels by the rules of time at risk, maturity, death and leaving.

Time at risk starts the day after the index date. A spell is continuous: a transfer of a stay that began on or before the
index date is no new event. Death without the outcome competes and stays 0; the composite counts it. Someone who leaves the
list within the horizon, alive and without the outcome, has no label.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, field_validator

from features.periods import OPEN

LEAVING_GAP_DAYS = 30  # a new registration within this gap is a move of practice; a death within it is no leaving


class ImmatureOutcomeError(ValueError):
    """The data do not reach far enough for these labels."""


@dataclass(frozen=True)
class Spells:
    """Spells in order of person; days are since 1970, `nights` so far known where a spell is open."""

    person: NDArray[np.int32]
    admission_day: NDArray[np.int32]
    nights: NDArray[np.int32]
    died: NDArray[np.bool_]
    emergency: NDArray[np.bool_]


@dataclass(frozen=True)
class OutcomeDefinition:
    """An outcome: which spells or which type of event, and which of them in turn after the index date."""

    label: str
    spells: Callable[[Spells], NDArray[np.bool_]] | None = None
    event_type: str = ""
    turn: int = 1
    death: bool = False


def _overnight(spells: Spells) -> NDArray[np.bool_]:
    return spells.emergency & ((spells.nights >= 1) | spells.died)


OUTCOMES = {
    "emergency_admission_overnight": OutcomeDefinition(
        "Emergency admission with at least one night, or ending in death the same day", spells=_overnight
    ),
    "any_emergency_admission": OutcomeDefinition("Emergency admission of any length", spells=lambda spells: spells.emergency),
    "unplanned_readmission": OutcomeDefinition("Emergency admission after a discharge (index events are discharges)",
                                               spells=lambda spells: spells.emergency),
    "ae_attendances_5": OutcomeDefinition("Five or more A&E attendances", event_type="ae_attendance", turn=5),
    "death": OutcomeDefinition("Death of any cause", death=True),
}  # fmt: skip


class OutcomeSettings(BaseModel, extra="forbid", frozen=True):
    """The outcome, its horizon and how long its data take to be complete."""

    name: str = Field(default="emergency_admission_overnight", description="name of the outcome: " + ", ".join(OUTCOMES))
    horizon_days: int = Field(default=365, ge=1, le=1826, description="days at risk after the index date")
    maturity_days: int = Field(default=90, ge=0, le=365, description="days after the horizon until its data are complete")

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in OUTCOMES:
            raise ValueError(f"there is no outcome {name!r}; known are {sorted(OUTCOMES)}")
        return name

    @property
    def definition(self) -> OutcomeDefinition:
        """Give the definition of the outcome."""
        return OUTCOMES[self.name]


@dataclass(frozen=True)
class Labels:
    """One line per row; days are since 1970 and OPEN where there is none; label -1 where it cannot be told.

    A row that has not matured has no label, no follow-up (-1) and nothing else that is known only in part.
    """

    label: NDArray[np.int8]
    composite: NDArray[np.int8]
    outcome_day: NDArray[np.int32]
    death_day: NDArray[np.int32]
    follow_up_days: NDArray[np.int32]
    left_list: NDArray[np.bool_]


def check_matured(settings: OutcomeSettings, index_date: date, data_cut: date) -> None:
    """Refuse labels whose horizon and maturity lag do not lie within the data."""
    ready = index_date + timedelta(days=settings.horizon_days + settings.maturity_days)
    if ready > data_cut:
        raise ImmatureOutcomeError(
            f"no labels for the index date {index_date}: {settings.horizon_days} days at risk and {settings.maturity_days} days of "
            f"maturity end on {ready}, after the data cut {data_cut}; choose an index date of "
            f"{data_cut - timedelta(days=settings.horizon_days + settings.maturity_days)} or earlier"
        )


def matured_rows(settings: OutcomeSettings, index_day: NDArray[np.int32], data_cut: date) -> NDArray[np.bool_]:
    """Say of each row with an index date of its own whether its horizon and maturity lag lie within the data; refuse where none does."""
    last = (data_cut - date(1970, 1, 1)).days - settings.horizon_days - settings.maturity_days
    matured = index_day <= last
    if len(index_day) and not matured.any():
        check_matured(settings, date(1970, 1, 1) + timedelta(days=int(index_day.min())), data_cut)
    return matured


def first_after(
    person: NDArray[np.int32], day: NDArray[np.int32], who: NDArray[np.int32], index_day: NDArray[np.int32], turn: int = 1
) -> NDArray[np.int32]:
    """Give the day of each person's `turn`-th event after the index date, OPEN without one."""
    span, zero = 1 << 22, 1 << 21
    moments = np.sort(person.astype(np.int64) * span + (day.astype(np.int64) + zero))
    place = np.searchsorted(moments, who.astype(np.int64) * span + (index_day.astype(np.int64) + zero), side="right") + turn - 1
    found = np.append(moments, np.iinfo(np.int64).max)[np.minimum(place, len(moments))]
    return np.where(found // span == who, found % span - zero, OPEN).astype(np.int32)


def label_rows(
    outcome_day: NDArray[np.int32], death_day: NDArray[np.int32], list_end: NDArray[np.int32], index_day: NDArray[np.int32],
    horizon_days: int,
) -> Labels:  # fmt: skip
    """Label rows from the days of the outcome, of death and of the end of registration (OPEN where there is none)."""
    last = index_day.astype(np.int64) + horizon_days
    died = death_day <= last
    happened = (outcome_day <= last) & (outcome_day <= np.where(died, death_day, OPEN))
    left = (list_end < last) & ~happened & ~(died & (death_day <= list_end.astype(np.int64) + LEAVING_GAP_DAYS))
    end = np.minimum(np.where(happened, outcome_day, last), np.where(left, list_end, last))
    end = np.minimum(end, np.where(died, death_day, last))
    return Labels(
        label=np.where(happened, 1, np.where(left, -1, 0)).astype(np.int8),
        composite=np.where(happened | (died & ~left), 1, np.where(left, -1, 0)).astype(np.int8),
        outcome_day=np.where(happened, outcome_day, OPEN).astype(np.int32),
        death_day=np.where(died, death_day, OPEN).astype(np.int32),
        follow_up_days=(end - index_day).astype(np.int32),
        left_list=left,
    )


def without_immature(labels: Labels, matured: NDArray[np.bool_]) -> Labels:
    """Take back what is known of rows whose horizon and maturity lag have not passed."""
    return Labels(
        label=np.where(matured, labels.label, -1).astype(np.int8),
        composite=np.where(matured, labels.composite, -1).astype(np.int8),
        outcome_day=np.where(matured, labels.outcome_day, OPEN).astype(np.int32),
        death_day=np.where(matured, labels.death_day, OPEN).astype(np.int32),
        follow_up_days=np.where(matured, labels.follow_up_days, -1).astype(np.int32),
        left_list=labels.left_list & matured,
    )

"""Outcomes: what is looked for after an index date, who is at risk of it, and the rules of death and of leaving the list.

A spell is continuous: a transfer of a stay that began on or before the index date is no new event. The composite of the
outcome and any death is always told beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, model_validator

EVER: Final = "ever"
_HOSPITAL = ("admissions",)
_RECORDS = ("admissions", "gp_observations")


class ImmatureOutcomeError(ValueError):
    """The data do not reach far enough for these labels."""


@dataclass(frozen=True)
class Spells:
    """Spells in order of person; days are since 1970, `nights` so far known where a spell is open.

    `listed`: the primary diagnosis is on the definition's code list.
    """

    person: NDArray[np.int32]
    admission_day: NDArray[np.int32]
    nights: NDArray[np.int32]
    died: NDArray[np.bool_]
    emergency: NDArray[np.bool_]
    listed: NDArray[np.bool_]


@dataclass(frozen=True)
class OutcomeDefinition:
    """An outcome: which spells, or which events of a concept of the catalogue, or death; and what its settings are unless given.

    `beside` names two more code lists: a primary diagnosis of the first counts too where any diagnosis of the spell is on
    the second. `covered` are feeds that must cover a person's year before the index date and the horizon: elsewhere "no
    event" would say that nobody looked.
    """

    label: str
    feeds: tuple[str, ...] = _HOSPITAL
    spells: Callable[[Spells], NDArray[np.bool_]] | None = None
    words: str = ""  # of the spells that count, for messages
    code_list: str = ""
    beside: tuple[str, str] | None = None
    concept: str = ""
    death: bool = False
    after_discharge: bool = False
    covered: tuple[str, ...] = ()
    horizon_days: int = 365
    events: int = 1
    washout_days: int | Literal["ever"] = 0
    minimum_days_on_list: int = 0
    auroc_alarm: float = 0.95  # above this a model has most likely seen the answer


def _emergency(spells: Spells) -> NDArray[np.bool_]:
    return spells.emergency


def _overnight(spells: Spells) -> NDArray[np.bool_]:
    return spells.emergency & ((spells.nights >= 1) | spells.died)


def _listed(spells: Spells) -> NDArray[np.bool_]:
    return spells.emergency & spells.listed


def _first(label: str, concept: str) -> OutcomeDefinition:
    """Define a first diagnosis: whoever has it already is not at risk, and a record of a year is needed to know."""
    return OutcomeDefinition(
        f"First diagnosis of {label}", _RECORDS, concept=concept, covered=("gp_observations",), washout_days=EVER,
        minimum_days_on_list=365,
    )  # fmt: skip


ADMISSION_ALARM = 0.88  # no honest model of emergency admissions over a year comes near it


OUTCOMES = {
    "emergency_admission_overnight": OutcomeDefinition(
        "Emergency admission with at least one night, or ending in death the same day", spells=_overnight,
        words="emergency spells of a night or more, or ending in death the same day", auroc_alarm=ADMISSION_ALARM,
    ),
    "any_emergency_admission": OutcomeDefinition(
        "Emergency admission of any length", spells=_emergency, words="emergency spells", auroc_alarm=ADMISSION_ALARM
    ),
    "ambulatory_care_sensitive_admission": OutcomeDefinition(
        "Emergency admission for a chronic ambulatory-care-sensitive condition (NHS Outcomes Framework 2.3.i)", spells=_listed,
        words="emergency spells by their primary diagnosis", code_list="chronic_ambulatory_care_sensitive",
        beside=("acute_bronchitis", "chronic_airways_disease"),
    ),
    "unplanned_readmission": OutcomeDefinition(
        "Emergency admission within 30 days after a discharge", spells=_emergency, words="emergency spells after a discharge",
        after_discharge=True, horizon_days=30, auroc_alarm=ADMISSION_ALARM,
    ),
    "ae_attendances_5": OutcomeDefinition(
        "Five or more A&E attendances", ("emergency_attendances",), concept="ae_attendance", events=5
    ),
    "death": OutcomeDefinition("Death of any cause", ("patients", "admissions"), death=True),
    "first_type_2_diabetes": _first("type 2 diabetes", "type_2_diabetes"),
    "first_copd": _first("COPD", "copd"),
    "first_heart_failure": _first("heart failure", "heart_failure"),
}  # fmt: skip


class OutcomeSettings(BaseModel, extra="forbid", frozen=True):
    """The outcome, its horizon, who is at risk of it, and the rules for death and leaving.

    What is left out is the definition's own: 365 days (30 after a discharge), one event (five attendances), no washout and
    no minimum on the list but for first diagnoses.
    """

    name: str = Field(
        default="emergency_admission_overnight",
        pattern=r"[a-z0-9_]+",
        description="name that the tables have for the outcome: one of Strata's own unless `defined_as` names it, or a name of one's own "
        "where the source brings the outcome (feature_table, an OMOP cohort)",
    )
    defined_as: str | None = Field(
        default=None, description="which of Strata's outcomes it is, where `name` is not one of them: " + ", ".join(OUTCOMES)
    )
    horizon_days: int = Field(default=365, ge=1, le=1826, description="days at risk after the index date")
    maturity_days: int = Field(default=90, ge=0, le=365, description="days after the horizon until its data are complete")
    events: int = Field(default=1, ge=1, le=50, description="how many events within the horizon make the outcome")
    washout_days: int | Literal["ever"] = Field(
        default=0, description="whoever had the outcome in these days up to the index date is not at risk; 0 for nobody, or ever"
    )
    minimum_days_on_list: int = Field(
        default=0, ge=0, le=3650, description="days on the practice's list before someone is at risk"
    )
    on_death: Literal["competes", "counts"] = Field(
        default="competes", description="a death without the outcome: competes (no event), or counts as the outcome"
    )
    on_leaving: Literal["censored", "not_at_risk", "followed"] = Field(
        default="censored",
        description="who leaves the list alive within the horizon: censored (no label; those who stay weigh more), not_at_risk, or "
        "followed as if nothing had happened",
    )

    @model_validator(mode="before")
    @classmethod
    def _as_defined(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        name = given.get("defined_as") or given.get("name", "emergency_admission_overnight")
        if name not in OUTCOMES:
            return given
        named = ("horizon_days", "events", "washout_days", "minimum_days_on_list")
        return {field: getattr(OUTCOMES[name], field) for field in named} | dict(given)

    @model_validator(mode="after")
    def _known(self) -> OutcomeSettings:
        chosen = self.defined_as or self.name
        if self.defined_as is not None and self.defined_as not in OUTCOMES:
            raise ValueError(f"there is no outcome {chosen!r}; known are {sorted(OUTCOMES)}")
        if self.name in OUTCOMES and self.name != chosen:
            raise ValueError(f"the name {self.name!r} is another outcome's; give the one defined as {chosen!r} a name of its own")
        if isinstance(self.washout_days, int) and not 0 <= self.washout_days <= 36_525:
            raise ValueError(f"washout_days is a number of days from 0 to 36525, or ever; not {self.washout_days}")
        return self

    @property
    def definition(self) -> OutcomeDefinition:
        """Give the definition of the outcome; of one that the source brings, its name in words."""
        of_the_source = OutcomeDefinition(self.name.replace("_", " ").capitalize(), feeds=(), auroc_alarm=0.98)
        return OUTCOMES.get(self.defined_as or self.name, of_the_source)

    @property
    def is_known(self) -> bool:
        """Say whether Strata knows how to look for the outcome."""
        return (self.defined_as or self.name) in OUTCOMES

    @property
    def not_all_at_risk(self) -> bool:
        """Say whether some people of a cohort cannot have the outcome, as can be told on the index date."""
        return bool(self.washout_days or self.minimum_days_on_list or self.definition.covered)


def check_matured(settings: OutcomeSettings, index_date: date, data_cut: date) -> None:
    """Refuse labels whose horizon and maturity lag do not end before the data cut: a delivery holds what was known before its day."""
    ready = index_date + timedelta(days=settings.horizon_days + settings.maturity_days)
    if ready >= data_cut:
        raise ImmatureOutcomeError(
            f"no labels for the index date {index_date}: {settings.horizon_days} days at risk and {settings.maturity_days} days of "
            f"maturity end on {ready}, not before the data cut {data_cut}; choose an index date of "
            f"{data_cut - timedelta(days=settings.horizon_days + settings.maturity_days + 1)} or earlier"
        )


def matured_rows(settings: OutcomeSettings, index_day: NDArray[np.int32], data_cut: date) -> NDArray[np.bool_]:
    """Say of each row with an index date of its own whether its horizon and maturity lag end before the data cut; refuse where none does."""
    last = (data_cut - date(1970, 1, 1)).days - settings.horizon_days - settings.maturity_days - 1
    matured = index_day <= last
    if len(index_day) and not matured.any():
        check_matured(settings, date(1970, 1, 1) + timedelta(days=int(index_day.min())), data_cut)
    return matured

"""Outcomes: what a study predicts, who is at risk, when labels have matured, and the rules for death and for leaving the registered list.

Maturity is one comparison, in `expectations/maturity.py`. `check_matured` and `matured_rows` apply it to labels.

A spell is continuous: a transfer within a stay that started on or before the index date is not a new event. An emergency that begins inside
a stay of another class is a separate spell, and so a new event (`core__spell`). The composite of the outcome and any death is always
reported next to the outcome. The default outcome needs a night in hospital or a death.
Trusts are moving same-day emergency care to another feed, so a model of "any admission" would learn how a trust records it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, model_validator

from expectations.maturity import has_matured, last_day_awaited, latest_matured
from features.diagnosis_rules import CHRONIC_AMBULATORY_CARE_SENSITIVE, DiagnosisRule

EVER: Final = "ever"
_HOSPITAL = ("admissions",)
_RECORDS = ("admissions", "gp_observations")


class ImmatureOutcomeError(ValueError):
    """Raised when the data do not reach far enough for labels of an index date."""


@dataclass(frozen=True)
class Spells:
    """Spells in order of person; `nights` of an open spell are those known so far.

    `listed` flags spells whose diagnoses meet a rule of the outcome.
    """

    nights: NDArray[np.int32]
    died: NDArray[np.bool_]
    emergency: NDArray[np.bool_]
    listed: NDArray[np.bool_]


@dataclass(frozen=True)
class OutcomeDefinition:
    """An outcome: the spells, the events of a concept or the deaths that count, with the defaults of its settings.

    `diagnoses` are the rules by which a spell has a diagnosis of the outcome. `covered` names feeds that must cover a person's year before the index date and horizon. Without their data, an
    absent event would not mean that it did not happen.
    """

    label: str
    feeds: tuple[str, ...] = _HOSPITAL
    spells: Callable[[Spells], NDArray[np.bool_]] | None = None
    spells_text: str = ""  # the spells that count, for messages
    diagnoses: tuple[DiagnosisRule, ...] = ()
    concept: str = ""
    death: bool = False
    after_discharge: bool = False
    covered: tuple[str, ...] = ()
    horizon_days: int = 365
    events: int = 1
    washout_days: int | Literal["ever"] = 0
    minimum_days_on_list: int = 0
    auroc_alarm: float = 0.95  # a higher AUROC is a sign of leakage

    @property
    def is_first(self) -> bool:
        """Return whether only the first occurrence in a person's life counts."""
        return self.washout_days == EVER


def _emergency(spells: Spells) -> NDArray[np.bool_]:
    return spells.emergency


def _overnight(spells: Spells) -> NDArray[np.bool_]:
    return spells.emergency & ((spells.nights >= 1) | spells.died)


def _listed(spells: Spells) -> NDArray[np.bool_]:
    return spells.emergency & spells.listed


def _first(label: str, concept: str) -> OutcomeDefinition:
    """Return the definition of a first diagnosis.

    People with an earlier diagnosis are not at risk. A year on the registered list is needed to know about earlier diagnoses.
    """
    return OutcomeDefinition(
        f"First diagnosis of {label}", _RECORDS, concept=concept, covered=("gp_observations",), washout_days=EVER,
        minimum_days_on_list=365,
    )  # fmt: skip


# SPARRA v4, one of the best published models of emergency admission, has an AUROC of 0.80. A value above 0.88 is a sign of leakage.
ADMISSION_ALARM = 0.88


OUTCOMES = {
    "emergency_admission_overnight": OutcomeDefinition(
        "Emergency admission with at least one night, or ending in death on the same day", spells=_overnight,
        spells_text="emergency spells of at least one night, or ending in death on the same day", auroc_alarm=ADMISSION_ALARM,
    ),
    "any_emergency_admission": OutcomeDefinition(
        "Emergency admission of any length", spells=_emergency, spells_text="emergency spells", auroc_alarm=ADMISSION_ALARM
    ),
    "ambulatory_care_sensitive_admission": OutcomeDefinition(
        "Emergency admission for a chronic ambulatory-care-sensitive condition (NHS Outcomes Framework 2.3.i)", spells=_listed,
        spells_text="emergency spells by their primary diagnosis", diagnoses=CHRONIC_AMBULATORY_CARE_SENSITIVE,
    ),
    "unplanned_readmission": OutcomeDefinition(
        "Emergency admission within 30 days of a discharge", spells=_emergency, spells_text="emergency spells after a discharge",
        after_discharge=True, horizon_days=30, auroc_alarm=ADMISSION_ALARM,
    ),
    "ae_attendances_5": OutcomeDefinition(
        "Five or more A&E attendances", ("emergency_attendances",), concept="ae_attendance", events=5
    ),
    "death": OutcomeDefinition("Death from any cause", ("patients", "admissions"), death=True),
    "first_type_2_diabetes": _first("type 2 diabetes", "type_2_diabetes"),
    "first_copd": _first("COPD", "copd"),
    "first_heart_failure": _first("heart failure", "heart_failure"),
}  # fmt: skip


class OutcomeSettings(BaseModel, extra="forbid", frozen=True):
    """Settings of the outcome: its horizon, who is at risk, and the rules for death and leaving.

    A setting that is omitted has the default of the outcome: a horizon of 365 days (30 after a discharge), one event (five attendances),
    and no washout or minimum time on the registered list except for first diagnoses.
    """

    name: str = Field(
        default="emergency_admission_overnight",
        pattern=r"[a-z0-9_]+",
        description="name of the outcome in the tables: one of Strata's outcomes, or another name if `defined_as` is set or the source "
        "defines the outcome (feature_table, an OMOP cohort)",
    )
    defined_as: str | None = Field(
        default=None, description="the outcome of Strata, if `name` is another name: " + ", ".join(OUTCOMES)
    )
    horizon_days: int = Field(default=365, ge=1, le=1826, description="days at risk after the index date")
    maturity_days: int = Field(default=90, ge=0, le=365, description="days after the horizon until late records have arrived")
    events: int = Field(default=1, ge=1, le=50, description="number of events within the horizon that make the outcome")
    washout_days: int | Literal["ever"] = Field(
        default=0,
        description="people with the outcome in these days up to the index date are not at risk; 0 for no washout, or ever. A first diagnosis "
        "needs at least 365 or ever, its default",
    )
    minimum_days_on_list: int = Field(
        default=0, ge=0, le=3650, description="days that a person must have been registered with the practice to be at risk"
    )
    on_death: Literal["competes", "counts"] = Field(
        default="competes", description="a death without the outcome: competes (no event), or counts (as the outcome)"
    )
    on_leaving: Literal["censored", "not_at_risk", "followed"] = Field(
        default="censored",
        description="a person who leaves the registered list alive within the horizon: censored (no label; people who stay have more weight), "
        "not_at_risk, or followed (events after leaving count)",
    )

    @model_validator(mode="before")
    @classmethod
    def _as_defined(cls, settings: Any) -> Any:
        if not isinstance(settings, Mapping):
            return settings
        name = settings.get("defined_as") or settings.get("name", "emergency_admission_overnight")
        if name not in OUTCOMES:
            return settings
        fields = ("horizon_days", "events", "washout_days", "minimum_days_on_list")
        return {field: getattr(OUTCOMES[name], field) for field in fields} | dict(settings)

    @model_validator(mode="after")
    def _known(self) -> OutcomeSettings:
        chosen = self.defined_as or self.name
        if self.defined_as is not None and self.defined_as not in OUTCOMES:
            raise ValueError(f"there is no outcome {chosen!r}; choose one of {', '.join(sorted(OUTCOMES))}")
        if self.name in OUTCOMES and self.name != chosen:
            raise ValueError(
                f"the name {self.name!r} belongs to another outcome; choose a different name for the outcome defined as {chosen!r}"
            )
        if isinstance(self.washout_days, int) and not 0 <= self.washout_days <= 36_525:
            raise ValueError(f"washout_days is {self.washout_days}; use a number of days from 0 to 36,525, or ever")
        return self

    @property
    def definition(self) -> OutcomeDefinition:
        """Return the definition of the outcome; an outcome that the source defines has only a label."""
        from_source = OutcomeDefinition(self.name.replace("_", " ").capitalize(), feeds=(), auroc_alarm=0.98)
        return OUTCOMES.get(self.defined_as or self.name, from_source)

    @property
    def is_known(self) -> bool:
        """Return whether Strata has a definition of the outcome."""
        return (self.defined_as or self.name) in OUTCOMES

    @property
    def not_all_at_risk(self) -> bool:
        """Return whether some people of a cohort are known on the index date not to be at risk."""
        return bool(self.washout_days or self.minimum_days_on_list or self.definition.covered)


def check_matured(settings: OutcomeSettings, index_date: date, data_cut: date) -> None:
    """Raise ImmatureOutcomeError unless the outcomes of an index date have matured."""
    horizon, maturity = settings.horizon_days, settings.maturity_days
    if not has_matured(index_date, data_cut, horizon, maturity):
        raise ImmatureOutcomeError(
            f"There are no labels for the index date {index_date}. Its {horizon} days at risk and {maturity} days of maturity end on "
            f"{last_day_awaited(index_date, horizon, maturity)}, which is not before the data cut {data_cut}. Choose an index date of "
            f"{latest_matured(data_cut, horizon, maturity)} or earlier."
        )


def matured_rows(settings: OutcomeSettings, index_day: NDArray[np.int32], data_cut: date) -> NDArray[np.bool_]:
    """Return which rows with their own index dates have matured before the data cut; raise ImmatureOutcomeError where none has."""
    latest = latest_matured(data_cut, settings.horizon_days, settings.maturity_days)
    matured = index_day <= (latest - date(1970, 1, 1)).days
    if len(index_day) and not matured.any():
        check_matured(settings, date(1970, 1, 1) + timedelta(days=int(index_day.min())), data_cut)
    return matured

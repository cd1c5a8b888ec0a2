"""The cohort of an index date: people who are registered and alive, without opt-outs and within the age limits.

A person who moves between practices is registered (`features/periods.py`). The number of people of each exclusion is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, model_validator

from expectations.suppression import SUPPRESSIONS
from expectations.tables.raw_gp import DEATH_NOT_READABLE as DEATH_NOT_READABLE
from expectations.tables.raw_gp import END_NOT_READABLE as END_NOT_READABLE
from features.demographics import age_years

Use = Literal["finding_people_for_care", "planning"]
ALL_PEOPLE = "people the sources name"
ALL_ROWS = "index events"
IN_COHORT = "in cohort"
NATIONAL_DATA_OPT_OUT = "national data opt-out"


class CohortSettings(BaseModel, extra="forbid", frozen=True):
    """Settings of the cohort: who is in it, and what an index event is."""

    kind: Literal["registered", "discharges", "given"] = Field(
        default="registered",
        description="registered: everyone on the registered list on the index date; discharges: one row for each hospital discharge in the "
        "period up to the index date; given: rows that the source defines, such as an OMOP cohort",
    )
    minimum_age: int = Field(default=0, ge=0, le=120, description="lowest age on the index date, in completed years")
    maximum_age: int | None = Field(default=None, ge=0, le=130, description="highest age on the index date, in completed years")
    minimum_days_on_list: int = Field(
        default=0, ge=0, le=3650, description="days that the person must have been registered with the practice"
    )
    discharge_class: Literal["emergency", "any"] = Field(
        default="emergency", description="class of the spells whose discharges count"
    )
    discharge_minimum_nights: int = Field(default=1, ge=0, le=365, description="fewest nights of a spell whose discharge counts")
    discharge_period_days: int = Field(
        default=365, ge=1, le=40_000, description="days up to the index date in which discharges count"
    )

    @property
    def one_date_for_all(self) -> bool:
        """Return whether everyone has the same index date; else people have index events, with dates of their own."""
        return self.kind == "registered"

    @property
    def of_discharges(self) -> bool:
        return self.kind == "discharges"

    @property
    def of_source(self) -> bool:
        """Return whether the source hands over the index events."""
        return self.kind == "given"

    @model_validator(mode="after")
    def _ages_in_order(self) -> Self:
        if self.maximum_age is not None and self.maximum_age < self.minimum_age:
            raise ValueError(
                f"maximum_age {self.maximum_age} is below minimum_age {self.minimum_age}; choose a maximum_age that is not lower"
            )
        return self


@dataclass(frozen=True)
class Candidates:
    """One element for each candidate row, on its index date; days are days since 1970."""

    birth_day: NDArray[np.int32]
    death_day: NDArray[np.int32]  # the highest int32 for people alive
    death_not_readable: NDArray[np.bool_]
    suppressed: NDArray[np.int8]  # 1 plus the place of the reason in SUPPRESSIONS, 0 for none
    index_day: NDArray[np.int32]
    on_list: NDArray[np.bool_]
    registered: NDArray[np.bool_]
    end_not_readable: NDArray[np.bool_]  # of the registration that holds on the index date
    days_on_list: NDArray[np.int32]
    type_1_opt_out: NDArray[np.bool_]
    national_data_opt_out: NDArray[np.bool_]


def exclusions(candidates: Candidates, settings: CohortSettings, use: Use) -> list[tuple[str, NDArray[np.bool_]]]:
    """Return the exclusions in order: each has a reason and the rows it applies to, including rows of earlier exclusions.

    A type 1 opt-out always excludes. The national data opt-out excludes from planning. It does not apply to finding people for
    their own care (NHS England, national data opt-out operational policy guidance).
    """
    age = age_years(candidates.birth_day, candidates.index_day)
    suppressed = [(reason, candidates.suppressed == place) for place, reason in enumerate(SUPPRESSIONS, start=1)]
    steps = [
        ("not on the registered list: only known from hospital, or the list's record was set aside", ~candidates.on_list),
        ("not born on the index date", candidates.birth_day > candidates.index_day),
        *suppressed,
        ("died on or before the index date", candidates.death_day <= candidates.index_day),
        (DEATH_NOT_READABLE, candidates.death_not_readable),
        ("not registered on the index date", ~candidates.registered),
        (END_NOT_READABLE, candidates.end_not_readable),
        ("type 1 opt-out", candidates.type_1_opt_out),
    ]
    if use == "planning":
        steps.append((NATIONAL_DATA_OPT_OUT, candidates.national_data_opt_out))
    if settings.minimum_age:
        steps.append((f"younger than {settings.minimum_age} years, or of unknown age", ~(age >= settings.minimum_age)))
    if settings.maximum_age is not None:
        steps.append((f"older than {settings.maximum_age} years, or of unknown age", ~(age <= settings.maximum_age)))
    if settings.minimum_days_on_list:
        short = candidates.days_on_list < settings.minimum_days_on_list
        steps.append((f"on the list for fewer than {settings.minimum_days_on_list} days", short))
    return steps


def cohort_flow(candidates: Candidates, settings: CohortSettings, use: Use) -> tuple[NDArray[np.bool_], list[tuple[str, int]]]:
    """Return who is in the cohort and the count of every step: everyone, each exclusion among the remaining rows, the cohort."""
    inside = np.ones(len(candidates.index_day), dtype=bool)
    flow = [(ALL_PEOPLE if settings.one_date_for_all else ALL_ROWS, len(inside))]
    for reason, out in exclusions(candidates, settings, use):
        flow.append((reason, int((inside & out).sum())))
        inside &= ~out
    return inside, [*flow, (IN_COHORT, int(inside.sum()))]


def add_flows(flows: list[list[tuple[str, int]]]) -> list[tuple[str, int]]:
    """Return the sum of the flows of ranges of people, without reasons of suppression that apply to no one."""
    whole = [(steps[0][0], sum(count for _, count in steps)) for steps in zip(*flows, strict=True)]
    return [(reason, count) for reason, count in whole if count or reason not in SUPPRESSIONS]

"""How many people each practice or neighbourhood is shown, and whom its list leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, Field, field_validator

AgeGroup = Literal["0-17", "18-64", "65+", "not known"]
Mark = Literal["end_of_life", "in_hospital_now", "care_home", "on_caseload"]
PER_THOUSAND: Mapping[AgeGroup, float] = {"0-17": 1.0, "18-64": 5.0, "65+": 20.0, "not known": 5.0}


class CaseloadSettings(BaseModel, extra="forbid", frozen=True):
    """The lists of a run: one for each place and age group, as long as the place can take on."""

    place: Literal["practice_code", "pcn_code", "neighbourhood_code", "sub_icb_code"] = Field(
        default="practice_code", description="what a list is for: practices, or what stands in this column of risk__scores"
    )
    people_per_thousand: Mapping[AgeGroup, float] = Field(
        default=PER_THOUSAND, description="people listed for every 1,000 of the age group on the place's list"
    )
    people: int | None = Field(
        default=None,
        ge=0,
        description="people listed at every place, instead; divided over age groups as people_per_thousand has it",
    )
    places: Mapping[str, int] = Field(default={}, description="code of a place -> people listed there, which goes before both")
    leave_out: tuple[Mark, ...] = Field(
        default=("end_of_life", "in_hospital_now", "care_home", "on_caseload"),
        description="marks whose people are not listed; they are named with the reason",
    )
    write_pages: bool = Field(
        default=False, description="write every place's CSV and page after each publication; strata caseload writes one"
    )

    @field_validator("people_per_thousand")
    @classmethod
    def _every_group(cls, given: Mapping[AgeGroup, float]) -> Mapping[AgeGroup, float]:
        wrong = {group: number for group, number in given.items() if not 0 <= number <= 1000}
        if wrong:
            raise ValueError(f"people per 1,000 lie between 0 and 1,000, not {wrong}")
        return {**dict.fromkeys(PER_THOUSAND, 0.0), **given}

    @field_validator("places")
    @classmethod
    def _no_debt(cls, given: Mapping[str, int]) -> Mapping[str, int]:
        wrong = {place: number for place, number in given.items() if number < 0}
        if wrong:
            raise ValueError(f"a place cannot be shown fewer than 0 people: {wrong}")
        return given

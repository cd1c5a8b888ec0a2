"""The number of people on each review list, and the flags whose people are excluded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from expectations.setting_types import Distinct

AgeGroup = Literal["0-17", "18-64", "65+", "not known"]
Mark = Literal["end_of_life", "in_hospital_now", "care_home", "on_caseload"]
PER_THOUSAND: Mapping[AgeGroup, float] = {"0-17": 1.0, "18-64": 5.0, "65+": 20.0, "not known": 5.0}


class CaseloadSettings(BaseModel, extra="forbid", frozen=True):
    """The review lists of a run: one for each place and age group, up to the capacity of the place."""

    place: Literal["practice_code", "pcn_code", "neighbourhood_code", "sub_icb_code"] = Field(
        default="practice_code",
        description="column of risk__scores whose values each get a list: a practice, PCN, neighbourhood or sub-ICB location",
    )
    people_per_thousand: Mapping[AgeGroup, float] = Field(
        default=PER_THOUSAND, description="people listed for every 1,000 registered people of the age group"
    )
    people: int | None = Field(
        default=None,
        ge=0,
        description="people listed at every place instead; people_per_thousand decides their shares by age group",
    )
    places: Mapping[str, int] = Field(
        default={}, description="code of a place -> people listed there; it takes precedence over both other settings"
    )
    leave_out: Distinct[Mark] = Field(
        default=("end_of_life", "in_hospital_now", "care_home", "on_caseload"),
        description="flags whose people are not listed; they are shown with the reason",
    )
    write_pages: bool = Field(
        default=False,
        description="write the CSV file and page of every place after each publication; strata caseload writes one place",
    )

    @field_validator("people_per_thousand")
    @classmethod
    def _every_group(cls, rates: Mapping[AgeGroup, float]) -> Mapping[AgeGroup, float]:
        wrong = {group: number for group, number in rates.items() if not 0 <= number <= 1000}
        if wrong:
            named = ", ".join(f"{group}: {number:g}" for group, number in wrong.items())
            raise ValueError(f"people per 1,000 must be between 0 and 1,000; correct {named}")
        return {**dict.fromkeys(PER_THOUSAND, 0.0), **rates}

    @field_validator("places")
    @classmethod
    def _not_negative(cls, people_by_place: Mapping[str, int]) -> Mapping[str, int]:
        wrong = {place: number for place, number in people_by_place.items() if number < 0}
        if wrong:
            named = ", ".join(f"{place}: {number}" for place, number in wrong.items())
            raise ValueError(f"the number of people listed at a place cannot be negative; correct {named}")
        return people_by_place

    @model_validator(mode="after")
    def _people_have_an_age_group(self) -> Self:
        wanted = self.people or any(self.places.values())
        if wanted and not any(self.people_per_thousand.values()):
            raise ValueError(
                "people or places ask for people on the lists, and people_per_thousand is 0 for every age group, so no one would be listed. Set a "
                "number above 0 for the age groups to list, or remove people_per_thousand"
            )
        return self

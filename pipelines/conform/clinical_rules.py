"""The codes that clinical definitions use, as settings with their sources.

Published lists differ and change. `version` is recorded with every run.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from pydantic import BaseModel, Field, field_validator, model_validator

from expectations.setting_types import Distinct
from expectations.sql_values import quote_all
from features.utilisation import OUT_OF_HOURS_FROM, OUT_OF_HOURS_TO

# Lists of which a code may be on one only.
_DISTINCT = (
    ("emergency_methods", "birth_methods"),
    ("transfer_methods", "birth_methods"),
    ("emergency_methods", "elective_methods"),
    ("emergency_methods", "maternity_methods"),
    ("elective_methods", "maternity_methods"),
    ("elective_methods", "birth_methods"),
    ("maternity_methods", "birth_methods"),
    ("attended_statuses", "missed_statuses"),
    ("not_attended_statuses", "left_before_seen_statuses"),
)
# The NHS Data Dictionary has this birth among the emergency methods. It counts as a birth.
_EMERGENCY_AND_BIRTH = "2C"
_TIME = r"^([01]\d|2[0-3]):[0-5]\d$"


class ClinicalRules(BaseModel, extra="forbid", frozen=True):
    """The meaning of codes. Sources: NHS Data Dictionary, HES data dictionaries, ECDS technical output specification."""

    version: str = Field("2025-1", min_length=1, description="Name of this set of lists; recorded with every run.")
    emergency_methods: Distinct[str] = Field(
        ("21", "22", "23", "24", "25", "28", "2A", "2B", "2C", "2D"),
        min_length=1,
        description="Admission methods of an emergency; 2A to 2D replaced 28 (NHS Data Dictionary, ADMISSION METHOD).",
    )
    elective_methods: Distinct[str] = Field(
        ("11", "12", "13"), min_length=1, description="Admission methods of an elective admission: waiting list, booked, planned."
    )
    maternity_methods: Distinct[str] = Field(("31", "32"), description="Admission methods ante and post partum.")
    birth_methods: Distinct[str] = Field(
        ("82", "83", "2C"), description="Admission methods of a birth; 2C, born at home as intended, is no emergency."
    )
    obstetric_specialties: Distinct[str] = Field(
        ("501", "505", "560"),
        description="Treatment functions (obstetrics, fetal medicine, midwifery) whose emergency codes are maternity.",
    )
    regular_attender_classes: Distinct[str] = Field(
        ("3", "4"), description="Patient classifications of regular day and night attenders: a spell each, joined to nothing."
    )
    transfer_destinations: Distinct[str] = Field(
        ("49", "50", "51", "52", "53", "84"),
        description="Discharge destinations that say that care continued elsewhere (continuous inpatient spell).",
    )
    transfer_sources: Distinct[str] = Field(
        ("49", "50", "51", "52", "53", "87"), description="Sources of admission that say that care began elsewhere."
    )
    transfer_methods: Distinct[str] = Field(("2B", "81"), description="Admission methods of a transfer between hospitals.")
    not_a_transfer: tuple[str, str, str] = Field(
        ("19", "51", "21"),
        description="Destination, source and method that together mean a new emergency and no transfer.",
    )
    transfer_gap_days: int = Field(
        2, ge=0, le=30, description="Highest number of days from a discharge to the admission that continues its spell."
    )
    died_methods: Distinct[str] = Field(("4",), description="Discharge methods of a death in hospital.")
    same_day_emergency_department: str = Field("05", description="Department type of same-day emergency care: no A&E attendance.")
    attendance_departments: Distinct[str] = Field(
        ("01", "02", "03", "04"), min_length=1, description="Department types of an A&E attendance."
    )
    unplanned_categories: Distinct[str] = Field(
        ("1", "2", "3"), description="Attendance categories that are unplanned; an empty one counts as unplanned."
    )
    not_attended_statuses: Distinct[str] = Field(
        ("1077031000000103", "1077781000000101", "63238001"),
        description="Discharge statuses of a record that is no attendance: streamed elsewhere (2), dead before arrival.",
    )
    ambulance_arrival_modes: Distinct[str] = Field(
        ("1048021000000102", "1048031000000100", "1048041000000109", "1048051000000107", "1048081000000101", "1"),
        description="Arrival modes by ambulance: road without and with emergency, with escort, helicopter, repatriation; "
        "1 is the HES A&E code.",
    )
    left_before_seen_statuses: Distinct[str] = Field(
        ("1066301000000103", "1066311000000101", "1066321000000107", "12"),
        description="Discharge statuses of leaving before assessment, after it, or before treatment ended; 12 is the HES code.",
    )
    out_of_hours_from: str = Field(OUT_OF_HOURS_FROM, pattern=_TIME, description="Out of hours begins (GP contract core hours).")
    out_of_hours_to: str = Field(OUT_OF_HOURS_TO, pattern=_TIME, description="Out of hours ends.")
    attended_statuses: Distinct[str] = Field(
        ("5", "6"), min_length=1, description="Outpatient statuses of an attended appointment."
    )
    missed_statuses: Distinct[str] = Field(("3", "7"), description="Outpatient statuses of a missed one: no show, too late.")

    @model_validator(mode="after")
    def _lists_are_distinct(self) -> Self:
        for one, other in _DISTINCT:
            both = sorted(set(getattr(self, one)) & set(getattr(self, other)))
            if both and (one, other, both) != ("emergency_methods", "birth_methods", [_EMERGENCY_AND_BIRTH]):
                raise ValueError(
                    f"clinical.{one} and clinical.{other} both have {', '.join(both)}, and a code has one meaning; remove it from one of the two"
                )
        if self.same_day_emergency_department in self.attendance_departments:
            raise ValueError(
                f"clinical.same_day_emergency_department {self.same_day_emergency_department} is also in clinical.attendance_departments, and same-day "
                "emergency care is no A&E attendance; remove it from the list"
            )
        if self.out_of_hours_from <= self.out_of_hours_to:
            raise ValueError(
                f"clinical.out_of_hours_from {self.out_of_hours_from} is not later than clinical.out_of_hours_to {self.out_of_hours_to}, so every "
                "hour would be out of hours; out of hours begins in the evening and ends in the morning, so exchange the two"
            )
        return self

    @field_validator("*")
    @classmethod
    def _plain_codes(cls, value: object) -> object:
        for code in value if isinstance(value, tuple) else ():
            if not str(code).isalnum():
                raise ValueError(f"a code may hold letters and digits only, not {code!r}")
        return value


def sql_list(codes: Iterable[str]) -> str:
    """Return codes as the inside of a SQL IN list."""
    return quote_all(codes)

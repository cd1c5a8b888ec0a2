"""Settings of an OMOP source: where the CDM is, and how its visits are read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from expectations.date_formats import FormatName
from expectations.row_checks import sender_columns
from expectations.setting_types import Distinct
from expectations.table import Kind
from expectations.tables.raw_omop import OMOP_TABLES

DATE_COLUMNS = {column.name for table in OMOP_TABLES for column in sender_columns(table) if column.kind is Kind.DATE}
VisitClass = Literal["emergency_stay", "elective_stay", "emergency_room", "outpatient", "other"]


class VisitConcepts(BaseModel, extra="forbid", frozen=True):
    """The kind of visit of each `visit_concept_id` (standard concepts of the OMOP Visit domain)."""

    stay: tuple[int, ...] = Field(
        (9201, 8717, 32037, 581379),
        description="inpatient stays: inpatient visit, inpatient hospital, intensive care, inpatient critical care",
    )
    emergency_stay: tuple[int, ...] = Field(
        (262,), description="stays that began in the emergency room: emergency room and inpatient visit"
    )
    emergency_room: tuple[int, ...] = Field(
        (9203, 8870, 581381),
        description="emergency room visits: emergency room, emergency room - hospital, emergency critical care",
    )
    outpatient: tuple[int, ...] = Field(
        (9202, 38004207, 581477, 8756, 38004693),
        description="outpatient visits: outpatient visit, ambulatory clinic, office, outpatient hospital",
    )

    @model_validator(mode="after")
    def _one_kind_each(self) -> Self:
        listed = [*self.stay, *self.emergency_stay, *self.emergency_room, *self.outpatient]
        twice = sorted({concept for concept in listed if listed.count(concept) > 1})
        if twice:
            raise ValueError(
                f"visit concepts {', '.join(map(str, twice))} are listed under more than one kind of visit; list each under one"
            )
        return self


class OmopSettings(BaseModel, extra="forbid", frozen=True):
    """An OMOP CDM 5.3 or 5.4 folder of CSV (also gzip) or Parquet files, one or more per table."""

    folder: Path = Field(description="folder of the CDM tables; relative to the configuration's own folder")
    extract_date: date = Field(
        description="day the CDM was taken from its source: no event lies after it. For shifted dates, a day after the last of them"
    )
    dates_shifted: bool = Field(
        False,
        description="true if dates were shifted by design to protect people, as in MIMIC; false: an extract_date after today is refused",
    )
    cdm_version: Literal["auto", "5.3", "5.4"] = Field(
        "auto", description="names of columns that differ; auto takes what a file has"
    )
    dates: Mapping[str, FormatName] = Field(
        {}, description="name of a date column -> how its days are written, in every table, where the values do not show it"
    )
    visits: VisitConcepts = VisitConcepts()
    admission_method_column: str | None = Field(
        None,
        description="column of VISIT_OCCURRENCE with the admission method; without it, visits are classified by visit_concept_id",
    )
    admission_methods: Mapping[str, VisitClass] = Field(
        {}, description="what each value of that column is; a visit with another value is classified by visit_concept_id"
    )
    emergency_sources: Distinct[int] = Field(
        (9203, 8870), description="admitted_from_concept_id that makes a stay an emergency: emergency room"
    )
    died_destinations: Distinct[int] = Field(
        (4216643,), description="discharged_to_concept_id of a death in hospital: patient died"
    )
    transfer_sources: Distinct[int] = Field(
        (8717, 9201, 8971), description="admitted_from_concept_id of a transfer between hospitals"
    )
    transfer_destinations: Distinct[int] = Field(
        (8717, 9201, 8971), description="discharged_to_concept_id of a transfer between hospitals"
    )
    icd10_codes: Literal["by_vocabulary", "by_visit", "never"] = Field(
        "by_vocabulary",
        description="which condition_source_value are ICD-10: those whose source concept CONCEPT puts in an ICD-10 vocabulary; "
        "by_visit also takes visits in which every billed code has the form of ICD-10 and none that of ICD-9; never takes none",
    )
    lag_days: int = Field(0, ge=0, le=730, description="days from an event until the source contained it")
    observed_days_beyond: int = Field(
        0,
        ge=0,
        le=3650,
        description="days a person stays under observation after the end of a period, where periods end with the last event",
    )
    ethnic_categories: Mapping[str, str] = Field(
        {}, description="ethnic category (16+1) of a race_source_value or race_concept_id, where the sender's categories allow it"
    )
    target_cohort_id: str | None = Field(None, description="cohort_definition_id whose rows are the index events")
    outcome_cohort_id: str | None = Field(None, description="cohort_definition_id whose rows are the outcomes")

    @field_validator("target_cohort_id", "outcome_cohort_id", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        return str(value) if isinstance(value, int) else value

    @field_validator("admission_methods", "ethnic_categories", mode="before")
    @classmethod
    def _keys_as_text(cls, value: object) -> object:
        return {str(key): item for key, item in value.items()} if isinstance(value, Mapping) else value

    @field_validator("dates")
    @classmethod
    def _date_columns(cls, dates: Mapping[str, FormatName]) -> Mapping[str, FormatName]:
        unknown = sorted(set(dates) - DATE_COLUMNS)
        if unknown:
            raise ValueError(
                f"{', '.join(unknown)}: no date column of the CDM; the date columns are {', '.join(sorted(DATE_COLUMNS))}"
            )
        return dates

    @model_validator(mode="after")
    def _methods_need_a_column(self) -> Self:
        if self.admission_methods and not self.admission_method_column:
            raise ValueError("admission_methods needs admission_method_column: the column of VISIT_OCCURRENCE with the methods")
        if self.admission_method_column and not self.admission_methods:
            raise ValueError(
                f"admission_method_column '{self.admission_method_column}' needs admission_methods, what each of its values is; set them, or remove "
                "the column"
            )
        if self.outcome_cohort_id and self.outcome_cohort_id == self.target_cohort_id:
            raise ValueError("target_cohort_id and outcome_cohort_id are the same definition")
        return self

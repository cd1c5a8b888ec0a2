"""Settings of a ready-made feature table: its file and the role of each column.

A column that no setting names is a predictor: a number if all its values are numbers, otherwise a category. List a column under
`excluded` if it would reveal the outcome, such as a result that is known only afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from expectations.date_formats import FormatName
from expectations.setting_types import Distinct
from features.diagnosis_groups import CodeSystem


class LabelSettings(BaseModel, extra="forbid", frozen=True):
    """Which column says whether the outcome happened."""

    column: str = Field(min_length=1, description="the column of the outcome; empty where it is not known yet")
    positive: Distinct[str] = Field(("1",), min_length=1, description="its values that mean the outcome happened")
    negative: Distinct[str] = Field(
        ("0",), min_length=1, description="its values that mean it did not; any other value is set aside"
    )

    @field_validator("positive", "negative", mode="before")
    @classmethod
    def _as_text(cls, values: object) -> object:
        return tuple(_text(value) for value in values) if isinstance(values, (list, tuple)) else values

    @model_validator(mode="after")
    def _apart(self) -> Self:
        both = sorted(set(self.positive) & set(self.negative))
        if both:
            raise ValueError(
                f"{', '.join(both)}: the same value is listed under positive and under negative; list it under one of them"
            )
        return self


class NotAtRiskSettings(BaseModel, extra="forbid", frozen=True):
    """Rows whose person cannot have the outcome: no label, no training, and a score published as not eligible."""

    column: str = Field(min_length=1, description="the column that says who is not at risk")
    values: Distinct[str] = Field(min_length=1, description="its values that mean not at risk")
    reason: str = Field(pattern=r"[a-z0-9_]+", description="reason code that is published with the score")

    @field_validator("values", mode="before")
    @classmethod
    def _as_text(cls, values: object) -> object:
        return tuple(_text(value) for value in values) if isinstance(values, (list, tuple)) else values


class GroupSettings(BaseModel, extra="forbid", frozen=True):
    """A column whose values are the groups of the audit."""

    column: str = Field(min_length=1, description="the column")
    predictor: bool = Field(
        False, description="true: the column is also a predictor; for race and ethnicity, record this decision"
    )


class HistorySettings(BaseModel, extra="forbid", frozen=True):
    """Features from the person's earlier rows, for tables with several rows per person; they need `order` or `index_date`."""

    numbers: Distinct[str] = Field(
        (), description="number columns: their previous value, the mean of all earlier ones, the change"
    )
    outcome: bool = Field(
        False,
        description="true: earlier outcomes as well; only if an outcome is known by the time of the next row, as a readmission is",
    )


class DiagnosisSettings(BaseModel, extra="forbid", frozen=True):
    """Columns of diagnosis codes, used as their category and chapter."""

    columns: Distinct[str] = Field((), description="the columns")
    system: CodeSystem = Field("icd10", description="icd10 or icd9")


class FeatureTableSettings(BaseModel, extra="forbid", frozen=True):
    """A table with one row per person and index event: CSV (also gzip, or one CSV in a zip archive) or Parquet."""

    file: Path = Field(description="the file; relative to the configuration's own folder")
    delivered: date = Field(description="day the table was made: the data cut, and the index date of a table without one")
    person: str = Field(min_length=1, description="column of the person's pseudonym")
    index_event: str | None = Field(
        None,
        description="column of the index event's key (encounter, discharge); without it, a person has one row per index date",
    )
    index_date: str | None = Field(None, description="column of the index date; without it, every row has the date `delivered`")
    dates: Mapping[Literal["index_date"], FormatName] = Field(
        {},
        description="index_date -> how its days are written, where the values do not show it (month before day, or day after the year)",
    )
    order: str | None = Field(
        None, description="column of numbers that orders a person's rows in time, where there is no index date"
    )
    label: LabelSettings
    not_at_risk: Distinct[NotAtRiskSettings] = Field((), description="rows whose person cannot have the outcome")
    groups: Mapping[str, GroupSettings] = Field({}, description="group kind in the audit -> its column")
    excluded: Distinct[str] = Field(
        (), description="columns that are not used, because they are known only afterwards or have no meaning"
    )
    numbers: Distinct[str] = Field((), description="columns that must hold numbers")
    intervals: Distinct[str] = Field((), description="columns of intervals such as [70-80), used as their midpoint")
    categories: Distinct[str] = Field((), description="columns of codes that look like numbers but are not")
    diagnoses: DiagnosisSettings = DiagnosisSettings()
    deprivation: Distinct[str] = Field(
        (), description="columns that measure deprivation: candidates without deprivation do not use them"
    )
    history: HistorySettings | None = Field(None, description="features from the person's earlier rows; none by default")
    missing_values: Distinct[str] = Field(("", "NA", "NULL"), description="values that mean 'missing'")
    delimiter: str = Field("", max_length=1, description="field separator of a CSV file; detected in the header by default")

    @property
    def columns_by_setting(self) -> dict[str, tuple[str | None, ...]]:
        """Return the columns that each setting names; None for a setting of one column that names none."""
        return {
            "person": (self.person,), "index_event": (self.index_event,), "index_date": (self.index_date,), "order": (self.order,),
            "label.column": (self.label.column,), "not_at_risk": tuple(rule.column for rule in self.not_at_risk),
            "groups": tuple(group.column for group in self.groups.values()), "excluded": self.excluded, "numbers": self.numbers,
            "intervals": self.intervals, "categories": self.categories, "diagnoses.columns": self.diagnoses.columns,
            "history.numbers": self.history.numbers if self.history else (),
        }  # fmt: skip

    @model_validator(mode="after")
    def _one_role_each(self) -> Self:
        roles = [
            ("a key, the index date or the label" if place in _KEYS else place, name)
            for place in (*_KEYS, "excluded", *_PREDICTORS)
            for name in self.columns_by_setting[place]
        ]
        for name in sorted({name for _, name in roles if name}):
            standing = [place for place, column in roles if column == name]
            if len(standing) > 1:
                raise ValueError(f"the column '{name}' has more than one role: {' and '.join(standing)}")
        return self

    @model_validator(mode="after")
    def _missing_values_mean_nothing_else(self) -> Self:
        missing = {value.strip() for value in self.missing_values}
        named = {
            "label.positive": self.label.positive, "label.negative": self.label.negative,
            **{f"not_at_risk.{place}.values": rule.values for place, rule in enumerate(self.not_at_risk)},
        }  # fmt: skip
        for setting, values in named.items():
            if both := [value for value in values if value.strip() in missing]:
                raise ValueError(
                    f"'{both[0]}' is in {setting} and in missing_values, so it never counts; remove it from one of the two"
                )
        return self

    def refuse_as_split(self, column: str) -> None:
        """Raise ValueError if the column that splits the rows has another role; an excluded column may split."""
        standing = [place for place in (*_KEYS, *_PREDICTORS) if column in self.columns_by_setting[place]]
        standing += ["groups, as a predictor" for group in self.groups.values() if group.predictor and group.column == column]
        if standing:
            raise ValueError(
                f"study.validation.split_column: '{column}' is also listed under source.feature_table.{standing[0]}; a column that says which "
                "rows train is no key, label or predictor"
            )

    @model_validator(mode="after")
    def _history_needs_an_order(self) -> Self:
        if self.history and not self.index_date:
            if not self.order:
                raise ValueError("history needs `order` or `index_date`: without one, rows have no order in time")
            if self.index_event is None:
                raise ValueError("history needs `index_event` or `index_date`: without one a person has one row")
        reserved = sorted(set(self.groups) & RESERVED_GROUPS)
        if reserved:
            raise ValueError(f"the groups {', '.join(reserved)} have names of columns of features__person; rename them")
        odd = sorted(name for name in self.groups if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name))
        if odd:
            raise ValueError(
                f"the groups {', '.join(odd)} need names of lower-case letters, digits and underscores, such as ethnic_group"
            )
        return self


_KEYS = ("person", "index_event", "index_date", "label.column")
_PREDICTORS = ("numbers", "intervals", "categories", "diagnoses.columns")
SPLIT = "validation_split"  # column of features__person that keeps the values of study.validation.split_column
RESERVED_GROUPS = frozenset({"person_key", "person_id", "index_event_id", "index_date", "coverage", "gp_covered", "all", SPLIT})


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, (bool, int)) else str(value)

"""The settings of the synthetic board and of the defects planted in it."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field, field_validator, model_validator


class DefectSettings(BaseModel, extra="forbid", frozen=True):
    """How often each kind of defect is planted. A rate above 0 plants at least one row per block of people."""

    enabled: bool = Field(True, description="Plant defects.")
    row_rate: float = Field(0.0005, ge=0, le=0.01, description="Share of a feed's rows that get each kind of row defect.")
    duplicate_rate: float = Field(0.002, ge=0, le=0.02, description="Share of rows that a delivery contains twice.")
    overlap_rate: float = Field(
        0.001, ge=0, le=0.02, description="Share of spells with an overlapping spell at another provider."
    )
    dummy_rows_per_thousand_people: float = Field(
        2.0, ge=0, le=20, description="Rows under the dummy pseudonym per 1,000 people, in admissions and emergency attendances."
    )
    least_dummy_rows: int = Field(400, ge=0, description="Minimum number of rows under the dummy pseudonym in a feed.")
    below_published_list: bool = Field(True, description="One practice sends a third of the people on its published list.")
    history_starts_at_load: bool = Field(True, description="One practice's registrations start on the day its system was loaded.")
    ethnicity_not_known: bool = Field(True, description="One provider sends most ethnic categories as not stated or not known.")
    provider_gap: bool = Field(True, description="One provider sends nothing for three months.")
    collapsed_provider_month: bool = Field(
        False,
        description="In the last of several deliveries, one month of one provider lacks most of its rows. This stops a run.",
    )
    single_value_column: bool = Field(
        False, description="In the last of several deliveries, one column has a single value. This stops a run."
    )


class InjusticeSettings(BaseModel, extra="forbid", frozen=True):
    """An injustice that is planted to test whether the audit detects it; none by default."""

    group: Literal["white", "mixed", "asian", "black", "other", "most_deprived"] | None = Field(
        None,
        description="The group that the injustice affects: an ethnic group, or people in the most deprived fifth of areas. None if empty.",
    )
    served: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Share of the group's emergency stays and attendances that happen. Below 1, recorded need is not met.",
    )
    need: float = Field(
        1.0,
        ge=1,
        le=5,
        description="Factor on the hazard of long-term conditions and frailty in the group. Above 1, the group needs more care.",
    )
    recorded: float = Field(
        1.0, ge=0, le=1, description="Share of the group whose conditions are recorded. Below 1, need is not recorded."
    )

    @model_validator(mode="after")
    def _has_a_group(self) -> InjusticeSettings:
        if self.group is None and (self.served, self.need, self.recorded) != (1.0, 1.0, 1.0):
            raise ValueError("served, need and recorded apply to a group, and none is named. Set group, or remove them")
        return self


class SyntheticSettings(BaseModel, extra="forbid", frozen=True):
    """The size, dates and seed of the board. The same settings produce files that are identical byte for byte."""

    board_name: str = Field("NHS Samplewick Integrated Care Board", description="Name of the made-up board.")
    icb: str | None = Field(
        None,
        description="Name or ODS code of a real ICB. People live in its areas and register with its practices. Needs the reference files.",
    )
    people: int = Field(
        20_000, ge=500, le=12_000_000, description="Number of people who are on the registered list at any time in the period."
    )
    seed: int = Field(20_260_101, ge=0, description="Seed of all random streams.")
    start_date: date = Field(date(2020, 1, 1), description="First day of activity.")
    data_cut_date: date = Field(date(2026, 1, 1), description="The first day after the data.")
    delivery_dates: tuple[date, ...] = Field(
        (),
        description="Days of delivery, in order. Each delivery contains what was known before it. If empty, one delivery on the data cut.",
    )
    people_per_file: int = Field(
        250_000, ge=10_000, description="Number of people in each file; larger feeds are split into parts."
    )
    gzip: bool = Field(False, description="Write .csv.gz files.")
    icb_code: str = Field("QSB", pattern=r"[A-Z0-9]{3}", description="Code of the made-up board.")
    provider_codes: tuple[str, ...] = Field(
        ("RX1", "RX2", "RX3", "RX4", "RX5"),
        min_length=5,
        max_length=5,
        description="Codes of the board's five providers, largest first.",
    )
    unlinked_share: float = Field(
        0.015, ge=0, le=0.5, description="Share of people whose GP and hospital pseudonyms differ, so that they do not link."
    )
    type_1_opt_out_share: float = Field(0.04, ge=0, le=1, description="Share of people with a type 1 opt-out.")
    national_opt_out_share: float = Field(0.054, ge=0, le=1, description="Share of people with a national data opt-out.")
    same_day_switch_date: date = Field(
        date(2024, 7, 1), description="Day from which the third provider sends same-day emergency care as ECDS type 05."
    )
    provider_gap_start: date = Field(date(2022, 2, 1), description="First day of the second provider's three silent months.")
    defects: DefectSettings = Field(default_factory=DefectSettings, description="The defects to plant.")
    injustice: InjusticeSettings = Field(default_factory=InjusticeSettings, description="The injustice to plant.")

    @field_validator("delivery_dates")
    @classmethod
    def _in_order(cls, dates: tuple[date, ...]) -> tuple[date, ...]:
        if list(dates) != sorted(set(dates)):
            raise ValueError("delivery_dates must be in ascending order, each date once")
        return dates

    @model_validator(mode="after")
    def _dates_fit(self) -> SyntheticSettings:
        if self.start_date.day != 1 or self.data_cut_date.day != 1:
            raise ValueError("start_date and data_cut_date must each be the first day of a month")
        if self.months < 12:
            raise ValueError("data_cut_date must be at least twelve months after start_date")
        outside = [day for day in self.delivery_dates if not self.start_date < day <= self.data_cut_date]
        if outside:
            raise ValueError(f"delivery_dates must be after start_date and not after data_cut_date. Correct {outside[0]}")
        if len(self.deliveries) < 2 and (self.defects.collapsed_provider_month or self.defects.single_value_column):
            raise ValueError(
                "collapsed_provider_month and single_value_column need an earlier delivery to compare with. Set two delivery_dates"
            )
        return self

    @property
    def months(self) -> int:
        """Return the number of months of activity."""
        return (self.data_cut_date.year - self.start_date.year) * 12 + self.data_cut_date.month - self.start_date.month

    @property
    def deliveries(self) -> tuple[date, ...]:
        """Return the days of delivery."""
        return self.delivery_dates or (self.data_cut_date,)

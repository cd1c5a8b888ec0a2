"""The settings of the synthetic board and of the defects planted in it."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field, field_validator, model_validator


class DefectSettings(BaseModel, extra="forbid", frozen=True):
    """How often each kind of defect is planted; a row rate plants at least one row per block of people, 0 none."""

    enabled: bool = Field(True, description="Plant defects at all.")
    row_rate: float = Field(0.0005, ge=0, le=0.01, description="Share of a feed's rows that get each kind of row defect.")
    duplicate_rate: float = Field(0.002, ge=0, le=0.02, description="Share of rows that stand twice, identical, in a delivery.")
    overlap_rate: float = Field(
        0.001, ge=0, le=0.02, description="Share of spells that get a second spell elsewhere at the same time."
    )
    dummy_rows_per_thousand_people: float = Field(
        2.0, ge=0, le=20, description="Rows under the dummy pseudonym per 1,000 people in each hospital feed that has one."
    )
    least_dummy_rows: int = Field(400, ge=0, description="The dummy pseudonym's rows in a feed are at least this many.")
    below_published_list: bool = Field(True, description="One practice's extract holds a third of its published list.")
    history_starts_at_load: bool = Field(True, description="One practice's registrations start on the day its system was loaded.")
    ethnicity_not_known: bool = Field(True, description="One provider sends most ethnic categories as not stated or not known.")
    provider_gap: bool = Field(True, description="One provider sends nothing for three months.")
    collapsed_provider_month: bool = Field(
        False, description="In the last of several deliveries one provider's month has lost most rows: this stops a run."
    )
    single_value_column: bool = Field(
        False, description="In the last of several deliveries one column has a single value: this stops a run."
    )


class InjusticeSettings(BaseModel, extra="forbid", frozen=True):
    """An injustice that is planted to see whether the audit finds it; none is by default."""

    group: Literal["white", "mixed", "asian", "black", "other", "most_deprived"] | None = Field(
        None, description="The ethnic group, or the most deprived fifth of the areas, it is done to; none where left out."
    )
    served: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Share of the group's emergency stays and attendances that happen: need recorded, not served.",
    )
    need: float = Field(
        1.0,
        ge=1,
        le=5,
        description="Factor on the hazard of the group's long-term conditions and frailty: the more it needs, the less its use tells.",
    )
    recorded: float = Field(
        1.0, ge=0, le=1, description="Share of the group whose conditions stand in any record: need that is not recorded."
    )


class SyntheticSettings(BaseModel, extra="forbid", frozen=True):
    """What board to make: its size, its dates and its seed; the same settings give byte-identical files."""

    board_name: str = Field("NHS Samplewick Integrated Care Board", description="Name of the made-up board.")
    icb: str | None = Field(
        None,
        description="Name or ODS code of a real ICB, in whose areas and practices the people live; it needs the reference files.",
    )
    people: int = Field(20_000, ge=500, le=12_000_000, description="People who are ever on the board's list in the period.")
    seed: int = Field(20_260_101, ge=0, description="Seed of every random stream.")
    start_date: date = Field(date(2020, 1, 1), description="First day of activity.")
    data_cut_date: date = Field(date(2026, 1, 1), description="The first day that is not in the data any more.")
    delivery_dates: tuple[date, ...] = Field(
        (), description="Days of delivery, in order; each delivery holds what was known before it. Empty: the data cut alone."
    )
    people_per_file: int = Field(250_000, ge=10_000, description="A feed is split into parts of this many people.")
    gzip: bool = Field(False, description="Write .csv.gz.")
    icb_code: str = Field("QSB", pattern=r"[A-Z0-9]{3}", description="Code of the made-up board.")
    provider_codes: tuple[str, ...] = Field(
        ("RX1", "RX2", "RX3", "RX4", "RX5"),
        min_length=5,
        max_length=5,
        description="Codes of the board's five providers, largest first.",
    )
    unlinked_share: float = Field(
        0.015, ge=0, le=0.5, description="Share of people whose GP and hospital pseudonyms come from different schemes."
    )
    type_1_opt_out_share: float = Field(0.04, ge=0, le=1, description="Share of people with a type 1 opt-out.")
    national_opt_out_share: float = Field(0.054, ge=0, le=1, description="Share of people with a national data opt-out.")
    same_day_switch_date: date = Field(
        date(2024, 7, 1), description="From this day the third provider sends same-day emergency care as ECDS type 05."
    )
    provider_gap_start: date = Field(date(2022, 2, 1), description="First day of the second provider's three silent months.")
    defects: DefectSettings = Field(default_factory=DefectSettings, description="The defects to plant.")
    injustice: InjusticeSettings = Field(default_factory=InjusticeSettings, description="The injustice to plant.")

    @field_validator("delivery_dates")
    @classmethod
    def _in_order(cls, dates: tuple[date, ...]) -> tuple[date, ...]:
        if list(dates) != sorted(set(dates)):
            raise ValueError("delivery dates stand once each, in order")
        return dates

    @model_validator(mode="after")
    def _dates_fit(self) -> SyntheticSettings:
        if self.start_date.day != 1 or self.data_cut_date.day != 1:
            raise ValueError("start_date and data_cut_date are the first day of a month")
        if self.months < 12:
            raise ValueError("the period from start_date to data_cut_date holds at least twelve months")
        outside = [day for day in self.delivery_dates if not self.start_date < day <= self.data_cut_date]
        if outside:
            raise ValueError(f"delivery dates lie after start_date and not after data_cut_date; {outside[0]} does not")
        if len(self.deliveries) < 2 and (self.defects.collapsed_provider_month or self.defects.single_value_column):
            raise ValueError(
                "collapsed_provider_month and single_value_column show against an earlier delivery: give two delivery_dates"
            )
        return self

    @property
    def months(self) -> int:
        """Count the months of activity."""
        return (self.data_cut_date.year - self.start_date.year) * 12 + self.data_cut_date.month - self.start_date.month

    @property
    def deliveries(self) -> tuple[date, ...]:
        """List the days of delivery."""
        return self.delivery_dates or (self.data_cut_date,)

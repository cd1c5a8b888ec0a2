"""The limits of the gates: what a study may set, with defaults."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, Field, model_validator

from expectations.setting_types import Distinct


class GateSettings(BaseModel, extra="forbid", frozen=True):
    """Limits that a model must keep. docs/gates.md explains each gate."""

    observed_over_expected: tuple[float, float] = Field(default=(0.9, 1.1), description="limits of O/E overall")
    group_observed_over_expected: tuple[float, float] = Field(default=(0.9, 1.1), description="limits of O/E in each group")
    slope: tuple[float, float] = Field(default=(0.9, 1.1), description="limits of the calibration slope")
    group_slope: tuple[float, float] = Field(default=(0.8, 1.2), description="limits of the calibration slope in each group")
    need_ratio: tuple[float, float] = Field(
        default=(0.0, 1.2),
        description="limits of a group's recorded need (long-term conditions, frailty) over that of everyone else of the same score and age",
    )
    unrecorded_need_ratio: tuple[float, float] = Field(
        default=(0.0, 1.5),
        description="the same for deaths, and for outcomes of people without a diagnosis, which show need that is not recorded",
    )
    sensitivity_ratio: tuple[float, float] = Field(
        default=(0.4, 2.5),
        description="limits of a quintile's age-standardised sensitivity over that of everyone else, at the deciding share; where rates at "
        "equal age differ 1.7-fold, an honest model finds the events of the extreme quintiles 0.6 to 1.6 times as often",
    )
    minimum_gain: float = Field(default=0.0, ge=0, description="AUROC to be gained over the age and sex baseline")
    auroc_alarm: float = Field(
        default=0.88,
        gt=0.5,
        le=1,
        description="an AUROC above this is a leak until shown otherwise; if not set, the outcome's own: 0.88 for emergency admissions, "
        "0.95 for Strata's others, 0.98 for one that the source brings",
    )
    single_feature_auroc: float = Field(
        default=0.95, gt=0.5, le=1, description="a feature that alone discriminates better is a leak"
    )
    minimum_events: int = Field(
        default=200, ge=1, description="outcome events that a comparison needs; a group with fewer is pooled"
    )
    minimum_slope_events: int = Field(
        default=500, ge=1, description="outcome events that a calibration slope needs; a group with fewer is pooled"
    )
    minimum_need_events: int = Field(
        default=50,
        ge=1,
        description="people in need, deaths or undiagnosed outcomes that a comparison of need needs; a group with fewer is pooled",
    )
    ordered_kinds: Distinct[str] = Field(
        default=("imd_quintile", "imd_decile", "age_band"),
        description="group kinds whose neighbours are pooled; in others small groups are",
    )
    calibration_kinds: Distinct[str] = Field(
        default=("imd_quintile", "ethnic_group"), description="group kinds in which calibration is a gate"
    )
    slope_kinds: Distinct[str] = Field(
        default=("imd_quintile",), description="group kinds in which the slope is a gate, where the rows have them"
    )
    need_kinds: Distinct[str] = Field(
        default=("imd_quintile", "ethnic_group"),
        description="group kinds in which need within score is a gate, if needs are known",
    )
    sensitivity_kinds: Distinct[str] = Field(default=("imd_quintile",), description="group kinds in which sensitivity is a gate")

    @model_validator(mode="after")
    def _limits_enclose_one(self) -> Self:
        for name in ("observed_over_expected", "group_observed_over_expected", "slope", "group_slope", "sensitivity_ratio"):
            lower, upper = getattr(self, name)
            if not 0 < lower < 1 < upper:
                raise ValueError(
                    f"{name} must be two limits around 1, the lower above 0, not {(lower, upper)}: a model without fault has 1"
                )
        for name in ("need_ratio", "unrecorded_need_ratio"):
            lower, upper = getattr(self, name)
            if not 0 <= lower < 1 < upper:
                raise ValueError(f"{name} must be two limits around 1, the lower 0 or more, not {(lower, upper)}")
        return self

"""Age, sex, household and registration as at the index date."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.declaration import Feature, Statistic

DAYS_PER_YEAR = 365.25
AGE_BANDS = (0, 5, 18, 30, 40, 50, 60, 65, 70, 75, 80, 85, 90)
SEX_NAMES = {"1": "male", "2": "female", "9": "not_specified", "0": "not_known"}
MOVES_DAYS = 1095


def _feature(name: str, label: str, unit: str, feed: str, description: str = "") -> Feature:
    return Feature(name, label, "demographics", Statistic.ATTRIBUTE, unit=unit, description=description, feeds=(feed,))


FEATURES = (
    _feature("age_years", "Age on the index date", "years", "patients", "From the first day of the month (or 1 July of the year) of birth."),
    _feature("sex_male", "Male", "yes/no", "patients", "Null where sex is not specified or not known."),
    _feature("years_on_list", "Years on the practice's list", "years", "registrations",
             "Null where the registration's start is the day its history was loaded."),
    _feature(f"practice_moves_{MOVES_DAYS}d", f"Registrations begun, last {MOVES_DAYS} days", "moves", "registrations",
             "Starts that are only the day of loading are not counted."),
    _feature("household_size", "People at the same address", "people", "addresses", "Null where the list names no households."),
    _feature("lives_alone", "The only person registered at the address", "yes/no", "addresses", "Null where the list names no households."),
    _feature(f"address_moves_{MOVES_DAYS}d", f"Changes of address, last {MOVES_DAYS} days", "moves", "addresses",
             "Starts of addresses after the first one known."),
)  # fmt: skip


def age_years(birth_days: NDArray[np.int32], index_days: NDArray[np.int32]) -> NDArray[np.float64]:
    """Give exact ages in years from days since 1970 (birth: lowest int32 where not known, which gives NaN)."""
    ages = (index_days.astype(np.float64) - birth_days) / DAYS_PER_YEAR
    return np.where(birth_days == np.iinfo(np.int32).min, np.nan, ages)


def age_bands(ages: NDArray[np.float64]) -> pa.Array:
    """Give the band of each age, such as '65-69' or '90+'; 'not_known' without a date of birth."""
    names = [f"{low}-{high - 1}" for low, high in pairwise(AGE_BANDS)] + [f"{AGE_BANDS[-1]}+"]
    place = np.searchsorted(np.asarray(AGE_BANDS), np.floor(np.nan_to_num(ages, nan=0.0)), side="right") - 1
    chosen = np.where(np.isnan(ages), len(names), np.maximum(place, 0))
    return pa.array([*names, "not_known"]).take(pa.array(chosen))

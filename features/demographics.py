"""Features of age, sex, household and registration on the index date, with the age bands of reports."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from expectations.time_window import in_the_last
from features.declaration import Feature, Statistic

DAYS_PER_YEAR = 365.25
AGE_BANDS = (0, 5, 18, 30, 40, 50, 60, 65, 70, 75, 80, 85, 90)
SEX_NAMES = {"1": "male", "2": "female", "9": "not_specified", "0": "not_known"}
MOVES_DAYS = 1095


def _feature(name: str, label: str, unit: str, feed: str, description: str = "") -> Feature:
    return Feature(name, label, "demographics", Statistic.ATTRIBUTE, unit=unit, description=description, feeds=(feed,))


FEATURES = (
    _feature("age_years", "Age on the index date", "years", "patients", "Counted from the first day of the month of birth, or from 1 July where only the year of birth is known."),
    _feature("sex_male", "Male", "yes/no", "patients", "1 male, 0 female. Null where sex is not specified or not known."),
    _feature("years_on_list", "Years registered with the practice", "years", "registrations",
             "Null where the true start is not known because the record starts on the day that its history was loaded."),
    _feature(f"practice_moves_{MOVES_DAYS}d", f"New GP registrations {in_the_last(MOVES_DAYS)}", "moves", "registrations",
             "Counts registrations that started. A start on the day that a practice's history was loaded is not counted."),
    _feature("household_size", "People registered at the same address", "people", "addresses",
             "Includes the person. Only people who are registered and alive on the index date are counted. Null where the registered list has no household for the address."),
    _feature("lives_alone", "Only person registered at the address", "yes/no", "addresses",
             "Null where the registered list has no household for the address."),
    _feature(f"address_moves_{MOVES_DAYS}d", f"Changes of address {in_the_last(MOVES_DAYS)}", "moves", "addresses",
             "The first recorded address is not a change."),
)  # fmt: skip


def age_years(birth_days: NDArray[np.int32], index_days: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return exact ages in years from days since 1970; NaN where the birth day is the lowest int32, which means missing."""
    ages = (index_days.astype(np.float64) - birth_days) / DAYS_PER_YEAR
    return np.where(birth_days == np.iinfo(np.int32).min, np.nan, ages)


def age_bands(ages: NDArray[np.float64]) -> pa.Array:
    """Return the band of each age, such as '65-69' or '90+'; 'not_known' where the age is NaN."""
    names = [f"{low}-{high - 1}" for low, high in pairwise(AGE_BANDS)] + [f"{AGE_BANDS[-1]}+"]
    place = np.searchsorted(np.asarray(AGE_BANDS), np.floor(np.nan_to_num(ages, nan=0.0)), side="right") - 1
    chosen = np.where(np.isnan(ages), len(names), np.maximum(place, 0))
    return pa.array([*names, "not_known"]).take(pa.array(chosen))

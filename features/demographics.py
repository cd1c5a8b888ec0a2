"""Features of age, sex, household and registration on the index date, with the age bands of reports."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from expectations.age import BIRTH_BY_MONTH, BY_THE_CALENDAR, DAYS_PER_YEAR, UNKNOWN_BIRTH, completed_years
from expectations.time_window import in_the_last
from features.declaration import Feature, Statistic

AGE_BANDS = (0, 5, 18, 30, 40, 50, 60, 65, 70, 75, 80, 85, 90)
SEX_NAMES = {"1": "male", "2": "female", "9": "not_specified", "0": "not_known"}
MOVES_DAYS = 1095


def _feature(name: str, label: str, unit: str, feed: str, description: str = "") -> Feature:
    return Feature(name, label, "demographics", Statistic.ATTRIBUTE, unit=unit, description=description, feeds=(feed,))


FEATURES = (
    _feature("age_years", "Age on the index date", "years", "patients", f"{BY_THE_CALENDAR}. {BIRTH_BY_MONTH}."),
    _feature("sex_male", "Male", "yes/no", "patients", "1 male, 0 female. Null where sex is not specified or not known."),
    _feature("years_on_list", "Years registered with the practice", "years", "registrations",
             f"A duration: days divided by {DAYS_PER_YEAR}. Null where the true start is not known because the record starts on the day that its history was loaded."),
    _feature(f"practice_moves_{MOVES_DAYS}d", f"New GP registrations {in_the_last(MOVES_DAYS)}", "moves", "registrations",
             "Counts registrations that started. A start on the day that a practice's history was loaded is not counted."),
    _feature("household_size", "People registered at the same address", "people", "addresses",
             "Includes the person. Only people who are registered and alive on the index date are counted. Null where the registered list has no household for the address, or where that is not known of someone in the household."),
    _feature("lives_alone", "Only person registered at the address", "yes/no", "addresses",
             "Null where `household_size` is."),
    _feature(f"address_moves_{MOVES_DAYS}d", f"Changes of address {in_the_last(MOVES_DAYS)}", "moves", "addresses",
             "The first recorded address is not a change."),
)  # fmt: skip


def age_years(birth_days: NDArray[np.int32], index_days: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return ages in whole years from days since 1970; NaN where the birth day is UNKNOWN_BIRTH."""
    return np.where(birth_days == UNKNOWN_BIRTH, np.nan, completed_years(birth_days, index_days))


def age_bands(ages: NDArray[np.float64]) -> pa.Array:
    """Return the band of each age, such as '65-69' or '90+'; 'not_known' where the age is NaN."""
    names = [f"{low}-{high - 1}" for low, high in pairwise(AGE_BANDS)] + [f"{AGE_BANDS[-1]}+"]
    return pa.array(["not_known", *names]).take(pa.array(age_band_numbers(ages)))


def age_band_numbers(ages: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the number of each age's band from 1, youngest first; 0 where the age is NaN. A person who is not born is in the first."""
    number = np.maximum(np.searchsorted(np.asarray(AGE_BANDS), np.nan_to_num(ages, nan=0.0), side="right"), 1)
    return np.where(np.isnan(ages), 0, number)


def age_band_number_sql(age: str) -> str:
    """Return the SQL of the same number; `age` is SQL of the age, null where it is not known."""
    bounds = " + ".join(f"({age} >= {bound})::INTEGER" for bound in AGE_BANDS)
    return f"CASE WHEN {age} IS NULL THEN 0 ELSE greatest({bounds}, 1) END"

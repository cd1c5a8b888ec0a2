"""Facts about each row's person on the index date, from the registered list, the address and the area.

Attributes are for audit and place, and are never predictors. The features of this module are read rather than counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from expectations.age import DAYS_PER_YEAR, UNKNOWN_BIRTH, age_counts_from
from features.coverage import distinct
from features.demographics import MOVES_DAYS, SEX_NAMES, age_bands, age_years
from features.deprivation import IDACI_BELOW_AGE, IDAOPI_FROM_AGE
from features.ethnicity import ethnic_groups
from features.geography import AREA_TEXT, Places, area_columns
from features.periods import OPEN, Households, HouseholdSizes, as_at, registered_at, starts_between

NO_RESIDENCE = "unmatched"


@dataclass(frozen=True)
class PeopleTables:
    """Core tables of a range of people, each in order of person and start.

    `residences` has a column `household` with the number that `households` uses for the household.
    """

    people: pa.Table
    registrations: pa.Table
    residences: pa.Table
    households: Households | HouseholdSizes


@dataclass(frozen=True)
class Row:
    """The rows of a cohort: position in `people`, person key and index day of each."""

    place: NDArray[np.int64]
    person: NDArray[np.int32]
    index_day: NDArray[np.int32]


@dataclass(frozen=True)
class RecordsAtIndex:
    """Positions of the registration, the address period and the area of each row on its index date; -1 for none."""

    registration: NDArray[np.int64]
    residence: NDArray[np.int64]
    area: NDArray[np.int64]


def days(column: pa.ChunkedArray, missing: np.int32) -> NDArray[np.int32]:
    """Return a date column as days since 1970."""
    return column.combine_chunks().view(pa.int32()).fill_null(int(missing)).to_numpy(zero_copy_only=False)


def numbers(column: pa.ChunkedArray) -> NDArray:
    """Return a column without nulls as an array."""
    return column.combine_chunks().to_numpy(zero_copy_only=False)


def flags(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Return a boolean column as an array; null, as in a column that an earlier version did not store, is false."""
    return column.combine_chunks().fill_null(False).to_numpy(zero_copy_only=False)


def numbers_of(column: pa.ChunkedArray, values: Sequence[str]) -> NDArray[np.int8]:
    """Return the number of each value of a column among `values`, from 1; null and any other value is 0."""
    if column.null_count == len(column):
        return np.zeros(len(column), dtype=np.int8)
    places = pc.index_in(column.combine_chunks(), pa.array(values, pa.string())).fill_null(-1)
    return (places.to_numpy(zero_copy_only=False) + 1).astype(np.int8)


def take(column: pa.ChunkedArray, place: NDArray[np.int64]) -> pa.Array:
    """Return a column's values by position. Null for -1."""
    return column.combine_chunks().take(pa.array(place, mask=place < 0))


def birth_days(people: pa.Table, row: Row) -> NDArray[np.int32]:
    """Return the day from which each row's age counts (`expectations/age.py`)."""
    earliest = days(people["birth_date"], UNKNOWN_BIRTH)[row.place]
    if "assumed_birth_date" not in people.column_names:  # a lake of an earlier version without the column
        return earliest
    assumed = days(people["assumed_birth_date"], UNKNOWN_BIRTH)[row.place]
    return age_counts_from(earliest, assumed, row.index_day)


def registration_at(tables: PeopleTables, row: Row) -> NDArray[np.int64]:
    """Return the position of the registration on each index date, or -1. A short gap between two is a move (`registered_at`)."""
    return registered_at(*_periods(tables.registrations), row.person, row.index_day)


def residence_at(tables: PeopleTables, row: Row) -> NDArray[np.int64]:
    """Return the position of the address period on each index date, or -1."""
    return as_at(*_periods(tables.residences), row.person, row.index_day)


def records_at_index(tables: PeopleTables, places: Places, row: Row, registration: NDArray[np.int64]) -> RecordsAtIndex:
    """Return the records that several columns read; `registration` is the result of `registration_at`."""
    residence = residence_at(tables, row)
    return RecordsAtIndex(registration, residence, _area(places, take(tables.residences["lsoa_code"], residence)))


def attribute_columns(tables: PeopleTables, places: Places, row: Row, records: RecordsAtIndex) -> dict[str, pa.Array]:
    """Return the attributes of each row by column name."""
    people, residence, area = tables.people, records.residence, records.area
    lsoa = take(tables.residences["lsoa_code"], residence)
    practice = practice_sent(tables, records)
    category = take(people["ethnic_category"], row.place)
    age = age_years(birth_days(people, row), row.index_day)
    decile = places.area_number(f"imd_{places.edition}_decile", area)
    status = take(tables.residences["residence_status"], residence).fill_null(NO_RESIDENCE)
    return {
        **_organisations(places, practice, area, row),
        "lsoa_code": lsoa,
        "lsoa_vintage": take(places.areas["lsoa_vintage"], area).cast(pa.int32()),
        **{name: take(places.areas[name], area) for name in AREA_TEXT if name.startswith(("local", "rural"))},
        "residence_status": status,
        "imd_decile": _integers(decile),
        "imd_quintile": _integers(np.ceil(decile / 2)),
        "imd_reason": _reason(places, area, status, decile),
        "imd_version": pa.repeat(str(places.edition), len(row.place)),
        "ethnic_category": category,
        "ethnic_group": _mapped(category, ethnic_groups),
        "age_band": age_bands(age),
        "sex_name": _mapped(
            take(people["sex"], row.place), lambda codes: [SEX_NAMES.get(code or "0", "not_known") for code in codes]
        ),
    }


def practice_line(tables: PeopleTables, records: RecordsAtIndex) -> pa.Array:
    """Return the code that names the line of each row's practice. What was sent by, or about, a practice is kept by line."""
    return take(tables.registrations["practice_code"], records.registration)


def practice_sent(tables: PeopleTables, records: RecordsAtIndex) -> pa.Array:
    """Return the code of each row's practice as the registered list states it."""
    return take(tables.registrations["practice_sent"], records.registration)


def attribute_features(tables: PeopleTables, places: Places, row: Row, records: RecordsAtIndex) -> dict[str, NDArray[np.float64]]:
    """Return the features that are read rather than counted, by name; NaN where missing."""
    people = tables.people
    age = age_years(birth_days(people, row), row.index_day)
    sex = take(people["sex"], row.place)
    status = take(tables.residences["residence_status"], records.residence).fill_null(NO_RESIDENCE)
    flags = {
        name: pc.equal(status, name).cast(pa.float64()).to_numpy()
        for name in ("no_fixed_abode", "postcode_unknown", "outside_england")
    }
    return {
        "age_years": age,
        "sex_male": _flag_of_sex(sex),
        **_list_features(tables, row, records.registration),
        **_household_features(tables, row, records.residence),
        **_deprivation_features(places, records.area, age),
        **flags,
    }


def _list_features(tables: PeopleTables, row: Row, at: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    registrations = tables.registrations
    start, loaded = days(registrations["start_date"], OPEN), numbers(registrations["start_is_load_date"])
    true_start = (at >= 0) & ~np.append(loaded, True)[at]
    years = (row.index_day - np.append(start, 0)[at]) / DAYS_PER_YEAR
    moves = starts_between(
        numbers(registrations["person_key"])[~loaded], start[~loaded], row.person, row.index_day - MOVES_DAYS, row.index_day - 1
    )
    return {"years_on_list": np.where(true_start, years, np.nan), f"practice_moves_{MOVES_DAYS}d": moves.astype(np.float64)}


def _household_features(tables: PeopleTables, row: Row, at: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    residences = tables.residences
    household = take(residences["household"], at)
    size = tables.households.size_at(household.fill_null(0).to_numpy(), row.index_day).astype(np.float64)
    size[household.is_null().to_numpy(zero_copy_only=False) | (size < 1)] = np.nan
    person = numbers(residences["person_key"])
    later = np.concatenate([[False], person[1:] == person[:-1]]) if len(person) else np.zeros(0, dtype=bool)
    moves = starts_between(
        person[later], days(residences["start_date"], OPEN)[later], row.person, row.index_day - MOVES_DAYS, row.index_day - 1
    )
    return {
        "household_size": size,
        "lives_alone": np.where(np.isnan(size), np.nan, size == 1),
        f"address_moves_{MOVES_DAYS}d": moves.astype(np.float64),
    }


def _deprivation_features(places: Places, area: NDArray[np.int64], age: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    edition = places.edition
    features = {name: places.area_number(column, area) for name, column in area_columns(edition).items()}
    decile = features[f"imd_{edition}_decile"]
    features[f"imd_{edition}_quintile"] = np.ceil(decile / 2)
    features[f"core20_{edition}"] = np.where(np.isnan(decile), np.nan, decile <= 2)
    features[f"idaci_{edition}_score"] = np.where(age < IDACI_BELOW_AGE, features[f"idaci_{edition}_score"], np.nan)
    features[f"idaopi_{edition}_score"] = np.where(age >= IDAOPI_FROM_AGE, features[f"idaopi_{edition}_score"], np.nan)
    return features


def _organisations(places: Places, practice: pa.Array, area: NDArray[np.int64], row: Row) -> dict[str, pa.Array]:
    """Return the code, PCN, sub-ICB location and ICB of each practice on the index date; those of the area where the practice has none."""
    encoded = practice.dictionary_encode(null_encoding="encode")
    number = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    dates, date_of = distinct(row.index_day)
    pairs, which = distinct(date_of * (number.max(initial=0) + 1) + number)
    date_place, practice_place = np.divmod(pairs, number.max(initial=0) + 1)
    day = dates[date_place]
    practices = places.codes_on(encoded.dictionary.take(pa.array(practice_place)).to_pylist(), day)
    pcn = places.parents("practice_pcn", practices, day)
    sub_icb = places.parents("practice_sub_icb", practices, day)
    of_pcn = places.parents("pcn_sub_icb", pcn, day)
    sub_icb = [own or other for own, other in zip(sub_icb, of_pcn, strict=True)]
    icb = places.parents("sub_icb_icb", sub_icb, day)
    by_area = {name: take(places.areas[name], area) for name in ("sub_icb_code", "icb_code")}
    return {
        "practice_code": pa.array(practices, pa.string()).take(pa.array(which)),
        "pcn_code": pa.array(pcn, pa.string()).take(pa.array(which)),
        "sub_icb_code": pc.coalesce(pa.array(sub_icb, pa.string()).take(pa.array(which)), by_area["sub_icb_code"]),
        "icb_code": pc.coalesce(pa.array(icb, pa.string()).take(pa.array(which)), by_area["icb_code"]),
    }


def _area(places: Places, lsoa: pa.Array) -> NDArray[np.int64]:
    place = pc.index_in(lsoa, places.areas["lsoa_code"])
    place = pc.if_else(pc.is_null(lsoa), pa.scalar(None, pa.int32()), place)
    return place.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)


def _reason(places: Places, area: NDArray[np.int64], status: pa.Array, decile: NDArray[np.float64]) -> pa.Array:
    """Return why a row has no decile, by its address or else its area. Null where it has one."""
    of_area = take(places.areas["imd_reason"], area).fill_null(NO_RESIDENCE)
    why = pc.if_else(pc.equal(status, "resolved"), of_area, status)
    return pc.if_else(pa.array(np.isnan(decile)), why, pa.scalar(None, pa.string()))


def _periods(periods: pa.Table) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    return numbers(periods["person_key"]), days(periods["start_date"], OPEN), days(periods["end_date"], OPEN)


def _flag_of_sex(sex: pa.Array) -> NDArray[np.float64]:
    male, female = pc.equal(sex, "1").fill_null(False), pc.equal(sex, "2").fill_null(False)
    return np.where(male, 1.0, np.where(female, 0.0, np.nan))


def _mapped(codes: pa.Array, rule: Callable[[list[str | None]], list[str]]) -> pa.Array:
    """Return codes mapped by a rule, which is applied to the distinct codes only."""
    encoded = codes.dictionary_encode(null_encoding="encode")
    return pa.array(rule(encoded.dictionary.to_pylist()), pa.string()).take(encoded.indices)


def _integers(values: NDArray[np.float64]) -> pa.Array:
    return pa.array(values, from_pandas=True).cast(pa.int32())

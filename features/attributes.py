"""What is true of each row's person on the index date, from the list, the address and the area: attributes and features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.coverage import distinct
from features.demographics import MOVES_DAYS, SEX_NAMES, age_bands, age_years
from features.deprivation import IDACI_BELOW_AGE, IDAOPI_FROM_AGE
from features.ethnicity import ethnic_groups
from features.geography import AREA_TEXT, Places, area_columns
from features.periods import OPEN, Households, HouseholdSizes, as_at, starts_between

NO_RESIDENCE = "unmatched"
UNKNOWN_BIRTH = np.int32(np.iinfo(np.int32).min)


@dataclass(frozen=True)
class PeopleTables:
    """Core tables of a range of people, each in order of person and start.

    `residences` has a column `household`: a number for the household's pseudonym, as `households` numbers them.
    """

    people: pa.Table
    registrations: pa.Table
    residences: pa.Table
    households: Households | HouseholdSizes


@dataclass(frozen=True)
class Row:
    """The rows of a cohort: place in `people`, person key and index day of each."""

    place: NDArray[np.int64]
    person: NDArray[np.int32]
    index_day: NDArray[np.int32]


@dataclass(frozen=True)
class Held:
    """Where the registration, the address period and the area stand that hold on each row's index date: -1 for none."""

    registration: NDArray[np.int64]
    residence: NDArray[np.int64]
    area: NDArray[np.int64]


def days(column: pa.ChunkedArray, missing: np.int32) -> NDArray[np.int32]:
    """Give a date column as days since 1970."""
    return column.combine_chunks().view(pa.int32()).fill_null(int(missing)).to_numpy(zero_copy_only=False)


def numbers(column: pa.ChunkedArray) -> NDArray:
    """Give a column without nulls as an array."""
    return column.combine_chunks().to_numpy(zero_copy_only=False)


def flags(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Return a boolean column as an array; null, as in a column that an earlier version did not store, is false."""
    return column.combine_chunks().fill_null(False).to_numpy(zero_copy_only=False)


def take(column: pa.ChunkedArray, place: NDArray[np.int64]) -> pa.Array:
    """Take a column's values by place; -1 gives null."""
    return column.combine_chunks().take(pa.array(place, mask=place < 0))


def birth_days(people: pa.Table, row: Row) -> NDArray[np.int32]:
    """Give the day that each row's age counts from: 1 July where only the year of birth is known, but no later than the index date."""
    earliest = days(people["birth_date"], UNKNOWN_BIRTH)[row.place]
    if "assumed_birth_date" not in people.column_names:  # a lake that was conformed before there was one
        return earliest
    assumed = days(people["assumed_birth_date"], UNKNOWN_BIRTH)[row.place]
    born = (assumed > earliest) & (earliest <= row.index_day)
    return np.where(born, np.minimum(assumed, row.index_day), earliest).astype(np.int32)


def registration_at(tables: PeopleTables, row: Row) -> NDArray[np.int64]:
    """Give the place of the registration that holds each index date, or -1."""
    held = tables.registrations
    return as_at(
        numbers(held["person_key"]), days(held["start_date"], OPEN), days(held["end_date"], OPEN), row.person, row.index_day
    )


def residence_at(tables: PeopleTables, row: Row) -> NDArray[np.int64]:
    """Give the place of the address period that holds each index date, or -1."""
    held = tables.residences
    return as_at(
        numbers(held["person_key"]), days(held["start_date"], OPEN), days(held["end_date"], OPEN), row.person, row.index_day
    )


def held_at(tables: PeopleTables, places: Places, row: Row, registration: NDArray[np.int64]) -> Held:
    """Look up once what several columns read; `registration` is as `registration_at` gives it."""
    residence = residence_at(tables, row)
    return Held(registration, residence, _area(places, take(tables.residences["lsoa_code"], residence)))


def attribute_columns(tables: PeopleTables, places: Places, row: Row, held: Held) -> dict[str, pa.Array]:
    """Give the attributes of each row (audit and place, never predictors) by column name."""
    people, residence, area = tables.people, held.residence, held.area
    lsoa = take(tables.residences["lsoa_code"], residence)
    practice = take(tables.registrations["practice_code"], held.registration)
    category = take(people["ethnic_category"], row.place)
    age = age_years(birth_days(people, row), row.index_day)
    decile = places.area_number(f"imd_{places.edition}_decile", area)
    status = take(tables.residences["residence_status"], residence).fill_null(NO_RESIDENCE)
    return {
        "practice_code": practice,
        **_organisations(places, practice, area, row),
        "lsoa_code": lsoa,
        "lsoa_vintage": take(places.areas["lsoa_vintage"], area).cast(pa.int32()),
        **{name: take(places.areas[name], area) for name in AREA_TEXT if name.startswith(("local", "rural"))},
        "residence_status": status,
        "imd_decile": _whole(decile),
        "imd_quintile": _whole(np.ceil(decile / 2)),
        "imd_reason": _reason(places, area, status, decile),
        "imd_version": pa.repeat(str(places.edition), len(row.place)),
        "ethnic_category": category,
        "ethnic_group": _mapped(category, ethnic_groups),
        "age_band": age_bands(age),
        "sex_name": _mapped(
            take(people["sex"], row.place), lambda codes: [SEX_NAMES.get(code or "0", "not_known") for code in codes]
        ),
    }


def attribute_features(tables: PeopleTables, places: Places, row: Row, held: Held) -> dict[str, NDArray[np.float64]]:
    """Give the features that are read rather than counted, by name; NaN where they are not known."""
    people = tables.people
    age = age_years(birth_days(people, row), row.index_day)
    sex = take(people["sex"], row.place)
    status = take(tables.residences["residence_status"], held.residence).fill_null(NO_RESIDENCE)
    flags = {
        name: pc.equal(status, name).cast(pa.float64()).to_numpy()
        for name in ("no_fixed_abode", "postcode_unknown", "outside_england")
    }
    return {
        "age_years": age,
        "sex_male": _flag_of_sex(sex),
        **_list_features(tables, row, held.registration),
        **_household_features(tables, row, held.residence),
        **_deprivation_features(places, held.area, age),
        **flags,
    }


def _list_features(tables: PeopleTables, row: Row, at: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    held = tables.registrations
    start, loaded = days(held["start_date"], OPEN), numbers(held["start_is_load_date"])
    known = (at >= 0) & ~np.append(loaded, True)[at]
    on_list = (row.index_day - np.append(start, 0)[at]) / 365.25
    begun = ~loaded
    moves = starts_between(
        numbers(held["person_key"])[begun], start[begun], row.person, row.index_day - MOVES_DAYS, row.index_day - 1
    )
    return {"years_on_list": np.where(known, on_list, np.nan), f"practice_moves_{MOVES_DAYS}d": moves.astype(np.float64)}


def _household_features(tables: PeopleTables, row: Row, at: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    held = tables.residences
    household = take(held["household"], at)
    size = tables.households.size_at(household.fill_null(0).to_numpy(), row.index_day).astype(np.float64)
    size[household.is_null().to_numpy(zero_copy_only=False) | (size < 1)] = np.nan
    person = numbers(held["person_key"])
    later = np.concatenate([[False], person[1:] == person[:-1]]) if len(person) else np.zeros(0, dtype=bool)
    moves = starts_between(
        person[later], days(held["start_date"], OPEN)[later], row.person, row.index_day - MOVES_DAYS, row.index_day - 1
    )
    return {
        "household_size": size,
        "lives_alone": np.where(np.isnan(size), np.nan, size == 1),
        f"address_moves_{MOVES_DAYS}d": moves.astype(np.float64),
    }


def _deprivation_features(places: Places, area: NDArray[np.int64], age: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    edition = places.edition
    found = {name: places.area_number(column, area) for name, column in area_columns(edition).items()}
    decile = found[f"imd_{edition}_decile"]
    found[f"imd_{edition}_quintile"] = np.ceil(decile / 2)
    found[f"core20_{edition}"] = np.where(np.isnan(decile), np.nan, decile <= 2)
    found[f"idaci_{edition}_score"] = np.where(age < IDACI_BELOW_AGE, found[f"idaci_{edition}_score"], np.nan)
    found[f"idaopi_{edition}_score"] = np.where(age >= IDAOPI_FROM_AGE, found[f"idaopi_{edition}_score"], np.nan)
    return found


def _organisations(places: Places, practice: pa.Array, area: NDArray[np.int64], row: Row) -> dict[str, pa.Array]:
    """Follow practice to PCN, sub-ICB and ICB as at the index date; where a practice has none, the area's."""
    encoded = practice.dictionary_encode(null_encoding="encode")
    number = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    dates, date_of = distinct(row.index_day)
    seen, which = distinct(date_of * (number.max(initial=0) + 1) + number)
    date_place, practice_place = np.divmod(seen, number.max(initial=0) + 1)
    day = dates[date_place]
    practices = encoded.dictionary.take(pa.array(practice_place)).to_pylist()
    pcn = places.parents("practice_pcn", practices, day)
    sub_icb = places.parents("practice_sub_icb", practices, day)
    of_pcn = places.parents("pcn_sub_icb", pcn, day)
    sub_icb = [own or other for own, other in zip(sub_icb, of_pcn, strict=True)]
    icb = places.parents("sub_icb_icb", sub_icb, day)
    by_area = {name: take(places.areas[name], area) for name in ("sub_icb_code", "icb_code")}
    return {
        "pcn_code": pa.array(pcn, pa.string()).take(pa.array(which)),
        "sub_icb_code": pc.coalesce(pa.array(sub_icb, pa.string()).take(pa.array(which)), by_area["sub_icb_code"]),
        "icb_code": pc.coalesce(pa.array(icb, pa.string()).take(pa.array(which)), by_area["icb_code"]),
    }


def _area(places: Places, lsoa: pa.Array) -> NDArray[np.int64]:
    place = pc.index_in(lsoa, places.areas["lsoa_code"])
    known = pc.if_else(pc.is_null(lsoa), pa.scalar(None, pa.int32()), place)
    return known.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)


def _reason(places: Places, area: NDArray[np.int64], status: pa.Array, decile: NDArray[np.float64]) -> pa.Array:
    """Say why a row has no decile: its address, else its area; null where it has one."""
    of_area = take(places.areas["imd_reason"], area).fill_null(NO_RESIDENCE)
    why = pc.if_else(pc.equal(status, "resolved"), of_area, status)
    return pc.if_else(pa.array(np.isnan(decile)), why, pa.scalar(None, pa.string()))


def _flag_of_sex(sex: pa.Array) -> NDArray[np.float64]:
    male, female = pc.equal(sex, "1").fill_null(False), pc.equal(sex, "2").fill_null(False)
    return np.where(male, 1.0, np.where(female, 0.0, np.nan))


def _mapped(codes: pa.Array, rule: Callable[[list[str | None]], list[str]]) -> pa.Array:
    """Apply a rule for code lists to the distinct codes only."""
    encoded = codes.dictionary_encode(null_encoding="encode")
    return pa.array(rule(encoded.dictionary.to_pylist()), pa.string()).take(encoded.indices)


def _whole(values: NDArray[np.float64]) -> pa.Array:
    return pa.array(values, from_pandas=True).cast(pa.int32())

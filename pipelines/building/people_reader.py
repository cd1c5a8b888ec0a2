"""Read the core tables of a range of people, and the households of the whole ICB, for the computation of features."""

from __future__ import annotations

import atexit
from collections.abc import Mapping
from datetime import date
from functools import cache

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from expectations.sql_values import quote
from expectations.tables import core
from features.attributes import PeopleTables, days, numbers
from features.periods import OPEN, Households, HouseholdSizes
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake

_CORE = (core.PERSON, core.REGISTRATION, core.RESIDENCE, core.SPELL)
_PERSON = (
    "person_key, person_id, birth_date, assumed_birth_date, death_date, death_not_readable, suppression, sex, ethnic_category, on_list, type_1_opt_out, "
    "national_data_opt_out"
)
_REGISTRATION = "person_key, practice_code, start_date, end_date, start_is_load_date, end_not_readable"
_RESIDENCE = (
    "person_key, lsoa_code, residence_status, hash(household_id) * CAST(household_id IS NOT NULL AS UBIGINT) AS hashed, "
    "household_id IS NULL AS alone, start_date, end_date"
)


def core_scans(lake: Lake) -> dict[str, str]:
    """Return the SQL of each table about people."""
    return {table.name: lake.scan_or_empty(table) for table in _CORE}


def read_people(
    scans: Mapping[str, str], households: Households | HouseholdSizes, first: int, last: int, with_spells: bool
) -> tuple[PeopleTables, pa.Table]:
    """Read the people from `first` up to, not including, `last`, and with `with_spells` their spells."""
    where = f"WHERE person_key >= {first} AND person_key < {last}"
    queries = (
        f"SELECT {_PERSON} FROM {scans['core__person']} {where}",
        f"SELECT {_REGISTRATION} FROM {scans['core__registration']} {where}",
        f"SELECT {_RESIDENCE} FROM {scans['core__residence']} {where}",
    )
    people, registrations, residences = (_reader().sql(query).to_arrow_table() for query in queries)
    spells = _reader().sql(f"SELECT * FROM {scans['core__spell']} {where}").to_arrow_table() if with_spells else pa.table({})
    household = pc.if_else(residences["alone"], pa.scalar(None, pa.uint64()), residences["hashed"])
    residences = residences.drop_columns(["hashed", "alone"]).append_column("household", household)
    return PeopleTables(_in_order(people), _in_order(registrations), _in_order(residences), households), spells


@cache
def _reader() -> duckdb.DuckDBPyConnection:
    """Return this process's connection for ranges of people; opening one costs as much as reading a range."""
    atexit.register(_reader.cache_clear)
    con = connect(memory_limit_gb=1.0, threads=1)
    con.execute("SET enable_external_file_cache = false")  # no range is read twice
    return con


def household_sizes(lake: Lake, day: date) -> HouseholdSizes:
    """Count the people of each household on a day; a death ends a period of residence."""
    query = f"""
        SELECT hash(household_id) AS household
        FROM {lake.scan("core__residence")} ANTI JOIN (
            SELECT person_key FROM {lake.scan("core__person")} WHERE death_date < DATE {quote(day)}) USING (person_key)
        WHERE household_id IS NOT NULL AND start_date <= DATE {quote(day)} AND coalesce(end_date, DATE {quote(day)}) >= DATE {quote(day)}
    """
    with connect() as con:
        table = con.sql(query).to_arrow_table()
    return HouseholdSizes.of(numbers(table["household"]))


def household_periods(lake: Lake, where: str = "household_id IS NOT NULL") -> Households:
    """Read the periods of people at the households that meet an SQL condition; a death ends a period."""
    query = f"""
        SELECT hash(household_id) AS household, start_date, least(end_date, death_date) AS end_date
        FROM {lake.scan("core__residence")} JOIN {lake.scan("core__person")} USING (person_key)
        WHERE {where} AND start_date <= coalesce(death_date, start_date)
    """
    with connect() as con:
        table = con.sql(query).to_arrow_table()
    return Households.from_periods(numbers(table["household"]), days(table["start_date"], OPEN), days(table["end_date"], OPEN))


def _in_order(table: pa.Table) -> pa.Table:
    """Return rows in order of person and start; they are normally stored so, and checking costs less than sorting."""
    keys = [name for name in ("person_key", "start_date") if name in table.column_names]
    moment = numbers(table["person_key"]).astype(np.int64) << 32
    if len(keys) > 1:
        moment += days(table["start_date"], OPEN)
    return table if (moment[1:] >= moment[:-1]).all() else table.sort_by([(name, "ascending") for name in keys])

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
from features.attributes import PeopleTables, days, flags, numbers
from features.periods import MOVE_GAP_DAYS, OPEN, Households, HouseholdSizes
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake

_CORE = (core.PERSON, core.REGISTRATION, core.RESIDENCE, core.SPELL)
_PERSON = (
    "person_key, person_id, birth_date, assumed_birth_date, death_date, death_not_readable, suppression, sex, ethnic_category, on_list, type_1_opt_out, "
    "national_data_opt_out"
)
_REGISTRATION = (
    "person_key, practice_code, coalesce(practice_sent, practice_code) AS practice_sent, start_date, end_date, start_is_load_date, "
    "end_not_readable"
)
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
    """Count the registered people of each household on a day."""
    on_day = f"start_date <= DATE {quote(day)} AND coalesce(end_date, DATE {quote(day)}) >= DATE {quote(day)}"
    with connect() as con:
        table = con.sql(
            f"SELECT hash(household_id) AS household, in_doubt FROM {_registered_at_home(lake)} WHERE {on_day}"
        ).to_arrow_table()
    return HouseholdSizes.of(numbers(table["household"]), flags(table["in_doubt"]))


def household_periods(lake: Lake, where: str = "true") -> Households:
    """Read the periods of registered people at the households that meet an SQL condition."""
    query = f"""SELECT hash(household_id) AS household, start_date, end_date, in_doubt FROM {_registered_at_home(lake)}
        WHERE {where} AND start_date <= coalesce(end_date, start_date)"""
    with connect() as con:
        table = con.sql(query).to_arrow_table()
    start, end = days(table["start_date"], OPEN), days(table["end_date"], OPEN)
    return Households.from_periods(numbers(table["household"]), start, end, flags(table["in_doubt"]))


def _registered_at_home(lake: Lake) -> str:
    """Return the SQL of the periods in which people lived at a household and were registered and alive.

    A move between practices does not interrupt a registration. A period is in doubt if a lost value, or rows that contradict each other,
    leave open whether the person was registered and alive, or if the list names a person of whom no registration can be used. Some periods
    may end before they start.
    """
    following = "lead(start_date) OVER (PARTITION BY person_key ORDER BY start_date)"
    people, registrations = lake.scan_or_empty(core.PERSON), lake.scan_or_empty(core.REGISTRATION)
    return f"""(
        WITH registered AS (
            SELECT person_key, start_date AS registered_from,
                CASE WHEN {following} - end_date - 1 <= {MOVE_GAP_DAYS} THEN {following} - 1 ELSE end_date END AS registered_to,
                end_not_readable AS lost
            FROM {registrations}
            UNION ALL
            SELECT person_key, DATE '0001-01-01', NULL, true FROM {people} WHERE on_list AND person_key NOT IN (SELECT person_key FROM {registrations})
        )
        SELECT household_id, greatest(start_date, registered_from) AS start_date, least(end_date, registered_to, death_date - 1) AS end_date,
            coalesce(lost, false) OR coalesce(death_not_readable, false) OR suppression IS NOT NULL AS in_doubt
        FROM {lake.scan_or_empty(core.RESIDENCE)} AS lived JOIN {people} AS person USING (person_key) JOIN registered USING (person_key)
        WHERE household_id IS NOT NULL
    )"""


def _in_order(table: pa.Table) -> pa.Table:
    """Return rows in order of person and start; they are normally stored so, and checking costs less than sorting."""
    keys = [name for name in ("person_key", "start_date") if name in table.column_names]
    moment = numbers(table["person_key"]).astype(np.int64) << 32
    if len(keys) > 1:
        moment += days(table["start_date"], OPEN)
    return table if (moment[1:] >= moment[:-1]).all() else table.sort_by([(name, "ascending") for name in keys])

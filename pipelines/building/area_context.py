"""The rates of emergency admissions of every practice and area of the ICB, counted once for each context date.

The counts are made before the ranges of people. They are small: one row per practice, area and stratum of age and sex.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from expectations.age import completed_years_sql
from expectations.sql_values import quote
from expectations.tables.core import PERSON
from features.area_context import BANDS, COUNTED, FEED, AreaContext, IcbRates, Tally, context_days, icb_rates
from features.attributes import days
from features.cohort import CohortSettings, Use
from features.coverage import CoverageCalendar, covered_days
from features.demographics import age_band_number_sql
from features.events import NUMBER_OF
from features.inequality import AREA, PRACTICE, WINDOW
from features.periods import OPEN
from pipelines.building.superseded_events import superseded_scan
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake

ZERO = date(1970, 1, 1)


def context_days_of(
    lake: Lake, cohort: CohortSettings, index_date: date, given: pa.Table | None, left_out: Collection[str]
) -> list[int]:
    """Return the context days of a cohort's index dates, or none if no context feature is computed."""
    if {PRACTICE, AREA} <= set(left_out):
        return []
    if cohort.of_source and given is not None:
        index_days = days(given["index_date"], OPEN)
    elif cohort.of_discharges:
        ended = lake.read("core__spell", "DISTINCT discharge_date", f"discharge_date <= DATE {quote(index_date)}")
        index_days = days(ended["discharge_date"], OPEN)
        index_days = index_days[index_days > (index_date - ZERO).days - cohort.discharge_period_days]
    else:
        index_days = np.array([(index_date - ZERO).days], dtype=np.int32)
    return sorted(set(context_days(index_days).tolist()))


def area_context(lake: Lake, on_days: Sequence[int], calendar: CoverageCalendar, use: Use) -> AreaContext:
    """Return the rates of the ICB on each context day (days since 1970)."""
    if not on_days:
        return {}
    first, last = ZERO + timedelta(days=min(on_days) - WINDOW), ZERO + timedelta(days=max(on_days))
    with connect() as con:
        con.execute(f"""
            CREATE TABLE spell AS SELECT person_key, event_date, available_date, superseded_date FROM {_events(lake)}
            WHERE event_type = {NUMBER_OF[COUNTED]} AND event_date >= DATE {quote(first)} AND event_date < DATE {quote(last)}""")
        con.execute(f"""
            CREATE TABLE listed AS SELECT person_key, death_date, birth_date, {_sex()} AS sex_place,
                coalesce(assumed_birth_date, birth_date) AS age_from
            FROM {lake.scan_or_empty(PERSON)}
            WHERE on_list AND NOT coalesce(death_not_readable, false) AND suppression IS NULL AND NOT type_1_opt_out {"AND NOT national_data_opt_out" if use == "planning" else ""}""")
        return {day: _rates(lake, con, day, _covered(calendar, day)) for day in sorted(set(on_days))}


def _events(lake: Lake) -> str:
    """Return the SQL of the current events and of those that a later delivery changed or withdrew."""
    superseded = superseded_scan(lake)
    current = f"SELECT *, CAST(NULL AS DATE) AS superseded_date FROM {lake.scan('core__event')}"
    return f"({current} UNION ALL BY NAME SELECT * FROM {superseded})" if superseded else f"({current})"


def _rates(lake: Lake, con: duckdb.DuckDBPyConnection, day: int, practices: frozenset[str]) -> IcbRates:
    con.register("covered", pa.table({"practice_code": pa.array(sorted(practices), pa.string())}))
    counts = con.sql(_tally_sql(lake, ZERO + timedelta(days=day))).to_arrow_table()
    con.unregister("covered")

    def array(name: str) -> NDArray[np.int64]:
        return counts[name].combine_chunks().to_numpy(zero_copy_only=False)

    tally = Tally(
        counts["practice_code"].to_pylist(), counts["lsoa_code"].to_pylist(), array("stratum"), array("spells"), array("days")
    )
    return icb_rates(tally, practices)


def _tally_sql(lake: Lake, day: date) -> str:
    """Return the SQL that counts the reference population's days and spells, as `features/area_context.py` defines them."""
    before = f"DATE {quote(day)} - 1"
    lasts = f"start_date <= {before} AND coalesce(end_date, {before}) >= {before}"
    return f"""
    WITH aged AS (SELECT *, {completed_years_sql("age_from", f"DATE {quote(day)}")} AS age FROM listed),
    member AS (
        SELECT person_key, practice_code, sex_place * {BANDS} + {age_band_number_sql("age")} AS stratum,
            greatest(DATE {quote(day)} - {WINDOW}, start_date, coalesce(birth_date, start_date)) AS since
        FROM {lake.scan("core__registration")} JOIN aged USING (person_key) SEMI JOIN covered USING (practice_code)
        WHERE {lasts} AND coalesce(death_date, DATE {quote(day)}) >= DATE {quote(day)}
    ),
    spells AS (
        SELECT person_key, count(*) AS spells FROM spell JOIN member USING (person_key)
        WHERE event_date >= since AND event_date < DATE {quote(day)} AND available_date < DATE {quote(day)}
            AND coalesce(superseded_date > DATE {quote(day)}, true) GROUP BY person_key
    ),
    lives AS (SELECT person_key, lsoa_code FROM {lake.scan("core__residence")} WHERE {lasts})
    SELECT practice_code, lsoa_code, stratum::BIGINT AS stratum, sum(coalesce(spells, 0))::BIGINT AS spells,
        sum(DATE {quote(day)} - since)::BIGINT AS days
    FROM member LEFT JOIN spells USING (person_key) LEFT JOIN lives USING (person_key)
    WHERE since < DATE {quote(day)} GROUP BY practice_code, lsoa_code, stratum ORDER BY practice_code, lsoa_code, stratum"""


def _covered(calendar: CoverageCalendar, day: int) -> frozenset[str]:
    """Return the practices for whose people the hospital feed covers the year before a day."""
    place = np.arange(len(calendar.practices), dtype=np.int32)
    is_covered = covered_days(calendar, FEED, place, np.full(len(place), day, dtype=np.int32)) >= WINDOW
    return frozenset(code for code, number in calendar.practices.items() if is_covered[number])


def _sex() -> str:
    return "CASE sex WHEN '1' THEN 0 WHEN '2' THEN 1 ELSE 2 END"

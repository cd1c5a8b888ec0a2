"""Who is in, recounted in plain SQL over the core tables: a view `f` with one row per person and index date."""

from __future__ import annotations

from datetime import date

import duckdb

FOREVER = "DATE '9999-01-01'"
HELD = "start_date <= index_date AND coalesce(end_date, DATE '9999-01-01') >= index_date"


def recount_registered(con: duckdb.DuckDBPyConnection, index_date: date) -> None:
    """Take everyone registered and alive on a date, as planning may."""
    con.execute(
        f"CREATE TABLE candidate AS SELECT person_key, DATE '{index_date}' AS index_date, '{index_date}' AS index_event_id FROM core__person"
    )
    _keep_who_is_in(con)


def recount_given(con: duckdb.DuckDBPyConnection, rows: list[tuple[int, date, str]]) -> None:
    """Take the given people and dates, of those who are registered and alive on theirs."""
    con.execute("CREATE TABLE candidate (person_key INTEGER, index_date DATE, index_event_id VARCHAR)")
    con.executemany("INSERT INTO candidate VALUES (?, ?, ?)", [list(row) for row in rows])
    _keep_who_is_in(con)


def recount_discharges(con: duckdb.DuckDBPyConnection, index_date: date) -> None:
    """Select the discharges of the year up to a date from emergency spells of at least one night after which people went home."""
    con.execute(f"""
        CREATE TABLE candidate AS
        SELECT person_key, discharge_date AS index_date, spell_key::VARCHAR AS index_event_id
        FROM core__spell
        WHERE spell_class = 'emergency' AND nights >= 1 AND NOT died
            AND discharge_date <= DATE '{index_date}' AND discharge_date > DATE '{index_date}' - 365
            AND NOT EXISTS (FROM core__spell other WHERE other.person_key = core__spell.person_key AND other.spell_class <> 'regular_attender'
                AND other.admission_date <= core__spell.discharge_date
                AND coalesce(other.discharge_date, other.admission_date + 730) > core__spell.discharge_date)""")
    _keep_who_is_in(con)


def _keep_who_is_in(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(f"""
        CREATE TABLE f AS
        SELECT row_number() OVER (ORDER BY person_key, index_date, index_event_id) AS r, c.*, p.birth_date,
            (SELECT min(practice_code) FROM held g WHERE g.person_key = c.person_key AND {HELD}) AS practice,
            (SELECT min(lsoa_code) FROM core__residence l WHERE l.person_key = c.person_key AND {HELD}) AS lsoa
        FROM candidate c JOIN core__person p USING (person_key)
        WHERE on_list AND (birth_date IS NULL OR birth_date <= index_date) AND (death_date IS NULL OR death_date > index_date)
            AND death_not_readable IS NOT TRUE
            AND EXISTS (FROM held g WHERE g.person_key = c.person_key AND {HELD} AND end_not_readable IS NOT TRUE)
            AND NOT type_1_opt_out AND NOT national_data_opt_out""")

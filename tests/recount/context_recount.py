"""The emergency rates of practice and area, recounted in plain SQL: `context` holds one row per row of `f`.

C is the first day of the index date's month; all of it is computed from the year before C and from events that were available before C.
"""

from __future__ import annotations

import duckdb

RATES = {"practice_emergency_rate_365d": "practice", "area_emergency_rate_365d": "lsoa"}
OVERNIGHT = 5  # the event type of a discharge after an emergency spell of a night or more
BOUNDS = (0, 5, 18, 30, 40, 50, 60, 65, 70, 75, 80, 85, 90)


def make_context(con: duckdb.DuckDBPyConnection) -> None:
    """Make `context`: r and both rates, for a purpose that heeds the national opt-out."""
    _make_members(con)
    con.execute("""
        CREATE TABLE expected AS
        WITH rate AS (SELECT c, stratum, sum(o) / sum(days) AS rate FROM member GROUP BY c, stratum)
        SELECT m.*, rate * days AS e FROM member m JOIN rate USING (c, stratum)""")
    for name, place in RATES.items():
        _make_rate(con, name, place)
    con.execute(
        f"CREATE TABLE context AS SELECT r, {', '.join(RATES)} FROM {' JOIN '.join(f'{name}_of_row' for name in RATES)} USING (r)"
    )


def _make_members(con: duckdb.DuckDBPyConnection) -> None:
    band = " + ".join(f"(age >= {bound})::INTEGER" for bound in BOUNDS)
    at = "start_date <= c - 1 AND coalesce(end_date, DATE '9999-01-01') >= c - 1"
    con.execute("CREATE TABLE month_start AS SELECT DISTINCT date_trunc('month', index_date)::DATE AS c FROM f")
    con.execute(f"""
        CREATE TABLE member AS
        WITH aged AS (
            SELECT c, p.*, birthdays(coalesce(assumed_birth_date, birth_date), c) AS age FROM month_start, core__person p),
        listed AS (
            SELECT c, p.person_key, practice_code AS practice, greatest(c - 365, start_date, coalesce(birth_date, start_date)) AS since,
                coalesce(nullif(nullif(sex, '0'), '9'), '?') || ' ' || CASE WHEN birth_date IS NULL THEN 0 ELSE greatest({band}, 1) END AS stratum,
                (SELECT min(lsoa_code) FROM core__residence l WHERE l.person_key = p.person_key AND {at}) AS lsoa
            FROM month_start JOIN core__registration g ON {at} JOIN aged p USING (person_key, c)
            WHERE on_list AND death_not_readable IS NOT TRUE AND NOT type_1_opt_out AND NOT national_data_opt_out AND coalesce(death_date >= c, true)),
        uncovered AS (
            SELECT DISTINCT c, practice FROM (
                SELECT c, practice, unnest(generate_series(date_trunc('month', c - 365), date_trunc('month', c - 1), INTERVAL 1 MONTH))::DATE AS month
                FROM (SELECT DISTINCT c, practice FROM listed)) t, (SELECT max(month) AS last FROM core__coverage WHERE organisation_role = 'practice')
            LEFT JOIN core__coverage v ON v.feed = 'admissions' AND v.organisation_role = 'practice' AND v.organisation_code = practice
                AND v.month = CASE WHEN t.month = last + INTERVAL 1 MONTH THEN last ELSE t.month END
            WHERE coalesce(v.status, 'absent') <> 'covered')
        SELECT l.*, c - since AS days,
            (SELECT count(*) FROM all_event e WHERE e.person_key = l.person_key AND event_type = {OVERNIGHT} AND event_date >= since
                AND event_date < c AND available_date < c AND coalesce(superseded_date > c, true)) AS o
        FROM listed l ANTI JOIN uncovered USING (c, practice) WHERE since < c""")


def _make_rate(con: duckdb.DuckDBPyConnection, name: str, place: str) -> None:
    """Shrink each group's ratio towards 1 by a gamma prior by moments, without the row's own spells and days."""
    con.execute(f"""
        CREATE TABLE {name}_of_row AS
        WITH grouped AS (SELECT c, {place} AS g, sum(o) AS o, sum(e) AS e FROM expected WHERE {place} IS NOT NULL GROUP BY ALL),
        spread AS (
            SELECT c, sum(e * (o / e - 1) ** 2) - (count(*) - 1) AS above, sum(e) - sum(e * e) / sum(e) AS scale, count(*) AS k
            FROM grouped WHERE e > 0 GROUP BY c),
        board AS (
            SELECT c, 365250.0 * sum(o) / sum(days) AS crude, any_value(CASE WHEN k >= 2 AND above > 0 AND scale > 0 THEN scale / above END) AS a
            FROM member LEFT JOIN spread USING (c) GROUP BY c)
        SELECT f.r, CASE WHEN f.{place} IS NULL THEN NULL WHEN a IS NULL THEN crude
            ELSE crude * (coalesce(g.o, 0) - coalesce(own.o, 0) + a) / (coalesce(g.e, 0) - coalesce(own.e, 0) + a) END AS {name}
        FROM f LEFT JOIN board ON board.c = date_trunc('month', f.index_date)
        LEFT JOIN grouped g ON g.c = board.c AND g.g = f.{place}
        LEFT JOIN expected own ON own.c = board.c AND own.person_key = f.person_key AND own.{place} = f.{place}""")

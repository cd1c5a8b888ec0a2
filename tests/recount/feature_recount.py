"""Every feature of the catalogue, recounted in plain SQL over the core tables.

Taken from the catalogue: which event types and codes a concept means, and of each feature its statistic, its window and
what it is computed from. Nothing else of the feature code is used: which events count, windows, coverage, medicines that
are one substance and every statistic are written here once more.
"""

from __future__ import annotations

import duckdb
import pandas as pd
from recount.attribute_recount import attribute_sql
from recount.board import EDITION
from recount.calendar_age import add_birthdays
from recount.code_pool import PRODUCTS, make_entries
from recount.context_recount import make_context

from features.catalogue import Catalogue
from features.declaration import Feature, Statistic
from features.events import NUMBER_OF
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake

EVER = 1_000_000  # days: no window
EVER_COVERED = 365  # what is asked over all time is null unless a year is covered

# Registrations, each of which lasts until the next one where that starts after at most 30 days without any.
HELD_ACROSS_MOVES = """CREATE VIEW held AS SELECT * REPLACE (
    CASE WHEN lead(start_date) OVER persons - end_date <= 31 THEN lead(start_date) OVER persons - 1 ELSE end_date END AS end_date)
    FROM core__registration WINDOW persons AS (PARTITION BY person_key ORDER BY start_date)"""

# From the tally of a concept's events in a window (t), in the window twice as long (t2) and over all time (t0), and of the events that end it (e).
SIMPLE = {
    Statistic.COUNT: "coalesce(t.events, 0)",
    Statistic.FLAG: "(t.events IS NOT NULL)::INTEGER",
    Statistic.SUM: "coalesce(t.total, 0)",
    Statistic.MAXIMUM: "coalesce(t.highest, 0)",
    Statistic.DAYS_SINCE_LAST: "t.latest",
    Statistic.YEARS_SINCE_FIRST: "CASE WHEN e.latest IS NULL OR t0.latest < e.latest THEN t0.earliest / 365.25 END",
    Statistic.NEW: "coalesce(t0.earliest <= d.w AND NOT coalesce(e.latest <= t0.latest, false), false)::INTEGER",
    Statistic.DISTINCT_DAYS: "coalesce(t.event_days, 0)",
    Statistic.DISTINCT_PROVIDERS: "coalesce(t.providers, 0)",
    Statistic.DISTINCT_CODES: "coalesce(t.codes, 0)",
    Statistic.TREND: "coalesce(t.events, 0) - (coalesce(t2.events, 0) - coalesce(t.events, 0))",
}
USABLE = """SELECT s.r, s.concept, d.w, s.days, avg(s.value) AS value
    FROM seen s JOIN (SELECT DISTINCT concept, w, low, high FROM declared WHERE low IS NOT NULL) d ON d.concept = s.concept AND s.days <= d.w
    WHERE s.value BETWEEN d.low AND d.high GROUP BY ALL"""


def lake_views(lake: Lake) -> duckdb.DuckDBPyConnection:
    """Open DuckDB with a view of each core table, and `all_event`: events with the day, if any, from which they are superseded."""
    con = connect(threads=1)
    add_birthdays(con)
    for name in lake.tables():
        if name.startswith("core__"):
            con.execute(f"CREATE VIEW {name} AS SELECT * FROM {lake.scan(name)}")
    if "core__registration" in lake.tables():
        con.execute(HELD_ACROSS_MOVES)
    superseded = "UNION ALL BY NAME FROM core__event_superseded" if "core__event_superseded" in lake.tables() else ""
    con.execute(f"CREATE VIEW all_event AS SELECT *, NULL::DATE AS superseded_date FROM core__event {superseded}")
    return con


def recount_features(con: duckdb.DuckDBPyConnection, catalogue: Catalogue) -> pd.DataFrame:
    """Return every feature of the rows of `f`, in their order; raise NotImplementedError for a feature without a recount."""
    _declare(con, catalogue)
    _see_events(con)
    _find_gaps(con)
    make_context(con)
    values = _by_events(con, catalogue)
    wide = pd.concat([pd.DataFrame(values), _attributes(con, catalogue)], axis=1).astype("float32")
    waiting = [feature for feature in catalogue.features if feature.name not in wide]
    while waiting:
        ready = [feature for feature in waiting if set(feature.inputs) <= set(wide)]
        if not ready:
            raise NotImplementedError(f"nothing here recounts {[feature.name for feature in waiting]}")
        con.register("wide", wide)
        selected = ", ".join(f"({derived_sql(feature)})::FLOAT AS {feature.name}" for feature in ready)
        wide = pd.concat([wide, con.sql(f"SELECT {selected} FROM wide").df().astype("float32")], axis=1)
        waiting = [feature for feature in waiting if feature not in ready]
    return wide[[feature.name for feature in catalogue.features]]


def _attributes(con: duckdb.DuckDBPyConnection, catalogue: Catalogue) -> pd.DataFrame:
    found = {
        feature.name: con.sql(f"SELECT ({attribute_sql(feature.name, EDITION)})::FLOAT AS value FROM f JOIN core__person p USING (person_key) ORDER BY r").df()["value"]
        for feature in catalogue.features if feature.statistic is Statistic.ATTRIBUTE
    }  # fmt: skip
    return pd.DataFrame(found)


def _declare(con: duckdb.DuckDBPyConnection, catalogue: Catalogue) -> None:
    con.execute("CREATE TABLE meaning (concept VARCHAR, event_type INTEGER, list VARCHAR, only_code VARCHAR)")
    meanings = [
        [concept.name, NUMBER_OF[kind], *([part or None for part in (reference or "").partition("/")[::2]])]
        for concept in catalogue.concepts.values() for kind in concept.event_types for reference in concept.code_lists or (None,)
    ]  # fmt: skip
    con.executemany("INSERT INTO meaning VALUES (?, ?, ?, ?)", meanings)
    con.execute(
        "CREATE TABLE declared (name VARCHAR, statistic VARCHAR, concept VARCHAR, ends VARCHAR, w INTEGER, needs INTEGER, feeds VARCHAR[], low DOUBLE, high DOUBLE)"
    )
    con.executemany(
        "INSERT INTO declared VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [_declaration(feature, catalogue) for feature in catalogue.features if _counts_events(feature)],
    )


def _counts_events(feature: Feature) -> bool:
    return feature.statistic is not Statistic.ATTRIBUTE and not feature.inputs


def _declaration(feature: Feature, catalogue: Catalogue) -> list[object]:
    window, statistic = feature.window_days, feature.statistic
    needs = EVER_COVERED if window is None else window
    needs = 2 * needs if statistic is Statistic.TREND else needs
    feeds = sorted({feed for name in feature.concepts for feed in catalogue.concepts[name].feeds})
    valued = statistic in (Statistic.LATEST_VALUE, Statistic.VALUE_CHANGE)
    concept = catalogue.concepts.get(feature.concept)
    limits = [concept.minimum, concept.maximum] if valued and concept else [None, None]
    return [feature.name, statistic.value, feature.concept, feature.after, window or EVER, needs, feeds, *limits]


def _see_events(con: duckdb.DuckDBPyConnection) -> None:
    """Make `seen`: each event that may count for a row, once per concept it means; and `tally`: counted by window."""
    make_entries(con)
    con.execute(
        "CREATE TABLE product AS FROM read_csv(?, all_varchar = true, quote = '\"', delim = ',', header = true)", [str(PRODUCTS)]
    )
    con.execute("""
        CREATE TABLE meant AS
        SELECT DISTINCT m.concept, m.event_type, c.code FROM meaning m JOIN entry n USING (list) JOIN core__code c
            ON c.code_system = n.system AND (m.only_code IS NULL OR n.code = m.only_code)
            AND (c.source_code = n.code OR (n.match = 'prefix' AND starts_with(c.source_code, n.code)))
        WHERE m.list IS NOT NULL""")
    con.execute("""
        CREATE TABLE known AS
        SELECT f.r, f.index_date - e.event_date AS days, e.*, coalesce(c.substance, c.code_system || ' ' || c.source_code) AS item
        FROM f JOIN all_event e USING (person_key) LEFT JOIN (
            SELECT c.*, (SELECT min(label) FROM product n WHERE c.code_system = 'dmd' AND n.code = c.source_code) AS substance
            FROM core__code c) c USING (code)
        WHERE e.event_date < f.index_date AND e.available_date < f.index_date AND coalesce(e.superseded_date > f.index_date, true)
            AND (f.birth_date IS NULL OR e.event_date >= f.birth_date)""")
    con.execute("""
        CREATE TABLE seen AS
        SELECT m.concept, k.* FROM known k JOIN meant m USING (event_type, code)
        UNION ALL
        SELECT m.concept, k.* FROM known k JOIN meaning m USING (event_type) WHERE m.list IS NULL""")
    con.execute(f"""
        CREATE TABLE tally AS
        SELECT w, concept, r, count(*) AS events, sum(value) AS total, max(value) AS highest, min(days) AS latest, max(days) AS earliest,
            count(DISTINCT event_date) AS event_days, count(DISTINCT CASE WHEN provider <> 0 THEN provider END) AS providers,
            count(DISTINCT CASE WHEN code <> 0 THEN item END) AS codes
        FROM seen JOIN (SELECT DISTINCT unnest([w, 2 * w, {EVER}]) AS w FROM declared) ON days <= w GROUP BY w, concept, r""")


def _find_gaps(con: duckdb.DuckDBPyConnection) -> None:
    """Make `gap`: rows, feeds and spans before the index date that touch a month the practice's feed does not cover.

    The month after the last one judged had not ended when the data were cut: it stands as the month before it did.
    """
    con.execute("""
        CREATE TABLE gap AS
        WITH judged AS (SELECT * FROM core__coverage WHERE organisation_role = 'practice'),
        touched AS (
            SELECT f.r, f.practice, n.feed, n.needs, unnest(generate_series(date_trunc('month', f.index_date - n.needs),
                date_trunc('month', f.index_date - 1), INTERVAL 1 MONTH))::DATE AS month
            FROM f, (SELECT DISTINCT needs, unnest(feeds) AS feed FROM declared) n)
        SELECT DISTINCT r, t.feed, needs
        FROM touched t, (SELECT max(month) AS last FROM judged) LEFT JOIN judged c ON c.feed = t.feed AND c.organisation_code = t.practice
            AND c.month = CASE WHEN t.month = last + INTERVAL 1 MONTH THEN last ELSE t.month END
        WHERE coalesce(c.status, 'absent') <> 'covered'""")


def _by_events(con: duckdb.DuckDBPyConnection, catalogue: Catalogue) -> dict[str, pd.Series]:
    cases = " ".join(f"WHEN '{statistic.value}' THEN {sql}" for statistic, sql in SIMPLE.items())
    special = " UNION ALL ".join(
        [_latest_values(), *(_special(feature) for feature in catalogue.features if feature.statistic in SPECIAL)]
    )
    con.execute(f"""
        CREATE TABLE counted AS
        SELECT d.name, f.r, CASE d.statistic {cases} END::DOUBLE AS value
        FROM declared d CROSS JOIN f
        LEFT JOIN tally t ON t.r = f.r AND t.concept = d.concept AND t.w = d.w
        LEFT JOIN tally t2 ON t2.r = f.r AND t2.concept = d.concept AND t2.w = 2 * d.w
        LEFT JOIN tally t0 ON t0.r = f.r AND t0.concept = d.concept AND t0.w = {EVER}
        LEFT JOIN tally e ON e.r = f.r AND e.concept = d.ends AND e.w = {EVER}
        WHERE d.statistic IN ({", ".join(f"'{statistic.value}'" for statistic in SIMPLE)})
        UNION ALL {special}""")
    found = con.sql("""
        SELECT name, list(CASE WHEN NOT EXISTS (FROM gap g, declared d WHERE d.name = c.name AND g.r = c.r AND list_contains(d.feeds, g.feed)
            AND g.needs = d.needs) THEN value END ORDER BY r) AS value
        FROM counted c GROUP BY name""").fetchall()
    return {name: pd.Series(values, dtype="float64") for name, values in found}


def _latest_values() -> str:
    """Return the mean of the latest day's usable values, and its change since the earliest day where that is another day."""
    return f"""
    SELECT d.name, f.r, CASE WHEN d.statistic = 'latest_value' THEN u.now WHEN u.latest < u.earliest THEN u.now - u.past END AS value
    FROM declared d CROSS JOIN f LEFT JOIN (
        SELECT r, concept, w, min(days) AS latest, max(days) AS earliest, arg_min(value, days) AS now, arg_max(value, days) AS past
        FROM ({USABLE}) GROUP BY ALL) u ON u.r = f.r AND u.concept = d.concept AND u.w = d.w
    WHERE d.statistic IN ('latest_value', 'value_change')"""


def _returns(feature: Feature) -> str:
    return f"""
    SELECT '{feature.name}', f.r, (SELECT count(*) FROM seen s WHERE s.r = f.r AND s.concept = '{feature.concept}' AND s.days <= {feature.window_days}
        AND EXISTS (FROM seen b WHERE b.r = s.r AND b.concept = '{feature.after}'
            AND s.event_date - b.event_date BETWEEN 1 AND {feature.within_days})) FROM f"""


def _latest_of(feature: Feature) -> str:
    among = ", ".join(f"'{name}'" for name in feature.among)
    return f"""
    SELECT '{feature.name}', f.r, CASE WHEN any_latest IS NOT NULL THEN coalesce(mine = any_latest, false)::INTEGER END
    FROM f LEFT JOIN (SELECT r, min(days) AS any_latest, min(days) FILTER (concept = '{feature.concept}') AS mine
        FROM seen WHERE concept IN ({among}) GROUP BY r) l USING (r)"""


def _current(feature: Feature) -> str:
    return f"""
    SELECT '{feature.name}', f.r, coalesce(l.mine > coalesce(l.resolved, DATE '0001-01-01'), false)::INTEGER
    FROM f LEFT JOIN (SELECT r, max(event_date) FILTER (concept = '{feature.concept}') AS mine,
        max(event_date) FILTER (concept = '{feature.after}') AS resolved FROM seen GROUP BY r) l USING (r)"""


def _score(feature: Feature) -> str:
    graver = dict(feature.replaced_by)
    groups = ", ".join(
        f"('{name}', {points}, '{graver.get(name, '')}')" for name, points in zip(feature.groups, feature.points, strict=True)
    )
    within = f"concept, r FROM tally WHERE w = {feature.window_days or EVER}"
    return f"""
    SELECT '{feature.name}', f.r, CASE WHEN f.r IN (SELECT r FROM tally WHERE w = {feature.window_days or EVER} AND concept = '{feature.after}')
        THEN greatest(coalesce(p.points, 0), 0) END
    FROM f LEFT JOIN (
        SELECT t.r, sum(g.points) AS points FROM (SELECT {within}) t JOIN (VALUES {groups}) g(concept, points, graver) USING (concept)
        WHERE (t.r, g.graver) NOT IN (SELECT (r, concept) FROM tally WHERE w = {feature.window_days or EVER}) GROUP BY t.r) p USING (r)"""


SPECIAL = {Statistic.RETURNS: _returns, Statistic.LATEST_OF: _latest_of, Statistic.CURRENT: _current, Statistic.SCORE: _score}


def _special(feature: Feature) -> str:
    return SPECIAL[feature.statistic](feature)


def derived_sql(feature: Feature) -> str:
    """Return the SQL of a feature computed from others; null where an input is null."""
    inputs = feature.inputs
    above = " + ".join(f"({name} > 0)::INTEGER" for name in inputs)
    rules = {
        Statistic.RATIO: f"{inputs[0]} / nullif({inputs[-1]}, 0)",
        Statistic.NUMBER_OF: above,
        Statistic.SHARE_OF: f"({above}) / {len(inputs)}",
        Statistic.AT_LEAST: f"({inputs[0]} >= {(*feature.thresholds, 0)[0]})::INTEGER",
        Statistic.BAND: " + ".join(f"({inputs[0]} >= {limit}::FLOAT)::INTEGER" for limit in feature.thresholds),
        Statistic.BOTH: f"({above} = {len(inputs)})::INTEGER",
        Statistic.WITHOUT: f"({inputs[0]} > 0 AND {inputs[-1]} = 0)::INTEGER",
    }
    if feature.statistic not in rules:
        raise NotImplementedError(f"nothing here recounts the statistic {feature.statistic!r} of {feature.name}")
    known = " AND ".join(f"{name} IS NOT NULL" for name in inputs)
    return f"CASE WHEN {known} THEN {rules[feature.statistic]} END"

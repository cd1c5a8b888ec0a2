"""Whom planning outputs count: the people of each cohort without a national data opt-out, in `equity__planning_population`.

The latest state of an opt-out applies to every index date: an output that is made today must not use the data of someone who has
opted out since. Source: NHS England, national data opt-out operational policy guidance.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import duckdb

from expectations.sql_values import quote
from expectations.tables import core
from expectations.tables.equity import PLANNING_POPULATION
from expectations.tables.features import PERSON_FEATURES
from expectations.tables.risk import COHORT_FLOW
from features.cohort import NATIONAL_DATA_OPT_OUT
from models.disclosure_control import Total, shown_counts, shown_share, three_figures
from pipelines.lake.storage import Lake
from pipelines.study.opt_out_rules import OptOutRule

EXCLUDED, INCLUDED, NOT_KNOWN = "excluded", "included", "not_known"
ALL_DATES = "all"  # the period of a cohort whose rows have their own index dates
NO_ONE = "(SELECT NULL::INTEGER AS person_key WHERE false)"


def write_planning_population(
    lake: Lake, con: duckdb.DuckDBPyConnection, rule: OptOutRule, dates_of_their_own: bool
) -> dict[str, object]:
    """Count the people of each cohort and those whom planning outputs exclude, and replace the stored table."""
    stated = _stated(lake, rule)
    by_cohort = _excluded_by_cohort(lake, dates_of_their_own)
    decision_id = rule.decision.decision_id if rule.decision and stated != NOT_KNOWN else ""
    rows = [
        _row(period, stated, people + by_cohort.get(period, 0), opted_out + by_cohort.get(period, 0), decision_id)
        for period, people, opted_out in _counts(lake, con, stated == EXCLUDED, dates_of_their_own)
    ]
    lake.write(PLANNING_POPULATION, rows)
    return {"cohorts": len(rows), "national_data_opt_out": stated.replace("_", " ")}


def excluded_people_sql(lake: Lake) -> str:
    """Return the SQL, usable in FROM, of the person_key of everyone whom planning outputs exclude.

    Without a stored population everyone with an opt-out is excluded.
    """
    rules = lake.read_or_empty(PLANNING_POPULATION, "DISTINCT opt_out_rule")["opt_out_rule"].to_pylist()
    return NO_ONE if INCLUDED in rules else _opted_out(lake)


def population_of(lake: Lake, period: str) -> Mapping[str, Any] | None:
    """Return the row of the cohort that a planning output of a period counts, or None."""
    where = f"period IN ({quote(period)}, {quote(ALL_DATES)})"
    return next(iter(lake.read_or_empty(PLANNING_POPULATION, where=where).to_pylist()), None)


def _stated(lake: Lake, rule: OptOutRule) -> str:
    """Return the rule as it is stored: it is not known who opted out where no list of opt-outs was ever delivered."""
    delivered = lake.read_or_empty(core.OBJECTION_DELIVERY, "kind", "kind = 'national'").num_rows
    opted_out = lake.read_or_empty(core.PERSON, "person_key", "national_data_opt_out LIMIT 1").num_rows
    if not delivered and not opted_out:
        return NOT_KNOWN
    return EXCLUDED if rule.excludes else INCLUDED


def _opted_out(lake: Lake) -> str:
    return f"(SELECT person_key FROM {lake.scan_or_empty(core.PERSON)} WHERE national_data_opt_out)"


def _counts(lake: Lake, con: duckdb.DuckDBPyConnection, excludes: bool, own_dates: bool) -> Iterable[tuple[str, int, int]]:
    """Return the period of each cohort with its rows, and those of people with an opt-out that planning outputs exclude."""
    if not lake.exists(PERSON_FEATURES.name):
        return []
    opted_out = _opted_out(lake) if excludes else NO_ONE
    period = quote(ALL_DATES) if own_dates else "index_date::VARCHAR"
    query = f"""SELECT {period} AS period, count(*), count(opted_out.person_key)
        FROM {lake.scan(PERSON_FEATURES.name)} AS rows LEFT JOIN {opted_out} AS opted_out USING (person_key) GROUP BY 1 ORDER BY 1"""
    return con.execute(query).fetchall()


def _excluded_by_cohort(lake: Lake, own_dates: bool) -> dict[str, int]:
    """Return by period how many people the cohort of a run for planning has excluded already; nothing in a run for care."""
    where = f"reason = {quote(NATIONAL_DATA_OPT_OUT)}"
    flow = lake.read_or_empty(COHORT_FLOW, "index_date, people", where, "index_date").to_pylist()
    return {ALL_DATES if own_dates else str(step["index_date"]): int(step["people"]) for step in flow}


def _row(period: str, rule: str, people: int, excluded: int, decision_id: str) -> dict[str, object]:
    counts: dict[Hashable, int] = {"everyone": people, EXCLUDED: excluded, "counted": people - excluded}
    shown = shown_counts(counts, [Total("everyone", (EXCLUDED, "counted"))])
    share = three_figures(shown_share(excluded, people)) if excluded else 0.0
    return {
        "period": period,
        "opt_out_rule": rule,
        "people": shown["everyone"],
        "people_excluded": shown[EXCLUDED],
        "share_excluded": share,
        "decision_id": decision_id,
    }

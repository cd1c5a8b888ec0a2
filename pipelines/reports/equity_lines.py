"""Inequality in an outcome, in a few lines for a person at a terminal: from the stored rates, as they may leave."""

from __future__ import annotations

from collections.abc import Iterator

from expectations.sql_values import quote
from expectations.tables.equity import OUTCOME_RATES
from pipelines.lake.storage import Lake
from pipelines.reports.numbers import NOT_SHOWN
from pipelines.reports.text_table import table

KIND, DEPRIVED, LEAST_DEPRIVED = "imd_quintile", "1", "5"
WORDS = {
    "slope_index_of_inequality": "Slope index of inequality (rate at the least deprived end less that at the most deprived)",
    "relative_index_of_inequality": "Relative index of inequality (least deprived end over most deprived)",
    "concentration_index": "Concentration index (negative: concentrated among the deprived)",
}


def inequality_lines(lake: Lake, outcome: str) -> Iterator[str]:
    """Tell the standardised rates by deprivation quintile of the latest period, absolute and relative gap, and the indices."""
    where = f"outcome = {quote(outcome)} AND group_kind = {quote(KIND)}"
    latest = lake.read_or_empty(OUTCOME_RATES, "max(period) AS period", where)["period"].to_pylist()[0]
    if latest is None:
        return
    rows = lake.read(OUTCOME_RATES.name, where=f"{where} AND period = {quote(latest)}", order="group_name, measure").to_pylist()
    rates = [row for row in rows if row["measure"] == "directly_standardised_rate"]
    yield f"\nInequality in '{outcome}' after {latest}: people with it per 100,000, standardised by age; quintile 1 is most deprived"
    names = {
        "group_name": "quintile",
        "value": "rate",
        "lower": "lower",
        "upper": "upper",
        "people": "people",
        "events": "events",
    }
    yield from table([{told: row[name] for name, told in names.items()} for row in rates], tuple(names.values()))
    gaps = {row["measure"]: row for row in rows if row["group_name"] == DEPRIVED and row["compared_with"] == LEAST_DEPRIVED}
    if {"rate_difference", "rate_ratio"} <= set(gaps):
        yield f"Quintile 1 against 5: {_told(gaps['rate_difference'], '+,.0f')} per 100,000, {_told(gaps['rate_ratio'], '.2f')} times"
    for row in rows:
        if row["measure"] in WORDS and row["value"] is not None:
            yield f"{WORDS[row['measure']]}: {_told(row, ',.0f' if 'slope' in row['measure'] else '.2f')}"


def _told(row: dict[str, float | None], form: str) -> str:
    if row["value"] is None:
        return NOT_SHOWN
    return f"{row['value']:{form}} ({row['lower']:{form}} to {row['upper']:{form}})"

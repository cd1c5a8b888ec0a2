"""The part of a summary about inequality in an outcome: from the stored rates, which are under disclosure control."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType

from expectations.sql_values import quote
from expectations.tables.equity import OUTCOME_RATES
from pipelines.lake.storage import Lake
from pipelines.reports.labels import label
from pipelines.reports.numbers import NOT_SHOWN
from pipelines.reports.opt_out_lines import sentence_on_planning
from pipelines.reports.terminal import item, paragraph, section, table

KIND, DEPRIVED, LEAST_DEPRIVED = "imd_quintile", "1", "5"
INDICES = {
    "slope_index_of_inequality": ("Slope index of inequality (rate at the least deprived end minus rate at the most deprived end)", ",.0f"),
    "relative_index_of_inequality": ("Relative index of inequality (least deprived end divided by most deprived end)", ".2f"),
    "concentration_index": ("Concentration index (negative: concentrated in deprived areas)", ".2f"),
}  # fmt: skip
COLUMNS = {
    "group_name": "Quintile",
    "value": "Rate",
    "lower": "Lower limit",
    "upper": "Upper limit",
    "people": "People",
    "events": "Outcomes",
}


def inequality_lines(lake: Lake, outcome: str) -> Iterator[RenderableType]:
    """Yield the latest standardised rates by deprivation quintile, the absolute and relative gap, and the indices."""
    where = f"outcome = {quote(outcome)} AND group_kind = {quote(KIND)}"
    latest = lake.read_or_empty(OUTCOME_RATES, "max(period) AS period", where)["period"].to_pylist()[0]
    if latest is None:
        return
    rows = lake.read(OUTCOME_RATES.name, where=f"{where} AND period = {quote(latest)}", order="group_name, measure").to_pylist()
    yield section(f"Inequality in '{outcome}' after {latest}")
    yield paragraph(sentence_on_planning(lake, str(latest)))
    yield paragraph("People with the outcome per 100,000, standardised by age. Quintile 1 is most deprived.")
    yield table([_rate(row) for row in rows if row["measure"] == "directly_standardised_rate"], COLUMNS)
    yield from _gap(rows)
    for row in rows:
        if row["measure"] in INDICES and row["value"] is not None:
            name, form = INDICES[row["measure"]]
            yield item(f"{name}: {_with_limits(row, form)}")


def _rate(row: Mapping[str, Any]) -> dict[str, object]:
    rates = {name: NOT_SHOWN if row[name] is None else f"{row[name]:,.0f}" for name in ("value", "lower", "upper")}
    counts = {name: NOT_SHOWN if row[name] is None else row[name] for name in ("people", "events")}
    return {"group_name": label(row["group_name"]), **rates, **counts}


def _gap(rows: list[dict[str, Any]]) -> Iterator[RenderableType]:
    """Yield the absolute and the relative gap together: either alone misleads."""
    gaps = {row["measure"]: row for row in rows if row["group_name"] == DEPRIVED and row["compared_with"] == LEAST_DEPRIVED}
    if {"rate_difference", "rate_ratio"} <= set(gaps):
        difference, ratio = _with_limits(gaps["rate_difference"], "+,.0f"), _with_limits(gaps["rate_ratio"], ".2f")
        yield item(f"Quintile 1 compared with 5: difference {difference} per 100,000, ratio {ratio}")


def _with_limits(row: Mapping[str, Any], form: str) -> str:
    if row["value"] is None:
        return NOT_SHOWN
    return f"{row['value']:{form}} ({row['lower']:{form}} to {row['upper']:{form}})"

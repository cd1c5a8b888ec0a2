"""Results of past scores on the page: each matured run overall, and its groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from expectations.sql_values import quote_all
from expectations.tables.monitoring import CALIBRATION
from models.disclosure_control import safe_audit
from models.intervals import Estimate
from pipelines.lake.storage import Lake
from pipelines.reports.monitoring.figures import Points, points_figure, times_figure
from pipelines.reports.numbers import NOT_COMPUTED, NOT_SHOWN, stored_count, with_limits
from pipelines.reports.pictures import Picture, picture

METRICS = {
    "auroc": "AUROC", "observed_over_expected": "Observed over expected", "calibration_slope": "Calibration slope", "brier": "Brier score",
    "base_rate": "Share with the outcome", "mean_risk": "Mean risk",
}  # fmt: skip
DRAWN = {"observed_over_expected": ("Observed over expected", 1.0), "auroc": ("AUROC", None)}
KINDS = {
    "imd_quintile": "Deprivation quintile (1 is most deprived)", "age_group": "Age group",
    "list_status": "What teams did: listed, acted on or neither",
}  # fmt: skip
SHORT = {"imd_quintile": "quintile", "age_group": "age", "list_status": ""}
RUNS_SHOWN = 12
RUNS_BY_GROUP = 4  # side by side in the table of groups


def matured_part(lake: Lake, runs: Sequence[Mapping[str, Any]], key: str) -> dict[str, Any] | None:
    """Return the drawings and tables of the matured runs; None where no run has matured."""
    ids = quote_all(run["run_id"] for run in runs)
    rows = (
        lake.read_or_empty(CALIBRATION, where=f"run_id IN ({ids})", order="index_date, run_id").to_pandas()
        if runs
        else pd.DataFrame()
    )
    if rows.empty:
        return None
    by_run = [safe_audit(part) for _, part in rows.groupby(["index_date", "run_id"], sort=True)][-RUNS_SHOWN:]
    latest = by_run[-1]
    return {
        "day": str(latest["index_date"].iloc[0]),
        "runs": [_run_row(part) for part in by_run][::-1],
        "latest": _measure(latest[latest["group_kind"] == "all"], "observed_over_expected"),
        "kinds": [_kind(kind, by_run) for kind in dict.fromkeys(latest["group_kind"]) if kind != "all"],
        "times": _times_picture(by_run, key),
        "groups": _groups_picture(latest, key),
    }


def _run_row(part: pd.DataFrame) -> dict[str, str]:
    everyone, first = part[part["group_kind"] == "all"], part.iloc[0]
    return {
        "day": str(first["index_date"]),
        "model": str(first["model_version"]),
        "people": stored_count(everyone["people"].max()),
        "events": stored_count(everyone["events"].max()),
        **{metric: _measure(everyone, metric) for metric in METRICS},
    }


def _kind(kind: str, by_run: Sequence[pd.DataFrame]) -> dict[str, Any]:
    """Return the groups of a kind: all measures of the latest run, and observed over expected of the runs before it."""
    latest, before = by_run[-1], by_run[-RUNS_BY_GROUP:-1][::-1]
    rows = []
    for name in sorted(set(latest.loc[latest["group_kind"] == kind, "group_name"]) - {"between_groups"}):
        of_group = _of(latest, kind, name)
        row = {
            "group": str(name).replace("_", " "),
            "people": stored_count(of_group["people"].max()),
            "events": stored_count(of_group["events"].max()),
        }
        row |= {metric: _measure(of_group, metric) for metric in METRICS if metric != "brier"}
        row |= {
            f"before_{number}": _measure(_of(part, kind, name), "observed_over_expected") for number, part in enumerate(before)
        }
        rows.append(row)
    earlier = [
        (f"before_{number}", f"Observed over expected, {part['index_date'].iloc[0]}") for number, part in enumerate(before)
    ]
    measured = [
        (metric, name)
        for metric, name in METRICS.items()
        if metric != "brier" and any(row[metric] != NOT_COMPUTED for row in rows)
    ]
    columns = [("group", "Group"), ("people", "People"), ("events", "Outcomes"), *measured, *earlier]
    return {"title": KINDS.get(kind, kind.replace("_", " ").capitalize()), "rows": rows, "columns": columns}


def _times_picture(by_run: Sequence[pd.DataFrame], key: str) -> Picture:
    days = [str(part["index_date"].iloc[0]) for part in by_run]
    everyone = [part[part["group_kind"] == "all"] for part in by_run]
    panels = [_points(label, [_estimate(part, metric) for part in everyone], guide) for metric, (label, guide) in DRAWN.items()]
    by_day = "; ".join(f"{day}: {_measure(part, 'observed_over_expected')}" for day, part in zip(days, everyone, strict=True))
    return picture(
        times_figure(days, panels),
        f"Every matured run by its index date, with 95% limits. Observed over expected: {by_day}.",
        f"times-{key}",
    )


def _groups_picture(latest: pd.DataFrame, key: str) -> Picture | None:
    measured = latest[(latest["group_kind"] != "all") & (latest["metric"] == "observed_over_expected") & latest["value"].notna()]
    cells = list(dict.fromkeys(zip(measured["group_kind"], measured["group_name"], strict=True)))
    if not cells:
        return None
    names = [f"{SHORT.get(kind, str(kind).replace('_', ' '))} {str(name).replace('_', ' ')}".strip() for kind, name in cells]
    groups = [_of(latest, kind, name) for kind, name in cells]
    panels = [_points(label, [_estimate(part, metric) for part in groups], guide) for metric, (label, guide) in DRAWN.items()]
    by_group = "; ".join(f"{name} {_measure(part, 'observed_over_expected')}" for name, part in zip(names, groups, strict=True))
    return picture(
        points_figure(names, panels),
        f"The latest matured run by group, with 95% limits; 1 is perfect. Observed over expected: {by_group}.",
        f"matured-{key}",
    )


def _points(label: str, estimates: Sequence[Estimate], guide: float | None) -> Points:
    values, lower, upper = (
        np.array([getattr(one, name) for one in estimates], dtype=float) for name in ("value", "lower", "upper")
    )
    return Points(label, values.tolist(), lower.tolist(), upper.tolist(), guide)


def _of(part: pd.DataFrame, kind: str, name: str) -> pd.DataFrame:
    return part[(part["group_kind"] == kind) & (part["group_name"] == name)]


def _estimate(part: pd.DataFrame, metric: str) -> Estimate:
    rows = part[part["metric"] == metric]
    if rows.empty:
        return Estimate(float("nan"))
    return Estimate(*(float(rows[name].iloc[0]) for name in ("value", "lower", "upper")))


def _measure(part: pd.DataFrame, metric: str) -> str:
    suppressed = part.loc[part["metric"] == metric, "suppressed"]
    return NOT_SHOWN if len(suppressed) and bool(suppressed.iloc[0]) else with_limits(_estimate(part, metric))

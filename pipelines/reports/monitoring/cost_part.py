"""Run times and costs on the page: each stage's time when it last had work, and the total of each month."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from expectations.tables.monitoring import STAGES
from pipelines.lake.storage import Lake
from pipelines.reports.monitoring.figures import bars_figure
from pipelines.reports.pictures import picture

MOST_STAGES = 15
MONTHS = 12
GB = 1_000_000_000


def cost_part(lake: Lake) -> dict[str, Any] | None:
    """Return the drawing and tables of monitoring__stages, and the size of the lake on disk; None without a record."""
    rows = lake.read_or_empty(STAGES, "stage, started_at, status, wall_s, cpu_s", order="started_at, stage").to_pandas()
    if rows.empty:
        return None
    rows = rows.assign(day=rows["started_at"].str[:10], month=rows["started_at"].str[:7])
    stages = last_work(rows)
    drawn, total = stages.head(MOST_STAGES), float(stages["cpu_s"].sum())
    largest = "; ".join(f"{row['stage']} {duration(row['cpu_s'])}" for row in drawn.head(5).to_dict("records"))
    figure = bars_figure(drawn["stage"].tolist(), drawn["cpu_s"].tolist(), "Processor seconds of the stage's last work")
    return {
        "stages": [_stage_row(row) for row in stages.to_dict("records")],
        "months": [_month_row(str(month), part) for month, part in rows.groupby("month")][-MONTHS:][::-1],
        "total": duration(total),
        "picture": picture(figure, f"Stages that take most processor time, of {duration(total)} in total. {largest}.", "costs"),
        "lake": f"{lake.bytes_stored() / GB:,.2f} GB",
    }


def last_work(rows: pd.DataFrame) -> pd.DataFrame:
    """Return each stage's last day with work: that day's seconds over all index dates, and the median of its earlier days."""
    by_day = rows[rows["status"] == "done"].groupby(["stage", "day"], as_index=False)[["wall_s", "cpu_s"]].sum()
    last = by_day.drop_duplicates("stage", keep="last")
    before = by_day.drop(last.index).groupby("stage")["cpu_s"].median().rename("before")
    return last.join(before, on="stage").sort_values(["cpu_s", "stage"], ascending=[False, True], ignore_index=True)


def duration(seconds: float) -> str:
    """Return seconds as text: 12.3 s, 5 min or 1.5 h."""
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def _stage_row(row: Mapping[Any, Any]) -> dict[str, str]:
    return {
        "stage": row["stage"],
        "day": row["day"],
        "wall": duration(row["wall_s"]),
        "cpu": duration(row["cpu_s"]),
        "before": duration(row["before"]) if pd.notna(row["before"]) else "first time",
    }


def _month_row(month: str, part: pd.DataFrame) -> dict[str, str]:
    done = part[part["status"] == "done"]
    return {
        "month": month,
        "days": str(part["day"].nunique()),
        "done": f"{len(done):,}",
        "unchanged": f"{len(part) - len(done):,}",
        "wall": duration(float(part["wall_s"].sum())),
        "cpu": duration(float(part["cpu_s"].sum())),
    }

"""Scores and lists on the page: how risks are spread, run by run, and how much of the list is new, by deprivation and place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from expectations.sql_values import quote, quote_all
from expectations.tables.monitoring import SCORES
from pipelines.lake.storage import Lake
from pipelines.reports.monitoring.figures import Points, lines_figure, points_figure
from pipelines.reports.pictures import Picture, picture
from pipelines.reports.words import NOT_COMPUTED, NOT_SHOWN

RUNS_DRAWN = 6
RUNS_IN_TABLE = 12
MOST_PLACES = 20
DECILE = "risk_decile_"
DECILES = range(10, 100, 10)
BAND = "share_in_band_"
KINDS = {"imd_quintile": "Deprivation quintile", "sub_icb_code": "Sub-ICB", "pcn_code": "PCN"}
EVERYONE = ("all", "all")
Cell = tuple[str, str]
Cells = dict[tuple[str, str, str], dict[str, Any]]  # by kind, name and measure


def list_part(lake: Lake, runs: Sequence[Mapping[str, Any]], key: str) -> dict[str, Any] | None:
    """Give the figures and tables of the published runs, earliest first; None where none is measured."""
    by_run = _cells_by_run(lake, [str(run["run_id"]) for run in runs[-RUNS_IN_TABLE:]])
    if not by_run:
        return None
    days = {str(run["run_id"]): str(run["index_date"]) for run in runs}
    named = _named(days, by_run)
    last, latest = list(by_run.items())[-1]
    return {
        "day": days[last],
        "compared": next(iter(latest.values()))["previous_run_id"],
        "runs": [_run_row(name, cells) for name, cells in named.items()][::-1],
        "bands": [(name, name.removeprefix(BAND).replace("_", " ")) for name in _bands(latest)],
        "groups": [_group_row(cell, latest) for cell in _ordered(latest)],
        "left": _left_out(latest),
        "spread": _spread_picture(named, key),
        "turnover": _turnover_picture(latest, key),
        "new": _share(_value(latest, EVERYONE, "list_turnover")),
    }


def _cells_by_run(lake: Lake, run_ids: Sequence[str]) -> dict[str, Cells]:
    """Give the measures of runs, in their order: of everyone, and of the groups as well for the last one that is measured."""
    held = set(lake.partitions(SCORES.name, "run_id"))
    measured = [run_id for run_id in run_ids if run_id in held]
    if not measured:
        return {}
    where = f"run_id IN ({quote_all(measured)}) AND (group_kind = 'all' OR run_id = {quote(measured[-1])})"
    found: dict[str, Cells] = {run_id: {} for run_id in measured}
    for row in lake.read(SCORES.name, where=where, order="group_kind, group_name, measure").to_pylist():
        found[row["run_id"]][(row["group_kind"], row["group_name"], row["measure"])] = row
    return {run_id: cells for run_id, cells in found.items() if cells}


def _named(days: Mapping[str, str], by_run: Mapping[str, Cells]) -> dict[str, Cells]:
    """Name a run by its index date, and by its id as well where several have one."""
    dates = [days[run_id] for run_id in by_run]
    return {
        days[run_id] if dates.count(days[run_id]) == 1 else f"{days[run_id]} {run_id[:6]}": cells
        for run_id, cells in by_run.items()
    }


def _spread_picture(runs: Mapping[str, Cells], key: str) -> Picture | None:
    lines: dict[str, tuple[list[float], list[float]]] = {}
    for name, cells in list(runs.items())[-RUNS_DRAWN:]:
        told = [(at, _value(cells, EVERYONE, f"{DECILE}{at}")) for at in DECILES]
        known = [(at, value) for at, value in told if pd.notna(value)]
        if known:
            lines[name] = ([float(at) for at, _ in known], [value for _, value in known])
    if not lines:
        return None
    words = "; ".join(
        f"{name}: half of the people below {_at(line, 50):.1%}, nine in ten below {_at(line, 90):.1%}"
        for name, line in reversed(lines.items())
    )
    figure = lines_figure(lines, "Percentile of the people", "Risk")
    return picture(figure, f"Risk at each tenth of the people, a line for each run. {words}.", f"spread-{key}")


def _at(line: tuple[list[float], list[float]], percentile: int) -> float:
    return dict(zip(*line, strict=True)).get(percentile, float("nan"))


def _turnover_picture(latest: Cells, key: str) -> Picture | None:
    """Draw how much of each quintile's and sub-ICB's part of the list is new, and how much of the group is listed."""
    cells = [
        cell for cell in _groups(latest, ("imd_quintile", "sub_icb_code")) if pd.notna(_value(latest, cell, "list_turnover"))
    ]
    if not cells:
        return None
    names, turnover = [_group_name(cell) for cell in cells], [_value(latest, cell, "list_turnover") for cell in cells]
    everyone, listed = _value(latest, EVERYONE, "list_turnover"), _value(latest, EVERYONE, "listed_share")
    panels = [
        Points("New on the list", turnover, guide=everyone, percent=True),
        Points("Of the group listed", [_value(latest, cell, "listed_share") for cell in cells], guide=listed, percent=True),
    ]
    words = "; ".join(f"{name} {value:.0%}" for name, value in zip(names, turnover, strict=True))
    about = (
        "Share of each group's listed people who were not listed before, and share of the group that is listed; the line is everyone "
        f"({_share(everyone)} new). New: {words}."
    )
    return picture(points_figure(names, panels), about, f"turnover-{key}")


def _run_row(name: str, cells: Cells) -> dict[str, str]:
    head = {
        "run": name,
        "people": _count(cells, EVERYONE, "mean_risk"),
        "mean": _told(cells, EVERYONE, "mean_risk", 1),
        "turnover": _told(cells, EVERYONE, "list_turnover", 0),
    }
    return head | {band: _told(cells, EVERYONE, band, 1) for band in _bands(cells)}


def _bands(cells: Cells) -> list[str]:
    """Give the bands from the one with fewest people to the one with most."""
    bands = [measure for kind, _, measure in cells if kind == "all" and measure.startswith(BAND)]
    return sorted(bands, key=lambda band: (np.nan_to_num(_value(cells, EVERYONE, band)), band))


def _groups(cells: Cells, kinds: Sequence[str]) -> list[Cell]:
    return sorted({(kind, name) for kind, name, _ in cells if kind in kinds}, key=lambda cell: (kinds.index(cell[0]), cell[1]))


def _ordered(latest: Cells) -> list[Cell]:
    """Give the groups: deprivation and sub-ICBs in order of name, then the PCNs with the highest turnover."""
    turnover = {cell: np.nan_to_num(_value(latest, cell, "list_turnover"), nan=-1.0) for cell in _groups(latest, ("pcn_code",))}
    pcns = sorted(turnover, key=lambda cell: (-turnover[cell], cell))
    return [*_groups(latest, ("imd_quintile", "sub_icb_code")), *pcns[:MOST_PLACES]]


def _left_out(latest: Cells) -> str:
    left = len(_groups(latest, ("pcn_code",))) - MOST_PLACES
    return f"The {left} PCNs with less turnover stand in {SCORES.name}." if left > 0 else ""


def _group_row(cell: Cell, latest: Cells) -> dict[str, str]:
    return {
        "group": _group_name(cell),
        "people": _count(latest, cell, "mean_risk"),
        "mean": _told(latest, cell, "mean_risk", 1),
        "listed": _told(latest, cell, "listed_share", 1),
        "part": _told(latest, cell, "list_part", 1),
        "turnover": _told(latest, cell, "list_turnover", 0),
    }


def _group_name(cell: Cell) -> str:
    return f"{KINDS[cell[0]]} {cell[1].replace('_', ' ')}"


def _value(cells: Cells, cell: Cell, measure: str) -> float:
    row = cells.get((*cell, measure))
    return float("nan") if row is None or row["value"] is None else float(row["value"])


def _told(cells: Cells, cell: Cell, measure: str, digits: int) -> str:
    row = cells.get((*cell, measure))
    return NOT_SHOWN if row and row["suppressed"] else _share(_value(cells, cell, measure), digits)


def _count(cells: Cells, cell: Cell, measure: str) -> str:
    people = cells.get((*cell, measure), {}).get("people")
    return NOT_SHOWN if people is None else f"{people:,}"


def _share(value: float, digits: int = 0) -> str:
    return f"{value:.{digits}%}" if pd.notna(value) else NOT_COMPUTED

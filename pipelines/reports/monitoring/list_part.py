"""Scores and lists on the page: the distribution of risks by run, and the share of the list that is new, by deprivation and place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from expectations.sql_values import quote, quote_all
from expectations.tables.monitoring import SCORES
from pipelines.lake.storage import Lake
from pipelines.reports.monitoring.figures import Points, lines_figure, points_figure
from pipelines.reports.numbers import NOT_COMPUTED, NOT_SHOWN
from pipelines.reports.pictures import Picture, picture

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
    """Return the drawings and tables of the published runs, earliest first; None where none is measured."""
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
        "more": _places_not_shown(latest),
        "spread": _spread_picture(named, key),
        "turnover": _turnover_picture(latest, key),
        "new": _share(_value(latest, EVERYONE, "list_turnover")),
    }


def _cells_by_run(lake: Lake, run_ids: Sequence[str]) -> dict[str, Cells]:
    """Return the measures of runs, in their order: of everyone, and for the last measured run of each group."""
    stored = set(lake.partitions(SCORES.name, "run_id"))
    measured = [run_id for run_id in run_ids if run_id in stored]
    if not measured:
        return {}
    where = f"run_id IN ({quote_all(measured)}) AND (group_kind = 'all' OR run_id = {quote(measured[-1])})"
    by_run: dict[str, Cells] = {run_id: {} for run_id in measured}
    for row in lake.read(SCORES.name, where=where, order="group_kind, group_name, measure").to_pylist():
        by_run[row["run_id"]][(row["group_kind"], row["group_name"], row["measure"])] = row
    return {run_id: cells for run_id, cells in by_run.items() if cells}


def _named(days: Mapping[str, str], by_run: Mapping[str, Cells]) -> dict[str, Cells]:
    """Name a run by its index date, with its id where several runs share the date."""
    dates = [days[run_id] for run_id in by_run]
    return {
        days[run_id] if dates.count(days[run_id]) == 1 else f"{days[run_id]} {run_id[:6]}": cells
        for run_id, cells in by_run.items()
    }


def _spread_picture(runs: Mapping[str, Cells], key: str) -> Picture | None:
    lines: dict[str, tuple[list[float], list[float]]] = {}
    for name, cells in list(runs.items())[-RUNS_DRAWN:]:
        deciles = {at: _value(cells, EVERYONE, f"{DECILE}{at}") for at in DECILES}
        shown = {at: value for at, value in deciles.items() if pd.notna(value)}
        if shown:
            lines[name] = ([float(at) for at in shown], list(shown.values()))
    if not lines:
        return None
    runs_as_text = "; ".join(
        f"{name}: half of the people below {_at(line, 50):.1%}, nine in ten below {_at(line, 90):.1%}"
        for name, line in reversed(lines.items())
    )
    figure = lines_figure(lines, "Percentile of the people", "Risk")
    return picture(figure, f"Risk at each decile of the people, a line for each run. {runs_as_text}.", f"spread-{key}")


def _at(line: tuple[list[float], list[float]], percentile: int) -> float:
    return dict(zip(*line, strict=True)).get(percentile, float("nan"))


def _turnover_picture(latest: Cells, key: str) -> Picture | None:
    """Draw, for each quintile and sub-ICB, the share of its listed people who are new and the share of the group that is listed."""
    cells = [
        cell for cell in _groups(latest, ("imd_quintile", "sub_icb_code")) if pd.notna(_value(latest, cell, "list_turnover"))
    ]
    if not cells:
        return None
    names, turnover = [_group_name(cell) for cell in cells], [_value(latest, cell, "list_turnover") for cell in cells]
    everyone, listed = _value(latest, EVERYONE, "list_turnover"), _value(latest, EVERYONE, "listed_share")
    panels = [
        Points("New on the list", turnover, guide=everyone, percent=True),
        Points("Share of the group listed", [_value(latest, cell, "listed_share") for cell in cells], guide=listed, percent=True),
    ]
    shares = "; ".join(f"{name} {value:.0%}" for name, value in zip(names, turnover, strict=True))
    about = (
        "Share of each group's listed people who were not listed before, and share of the group that is listed. The line shows "
        f"everyone ({_share(everyone)} new). New on the list: {shares}."
    )
    return picture(points_figure(names, panels), about, f"turnover-{key}")


def _run_row(name: str, cells: Cells) -> dict[str, str]:
    head = {
        "run": name,
        "people": _count(cells, EVERYONE, "mean_risk"),
        "mean": _percent(cells, EVERYONE, "mean_risk", 1),
        "turnover": _percent(cells, EVERYONE, "list_turnover", 0),
    }
    return head | {band: _percent(cells, EVERYONE, band, 1) for band in _bands(cells)}


def _bands(cells: Cells) -> list[str]:
    """Return the bands in order of size, smallest first."""
    bands = [measure for kind, _, measure in cells if kind == "all" and measure.startswith(BAND)]
    return sorted(bands, key=lambda band: (np.nan_to_num(_value(cells, EVERYONE, band)), band))


def _groups(cells: Cells, kinds: Sequence[str]) -> list[Cell]:
    return sorted({(kind, name) for kind, name, _ in cells if kind in kinds}, key=lambda cell: (kinds.index(cell[0]), cell[1]))


def _ordered(latest: Cells) -> list[Cell]:
    """Return the groups: deprivation and sub-ICBs by name, then the PCNs with the highest turnover."""
    turnover = {cell: np.nan_to_num(_value(latest, cell, "list_turnover"), nan=-1.0) for cell in _groups(latest, ("pcn_code",))}
    pcns = sorted(turnover, key=lambda cell: (-turnover[cell], cell))
    return [*_groups(latest, ("imd_quintile", "sub_icb_code")), *pcns[:MOST_PLACES]]


def _places_not_shown(latest: Cells) -> str:
    more = len(_groups(latest, ("pcn_code",))) - MOST_PLACES
    return f"PCNs with fewer new people: {more}. See the table {SCORES.name}." if more > 0 else ""


def _group_row(cell: Cell, latest: Cells) -> dict[str, str]:
    return {
        "group": _group_name(cell),
        "people": _count(latest, cell, "mean_risk"),
        "mean": _percent(latest, cell, "mean_risk", 1),
        "listed": _percent(latest, cell, "listed_share", 1),
        "part": _percent(latest, cell, "list_part", 1),
        "turnover": _percent(latest, cell, "list_turnover", 0),
    }


def _group_name(cell: Cell) -> str:
    return f"{KINDS[cell[0]]} {cell[1].replace('_', ' ')}"


def _value(cells: Cells, cell: Cell, measure: str) -> float:
    row = cells.get((*cell, measure))
    return float("nan") if row is None or row["value"] is None else float(row["value"])


def _percent(cells: Cells, cell: Cell, measure: str, digits: int) -> str:
    row = cells.get((*cell, measure))
    return NOT_SHOWN if row and row["suppressed"] else _share(_value(cells, cell, measure), digits)


def _count(cells: Cells, cell: Cell, measure: str) -> str:
    people = cells.get((*cell, measure), {}).get("people")
    return NOT_SHOWN if people is None else f"{people:,}"


def _share(value: float, digits: int = 0) -> str:
    return f"{value:.{digits}%}" if pd.notna(value) else NOT_COMPUTED

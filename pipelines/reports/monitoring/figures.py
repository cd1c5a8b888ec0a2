"""The kinds of drawing on the monitoring page, with colours for colour-blind readers, and never colour alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator, PercentFormatter

from models.plots import COLOURS, LINES

WIDTH = 6.5
LINE_HEIGHT = 0.24
GUIDE = "#999999"
MARKS = "osD^vPX"


@dataclass(frozen=True)
class Points:
    """One panel: a value for each name, with confidence limits where they are known, and the line of the expected value."""

    label: str
    values: Sequence[float]
    lower: Sequence[float] = ()
    upper: Sequence[float] = ()
    guide: float | None = None
    percent: bool = False


def months_figure(series: Mapping[str, tuple[Sequence[str], Sequence[float]]]) -> Figure:
    """Draw a small panel of months for each name, from zero; a hidden month (NaN) is a gap."""
    figure, grid = _grid(len(series), columns=3, height=1.45)
    for axes, (name, (months, values)) in zip(grid, series.items(), strict=False):
        axes.plot(range(len(months)), values, color=COLOURS[0], linewidth=1.4, marker="o", markersize=2)
        axes.set_ylim(0, max(1.0, 1.05 * float(np.nanmax([*values, 0.0]))))
        axes.set_title(plain(name), fontsize=9)
        axes.set_xticks([0, len(months) - 1], [months[0], months[-1]])
        axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        axes.yaxis.set_major_formatter(EngFormatter(sep=""))
        axes.tick_params(labelsize=8)
    return figure


def lines_figure(lines: Mapping[str, tuple[Sequence[float], Sequence[float]]], x_label: str, y_label: str) -> Figure:
    """Draw a line of shares for each name, from zero; the last line, the latest, is the thickest."""
    figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
    axes = figure.subplots()
    for number, (name, (x, y)) in enumerate(lines.items()):
        last = number == len(lines) - 1
        colour, line = (COLOURS[0], "-") if last else (COLOURS[(number + 1) % len(COLOURS)], LINES[(number + 1) % len(LINES)])
        axes.plot(x, y, color=colour, linestyle=line, linewidth=2.2 if last else 1.2, label=plain(name), marker=".")
    axes.set_ylim(0, None)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.legend(frameon=False, fontsize=8)
    return figure


def points_figure(names: Sequence[str], panels: Sequence[Points]) -> Figure:
    """Draw values with their limits, a row for each name and a panel for each measure."""
    figure = Figure(figsize=(WIDTH, 0.75 + LINE_HEIGHT * max(len(names), 2)), layout="constrained")
    at = np.arange(len(names))[::-1]
    for number, (axes, panel) in enumerate(zip(_row_of(figure, len(panels)), panels, strict=True)):
        axes.errorbar(panel.values, at, xerr=_gaps(panel), fmt=MARKS[number], color=COLOURS[number], capsize=3, markersize=5)
        axes.set_yticks(at, [plain(name) for name in names], fontsize=8)
        axes.set_ylim(-0.6, len(names) - 0.4)
        axes.set_xlabel(panel.label, fontsize=9)
        axes.tick_params(axis="x", labelsize=8)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        if panel.guide is not None and np.isfinite(panel.guide):
            axes.axvline(panel.guide, color=GUIDE, linewidth=1)
        if panel.percent:
            axes.set_xlim(0, 1.08 * float(np.nanmax([*panel.values, np.nan if panel.guide is None else panel.guide, 0.01])))
            axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure


def times_figure(times: Sequence[str], panels: Sequence[Points]) -> Figure:
    """Draw values with their limits over time, a panel for each measure."""
    figure = Figure(figsize=(WIDTH, 2.6), layout="constrained")
    for number, (axes, panel) in enumerate(zip(_row_of(figure, len(panels), sharey=False), panels, strict=True)):
        at = range(len(times))
        axes.errorbar(at, panel.values, yerr=_gaps(panel), fmt=f"{MARKS[number]}-", color=COLOURS[number], capsize=3, linewidth=1)
        axes.set_xticks(at, times, rotation=0 if len(times) < 4 else 60, fontsize=8)
        axes.set_xlim(-0.5, len(times) - 0.5)
        axes.set_title(panel.label, fontsize=9)
        axes.tick_params(axis="y", labelsize=8)
        if panel.guide is not None:
            axes.axhline(panel.guide, color=GUIDE, linewidth=1)
    return figure


def bars_figure(names: Sequence[str], values: Sequence[float], x_label: str, guides: Mapping[str, float] | None = None) -> Figure:
    """Draw a bar for each name, and a line for each of the named limits in `guides`."""
    figure = Figure(figsize=(WIDTH, 0.75 + LINE_HEIGHT * max(len(names), 2)), layout="constrained")
    axes = figure.subplots()
    at = np.arange(len(names))[::-1]
    axes.barh(at, values, color=COLOURS[0], height=0.65)
    axes.set_yticks(at, [plain(name) for name in names], fontsize=8)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set_xlabel(x_label, fontsize=9)
    axes.tick_params(axis="x", labelsize=8)
    for number, (name, value) in enumerate((guides or {}).items(), start=1):
        axes.axvline(value, color=COLOURS[number], linestyle=LINES[number], linewidth=1.4, label=name)
    if guides:
        axes.legend(frameon=False, fontsize=8, loc="lower right")
    return figure


def shares_figure(
    names: Sequence[str], before: Sequence[float], after: Sequence[float], names_of_both: tuple[str, str]
) -> Figure:
    """Draw two shares of each name, joined by a line."""
    figure = Figure(figsize=(WIDTH, 0.95 + LINE_HEIGHT * max(len(names), 2)), layout="constrained")
    axes = figure.subplots()
    at = np.arange(len(names))[::-1]
    axes.hlines(at, before, after, color=GUIDE, linewidth=2)
    axes.plot(before, at, "o", color=COLOURS[1], markerfacecolor="white", markersize=6, label=names_of_both[0])
    axes.plot(after, at, "D", color=COLOURS[0], markersize=5, label=names_of_both[1])
    axes.set_yticks(at, [plain(name) for name in names], fontsize=8)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set_xlim(-0.02, 1.02)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.tick_params(axis="x", labelsize=8)
    figure.legend(loc="outside upper right", ncols=2, frameon=False, fontsize=8)
    return figure


def plain(name: str) -> str:
    """Escape a name so that the drawing library does not read it as a formula."""
    return name.replace("$", r"\$")


def _gaps(panel: Points) -> np.ndarray | None:
    if not len(panel.lower):
        return None
    values = np.asarray(panel.values, dtype=float)
    return np.nan_to_num(np.stack([values - np.asarray(panel.lower, dtype=float), np.asarray(panel.upper, dtype=float) - values]))


def _grid(count: int, columns: int, height: float) -> tuple[Figure, np.ndarray]:
    rows = -(-max(count, 1) // columns)
    figure = Figure(figsize=(WIDTH, height * rows + 0.1), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[count:]:
        axes.set_axis_off()
    return figure, grid


def _row_of(figure: Figure, count: int, sharey: bool = True) -> Sequence[Axes]:
    return list(np.atleast_1d(figure.subplots(1, max(count, 1), sharey=sharey)))

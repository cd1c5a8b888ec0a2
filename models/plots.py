"""Figures of a model's quality: titled, labelled, in colours that colour-blind readers can distinguish."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from models.calibration_measures import smooth_calibration
from models.capacity import share_name
from models.discrimination import auroc_influence
from models.intervals import wilson
from models.scored_rows import ScoredRows

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")  # Okabe and Ito
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1, 1, 1)), (0, (1, 1)))
MOST_POINTS = 1_000
CALIBRATION_GROUPS = 10
GROUP_LABELS = {
    "imd_quintile": "IMD quintile (1 is most deprived)",
    "imd_decile": "IMD decile (1 is most deprived)",
}


def roc_figure(candidates: Mapping[str, ScoredRows], title: str) -> Figure:
    """Draw sensitivity against the false positive rate, one line per candidate with its AUROC."""
    figure, axes = _figure(title, "False positive rate", "Sensitivity (true positive rate)")
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, label="chance")
    for number, (name, rows) in enumerate(candidates.items()):
        positive, negative = _cumulative(rows)
        label = f"{name} (AUROC {auroc_influence(rows)[0]:.3f})"
        axes.plot(negative / max(negative[-1], 1), positive / max(positive[-1], 1), **_style(number, label))
    return _finished(figure, axes, square=True)


def precision_recall_figure(candidates: Mapping[str, ScoredRows], title: str) -> Figure:
    """Draw positive predictive value against sensitivity from the first event on, one line per candidate, and the base rate."""
    figure, axes = _figure(title, "Sensitivity (recall)", "Positive predictive value (precision)")
    for number, (name, rows) in enumerate(candidates.items()):
        positive, negative = _cumulative(rows)
        with_events = positive > 0
        shares = positive[with_events] / np.maximum(positive[with_events] + negative[with_events], 1)
        axes.plot(positive[with_events] / max(positive[-1], 1), shares, **_style(number, name))
    for rows in list(candidates.values())[:1]:
        axes.axhline(rows.events / max(rows.rows, 1), color="#999999", linewidth=1, label="chance: the base rate")
    axes.set_ylim(0, None)
    return _finished(figure, axes)


def calibration_figure(rows: ScoredRows, title: str) -> Figure:
    """Draw observed against predicted risk in tenths of the rows with 95% limits, the smooth curve, and who has which risk."""
    figure = _titled(title, height=6.5)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
    parts = np.array_split(np.arange(rows.rows), min(CALIBRATION_GROUPS, max(rows.rows, 1)))
    predicted = np.asarray([rows.risk[part].mean() for part in parts])
    observed = [wilson(float(rows.labels[part].sum()), len(part)) for part in parts]
    values = np.asarray([estimate.value for estimate in observed])
    limits = np.asarray([[estimate.value - estimate.lower, estimate.upper - estimate.value] for estimate in observed]).T
    highest = float(max(predicted.max(), values.max())) * 1.15
    top.plot([0, highest], [0, highest], color="#999999", linewidth=1, label="perfect calibration")
    top.errorbar(predicted, values, yerr=limits, fmt="o", color=COLOURS[0], capsize=3, label="tenths of the people, 95% limits")
    _draw_smooth(top, rows)
    top.set_ylabel("Observed share with the outcome")
    top.set_xlim(0, highest)
    top.set_ylim(0, highest)
    top.legend(frameon=False)
    bottom.hist(np.minimum(rows.risk, highest), bins=40, range=(0, highest), color=COLOURS[4])
    bottom.set_xlabel("Predicted risk (the last bar holds all higher ones)")
    bottom.set_ylabel("People")
    return figure


def group_figure(audit: pd.DataFrame, group_kind: str, metrics: Mapping[str, str], title: str) -> Figure:
    """Draw measures of the audit by group with their limits, one panel each (`metrics`: name in the audit to its label)."""
    figure = _titled(title, width=3.2 * max(len(metrics), 1) + 1)
    panels = np.atleast_1d(figure.subplots(1, max(len(metrics), 1)))
    shown = audit[(audit["group_kind"] == group_kind) & (audit["group_name"] != "between_groups")]
    for number, (axes, (metric, label)) in enumerate(zip(panels, metrics.items(), strict=False)):
        rows = shown[(shown["metric"] == metric) & shown["value"].notna()]
        names, values = rows["group_name"].tolist(), rows["value"].to_numpy(dtype=float)
        lower = np.nan_to_num(values - rows["lower"].to_numpy(dtype=float))
        upper = np.nan_to_num(rows["upper"].to_numpy(dtype=float) - values)
        axes.errorbar(range(len(names)), values, yerr=[lower, upper], fmt="o", color=COLOURS[number % len(COLOURS)], capsize=3)
        axes.set_xticks(range(len(names)), names, rotation=0 if max(map(len, names), default=0) < 4 else 60)
        axes.set_xlabel(GROUP_LABELS.get(group_kind, group_kind.replace("_", " ")))
        axes.set_ylabel(label)
        if metric == "observed_over_expected":
            axes.axhline(1.0, color="#999999", linewidth=1)
        elif metric != "auroc":
            axes.set_ylim(0, None)
    return figure


def quintile_figure(audit: pd.DataFrame, share: float, title: str) -> Figure:
    """Draw AUROC, O/E and, in the deciding share of highest risk, sensitivity by quintile of deprivation (1 is most deprived)."""
    metrics = {
        "auroc": "AUROC",
        "observed_over_expected": "Observed over expected",
        f"age_standardised_sensitivity_{share_name(share)}": f"Age-standardised sensitivity (top {share * 100:g}%)",
    }
    return group_figure(audit, "imd_quintile", metrics, title)


def net_benefit_figure(curves: Mapping[str, pd.DataFrame], title: str) -> Figure:
    """Draw net benefit against the risk from which a person is listed (see `capacity.decision_curve`), one line per candidate."""
    figure, axes = _figure(title, "Risk from which a person is listed", "Net benefit per person")
    for number, (name, curve) in enumerate(curves.items()):
        axes.plot(curve["threshold"], curve["net_benefit"], **_style(number, name))
    for curve in list(curves.values())[:1]:
        axes.plot(curve["threshold"], curve["treat_all"], color="#999999", linewidth=1, label="list everyone")
        axes.axhline(0, color="#444444", linewidth=1, linestyle=":", label="list no one")
        highest = max(curve["net_benefit"].max(), curve["treat_all"].max(), 0.001)
        axes.set_ylim(-0.15 * highest, 1.1 * highest)
    return _finished(figure, axes)


def importance_figure(table: pd.DataFrame, title: str) -> Figure:
    """Draw the AUROC lost by shuffling each concept with its limits (see `importance.permutation_importance`)."""
    figure = _titled(title, height=1.2 + 0.3 * max(len(table), 3))
    axes = figure.subplots()
    at = np.arange(len(table))[::-1]
    gaps = [table["auroc_lost"] - table["lower"], table["upper"] - table["auroc_lost"]]
    axes.errorbar(table["auroc_lost"], at, xerr=gaps, fmt="o", color=COLOURS[0], capsize=3)
    axes.axvline(0, color="#999999", linewidth=1)
    axes.set_yticks(at, table["concept"])
    axes.set_xlabel("AUROC lost when shuffled, with 95% limits over shuffles")
    return figure


def partial_dependence_figure(curves: pd.DataFrame, names: Mapping[str, str], title: str) -> Figure:
    """Draw mean risk against the value of each predictor with limits (see `importance.partial_dependence`)."""
    shown = list(dict.fromkeys(curves["predictor"]))
    figure = _titled(title, height=2.6 * -(-max(len(shown), 1) // 2))
    axes = figure.subplots(-(-max(len(shown), 1) // 2), 2, sharey=True, squeeze=False).ravel()
    for place, name in zip(axes, shown, strict=False):
        curve = curves[curves["predictor"] == name]
        place.fill_between(curve["value"], curve["lower"], curve["upper"], color=COLOURS[4], alpha=0.4, linewidth=0)
        place.plot(curve["value"], curve["mean_risk"], color=COLOURS[0], marker="o", markersize=3)
        place.set_xlabel(names.get(name, name), fontsize=8)
        place.set_ylim(0, None)
    for place in axes[len(shown) :]:
        place.set_axis_off()
    figure.supylabel("Mean risk", fontsize=9)
    return figure


def _draw_smooth(axes: Axes, rows: ScoredRows) -> None:
    smooth = smooth_calibration(rows)
    if smooth is not None:
        at = _thin(len(smooth.predicted))
        axes.plot(smooth.predicted[at], smooth.observed[at], color=COLOURS[1], label="smoothed (logistic spline)")


def _cumulative(rows: ScoredRows) -> tuple[np.ndarray, np.ndarray]:
    """Return events and non-events at each distinct risk, from none on, thinned for drawing."""
    ends = np.append(rows.tie_starts[1:], rows.rows) - 1
    positive, negative = np.cumsum(rows.labels)[ends], np.cumsum(1 - rows.labels)[ends]
    at = _thin(len(ends))
    return np.concatenate([[0.0], positive[at]]), np.concatenate([[0.0], negative[at]])


def _thin(count: int) -> np.ndarray:
    return np.unique(np.linspace(0, count - 1, min(count, MOST_POINTS)).astype(np.intp))


def _style(number: int, name: str) -> dict[str, Any]:
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": LINES[number % len(LINES)], "label": name.replace("_", " ")}


def _titled(title: str, width: float = 6.5, height: float = 5.0) -> Figure:
    figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    return figure


def _figure(title: str, x_label: str, y_label: str) -> tuple[Figure, Axes]:
    figure = _titled(title)
    figure.set_layout_engine("none")  # computing the room for labels costs as much as drawing, and here it is fixed
    axes = figure.subplots(gridspec_kw={"left": 0.12, "right": 0.97, "bottom": 0.11, "top": 0.91})
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    return figure, axes


def _finished(figure: Figure, axes: Axes, square: bool = False) -> Figure:
    if square:
        axes.set_aspect("equal")
    axes.legend(frameon=False)
    return figure

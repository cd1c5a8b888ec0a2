"""The drawings of the report, each with its description."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from models.candidates import BASELINE
from models.capacity import decision_curve
from models.importance import partial_dependence
from models.intervals import Estimate
from models.plots import (
    calibration_figure,
    group_figure,
    importance_figure,
    net_benefit_figure,
    partial_dependence_figure,
    precision_recall_figure,
    roc_figure,
)
from pipelines.reports.model.reported import ReportedCandidate
from pipelines.reports.numbers import with_limits
from pipelines.reports.pictures import Picture, picture

THRESHOLDS = tuple(np.round(np.arange(0.01, 0.51, 0.01), 2))
CURVES = 4


def pictures(
    report: ReportedCandidate, importance: pd.DataFrame, estimates: Mapping[str, Estimate], audit: pd.DataFrame
) -> dict[str, Picture]:
    """Draw the figures of the page; `estimates` and `audit` are the measures under disclosure control."""
    ranked, rows = report.ranked, report.ranked[report.candidate.name]
    curves = {name: decision_curve(of, THRESHOLDS) for name, of in ranked.items() if name in (report.candidate.name, BASELINE)}
    drawn = {
        "roc": picture(
            roc_figure(ranked, "ROC: candidates on the same rows"),
            "Sensitivity against the false positive rate, a line for each candidate. "
            f"The area under the line of this candidate is {with_limits(estimates['auroc'])}.", "roc",
        ),
        "precision": picture(
            precision_recall_figure(ranked, "Precision and recall"),
            "Share of listed people who have the outcome, against the share of outcomes found. "
            f"The average precision is {with_limits(estimates['average_precision'])}.", "pr",
        ),
        "calibration": picture(
            calibration_figure(rows, "Calibration"),
            f"Observed against predicted risk, in tenths of the people. The slope is {with_limits(estimates['calibration_slope'])}, and observed over "
            f"expected is {with_limits(estimates['observed_over_expected'])}. Below, the number of people by risk.", "cal",
        ),
        "decision": picture(
            net_benefit_figure(curves, "Decision curve"),
            "Net benefit against the risk from which a person is listed. The section on capacity has a table for some of these risks.", "net",
        ),
    }  # fmt: skip
    if len(importance):
        drawn["importance"] = picture(
            importance_figure(importance, "What the model uses"),
            "AUROC lost when the values of each concept are shuffled among people. The table below has the numbers.", "imp",
        )  # fmt: skip
        drawn |= _dependence(report, importance)
    if (audit["group_kind"] == "imd_quintile").any():
        metrics = {"observed_over_expected": "Observed over expected", "auroc": "AUROC"}
        drawn["quintiles"] = picture(
            group_figure(audit, "imd_quintile", metrics, "By deprivation quintile"),
            "Observed over expected and AUROC in each deprivation quintile, with 95% limits. The numbers are in the table.", "imd",
        )  # fmt: skip
    return drawn


def _dependence(report: ReportedCandidate, importance: pd.DataFrame) -> dict[str, Picture]:
    candidate, rows = report.candidate, report.result.test.rows
    names = {predictor.name: predictor.plain_name for predictor in candidate.model.predictors}
    leading = list(importance["predictor"])[: 2 * CURVES]
    curves = partial_dependence(candidate.model, rows.frame, leading, report.study.seed, rows.codes)
    first = list(dict.fromkeys(curves["predictor"]))[:CURVES]
    curves = curves[curves["predictor"].isin(first)]
    if curves.empty:
        return {}
    ends = curves.groupby("predictor", sort=False)["mean_risk"].agg(["first", "last"])
    changes = "; ".join(f"{names[str(name)]}: from {row['first']:.1%} to {row['last']:.1%}" for name, row in ends.iterrows())
    return {
        "dependence": picture(
            partial_dependence_figure(curves, names, "How risk follows a predictor"),
            f"Mean risk if everyone had the same value, from the lowest to the highest value. {changes}.", "pd",
        )
    }  # fmt: skip

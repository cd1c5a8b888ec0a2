"""The figures of the report, each with its words."""

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
from models.scored_rows import ScoredRows
from pipelines.reports.pictures import Picture, picture
from pipelines.reports.words import with_limits
from pipelines.study.settings import StudySettings
from pipelines.training.judging import JudgedCandidate, StudyResult

THRESHOLDS = tuple(np.round(np.arange(0.01, 0.51, 0.01), 2))
CURVES = 4


def pictures(
    study: StudySettings,
    result: StudyResult,
    candidate: JudgedCandidate,
    ranked: Mapping[str, ScoredRows],
    importance: pd.DataFrame,
    told: Mapping[str, Estimate],
    audit: pd.DataFrame,
) -> dict[str, Picture]:
    """Draw the figures of the page, each with its words: `told` and `audit` are the measures as they may leave."""
    rows = ranked[candidate.name]
    curves = {name: decision_curve(of, THRESHOLDS) for name, of in ranked.items() if name in (candidate.name, BASELINE)}
    drawn = {
        "roc": picture(
            roc_figure(ranked, "ROC: candidates on the same rows"),
            f"Sensitivity against false positives, a line for each candidate; the area under this one's is {with_limits(told['auroc'])}.", "roc",
        ),
        "precision": picture(
            precision_recall_figure(ranked, "Precision and recall"),
            f"Share of the listed who have the outcome against the share of outcomes found; average precision {with_limits(told['average_precision'])}.",
            "pr",
        ),
        "calibration": picture(
            calibration_figure(rows, "Calibration"),
            f"Observed against predicted risk in tenths of the people; slope {with_limits(told['calibration_slope'])}, observed over expected "
            f"{with_limits(told['observed_over_expected'])}. Below, how many people have which risk.", "cal",
        ),
        "decision": picture(
            net_benefit_figure(curves, "Decision curve"),
            "Net benefit against the risk from which a person is listed; the table below gives it at some thresholds.", "net",
        ),
    }  # fmt: skip
    if len(importance):
        drawn["importance"] = picture(
            importance_figure(importance, "What the model leans on"),
            "AUROC lost when each concept is shuffled among people; the table below holds the numbers.", "imp",
        )  # fmt: skip
        drawn |= _dependence(study, result, candidate, importance)
    if (audit["group_kind"] == "imd_quintile").any():
        metrics = {"observed_over_expected": "Observed over expected", "auroc": "AUROC"}
        drawn["quintiles"] = picture(
            group_figure(audit, "imd_quintile", metrics, "By deprivation quintile"),
            "Observed over expected and AUROC in each deprivation quintile with 95% limits; the numbers are in the table.", "imd",
        )  # fmt: skip
    return drawn


def _dependence(
    study: StudySettings, result: StudyResult, candidate: JudgedCandidate, importance: pd.DataFrame
) -> dict[str, Picture]:
    names = {predictor.name: predictor.plain_name for predictor in candidate.model.predictors}
    leading, rows = list(importance["predictor"])[: 2 * CURVES], result.test.rows
    curves = partial_dependence(candidate.model, rows.frame, leading, study.seed, rows.codes)
    first = list(dict.fromkeys(curves["predictor"]))[:CURVES]
    curves = curves[curves["predictor"].isin(first)]
    if curves.empty:
        return {}
    ends = curves.groupby("predictor", sort=False)["mean_risk"].agg(["first", "last"])
    words = "; ".join(f"{names[str(name)]}: from {row['first']:.3f} to {row['last']:.3f}" for name, row in ends.iterrows())
    return {
        "dependence": picture(
            partial_dependence_figure(curves, names, "How risk follows a predictor"),
            f"Mean risk when everyone has the same value, lowest to highest value. {words}.", "pd",
        )
    }  # fmt: skip

"""The content of one candidate's report, as plain data: every number comes from the evaluated study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from models.capacity import decision_curve, share_name, team_size_name
from models.disclosure_control import any_small, rounded, safe_audit, safe_estimates, shown_share
from models.evaluation import Evaluation
from models.gates import lines_of
from models.importance import permutation_importance
from models.intervals import Estimate
from models.sample_size import sample_size
from models.scored_rows import ScoredRows
from pipelines.reports.labels import label
from pipelines.reports.model.drawn import pictures
from pipelines.reports.model.group_tables import characteristics, gaps, groups, with_and_without
from pipelines.reports.model.reported import ReportedCandidate
from pipelines.reports.model.tripod import ITEMS, SECTIONS, ReportingItem
from pipelines.reports.numbers import NOT_COMPUTED, NOT_SHOWN, Rows, measured, measures, shown, with_limits
from pipelines.study.opt_out_rules import sentence_on_training
from pipelines.study.settings import StudySettings
from pipelines.training.judging import JudgedCandidate, StudyResult

MEASURES = {
    "auroc": "AUROC", "average_precision": "Average precision", "brier": "Brier score", "scaled_brier": "Scaled Brier score",
    "calibration_in_the_large": "Calibration in the large (0 is perfect)", "calibration_slope": "Calibration slope (1 is perfect)",
    "observed_over_expected": "Observed over expected events (1 is perfect)", "ici": "Mean calibration error (ICI)",
    "e50": "Median calibration error (E50)", "e90": "Calibration error of 9 in 10 people (E90)",
    "base_rate": "Share with the outcome", "mean_risk": "Mean risk",
}  # fmt: skip
AT_CAPACITY = ("ppv", "sensitivity", "lift", "number_needed_to_evaluate")
SHOWN_THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)


def report_content(report: ReportedCandidate) -> dict[str, Any]:
    """Return everything that the page of one candidate shows."""
    study, result, candidate = report.study, report.result, report.candidate
    test = result.test
    importance = permutation_importance(candidate.model, test.rows.frame, test.labels, study.seed, test.rows.codes)
    safe, audit = _safe(candidate.evaluation), safe_audit(candidate.audit)
    return {
        "study": study,
        "made": report.made,
        "opt_outs": sentence_on_training(report.made.opt_out_rule),
        "rows": {
            "train": shown(result.train_rows),
            "train_events": shown(result.train_events),
            "test": shown(len(test.labels)),
        },
        "candidate": candidate,
        "status": report.status[candidate.name],
        "outcome": label(study.outcome.name, sentence=False),
        "name": label(candidate.name),
        "chosen": label(result.chosen.name) if result.chosen else "none",
        "record": candidate.model.record,
        "result": result,
        "headline": headline(candidate, safe, study),
        "flow": [{"reason": reason, "people": shown(people)} for reason, people in report.flow],
        "characteristics": characteristics(test.rows.frame, test.labels),
        "compared": compared_candidates(result, report.status),
        "performance": measures(safe, MEASURES),
        "new_people": measures(_safe(candidate.new_people), MEASURES) if candidate.new_people else [],
        "elsewhere": rows_elsewhere(result.elsewhere_of(candidate)),
        "capacity": capacity(safe, study),
        "decision": decision(report.ranked[candidate.name]),
        "groups": groups(audit, study),
        "gaps": gaps(audit, study),
        "deprivation": with_and_without(result),
        "importance": [_importance_row(row) for row in importance.to_dict("records")],
        "gates": lines_of(candidate.gates),
        "size": size(candidate),
        "pictures": pictures(report, importance, safe, audit),
        "items": ITEMS,
        "sections": SECTIONS,
        "missing_items": sum(_is_missing(item) for item in ITEMS),
    }


def _importance_row(row: Mapping[Any, Any]) -> dict[str, str]:
    lost = f"{row['auroc_lost']:.4f} ({row['lower']:.4f} to {row['upper']:.4f})"
    return {"concept": row["concept"], "auroc_lost": lost, "predictor": row["predictor"]}


def _safe(evaluation: Evaluation) -> dict[str, Estimate]:
    return safe_estimates(evaluation.measures, evaluation.people, evaluation.events)


def size(candidate: JudgedCandidate) -> str:
    """Return whether the training rows were enough, from rounded counts."""
    people, events = (rounded(candidate.model.record[name]) for name in ("people", "events"))
    if not 0 < events < people:
        return (
            f"No sample size can be computed from {shown(candidate.model.record['events'])} events among {shown(people)} people."
        )
    return sample_size(len(candidate.model.predictors), people, events).describe(candidate.method)


def headline(candidate: JudgedCandidate, estimates: Mapping[str, Estimate], study: StudySettings) -> list[tuple[str, str]]:
    """Return the figures that the reader needs first."""
    at = share_name(study.capacity.deciding_share)
    top = f"{study.capacity.deciding_share:.0%}"
    return [
        ("AUROC", with_limits(estimates["auroc"])),
        ("Calibration slope", with_limits(estimates["calibration_slope"])),
        ("Observed over expected", with_limits(estimates["observed_over_expected"])),
        (f"Of the top {top}, people with the outcome (PPV)", measured("ppv", estimates[f"ppv_{at}"])),
        (f"Of all outcomes, found in the top {top}", measured("sensitivity", estimates[f"sensitivity_{at}"])),
        ("Outcomes in the test set", shown(candidate.evaluation.events)),
    ]


def compared_candidates(result: StudyResult, status: Mapping[str, str]) -> Rows:
    """Return the candidates with their main measures."""
    names = ("auroc", "average_precision", "brier", "calibration_slope", "observed_over_expected")
    return [
        {
            "candidate": label(candidate.name),
            **{name: with_limits(safe[name]) for name in names},
            "status": status[candidate.name],
        }
        for candidate, safe in ((candidate, _safe(candidate.evaluation)) for candidate in result.candidates)
    ]


def rows_elsewhere(rows: pd.DataFrame) -> Rows:
    """Return the recipe's tests in places that no training row came from and on earlier dates, one row each."""
    names = ("auroc", "calibration_slope", "observed_over_expected")
    tests: dict[str, dict[str, str]] = {}
    for row in rows.to_dict("records"):
        kind, _, name = str(row["split"]).partition(":")
        title = f"{name}, trained without it" if kind == "place" else f"{name}, trained on the dates before it"
        tests.setdefault(title, {"test": title, **dict.fromkeys(names, NOT_COMPUTED)})
        if row["metric"] in names:
            tests[title][row["metric"]] = with_limits(Estimate(row["value"], row["lower"], row["upper"]))
    return list(tests.values())


def capacity(estimates: Mapping[str, Estimate], study: StudySettings) -> list[dict[str, object]]:
    """Return the measures of a list of each size."""
    size = study.capacity.team_size
    lists = [(f"{share:.1%}", share_name(share)) for share in study.capacity.shares]
    lists.append((f"{size} in each {study.capacity.team.removesuffix('_code').replace('_', ' ')}", team_size_name(size)))
    return [
        {"share": title, **{name: measured(name, estimates[f"{name}_{at}"]) for name in AT_CAPACITY}}
        for title, at in lists
        if f"ppv_{at}" in estimates
    ]


def decision(rows: ScoredRows) -> Rows:
    """Return net benefit at some thresholds, from counts under disclosure control."""
    curve, events = decision_curve(rows, SHOWN_THRESHOLDS), shown_share(rows.events, rows.rows)
    rows_shown = []
    for row in curve.to_dict("records"):
        odds = row["threshold"] / (1 - row["threshold"])
        listed = round(row["treated_share"] * rows.rows)
        with_outcome = round((row["net_benefit"] * rows.rows + listed * odds) / (1 + odds))
        few = any_small((listed, with_outcome, listed - with_outcome, rows.rows - listed))
        share, benefit = shown_share(listed, rows.rows), shown_share(with_outcome, rows.rows)
        rows_shown.append(
            {
                "threshold": f"{row['threshold']:.0%}", "listed": NOT_SHOWN if few else f"{share:.1%}",
                "model": NOT_SHOWN if few else f"{benefit - (share - benefit) * odds:.4f}", "everyone": f"{events - (1 - events) * odds:.4f}",
            }
        )  # fmt: skip
    return rows_shown


def _is_missing(item: ReportingItem) -> bool:
    return item.note.startswith("missing")

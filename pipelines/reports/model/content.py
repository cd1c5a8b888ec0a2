"""What the report of one candidate says, as plain data: every number comes from the judged study, none is worked out anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from models.capacity import decision_curve, share_name, team_size_name
from models.disclosure_control import any_small, rounded, safe_audit, safe_estimates, shown_share
from models.evaluation import Evaluation
from models.gates import lines_of
from models.importance import permutation_importance
from models.intervals import Estimate
from models.sample_size import sample_size
from models.scored_rows import ScoredRows
from pipelines.reports.model.drawn import pictures
from pipelines.reports.model.group_tables import characteristics, gaps, groups, with_and_without
from pipelines.reports.model.tripod import ITEMS, ReportingItem
from pipelines.reports.words import NOT_COMPUTED, NOT_SHOWN, Rows, measures, shown, with_limits
from pipelines.study.settings import StudySettings
from pipelines.training.inputs import TrainingInputs
from pipelines.training.judging import JudgedCandidate, StudyResult

MEASURES = {
    "auroc": "AUROC", "average_precision": "Average precision", "brier": "Brier score", "scaled_brier": "Scaled Brier score",
    "calibration_in_the_large": "Calibration in the large (0 is right)", "calibration_slope": "Calibration slope (1 is right)",
    "observed_over_expected": "Observed over expected events (1 is right)", "ici": "Mean calibration error (ICI)",
    "e50": "Median calibration error (E50)", "e90": "Calibration error of 9 in 10 people (E90)",
    "base_rate": "Share with the outcome", "mean_risk": "Mean risk",
}  # fmt: skip
AT_CAPACITY = {
    "ppv": "Share of those listed who have the outcome (PPV)",
    "sensitivity": "Share of the outcomes that are found",
    "lift": "Lift over listing at random",
    "number_needed_to_evaluate": "People to review for each outcome",
}
SHOWN_THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)


def report_content(
    study: StudySettings,
    result: StudyResult,
    candidate: JudgedCandidate,
    ranked: Mapping[str, ScoredRows],
    status: Mapping[str, str],
    made: TrainingInputs,
    flow: Sequence[tuple[str, int]],
) -> dict[str, object]:
    """Give everything the page shows of one candidate."""
    frame, codes = result.test.rows.frame, result.test.rows.codes
    importance = permutation_importance(candidate.model, frame, result.test.labels, study.seed, codes)
    safe, audit = _safe(candidate.evaluation), safe_audit(candidate.audit)
    return {
        "study": study,
        "made": made,
        "rows": {
            "train": shown(result.train_rows),
            "train_events": shown(result.train_events),
            "test": shown(len(result.test.labels)),
        },
        "candidate": candidate,
        "status": status[candidate.name],
        "name": candidate.name.replace("_", " "),
        "chosen": result.chosen.name.replace("_", " ") if result.chosen else "none",
        "record": candidate.model.record,
        "result": result,
        "headline": headline(candidate, safe, study),
        "flow": [{"reason": reason, "people": shown(people)} for reason, people in flow],
        "characteristics": characteristics(frame, result.test.labels),
        "compared": compared(result, status),
        "performance": measures(safe, MEASURES),
        "new_people": measures(_safe(candidate.new_people), MEASURES) if candidate.new_people else [],
        "elsewhere": elsewhere(result.elsewhere_of(candidate)),
        "capacity": capacity(safe, study),
        "decision": decision(ranked[candidate.name]),
        "groups": groups(audit, study),
        "gaps": gaps(audit),
        "deprivation": with_and_without(result),
        "importance": importance.to_dict("records"),
        "gates": lines_of(candidate.gates),
        "size": size(candidate),
        "pictures": pictures(study, result, candidate, ranked, importance, safe, audit),
        "items": ITEMS,
        "missing_items": sum(_is_missing(item) for item in ITEMS),
    }


def _safe(evaluation: Evaluation) -> dict[str, Estimate]:
    return safe_estimates(evaluation.measures, evaluation.people, evaluation.events)


def size(candidate: JudgedCandidate) -> str:
    """Return whether the training rows were enough, from rounded counts."""
    people, events = (rounded(candidate.model.record[name]) for name in ("people", "events"))
    if not 0 < events < people:
        return f"{shown(candidate.model.record['events'])} events among {shown(people)} people allow no sample size."
    return sample_size(len(candidate.model.predictors), people, events).describe(candidate.method)


def headline(candidate: JudgedCandidate, told: Mapping[str, Estimate], study: StudySettings) -> list[tuple[str, str]]:
    """Give the figures a reader wants first."""
    at = share_name(study.capacity.deciding_share)
    top = f"{study.capacity.deciding_share:.0%}"
    return [
        ("AUROC", with_limits(told["auroc"])),
        ("Calibration slope", with_limits(told["calibration_slope"])),
        ("Observed over expected", with_limits(told["observed_over_expected"])),
        (f"PPV in the top {top}", with_limits(told[f"ppv_{at}"])),
        (f"Outcomes found in the top {top}", with_limits(told[f"sensitivity_{at}"])),
        ("Outcomes among those judged", shown(candidate.evaluation.events)),
    ]


def compared(result: StudyResult, status: Mapping[str, str]) -> Rows:
    """Give the candidates side by side."""
    names = ("auroc", "average_precision", "brier", "calibration_slope", "observed_over_expected")
    return [
        {
            "candidate": candidate.name.replace("_", " "),
            **{name: with_limits(safe[name]) for name in names},
            "status": status[candidate.name],
        }
        for candidate, safe in ((candidate, _safe(candidate.evaluation)) for candidate in result.candidates)
    ]


def elsewhere(rows: pd.DataFrame) -> Rows:
    """Give the recipe's tests in places that were left out and on earlier dates, one row each."""
    names = ("auroc", "calibration_slope", "observed_over_expected")
    told: dict[str, dict[str, str]] = {}
    for row in rows.to_dict("records"):
        kind, _, name = str(row["split"]).partition(":")
        words = f"{name} left out" if kind == "place" else f"{name}, by the dates before"
        told.setdefault(words, {"test": words, **dict.fromkeys(names, NOT_COMPUTED)})
        if row["metric"] in names:
            told[words][row["metric"]] = with_limits(Estimate(row["value"], row["lower"], row["upper"]))
    return list(told.values())


def capacity(told: Mapping[str, Estimate], study: StudySettings) -> list[dict[str, object]]:
    """Give what each share of the list finds."""
    size = study.capacity.team_size
    lists = [(f"{share:.1%}", share_name(share)) for share in study.capacity.shares]
    lists.append((f"{size} in each {study.capacity.team.removesuffix('_code').replace('_', ' ')}", team_size_name(size)))
    return [
        {"share": words, **{name: with_limits(told[f"{name}_{named}"]) for name in AT_CAPACITY}}
        for words, named in lists
        if f"ppv_{named}" in told
    ]


def decision(rows: ScoredRows) -> Rows:
    """Return net benefit at some thresholds, from counts as they may be shown."""
    curve, events = decision_curve(rows, SHOWN_THRESHOLDS), shown_share(rows.events, rows.rows)
    found = []
    for row in curve.to_dict("records"):
        odds = row["threshold"] / (1 - row["threshold"])
        listed = round(row["treated_share"] * rows.rows)
        with_outcome = round((row["net_benefit"] * rows.rows + listed * odds) / (1 + odds))
        few = any_small((listed, with_outcome, listed - with_outcome, rows.rows - listed))
        share, benefit = shown_share(listed, rows.rows), shown_share(with_outcome, rows.rows)
        found.append(
            {
                "threshold": f"{row['threshold']:.0%}", "listed": NOT_SHOWN if few else f"{share:.1%}",
                "model": NOT_SHOWN if few else f"{benefit - (share - benefit) * odds:.4f}", "everyone": f"{events - (1 - events) * odds:.4f}",
            }
        )  # fmt: skip
    return found


def _is_missing(item: ReportingItem) -> bool:
    return item.note.startswith("missing")

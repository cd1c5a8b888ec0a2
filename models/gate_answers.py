"""The functions that answer gates: from intervals against limits, from single figures, and from the answers of the model in use."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from models.discrimination import auroc_gain, discrimination
from models.gate_declaration import ANSWERS, Answer, Evidence, GateResult
from models.gate_intervals import IntervalCheck
from models.intervals import Estimate
from models.scored_rows import scored_rows

ONE_OUTCOME = "the rows hold only one outcome"
WORST_FIRST: tuple[Answer, ...] = ("fail", "cannot_tell", "pass")


def from_intervals(gate: str, checks: Sequence[IntervalCheck], failures: set[int]) -> GateResult:
    """Answer a gate from its intervals; `failures` are the ids of those that lie outside their limits (see `holm_failures`)."""
    details = tuple(check.to_dict(id(check) in failures) for check in checks)
    failed = [check for check in checks if id(check) in failures]
    undecided = [check for check in checks if id(check) not in failures and not check.inside]
    if not checks:
        reason = "the rows do not hold the groups or age bands that this gate compares, or only one group"
        return GateResult(gate, "cannot_tell", reason)
    if failed:
        return GateResult(gate, "fail", _reasons(failed, "lies outside"), details)
    if undecided:
        return GateResult(gate, "cannot_tell", _reasons(undecided, "is not wholly inside"), details)
    return GateResult(gate, "pass", _reasons(checks, "lies inside"), details)


def better_than_baseline(gate: str, evidence: Evidence) -> GateResult:
    """Answer whether the model discriminates better than age and sex alone, by the interval of the gain in AUROC."""
    judged, limit = evidence.judged, evidence.settings.minimum_gain
    if judged.baseline_risk is None:
        none = "there is no candidate of age and sex alone to compare with, so the gain over them is not known"
        return GateResult(
            gate, "cannot_tell", none if judged.no_baseline else "this candidate is the age and sex baseline itself"
        )
    if not 0 < evidence.rows.events < evidence.rows.rows:
        return GateResult(gate, "cannot_tell", ONE_OUTCOME)
    gain = auroc_gain(evidence.rows, scored_rows(judged.baseline_risk, judged.labels, judged.person, judged.keys))
    reason = f"AUROC is {gain.value:+.3f} ({gain.lower:+.3f} to {gain.upper:+.3f}) against age and sex alone, above {limit:g} is needed"
    answer: Answer = "pass" if gain.lower > limit else "fail" if gain.upper < limit else "cannot_tell"
    return GateResult(gate, answer, reason, ({"value": gain.value, "lower": gain.lower, "upper": gain.upper},))


def no_single_feature(gate: str, evidence: Evidence) -> GateResult:
    """Answer whether a single feature discriminates so well that it must be the outcome or a copy of it."""
    features, limit = evidence.single_features, evidence.settings.single_feature_auroc
    if not features:
        return GateResult(gate, "cannot_tell", "the training rows hold only one outcome")
    is_sure = {name: auroc.lower > limit or auroc.value == 1.0 for name, auroc in features.items()}
    leaks = [name for name, auroc in features.items() if is_sure[name] or auroc.value > limit]
    leaks.sort(key=is_sure.__getitem__, reverse=True)
    if leaks:
        reason = "; ".join(_leak(name, features[name], limit) for name in leaks)
        return GateResult(gate, "fail" if is_sure[leaks[0]] else "cannot_tell", reason)
    name = max(features, key=lambda name: features[name].value)
    reason = f"the strongest single feature, {name}, has an AUROC of {features[name].value:.3f}; the limit is {limit:g}"
    return GateResult(gate, "pass", reason)


def auroc_alarm(gate: str, evidence: Evidence) -> GateResult:
    """Answer whether the model discriminates so well that it has probably seen the outcome."""
    limit = evidence.settings.auroc_alarm
    auroc = discrimination(evidence.rows, evidence.seed, analytic=True).auroc
    if not np.isfinite(auroc.value):
        return GateResult(gate, "cannot_tell", f"AUROC cannot be computed: {ONE_OUTCOME}")
    reason = (
        f"AUROC is {auroc.value:.3f} ({auroc.lower:.3f} to {auroc.upper:.3f}); above {limit:g} it is a leak until shown otherwise"
    )
    answer: Answer = "fail" if auroc.lower > limit else "cannot_tell" if auroc.value > limit else "pass"
    return GateResult(gate, answer, reason)


def enough_events(gate: str, evidence: Evidence) -> GateResult:
    """Answer whether enough outcome events trained the model and test it."""
    needed, tested = evidence.minimum_training_events, evidence.settings.minimum_events
    reason = (
        f"{evidence.training_events} outcome events trained the model ({needed} are needed) and {evidence.rows.events} test it "
        f"({tested} are needed)"
    )
    enough = evidence.training_events >= needed and evidence.rows.events >= tested
    return GateResult(gate, "pass" if enough else "cannot_tell", reason)


def no_worse(
    gate: str, challenger: Sequence[GateResult], incumbent: Sequence[GateResult], label_of: Callable[[str], str]
) -> GateResult:
    """Answer whether a challenger is worse on any gate than the model in use, which faced the same gates on the same rows.

    A gate that it fails and the model in use does not is a failure. One that it no longer passes needs an approver's decision.
    """
    before = {result.gate: result.answer for result in incumbent}
    changed = [(result, before[result.gate]) for result in challenger if result.gate in before]
    if not changed:
        return GateResult(gate, "cannot_tell", "the model in use faced none of these gates")
    worse = [result for result, old in changed if WORST_FIRST.index(result.answer) < WORST_FIRST.index(old)]
    worse.sort(key=lambda result: WORST_FIRST.index(result.answer))
    if worse:
        reason = "; ".join(
            f"{label_of(result.gate)}: {ANSWERS[before[result.gate]]} before, now {ANSWERS[result.answer]}" for result in worse
        )
        return GateResult(gate, worse[0].answer, reason)
    return GateResult(gate, "pass", f"it is worse than the model in use on none of {len(changed)} gates")


def _reasons(checks: Sequence[IntervalCheck], verdict: str) -> str:
    return "; ".join(check.text(verdict) for check in checks)


def _leak(name: str, auroc: Estimate, limit: float) -> str:
    if auroc.value == 1.0:
        return f"{name} alone predicts the outcome perfectly: it is the outcome, or a copy of it"
    return f"{name} alone has an AUROC of {auroc.value:.3f} ({auroc.lower:.3f} to {auroc.upper:.3f}), above {limit:g}: a leak until shown otherwise"

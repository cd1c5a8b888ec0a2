"""Whether a model may be used: each gate answers pass, fail or cannot_tell from an interval, with a reason in words.

Gates are noisy, so a model fails only where an interval, adjusted by Holm over every interval that is judged, lies
wholly outside the limits, and passes only where the 95% interval lies inside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from models.blas import one_blas_thread
from models.discrimination import auroc_gain, discrimination
from models.gate_checks import interval_checks
from models.gate_intervals import IntervalCheck, holm_failures
from models.intervals import Estimate
from models.scored_rows import ScoredRows, scored_rows
from models.settings import CapacitySettings, GateSettings

Answer = Literal["pass", "fail", "cannot_tell"]


@dataclass(frozen=True)
class GateResult:
    """One gate's answer with its reason in words, and the numbers it rests on."""

    gate: str
    answer: Answer
    reason: str
    details: tuple[Mapping[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give the result as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class JudgedRows:
    """The rows that decide: risks of the candidate and of the baseline, labels, people and groups, in one order.

    `groups` holds the group kinds as columns and `age_band` where sensitivity is to be judged; `baseline_risk` is None
    for the baseline itself and where there is none (`no_baseline`); `needs` (see models.need_within_score) is None where nothing is known of them.
    """

    risk: np.ndarray
    baseline_risk: np.ndarray | None
    labels: np.ndarray
    person: np.ndarray
    groups: pd.DataFrame
    keys: np.ndarray | None = None
    needs: pd.DataFrame | None = None
    no_baseline: bool = False


def judge(
    judged: JudgedRows,
    single_features: Mapping[str, Estimate],
    training_events: int,
    minimum_training_events: int,
    settings: GateSettings,
    capacity: CapacitySettings,
    seed: int,
) -> tuple[GateResult, ...]:
    """Answer every gate for one candidate (`single_features`: see models.leaks)."""
    with one_blas_thread():
        return _judge(judged, single_features, training_events, minimum_training_events, settings, capacity, seed)


def _judge(
    judged: JudgedRows,
    single_features: Mapping[str, Estimate],
    training_events: int,
    minimum_training_events: int,
    settings: GateSettings,
    capacity: CapacitySettings,
    seed: int,
) -> tuple[GateResult, ...]:
    rows = scored_rows(judged.risk, judged.labels, judged.person, judged.keys)
    checks = interval_checks(rows, judged.groups, judged.needs, settings, capacity)
    failures = holm_failures([check for gate in checks.values() for check in gate])
    intervals = [_interval_gate(gate, found, failures) for gate, found in checks.items()]
    return (
        _baseline_gate(rows, judged, settings),
        *intervals,
        _single_feature_gate(single_features, settings),
        _alarm_gate(discrimination(rows, seed, analytic=True).auroc, settings),
        _events_gate(rows.events, training_events, minimum_training_events, settings),
    )


def eligible(results: Sequence[GateResult]) -> bool:
    """Say whether no gate failed."""
    return all(result.answer != "fail" for result in results)


def worse_than_incumbent(challenger: Sequence[GateResult], incumbent: Sequence[GateResult]) -> GateResult:
    """Answer whether a challenger is worse on any gate than the model in use, which faced the same gates on the same rows.

    A gate it fails and the incumbent does not is a fail; one it no longer passes is for an approver to weigh.
    """
    before = {result.gate: result.answer for result in incumbent}
    changed = [(result, before[result.gate]) for result in challenger if result.gate in before]
    failed = [result for result, old in changed if result.answer == "fail" and old != "fail"]
    lost = [result for result, old in changed if result.answer == "cannot_tell" and old == "pass"]
    gate = "no_worse_than_incumbent"
    if not changed:
        return GateResult(gate, "cannot_tell", "the model in use faced none of these gates")
    if failed or lost:
        words = "; ".join(f"{result.gate}: {before[result.gate]} before, now {result.answer}" for result in (*failed, *lost))
        return GateResult(gate, "fail" if failed else "cannot_tell", words)
    return GateResult(gate, "pass", f"on none of {len(changed)} gates does it do worse than the model in use")


def undecided(results: Sequence[GateResult]) -> tuple[str, ...]:
    """Name the gates that cannot tell: each needs an approver."""
    return tuple(result.gate for result in results if result.answer == "cannot_tell")


def _interval_gate(gate: str, checks: list[IntervalCheck], failures: set[int]) -> GateResult:
    details = tuple(check.to_dict(id(check) in failures) for check in checks)
    failed = [check for check in checks if id(check) in failures]
    open_checks = [check for check in checks if id(check) not in failures and not check.inside]
    if not checks:
        return GateResult(
            gate, "cannot_tell", "the rows do not hold the groups or age bands that this gate compares, or only one group"
        )
    if failed:
        return GateResult(gate, "fail", "; ".join(check.in_words("lies outside") for check in failed), details)
    if open_checks:
        return GateResult(
            gate, "cannot_tell", "; ".join(check.in_words("is not wholly inside") for check in open_checks), details
        )
    return GateResult(gate, "pass", "; ".join(check.in_words("lies inside") for check in checks), details)


def _baseline_gate(rows: ScoredRows, judged: JudgedRows, settings: GateSettings) -> GateResult:
    gate = "discrimination_above_baseline"
    if judged.baseline_risk is None:
        none = "no candidate of age and sex alone stands beside this one, so nobody can tell what it gains over them"
        words = none if judged.no_baseline else "this candidate is the age and sex baseline itself"
        return GateResult(gate, "cannot_tell", words)
    if not 0 < rows.events < rows.rows:
        return GateResult(gate, "cannot_tell", "the rows hold only one outcome")
    gain = auroc_gain(rows, scored_rows(judged.baseline_risk, judged.labels, judged.person, judged.keys))
    words = f"AUROC is {gain.value:+.3f} ({gain.lower:+.3f} to {gain.upper:+.3f}) against age and sex alone, above {settings.minimum_gain:g} is needed"
    answer: Answer = (
        "pass" if gain.lower > settings.minimum_gain else "fail" if gain.upper < settings.minimum_gain else "cannot_tell"
    )
    return GateResult(gate, answer, words, ({"value": gain.value, "lower": gain.lower, "upper": gain.upper},))


def _single_feature_gate(features: Mapping[str, Estimate], settings: GateSettings) -> GateResult:
    gate, limit = "no_single_feature", settings.single_feature_auroc
    sure = {name: found for name, found in features.items() if found.lower > limit or found.value == 1.0}
    unsure = {name: found for name, found in features.items() if found.value > limit and name not in sure}
    if not features:
        return GateResult(gate, "cannot_tell", "the training rows hold only one outcome")
    if sure or unsure:
        words = "; ".join(_leak_in_words(name, found, limit) for name, found in {**sure, **unsure}.items())
        return GateResult(gate, "fail" if sure else "cannot_tell", words)
    name = max(features, key=lambda name: features[name].value)
    return GateResult(
        gate, "pass", f"the strongest single feature, {name}, has an AUROC of {features[name].value:.3f}; the limit is {limit:g}"
    )


def _leak_in_words(name: str, found: Estimate, limit: float) -> str:
    if found.value == 1.0:
        return f"{name} alone tells the outcome perfectly: it is the outcome, or a copy of it"
    return f"{name} alone has an AUROC of {found.value:.3f} ({found.lower:.3f} to {found.upper:.3f}), above {limit:g}: a leak until shown otherwise"


def _alarm_gate(auroc: Estimate, settings: GateSettings) -> GateResult:
    gate, limit = "auroc_alarm", settings.auroc_alarm
    words = (
        f"AUROC is {auroc.value:.3f} ({auroc.lower:.3f} to {auroc.upper:.3f}); above {limit:g} it is a leak until shown otherwise"
    )
    if not np.isfinite(auroc.value):
        return GateResult(gate, "cannot_tell", "AUROC cannot be computed: the rows hold only one outcome")
    answer: Answer = "fail" if auroc.lower > limit else "cannot_tell" if auroc.value > limit else "pass"
    return GateResult(gate, answer, words)


def _events_gate(events: int, training_events: int, minimum_training_events: int, settings: GateSettings) -> GateResult:
    words = (
        f"{training_events} outcome events trained the model ({minimum_training_events} are needed) and {events} judge it "
        f"({settings.minimum_events} are needed)"
    )
    enough = training_events >= minimum_training_events and events >= settings.minimum_events
    return GateResult("enough_events", "pass" if enough else "cannot_tell", words)

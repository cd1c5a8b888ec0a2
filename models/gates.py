"""The gates: each question that a model is asked before it may be used, declared once, and the answers of one candidate.

Gates are noisy. So a model fails only where an interval lies wholly outside the limits, after Holm's adjustment over every interval
that is compared. It passes only where the 95% interval lies inside them. The limits are in `models/gate_settings.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from models import gate_checks
from models.blas import one_blas_thread
from models.copied_periods import GATE as COPIED_PERIOD
from models.copied_periods import copied_period_gate
from models.gate_answers import (
    auroc_alarm,
    better_than_baseline,
    enough_events,
    from_intervals,
    no_single_feature,
    no_worse,
)
from models.gate_declaration import Evidence, Gate, GateLine, GateResult, JudgedRows, Meaning
from models.gate_intervals import IntervalCheck, holm_failures
from models.gate_settings import GateSettings
from models.intervals import Estimate
from models.settings import CapacitySettings

INTERVAL = Meaning(
    "Every 95% interval lies inside the limits.",
    "An interval lies wholly outside the limits, also after adjustment for the number of intervals that are compared.",
    "An interval crosses a limit, a group has too few events, or the rows lack what is compared. An approver decides.",
)
GATES: tuple[Gate, ...] = (
    Gate(
        "discrimination_above_baseline",
        "Better than age and sex alone",
        "Whether the model ranks people better than a model of age and sex alone. If not, its complexity gains nothing.",
        ("gates.minimum_gain",),
        Meaning(
            "The 95% interval of the gain in AUROC lies above the limit.",
            "The interval lies below the limit.",
            "The interval includes the limit, or there is no model of age and sex alone to compare with. An approver decides.",
        ),
        answer=better_than_baseline,
    ),
    Gate(
        "calibration_overall",
        "Calibration overall",
        "Whether as many people have the outcome as the risks add up to (observed over expected events, O/E).",
        ("gates.observed_over_expected", "gates.minimum_events"),
        INTERVAL,
        checks=gate_checks.calibration_overall,
    ),
    Gate(
        "calibration_slope",
        "Calibration slope overall",
        "Whether risks are neither too extreme nor too close to the average. A slope of 1 is right, below 1 risks are too extreme.",
        ("gates.slope", "gates.minimum_slope_events", "gates.minimum_events"),
        INTERVAL,
        checks=gate_checks.slope_overall,
    ),
    Gate(
        "calibration_by_{kind}",
        "Calibration by {kind}",
        "Whether each group has as many outcomes as its risks add up to. Above 1 the group's risks are too low, and it is missed.",
        ("gates.group_observed_over_expected", "gates.minimum_events", "gates.ordered_kinds"),
        INTERVAL,
        kinds="gates.calibration_kinds",
        checks=gate_checks.calibration_by_group,
    ),
    Gate(
        "calibration_slope_by_{kind}",
        "Calibration slope by {kind}",
        "Whether risks are neither too extreme nor too close to the average within each group.",
        ("gates.group_slope", "gates.minimum_slope_events", "gates.ordered_kinds"),
        INTERVAL,
        kinds="gates.slope_kinds",
        checks=gate_checks.slope_by_group,
    ),
    Gate(
        "sensitivity_by_{kind}",
        "Outcomes found by {kind}",
        "Whether the top of the list finds as large a share of each group's outcomes as of everyone else's, at equal age.",
        ("gates.sensitivity_ratio", "gates.minimum_events", "gates.ordered_kinds", "capacity.deciding_share"),
        INTERVAL,
        kinds="gates.sensitivity_kinds",
        checks=gate_checks.sensitivity_by_group,
    ),
    Gate(
        "need_within_score_by_{kind}",
        "Need at the same score by {kind}",
        "Whether a group is more ill than others of the same score and age. It is the sign of an outcome that measures use of services "
        "rather than need.",
        ("gates.need_ratio", "gates.unrecorded_need_ratio", "gates.minimum_need_events", "gates.ordered_kinds"),
        INTERVAL,
        kinds="gates.need_kinds",
        checks=gate_checks.need_by_group,
    ),
    Gate(
        "no_single_feature",
        "No single feature predicts the outcome",
        "Whether one feature alone predicts the outcome almost perfectly. Such a feature is the outcome itself, or is recorded after it.",
        ("gates.single_feature_auroc",),
        Meaning(
            "No feature alone has an AUROC above the limit.",
            "A feature's 95% interval lies above the limit, or it predicts the outcome perfectly. It is a leak until shown otherwise.",
            "A feature is above the limit and its interval includes the limit. An approver finds out what the feature is.",
        ),
        answer=no_single_feature,
        leak_alarm=True,
    ),
    Gate(
        "auroc_alarm",
        "Discrimination is plausible",
        "Whether the model predicts better than is plausible for its outcome. If so, it has probably seen the outcome.",
        ("gates.auroc_alarm",),
        Meaning(
            "AUROC is at or below the limit.",
            "The 95% interval of AUROC lies above the limit. It is a leak until shown otherwise.",
            "AUROC is above the limit and its interval includes the limit, or it cannot be computed. An approver decides.",
        ),
        answer=auroc_alarm,
        leak_alarm=True,
    ),
    Gate(
        "enough_events",
        "Enough outcome events",
        "Whether enough people with the outcome trained the model and test it.",
        ("candidates.minimum_events", "gates.minimum_events"),
        Meaning(
            "There are enough events in training and in testing.",
            "This gate never fails a model.",
            "There are too few events in training or in testing. An approver decides whether the evidence suffices.",
        ),
        answer=enough_events,
    ),
    Gate(
        COPIED_PERIOD,
        "No copy of another period's outcome",
        "Whether an outcome or a feature of one period equals the outcome of another period for everyone in both.",
        (),
        Meaning(
            "Nothing is a copy.",
            "An outcome is a copy of another period's, or a feature holds an outcome that was not known yet.",
            "A feature holds an earlier outcome, which was known. An approver decides whether that is meant.",
        ),
        answer=copied_period_gate,
        asked_of="other periods",
        leak_alarm=True,
    ),
    Gate(
        "no_worse_than_incumbent",
        "No worse than the model in use",
        "Whether the candidate does worse on any gate than the model in use, on the same rows. It is asked once a model is in use.",
        (),
        Meaning(
            "It is worse on no gate.",
            "It fails a gate that the model in use does not fail.",
            "It no longer passes a gate that the model in use passes, or the two cannot be compared. An approver decides.",
        ),
        answer=no_worse,
        asked_of="the model in use",
    ),
)
INCUMBENT_GATE = GATES[-1].name


def judge(
    judged: JudgedRows,
    single_features: Mapping[str, Estimate],
    training_events: int,
    minimum_training_events: int,
    settings: GateSettings,
    capacity: CapacitySettings,
    seed: int,
) -> tuple[GateResult, ...]:
    """Answer every gate that is asked of the test rows, for one candidate (`single_features`: see models.leaks)."""
    evidence = Evidence(judged, single_features, training_events, minimum_training_events, settings, capacity, seed)
    with one_blas_thread():
        return tuple(_answers(evidence))


def interval_checks(evidence: Evidence) -> dict[str, list[IntervalCheck]]:
    """Return the intervals of every gate that compares intervals with limits, by the gate's stored name."""
    found: dict[str, list[IntervalCheck]] = {}
    for gate in GATES:
        if gate.checks is None:
            continue
        for name, kind in gate.names(evidence.settings):
            checks = gate.checks(evidence, kind)
            if checks is not None:
                found[name] = checks
    return found


def no_gate_failed(results: Sequence[GateResult]) -> bool:
    """Return whether no gate failed."""
    return all(result.answer != "fail" for result in results)


def undecided_gates(results: Sequence[GateResult]) -> tuple[str, ...]:
    """Return the names of the gates without enough data to decide: each needs an approver."""
    return tuple(result.gate for result in results if result.answer == "cannot_tell")


def worse_than_incumbent(challenger: Sequence[GateResult], incumbent: Sequence[GateResult]) -> GateResult:
    """Answer whether a challenger is worse on any gate than the model in use."""
    return no_worse(INCUMBENT_GATE, challenger, incumbent, label_of)


def declaration_of(name: str) -> tuple[Gate, str] | None:
    """Return the gate of a stored name with its kind of groups ('' without one); None for a name that no gate has."""
    for gate in GATES:
        kind = gate.kind_of(name)
        if kind is not None:
            return gate, kind
    return None


def label_of(name: str) -> str:
    """Return the plain-English label of a stored gate name; of one that is no longer declared, its name without underscores."""
    declared = declaration_of(name)
    return declared[0].label_for(declared[1]) if declared else name.replace("_", " ")


def line_of(gate: str, answer: str, reason: str, **_: object) -> GateLine:
    """Return a gate's answer as people read it, from the values that are stored."""
    declared = declaration_of(gate)
    return GateLine(label_of(gate), declared[0].explanation if declared else "", answer, reason)


def lines_of(results: Sequence[GateResult]) -> list[GateLine]:
    """Return the answers of one candidate as people read them."""
    return [line_of(result.gate, result.answer, result.reason) for result in results]


def _answers(evidence: Evidence) -> Iterator[GateResult]:
    checks = interval_checks(evidence)
    failures = holm_failures([check for of_gate in checks.values() for check in of_gate])
    for gate in GATES:
        if gate.asked_of != "the test rows":
            continue
        if gate.answer is not None:
            yield gate.answer(gate.name, evidence)
            continue
        for name, _ in gate.names(evidence.settings):
            if name in checks:
                yield from_intervals(name, checks[name], failures)

"""The intervals that gates compare with their limits: calibration overall and by group, sensitivity at equal age, need at the same score.

Each function returns the intervals of one gate for one kind of groups. None means that the gate is not asked; an empty list means
that it is asked and that the rows lack what it compares.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from models.calibration_measures import calibration_slope, observed_over_expected
from models.gate_declaration import Evidence
from models.gate_intervals import IntervalCheck, judged_groups
from models.gate_settings import GateSettings
from models.need_within_score import DEATH, RECORDED_NEEDS, UNDIAGNOSED, need_ratios
from models.scored_rows import ScoredRows, number_selected
from models.standardisation import sensitivity_ratio

DEPRIVED_UP_TO = {"imd_quintile": 2, "imd_decile": 5}  # group 1 is most deprived
EVERYONE = "everyone"
NEED_LABELS = {
    "long_term_conditions": "long-term conditions",
    "hospital_frailty_score_730d": "frailty score",
    DEATH: "deaths",
    UNDIAGNOSED: "outcomes without a diagnosis before",
}


def calibration_overall(evidence: Evidence, _: str) -> list[IntervalCheck]:
    """Return observed over expected events of everyone."""
    return _enough([_ratio(evidence.rows, EVERYONE, evidence.settings.observed_over_expected)], evidence)


def slope_overall(evidence: Evidence, _: str) -> list[IntervalCheck]:
    """Return the calibration slope of everyone."""
    return _enough([_slope(evidence.rows, EVERYONE, evidence.settings.slope, evidence.settings)], evidence)


def calibration_by_group(evidence: Evidence, kind: str) -> list[IntervalCheck]:
    """Return observed over expected events in each group of a kind."""
    rows, limits = evidence.rows, evidence.settings.group_observed_over_expected
    return _enough([_ratio(rows.subset(mask), name, limits) for name, mask in _groups(evidence, kind)], evidence)


def slope_by_group(evidence: Evidence, kind: str) -> list[IntervalCheck] | None:
    """Return the calibration slope in each group of a kind; None if the rows lack the kind."""
    if kind not in evidence.judged.groups:
        return None
    rows, settings = evidence.rows, evidence.settings
    groups = _groups(evidence, kind, settings.minimum_slope_events)
    return _enough([_slope(rows.subset(mask), name, settings.group_slope, settings) for name, mask in groups], evidence)


def sensitivity_by_group(evidence: Evidence, kind: str) -> list[IntervalCheck]:
    """Return each group's age-standardised sensitivity over that of everyone else, at the deciding share."""
    rows, bands = evidence.rows, evidence.age_bands
    if bands is None:
        return []
    chosen = np.arange(rows.rows) < number_selected(rows.rows, evidence.capacity.deciding_share)
    measure, limits = "age-standardised sensitivity over everyone else's", evidence.settings.sensitivity_ratio
    checks = []
    for name, mask in _groups(evidence, kind):
        if not mask.all():
            ratio = sensitivity_ratio(rows.labels, chosen, bands, mask)
            checks.append(IntervalCheck.of_ratio(name, measure, ratio, limits, int(rows.labels[mask].sum()), True))
    return _enough(checks, evidence)


def need_by_group(evidence: Evidence, kind: str) -> list[IntervalCheck] | None:
    """Return each need of each group that may be missed, over everyone else's at the same score and age; None if no needs are known.

    Groups with too few people in that need are pooled, by need and not by outcomes: a small group may have enough need to compare.
    If a group has a risk beyond its illness, others need to be iller to reach the same score. So the least deprived look iller
    under a model that is right about deprivation, and so may the largest group. These groups are not compared.
    """
    needs, rows, settings = evidence.judged.needs, evidence.rows, evidence.settings
    if needs is None or not len(needs.columns) or kind not in evidence.judged.groups:
        return None
    checks: list[IntervalCheck] = []
    for need in needs.columns:
        values = rows.in_order(needs[need].to_numpy(dtype=np.float64))
        groups = _groups(evidence, kind, settings.minimum_need_events, values > 0)
        largest = max((int(mask.sum()) for _, mask in groups), default=0)
        compared = [(name, mask) for name, mask in groups if _may_be_missed(kind, name, int(mask.sum()) == largest)]
        if len(groups) > 1:  # a pool of all groups has no one else to compare with
            checks += _need_checks(need, values, compared, evidence)
    return checks


def _enough(checks: list[IntervalCheck], evidence: Evidence) -> list[IntervalCheck]:
    return [check.needing(evidence.settings.minimum_events) for check in checks]


def _groups(
    evidence: Evidence, kind: str, least_events: int | None = None, counted: np.ndarray | None = None
) -> list[tuple[str, np.ndarray]]:
    return judged_groups(evidence.rows, evidence.judged.groups, kind, evidence.settings, least_events, counted)


def _ratio(rows: ScoredRows, name: str, limits: tuple[float, float]) -> IntervalCheck:
    return IntervalCheck.of_ratio(name, "O/E", observed_over_expected(rows), limits, rows.events)


def _slope(rows: ScoredRows, name: str, limits: tuple[float, float], settings: GateSettings) -> IntervalCheck:
    return IntervalCheck.of_value(name, "slope", calibration_slope(rows), limits, rows.events, settings.minimum_slope_events)


def _need_checks(
    need: str, values: np.ndarray, compared: list[tuple[str, np.ndarray]], evidence: Evidence
) -> Iterator[IntervalCheck]:
    settings = evidence.settings
    codes = np.full(len(values), -1, dtype=np.intp)
    for number, (_, mask) in enumerate(compared):
        codes[mask] = number
    recorded = need in RECORDED_NEEDS
    limits = settings.need_ratio if recorded else settings.unrecorded_need_ratio
    ratios = need_ratios(values, evidence.strata, codes, len(compared), not recorded)
    in_need = np.bincount(codes[(values > 0) & (codes >= 0)], minlength=len(compared))
    measure = f"{NEED_LABELS.get(need, need)} over everyone else's at the same score"
    for (name, _), ratio, events in zip(compared, ratios, in_need, strict=True):
        yield IntervalCheck.of_ratio(name, measure, ratio, limits, int(events), True).needing(settings.minimum_need_events)


def _may_be_missed(kind: str, name: str, largest: bool) -> bool:
    """Return whether a group is of the deprived half, or for other kinds is not the largest."""
    if kind not in DEPRIVED_UP_TO:
        return not largest
    place = name.removeprefix(f"{kind} ").split(" ")[0]
    return not place.isdigit() or int(place) <= DEPRIVED_UP_TO[kind]

"""The intervals that gates judge: calibration overall and by group, sensitivity at equal age, need at the same score."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from models.calibration_measures import calibration_slope, observed_over_expected
from models.gate_intervals import IntervalCheck, judged_groups
from models.need_within_score import DEATH, RECORDED_NEEDS, UNDIAGNOSED, Strata, need_ratios, score_strata
from models.scored_rows import ScoredRows, selected
from models.settings import CapacitySettings, GateSettings
from models.standardisation import age_band_codes, sensitivity_ratio

DEPRIVED_UP_TO = {"imd_quintile": 2, "imd_decile": 5}  # group 1 is most deprived
NEED_WORDS = {
    "long_term_conditions": "long-term conditions",
    "hospital_frailty_score_730d": "frailty score",
    DEATH: "deaths",
    UNDIAGNOSED: "outcomes without a diagnosis before",
}


def interval_checks(
    rows: ScoredRows, groups: pd.DataFrame, needs: pd.DataFrame | None, settings: GateSettings, capacity: CapacitySettings
) -> dict[str, list[IntervalCheck]]:
    """Give the checks of every gate that judges intervals, by gate; `groups` and `needs` stand in the order of the table."""
    bands = age_band_codes(groups["age_band"])[rows.position] if "age_band" in groups else None
    checks = {"calibration_overall": [_ratio(rows, "everyone", settings.observed_over_expected)]}
    checks["calibration_slope"] = [_slope(rows, "everyone", settings.slope, settings)]
    for kind in settings.calibration_kinds:
        checks[f"calibration_by_{kind}"] = [
            _ratio(rows.subset(mask), name, settings.group_observed_over_expected)
            for name, mask in judged_groups(rows, groups, kind, settings)
        ]
    for kind in _there(settings.slope_kinds, groups):
        checks[f"calibration_slope_by_{kind}"] = [
            _slope(rows.subset(mask), name, settings.group_slope, settings)
            for name, mask in judged_groups(rows, groups, kind, settings, settings.minimum_slope_events)
        ]
    for kind in settings.sensitivity_kinds:
        checks[f"sensitivity_by_{kind}"] = list(_sensitivity(rows, groups, bands, kind, settings, capacity))
    found = {gate: [check.needing(settings.minimum_events) for check in listed] for gate, listed in checks.items()}
    if needs is not None and len(needs.columns):
        strata = score_strata(rows, bands)
        for kind in _there(settings.need_kinds, groups):
            found[f"need_within_score_by_{kind}"] = list(_needs(rows, groups, needs, strata, kind, settings))
    return found


def _there(kinds: tuple[str, ...], groups: pd.DataFrame) -> list[str]:
    return [kind for kind in kinds if kind in groups]


def _ratio(rows: ScoredRows, name: str, limits: tuple[float, float]) -> IntervalCheck:
    return IntervalCheck.of_ratio(name, "O/E", observed_over_expected(rows), limits, rows.events)


def _slope(rows: ScoredRows, name: str, limits: tuple[float, float], settings: GateSettings) -> IntervalCheck:
    return IntervalCheck.of_value(name, "slope", calibration_slope(rows), limits, rows.events, settings.minimum_slope_events)


def _sensitivity(
    rows: ScoredRows,
    groups: pd.DataFrame,
    bands: np.ndarray | None,
    kind: str,
    settings: GateSettings,
    capacity: CapacitySettings,
) -> Iterator[IntervalCheck]:
    if bands is None:
        return
    chosen = np.arange(rows.rows) < selected(rows.rows, capacity.deciding_share)
    for name, mask in judged_groups(rows, groups, kind, settings):
        if not mask.all():
            ratio = sensitivity_ratio(rows.labels, chosen, bands, mask)
            label = "age-standardised sensitivity over everyone else's"
            yield IntervalCheck.of_ratio(name, label, ratio, settings.sensitivity_ratio, int(rows.labels[mask].sum()), True)


def _needs(
    rows: ScoredRows, groups: pd.DataFrame, needs: pd.DataFrame, strata: Strata, kind: str, settings: GateSettings
) -> Iterator[IntervalCheck]:
    """Check each need of each group that may be missed against everyone else's at the same score and age.

    Groups with too few people in that need are pooled, by need and not by outcomes: a small group may have need enough to judge.
    Where a group has a risk of its own beside its illness, others need to be iller to reach the same score: so the least
    deprived look iller under a model that is right about deprivation, and so may the largest group. They are not judged.
    """
    for need in needs.columns:
        values = rows.in_order(needs[need].to_numpy(dtype=np.float64))
        found = judged_groups(rows, groups, kind, settings, settings.minimum_need_events, values > 0)
        largest = max((int(mask.sum()) for _, mask in found), default=0)
        judged = [(name, mask) for name, mask in found if _may_be_missed(kind, name, int(mask.sum()) == largest)]
        if len(found) > 1:  # a pool of all groups has nobody else beside it
            yield from _need_checks(need, values, judged, strata, settings)


def _need_checks(
    need: str, values: np.ndarray, judged: list[tuple[str, np.ndarray]], strata: Strata, settings: GateSettings
) -> Iterator[IntervalCheck]:
    codes = np.full(len(values), -1, dtype=np.intp)
    for number, (_, mask) in enumerate(judged):
        codes[mask] = number
    recorded = need in RECORDED_NEEDS
    limits = settings.need_ratio if recorded else settings.unrecorded_need_ratio
    ratios = need_ratios(values, strata, codes, len(judged), not recorded)
    in_need = np.bincount(codes[(values > 0) & (codes >= 0)], minlength=len(judged))
    label = f"{NEED_WORDS.get(need, need)} over everyone else's at the same score"
    for (name, _), ratio, events in zip(judged, ratios, in_need, strict=True):
        yield IntervalCheck.of_ratio(name, label, ratio, limits, int(events), True).needing(settings.minimum_need_events)


def _may_be_missed(kind: str, name: str, largest: bool) -> bool:
    """Say whether a judged group is one of the deprived half, or elsewhere not the largest."""
    if kind not in DEPRIVED_UP_TO:
        return not largest
    place = name.removeprefix(f"{kind} ").split(" ")[0]
    return not place.isdigit() or int(place) <= DEPRIVED_UP_TO[kind]

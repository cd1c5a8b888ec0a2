"""What a review list of limited length finds, and whether acting on it has a net benefit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from models.intervals import NOT_KNOWN, Estimate, wilson
from models.scored_rows import ScoredRows, number_selected

MEASURES = ("ppv", "sensitivity", "lift", "number_needed_to_evaluate")


def share_name(share: float) -> str:
    """Return the name of a share for use in a metric: 0.005 is 'top_0_5pct'."""
    return f"top_{f'{share * 100:g}'.replace('.', '_')}pct"


def at_capacity(rows: ScoredRows, share: float) -> dict[str, Estimate]:
    """Return PPV, sensitivity, lift and number needed to evaluate of the share with the highest risk."""
    chosen = number_selected(rows.rows, share) if rows.rows else 0
    return _measures(rows, chosen, float(rows.labels[:chosen].sum()))


def team_size_name(size: int) -> str:
    """Return the name of a number of people in every team for use in a metric: 'top_20_per_team'."""
    return f"top_{size}_per_team"


def per_team(rows: ScoredRows, teams: np.ndarray, size: int) -> dict[str, Estimate]:
    """Return the same measures of the people with the highest risk in each team (`teams` in the rows' original order; people without a team are on no list)."""
    codes, _ = pd.factorize(teams[rows.position])
    chosen = (codes >= 0) & (pd.Series(codes).groupby(codes).cumcount().to_numpy() < size)
    return _measures(rows, int(chosen.sum()), float(rows.labels[chosen].sum()))


def _measures(rows: ScoredRows, chosen: int, listed_events: float) -> dict[str, Estimate]:
    if not chosen:
        return dict.fromkeys(MEASURES, NOT_KNOWN)
    ppv, rate = wilson(listed_events, chosen), rows.events / rows.rows
    return {
        "ppv": ppv,
        "sensitivity": wilson(listed_events, rows.events),
        "lift": Estimate(ppv.value / rate, ppv.lower / rate, ppv.upper / rate) if rate > 0 else NOT_KNOWN,
        "number_needed_to_evaluate": Estimate(_inverse(ppv.value), _inverse(ppv.upper), _inverse(ppv.lower)),
    }


def decision_curve(rows: ScoredRows, thresholds: Sequence[float]) -> pd.DataFrame:
    """Return the net benefit of treating risk > threshold, of treating all and none: one row per threshold."""
    cuts = np.asarray(thresholds, dtype=np.float64)
    treated = np.searchsorted(-rows.risk, -cuts, side="left")
    treated_events = np.concatenate([[0.0], np.cumsum(rows.labels)])[treated]
    odds = cuts / (1 - cuts)
    rate = rows.events / max(rows.rows, 1)
    return pd.DataFrame(
        {
            "threshold": cuts,
            "net_benefit": (treated_events - (treated - treated_events) * odds) / max(rows.rows, 1),
            "treat_all": rate - (1 - rate) * odds,
            "treat_none": 0.0,
            "treated_share": treated / max(rows.rows, 1),
        }
    )


def _inverse(value: float) -> float:
    return 1 / value if value > 0 else float("nan")

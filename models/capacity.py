"""What a list of limited length finds, and whether acting on it is worth it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from models.intervals import NOT_KNOWN, Estimate, wilson
from models.scored_rows import ScoredRows, selected


def share_name(share: float) -> str:
    """Name a share for use in a metric: 0.005 is 'top_0_5pct'."""
    return f"top_{f'{share * 100:g}'.replace('.', '_')}pct"


def at_capacity(rows: ScoredRows, share: float) -> dict[str, Estimate]:
    """Give PPV, sensitivity, lift and number needed to evaluate of the share with the highest risk."""
    if not rows.rows:
        return dict.fromkeys(("ppv", "sensitivity", "lift", "number_needed_to_evaluate"), NOT_KNOWN)
    chosen = selected(rows.rows, share)
    found = float(rows.labels[:chosen].sum())
    ppv, rate = wilson(found, chosen), rows.events / rows.rows
    return {
        "ppv": ppv,
        "sensitivity": wilson(found, rows.events),
        "lift": Estimate(ppv.value / rate, ppv.lower / rate, ppv.upper / rate) if rate > 0 else NOT_KNOWN,
        "number_needed_to_evaluate": Estimate(_inverse(ppv.value), _inverse(ppv.upper), _inverse(ppv.lower)),
    }


def decision_curve(rows: ScoredRows, thresholds: Sequence[float]) -> pd.DataFrame:
    """Give the net benefit of treating risk > threshold, of treating all and none: one row per threshold."""
    cuts = np.asarray(thresholds, dtype=np.float64)
    treated = np.searchsorted(-rows.risk, -cuts, side="left")
    found = np.concatenate([[0.0], np.cumsum(rows.labels)])[treated]
    odds = cuts / (1 - cuts)
    rate = rows.events / max(rows.rows, 1)
    return pd.DataFrame(
        {
            "threshold": cuts,
            "net_benefit": (found - (treated - found) * odds) / max(rows.rows, 1),
            "treat_all": rate - (1 - rate) * odds,
            "treat_none": 0.0,
            "treated_share": treated / max(rows.rows, 1),
        }
    )


def _inverse(value: float) -> float:
    return 1 / value if value > 0 else float("nan")

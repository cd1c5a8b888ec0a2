"""Time the complete evaluation and audit of one model: `python -m benchmarks.evaluation --rows 2500000` prints one JSON line."""

from __future__ import annotations

import argparse
import json
import resource
import time

import numpy as np
import pandas as pd
from scipy.special import expit

from models.audit_groups import audit_groups
from models.evaluation import evaluate
from models.fairness import AuditedRows, audit
from models.need_within_score import need_columns
from models.scored_rows import scored_rows
from models.settings import CapacitySettings

SEED = 20260101
ETHNIC_CATEGORIES = "ABCDEFGHJKLMNPRSZ"
GROUP_OF = dict(
    zip(
        ETHNIC_CATEGORIES,
        ["white"] * 3 + ["mixed"] * 4 + ["asian"] * 4 + ["black"] * 3 + ["other"] * 2 + ["not_stated"],
        strict=True,
    )
)


def board(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Draw risks, outcomes and attributes of `rows` people; 8 to 10% have the outcome."""
    rng = np.random.default_rng(seed)
    age = rng.uniform(0, 95, rows)
    decile = rng.integers(1, 11, rows).astype(float)
    decile[rng.random(rows) < 0.01] = np.nan
    conditions = rng.poisson(0.3 + 3 * (age / 95) ** 2)
    risk = expit(-4.3 + 0.02 * age + 0.45 * conditions - 0.05 * np.nan_to_num(decile, nan=5.5) + rng.normal(0, 0.6, rows))
    category = rng.choice(list(ETHNIC_CATEGORIES), rows, p=_shares())
    frame = pd.DataFrame(
        {
            "imd_decile": decile, "imd_quintile": np.ceil(decile / 2), "ethnic_category": category,
            "ethnic_group": pd.Series(category).map(GROUP_OF).to_numpy(), "sex_name": rng.choice(["female", "male"], rows),
            "age_band": np.array([f"{low}-{low + 4}" for low in range(0, 95, 5)], dtype=object)[(age // 5).astype(int)],
            "rural_urban": rng.choice(["urban", "town", "rural"], rows, p=[0.8, 0.12, 0.08]),
            "local_authority_code": rng.choice([f"E{number}" for number in range(12)], rows),
            "pcn_code": rng.choice([f"U{number:05d}" for number in range(60)], rows),
            "sub_icb_code": rng.choice(["01A", "01B", "01C", "01D", "01E"], rows), "gp_covered": rng.random(rows) < 0.9,
            "emergency_admissions_730d": rng.poisson(risk * 2), "inclusion_health_groups": rng.binomial(1, 0.03, rows),
            "long_term_conditions": conditions.astype(float),
            "hospital_frailty_risk_score": np.where(rng.random(rows) < 0.3, rng.gamma(2, 3, rows), np.nan),
        }
    )  # fmt: skip
    return risk, (rng.random(rows) < risk).astype(np.int8), frame


def _shares() -> np.ndarray:
    shares = np.array([70, 1, 4, 1, 0.5, 0.5, 1, 4, 4, 2, 1, 2, 2, 1, 1, 2, 3], dtype=float)
    return shares / shares.sum()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=250_000)
    arguments = parser.parse_args()
    risk, labels, frame = board(arguments.rows, SEED)
    person, capacity = np.arange(arguments.rows), CapacitySettings()
    died = np.random.default_rng(1).random(arguments.rows) < risk / 8
    before = _cpu()
    start = time.perf_counter()
    groups = audit_groups(frame)
    rows = scored_rows(risk, labels, person)
    evaluate(rows, capacity, SEED)
    audit_rows = audit(AuditedRows(rows, groups, need_columns(frame, labels, died)), capacity, SEED)
    print(
        json.dumps(
            {
                "stage": "evaluation", "rows": arguments.rows, "audit_rows": len(audit_rows),
                "groups": int(audit_rows.groupby("group_kind")["group_name"].nunique().sum()),
                "wall_s": round(time.perf_counter() - start, 2), "cpu_s": round(_cpu() - before, 2),
                "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            }
        )
    )  # fmt: skip


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()

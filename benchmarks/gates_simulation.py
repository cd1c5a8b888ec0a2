"""Simulate the gates: how many of 1,000 fair models fail, and how often a planted miscalibration passes.

`python -m benchmarks.gates_simulation --models 1000` prints one JSON line. The targets: at most 5% of the fair models fail.
At least 90% of models fail that expect a quarter too few events in a group with 1,000 events.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import pandas as pd
from scipy.special import expit

from models.gate_settings import GateSettings
from models.gates import GateResult, JudgedRows, judge, no_gate_failed
from models.intervals import Estimate
from models.need_within_score import need_columns
from models.settings import CapacitySettings

QUINTILES = np.array([0.26, 0.13, 0.0, -0.13, -0.26])  # log odds by quintile: rates at equal age differ 1.7-fold
BANDS = np.array(["0-17", "18-44", "45-64", "65-74", "75-84", "85+"])
PLANTED = 1.25
SINGLE = {"age_years": Estimate(0.7, 0.69, 0.71, 0.005)}


def fair_model(rows: int, rng: np.random.Generator) -> JudgedRows:
    """Draw people and their true risks: age, conditions and deprivation determine the outcome, and deaths follow the risk."""
    age, quintile = rng.uniform(0, 95, rows), rng.integers(1, 6, rows)
    group = rng.choice(["white", "asian", "black", "mixed", "not_stated"], rows, p=[0.7, 0.13, 0.08, 0.05, 0.04])
    conditions = rng.poisson(0.3 + 2.5 * (age / 95) ** 2)
    by_age = -3.7 + 0.03 * (age - 50)
    risk = expit(by_age + 0.3 * conditions + QUINTILES[quintile - 1] + rng.normal(0, 0.6, rows))
    labels = (rng.random(rows) < risk).astype(int)
    frame = pd.DataFrame({"long_term_conditions": conditions.astype(float)})
    needs = need_columns(frame, labels, rng.random(rows) < risk / 5)
    bands = BANDS[np.searchsorted([18, 45, 65, 75, 85], age, side="right")]
    groups = pd.DataFrame({"imd_quintile": quintile, "ethnic_group": group, "age_band": bands})
    return JudgedRows(risk, expit(by_age + 0.5), labels, np.arange(rows), groups, None, needs)


def with_planted_miscalibration(fair: JudgedRows) -> JudgedRows:
    """Return the same people with risks a fifth too low in quintile 2, so that events exceed the expected by a quarter."""
    risk = np.where(fair.groups["imd_quintile"] == 2, fair.risk / PLANTED, fair.risk)
    return JudgedRows(risk, fair.baseline_risk, fair.labels, fair.person, fair.groups, None, fair.needs)


def answers(judged: JudgedRows) -> tuple[GateResult, ...]:
    """Return the answers of all gates with default settings."""
    return judge(judged, SINGLE, 1000, 100, GateSettings(), CapacitySettings(), seed=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=80_000, help="about 1,000 events in each quintile")
    arguments = parser.parse_args()
    rng, start = np.random.default_rng(20260101), time.process_time()
    refused = passed = events = 0
    for _ in range(arguments.models):
        fair = fair_model(arguments.rows, rng)
        events += int(fair.labels[fair.groups["imd_quintile"] == 2].sum())
        refused += not no_gate_failed(answers(fair))
        planted_answers = {result.gate: result.answer for result in answers(with_planted_miscalibration(fair))}
        passed += planted_answers["calibration_by_imd_quintile"] == "pass"
    summary = {"stage": "gates_simulation", "models": arguments.models, "refused_share": refused / arguments.models}
    summary |= {"planted_passed_share": passed / arguments.models, "events_in_group": round(events / arguments.models)}
    print(json.dumps({**summary, "cpu_s": round(time.process_time() - start, 1)}))


if __name__ == "__main__":
    main()

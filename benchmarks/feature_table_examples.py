"""Example feature tables: real ones from scikit-learn, and made-up ones that are awkward on purpose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn import datasets

SEED = 20260101
PERSON, LABEL = "person", "outcome"


@dataclass(frozen=True)
class Example:
    """A table: its columns as in a file, its settings under `source.feature_table`, and the column that reveals the outcome."""

    frame: pd.DataFrame
    source: Mapping[str, Any] = field(default_factory=dict)
    leak: str = ""


def _bundled(load: Callable[..., Any], positive: Callable[[pd.Series], pd.Series]) -> Example:
    bunch = load(as_frame=True)
    frame = bunch.data.rename(columns=str)
    return Example(_with_keys(frame, positive(bunch.target).to_numpy()))


def _with_keys(frame: pd.DataFrame, labels: np.ndarray) -> pd.DataFrame:
    keys = [f"p{number:06}" for number in range(len(frame))]
    named = pd.DataFrame({PERSON: keys, LABEL: np.asarray(labels).astype(int)})
    return pd.concat([frame.reset_index(drop=True), named], axis=1)


def _numbers(values: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(values, columns=[f"x{place}" for place in range(values.shape[1])])


def _draw_outcomes(rng: np.random.Generator, margin: np.ndarray, share: float) -> np.ndarray:
    """Draw outcomes whose log odds differ by the margin, and whose prevalence is about `share`."""
    centred = margin - margin.mean()
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if expit(centred + middle).mean() < share else (low, middle)
    return (rng.random(len(margin)) < expit(centred + low)).astype(int)


def breast_cancer() -> Example:
    """Return 569 biopsies with 30 measurements."""
    return _bundled(datasets.load_breast_cancer, lambda target: target == 0)


def iris() -> Example:
    """Return 150 flowers; the outcome is the middle species, which is not linearly separable."""
    return _bundled(datasets.load_iris, lambda target: target == 1)


def wine() -> Example:
    """Return 178 wines with 13 measurements."""
    return _bundled(datasets.load_wine, lambda target: target == 1)


def digits() -> Example:
    """Return 1,797 handwritten digits of 64 pixels; the outcome is the digit 8."""
    return _bundled(datasets.load_digits, lambda target: target == 8)


def digits_odd() -> Example:
    """Return the same digits; the outcome is an odd digit."""
    return _bundled(datasets.load_digits, lambda target: target % 2 == 1)


def diabetes() -> Example:
    """Return 442 people with diabetes; the outcome is progression above 140."""
    return _bundled(datasets.load_diabetes, lambda target: target > 140)


def weak_numbers() -> Example:
    """Return 400 rows with about 120 events and ten weak predictors."""
    rng = np.random.default_rng(SEED)
    x = rng.normal(size=(400, 10))
    return Example(_with_keys(_numbers(x), _draw_outcomes(rng, x[:, :4] @ [0.8, -0.6, 0.4, 0.3], 0.3)))


def few_rows_linear() -> Example:
    """Return 350 rows with about 119 events and 20 numbers, of which 8 matter."""
    rng = np.random.default_rng(SEED + 1)
    x = rng.normal(size=(350, 20))
    return Example(_with_keys(_numbers(x), _draw_outcomes(rng, x[:, :8] @ np.linspace(0.7, 0.2, 8), 0.33)))


def noise_columns() -> Example:
    """Return 200 columns of noise and 6 columns that matter."""
    rng = np.random.default_rng(SEED + 2)
    x = rng.normal(size=(1200, 206))
    return Example(_with_keys(_numbers(x), _draw_outcomes(rng, x[:, :6] @ [0.8, 0.6, -0.6, 0.5, 0.4, -0.4], 0.25)))


def interactions() -> Example:
    """Return a table in which interactions between columns matter."""
    rng = np.random.default_rng(SEED + 3)
    x = rng.normal(size=(4000, 8))
    margin = 1.6 * x[:, 0] * x[:, 1] + 1.2 * np.sign(x[:, 2]) * x[:, 3] + 0.3 * x[:, 4]
    return Example(_with_keys(_numbers(x), _draw_outcomes(rng, margin, 0.3)))


def exclusive_or() -> Example:
    """Return a table whose outcome depends on an exclusive or of two columns."""
    rng = np.random.default_rng(SEED + 4)
    x = rng.normal(size=(1500, 6))
    margin = 3.0 * (((x[:, 0] > 0) ^ (x[:, 1] > 0)) - 0.5) + 0.4 * x[:, 2]
    return Example(_with_keys(_numbers(x), _draw_outcomes(rng, margin, 0.4)))


def many_levels() -> Example:
    """Return predictive categories with hundreds of levels."""
    rng = np.random.default_rng(SEED + 5)
    rows = 6000
    frame, margin = {}, np.zeros(rows)
    for name, levels, spread in (("practice", 400, 0.5), ("ward name", 60, 0.7), ("diagnosis", 1500, 0.9)):
        weights = 1 / np.arange(1, levels + 1) ** 0.8
        codes = rng.choice(levels, rows, p=weights / weights.sum())
        margin += rng.normal(0, spread, levels)[codes]
        frame[name] = np.array([f"{name[:1].upper()}{code:04d}" for code in range(levels)])[codes]
    frame["age"] = rng.integers(18, 95, rows)
    margin += 0.03 * (frame["age"] - 55)
    return Example(_with_keys(pd.DataFrame(frame), _draw_outcomes(rng, margin, 0.2)))


def informative_missing() -> Example:
    """Return a table whose missing values are predictive."""
    rng = np.random.default_rng(SEED + 6)
    x = rng.normal(size=(3000, 8))
    margin = x @ np.array([0.7, 0.5, -0.5, 0.4, 0, 0, 0, 0])
    frame = _numbers(x)
    for place in range(6):
        missing = rng.random(3000) < expit(-1.2 + (1.5 if place % 2 else -1.5) * x[:, place])
        frame.loc[missing, f"x{place}"] = np.nan
        margin += (0.8 if place < 3 else 0) * missing
    return Example(_with_keys(frame, _draw_outcomes(rng, margin, 0.3)))


def rare_outcome() -> Example:
    """Return a table in which 1 row in 100 has the outcome."""
    rng = np.random.default_rng(SEED + 7)
    rows = 30_000
    age, visits = rng.integers(0, 95, rows), rng.negative_binomial(0.6, 0.3, rows)
    bp = np.where(rng.random(rows) < 0.4, np.nan, rng.normal(130, 18, rows))
    margin = 0.04 * age + 0.9 * np.log1p(visits) + 0.01 * np.nan_to_num(bp - 130)
    frame = pd.DataFrame({"age": age, "visits": visits, "systolic": bp, "sex": rng.choice(["F", "M"], rows)})
    for place in range(12):
        frame[f"lab {place}"] = rng.lognormal(0, 1, rows).round(3)
    return Example(_with_keys(frame, _draw_outcomes(rng, margin, 0.01)))


def leak_perfect() -> Example:
    """Return a table with a column that equals the outcome."""
    rng = np.random.default_rng(SEED + 8)
    x = rng.normal(size=(1500, 6))
    labels = _draw_outcomes(rng, x[:, :3] @ [0.8, 0.5, 0.4], 0.25)
    frame = _numbers(x)
    frame["discharge status"] = np.where(labels == 1, "came back", "did not")
    return Example(_with_keys(frame, labels), leak="discharge_status")


def leak_nearly() -> Example:
    """Return a table with a column that is known only after the outcome."""
    rng = np.random.default_rng(SEED + 9)
    x = rng.normal(size=(2000, 6))
    labels = _draw_outcomes(rng, x[:, :3] @ [0.8, 0.5, 0.4], 0.25)
    frame = _numbers(x)
    frame["days_later"] = np.where(labels == 1, rng.integers(1, 20, 2000), rng.integers(18, 400, 2000))
    return Example(_with_keys(frame, labels), leak="days_later")


WARDS = {"St Mary’s – Élan": 0.5, "Ward “7” (east)": -0.5, "  padded ": 0.2, 'Äußere, "A"': 0.0, "日本": -0.3}


def awkward_text() -> Example:
    """Return a table with odd names, spaces, non-ASCII letters, booleans, dates, constants, and yes and no as labels."""
    rng = np.random.default_rng(SEED + 10)
    rows = 2500
    x, ward = rng.normal(size=(rows, 4)), rng.choice(list(WARDS), rows)
    smoker, days = rng.random(rows) < 0.3, rng.integers(0, 1500, rows)
    margin = x @ [0.6, -0.4, 0.3, 0.0] + 0.8 * smoker + 0.0008 * days + pd.Series(ward).map(WARDS).to_numpy()
    frame = pd.DataFrame(
        {
            "BMI (kg/m²)": x[:, 0], "x1;x2": x[:, 1], "%change": x[:, 2], "größe": x[:, 3], "Ward name": ward, "is_smoker": smoker,
            "seen on": (np.datetime64("2019-01-01") + days).astype(str), "constant": 1, "empty": np.nan, "same text": "a",
            "1st visit": rng.integers(0, 5, rows), "index": np.arange(rows) % 7, "select": rng.integers(0, 3, rows),
        }
    )  # fmt: skip
    keyed = _with_keys(frame, _draw_outcomes(rng, margin, 0.3))
    keyed[LABEL] = np.where(keyed[LABEL] == 1, "Yes", "No")
    return Example(keyed, {"label": {"column": LABEL, "positive": ["Yes"], "negative": ["No"]}})


def few_groups() -> Example:
    """Return a table with a group of about thirty people."""
    rng = np.random.default_rng(SEED + 11)
    rows = 1500
    x = rng.normal(size=(rows, 5))
    group = rng.choice(["a", "b", "c"], rows, p=[0.9, 0.08, 0.02])
    frame = _numbers(x).assign(group=group, age=rng.integers(18, 90, rows))
    margin = x[:, :3] @ [0.6, 0.4, 0.3] + 0.02 * frame["age"].to_numpy()
    return Example(_with_keys(frame, _draw_outcomes(rng, margin, 0.25)), {"groups": {"ethnic_group": {"column": "group"}}})


def skewed_counts() -> Example:
    """Return counts with long tails."""
    rng = np.random.default_rng(SEED + 12)
    rows = 5000
    counts = rng.negative_binomial(0.4, 0.1, size=(rows, 12))
    margin = (
        0.8 * np.log1p(counts[:, 0]) + 0.5 * (counts[:, 1] > 0) - 0.6 * np.log1p(counts[:, 2]) + 0.5 * np.minimum(counts[:, 3], 4)
    )
    return Example(
        _with_keys(pd.DataFrame(counts, columns=[f"visits {i}" for i in range(12)]), _draw_outcomes(rng, margin, 0.15))
    )


def duplicated_rows() -> Example:
    """Return three identical rows for each person: splitting by row would overstate the performance of a model."""
    rng = np.random.default_rng(SEED + 13)
    people = 500
    x = rng.normal(size=(people, 10))
    labels = _draw_outcomes(rng, x[:, :3] @ [0.5, 0.4, 0.3], 0.3)
    frame = pd.DataFrame(np.repeat(x, 3, axis=0), columns=[f"x{i}" for i in range(10)])
    frame[PERSON] = np.repeat([f"p{number:05}" for number in range(people)], 3)
    frame[LABEL] = np.repeat(labels, 3)
    frame["visit"] = [f"v{number:05}" for number in range(people * 3)]
    return Example(frame, {"index_event": "visit"})


def collinear() -> Example:
    """Return a table with eight near-copies of every column."""
    rng = np.random.default_rng(SEED + 14)
    base = rng.normal(size=(800, 5))
    x = np.concatenate([base + rng.normal(0, 0.05, base.shape) for _ in range(8)], axis=1)
    return Example(_with_keys(_numbers(x), _draw_outcomes(rng, base @ [0.7, 0.6, -0.5, 0.4, 0.2], 0.3)))


def steps() -> Example:
    """Return a table with thresholds and a U-shaped effect."""
    rng = np.random.default_rng(SEED + 15)
    x = rng.uniform(-2, 2, size=(2500, 6))
    margin = 1.2 * (x[:, 0] > 0.7) + 0.9 * x[:, 1] ** 2 + 1.0 * (np.abs(x[:, 2]) < 0.3) + 0.4 * x[:, 3]
    return Example(_with_keys(_numbers(x), _draw_outcomes(rng, margin, 0.3)))


def wide_small() -> Example:
    """Return a table with more columns than events."""
    rng = np.random.default_rng(SEED + 16)
    x = rng.normal(size=(450, 300))
    return Example(_with_keys(_numbers(x), _draw_outcomes(rng, x[:, :20] @ np.full(20, 0.35), 0.3)))


def pure_noise() -> Example:
    """Return a table in which nothing predicts the outcome."""
    rng = np.random.default_rng(SEED + 17)
    x = rng.normal(size=(1000, 10))
    return Example(_with_keys(_numbers(x), (rng.random(1000) < 0.3).astype(int)))


EXAMPLES: dict[str, Callable[[], Example]] = {
    example.__name__: example
    for example in (
        breast_cancer,
        iris,
        wine,
        digits,
        digits_odd,
        diabetes,
        weak_numbers,
        few_rows_linear,
        noise_columns,
        interactions,
        exclusive_or,
        many_levels,
        informative_missing,
        rare_outcome,
        leak_perfect,
        leak_nearly,
        awkward_text,
        few_groups,
        skewed_counts,
        duplicated_rows,
        collinear,
        steps,
        wide_small,
        pure_noise,
    )
}

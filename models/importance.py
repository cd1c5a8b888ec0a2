"""Which predictors a model depends on: the discrimination lost when a concept is shuffled, and how risk follows one predictor."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import stats

from models.explanation import concepts, contributions, plain_codes, plain_name
from models.feature_rows import CodeCounts, FeatureRows
from models.predictors import Predictor, numbers, read_once
from models.risk_model import RiskModel

SHUFFLED_ROWS = 3_000
SHUFFLES = 4
MOST_CONCEPTS = 12
RANKED_ROWS = 400  # contributions of trees cost some milliseconds a row
CURVE_POINTS = 9
CURVE_ROWS = 1_000
IMPORTANCE_COLUMNS = ("concept", "predictor", "auroc_lost", "lower", "upper")
CURVE_COLUMNS = ("predictor", "value", "mean_risk", "lower", "upper")


def permutation_importance(
    model: RiskModel, frame: pd.DataFrame, labels: np.ndarray, seed: int, codes: CodeCounts | None = None
) -> pd.DataFrame:
    """Return the AUROC lost when all predictors of a concept are shuffled together (see IMPORTANCE_COLUMNS), largest first.

    Limits are 95% intervals over repeated shuffles of the same rows: they show how sure the ranking is on these rows only.
    Rows are sampled so that up to half are events, which leaves AUROC as it is.
    """
    draw = np.random.default_rng(seed)
    rows = _balanced(labels, SHUFFLED_ROWS, draw)
    sample, outcome = read_once(plain_codes(model, FeatureRows(frame, codes).take(rows)), model.predictors), labels[rows]
    unshuffled = _auroc(model.predict(sample), outcome)
    importance = []
    for predictors, strongest in _leading(model, sample, draw):
        names = [predictor.name for predictor in predictors]
        lost = [unshuffled - _auroc(model.predict(_shuffled(sample, names, draw)), outcome) for _ in range(SHUFFLES)]
        width = stats.t.ppf(0.975, SHUFFLES - 1) * np.std(lost, ddof=1) / np.sqrt(SHUFFLES)
        mean = float(np.mean(lost))
        importance.append((plain_name(predictors), strongest, mean, mean - width, mean + width))
    table = pd.DataFrame(importance, columns=list(IMPORTANCE_COLUMNS))
    return table.sort_values("auroc_lost", ascending=False, kind="stable").reset_index(drop=True)


def partial_dependence(
    model: RiskModel, frame: pd.DataFrame, predictors: list[str], seed: int, codes: CodeCounts | None = None
) -> pd.DataFrame:
    """Return the mean risk when everyone has the same value of one predictor (see CURVE_COLUMNS), for numbers with values.

    Values are quantiles of the recorded ones; limits are 95% intervals of the mean over the sampled people.
    """
    draw = np.random.default_rng(seed)
    rows = np.sort(draw.choice(len(frame), min(CURVE_ROWS, len(frame)), replace=False))
    sample = FeatureRows(frame, codes).take(rows)
    sample = FeatureRows(read_once(sample.frame, model.predictors), sample.codes)
    kinds = {predictor.name: predictor.kind for predictor in model.predictors}
    lines = [line for name in predictors if kinds.get(name) == "number" for line in _curve(model, sample, frame[name], name)]
    return pd.DataFrame(lines, columns=list(CURVE_COLUMNS))


def _curve(
    model: RiskModel, sample: FeatureRows, column: pd.Series, name: str
) -> Iterator[tuple[str, float, float, float, float]]:
    values = numbers(column)
    values = values[np.isfinite(values)]
    if not len(values):
        return
    for value in np.unique(np.quantile(values, np.linspace(0.02, 0.98, CURVE_POINTS), method="nearest")):
        risk = model.predict(sample.frame.assign(**{name: np.full(len(sample), value, dtype=np.float32)}), sample.codes)
        width = 1.96 * float(risk.std()) / np.sqrt(len(risk))
        yield name, float(value), float(risk.mean()), float(risk.mean()) - width, float(risk.mean()) + width


def _leading(model: RiskModel, sample: pd.DataFrame, draw: np.random.Generator) -> Iterator[tuple[list[Predictor], str]]:
    """Yield the predictors of the concepts that contribute most and the strongest predictor of each: only these are shuffled."""
    chosen = np.sort(draw.choice(len(sample), min(RANKED_ROWS, len(sample)), replace=False))
    values = contributions(model, sample.iloc[chosen]).values
    groups = list(concepts(model.predictors).values())
    strength = np.asarray([np.abs(values[:, places].sum(axis=1)).mean() for places in groups])
    for group in np.argsort(-strength, kind="stable")[:MOST_CONCEPTS]:
        if strength[group] > 0:
            places = groups[group]
            strongest = places[int(np.abs(values[:, places]).mean(axis=0).argmax())]
            yield [model.predictors[place] for place in places], model.predictors[strongest].name


def _balanced(labels: np.ndarray, most: int, draw: np.random.Generator) -> np.ndarray:
    """Choose up to `most` rows, up to half of them events."""
    events, others = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    some = [draw.choice(rows, min(len(rows), most // 2), replace=False) for rows in (events, others)]
    return np.sort(np.concatenate(some))


def _shuffled(sample: pd.DataFrame, names: list[str], draw: np.random.Generator) -> pd.DataFrame:
    order = draw.permutation(len(sample))
    return sample.assign(**{name: sample[name].array.take(order) for name in names})


def _auroc(risk: np.ndarray, labels: np.ndarray) -> float:
    ranks = stats.rankdata(risk)
    events = int(labels.sum())
    others = len(labels) - events
    return (
        float((ranks[labels == 1].sum() - events * (events + 1) / 2) / (events * others)) if events and others else float("nan")
    )

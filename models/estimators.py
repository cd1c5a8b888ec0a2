"""The candidates: which method on which predictors, and the one place that fits and restores them by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from models.boosting import BoostedEstimator, choose_rounds, fit_boosted
from models.logistic import LogisticEstimator, choose_penalty, fit_logistic
from models.predictors import Predictor
from models.settings import CandidateName, CandidateSettings
from models.sparse_logistic import choose_lasso_variance, fit_lasso
from models.training_data import TrainingData
from models.tuned import Tuned

Method = Literal["logistic", "lightgbm"]
Estimator = LogisticEstimator | BoostedEstimator
BASELINE: CandidateName = "age_sex"
COMORBIDITY: CandidateName = "charlson_age_sex"
SCORE_NAMES = ("charlson_shmi_", "hospital_frailty_score_")  # the first that is there
BASELINE_NAMES = ("age_years", "age", "sex_male", "sex")


class NoPredictorsError(ValueError):
    """Raised when a candidate has no predictor to learn from; says which are needed."""


@dataclass(frozen=True)
class CandidateSpec:
    """A candidate: its name, its method and the predictors it may use."""

    name: CandidateName
    method: Method
    predictors: tuple[Predictor, ...]


def candidate_specs(
    settings: CandidateSettings, predictors: Sequence[Predictor]
) -> tuple[tuple[CandidateSpec, ...], tuple[str, ...]]:
    """Give the candidates to train on these predictors, and notes on those that are left out."""
    specs, notes = [], []
    has_deprivation = any(predictor.uses_deprivation for predictor in predictors)
    for name in settings.names:
        if name.endswith("_no_deprivation") and not has_deprivation:
            notes.append(f"{name} is left out: no predictor uses deprivation, so it would be the same model")
            continue
        if name in (BASELINE, COMORBIDITY) and not (settings.baseline_predictors or baseline_where_known(settings, predictors)):
            notes.append(
                f"{name} is left out: no predictor is called {', '.join(BASELINE_NAMES)}; name the columns of age and sex in "
                "candidates.baseline_predictors"
            )
            continue
        if name == COMORBIDITY and not _comorbidity(predictors):
            notes.append(f"{name} is left out: no comorbidity score ({' or '.join(SCORE_NAMES)}...) is among the predictors")
            continue
        specs.append(_spec(name, settings, predictors))
    if not specs:
        raise NoPredictorsError(f"no candidate is left to train: {'; '.join(notes)}. Name others in candidates.names")
    return tuple(specs), tuple(notes)


def _spec(name: CandidateName, settings: CandidateSettings, predictors: Sequence[Predictor]) -> CandidateSpec:
    chosen = curated = tuple(predictor for predictor in predictors if predictor.kind != "code")
    codes = tuple(predictor for predictor in predictors if predictor.kind == "code")
    if name == BASELINE:
        chosen = baseline_predictors(settings, curated)
    elif name == COMORBIDITY:
        chosen = (*baseline_predictors(settings, curated), *_comorbidity(curated))
    elif name.endswith("_code_level"):
        chosen = (*baseline_where_known(settings, curated), *codes)
    elif uses_codes(name):
        chosen = (*curated, *codes)
    if uses_codes(name) and not codes:
        raise NoPredictorsError(f"candidate '{name}' needs code-level columns: no code of study.code_level is frequent enough")
    if name.endswith("_no_deprivation"):
        chosen = tuple(predictor for predictor in chosen if not predictor.uses_deprivation)
    if not chosen:
        raise NoPredictorsError(
            f"candidate '{name}' has no predictors: the catalogue declares {len(predictors)}, none of which it may use"
        )
    return CandidateSpec(name, "lightgbm" if name.startswith("lightgbm") else "logistic", chosen)


def _comorbidity(predictors: Sequence[Predictor]) -> tuple[Predictor, ...]:
    """Give the Charlson score, or where it is not computed the Hospital Frailty Risk Score; nothing without either."""
    for start in SCORE_NAMES:
        found = tuple(predictor for predictor in predictors if predictor.name.startswith(start) and predictor.kind == "number")
        if found:
            return found
    return ()


def uses_codes(name: CandidateName) -> bool:
    """Say whether a candidate learns from code-level columns."""
    return name.endswith("_code_level") or "_both" in name


def baseline_where_known(settings: CandidateSettings, curated: Sequence[Predictor]) -> tuple[Predictor, ...]:
    """Give the baseline's predictors as far as there are any."""
    named = settings.baseline_predictors or BASELINE_NAMES
    return tuple(predictor for predictor in curated if predictor.name in named)


def baseline_predictors(settings: CandidateSettings, predictors: Sequence[Predictor]) -> tuple[Predictor, ...]:
    """Give the predictors of the age and sex baseline; raises NoPredictorsError where the settings name one that is none."""
    by_name = {predictor.name: predictor for predictor in predictors}
    unknown = [name for name in settings.baseline_predictors if name not in by_name]
    if unknown:
        raise NoPredictorsError(
            f"candidates.baseline_predictors names {unknown}, which are no predictors; allowed are {sorted(by_name)}"
        )
    return tuple(by_name[name] for name in settings.baseline_predictors) or baseline_where_known(settings, predictors)


def tune(method: Method, data: TrainingData, rows: np.ndarray, settings: CandidateSettings, seed: int, threads: int) -> Tuned:
    """Choose the tuned number of a method on the given rows (a prior variance, or a number of trees), and its form."""
    if method == "logistic" and data.code_columns:
        return Tuned(choose_lasso_variance(data, rows, settings.logistic, seed))
    if method == "logistic":
        return choose_penalty(data, rows, settings.logistic, seed)
    return choose_rounds(data, rows, settings.lightgbm, seed, threads)


def fit(
    method: Method, data: TrainingData, rows: np.ndarray, tuned: Tuned, settings: CandidateSettings, seed: int, threads: int
) -> Estimator:
    """Fit a method with what was tuned on the given rows (positions)."""
    if method == "logistic" and data.code_columns:
        return fit_lasso(data, rows, tuned.number, settings.logistic, seed)
    if method == "logistic":
        return fit_logistic(data, rows, tuned.number, settings.logistic, seed, tuned.plain)
    return fit_boosted(data, rows, int(tuned.number), settings.lightgbm, seed, threads, tuned.plain)


def estimator_to_files(estimator: Estimator, suffix: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Give an estimator as plain data, and as files what is too large for that."""
    if isinstance(estimator, BoostedEstimator):
        name = f"trees{suffix}.txt"
        return {**estimator.to_dict(), "file": name}, {name: estimator.text.encode()}
    return estimator.to_dict(), {}


def estimator_from_files(content: dict[str, Any], files: dict[str, bytes]) -> Estimator:
    """Rebuild an estimator from `estimator_to_files`."""
    if content["method"] == "lightgbm":
        return BoostedEstimator.from_dict(content, files[content["file"]].decode())
    return LogisticEstimator.from_dict(content)


def unused_predictors(estimator: Estimator, predictors: Sequence[Predictor]) -> tuple[str, ...]:
    """Name the predictors that were constant in training and are therefore not part of the estimator.

    Code-level columns are not named: of thousands an estimator takes those that help it.
    """
    used = set(estimator.used)
    return tuple(predictor.name for predictor in predictors if predictor.kind != "code" and predictor.name not in used)


def missing_share(estimator: Estimator, frame: pd.DataFrame) -> np.ndarray:
    """Give the share of the estimator's predictors that are missing in each row."""
    missing = np.zeros(len(frame))
    for name in estimator.used[: len(estimator.used) - len(estimator.codes)]:  # a code that is not there is no missing value
        missing += frame[name].isna().to_numpy()
    return missing / max(len(estimator.used), 1)

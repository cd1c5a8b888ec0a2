"""The predictors of each candidate, and estimators as files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from models.boosting import BoostedEstimator
from models.candidates import CANDIDATES, Candidate, CandidateName, Method
from models.logistic import LogisticEstimator
from models.methods import Estimator
from models.predictors import Predictor
from models.settings import CandidateSettings

COMORBIDITY_SCORES = ("charlson_shmi_", "hospital_frailty_score_")  # beginnings of names; the first that is computed is used
AGE_AND_SEX = ("age_years", "age", "sex_male", "sex")


class NoPredictorsError(ValueError):
    """Raised when a candidate has no predictor to learn from; names those it needs."""


@dataclass(frozen=True)
class CandidateSpec:
    """A candidate by its name, and the predictors it may use."""

    name: CandidateName
    predictors: tuple[Predictor, ...]

    @property
    def candidate(self) -> Candidate:
        return CANDIDATES[self.name]

    @property
    def method(self) -> Method:
        return self.candidate.method


def candidate_specs(
    settings: CandidateSettings, predictors: Sequence[Predictor]
) -> tuple[tuple[CandidateSpec, ...], tuple[str, ...]]:
    """Return the candidates to train on these predictors, and notes on those that are skipped."""
    reasons = {name: _why_skipped(CANDIDATES[name], settings, predictors) for name in settings.names}
    notes = tuple(f"{name} is skipped: {reason}" for name, reason in reasons.items() if reason)
    specs = tuple(CandidateSpec(name, _predictors_of(name, settings, predictors)) for name in settings.names if not reasons[name])
    if not specs:
        raise NoPredictorsError(f"no candidate is left to train: {'; '.join(notes)}. Name others in candidates.names")
    return specs, notes


def _why_skipped(candidate: Candidate, settings: CandidateSettings, predictors: Sequence[Predictor]) -> str:
    """Return why a candidate is not trained on these predictors; '' if it is."""
    if not candidate.deprivation and not any(predictor.uses_deprivation for predictor in predictors):
        return "no predictor uses deprivation, so it would be the same model"
    if candidate.information not in ("age_sex", "comorbidity_age_sex"):
        return ""
    if not settings.baseline_predictors and not age_and_sex(settings, predictors):
        return (
            f"no predictor is called {', '.join(AGE_AND_SEX)}; name the columns of age and sex in candidates.baseline_predictors"
        )
    if candidate.information == "comorbidity_age_sex" and not _comorbidity(predictors):
        return f"no comorbidity score ({' or '.join(COMORBIDITY_SCORES)}...) is among the predictors"
    return ""


def _predictors_of(name: CandidateName, settings: CandidateSettings, predictors: Sequence[Predictor]) -> tuple[Predictor, ...]:
    """Return the predictors that a candidate learns from; raise NoPredictorsError if there are none."""
    candidate = CANDIDATES[name]
    curated, codes = _by_kind(predictors)
    if candidate.uses_codes and not codes:
        raise NoPredictorsError(f"candidate '{name}' needs code-level columns: no code of study.code_level is frequent enough")
    offered = (*_curated_predictors(candidate, settings, curated), *(codes if candidate.uses_codes else ()))
    chosen = tuple(predictor for predictor in offered if candidate.deprivation or not predictor.uses_deprivation)
    if not chosen:
        raise NoPredictorsError(
            f"candidate '{name}' has no predictors: the catalogue declares {len(predictors)}, none of which it may use"
        )
    return chosen


def _by_kind(predictors: Sequence[Predictor]) -> tuple[list[Predictor], list[Predictor]]:
    """Return the curated and the code-level predictors."""
    curated = [predictor for predictor in predictors if predictor.kind != "code"]
    return curated, [predictor for predictor in predictors if predictor.kind == "code"]


def _curated_predictors(candidate: Candidate, settings: CandidateSettings, curated: Sequence[Predictor]) -> tuple[Predictor, ...]:
    """Return the curated predictors among a candidate's information."""
    if candidate.information == "age_sex":
        return baseline_predictors(settings, curated)
    if candidate.information == "comorbidity_age_sex":
        return (*baseline_predictors(settings, curated), *_comorbidity(curated))
    if candidate.information == "codes_age_sex":
        return age_and_sex(settings, curated)
    return tuple(curated)


def _comorbidity(predictors: Sequence[Predictor]) -> tuple[Predictor, ...]:
    """Return the Charlson score, or if it is not computed the Hospital Frailty Risk Score; nothing without either."""
    for start in COMORBIDITY_SCORES:
        scores = tuple(predictor for predictor in predictors if predictor.name.startswith(start) and predictor.kind == "number")
        if scores:
            return scores
    return ()


def age_and_sex(settings: CandidateSettings, curated: Sequence[Predictor]) -> tuple[Predictor, ...]:
    """Return the baseline's predictors, as far as they are available."""
    named = settings.baseline_predictors or AGE_AND_SEX
    return tuple(predictor for predictor in curated if predictor.name in named)


def baseline_predictors(settings: CandidateSettings, predictors: Sequence[Predictor]) -> tuple[Predictor, ...]:
    """Return the predictors of the age and sex baseline; raise NoPredictorsError if the settings name one that does not exist."""
    by_name = {predictor.name: predictor for predictor in predictors}
    unknown = [name for name in settings.baseline_predictors if name not in by_name]
    if unknown:
        raise NoPredictorsError(
            f"candidates.baseline_predictors names columns that are not predictors: {', '.join(unknown)}. "
            f"Use some of these: {', '.join(sorted(by_name))}"
        )
    return tuple(by_name[name] for name in settings.baseline_predictors) or age_and_sex(settings, predictors)


def estimator_to_files(estimator: Estimator, suffix: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return an estimator as plain data, and as files what is too large for that."""
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
    """Return the predictors that were constant in training and are therefore not part of the estimator.

    Code-level columns are not among them: of thousands an estimator uses only those that improve it.
    """
    used = set(estimator.used)
    return tuple(predictor.name for predictor in predictors if predictor.kind != "code" and predictor.name not in used)


def missing_share(estimator: Estimator, frame: pd.DataFrame) -> np.ndarray:
    """Return the share of the estimator's predictors that are missing in each row."""
    missing = np.zeros(len(frame))
    for name in estimator.used[: len(estimator.used) - len(estimator.codes)]:  # a code without events is not missing
        missing += frame[name].isna().to_numpy()
    return missing / max(len(estimator.used), 1)

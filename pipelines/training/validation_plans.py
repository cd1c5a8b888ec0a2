"""The chosen recipe at earlier dates and in places that did not train it: reported next to the test that decides, and deciding nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from models.candidates import BASELINE
from models.estimators import CandidateSpec
from models.evaluation import evaluate
from models.feature_rows import FeatureRows
from models.risk_model import CoverageNotServedError
from models.scored_rows import scored_rows
from models.settings import CandidateSettings
from models.splitting import SplitRefusedError, person_folds, place_folds, rolling_origins
from models.training import TooFewEventsError, TrainingPlan, train_candidate
from models.training_data import TrainingData
from models.tuned import Tuned
from pipelines.study.settings import StudySettings
from pipelines.training.judging import JudgedCandidate, TestRows
from pipelines.training.training_request import TrainingRequest

SHOWN = (
    "auroc", "average_precision", "brier", "scaled_brier", "calibration_in_the_large", "calibration_slope", "observed_over_expected",
)  # fmt: skip
FEWEST_EVENTS = 20  # of a place or date, below which it is not tested


@dataclass(frozen=True)
class _Part:
    """One test: its name, the training rows (mask) that may train, and the test rows."""

    split: str
    learned: np.ndarray
    features: FeatureRows
    labels: np.ndarray
    counted: bool  # people and events are reported


@dataclass(frozen=True)
class OtherTests:
    """Audit rows of the recipe elsewhere (columns of equity__model_audit, and candidate and split), and notes on what was skipped."""

    rows: pd.DataFrame
    notes: tuple[str, ...]


def check_places(study: StudySettings, frame: pd.DataFrame) -> None:
    """Refuse a kind of place that the rows do not have, or of which they have only one, before anything is trained."""
    kind = study.validation.places
    if kind and kind in frame:
        place_folds(frame[kind])
    elif kind:
        available = [name for name in ("sub_icb_code", "pcn_code", "icb_code", "local_authority_code") if name in frame]
        raise SplitRefusedError(
            f"validation.places names '{kind}', which is not a column of features__person. Use one of these: {', '.join(available) or 'none'}"
        )


def other_tests(
    request: TrainingRequest,
    data: TrainingData,
    test: TestRows,
    specs: Sequence[CandidateSpec],
    candidates: Sequence[JudgedCandidate],
) -> OtherTests:
    """Retrain the recipe of the candidate that discriminates best without each place and up to each earlier date, and test it there.

    A place is tested with what was tuned on all places, by a model trained without the place and without any person tested there. A date is tested
    by the training dates whose outcomes were complete before it, tuned on them.
    """
    study, plan = request.study, request.plan()
    if not study.validation.places and not study.validation.rolling_origins:
        return OtherTests(pd.DataFrame(), ())
    best = _best(candidates)
    spec = next(spec for spec in specs if spec.name == best.name)
    plan = replace(plan, candidates=CandidateSettings.model_validate(best.model.record["settings"]))  # as tuned, where it was
    main = best.model.record["main"]
    tuned = replace(plan, tune_in_folds=False, tuned=Tuned(float(main["tuned"]), bool(main.get("plain", False))))
    tables: list[pd.DataFrame] = []
    notes: list[str] = []
    for part, how in (
        *((part, tuned) for part in _places(study, data, test, notes)),
        *((part, plan) for part in _origins(request, data, notes)),
    ):
        try:
            tables.append(_tested(study, spec, data, part, how))
        except (TooFewEventsError, CoverageNotServedError) as error:
            notes.append(f"{part.split} was not tested: {error}")
    return OtherTests(pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(), tuple(notes))


def _best(candidates: Sequence[JudgedCandidate]) -> JudgedCandidate:
    """Return the candidate whose recipe is tested: the chosen one, or if none is eligible the best apart from the baseline."""
    others = [candidate for candidate in candidates if candidate.name != BASELINE] or list(candidates)
    able = [candidate for candidate in others if candidate.eligible] or others
    return max(able, key=lambda candidate: round(candidate.evaluation.value("auroc"), 6))


def _places(study: StudySettings, data: TrainingData, test: TestRows, notes: list[str]) -> Iterator[_Part]:
    kind = study.validation.places
    if not kind:
        return
    codes, names = place_folds(test.rows.frame[kind])
    rows = np.bincount(codes[codes >= 0], minlength=len(names))
    largest = np.argsort(-rows, kind="stable")[: study.validation.most_places]
    if len(names) > len(largest):
        notes.append(f"by place: the {len(largest)} largest of {len(names)} ({kind}; validation.most_places)")
    trained_in = data.frame[kind].astype("object").astype(str).to_numpy()
    for code in sorted(largest):
        there = codes == code
        if not _enough(test.labels[there]):
            notes.append(f"place {names[code]} was not tested: fewer than {FEWEST_EVENTS} rows with the outcome, or without it")
            continue
        tested = pd.Series(data.person).isin(test.person[there]).to_numpy()
        learned = (trained_in != names[code]) & ~tested
        yield _Part(f"place:{names[code]}", learned, test.rows.features.take(there), test.labels[there], counted=False)


def _origins(request: TrainingRequest, data: TrainingData, notes: list[str]) -> Iterator[_Part]:
    study, data_cut = request.study, request.data_cut
    most = study.validation.rolling_origins
    if not most:
        return
    days = pd.to_datetime(data.frame["index_date"]).dt.date.to_numpy()
    splits = rolling_origins(sorted(set(days)), study.outcome.horizon_days, study.outcome.maturity_days, data_cut)[-most:]
    if len(splits) < most:
        notes.append(
            f"by time: {len(splits)} earlier dates could be tested of {most}: name more training dates, a horizon and maturity apart"
        )
    for split in splits:
        there = days == split.test
        if _enough(data.labels[there]):
            yield _Part(
                f"origin:{split.test}",
                pd.Series(days).isin(split.train).to_numpy(),
                data.features(there),
                data.labels[there],
                counted=True,
            )
        else:
            notes.append(f"date {split.test} was not tested: fewer than {FEWEST_EVENTS} rows with the outcome, or without it")


def _enough(labels: np.ndarray) -> bool:
    events = int(labels.sum())
    return min(events, len(labels) - events) >= FEWEST_EVENTS


def _tested(study: StudySettings, spec: CandidateSpec, data: TrainingData, part: _Part, plan: TrainingPlan) -> pd.DataFrame:
    learned = data.subset(part.learned)
    model = train_candidate(spec, learned, person_folds(learned.person, study.validation.folds, study.seed), plan).model
    frame = part.features.frame.reset_index(drop=True)
    person = frame["person_key"].to_numpy()
    keys = np.asarray(frame["person_id"].astype(str) + "|" + frame["index_event_id"].astype(str))
    evaluation = evaluate(
        scored_rows(model.predict(frame, part.features.codes), part.labels, person, keys), study.capacity, study.seed
    )
    rows = [
        {"metric": name, **{limit: getattr(evaluation.measures[name], limit) for limit in ("value", "lower", "upper")}}
        for name in SHOWN
    ]
    counts = (
        (evaluation.people, evaluation.events) if part.counted else (None, None)
    )  # those of a place are reported by group, under the rules for groups
    return pd.DataFrame(rows).assign(
        candidate=spec.name,
        split=part.split,
        group_kind="all",
        group_name="all",
        people=counts[0],
        events=counts[1],
        suppressed=False,
    )

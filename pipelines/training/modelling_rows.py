"""Feature rows and labels as pandas frames, in order of key: what models train on and score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from expectations.tables.features import CATALOGUE, PERSON_FEATURES
from expectations.tables.risk import LABELS
from models.candidates import CANDIDATES
from models.estimators import age_and_sex
from models.feature_rows import CodeCounts, FeatureRows
from models.need_within_score import RECORDED_NEEDS
from models.predictors import Predictor
from models.settings import CandidateSettings
from pipelines.errors import RefusalError
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake

AUDITED = ("emergency_admissions_730d", "inclusion_health_groups", *RECORDED_NEEDS)  # predictors that the audit reads
LABEL_COLUMNS = "label, outcome_date, death_date, composite_label, follow_up_days, left_list, not_at_risk_reason"


@dataclass(frozen=True)
class ModellingRows:
    """Feature rows with their labels, row by row in order of index date and key, and the counts of codes once they are computed."""

    frame: pd.DataFrame
    labels: pd.DataFrame
    codes: CodeCounts | None = None

    @property
    def features(self) -> FeatureRows:
        """The features as models read them."""
        return FeatureRows(self.frame, self.codes)

    def chosen(self, rows: np.ndarray) -> ModellingRows:
        """Return some of the rows (mask), numbered from 0."""
        codes = None if self.codes is None else self.codes.take(rows)
        return ModellingRows(self.frame[rows].reset_index(drop=True), self.labels[rows].reset_index(drop=True), codes)

    @property
    def at_risk(self) -> np.ndarray:
        """Return for each row whether its outcome is known, leavers included."""
        has_outcome = self.labels["label"].notna() | self.labels["left_list"].fillna(False).astype(bool)
        return np.asarray(has_outcome & (self.labels["not_at_risk_reason"].fillna("") == ""))

    @property
    def left(self) -> np.ndarray:
        return self.labels["left_list"].fillna(False).to_numpy(dtype=bool)


def read_catalogue(lake: Lake) -> pd.DataFrame:
    """Read features__catalogue in its order."""
    return lake.read(CATALOGUE.name).to_pandas()


def read_features(
    lake: Lake, dates: Sequence[date] | None, predictors: Sequence[Predictor], unread: Sequence[str] = ()
) -> pd.DataFrame:
    """Read the feature rows of index dates (of all there are without any), in order of date and key; categories as pandas categories.

    `unread` names columns to exclude: if each row has a separate date, reading is most of the work.
    """
    columns = f"* EXCLUDE ({', '.join(sorted(unread))})" if unread else "*"
    with connect() as con:
        scans = " UNION ALL BY NAME ".join(f"SELECT {columns} FROM {scan}" for scan in _scans(lake, dates))
        frame = con.sql(f"FROM ({scans}) ORDER BY index_date, person_key, index_event_id").df()
    for predictor in predictors:
        if predictor.kind == "category" and predictor.name in frame:
            frame[predictor.name] = frame[predictor.name].astype("category")
    return frame


def read_modelling_rows(
    lake: Lake, dates: Sequence[date] | None, outcome: str, predictors: Sequence[Predictor], unread: Sequence[str] = ()
) -> ModellingRows:
    """Read the feature rows of index dates (see read_features) with the labels of an outcome."""
    frame = read_features(lake, dates, predictors, unread)
    labels = _read_labels(lake, outcome)
    keys = ["person_key", "index_event_id"]
    joined = frame[keys].merge(labels, on=keys, how="left", validate="one_to_one")
    if joined["follow_up_days"].isna().all():
        named = ", ".join(str(day) for day in dates or []) or "any index date"
        raise RefusalError(f"risk__labels holds no '{outcome}' for {named}; build the labels first")
    return ModellingRows(frame, joined.drop(columns=keys))


def offered_predictors(
    candidates: CandidateSettings, predictors: tuple[Predictor, ...]
) -> tuple[tuple[Predictor, ...], list[str]]:
    """Return the curated predictors that some candidate may use, and the names of those that no candidate and no audit needs."""
    names = {predictor.name for predictor in predictors}
    curated = any(CANDIDATES[name].uses_curated for name in candidates.names)
    if curated or not names.issuperset(candidates.baseline_predictors):
        return predictors, []
    kept = age_and_sex(candidates, predictors)
    return kept, sorted(names - {predictor.name for predictor in kept} - set(AUDITED))


def _read_labels(lake: Lake, outcome: str) -> pd.DataFrame:
    with connect() as con:
        return con.execute(
            f"SELECT person_key, index_event_id, {LABEL_COLUMNS} FROM {lake.scan(LABELS.name)} WHERE outcome = ?", [outcome]
        ).df()


def _scans(lake: Lake, dates: Sequence[date] | None) -> list[str]:
    if dates is None and lake.rows(PERSON_FEATURES.name):
        return [lake.scan(PERSON_FEATURES.name)]
    return [_features_of(lake, day) for day in sorted(dates or [])] or [_features_of(lake, None)]


def _features_of(lake: Lake, day: date | None) -> str:
    partition = {"index_date": day.isoformat()} if day else {}
    if not lake.exists(PERSON_FEATURES.name) or not lake.files(PERSON_FEATURES.name, partition):
        raise RefusalError(f"features__person has no rows for the index date {day or '(any)'}; build the features first")
    return lake.scan(PERSON_FEATURES.name, partition)

"""A trained model as one frozen object: predictors, estimators, calibration and bands. Using it fits nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from expectations.code_column import CodeColumn
from models.calibration import Calibrator
from models.estimators import estimator_from_files, estimator_to_files, missing_share
from models.feature_rows import CodeCounts, FeatureRows
from models.logistic import LogisticEstimator
from models.methods import Estimator
from models.predictors import Predictor, check_schema, level_codes
from models.settings import BandSettings
from models.training_data import coverage_of
from models.transforms import CategoryTransform

DESCRIPTION_FILE = "risk_model.json"
ROWS_AT_ONCE = 100_000


class CoverageNotServedError(ValueError):
    """Raised when a model that needs GP feeds is to score people without GP coverage; says what to do."""


@dataclass(frozen=True)
class CalibratedEstimator:
    """An estimator with the map from its margin to a probability."""

    estimator: Estimator
    calibrator: Calibrator

    def risk(self, rows: FeatureRows) -> np.ndarray:
        """Return the calibrated probability of each row."""
        return self.calibrator.risk(self.estimator.margin(rows))


@dataclass(frozen=True)
class RiskModel:
    """A candidate as trained.

    `without_gp` scores the people whose `gp_covered` is false, on predictors that no GP feed supplies. `record` holds
    plain data on the training: rows, people, events, settings, dropped predictors.

    Rows are scored from a frame with the curated predictors, and `codes` with the code-level ones. A served model gets one table:
    without `codes`, code-level predictors are columns of the frame.
    """

    candidate: str
    outcome: str
    horizon_days: int
    predictors: tuple[Predictor, ...]
    main: CalibratedEstimator
    without_gp: CalibratedEstimator | None
    bands: BandSettings
    record: Mapping[str, Any] = field(default_factory=dict)

    def predict(self, frame: pd.DataFrame, codes: CodeCounts | None = None) -> np.ndarray:
        """Return the calibrated risk of each row (float64, 0 to 1); raise SchemaMismatchError or CoverageNotServedError."""
        return self._measured(FeatureRows(frame, codes), lambda part, rows: part.risk(rows))

    def margin(self, frame: pd.DataFrame, codes: CodeCounts | None = None) -> np.ndarray:
        """Return the log odds of each row before calibration."""
        return self._measured(FeatureRows(frame, codes), lambda part, rows: part.estimator.margin(rows))

    def missing_share(self, frame: pd.DataFrame, codes: CodeCounts | None = None) -> np.ndarray:
        """Return the share of the predictors used for each row that are missing in it."""
        return self._measured(FeatureRows(frame, codes), lambda part, rows: missing_share(part.estimator, rows.frame))

    def parts(self, rows: FeatureRows) -> list[tuple[CalibratedEstimator, np.ndarray]]:
        """Return the estimators with the rows (mask) that each of them scores; refuse what `predict` refuses."""
        covered = coverage_of(rows.frame)
        self._check(rows, covered)
        return self._parts(covered)

    def _measured(self, rows: FeatureRows, measure: Callable[[CalibratedEstimator, FeatureRows], np.ndarray]) -> np.ndarray:
        """Measure every row by the estimator that scores it, a block of rows at a time to limit memory."""
        covered = coverage_of(rows.frame)
        self._check(rows, covered)
        out = np.empty(len(rows))
        for start in range(0, len(rows), ROWS_AT_ONCE):
            block = slice(start, start + ROWS_AT_ONCE)
            in_block = rows.take(block)
            for part, chosen in self._parts(covered[block]):
                out[block][chosen] = measure(part, in_block if chosen.all() else in_block.take(chosen))
        return out

    def _check(self, rows: FeatureRows, covered: np.ndarray) -> None:
        check_schema(rows, self.predictors, f"model '{self.candidate}' cannot score these rows")
        if self.without_gp is None and self.needs_gp and not covered.all():
            raise CoverageNotServedError(
                f"{int((~covered).sum())} rows have no GP coverage and model '{self.candidate}' has no estimator without the GP feeds: "
                "train it with candidates.estimator_without_gp, or exclude these rows"
            )

    def _parts(self, covered: np.ndarray) -> list[tuple[CalibratedEstimator, np.ndarray]]:
        if self.without_gp is None:
            return [(self.main, np.ones(len(covered), dtype=bool))] if len(covered) else []
        return [(part, rows) for part, rows in ((self.main, covered), (self.without_gp, ~covered)) if rows.any()]

    @property
    def code_columns(self) -> tuple[CodeColumn, ...]:
        """The code-level columns that it reads, in order."""
        return tuple(predictor.column for predictor in self.predictors if predictor.column is not None)

    @property
    def needs_gp(self) -> bool:
        """Whether the main estimator uses a predictor of a GP feed."""
        return bool(self.record.get("needs_gp", False))

    def unseen_levels(self, frame: pd.DataFrame) -> dict[str, int]:
        """Count the rows whose category was not seen in training (they count as missing), by column."""
        counts = {}
        for name, levels in _known_levels(self.main.estimator).items():
            unseen = int(((level_codes(frame[name], levels) < 0) & frame[name].notna().to_numpy()).sum())
            if unseen:
                counts[name] = unseen
        return counts

    @cached_property
    def digest(self) -> str:
        """Digest of the content: equal digests give equal risks."""
        content = hashlib.sha256()
        for name, value in sorted(self.to_files().items()):
            content.update(f"{name}:{len(value)}:".encode())
            content.update(value)
        return content.hexdigest()

    def to_files(self) -> dict[str, bytes]:
        """Return the model as named text files, without pickle; `from_files` reads them back bit for bit."""
        files: dict[str, bytes] = {}
        parts: dict[str, Any] = {}
        for name, part, suffix in (("main", self.main, ""), ("without_gp", self.without_gp, "_without_gp")):
            if part is not None:
                content, extra = estimator_to_files(part.estimator, suffix)
                parts[name] = {"estimator": content, "calibrator": part.calibrator.to_dict()}
                files.update(extra)
        description = {
            "format": 1,
            "candidate": self.candidate,
            "outcome": self.outcome,
            "horizon_days": self.horizon_days,
            "predictors": [predictor.to_dict() for predictor in self.predictors],
            "parts": parts,
            "bands": self.bands.model_dump(mode="json"),
            "record": dict(self.record),
        }
        files[DESCRIPTION_FILE] = json.dumps(description, indent=1, sort_keys=True, allow_nan=False).encode()
        return files

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> RiskModel:
        """Read a model back from `to_files`."""
        content = json.loads(files[DESCRIPTION_FILE])
        if content["format"] != 1:
            raise ValueError(f"{DESCRIPTION_FILE} has format {content['format']}; this version of Strata reads format 1")
        parts = {
            name: CalibratedEstimator(
                estimator_from_files(part["estimator"], dict(files)), Calibrator.from_dict(part["calibrator"])
            )
            for name, part in content["parts"].items()
        }
        return cls(
            content["candidate"],
            content["outcome"],
            content["horizon_days"],
            tuple(Predictor.from_dict(predictor) for predictor in content["predictors"]),
            parts["main"],
            parts.get("without_gp"),
            BandSettings(**content["bands"]),
            content["record"],
        )


def _known_levels(estimator: Estimator) -> dict[str, tuple[str, ...]]:
    if isinstance(estimator, LogisticEstimator):
        categories = [transform for transform in estimator.transforms if isinstance(transform, CategoryTransform)]
        return {transform.name: (transform.reference, *transform.levels, *transform.others) for transform in categories}
    return {encoding.name: encoding.levels for encoding in estimator.encodings if encoding.levels is not None}

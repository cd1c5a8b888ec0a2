"""How far the champion's features have moved since its training dates, and whether their support agrees; a few columns are read at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from expectations.sql_values import quote
from expectations.tables.features import PERSON_FEATURES
from expectations.tables.monitoring import DRIFT
from expectations.tables.risk import MODELS
from models.disclosure_control import any_small, three_figures
from models.drift import BinnedFeature, Drift, bin_categories, bin_numbers, drift
from models.predictors import Predictor
from pipelines.lake.storage import Lake

VALUES_AT_ONCE = 40_000_000  # of one side: 160 MB as float32


@dataclass(frozen=True)
class WatchedModel:
    """The model whose features are compared, and its training dates."""

    name: str
    version: str
    predictors: tuple[Predictor, ...]
    training_dates: tuple[date, ...]


def training_dates(lake: Lake, model_digest: str) -> tuple[date, ...]:
    """Return a model's recorded training dates; none where rows had separate dates."""
    rows = lake.read(MODELS.name, "inputs", f"model_digest = {quote(model_digest)}", "recorded_at").to_pylist()
    days = json.loads(rows[-1]["inputs"])["dates"]["train"] if rows else []
    return tuple(date.fromisoformat(day) for day in days)


def write_drift(lake: Lake, model: WatchedModel, index_date: date) -> dict[str, object]:
    """Write monitoring__drift of a scoring date; features that are not stored (code-level features) are not compared.

    Without rows of a training date or of the scoring date there is nothing to compare. That is so where rows have separate dates.
    """
    reference = [day for day in model.training_dates if _is_stored(lake, day)]
    by_feature = _drift_by_feature(lake, model, reference, index_date)
    rows = _rows(model, reference, index_date, by_feature)
    part = {"index_date": index_date.isoformat(), "model_name": model.name}
    lake.write(DRIFT, rows, part)
    shifted = [row["feature"] for row in rows if row["status"] == "shifted"]
    return {"features": len(rows), "shifted": len(shifted), "most_moved": str(rows[0]["feature"]) if rows else "none"}


def _drift_by_feature(lake: Lake, model: WatchedModel, reference: Sequence[date], index_date: date) -> dict[str, Drift]:
    """Return the drift of each stored feature; none without rows on both sides."""
    if not reference or not _is_stored(lake, index_date):
        return {}
    stored = set(lake.schema(PERSON_FEATURES.name).names)
    predictors = [predictor for predictor in model.predictors if predictor.kind != "code" and predictor.name in stored]
    return {name: drift(binned) for name, binned in _binned(lake, predictors, reference, index_date)}


def _is_stored(lake: Lake, day: date) -> bool:
    return lake.rows(PERSON_FEATURES.name, {"index_date": day.isoformat()}) > 0


def _binned(
    lake: Lake, predictors: Sequence[Predictor], reference: Sequence[date], index_date: date
) -> Iterator[tuple[str, BinnedFeature]]:
    numbers = [predictor.name for predictor in predictors if predictor.kind == "number"]
    for names in _blocks(lake, numbers, [*reference, index_date]):
        before, after = _columns(lake, names, reference), _columns(lake, names, [index_date])
        for name in names:
            yield name, bin_numbers(_values(before, name), _values(after, name))
    for predictor in predictors:
        if predictor.kind == "category":
            yield (
                predictor.name,
                bin_categories(_levels(lake, predictor.name, reference), _levels(lake, predictor.name, [index_date])),
            )


def _blocks(lake: Lake, names: Sequence[str], days: Sequence[date]) -> Iterator[list[str]]:
    """Yield the columns to read together, so that memory is bounded for any number of rows."""
    rows = sum(lake.rows(PERSON_FEATURES.name, {"index_date": day.isoformat()}) for day in days)
    together = max(1, VALUES_AT_ONCE // max(rows, 1))
    for start in range(0, len(names), together):
        yield list(names[start : start + together])


def _columns(lake: Lake, names: Sequence[str], days: Sequence[date]) -> pa.Table:
    listed = ", ".join(f'CAST("{name}" AS FLOAT) AS "{name}"' for name in names)
    return pa.concat_tables(
        lake.read(PERSON_FEATURES.name, listed, partition={"index_date": day.isoformat()}) for day in sorted(days)
    )


def _values(columns: pa.Table, name: str) -> np.ndarray:
    chunks = [chunk.to_numpy(zero_copy_only=False) for chunk in columns[name].chunks]
    return np.concatenate(chunks).astype(np.float32, copy=False) if chunks else np.empty(0, dtype=np.float32)


def _levels(lake: Lake, name: str, days: Sequence[date]) -> dict[str | None, int]:
    counted: dict[str | None, int] = {}
    for day in days:
        rows = lake.read(
            PERSON_FEATURES.name,
            f'CAST("{name}" AS VARCHAR) AS level, count(*) AS rows',
            "true GROUP BY 1",
            "level",
            {"index_date": day.isoformat()},
        )
        for row in rows.to_pylist():
            counted[row["level"]] = counted.get(row["level"], 0) + row["rows"]
    return counted


def _rows(
    model: WatchedModel, reference: Sequence[date], index_date: date, by_feature: dict[str, Drift]
) -> list[dict[str, object]]:
    predictors = {predictor.name: predictor for predictor in model.predictors}
    rows = []
    for place, name in enumerate(sorted(by_feature, key=lambda name: _most_moved(name, by_feature[name])), start=1):
        moved = by_feature[name]
        missing = [round(share, 3) for share in (moved.share_missing_before, moved.share_missing_after)]
        few = any_small(moved.top_bin_counts)
        rows.append(
            {
                "index_date": index_date,
                "feature": name,
                "label": predictors[name].plain_name,
                "feed": predictors[name].feed,
                "model_name": model.name,
                "model_version": model.version,
                "reference_dates": ", ".join(day.isoformat() for day in sorted(reference)),
                "drift_rank": place,
                "psi": _or_none(three_figures(moved.psi)),
                "psi_by_chance": _or_none(three_figures(moved.psi_by_chance)),
                "status": moved.status,
                "was_constant": moved.was_constant,
                "share_missing_training": missing[0],
                "share_missing": missing[1],
                "share_missing_change": round(missing[1] - missing[0], 3),
                "support_training": _or_none(round(moved.support.share_before, 4)),
                "support": _or_none(round(moved.support.share_after, 4)),
                "support_factor": _or_none(three_figures(moved.support.factor)),
                "support_may_be_chance": moved.support.may_be_chance,
                "top_bin": "" if few else moved.top_bin,
                "top_bin_share_training": None if few else _or_none(three_figures(moved.top_bin_before)),
                "top_bin_share": None if few else _or_none(three_figures(moved.top_bin_after)),
            }
        )
    return rows


def _most_moved(name: str, moved: Drift) -> tuple[bool, float, float, str]:
    """Return the place of a feature in the order: first those that were constant, of which the index says too little."""
    is_new = moved.was_constant and moved.status == "shifted"
    change = abs(moved.share_missing_after - moved.share_missing_before)
    return not is_new, -(moved.psi if np.isfinite(moved.psi) else 0.0), -change, name


def _or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None

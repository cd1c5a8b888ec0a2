"""Why a person has their risk: contributions that sum to the model's margin, one driver per concept."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.code_block import plain_columns
from models.predictors import Predictor
from models.risk_model import RiskModel

FEATURES_SHOWN = 3  # of one driver, the strongest
COLUMNS = ("person_id", "index_event_id", "driver_rank", "driver", "direction", "contribution", "features")


@dataclass(frozen=True)
class Contributions:
    """What each predictor adds to each row's margin (rows x predictors); with `base` a row sums to the margin."""

    values: np.ndarray
    base: np.ndarray
    predictors: tuple[Predictor, ...]


def contributions(model: RiskModel, frame: pd.DataFrame) -> Contributions:
    """Give every predictor's contribution: Shapley values of trees, coefficients times centred values of a regression."""
    place = {predictor.name: position for position, predictor in enumerate(model.predictors)}
    values, base = np.zeros((len(frame), len(model.predictors))), np.zeros(len(frame))
    for part, rows in model.parts(frame):
        everyone = rows.all()
        found, start = part.estimator.contributions(frame if everyone else frame[rows])
        columns = np.asarray([place[name] for name in part.estimator.used], dtype=np.intp)
        if everyone:
            values[:, columns], base[:] = found, start
        else:
            values[np.ix_(np.flatnonzero(rows), columns)], base[rows] = found, start
    return Contributions(values, base, model.predictors)


def plain_codes(frame: pd.DataFrame, model: RiskModel) -> pd.DataFrame:
    """Give rows with the model's code-level columns as plain ones, so that each predictor is a column."""
    return plain_columns(frame, [predictor.name for predictor in model.predictors if predictor.kind == "code"])


def concepts(predictors: Sequence[Predictor]) -> dict[str, list[int]]:
    """Give each concept's predictors (positions): a derived feature belongs to the concept of its first input."""
    by_name = {predictor.name: predictor for predictor in predictors}
    found: dict[str, list[int]] = {}
    for position, predictor in enumerate(predictors):
        found.setdefault(_concept(predictor, by_name), []).append(position)
    return found


def plain_name(predictors: Sequence[Predictor]) -> str:
    """Name a concept as its first predictor is labelled, without the window."""
    return re.sub(r",? (in the )?(last|past) \d+ (days|months|years)\b.*$", "", predictors[0].plain_name)


def drivers(model: RiskModel, frame: pd.DataFrame, per_person: int, not_shown: Collection[str] = ()) -> pd.DataFrame:
    """Give each row's strongest drivers (see COLUMNS), ordered as the rows are; ties by the catalogue's order.

    `frame` holds `person_id` and `index_event_id` besides the predictors. `not_shown` names feeds, concepts and features that
    may not be shown to the reader: a driver made of any of them is left out, never renamed.
    """
    frame = plain_codes(frame, model)
    found = contributions(model, frame)
    groups = {
        name: places for name, places in concepts(model.predictors).items() if not _is_hidden(name, places, model, not_shown)
    }
    if not groups or not len(frame):
        return pd.DataFrame(columns=list(COLUMNS))
    sums = np.column_stack([found.values[:, places].sum(axis=1) for places in groups.values()])
    ranked = np.argsort(-np.abs(sums), axis=1, kind="stable")[:, :per_person]
    row, rank = np.nonzero(np.take_along_axis(sums, ranked, axis=1) != 0.0)
    concept = ranked[row, rank]
    strength = sums[row, concept]
    names = np.asarray([plain_name([model.predictors[place] for place in places]) for places in groups.values()], dtype=object)
    return pd.DataFrame(
        {
            "person_id": frame["person_id"].to_numpy()[row],
            "index_event_id": frame["index_event_id"].to_numpy()[row],
            "driver_rank": (rank + 1).astype(np.int32),
            "driver": names[concept],
            "direction": np.where(strength > 0, "raises", "lowers"),
            "contribution": strength,
            "features": _features_as_json(found, frame, row, concept, list(groups.values())),
        }
    )


def _features_as_json(
    found: Contributions, frame: pd.DataFrame, row: np.ndarray, concept: np.ndarray, groups: list[list[int]]
) -> np.ndarray:
    """Give the strongest features of each driver with the person's values, strongest first."""
    texts = np.empty(len(row), dtype=object)
    for number, places in enumerate(groups):
        at = np.flatnonzero(concept == number)
        if not len(at):
            continue
        strongest = np.argsort(-np.abs(found.values[row[at]][:, places]), axis=1, kind="stable")[:, :FEATURES_SHOWN]
        names = [found.predictors[place].name for place in places]
        values = [_plain_values(frame[name].iloc[row[at]]) for name in names]
        texts[at] = [json.dumps({names[k]: values[k][line] for k in chosen}) for line, chosen in enumerate(strongest)]
    return texts


def _plain_values(column: pd.Series) -> list[object]:
    if pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return [None if np.isnan(value) else int(value) if value.is_integer() else float(f"{value:.6g}") for value in values]
    return [None if pd.isna(value) else str(value) for value in column.astype("object")]


def _concept(predictor: Predictor, by_name: dict[str, Predictor]) -> str:
    first = predictor.concept.split(",")[0].strip()
    if first in by_name and first != predictor.name:
        return by_name[first].concept.split(",")[0].strip() or first
    return first or predictor.name


def _is_hidden(name: str, places: list[int], model: RiskModel, not_shown: Collection[str]) -> bool:
    made_of = [
        model.predictors[place] for place in places
    ]  # a count of all conditions tells of none: its many inputs hide nothing
    feeds = {feed.strip() for predictor in made_of for feed in predictor.feed.split(",")}
    return not {name, *feeds, *(predictor.name for predictor in made_of)}.isdisjoint(not_shown)

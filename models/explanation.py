"""Why a person has their risk: contributions that sum to the model's margin, one driver per topic.

A topic is a concept with all its windows. A feature made of several inputs is a topic with its own label, never that of an input.
A driver is named after something the person has. Where the person has nothing of the topic, the name says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from expectations.time_window import in_the_last
from models.feature_rows import CodeCounts, FeatureRows
from models.predictors import Predictor, numbers
from models.risk_model import RiskModel

FEATURES_SHOWN = 3  # of one driver, the strongest
MANY_INPUTS = 10  # a count of so many inputs does not reveal which of them a person has
OF_PLACES = "attribute"  # statistic of a feature that describes the person's surroundings; its concept is other people's
EVER = ", ever recorded"
WINDOW = re.compile(
    r"(?:, (?:last|past) \d+| in the last(?: [\d,]+)?) (?:day|days|months|years)$"
)  # saved models may have the first form
COLUMNS = ("person_id", "index_event_id", "driver_rank", "driver", "direction", "contribution", "features")


@dataclass(frozen=True)
class Contributions:
    """What each predictor adds to each row's margin (rows x predictors); with `base` a row sums to the margin."""

    values: np.ndarray
    base: np.ndarray
    predictors: tuple[Predictor, ...]


def contributions(model: RiskModel, frame: pd.DataFrame, codes: CodeCounts | None = None) -> Contributions:
    """Return every predictor's contribution: Shapley values of trees, coefficients times centred values of a regression."""
    place = {predictor.name: position for position, predictor in enumerate(model.predictors)}
    rows = FeatureRows(frame, codes)
    values, base = np.zeros((len(rows), len(model.predictors))), np.zeros(len(rows))
    for part, scored in model.parts(rows):
        everyone = scored.all()
        part_values, part_base = part.estimator.contributions(rows if everyone else rows.take(scored))
        columns = np.asarray([place[name] for name in part.estimator.used], dtype=np.intp)
        if everyone:
            values[:, columns], base[:] = part_values, part_base
        else:
            values[np.ix_(np.flatnonzero(scored), columns)], base[scored] = part_values, part_base
    return Contributions(values, base, model.predictors)


def plain_codes(model: RiskModel, rows: FeatureRows) -> pd.DataFrame:
    """Return rows with the model's code-level columns as ordinary ones, so that each predictor is a column of the frame."""
    return rows.with_plain_codes([predictor.name for predictor in model.predictors if predictor.kind == "code"])


def concepts(predictors: Sequence[Predictor]) -> dict[str, list[int]]:
    """Return each topic's predictors (positions): those of one concept, or those made of several inputs under one label."""
    by_name = {predictor.name: predictor for predictor in predictors}
    topics: dict[str, list[int]] = {}
    for position, predictor in enumerate(predictors):
        topics.setdefault(_topic(predictor, by_name), []).append(position)
    return topics


def plain_name(predictors: Sequence[Predictor]) -> str:
    """Return a topic's name: its first predictor's label without the window."""
    return WINDOW.sub("", predictors[0].plain_name)


def drivers(
    model: RiskModel, frame: pd.DataFrame, per_person: int, not_shown: Collection[str] = (), codes: CodeCounts | None = None
) -> pd.DataFrame:
    """Return each row's strongest drivers (see COLUMNS), ordered as the rows are; ties by the catalogue's order.

    `frame` holds `person_id`, `index_event_id` and the predictors, of which `codes` may hold the code-level ones. `not_shown` names feeds, concepts and features that
    may not be shown to the reader: a driver made of any of them is excluded, never renamed.
    """
    frame = plain_codes(model, FeatureRows(frame, codes))
    contributed = contributions(model, frame)
    topics = concepts(model.predictors)
    hidden = _hidden(topics, model.predictors, not_shown)
    groups = {name: places for name, places in topics.items() if name not in hidden}
    if not groups or not len(frame):
        return pd.DataFrame(columns=list(COLUMNS))
    sums = np.column_stack([contributed.values[:, places].sum(axis=1) for places in groups.values()])
    ranked = np.argsort(-np.abs(sums), axis=1, kind="stable")[:, :per_person]
    row, rank = np.nonzero(np.take_along_axis(sums, ranked, axis=1) != 0.0)
    concept = ranked[row, rank]
    strength = sums[row, concept]
    return pd.DataFrame(
        {
            "person_id": frame["person_id"].to_numpy()[row],
            "index_event_id": frame["index_event_id"].to_numpy()[row],
            "driver_rank": (rank + 1).astype(np.int32),
            "driver": _names(frame, row, concept, [[model.predictors[place] for place in places] for places in groups.values()]),
            "direction": np.where(strength > 0, "raises", "lowers"),
            "contribution": strength,
            "features": _features_as_json(contributed, frame, row, concept, list(groups.values())),
        }
    )


def _names(frame: pd.DataFrame, row: np.ndarray, topic: np.ndarray, groups: list[list[Predictor]]) -> np.ndarray:
    """Return the name of each driver for its person (see _names_of_topic)."""
    names = np.empty(len(row), dtype=object)
    for number, predictors in enumerate(groups):
        at = np.flatnonzero(topic == number)
        if len(at):
            names[at] = _names_of_topic(predictors, frame.iloc[row[at]])
    return names


def _names_of_topic(predictors: list[Predictor], people: pd.DataFrame) -> np.ndarray:
    """Return a topic's name for each person: the label of the first feature the person has a value of, zero excluded.

    Where every value is zero or missing, the name says that: "Falls: none in the last 12 months".
    """
    values = np.column_stack([_amounts(people[predictor.name]) for predictor in predictors])
    present = ~np.isnan(values) & (values != 0)
    labels = np.asarray([plain_name([predictor]) for predictor in predictors], dtype=object)
    names = labels[present.argmax(axis=1)]
    absent = ~present.any(axis=1)
    if absent.any():
        longest = _longest_zero(predictors, values[absent])
        names[absent] = np.asarray([_absence(predictors, place) for place in range(-1, len(predictors))], dtype=object)[
            longest + 1
        ]
    return names


def _longest_zero(predictors: list[Predictor], values: np.ndarray) -> np.ndarray:
    """Return the position of the feature with the longest window among those that are zero for a person; -1 where none is."""
    direct = [predictor.concept == predictors[0].concept for predictor in predictors]
    windows = np.asarray([np.inf if one.window_days is None else one.window_days for one in predictors])
    reach = np.where(direct, windows, 0)  # a feature computed from another one has no window
    reaches = np.where(values == 0, reach, -1)
    return np.where((values == 0).any(axis=1), reaches.argmax(axis=1), -1)


def _absence(predictors: list[Predictor], place: int) -> str:
    """Return the name of a topic of which a person has nothing; `place` is a feature that is zero, -1 where all are missing."""
    label = plain_name(predictors)
    topic = label.removesuffix(EVER)
    if place < 0:
        return f"{topic}: no value recorded"
    zero = predictors[place]
    if zero.window_days is not None:
        return f"{topic}: none {in_the_last(zero.window_days)}"
    if topic != label:
        return f"{topic}: not recorded"
    return f"{topic}: no" if zero.unit == "yes/no" else f"{topic}: 0"


def _amounts(column: pd.Series) -> np.ndarray:
    """Return a column as numbers, NaN where missing; a category counts as 1."""
    if pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype):
        return numbers(column)
    return np.where(column.isna(), np.nan, 1.0)


def _features_as_json(
    contributed: Contributions, frame: pd.DataFrame, row: np.ndarray, concept: np.ndarray, groups: list[list[int]]
) -> np.ndarray:
    """Return the strongest features of each driver with the person's values as JSON, strongest first."""
    texts = np.empty(len(row), dtype=object)
    for number, places in enumerate(groups):
        at = np.flatnonzero(concept == number)
        if not len(at):
            continue
        strongest = np.argsort(-np.abs(contributed.values[row[at]][:, places]), axis=1, kind="stable")[:, :FEATURES_SHOWN]
        names = [contributed.predictors[place].name for place in places]
        values = [_plain_values(frame[name].iloc[row[at]]) for name in names]
        texts[at] = [json.dumps({names[k]: values[k][line] for k in chosen}) for line, chosen in enumerate(strongest)]
    return texts


def _plain_values(column: pd.Series) -> list[object]:
    if pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return [None if np.isnan(value) else int(value) if value.is_integer() else float(f"{value:.6g}") for value in values]
    return [None if pd.isna(value) else str(value) for value in column.astype("object")]


def _topic(predictor: Predictor, by_name: Mapping[str, Predictor]) -> str:
    """Return what a predictor is about: its concept, that of its only input, or itself."""
    parts = _parts(predictor)
    if not parts or predictor.statistic == OF_PLACES:
        return predictor.name
    if len(parts) > 1:
        return plain_name([predictor])
    only = by_name.get(parts[0])
    return parts[0] if only is None or only is predictor else _topic(only, by_name)


def _parts(predictor: Predictor) -> list[str]:
    """Return the concept or the inputs that a predictor is made of."""
    return [part for part in (text.strip() for text in predictor.concept.split(",")) if part]


def _hidden(topics: Mapping[str, list[int]], predictors: Sequence[Predictor], not_shown: Collection[str]) -> set[str]:
    """Return the topics that may not be shown, with those made of them.

    Of a feature with many inputs, such as a count of all conditions, only the first input counts: its value reveals none of them.
    """
    topic_of = {predictors[place].name: topic for topic, places in topics.items() for place in places}
    made_of = {topic: _made_of([predictors[place] for place in places]) for topic, places in topics.items()}
    hidden = {topic for topic, parts in made_of.items() if not ({topic} | parts).isdisjoint(not_shown)}
    topics_of = {topic: {topic_of.get(part, "") for part in parts} for topic, parts in made_of.items()}
    return _with_dependents(hidden, topics_of)


def _with_dependents(hidden: set[str], made_of: Mapping[str, set[str]]) -> set[str]:
    """Return some topics and all that are made of them, directly or through others."""
    while True:
        more = {topic for topic, parts in made_of.items() if not hidden.isdisjoint(parts)}
        if more <= hidden:
            return hidden
        hidden = hidden | more


def _made_of(predictors: Sequence[Predictor]) -> set[str]:
    """Return the names, feeds, concepts and inputs of a topic's predictors."""
    names = {predictor.name for predictor in predictors}
    for predictor in predictors:
        parts = _parts(predictor)
        names |= {feed.strip() for feed in predictor.feed.split(",")}
        names |= set(parts if len(parts) < MANY_INPUTS else parts[:1])
    return names

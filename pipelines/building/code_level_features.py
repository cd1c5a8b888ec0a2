"""Code-level features from the lake: read by range of people, counted by the pure kernel, assembled as one sparse matrix.

Nothing is stored. A matrix depends only on core__event, the rows and the columns, and counting it again costs about as much as reading the
events. The columns are chosen once, on training rows. They are part of the model, and scoring counts them again.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from expectations.age import UNKNOWN_BIRTH
from expectations.code_column import CodeColumn
from expectations.tables.core import CODE, CODE_ANCESTOR, CODE_NAME, EVENT, PERSON
from features.anchoring import IndexRows
from features.code_level import (
    CodeEvents,
    CodeLevelSettings,
    CodeSpace,
    chosen_columns,
    code_space,
    frequent_columns,
    icd10_parents,
    needed_slots,
    people_with,
    window_codes,
)
from features.events import EVENT_TYPES
from models.feature_rows import CodeCounts
from models.predictors import Predictor, code_predictor
from pipelines.building.event_reader import read_events
from pipelines.errors import RefusalError
from pipelines.lake.storage import Lake

PEOPLE_PER_RANGE = 32_768
EVENT_COLUMNS = ("person_key", "event_date", "available_date", "event_type", "code")
FEED_OF_TYPE = {kind.name: kind.feed for kind in EVENT_TYPES}


@dataclass(frozen=True)
class ChosenCodes:
    """Counts of code-level columns for some rows, and the columns as predictors."""

    counts: CodeCounts
    predictors: tuple[Predictor, ...]


def approved_codes(settings: CodeLevelSettings, allowed_feeds: Sequence[str] | None) -> CodeLevelSettings:
    """Return the settings without the event types of feeds that the approval does not cover (None: all are covered)."""
    types = tuple(name for name in settings.event_types if allowed_feeds is None or FEED_OF_TYPE[name] in allowed_feeds)
    return settings.model_copy(update={"event_types": types})


def choose_codes(
    lake: Lake, frame: pd.DataFrame, settings: CodeLevelSettings, threads: int, training: NDArray[np.bool_] | None = None
) -> ChosenCodes:
    """Choose the columns that enough people of the training rows (all rows without `training`) have, and count them for every row.

    The frame holds person_key and index_date.
    """
    space = _space(lake, settings.event_types, settings.windows_days, settings.groups, settings.group_levels)
    parts = _count(lake, frame, space, None, threads)
    person = frame["person_key"].to_numpy()
    chosen_on = np.ones(len(frame), dtype=bool) if training is None else training
    people = np.zeros(_width(space), dtype=np.int64)
    for at, counted in parts:
        people += people_with(counted[chosen_on[at]], person[at[chosen_on[at]]])
    places, columns = _in_order(space, frequent_columns(people, len(np.unique(person[chosen_on])), space, settings), settings)
    matrix = _assembled([(at, chosen_columns(counted, places, settings.statistic)) for at, counted in parts], len(columns))
    predictors = predictors_of(lake, columns)
    return ChosenCodes(CodeCounts(matrix, tuple(predictor.name for predictor in predictors)), predictors)


def _in_order(
    space: CodeSpace, places: NDArray[np.int64], settings: CodeLevelSettings
) -> tuple[NDArray[np.int64], tuple[CodeColumn, ...]]:
    """Return columns in an order that does not depend on how the lake numbers its codes."""
    kind = {name: place for place, name in enumerate(space.types)}
    columns = space.columns(places, settings.statistic)
    keys = [(kind[c.event_type], c.group_levels, c.code_system, c.code, c.window_days) for c in columns]
    order = sorted(range(len(columns)), key=keys.__getitem__)
    return places[order], tuple(columns[place] for place in order)


def count_codes(lake: Lake, frame: pd.DataFrame, columns: Sequence[CodeColumn], threads: int) -> CodeCounts | None:
    """Count columns for the rows of a frame that holds person_key and index_date; return None if there are no columns.

    A code that no one has is an empty column.
    """
    if not columns:
        return None
    types = list(dict.fromkeys(column.event_type for column in columns))
    levels = max(column.group_levels for column in columns)
    space = _space(lake, types, [column.window_days for column in columns], _groups_of(columns), levels)
    places, statistic = space.places(columns), columns[0].statistic
    parts = _count(lake, frame, space, needed_slots(space, places), threads)
    matrix = _assembled([(at, chosen_columns(counted, places, statistic)) for at, counted in parts], len(columns))
    return CodeCounts(matrix, tuple(column.name for column in columns))


def _groups_of(columns: Sequence[CodeColumn]) -> str:
    """Return the kind of groups (as in the settings) that columns count."""
    systems = {column.code_system for column in columns if column.group_levels}
    if not systems:
        return "none"
    return "icd10_three_characters" if "icd10" in systems else "omop_ancestors"


def predictors_of(lake: Lake, columns: Sequence[CodeColumn]) -> tuple[Predictor, ...]:
    """Return the predictors of columns, labelled with the names of their codes if the lake has them."""
    named: dict[tuple[str, str], str] = {}
    requested = {(column.code_system, column.code) for column in columns}
    rows = lake.read_or_empty(CODE_NAME, "code_system, source_code, name")
    for system, code, name in zip(*(rows[column].to_pylist() for column in rows.column_names), strict=True):
        if (system, code) in requested:
            named[system, code] = name
    return tuple(
        code_predictor(column, column.label(named.get((column.code_system, column.code), "")), FEED_OF_TYPE[column.event_type])
        for column in columns
    )


def _space(lake: Lake, types: Sequence[str], windows: Sequence[int], groups: str, levels: int) -> CodeSpace:
    rows = lake.read(CODE.name, "code, code_system, source_code", order="code")
    codes = list(zip(*(rows[name].to_pylist() for name in rows.column_names), strict=True))
    if groups == "icd10_three_characters":
        return code_space(types, windows, codes, icd10_parents(codes))
    if groups == "omop_ancestors":
        return code_space(types, windows, codes, _omop_parents(lake, levels), levels)
    return code_space(types, windows, codes)


def _omop_parents(lake: Lake, levels: int) -> dict[int, list[tuple[str, str]]]:
    rows = lake.read_or_empty(CODE_ANCESTOR, "code, ancestor_code", f"levels <= {levels}", "code, ancestor_code")
    if not rows.num_rows:
        raise RefusalError(
            "study.code_level.groups is omop_ancestors, and core__code_ancestor has no rows. Put CONCEPT_ANCESTOR into the CDM's folder "
            "and run again, or set groups to none"
        )
    parents: dict[int, list[tuple[str, str]]] = {}
    for code, ancestor in zip(rows["code"].to_pylist(), rows["ancestor_code"].to_pylist(), strict=True):
        parents.setdefault(code, []).append(("omop", ancestor))
    return parents


def _count(
    lake: Lake, frame: pd.DataFrame, space: CodeSpace, slots: NDArray[np.bool_] | None, threads: int
) -> list[tuple[NDArray[np.int64], sparse.csr_matrix]]:
    """Count each range's rows: their places in the frame and the matrix of the space's columns."""
    person = frame["person_key"].to_numpy(dtype=np.int32)
    index_day = frame["index_date"].to_numpy().astype("datetime64[D]").astype(np.int32)
    birth, files = _birth_days(lake), lake.files(EVENT.name)
    where = person // PEOPLE_PER_RANGE

    def one(number: int) -> tuple[NDArray[np.int64], sparse.csr_matrix]:
        at = np.flatnonzero(where == number)
        first = int(number) * PEOPLE_PER_RANGE
        events = CodeEvents.from_arrow(read_events(files, first, first + PEOPLE_PER_RANGE, EVENT_COLUMNS))
        return at, window_codes(events, IndexRows(person[at], index_day[at], birth[person[at]]), space, slots)

    with ThreadPoolExecutor(max(1, threads)) as pool:
        return list(pool.map(one, np.unique(where).tolist()))


def _birth_days(lake: Lake) -> NDArray[np.int32]:
    """Return birth days by person key."""
    rows = lake.read(PERSON.name, "person_key, CAST(epoch(birth_date) // 86400 AS INTEGER) AS day")
    key, day = rows["person_key"].to_numpy(), rows["day"].fill_null(int(UNKNOWN_BIRTH)).to_numpy()
    birth = np.full(int(key.max(initial=0)) + 1, UNKNOWN_BIRTH, dtype=np.int32)
    birth[key] = day
    return birth


def _assembled(parts: Sequence[tuple[NDArray[np.int64], sparse.csr_matrix]], width: int) -> sparse.csr_matrix:
    """Return the rows of all ranges in the frame's order."""
    if not parts:
        return sparse.csr_matrix((0, width), dtype=np.float32)
    stacked = sparse.vstack([part for _, part in parts], "csr")
    at = np.concatenate([places for places, _ in parts])
    return stacked if (np.diff(at) > 0).all() else stacked[np.argsort(at)]


def _width(space: CodeSpace) -> int:
    return (space.own + len(space.groups)) * len(space.windows)

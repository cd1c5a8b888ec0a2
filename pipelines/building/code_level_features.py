"""Code-level features from the lake: read by range of people, counted by the pure kernel, put together as one sparse matrix.

Nothing is stored: a matrix follows from core__event, the rows and the columns, and is counted anew for about the cost of
reading the events. The columns are chosen on training rows once, are part of the model, and are built again to score.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from expectations.code_column import CodeColumn
from expectations.tables.core import CODE, CODE_ANCESTOR, CODE_NAME, EVENT, PERSON
from features.anchoring import NEVER, IndexRows
from features.code_level import (
    CodeEvents,
    CodeLevelSettings,
    CodeSpace,
    chosen_columns,
    code_space,
    frequent_columns,
    icd10_parents,
    people_with,
    wanted_slots,
    window_codes,
)
from features.events import EVENT_TYPES
from models.code_block import with_codes
from models.predictors import Predictor, code_predictor
from pipelines.building.event_reader import read_events
from pipelines.errors import RefusalError
from pipelines.lake.storage import Lake

PEOPLE_PER_RANGE = 32_768
EVENT_COLUMNS = ("person_key", "event_date", "available_date", "event_type", "code")
FEED_OF_TYPE = {kind.name: kind.feed for kind in EVENT_TYPES}


@dataclass(frozen=True)
class ChosenCodes:
    """Rows with their code-level columns, and the columns as predictors."""

    frame: pd.DataFrame
    predictors: tuple[Predictor, ...]


def choose_codes(
    lake: Lake, frame: pd.DataFrame, settings: CodeLevelSettings, threads: int, allowed_feeds: Sequence[str] | None = None,
    training: NDArray[np.bool_] | None = None,
) -> ChosenCodes:  # fmt: skip
    """Choose the columns that enough people of the training rows (all without `training`) have, and put them into the frame.

    The frame holds person_key and index_date. Types of feeds that the approval does not cover are left out.
    """
    types = [name for name in settings.event_types if allowed_feeds is None or FEED_OF_TYPE[name] in allowed_feeds]
    space = _space(lake, types, settings.windows_days, settings.groups, settings.group_levels)
    parts = _count(lake, frame, space, None, threads)
    person = frame["person_key"].to_numpy()
    counts = np.ones(len(frame), dtype=bool) if training is None else training
    people = np.zeros(_width(space), dtype=np.int64)
    for at, counted in parts:
        people += people_with(counted[counts[at]], person[at[counts[at]]])
    places, columns = _in_order(space, frequent_columns(people, len(np.unique(person[counts])), space, settings), settings)
    matrix = _assembled([(at, chosen_columns(counted, places, settings.statistic)) for at, counted in parts], len(columns))
    predictors = predictors_of(lake, columns)
    return ChosenCodes(with_codes(frame, matrix, [predictor.name for predictor in predictors]), predictors)


def _in_order(
    space: CodeSpace, places: NDArray[np.int64], settings: CodeLevelSettings
) -> tuple[NDArray[np.int64], tuple[CodeColumn, ...]]:
    """Put columns in an order that does not depend on how the lake numbers its codes."""
    kind = {name: place for place, name in enumerate(space.types)}
    columns = space.columns(places, settings.statistic)
    keys = [(kind[c.event_type], c.group_levels, c.code_system, c.code, c.window_days) for c in columns]
    order = sorted(range(len(columns)), key=keys.__getitem__)
    return places[order], tuple(columns[place] for place in order)


def with_code_columns(lake: Lake, frame: pd.DataFrame, columns: Sequence[CodeColumn], threads: int) -> pd.DataFrame:
    """Put given columns into a frame that holds person_key and index_date; a code that nobody has is an empty column."""
    if not columns:
        return frame
    types = list(dict.fromkeys(column.event_type for column in columns))
    levels = max(column.group_levels for column in columns)
    in_groups = {column.code_system for column in columns if column.group_levels}
    groups = "icd10_three_characters" if "icd10" in in_groups else "omop_ancestors" if in_groups else "none"
    space = _space(lake, types, [column.window_days for column in columns], groups, levels)
    places, statistic = space.places(columns), columns[0].statistic
    parts = _count(lake, frame, space, wanted_slots(space, places), threads)
    matrix = _assembled([(at, chosen_columns(counted, places, statistic)) for at, counted in parts], len(columns))
    return with_codes(frame, matrix, [column.name for column in columns])


def predictors_of(lake: Lake, columns: Sequence[CodeColumn]) -> tuple[Predictor, ...]:
    """Give the predictors of columns, labelled with what their codes are called where the lake knows."""
    named: dict[tuple[str, str], str] = {}
    wanted = {(column.code_system, column.code) for column in columns}
    rows = lake.read_or_empty(CODE_NAME, "code_system, source_code, name")
    for system, code, name in zip(*(rows[column].to_pylist() for column in rows.column_names), strict=True):
        if (system, code) in wanted:
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
            "study.code_level.groups is omop_ancestors, and core__code_ancestor holds none: put CONCEPT_ANCESTOR into the CDM's folder "
            "and run again, or set groups to none"
        )
    parents: dict[int, list[tuple[str, str]]] = {}
    for code, ancestor in zip(rows["code"].to_pylist(), rows["ancestor_code"].to_pylist(), strict=True):
        parents.setdefault(code, []).append(("omop", ancestor))
    return parents


def _count(
    lake: Lake, frame: pd.DataFrame, space: CodeSpace, wanted: NDArray[np.bool_] | None, threads: int
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
        return at, window_codes(events, IndexRows(person[at], index_day[at], birth[person[at]]), space, wanted)

    with ThreadPoolExecutor(max(1, threads)) as pool:
        return list(pool.map(one, np.unique(where).tolist()))


def _birth_days(lake: Lake) -> NDArray[np.int32]:
    """Give birth days by person key."""
    rows = lake.read(PERSON.name, "person_key, CAST(epoch(birth_date) // 86400 AS INTEGER) AS day")
    key, day = rows["person_key"].to_numpy(), rows["day"].fill_null(int(NEVER)).to_numpy()
    birth = np.full(int(key.max(initial=0)) + 1, NEVER, dtype=np.int32)
    birth[key] = day
    return birth


def _assembled(parts: Sequence[tuple[NDArray[np.int64], sparse.csr_matrix]], width: int) -> sparse.csr_matrix:
    """Put the ranges' rows together in the frame's order."""
    if not parts:
        return sparse.csr_matrix((0, width), dtype=np.float32)
    stacked = sparse.vstack([part for _, part in parts], "csr")
    at = np.concatenate([places for places, _ in parts])
    return stacked if (np.diff(at) > 0).all() else stacked[np.argsort(at)]


def _width(space: CodeSpace) -> int:
    return (space.own + len(space.groups)) * len(space.windows)

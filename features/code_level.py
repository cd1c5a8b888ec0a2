"""Code-level features: each code of the chosen event types in nested windows, as a sparse matrix, computed by range of people.

A *slot* is an event type with a code or with a group of codes. A column is a slot in a window: column slot * windows + w counts the events
of the slot in the w-th window. The rules of the curated features apply: an event counts if it happened and was known before the index date,
and a window of w days includes the days index_date - w to index_date - 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel, Field, field_validator
from scipy import sparse

from expectations.code_column import CodeColumn, CodeStatistic
from features.anchoring import IndexRows, available_before, not_before_birth
from features.events import NUMBER_OF

LONGEST = 36_525  # days: the longest window, 100 years


class CodeLevelSettings(BaseModel, extra="forbid", frozen=True):
    """Settings of code-level features: which codes become columns."""

    event_types: tuple[str, ...] = Field(
        default=("hospital_diagnosis", "gp_observation", "gp_medication", "omop_condition", "omop_drug", "omop_measurement"),
        min_length=1,
        description="types of event whose codes become columns",
    )
    windows_days: tuple[int, ...] = Field(
        default=(30, 180, 365), min_length=1, description="windows, in days before the index date"
    )
    statistic: CodeStatistic = Field(
        default="flag", description="flag: whether the code occurs in the window; count: how often it occurs"
    )
    minimum_share: float = Field(
        default=0.001, ge=0, lt=1, description="smallest share of the training people who must have the code in the window"
    )
    minimum_people: int = Field(
        default=20, ge=1, description="smallest number of training people who must have the code in the window"
    )
    groups: Literal["none", "icd10_three_characters", "omop_ancestors"] = Field(
        default="none",
        description="groups of codes that get columns as well: the first three characters of ICD-10 codes, or the ancestors in the "
        "OMOP vocabulary (CONCEPT_ANCESTOR)",
    )
    group_levels: int = Field(
        default=3, ge=1, le=50, description="highest number of levels between a code and an ancestor that becomes a group"
    )

    @field_validator("event_types")
    @classmethod
    def _types_are_known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in names if name not in NUMBER_OF]
        if unknown:
            raise ValueError(f"unknown event types: {', '.join(unknown)}; use any of {', '.join(NUMBER_OF)}")
        return tuple(dict.fromkeys(names))

    @field_validator("windows_days")
    @classmethod
    def _windows_rise(cls, windows: tuple[int, ...]) -> tuple[int, ...]:
        if not all(0 < window <= LONGEST for window in windows):
            raise ValueError(f"a window must have 1 to {LONGEST:,} days; these are {', '.join(map(str, windows))}")
        return tuple(sorted(set(windows)))


@dataclass(frozen=True)
class CodeEvents:
    """Events in order of person and date, as arrays; dates are days since 1970."""

    person: NDArray[np.int32]
    event_day: NDArray[np.int32]
    available_day: NDArray[np.int32]
    event_type: NDArray[np.int16]
    code: NDArray[np.int32]

    @classmethod
    def from_arrow(cls, table: pa.Table) -> CodeEvents:
        """Build from the columns of core__event, sorted by person and date where they are not."""
        names = ("person_key", "event_date", "available_date", "event_type", "code")
        columns = [table.column(name).combine_chunks() for name in names]
        person, day, available, kind, code = (
            (column.view(pa.int32()) if pa.types.is_date32(column.type) else column).to_numpy(zero_copy_only=False)
            for column in columns
        )
        step = np.diff(person)
        if (step < 0).any() or (np.diff(day)[step == 0] < 0).any():
            order = np.lexsort((day, person))
            person, day, available, kind, code = (column[order] for column in (person, day, available, kind, code))
        return cls(person, day, available, kind, code)


@dataclass(frozen=True)
class CodeSpace:
    """All slots: one for each event type and code, then the groups; `members` holds the codes of each group."""

    windows: tuple[int, ...]
    types: tuple[str, ...]
    codes: tuple[tuple[str, str], ...]  # system and code by number; number 0 means no code
    groups: tuple[tuple[str, str, str], ...]  # event type, system and code
    members: sparse.csr_matrix  # slots of codes x groups, 1 where the group includes the code
    group_levels: int

    @property
    def own(self) -> int:
        """Number of slots of single codes."""
        return len(self.types) * len(self.codes)

    def columns(self, places: NDArray[np.int64], statistic: CodeStatistic) -> tuple[CodeColumn, ...]:
        """Return the columns at positions of the matrix."""
        slots, windows = np.divmod(places, len(self.windows))
        return tuple(
            self._column(slot, self.windows[w], statistic) for slot, w in zip(slots.tolist(), windows.tolist(), strict=True)
        )

    def _column(self, slot: int, window: int, statistic: CodeStatistic) -> CodeColumn:
        if slot >= self.own:
            return CodeColumn(*self.groups[slot - self.own], window, statistic, self.group_levels)
        kind, number = divmod(slot, len(self.codes))
        return CodeColumn(self.types[kind], *self.codes[number], window, statistic)

    def places(self, columns: Sequence[CodeColumn]) -> NDArray[np.int64]:
        """Return the position of each column; -1 for a code that the dictionary does not have."""
        kind = {name: place for place, name in enumerate(self.types)}
        number = {code: place for place, code in enumerate(self.codes) if place}
        group = {key: self.own + place for place, key in enumerate(self.groups)}
        window = {days: place for place, days in enumerate(self.windows)}
        positions = np.full(len(columns), -1, dtype=np.int64)
        for place, column in enumerate(columns):
            code = (column.code_system, column.code)
            slot = (
                group.get((column.event_type, *code))
                if column.group_levels
                else kind[column.event_type] * len(self.codes) + number[code]
                if code in number
                else None
            )
            if slot is not None:
                positions[place] = slot * len(self.windows) + window[column.window_days]
        return positions


def code_space(
    types: Sequence[str], windows: Sequence[int], codes: Sequence[tuple[int, str, str]],
    parents: Mapping[int, Sequence[tuple[str, str]]] | None = None, group_levels: int = 1,
) -> CodeSpace:  # fmt: skip
    """Number the slots of a dictionary (number, system, code); `parents` maps a code's number to its groups (system, code)."""
    parents = parents or {}
    names = [("", "")] * (max((number for number, _, _ in codes), default=0) + 1)
    for number, system, code in codes:
        names[number] = (system, code)
    ancestors = sorted(set(chain.from_iterable(parents.values())))
    groups = tuple((kind, system, code) for kind in types for system, code in ancestors)
    place = {parent: position for position, parent in enumerate(ancestors)}
    pairs = [(number, place[parent]) for number, of_code in sorted(parents.items()) for parent in of_code]
    below, above = np.asarray(pairs, dtype=np.int64).reshape(-1, 2).T
    steps = np.arange(len(types))[:, None]
    rows, columns = (below + steps * len(names)).ravel(), (above + steps * len(ancestors)).ravel()
    members = sparse.csr_matrix((np.ones(len(rows), np.int32), (rows, columns)), shape=(len(types) * len(names), len(groups)))
    return CodeSpace(tuple(sorted(set(windows))), tuple(types), tuple(names), groups, members, group_levels)


def icd10_parents(codes: Sequence[tuple[int, str, str]]) -> dict[int, list[tuple[str, str]]]:
    """Return the group of each ICD-10 code: its first three characters."""
    return {number: [("icd10", code[:3])] for number, system, code in codes if system == "icd10" and len(code) >= 3}


def window_codes(
    events: CodeEvents, rows: IndexRows, space: CodeSpace, needed: NDArray[np.bool_] | None = None
) -> sparse.csr_matrix:
    """Count events by row, slot and window and return rows x columns of the space (int32); rows may be in any order.

    `needed` flags the slots of single codes to count; None counts all. Groups are counted from these slots.
    """
    row, slot, bucket = _counted(events, rows, space, needed)
    counted = _nested(row, slot, bucket, len(rows.person), space)
    if not space.groups:
        return counted
    members = sparse.kron(space.members, sparse.identity(len(space.windows), np.int32, "csr"), "csr")
    return sparse.hstack([counted, counted @ members], "csr")


def _counted(
    events: CodeEvents, rows: IndexRows, space: CodeSpace, needed: NDArray[np.bool_] | None
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.uint8]]:
    """Return the row, the slot and the position of the smallest window of each event that counts."""
    longest = space.windows[-1]
    moment = (events.person.astype(np.int64) << 23) + events.event_day
    day = rows.index_day.astype(np.int64)
    here = rows.person.astype(np.int64) << 23
    first, last = np.searchsorted(moment, here + day - longest), np.searchsorted(moment, here + day)
    number = last - first
    row = np.repeat(np.arange(len(first)), number)
    event = np.arange(len(row)) + np.repeat(first - np.concatenate([[0], np.cumsum(number)[:-1]]), number)
    slot = _slots(events, event, space)
    keep = slot >= 0 if needed is None else (slot >= 0) & needed[np.maximum(slot, 0)]
    row, event, slot = row[keep], event[keep], slot[keep]
    event_day, index_day = events.event_day[event], rows.index_day[row]
    keep = available_before(event_day, events.available_day[event], index_day) & not_before_birth(event_day, rows.birth_day[row])
    bucket = np.searchsorted(np.asarray(space.windows), np.arange(longest + 1)).astype(np.uint8)
    return row[keep], slot[keep], bucket[(index_day - event_day)[keep]]


def _slots(events: CodeEvents, event: NDArray[np.int64], space: CodeSpace) -> NDArray[np.int32]:
    """Return the slot of some events; -1 for an event of another type or without a code."""
    start = np.full(max(NUMBER_OF.values()) + 1, -1, dtype=np.int32)
    start[[NUMBER_OF[name] for name in space.types]] = np.arange(len(space.types)) * len(space.codes)
    kind, code = start[events.event_type[event]], events.code[event]
    return np.where((kind >= 0) & (code > 0), kind + code, np.int32(-1))


def _nested(
    row: NDArray[np.int64], slot: NDArray[np.int32], bucket: NDArray[np.uint8], rows: int, space: CodeSpace
) -> sparse.csr_matrix:
    """Count (row, slot) in each window with one sort: a window includes its own bucket and all smaller ones."""
    windows = len(space.windows)
    key = (row * space.own + slot) * windows + bucket
    key.sort()
    pair, bucket = np.divmod(key, windows)
    new = np.concatenate([[True], pair[1:] != pair[:-1]]) if len(pair) else np.zeros(0, dtype=bool)
    pairs = pair[new]
    place = np.cumsum(new) - 1
    cells = np.bincount(place * windows + bucket, minlength=len(pairs) * windows).astype(np.int32).reshape(-1, windows)
    cells = np.cumsum(cells, axis=1, dtype=np.int32)
    filled, window = np.nonzero(cells)
    at_row, at_slot = np.divmod(pairs[filled], space.own)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(at_row, minlength=rows))])
    indices = at_slot * windows + window
    shape = (rows, space.own * windows)
    return sparse.csr_matrix((cells[filled, window], indices.astype(np.int32), indptr.astype(np.int64)), shape=shape)


def people_with(matrix: sparse.csr_matrix, person: NDArray) -> NDArray[np.int64]:
    """Count the people with an event in each column; several rows of a person count once."""
    people, of_row = np.unique(person, return_inverse=True)
    if len(people) == len(person):
        return np.bincount(matrix.indices, minlength=matrix.shape[1])
    key = np.repeat(of_row, np.diff(matrix.indptr)) * matrix.shape[1] + matrix.indices
    return np.bincount(np.unique(key) % matrix.shape[1], minlength=matrix.shape[1])


def frequent_columns(
    people: NDArray[np.int64], everyone: int, space: CodeSpace, settings: CodeLevelSettings
) -> NDArray[np.int64]:  # fmt: skip
    """Return the positions of the columns that enough training people have.

    A group in which only one code occurs is excluded, because it equals that code.
    """
    least = max(settings.minimum_people, settings.minimum_share * everyone)
    enough = people >= least
    if space.groups:
        windows = len(space.windows)
        occurring = people[: space.own * windows].reshape(-1, windows)[:, -1] > 0
        alone = np.asarray((space.members.T @ occurring.astype(np.int64)) < 2)
        enough[space.own * windows :] &= ~np.repeat(alone, windows)
    return np.flatnonzero(enough)


def chosen_columns(matrix: sparse.csr_matrix, places: NDArray[np.int64], statistic: CodeStatistic) -> sparse.csr_matrix:
    """Return columns of a matrix of counts, in order, as float32; a position of -1 becomes an empty column."""
    column = np.full(matrix.shape[1], -1, dtype=np.int32)
    column[places[places >= 0]] = np.flatnonzero(places >= 0)
    indices = column[matrix.indices]
    kept = indices >= 0
    indptr = np.concatenate([[0], np.cumsum(kept)])[matrix.indptr]
    indices = indices[kept]
    data = np.ones(len(indices), np.float32) if statistic == "flag" else matrix.data[kept].astype(np.float32)
    columns = sparse.csr_matrix((data, indices, indptr), shape=(matrix.shape[0], len(places)))
    columns.sort_indices()
    return columns


def needed_slots(space: CodeSpace, places: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which slots of single codes are needed for some columns."""
    slots = np.unique(places[places >= 0] // len(space.windows))
    needed = np.zeros(space.own, dtype=bool)
    needed[slots[slots < space.own]] = True
    groups = slots[slots >= space.own] - space.own
    if len(groups):
        needed[np.unique(space.members[:, groups].tocoo().row)] = True
    return needed

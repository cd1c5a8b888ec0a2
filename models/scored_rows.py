"""Labels and risks in order of risk: what every measure of a model is computed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from models.splitting import person_hash


@dataclass(frozen=True)
class ScoredRows:
    """Rows by falling risk; equal risks are in the order of a hash of their key, which favours no one.

    `person` holds dense codes, or None where every person has one row. `position` says where each row stood.
    """

    labels: np.ndarray
    risk: np.ndarray
    person: np.ndarray | None
    position: np.ndarray

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.labels)

    @cached_property
    def events(self) -> int:
        """Number of rows with the outcome."""
        return int(self.labels.sum())

    @cached_property
    def people(self) -> int:
        """Number of people."""
        return self.rows if self.person is None else int(np.unique(self.person).size)

    @cached_property
    def tie_starts(self) -> np.ndarray:
        """Where each run of equal risks begins."""
        if not self.rows:
            return np.empty(0, dtype=np.intp)
        return np.concatenate([[0], np.flatnonzero(np.diff(self.risk)) + 1])

    def subset(self, mask: np.ndarray) -> ScoredRows:
        """Return some of the rows (mask in this order), in the same order, with people coded again."""
        person = None if self.person is None else _dense(self.person[mask])
        return ScoredRows(self.labels[mask], self.risk[mask], person, self.position[mask])

    def in_order(self, values: np.ndarray) -> np.ndarray:
        """Return values in the order of risk that are given in the order of the table."""
        return np.asarray(values)[self.position]


def scored_rows(risk: np.ndarray, labels: np.ndarray, person: np.ndarray, keys: np.ndarray | None = None) -> ScoredRows:
    """Order rows by falling risk, ties by a hash of `keys` (the person where not given); raises ValueError on bad input."""
    risk = np.asarray(risk, dtype=np.float64)
    if not (len(risk) == len(labels) == len(person)):
        raise ValueError(f"{len(risk)} risks, {len(labels)} labels and {len(person)} people cannot be the same rows")
    if not np.isfinite(risk).all() or (risk < 0).any() or (risk > 1).any():
        raise ValueError("risks must lie between 0 and 1: exclude rows without a risk before the model is evaluated")
    order = risk_order(risk, person if keys is None else keys)
    return ScoredRows(np.asarray(labels)[order].astype(np.float64), risk[order], _dense(np.asarray(person)[order]), order)


def risk_order(risk: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Return the positions of rows by falling risk; equal risks by a hash of their key, then by position."""
    order = np.argsort(-risk, kind="stable")
    ranked = risk[order]
    tied = np.flatnonzero(np.diff(ranked) == 0)
    if not len(tied):
        return order
    places = np.unique(np.concatenate([tied, tied + 1]))
    members = order[places]
    inner = np.lexsort((members, person_hash(np.asarray(keys)[members], 0), -risk[members]))
    order[places] = members[inner]
    return order


def number_selected(rows: int, share: float) -> int:
    """Return how many rows a share selects: rounded, at least one."""
    return min(rows, max(1, int(np.floor(rows * share + 0.5))))


def group_masks(values: pd.Series, order: Sequence[int] | np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Return each group's name and its rows (mask in the given order), by name; missing is the group 'not_known'."""
    names, codes = group_codes(values, order)
    return [(name, codes == number) for number, name in enumerate(names)]


def group_codes(values: pd.Series, order: Sequence[int] | np.ndarray) -> tuple[list[str], np.ndarray]:
    """Return the groups' names, sorted, and each row's place among them, in the given order; missing is 'not_known'."""
    codes, uniques = pd.factorize(values)
    names = np.asarray([*(_name(value) for value in uniques), "not_known"], dtype=object)
    groups = sorted(set(names[np.unique(codes)]))
    place = np.asarray([groups.index(name) if name in groups else -1 for name in names], dtype=np.int32)
    return groups, place[codes][np.asarray(order)]


def _name(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _dense(person: np.ndarray) -> np.ndarray | None:
    codes, people = pd.factorize(person)
    return None if len(people) == len(codes) else codes

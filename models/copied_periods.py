"""Labels and features that copy another period's label: in one widely used public panel, a year's column is a copy of the year before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from models.gate_declaration import GateResult
from models.predictors import Predictor, numbers
from models.splitting import person_hash

GATE = "no_copied_period"
FEWEST_PEOPLE, FEWEST_EVENTS = 100, 10  # in both periods: fewer may agree by chance
MOST_PEOPLE, MOST_PERIODS = 100_000, 24
LABEL = ""  # the name of the label itself


@dataclass(frozen=True)
class PeriodRows:
    """The rows of one index date: their positions in a frame of features, their labels and people."""

    index_date: date
    frame: pd.DataFrame
    place: np.ndarray
    labels: np.ndarray
    person: np.ndarray

    def chosen(self, rows: np.ndarray) -> PeriodRows:
        """Return some of the rows (mask)."""
        return PeriodRows(self.index_date, self.frame, self.place[rows], self.labels[rows], self.person[rows])

    def values(self, predictor: Predictor, rows: np.ndarray) -> np.ndarray:
        """Return a number's values in some of the rows (positions among these)."""
        return numbers(self.frame[predictor.name].iloc[self.place[rows]])


def periods_of(frame: pd.DataFrame, labels: np.ndarray, person: np.ndarray) -> list[PeriodRows]:
    """Return the rows of each index date of a frame; none if there are too many dates to be periods."""
    if "index_date" not in frame or frame["index_date"].nunique() > MOST_PERIODS:
        return []
    codes, days = pd.factorize(frame["index_date"], sort=True)
    places = [np.flatnonzero(codes == code) for code in range(len(days))]
    return [
        PeriodRows(pd.Timestamp(day).date(), frame, place, labels[place], person[place])
        for day, place in zip(days, places, strict=True)
    ]


@dataclass(frozen=True)
class Copy:
    """A predictor (or the label) of one period that equals the label of another for everyone in both."""

    predictor: str
    period: date
    label_of: date
    people: int
    could_be_known: bool  # the label's horizon had passed by the period's index date

    @property
    def text(self) -> str:
        copy = f"{self.predictor} of {self.period}" if self.predictor != LABEL else f"the outcome after {self.period}"
        return f"{copy} equals the outcome after {self.label_of} for each of {self.people:,} people"


def copied_periods(
    periods: Sequence[PeriodRows], predictors: Sequence[Predictor], horizon_days: int, seed: int
) -> tuple[Copy, ...]:
    """Find every copy among periods with the same people; people with several rows in a period are excluded, and large numbers are sampled."""
    periods_of_people = [_one_row_each(rows, seed) for rows in periods]
    copies: list[Copy] = []
    for one in periods_of_people:
        for other in periods_of_people:
            if one is not other:
                copies += _copies(one, other, predictors, horizon_days)
    return tuple(copies)


def copied_period_gate(copies: Sequence[Copy], used: Sequence[Predictor]) -> GateResult:
    """Answer for a model: a copied outcome or a feature of the future fails. A past outcome carried forward needs an approver's decision."""
    names = {LABEL, *(predictor.name for predictor in used)}
    of_model = [copy for copy in copies if copy.predictor in names]
    if not of_model:
        return GateResult(GATE, "pass", "no feature and no outcome is a copy of another period's outcome")
    reason = "; ".join(copy.text for copy in of_model)
    certain = any(copy.predictor == LABEL or not copy.could_be_known for copy in of_model)
    return GateResult(GATE, "fail" if certain else "cannot_tell", reason)


def _one_row_each(rows: PeriodRows, seed: int) -> PeriodRows:
    alone = ~pd.Series(rows.person).duplicated(keep=False).to_numpy()
    if alone.sum() > MOST_PEOPLE:
        share = MOST_PEOPLE / alone.sum()
        alone &= person_hash(rows.person, seed) <= np.uint64(share * np.iinfo(np.uint64).max)
    return rows.chosen(alone)


def _copies(rows: PeriodRows, other: PeriodRows, predictors: Sequence[Predictor], horizon_days: int) -> Iterator[Copy]:
    """Compare the rows of one period with the labels of another."""
    _, mine, theirs = np.intersect1d(rows.person, other.person, assume_unique=True, return_indices=True)
    labels = other.labels[theirs]
    events = int(labels.sum())
    if len(labels) < FEWEST_PEOPLE or not FEWEST_EVENTS <= events <= len(labels) - FEWEST_EVENTS:
        return
    could_be_known = other.index_date + timedelta(days=horizon_days) < rows.index_date
    if rows.index_date > other.index_date and np.array_equal(rows.labels[mine], labels):
        yield Copy(LABEL, rows.index_date, other.index_date, len(labels), could_be_known)
    for predictor in predictors:
        if predictor.kind == "number" and _equal(rows, predictor, mine, labels):
            yield Copy(predictor.name, rows.index_date, other.index_date, len(labels), could_be_known)


def _equal(rows: PeriodRows, predictor: Predictor, places: np.ndarray, labels: np.ndarray) -> bool:
    few = slice(0, 200)  # most columns differ within the first rows
    if not np.array_equal(rows.values(predictor, places[few]), labels[few]):
        return False
    return bool(np.array_equal(rows.values(predictor, places), labels))

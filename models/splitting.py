"""Which rows train and which test: later index dates, folds of people, or a column of the user."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from expectations.maturity import has_matured, last_day_awaited, latest_matured
from models.settings import ValidationPlan


class SplitRefusedError(ValueError):
    """Raised when a split would flatter a model: overlapping or immature labels, an empty side; says what to change."""


@dataclass(frozen=True)
class TimeSplit:
    """Index dates that train and the later one that tests."""

    train: tuple[date, ...]
    test: date


def matured_dates(dates: Iterable[date], horizon_days: int, maturity_days: int, data_cut: date) -> tuple[date, ...]:
    """Return the dates whose outcomes have matured, in order."""
    return tuple(sorted({day for day in dates if has_matured(day, data_cut, horizon_days, maturity_days)}))


def time_split(train: Sequence[date], test: date, horizon_days: int, maturity_days: int, data_cut: date) -> TimeSplit:
    """Check a split by time; raises SplitRefusedError when a label overlaps the test or has not matured."""
    if not train:
        raise SplitRefusedError("there is no training index date: name at least one")
    lag = timedelta(days=horizon_days + maturity_days)
    late = [day for day in sorted(set(train)) if day + lag > test]
    if late:
        raise SplitRefusedError(
            f"training index dates {_days(late)} overlap the test: index date + {horizon_days} days of horizon + {maturity_days} days of "
            f"maturity must lie on or before the test index date {test}. The latest training date for it is {test - lag}."
        )
    if not has_matured(test, data_cut, horizon_days, maturity_days):
        raise SplitRefusedError(
            f"the test index date {test} has not matured: its outcomes are complete on {last_day_awaited(test, horizon_days, maturity_days)}, "
            f"and the data reach to the day before {data_cut}. The latest test date is {latest_matured(data_cut, horizon_days, maturity_days)}."
        )
    return TimeSplit(tuple(sorted(set(train))), test)


def rolling_origins(dates: Sequence[date], horizon_days: int, maturity_days: int, data_cut: date) -> tuple[TimeSplit, ...]:
    """Return every split by time that the dates allow, each matured date in turn as the test; the last one decides."""
    lag = timedelta(days=horizon_days + maturity_days)
    splits = []
    for test in matured_dates(dates, horizon_days, maturity_days, data_cut):
        train = tuple(sorted({day for day in dates if day + lag <= test}))
        splits += [TimeSplit(train, test)] if train else []
    return tuple(splits)


def person_folds(person: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Return each row's fold (int8, 0 to folds - 1): a hash of the person and the seed, so rows of a person stay together."""
    return (person_hash(person, seed) % np.uint64(folds)).astype(np.int8)


def balanced_folds(person: np.ndarray, labels: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Return each row's fold (int8) so that rows of a person stay together and the people with the outcome are spread evenly.

    Folds that differ in their share of outcomes are scored by models that saw the opposite difference. With few people this alone lowers an AUROC
    over all folds by 0.01 to 0.02.
    """
    codes, people = pd.factorize(person)
    has = np.bincount(codes, weights=labels, minlength=len(people)) > 0
    order = np.lexsort((person_hash(np.asarray(people), seed), has))
    fold = np.empty(len(people), dtype=np.int8)
    fold[order] = np.arange(len(people)) % folds
    return fold[codes]


def person_hash(person: np.ndarray, seed: int) -> np.ndarray:
    """Return an evenly spread uint64 for each row that depends on the person and the seed alone."""
    keys = np.asarray(person)
    values = keys if keys.dtype.kind in "iu" else pd.Series(keys).astype(str).to_numpy(dtype=object)
    hashed = pd.util.hash_array(values)
    with np.errstate(over="ignore"):
        mixed = hashed + np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def sampled_people(person: np.ndarray, rows: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Return at most about `most` of the rows (positions), sampled by a hash of their people; all rows of a person go together."""
    if len(rows) <= most:
        return rows
    kept = (person_hash(person[rows], seed + 7919) >> np.uint64(11)).astype(np.float64) / 2.0**53 < most / len(rows)
    return rows[kept]


def column_split(values: pd.Series, plan: ValidationPlan, able: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the training and the test rows (masks) of a split the user made, of the rows (mask) that are able to be either.

    Rows of other values, or of none, are on neither side. Raises SplitRefusedError where a side is empty.
    """
    train, test = (able & values.isin(side).to_numpy() for side in (plan.train_values, plan.test_values))
    if not train.any() or not test.any():
        raise SplitRefusedError(
            f"column '{plan.split_column}' leaves {int(train.sum()):,} rows that train (train_values: {', '.join(plan.train_values)}) and "
            f"{int(test.sum()):,} that test (test_values: {', '.join(plan.test_values)}) of {int(able.sum()):,} whose outcome is known; there it "
            f"holds {listed_values(values[able])}. Name its values in study.validation"
        )
    return train, test


def note_on_split(values: pd.Series, plan: ValidationPlan, train: np.ndarray, test: np.ndarray) -> tuple[str, ...]:
    """Return notes on the rows of each side of a user's split, and on those of neither (`values`: of the rows with a known outcome)."""
    sides = f"column '{plan.split_column}' splits the rows: {int(train.sum()):,} train, {int(test.sum()):,} test"
    neither = values[~values.isin((*plan.train_values, *plan.test_values))]
    if not len(neither):
        return (sides,)
    return (sides, f"{len(neither):,} rows neither train nor test, and are scored: the column holds {listed_values(neither)}")


def note_on_shared_people(test_person: np.ndarray, new: np.ndarray) -> tuple[str, ...]:
    """Return a note on the people of the test rows who also train the models: those who are not `new` (mask of the test rows)."""
    people, trained = len(pd.unique(pd.Series(test_person))), len(pd.unique(pd.Series(test_person[~new])))
    if not trained:
        return ()
    others = "the result on the others is reported as well" if trained < people else "there is no one else to evaluate"
    return (
        f"{trained:,} of the {people:,} people in the test rows have training rows too, which may flatter the models; {others}",
    )


def listed_values(values: pd.Series, most: int = 8) -> str:
    """Return as text which values a column holds and in how many rows, the most frequent first."""
    counts = values.dropna().astype(str).value_counts()
    listed = [f"'{value}' ({rows:,})" for value, rows in counts.head(most).items()]
    more = [f"{len(counts) - most:,} more values"] if len(counts) > most else []
    without = [f"no value ({int(values.isna().sum()):,})"] if values.isna().any() else []
    return ", ".join([*listed, *more, *without]) or "nothing"


def shared_people(train_person: np.ndarray, test_person: np.ndarray) -> np.ndarray:
    """Return for each test row whether the person is also among the training rows."""
    return np.asarray(pd.Series(test_person).isin(pd.unique(pd.Series(train_person))))


def place_folds(places: pd.Series) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return each row's place as a fold (int32, -1 without a place) and the places' names: leave one out in turn."""
    codes, names = pd.factorize(places, sort=True)
    if len(names) < 2:
        raise SplitRefusedError(f"leaving one place out needs two places or more; '{places.name}' has {len(names)}")
    return codes.astype(np.int32), tuple(str(name) for name in names)


def _days(days: Sequence[date]) -> str:
    return ", ".join(day.isoformat() for day in days)

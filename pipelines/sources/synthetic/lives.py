"""Draw the lives of a block on a grid of months: who is on the list, their age and illness, and who dies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from expectations.age import completed_years
from pipelines.sources.synthetic import calibration
from pipelines.sources.synthetic.areas_and_practices import Places
from pipelines.sources.synthetic.conditions import NEVER, POSITION, RESOLVES, onset_ages, weights
from pipelines.sources.synthetic.people import FAR, YEAR, People, day
from pipelines.sources.synthetic.random_streams import ILLNESS, LIVES, stream
from pipelines.sources.synthetic.settings import SyntheticSettings


@dataclass
class Lives:
    """People's lives month by month; grids are people x months, days count from 1970-01-01."""

    month_starts: np.ndarray  # one more entry than months
    onset: np.ndarray  # people x conditions: day of onset, FAR for never
    resolved: np.ndarray  # people x conditions: day on which the condition ended, FAR for never
    death: np.ndarray  # FAR for people who survive or leave
    first: np.ndarray  # first day on the list
    last: np.ndarray  # first day no longer on the list
    present: np.ndarray  # grid: on the list for part of the month
    age: np.ndarray  # grid: years, 0 before birth
    deprivation: np.ndarray  # grid: 0 least to 1 most

    @property
    def months(self) -> int:
        """Return the number of months."""
        return len(self.month_starts) - 1

    def has(self, condition: int, rows: np.ndarray, days: np.ndarray) -> np.ndarray:
        """Return whether people have a condition on a day."""
        return (self.onset[rows, condition] <= days) & (days < self.resolved[rows, condition])

    def has_each(self, rows: np.ndarray, days: np.ndarray) -> np.ndarray:
        """Return which conditions people have on a day: rows x conditions."""
        return (self.onset[rows] <= days[:, None]) & (days[:, None] < self.resolved[rows])

    def load(self, effects: np.ndarray) -> np.ndarray:
        """Return the summed effects of the conditions people have, on the grid."""
        steps = self._steps(self.onset, effects) - self._steps(self.resolved, effects)
        return np.cumsum(steps.reshape(-1, self.months), axis=1, dtype=np.float32)

    def _steps(self, days: np.ndarray, effects: np.ndarray) -> np.ndarray:
        """Return the summed effects of the conditions whose day is in each month of the grid; earlier days are in the first month."""
        rows, conditions = np.nonzero(days < self.month_starts[-1])
        months = np.searchsorted(self.month_starts, days[rows, conditions], side="right").clip(min=1) - 1
        return np.bincount(rows * self.months + months, effects[conditions], minlength=len(days) * self.months)

    def by_age(self, ages: np.ndarray, rates: np.ndarray) -> np.ndarray:
        """Return a yearly rate by age as a monthly rate, on the grid."""
        table = (np.interp(np.arange(121) + 0.5, ages, rates) / 12).astype(np.float32)
        return table[self.age]


def draw_lives(settings: SyntheticSettings, places: Places, people: People, block: int, need: np.ndarray | float = 1.0) -> Lives:
    """Draw illnesses, deaths and departures; `need` multiplies the hazards of illness."""
    start, end = day(settings.start_date), day(settings.data_cut_date)
    month_starts = month_days(settings)
    deprivation = places.areas["deprivation"].to_numpy()
    illness = stream(settings.seed, ILLNESS, block)
    ages = onset_ages(illness, deprivation[people.area[:, 0]], people.frailty, people.female, people.ever_smoked, need)
    onset = np.where(ages < NEVER, people.birth[:, None] + np.floor(ages * YEAR), FAR).astype(np.int64)
    first = np.maximum(people.arrival, start)
    middles = month_starts[:-1] + 15
    lives = Lives(
        month_starts=month_starts,
        onset=onset,
        resolved=_draw_resolved(stream(settings.seed, ILLNESS, block, 1), onset, end),
        death=np.full(len(people), FAR),
        first=first,
        last=np.minimum(people.leaves, end),
        present=np.empty(0),
        age=completed_years(people.birth[:, None], middles[None, :]).clip(0, 120).astype(np.int8),
        deprivation=_deprivation_grid(people, deprivation, month_starts),
    )
    lives.present = (month_starts[None, 1:] > first[:, None]) & (month_starts[None, :-1] < lives.last[:, None])
    _draw_deaths(stream(settings.seed, LIVES, block), people, lives)
    return lives


def _draw_resolved(rng: np.random.Generator, onset: np.ndarray, end: int) -> np.ndarray:
    """Draw the day on which conditions ended: between a year after onset and the end of the period."""
    resolved = np.full(onset.shape, FAR)
    for name, share in RESOLVES.items():
        column = onset[:, POSITION[name]]
        start = column + 365
        ends = (start < end) & (rng.random(len(onset)) < share)
        days = start + np.floor(rng.random(len(onset)) * (end - start).clip(min=0)).astype(np.int64)
        resolved[:, POSITION[name]] = np.where(ends, days, FAR)
    return resolved


def month_days(settings: SyntheticSettings) -> np.ndarray:
    """Return the first day of each month of the period, and of the month after it."""
    first = np.datetime64(settings.start_date, "M")
    return (first + np.arange(settings.months + 1)).astype("datetime64[D]").astype(np.int64)


def seasonal_factors(settings: SyntheticSettings, by_month: np.ndarray) -> np.ndarray:
    """Return monthly factors that repeat over the years of the period."""
    return by_month[(settings.start_date.month - 1 + np.arange(settings.months)) % 12].astype(np.float32)


def pandemic_factors(settings: SyntheticSettings, strength: float = 1.0) -> np.ndarray:
    """Return the pandemic's factor on activity in each month; 1 before and after."""
    first = settings.start_date.year * 12 + settings.start_date.month - 1
    months = range(first, first + settings.months)
    factors = [calibration.PANDEMIC.get((month // 12, month % 12 + 1), 1.0) for month in months]
    return np.power(factors, strength).astype(np.float32)


def _deprivation_grid(people: People, deprivation: np.ndarray, month_starts: np.ndarray) -> np.ndarray:
    grid = np.repeat(deprivation[people.area[:, 0]][:, None].astype(np.float32), len(month_starts) - 1, axis=1)
    for step in (0, 1):
        movers = np.flatnonzero(people.moves[:, step] < FAR)
        after = month_starts[None, :-1] >= people.moves[movers, step][:, None]
        grid[movers] = np.where(after, deprivation[people.area[movers, step + 1]][:, None], grid[movers])
    return grid


def _draw_deaths(rng: np.random.Generator, people: People, lives: Lives) -> None:
    """Draw deaths from the monthly hazard and end those lives, in place."""
    hazard = lives.by_age(np.arange(121), calibration.DEATH_LEVEL * np.exp(calibration.DEATH_SLOPE * np.arange(121)))
    effects = lives.load(weights("death")) + calibration.DEATH_DEPRIVATION_LOG_RATIO * (lives.deprivation - 0.5)
    person = 0.35 * people.frailty + calibration.DEATH_FEMALE_LOG_RATIO * (people.female - 0.5) + 0.35 * people.smokes
    hazard = hazard * np.exp(effects + person[:, None].astype(np.float32))
    hazard += np.where(lives.age < 1, calibration.INFANT_DEATH_RISK / 12, 0)
    total = np.cumsum(np.where(lives.present, hazard, 0), axis=1)
    dies_at = rng.standard_exponential(len(people))
    day_in_month = rng.random(len(people))
    rows = np.flatnonzero(total[:, -1] > dies_at)
    month = (total[rows] > dies_at[rows][:, None]).argmax(axis=1)
    low = np.maximum(lives.month_starts[month], lives.first[rows] + 1)
    high = np.minimum(lives.month_starts[month + 1], lives.last[rows])
    fits = high > low
    rows, low, high = rows[fits], low[fits], high[fits]
    lives.death[rows] = low + np.floor(day_in_month[rows] * (high - low)).astype(np.int64)
    lives.last[rows] = lives.death[rows] + 1
    lives.present[rows] &= lives.month_starts[None, :-1] <= lives.death[rows][:, None]

"""Emergency admission rates of a person's practice and small area, computed from the other people there.

The rate is indirectly standardised by age and sex. It is shrunk towards the rate of the ICB with an empirical Bayes gamma-Poisson model
(Clayton and Kaldor 1987). The variance is by moments (Marshall 1991, DerSimonian and Laird 1986). The context date C is the first day of the
month of the index date. The rate is of the year before it (C - 365 to C - 1), from events that were available before C. The reference
population is registered and alive on C - 1, with a practice whose hospital feed covers the year. For person i, o_i is the number
of overnight emergency spells in that year and t_i the days registered. s is a stratum of age and sex, and g a practice or an area:

    r_s = sum of o over s / sum of t over s        e_i = r_s(i) t_i        O_g, E_g = sums of o, e over g
    O_g ~ Poisson(theta_g E_g),  theta_g ~ Gamma(shape a, rate a):  mean 1, the rate of the ICB; variance v = 1 / a
    v = (sum E_g (O_g / E_g - 1)^2 - (K - 1)) / (sum E - sum E^2 / sum E), K groups with E_g > 0; v <= 0: no variation
    rate of i in g = crude rate of the ICB x (O_g - o_i + a) / (E_g - e_i + a),  per 1,000 person-years

The person's own spells and days are therefore excluded from the group. r_s and a use everyone in the ICB. Sums over the ICB are integers
(spells and days), so the result does not depend on the ranges of people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from expectations.age import DAYS_PER_YEAR, UNKNOWN_BIRTH
from features.attributes import PeopleTables, Row, birth_days, days, numbers, take
from features.coverage import distinct
from features.demographics import AGE_BANDS, age_band_numbers, age_years
from features.events import NUMBER_OF
from features.inequality import AREA, PRACTICE, WINDOW
from features.periods import OPEN, as_at
from features.window_counts import Events

FEED = "admissions"
COUNTED = "emergency_discharge_overnight"
BANDS = len(AGE_BANDS) + 1  # one more for people of unknown age
STRATA = 3 * BANDS
PER = 1000 * DAYS_PER_YEAR  # 1,000 person-years, in days


@dataclass(frozen=True)
class GroupRates:
    """Practices or areas in order of code: observed and expected spells, and the shape of the prior (infinite without variation)."""

    place: Mapping[str, int]
    observed: NDArray[np.float64]
    expected: NDArray[np.float64]
    shape: float

    def ratio(self, group: pa.Array, own: NDArray[np.float64], own_expected: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the shrunken ratio of each row's group to the ICB, without the row's own spells; NaN without a group."""
        place = np.array([self.place.get(code, -1) for code in group.dictionary.to_pylist()], dtype=np.int64)
        at = np.append(place, -1)[group.indices.fill_null(len(place)).to_numpy(zero_copy_only=False)]
        if np.isinf(self.shape):
            ratios = np.ones(len(at))
        else:
            observed, expected = np.append(self.observed, 0.0)[at], np.append(self.expected, 0.0)[at]
            ratios = (observed - own + self.shape) / (np.maximum(expected - own_expected, 0.0) + self.shape)
        return np.where(group.is_null().to_numpy(zero_copy_only=False), np.nan, ratios)


@dataclass(frozen=True)
class IcbRates:
    """Rates of the ICB, its practices and its areas on one context date."""

    stratum_rate: NDArray[np.float64]  # spells per day, by stratum
    crude_rate: float
    practices: GroupRates
    areas: GroupRates
    covered_practices: frozenset[str]


@dataclass(frozen=True)
class Tally:
    """Spells and days of the reference population by practice, area and stratum; None where there is no practice or area."""

    practice: Sequence[str]
    area: Sequence[str | None]
    stratum: NDArray[np.int64]
    spells: NDArray[np.int64]
    days: NDArray[np.int64]


AreaContext = Mapping[int, IcbRates]  # by context day


def context_days(index_day: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the first day of the month of each index date."""
    month = index_day.astype("datetime64[D]").astype("datetime64[M]")
    return month.astype("datetime64[D]").astype(np.int32)


def strata(sex: pa.Array, birth: NDArray[np.int32], day: int) -> NDArray[np.int64]:
    """Return the number of each person's stratum; `birth` is UNKNOWN_BIRTH where the birth date is missing."""
    band = age_band_numbers(age_years(birth, np.full(len(birth), day, dtype=np.int32)))
    which = pc.index_in(sex, pa.array(["1", "2"])).fill_null(2).to_numpy(zero_copy_only=False).astype(np.int64)
    return which * BANDS + band


def icb_rates(tally: Tally, covered_practices: frozenset[str]) -> IcbRates:
    """Return the rates of one context date from its tally."""
    spells = np.bincount(tally.stratum, tally.spells, STRATA)
    time = np.bincount(tally.stratum, tally.days, STRATA)
    rate = np.divide(spells, time, out=np.zeros(STRATA), where=time > 0)
    crude = float(spells.sum() / time.sum()) if time.sum() else np.nan
    practices, areas = (_groups(groups, tally, rate) for groups in (tally.practice, tally.area))
    return IcbRates(rate, crude, practices, areas, covered_practices)


def prior_shape(observed: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    """Return the shape of the gamma prior by moments; infinite where the groups do not vary more than chance."""
    present = expected > 0
    o, e = observed[present], expected[present]
    if len(e) < 2:
        return np.inf
    spread = float((e * (o / e - 1) ** 2).sum()) - (len(e) - 1)
    scale = float(e.sum() - (e**2).sum() / e.sum())
    return scale / spread if spread > 0 and scale > 0 else np.inf


def context_features(
    tables: PeopleTables, events: Events, row: Row, practice: pa.Array, area: pa.Array, context: AreaContext
) -> dict[str, NDArray[np.float64]]:
    """Return both rates of each row; `practice` and `area` are those of the index date."""
    features = {name: np.full(len(row.person), np.nan) for name in (PRACTICE, AREA)}
    dates, which = distinct(row.index_day)
    on_day = context_days(dates)
    spells = _Spells.among(events)
    for day in np.unique(on_day).tolist():
        here, rates = np.flatnonzero((on_day == day).take(which)), context.get(day)
        if rates is None:
            continue
        who = Row(row.place[here], row.person[here], np.full(len(here), day - 1, dtype=np.int32))
        own = _own(tables, spells, who, day, rates)
        groups = ((PRACTICE, rates.practices, practice, own.practice), (AREA, rates.areas, area, own.area))
        for name, group_rates, every, before in groups:
            now = every.take(pa.array(here))
            same = own.counted & pc.equal(now, before).fill_null(False).to_numpy(zero_copy_only=False)
            ratio = group_rates.ratio(now.dictionary_encode(), own.spells * same, own.expected * same)
            features[name][here] = PER * rates.crude_rate * ratio
    return features


@dataclass(frozen=True)
class _Spells:
    """The spells that count, in order of person."""

    person: NDArray[np.int32]
    event_day: NDArray[np.int32]
    available_day: NDArray[np.int32]

    @classmethod
    def among(cls, events: Events) -> _Spells:
        chosen = np.flatnonzero(events.event_type == NUMBER_OF[COUNTED])
        return cls(events.person[chosen], events.event_day[chosen], events.available_day[chosen])


@dataclass(frozen=True)
class _Own:
    """What each row's person adds to the tally of the ICB where `counted`, with the practice and area."""

    counted: NDArray[np.bool_]
    practice: pa.Array
    area: pa.Array
    spells: NDArray[np.int64]
    expected: NDArray[np.float64]


def _own(tables: PeopleTables, spells: _Spells, row: Row, day: int, rates: IcbRates) -> _Own:
    """Return what each row's person adds to the tally of a context day; `row.index_day` is the day before it."""
    registrations, residences, people = tables.registrations, tables.residences, tables.people
    at = _place_at(registrations, row)
    practice, area = take(registrations["practice_code"], at), take(residences["lsoa_code"], _place_at(residences, row))
    birth = days(people["birth_date"], UNKNOWN_BIRTH)[row.place]
    since = np.maximum(np.maximum(np.append(days(registrations["start_date"], OPEN), OPEN)[at], day - WINDOW), birth)
    sex = people["sex"].combine_chunks().take(pa.array(row.place))
    rate = rates.stratum_rate[strata(sex, birth_days(people, row), day)]
    covered = pc.is_in(practice, pa.array(sorted(rates.covered_practices), pa.string())).to_numpy(zero_copy_only=False)
    counted = (at >= 0) & covered & (since < day) & (days(people["death_date"], OPEN)[row.place] >= day)
    return _Own(counted, practice, area, _counted(spells, row.person, since, day), rate * np.maximum(day - since, 0))


def _place_at(periods: pa.Table, row: Row) -> NDArray[np.int64]:
    start, end = days(periods["start_date"], OPEN), days(periods["end_date"], OPEN)
    return as_at(numbers(periods["person_key"]), start, end, row.person, row.index_day)


def _counted(spells: _Spells, person: NDArray[np.int32], since: NDArray[np.int32], day: int) -> NDArray[np.int64]:
    """Count each row's spells from `since` to the day before `day` that were available before `day`; a person may have several rows."""
    once = bool((person[1:] > person[:-1]).all())
    who, where = (person, np.arange(len(person))) if once else np.unique(person, return_index=True)
    place = np.minimum(np.searchsorted(who, spells.person), max(len(who) - 1, 0))
    if not len(who) or not len(place):
        return np.zeros(len(person), dtype=np.int64)
    counts = (who[place] == spells.person) & (spells.event_day < day) & (spells.available_day < day)
    counts &= spells.event_day >= since[where][place]
    each = np.bincount(place[np.flatnonzero(counts)], minlength=len(who))
    return each if once else each[np.searchsorted(who, person)]


def _groups(codes: Sequence[str | None], tally: Tally, rate: NDArray[np.float64]) -> GroupRates:
    names = sorted({code for code in codes if code is not None})
    place = {code: number for number, code in enumerate(names)}
    positions = pc.index_in(pa.array(codes, pa.string()), pa.array(names, pa.string()))
    group = positions.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    inside = group >= 0
    size = max(len(names), 1)
    observed: NDArray[np.float64] = np.bincount(group[inside], tally.spells[inside], size).astype(np.float64)
    time = np.bincount(group[inside] * STRATA + tally.stratum[inside], tally.days[inside], size * STRATA).reshape(size, STRATA)
    expected: NDArray[np.float64] = (time * rate).sum(axis=1)
    return GroupRates(place, observed, expected, prior_shape(observed, expected))

"""Inequality in an outcome: standardised rates of groups, gaps between them, gradients over deprivation, changes over time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.disclosure_control import rounded
from models.inequality_indices import (
    LEAST_GROUPS,
    Line,
    RankedGroups,
    Simulation,
    concentration_index_limits,
    slope_index_of_inequality,
)
from models.rates import (
    ESP_2013,
    FEWEST_EVENTS,
    Limits,
    Numbers,
    crude_rate,
    difference_of,
    directly_standardised_rate,
    directly_standardised_rate_of_repeats,
    indirectly_standardised_ratio,
    ratio_of,
)

RANKED_KINDS = ("imd_decile", "imd_quintile")  # group 1 is most deprived
NO_GROUP = ("not_known", "not_stated")
GRADIENT = "gradient"
FEW_EVENTS = f"fewer than {FEWEST_EVENTS} events"
NO_AGE = "no age is known, so nothing is standardised"
STANDARDISED = "directly_standardised_rate"


@dataclass(frozen=True)
class GroupCounts:
    """People and events of the groups of one kind (rows) by five-year age band (columns, youngest first).

    `repeats` holds people by group, number of events (`times`) and band, where a person's further events are counted;
    None where they are not. People of unknown age are only in `unknown_age`: people and events, by group.
    `enough` is the mask of the groups with enough events for a standardised rate; None if the counts decide.
    """

    kind: str
    names: tuple[str, ...]
    people: Numbers
    events: Numbers
    unknown_age: Numbers
    times: Numbers | None = None
    repeats: Numbers | None = None
    enough: NDArray[np.bool_] | None = None

    @property
    def totals(self) -> tuple[Numbers, Numbers]:
        """People and events of each group, whatever their age."""
        people, events = self.people.sum(axis=1) + self.unknown_age[:, 0], self.events.sum(axis=1) + self.unknown_age[:, 1]
        return np.rint(people), np.rint(events)

    def rounded(self) -> GroupCounts:
        """Return the counts scaled to the rounded totals of each group, the ages as they are: no rate of them shows an exact total."""
        people, events = (_scales(total)[:, None] for total in self.totals)
        return replace(
            self,
            people=self.people * people,
            events=self.events * events,
            unknown_age=self.unknown_age * np.hstack([people, events]),
            repeats=None if self.repeats is None else self.repeats * events[:, :, None],
            enough=self.totals[1] >= FEWEST_EVENTS,
        )


@dataclass(frozen=True)
class RateRow:
    """One measure of one group; `reason` says why there is no value. A gradient has no number of people."""

    kind: str
    name: str
    measure: str
    value: float
    lower: float
    upper: float
    people: int
    events: int
    compared_with: str = ""
    reason: str = ""

    @property
    def limits(self) -> Limits:
        """Value and limits as numbers to compute with."""
        return Limits(np.float64(self.value), np.float64(self.lower), np.float64(self.upper))  # type: ignore[arg-type]


def rate_rows(counts: GroupCounts, everyone: GroupCounts, seed: int) -> list[RateRow]:
    """Return every rate per 100,000 people of every group of a kind, the gaps between groups and the gradient.

    `everyone` holds the whole board as one group: the reference of the indirectly standardised ratio. Bands in which it has
    no people are excluded; a group's empty band joins its neighbour.
    """
    rows = [row for place in range(len(counts.names)) for row in _of_group(counts, place, everyone)]
    rates = {row.name: row for row in rows if row.measure == STANDARDISED and np.isfinite(row.value)}
    return [*rows, *_gaps(counts.kind, rates), *_gradient(counts, rates, seed)]


def change_rows(now: Sequence[RateRow], before: Sequence[RateRow], period_before: str) -> list[RateRow]:
    """Return the change of each standardised rate and slope since an earlier period without overlap, as difference and ratio."""
    earlier = {(row.kind, row.name, row.measure): row for row in before}
    changes = []
    for row in now:
        other = earlier.get((row.kind, row.name, row.measure))
        if other is None or row.measure not in (STANDARDISED, "slope_index_of_inequality"):
            continue
        if not (np.isfinite(row.value) and np.isfinite(other.value)):
            continue
        changes.append(_compared(row, f"{row.measure}_change", difference_of(row.limits, other.limits), period_before))
        if row.measure == STANDARDISED:
            changes.append(_compared(row, f"{row.measure}_change_ratio", ratio_of(row.limits, other.limits), period_before))
    return changes


def _of_group(counts: GroupCounts, place: int, everyone: GroupCounts) -> Iterator[RateRow]:
    people, events = (int(total[place]) for total in counts.totals)

    def row(measure: str, limits: Limits | None, reason: str) -> RateRow:
        value, lower, upper = _numbers(limits)
        numbers = (value, lower, upper, people, events)
        return RateRow(counts.kind, counts.names[place], measure, *numbers, reason="" if np.isfinite(value) else reason)

    yield row("crude_rate", crude_rate(events, people) if people else None, "no people")
    bands = _joined_bands(counts.people[place], everyone.people[0])
    if bands is None:
        yield row(STANDARDISED, None, NO_AGE)
        return
    x, n = _sums(counts.events[place], bands), _sums(counts.people[place], bands)
    weights = _sums(ESP_2013, bands)
    enough = counts.enough is None or bool(counts.enough[place])
    rate = directly_standardised_rate(x, n, weights) if enough else _limits(np.nan, np.nan, np.nan)
    yield row(STANDARDISED, rate, FEW_EVENTS)
    if counts.repeats is not None and counts.times is not None:
        who = np.stack([_sums(each, bands) for each in counts.repeats[place]])
        event_rate = directly_standardised_rate_of_repeats(who, counts.times, n, weights)
        yield row("directly_standardised_event_rate", event_rate if np.isfinite(rate.value) else None, FEW_EVENTS)
    reference = _sums(everyone.events[0], bands), _sums(everyone.people[0], bands)
    yield row("indirectly_standardised_ratio", _ratio_to(reference, x, n), "no event is expected")


def _ratio_to(reference: tuple[Numbers, Numbers], events: Numbers, people: Numbers) -> Limits | None:
    """Return the ratio to the events at the reference's rates (its events and people by band); None if none is expected."""
    return indirectly_standardised_ratio(events, people, *reference) if reference[0][people > 0].sum() > 0 else None


def _scales(totals: Numbers) -> Numbers:
    """Return what each total is multiplied by to be a multiple of 5."""
    return np.array([rounded(total) / total if total else 1.0 for total in totals])


def _joined_bands(people: Numbers, board: Numbers) -> NDArray[np.intp] | None:
    """Return each band's joined band (-1 if the board has no one in it); None if the group has no one of known age."""
    if people.sum() <= 0:
        return None
    joined, current, held = np.full(len(people), -1, dtype=np.intp), 0, 0.0
    for band in np.flatnonzero(board > 0):
        if held > 0 and people[band] > 0:
            current, held = current + 1, 0.0
        joined[band] = current
        held += people[band]
    return joined


def _sums(values: Numbers, bands: NDArray[np.intp]) -> Numbers:
    kept = bands >= 0
    return np.asarray(np.bincount(bands[kept], weights=values[kept]), dtype=np.float64)


def _gaps(kind: str, rates: dict[str, RateRow]) -> Iterator[RateRow]:
    """Return each group's difference from and ratio to the reference: the least deprived, elsewhere the largest group."""
    known = [row for row in rates.values() if row.name not in NO_GROUP]
    if len(known) < 2:
        return
    numbers = kind in RANKED_KINDS and all(row.name.isdigit() for row in known)
    reference = max(known, key=lambda row: (int(row.name) if numbers else row.people, row.name))
    for row in rates.values():
        if row is not reference:
            yield _compared(row, "rate_difference", difference_of(row.limits, reference.limits), reference.name)
            yield _compared(row, "rate_ratio", ratio_of(row.limits, reference.limits), reference.name)


def _compared(row: RateRow, measure: str, limits: Limits, other: str) -> RateRow:
    value, lower, upper = (float(number) for number in limits)
    return replace(row, measure=measure, value=value, lower=lower, upper=upper, compared_with=other)


def _gradient(counts: GroupCounts, rates: dict[str, RateRow], seed: int) -> Iterator[RateRow]:
    """Return slope, relative and concentration index over the deciles or quintiles, of the logarithm of the rates."""
    if counts.kind not in RANKED_KINDS:
        return
    expected = [str(number) for number in range(1, 11 if counts.kind == "imd_decile" else 6)]
    ranked = [rates[name] for name in expected if name in rates]

    def row(measure: str, limits: Limits | None) -> RateRow:
        value, lower, upper = _numbers(limits)
        reason = "" if limits else f"{len(expected) - len(ranked)} of {len(expected)} groups have {FEW_EVENTS}"
        return RateRow(counts.kind, GRADIENT, measure, value, lower, upper, 0, 0, "least deprived", reason)

    names = ("slope_index_of_inequality", "relative_index_of_inequality", "concentration_index")
    if not _has_gradient(ranked, len(expected)):
        yield from (row(name, None) for name in names)
        return
    yield from (row(name, limits) for name, limits in zip(names, _indices(ranked, seed), strict=True))


def _has_gradient(ranked: list[RateRow], groups: int) -> bool:
    """Return whether every group has a rate with a lower limit above 0, which its logarithm needs."""
    return len(ranked) == groups >= LEAST_GROUPS and all(each.lower > 0 for each in ranked)


def _indices(ranked: list[RateRow], seed: int) -> tuple[Limits, Limits, Limits]:
    """Return slope, relative and concentration index of ranked rates."""
    values, lower, upper = (np.array([getattr(each, name) for each in ranked]) for name in ("value", "lower", "upper"))
    groups = RankedGroups(values, np.array([each.people for each in ranked], dtype=np.float64), lower, upper)
    simulation = Simulation(seed=seed)
    index = slope_index_of_inequality(groups, Line("rate", transform=True), simulation)
    return (
        _limits(index.sii, index.sii_lower, index.sii_upper),
        _limits(index.rii, index.rii_lower, index.rii_upper),
        concentration_index_limits(groups, simulation),
    )


def _numbers(limits: Limits | None) -> tuple[float, float, float]:
    """Return a value with its limits; NaN if there are none."""
    return (np.nan, np.nan, np.nan) if limits is None else (float(limits.value), float(limits.lower), float(limits.upper))


def _limits(value: float, lower: float, upper: float) -> Limits:
    return Limits(np.float64(value), np.float64(lower), np.float64(upper))  # type: ignore[arg-type]

"""Other futures of a board: what happened or became known on or after its index date is changed, taken away or added to.

An event on the index date counts as future. Where people are registered and live is taken as at the
index date, that day included, so periods change from the day after it; the list carries no day on which it was known.
Only whether a registration that had ended was a move between practices is taken from the registration that follows, and whether a person
on the list has any registration from the first of all.
"""

from __future__ import annotations

from copy import deepcopy
from datetime import date, timedelta
from random import Random

from recount.board import FEEDS, PRACTICES, Board, Row
from recount.code_pool import pool

from features.events import EVENT_TYPES

DAY = timedelta(days=1)
MOVE = 31  # days from the last day of a registration to the first of the next one, in a move between practices


def another_future(board: Board, random: Random) -> Board:
    """Return the board with another future and its rows in another order."""
    other = deepcopy(board)
    index = board.index_date
    other.events = [event for old in other.events for event in _changed(old, index, random)]
    other.events += [_late(event, index, random) for event in random.sample(board.events, len(board.events) // 3)]
    for event in [old for old in other.events if old["available_date"] < index and random.random() < 0.1]:  # taken back since
        other.events.remove(event)
        other.superseded.append({**event, "superseded_date": index + DAY})
    for event in other.superseded:
        if event["superseded_date"] > index:
            event["superseded_date"] = index + random.randint(1, 400) * DAY
    random.shuffle(other.events)
    for person in other.people:
        if person["death_date"] is None or person["death_date"] > index:
            person["death_date"] = random.choice((None, index + random.randint(1, 500) * DAY))
    other.registrations = _first_ones(board, _other_periods(other.registrations, index, random, MOVE))
    other.residences = _other_periods(other.residences, index, random)
    other.gaps |= {(random.choice(FEEDS), random.choice(PRACTICES), month) for month in _months_after(index)}
    return other


def _changed(event: Row, index: date, random: Random) -> list[Row]:
    """Leave what was known before the index date; of the rest drop, double or rewrite."""
    if event["event_date"] < index and event["available_date"] < index:
        return [event]
    kind = random.choice(EVENT_TYPES)
    rewritten = {
        **event,
        "event_type": kind.number,
        "code": random.choice(pool(kind.code_system)),
        "value": random.uniform(0, 300),
    }
    return random.choice(([], [event, event], [rewritten], [_late(rewritten, index, random)]))


def _late(event: Row, index: date, random: Random) -> Row:
    """Return a copy that happened on or after the index date, or before it and became known only later."""
    day = event["event_date"] if event["event_date"] < index and random.random() < 0.5 else index + random.randint(0, 400) * DAY
    return {**event, "event_date": day, "available_date": max(day, index) + random.choice((0, 0, 1, 30)) * DAY}


def _other_periods(periods: list[Row], index: date, random: Random, move: int = 0) -> list[Row]:
    """Begin no period up to the index date and end none before it, but let those of that day end later or sooner, and others follow.

    A registration that follows within `move` days one that ended before the index date shows a move. It stays, and no other begins.
    """
    kept = [period for period in periods if period["start_date"] <= index or _ends_a_move(period, periods, index, move)]
    for period in kept:
        if period["end_date"] is None or period["end_date"] >= index:
            period["end_date"] = random.choice((None, max(index, period["start_date"]) + random.randint(0, 400) * DAY))
    latest = {period["person_key"]: period for period in kept}
    ended = [period for period in latest.values() if period["end_date"] is not None]
    follow = random.sample(ended, len(ended) // 2)
    steps = [random.choice((1, 1, 2, 40)) if not move or period["end_date"] >= index else 40 for period in follow]
    starts = [max(period["end_date"], index) + step * DAY for period, step in zip(follow, steps, strict=True)]
    return kept + [{**period, "start_date": start, "end_date": None} for period, start in zip(follow, starts, strict=True)]


def _first_ones(board: Board, registrations: list[Row]) -> list[Row]:
    """Add the registrations of people who otherwise would have none: a household with such a person has no known size."""
    has = {period["person_key"] for period in registrations}
    return registrations + [deepcopy(period) for period in board.registrations if period["person_key"] not in has]


def _ends_a_move(period: Row, periods: list[Row], index: date, move: int) -> bool:
    ends = [
        other["end_date"] for other in periods if other["person_key"] == period["person_key"] and other["end_date"] is not None
    ]
    return any(end < index < period["start_date"] and (period["start_date"] - end).days <= move for end in ends)


def _months_after(index: date) -> list[date]:
    """Return months that start after the day before the index date."""
    first = ((index - DAY).replace(day=1) + timedelta(days=32)).replace(day=1)
    return [first, (first + timedelta(days=32)).replace(day=1), (first + timedelta(days=200)).replace(day=1)]

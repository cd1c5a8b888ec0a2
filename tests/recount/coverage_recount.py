"""Which months a feed covers, and how many days before an index date, recounted from the files in plain Python.

The rules are those of docs/data-dictionary.md and the settings of `conform.coverage`, written here once more with their defaults.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from statistics import fmean, median

from recount.raw_files import HOSPITAL, RULES, Row, day_of, deliveries, facts, latest, month_of, months_between

PARTIAL_SHARE, DEVIATIONS, ABSENT_ROWS, START_SHARE = 0.5, 3.0, 7.0, 0.2
LEAST_FACTOR, MOST_FACTOR, LEAST_SENDERS = 0.3, 3.0, 3
Status = dict[tuple[str, date], str]  # sender and month


@dataclass(frozen=True)
class Registration:
    """A registration as the file has it."""

    person: str
    practice: str
    start: date
    end: date | None

    def holds(self, day: date) -> bool:
        """Return whether it includes a day."""
        return self.start <= day and (self.end is None or self.end >= day)


def registrations(landing: Path) -> list[Registration]:
    """Return the registrations of the last delivery."""
    return [
        Registration(row["PERSON_ID"], row["ORGANISATION_ID"], date.fromisoformat(row["START_DATE"]), day_of(row["END_DATE"]))
        for row in latest(landing, "registrations")
    ]


def practice_status(landing: Path, cut: date) -> dict[str, Status]:
    """Return the status of each feed by practice and month, as core__coverage has it; a month that is not in it is not covered."""
    held, spans = registrations(landing), {}
    for feed in RULES:
        rows = [fact.row for fact in facts(landing, feed)]
        status = _sender_status(feed, rows, held, cut)
        status = _lowered(status, deliveries(landing, feed)[-1][0])
        spans[feed] = _by_practice(feed, rows, held, status) if feed in HOSPITAL else status
    return spans


def covered_days(status: Status, practice: str, index: date, last: date) -> int:
    """Return the days before an index date in an unbroken run of covered months that ends with the day before it.

    `last` is the last month that any feed was assessed for. The month after it had not ended: it has the status of the month before.
    """
    month = month_of(index - timedelta(days=1))
    if status.get((practice, _before(month) if _before(month) == last else month)) != "covered":
        return 0
    while status.get((practice, _before(month))) == "covered":
        month = _before(month)
    # In the month after the last one, the run is that of the months before it.
    return (index - month).days


def _before(month: date) -> date:
    return month_of(month - timedelta(days=1))


def _sender_status(feed: str, rows: list[Row], held: list[Registration], cut: date) -> Status:
    rules = RULES[feed]
    sent = Counter((row[rules.sender], month_of(date.fromisoformat(row[rules.day]))) for row in rows)
    months = _months(sent, cut)
    people = _list_sizes(held, months) if feed not in HOSPITAL else None
    senders = {sender for sender, _ in sent} | ({one.practice for one in held} if people is not None else set())
    counts = {sender: [sent[sender, month] for month in months] for sender in sorted(senders)}
    lists = {sender: [people[sender, month] for month in months] for sender in counts} if people is not None else None
    expected = _expected(counts, lists)
    found = {}
    for sender, own in counts.items():
        for place, status in enumerate(_statuses(own, expected[sender])):
            if lists is None or own[place] or lists[sender][place]:
                found[sender, months[place]] = status
    return found


def _months(sent: Mapping[tuple[str, date], int], cut: date) -> list[date]:
    """Return the months from the feed's first real month to the last one that ended by the cut."""
    total: Counter[date] = Counter()
    for (_, month), rows in sent.items():
        total[month] += rows
    ended = {month: rows for month, rows in total.items() if month < month_of(cut)}
    usual = median([ended[month] for month in sorted(ended)][-36:])
    first = min(month for month, rows in ended.items() if rows >= START_SHARE * usual)
    return list(months_between(first, _before(month_of(cut))))


def _list_sizes(held: Iterable[Registration], months: list[date]) -> Counter[tuple[str, date]]:
    return Counter((one.practice, month) for one in held for month in months if one.holds(month))


def _expected(counts: dict[str, list[int]], lists: dict[str, list[int]] | None) -> dict[str, list[float]]:
    usual = {sender: [_usual(own)] * len(own) for sender, own in counts.items()} if lists is None else _of_lists(counts, lists)
    assessed = [sender for sender, own in usual.items() if own and fmean(own) >= 1]
    months = len(next(iter(counts.values())))
    factors = [1.0] * months
    if len(assessed) >= LEAST_SENDERS:
        for place in range(months):
            ratios = [counts[sender][place] / usual[sender][place] for sender in assessed if usual[sender][place] > 0]
            factors[place] = min(max(median(ratios) if ratios else 1.0, LEAST_FACTOR), MOST_FACTOR)
    return {sender: [value * factor for value, factor in zip(own, factors, strict=True)] for sender, own in usual.items()}


def _of_lists(counts: dict[str, list[int]], lists: dict[str, list[int]]) -> dict[str, list[float]]:
    """Return the usual rows of practices: their usual rows per registered person, times their people of the month."""
    rates = {
        sender: _usual([rows / people for rows, people in zip(own, lists[sender], strict=True) if people])
        for sender, own in counts.items()
    }
    sending = [rate for rate in rates.values() if rate > 0]
    of_all = median(sending) if sending else 0.0
    usual = {}
    for sender, own in counts.items():
        rate = rates[sender] if sum(own) else of_all
        usual[sender] = [people * rate for people in lists[sender]] if any(lists[sender]) else [_usual(own)] * len(own)
    return usual


def _usual(values: list[float] | list[int]) -> float:
    """Return the median month, or the mean month if more than half are empty."""
    return (median(values) or fmean(values)) if values else 0.0


def _statuses(rows: list[int], expected: list[float]) -> list[str]:
    found = ["partial" if _is_low(count, usual) else "covered" for count, usual in zip(rows, expected, strict=True)]
    place = 0
    while place < len(rows):
        end = place
        while end < len(rows) and rows[end] == 0:
            end += 1
        if end > place and sum(expected[place:end]) >= ABSENT_ROWS:
            found[place:end] = ["absent"] * (end - place)
        place = max(end, place + 1)
    return found


def _is_low(rows: int, expected: float) -> bool:
    return rows < PARTIAL_SHARE * expected and rows < expected - DEVIATIONS * math.sqrt(expected)


def _lowered(status: Status, delivered: date) -> Status:
    """Return the status of a feed in the months that its latest delivery does not contain, or only in part."""
    lowered = dict(status)
    for (sender, month), own in status.items():
        following = (month + timedelta(days=32)).replace(day=1)
        share = max((delivered - month).days, 0) / (following - month).days
        if own == "absent" or share == 0:
            lowered[sender, month] = "absent"
        elif share < PARTIAL_SHARE:
            lowered[sender, month] = "partial"
    return lowered


def _by_practice(feed: str, rows: list[Row], held: list[Registration], status: Status) -> Status:
    """Return the status of each practice: that of the provider with most records of the people whose latest practice it is."""
    home: dict[str, tuple[date, str]] = {}
    for one in held:
        home[one.person] = max(home.get(one.person, (date.min, "")), (one.start, one.practice))
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    total: Counter[str] = Counter()
    for row in rows:
        provider, person = row[RULES[feed].sender], row[RULES[feed].person]
        total[provider] += 1
        if person in home:
            seen[home[person][1]][provider] += 1
    largest = _most(total)
    main = {
        practice: _most(seen[practice]) if practice in seen else largest for practice in {place for _, place in home.values()}
    }
    return {
        (practice, month): own
        for practice, provider in main.items()
        for (sender, month), own in status.items()
        if sender == provider
    }


def _most(counts: Counter[str]) -> str:
    return min(counts, key=lambda name: (-counts[name], name))

"""Since when each fact is known, recounted from the files: `known_since` is the whole rule, as docs/architecture.md states it."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, timedelta
from pathlib import Path

from recount.raw_files import RULES, Row, day_of, deliveries, facts

Known = Counter[tuple[str, date, date]]  # person, day of the event and day from which it is known


def known_since(day: date, stated: date, first: date, lag_days: int) -> date:
    """Return the day from which a fact is known.

    `day` is the day of the fact, `stated` the delivery that first stated it in this form, and `first` the first delivery of the feed. A
    fact is known after the lag, on training dates as on the scoring date. A later delivery contains what was known before its day.
    """
    usual = day + timedelta(days=lag_days)
    return usual if stated == first else max(usual, stated - timedelta(days=1))


def known_events(landing: Path, feed: str) -> Known:
    """Count the records of a feed other than admissions by person, day and the day from which each is known."""
    rules, first = RULES[feed], deliveries(landing, feed)[0][0]
    found: Known = Counter()
    for fact in facts(landing, feed):
        event_day = date.fromisoformat(fact.row[rules.day])
        recorded = day_of(fact.row.get("DATE_RECORDED", "")) or event_day
        known = known_since(max(event_day, recorded), fact.stated, first, rules.lag_days)
        found[fact.row[rules.person], event_day, max(known, event_day)] += 1
    return found


def known_stays(landing: Path) -> dict[tuple[str, date, date | None], tuple[date, date | None]]:
    """Return, by person, admission and discharge, since when the admission and the discharge of a stay are known.

    Only stays that no other stay of the person touches are returned: those are spells by themselves.
    """
    rules, first = RULES["admissions"], deliveries(landing, "admissions")[0][0]
    by_person = defaultdict(list)
    for fact in facts(landing, "admissions"):
        by_person[fact.row[rules.person]].append(fact)
    found = {}
    for person, stays in by_person.items():
        for fact in stays:
            if any(other is not fact and _touch(fact.row, other.row) for other in stays):
                continue
            admitted, discharged = date.fromisoformat(fact.row["Admission_Date"]), day_of(fact.row["Discharge_Date"])
            ended = max(known_since(discharged, fact.stated, first, rules.lag_days), discharged) if discharged else None
            found[person, admitted, discharged] = (known_since(admitted, fact.begun, first, 0), ended)
    return found


def _touch(one: Row, other: Row) -> bool:
    """Return whether two stays may be one spell: at most a few days are between them, or one of them has not ended."""
    first, second = sorted((one, other), key=lambda row: row["Admission_Date"])
    ended = day_of(first["Discharge_Date"])
    return ended is None or (date.fromisoformat(second["Admission_Date"]) - ended).days <= 3

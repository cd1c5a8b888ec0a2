"""The rules of files of organisations, relations and successions. Each rule returns the lines that break it.

The frames have the text of the files, in the order of their lines, and dates and numbers as they were read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

import pandas as pd

from expectations.organisations import CLOSURE, KINDS, LEVELS, RELATIONS
from pipelines.reference.problems import Problem, line_of, problems_of

SHARE_TOLERANCE = 1e-3  # published shares are rounded to three decimals
FIRST_DAY, LAST_DAY = date(1948, 7, 5), date(2099, 12, 31)  # the NHS began on the first
WRITE_DAY = "write a day as 2026-04-01"


def problems_of_organisations(stated: pd.DataFrame) -> Iterator[Problem]:
    """Yield the problems of dated organisations: code, role, valid_from, valid_to and both dates as stated (`stated_*`)."""
    yield from problems_of(~stated["role"].isin(LEVELS), "the role is unknown", f"use one of {', '.join(LEVELS)}")
    yield from _problems_of_periods(stated)
    yield from _overlaps(stated, ["code", "role"], "two periods of the same code overlap")


def problems_of_relations(stated: pd.DataFrame) -> Iterator[Problem]:
    """Yield the problems of dated relations: child_code, parent_code, relation, valid_from, valid_to and both dates as stated."""
    for name in ("child_code", "parent_code"):
        yield from problems_of(stated[name].isna(), f"{name} is empty", "state the code, or delete the line")
    unknown = ~stated["relation"].isin(list(RELATIONS))
    yield from problems_of(unknown, "the relation is unknown", f"use one of {', '.join(RELATIONS)}")
    same = (stated["child_code"] == stated["parent_code"]) & stated["child_code"].notna()
    yield from problems_of(same, "an organisation is part of itself", "correct one of the codes")
    yield from problems_of(stated["valid_from"].isna() & stated["stated_valid_from"].isna(), "valid_from is empty", WRITE_DAY)
    yield from _problems_of_periods(stated)
    yield from _overlaps(stated, ["child_code", "relation"], "two periods of the same part and relation overlap")


def _problems_of_periods(stated: pd.DataFrame) -> Iterator[Problem]:
    for name in ("valid_from", "valid_to"):
        yield from problems_of(stated[name].isna() & stated[f"stated_{name}"].notna(), f"{name} is no day", WRITE_DAY)
    inverted = (stated["valid_to"] < stated["valid_from"]) & stated["valid_to"].notna() & stated["valid_from"].notna()
    yield from problems_of(inverted, "valid_to is before valid_from", "correct one of the two days")


def _overlaps(stated: pd.DataFrame, key: list[str], rule: str) -> Iterator[Problem]:
    """Yield the later of two periods with the same key that share a day."""
    first = stated["valid_from"].fillna(pd.Timestamp(FIRST_DAY))
    last = stated["valid_to"].fillna(pd.Timestamp(LAST_DAY))
    periods = stated[key].assign(first=first, last=last).dropna().sort_values([*key, "first", "last"])
    reached = periods.groupby(key)["last"].cummax().groupby([periods[name] for name in key]).shift()
    yield from problems_of(reached.notna() & (periods["first"] <= reached), rule, "let one end before the other begins")


def problems_of_successions(stated: pd.DataFrame) -> Iterator[Problem]:
    """Yield the problems of successions: from_code, to_code, kind, share, effective_date, and the last two as stated."""
    yield from problems_of(stated["from_code"].isna(), "from_code is empty", "state the code that ended, or delete the line")
    unknown = ~stated["kind"].isin(KINDS)
    yield from problems_of(unknown, "the kind is unknown", f"use one of {', '.join(KINDS)}")
    closed = stated["kind"] == CLOSURE
    without = stated["to_code"].isna() & ~closed
    yield from problems_of(without, "to_code is empty", f"state the successor, or write the kind {CLOSURE}")
    yield from problems_of(
        closed & stated["to_code"].notna(), f"a {CLOSURE} has a successor", "empty to_code, or change the kind"
    )
    yield from _problems_of_days(stated)
    number = stated["share"].between(0, 1, inclusive="right") | closed
    yield from problems_of(
        ~number.fillna(False), "the share is not above 0 and at most 1", "write the share of people, such as 1 or 0.25"
    )
    same = (stated["from_code"] == stated["to_code"]) & stated["from_code"].notna()
    yield from problems_of(same, "a code succeeds itself", "correct one of the codes")
    twice = stated.duplicated(["from_code", "to_code"]) & stated["to_code"].notna()
    yield from problems_of(twice, "the succession is stated twice", "delete one of the lines")
    if not (unknown.any() or without.any()):
        yield from _problems_of_shares(stated)
        yield from _problems_of_order(stated)


def _problems_of_days(stated: pd.DataFrame) -> Iterator[Problem]:
    missing = stated["effective_date"].isna()
    yield from problems_of(missing & stated["stated_effective_date"].isna(), "effective_date is empty", WRITE_DAY)
    yield from problems_of(missing & stated["stated_effective_date"].notna(), "effective_date is no day", WRITE_DAY)
    outside = ~stated["effective_date"].between(pd.Timestamp(FIRST_DAY), pd.Timestamp(LAST_DAY)) & ~missing
    yield from problems_of(outside, "effective_date cannot be right", f"use a day from {FIRST_DAY} to {LAST_DAY}")


def _problems_of_shares(stated: pd.DataFrame) -> Iterator[Problem]:
    """Yield the lines of a code that ends on several days, or whose shares do not sum to 1."""
    going = stated[stated["to_code"].notna() & stated["effective_date"].notna() & stated["share"].notna()]
    ends = stated[stated["effective_date"].notna()].groupby("from_code")["effective_date"].transform("nunique")
    yield from problems_of(ends > 1, "the code ends on several days", "keep the successions of one day")
    totals = going.groupby(["from_code", "effective_date"])["share"].transform("sum").astype(float)
    wrong = ((totals - 1).abs() > SHARE_TOLERANCE) & going["share"].between(0, 1)
    yield from problems_of(
        wrong, "the shares of the code do not sum to 1", "correct the shares, or add the successor that is missing"
    )


def _problems_of_order(stated: pd.DataFrame) -> Iterator[Problem]:
    """Yield the lines that lead back to a code that had ended, by a circle or by a successor that ended first."""
    ended = dict(zip(stated["from_code"], stated["effective_date"], strict=True))
    going = stated.dropna(subset=["from_code", "to_code"])
    steps = list(zip(going.index, going["from_code"], going["to_code"], going["effective_date"], strict=True))
    successors: dict[str, list[str]] = {}
    for _, code, to_code, _ in steps:
        successors.setdefault(code, []).append(to_code)
    for row, code, to_code, day in steps:
        if _leads_to(to_code, code, successors):
            yield Problem(line_of(row), "the successions form a circle", "delete the one that did not happen")
        elif not pd.isna(ended.get(to_code)) and ended[to_code] <= day:
            yield Problem(line_of(row), "the successor had already ended", "correct one of the two days")


def _leads_to(start: str, target: str, successors: Mapping[str, list[str]]) -> bool:
    reached, waiting = set(), [start]
    while waiting:
        code = waiting.pop()
        if code == target:
            return True
        waiting += [after for after in successors.get(code, []) if after not in reached]
        reached.add(code)
    return False


def unknown_successors(stated: pd.DataFrame, known: frozenset[str]) -> Iterator[Problem]:
    """Yield the lines whose successor is in no file of organisations, where the files know the code that ended."""
    judged = stated["to_code"].notna() & stated["from_code"].isin(known) & ~stated["to_code"].isin(known)
    yield from problems_of(judged, "the successor is in no file of organisations", "correct to_code, or add the organisation")

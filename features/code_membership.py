"""Which rows of a file of codes count: none that the file marks as inactive or excluded, and of a member's history the latest row.

A value that is not clear is refused. Otherwise a code that is no longer in a set would enter a list unseen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from features.code_halves import CodeListError

Row = tuple[str, dict[str, str]]  # the place, `file, line n`, and the values
_YES, _NO = frozenset({"1", "true", "yes", "y"}), frozenset({"0", "false", "no", "n"})
# `+` and `-` are marks of OpenCodelists, in brackets for descendants. `!` (a conflict) and `?` (not decided) are not clear.
_COUNTS = _YES | {"active", "current", "valid", "included", "include", "+", "(+)"}
_COUNTS_NOT = _NO | {
    "inactive",
    "retired",
    "obsolete",
    "withdrawn",
    "deleted",
    "invalid",
    "excluded",
    "exclude",
    "-",
    "(-)",
    "−",
    "(−)",
}
_MARKED = frozenset({"1", "true", "yes", "y", "-", "(-)", "x", "inactive", "excluded", "invalid", "deleted", "retired"})
_STATES = ("active", "is_active", "include", "included", "is_included", "inclusion", "status", "code_status", "concept_status",
           "active_status", "member_status")  # fmt: skip
_MARKS = ("inactive", "is_inactive", "exclude", "excluded", "is_excluded", "invalid", "deleted", "retired")
_DAY = re.compile(r"\d{8}")


def is_yes(value: str, column: str, place: str) -> bool:
    """Return whether a value means yes; raise CodeListError where it means neither yes nor no. An empty value means no."""
    plain = value.strip().casefold()
    if plain not in _YES | _NO | {""}:
        raise CodeListError(f"{place}: {value!r} in the column {column} is neither yes nor no. Write 1 or 0.")
    return plain in _YES


def is_counted(row: Mapping[str, str], place: str) -> bool:
    """Return whether every mark of a row says that its code counts; raise CodeListError where a mark is not clear."""
    return all(_says_counted(name, value.strip().casefold(), place) for name, value in row.items())


def _says_counted(column: str, value: str, place: str) -> bool:
    name = re.sub(r"[ -]", "_", column)
    if name in _STATES:
        counts, counts_not = _COUNTS, _COUNTS_NOT
    elif name in _MARKS:
        counts, counts_not = _NO | {""}, _MARKED
    else:
        return True
    if value not in counts | counts_not:
        raise CodeListError(
            f"{place}: the value {value!r} in the column {column} does not say whether the code counts. Write 1 or 0 in the row, or remove "
            "the column if it says something else."
        )
    return value in counts


def latest_rows(rows: Iterable[Row], member: str, component: str, time: str) -> Iterator[Row]:
    """Yield the latest row of each member of a reference set (RF2), whose full file has every earlier row too.

    Without an identifier of the member, the rows of one component are those of one member. Raise CodeListError where it is not known
    which of several rows is the latest.
    """
    latest: dict[str, tuple[str, Row]] = {}
    for place, row in rows:
        key, day = row.get(member) or row[component], row.get(time, "").replace("-", "")
        if day and not _DAY.fullmatch(day):
            raise CodeListError(f"{place}: the {time} {row[time]!r} is not a day, such as 20250101. Correct the file.")
        before_day, before = latest.get(key, ("", None))
        if before and _differ(before[1], row) and (not day or not before_day or day == before_day):
            raise CodeListError(
                f"{place}: another row of the same member says something else, and the column {time} does not say which is the "
                "later one. Use the snapshot of the reference set, which has one row for each member."
            )
        if not before or day > before_day:
            latest[key] = (day, (place, row))
    yield from (row for _, row in latest.values())


def _differ(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Return whether two rows of a member differ in whether its code counts, or in the code."""
    return (one.get("active", "").casefold(), one["referencedcomponentid"]) != (
        other.get("active", "").casefold(),
        other["referencedcomponentid"],
    )

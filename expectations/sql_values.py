"""Values as SQL literals: every module that puts a value into SQL quotes it here."""

from __future__ import annotations

from collections.abc import Iterable


def quote(value: object) -> str:
    """Return a value as a SQL text literal, with its quotes doubled; `DATE {quote(day)}` is a date."""
    return "'" + str(value).replace("'", "''") + "'"


def quote_all(values: Iterable[object]) -> str:
    """Return SQL text literals separated by commas, for an IN list; a list without values matches nothing."""
    return ", ".join(quote(value) for value in values) or "NULL"

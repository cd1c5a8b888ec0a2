"""Text as SQL reads it: the one place that quotes values."""

from __future__ import annotations

from collections.abc import Iterable


def text(value: object) -> str:
    """Give a value as a SQL text literal, its quotes doubled."""
    return "'" + str(value).replace("'", "''") + "'"


def texts(values: Iterable[object]) -> str:
    """Give SQL text literals separated by commas, for an IN list; a list without values matches nothing."""
    return ", ".join(text(value) for value in values) or "NULL"

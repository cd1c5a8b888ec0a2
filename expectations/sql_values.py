"""Values as SQL literals: every module that puts a value into SQL quotes it here."""

from __future__ import annotations

import re
from collections.abc import Iterable


def quote(value: object) -> str:
    """Return a value as a SQL text literal, with its quotes doubled; `DATE {quote(day)}` is a date."""
    return "'" + str(value).replace("'", "''") + "'"


def quote_path(path: object) -> str:
    """Return the path of one file as a SQL text literal for a function that reads files, to which `[`, `*` and `?` are patterns."""
    return quote(re.sub(r"([*?\[])", r"[\1]", str(path)))


def quote_paths(paths: Iterable[object]) -> str:
    """Return the paths of files as SQL text literals separated by commas, for a list of files to read."""
    return ", ".join(map(quote_path, paths))


def quote_all(values: Iterable[object]) -> str:
    """Return SQL text literals separated by commas, for an IN list; a list without values matches nothing."""
    return ", ".join(quote(value) for value in values) or "NULL"

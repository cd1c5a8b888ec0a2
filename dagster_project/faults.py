"""Errors that nobody foresaw, told without what they may repeat: a row's values stand in the words of many libraries' errors."""

from __future__ import annotations

import re

import duckdb

# Errors that these packages declare say in plain words what is wrong and what to do; all others are faults.
OWN_PACKAGES = ("expectations", "features", "models", "pipelines", "dagster_project")
# What a disk refuses is no fault of Strata, whichever library met it and however it says so.
OF_THE_DISK = {
    re.compile(r"No space left on device|disk is full|Disk quota exceeded|[Ee]rrno (28|122)\b|os error (28|122)\b"): (
        "the disk is full: make room on the disk that holds {home}"
    ),
    re.compile(r"Read-only file system|readonly database|Permission denied|[Ee]rrno (13|30)\b|os error (13|30)\b"): (
        "a file or folder may not be read or written: let who runs Strata write to {home} and read what has landed"
    ),
}
WITHHELD = "(its words are withheld: they may repeat a row)"
# Their words are of code, names, memory and files alone.
WITHOUT_ROWS = (
    NameError,
    AttributeError,
    ImportError,
    MemoryError,
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ParserException,
    duckdb.OutOfMemoryException,
)


def is_own(error: BaseException) -> bool:
    """Say whether an error is one of Strata's own, whose words are meant for the reader."""
    return type(error).__module__.split(".")[0] in OWN_PACKAGES


def without_values(error: BaseException) -> Exception:
    """Give an error of the same name, place and causes whose words hold no value of a row."""
    kind = type(type(error).__name__, (Exception,), {"__module__": type(error).__module__})
    clean: Exception = kind(_words(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    clean.__cause__ = without_values(before) if before is not None else None  # which also keeps the context apart
    return clean.with_traceback(error.__traceback__)


def without_cause(error: Exception) -> Exception:
    """Give one of Strata's own errors without what led to it, whose words may hold values."""
    error.__cause__ = None
    error.__suppress_context__ = True
    return error


def _words(error: BaseException) -> str:
    if is_own(error) or isinstance(error, WITHOUT_ROWS) or (isinstance(error, OSError) and error.errno is not None):
        return str(error)
    of_the_disk = [found.group() for pattern in OF_THE_DISK if (found := pattern.search(str(error)))]
    return "; ".join([*of_the_disk, WITHHELD])

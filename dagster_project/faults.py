"""Unforeseen errors, reported without the values of rows that many libraries put into their messages."""

from __future__ import annotations

import re

import duckdb

# Errors that these packages declare say in plain English what is wrong and what to do. All others are bugs.
OWN_PACKAGES = ("expectations", "features", "models", "pipelines", "dagster_project")
# What a disk refuses is not a bug in Strata, whichever library reports it.
OF_THE_DISK = {
    re.compile(r"No space left on device|disk is full|Disk quota exceeded|[Ee]rrno (28|122)\b|os error (28|122)\b"): (
        "the disk is full: free space on the disk of {home}"
    ),
    re.compile(r"Read-only file system|readonly database|Permission denied|[Ee]rrno (13|30)\b|os error (13|30)\b"): (
        "a file or folder cannot be read or written: allow the account that runs Strata to write to {home} and to read the extracts"
    ),
}
WITHHELD = "(its message is withheld: it may repeat a row)"
# The messages of these name only code, memory and files.
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
    """Return whether Strata declares an error, so that its message is meant for the reader."""
    return type(error).__module__.split(".")[0] in OWN_PACKAGES


def without_values(error: BaseException) -> Exception:
    """Return an error of the same name, traceback and causes whose message has no value of a row."""
    kind = type(type(error).__name__, (Exception,), {"__module__": type(error).__module__})
    clean: Exception = kind(_message(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    clean.__cause__ = without_values(before) if before is not None else None  # which also hides the context
    return clean.with_traceback(error.__traceback__)


def without_cause(error: Exception) -> Exception:
    """Return an error that Strata declares without its causes, whose messages may have values of rows."""
    error.__cause__ = None
    error.__suppress_context__ = True
    return error


def _message(error: BaseException) -> str:
    if is_own(error) or isinstance(error, WITHOUT_ROWS) or (isinstance(error, OSError) and error.errno is not None):
        return str(error)
    of_the_disk = [match.group() for pattern in OF_THE_DISK if (match := pattern.search(str(error)))]
    return "; ".join([*of_the_disk, WITHHELD])

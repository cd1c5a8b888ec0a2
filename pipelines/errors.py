"""Errors meant for the person who runs Strata: each names what is wrong, where, and what to do."""

from __future__ import annotations


class StrataError(Exception):
    """Something the reader can mend: a message without a traceback."""


class SettingsError(StrataError):
    """A setting is wrong: nothing has been done yet."""


class ExtractError(StrataError):
    """An input file cannot be used."""


class ValidationStop(StrataError):  # noqa: N818 - the field's word for a blocking check
    """A table rule is broken: nothing downstream may run."""


class RefusalError(StrataError):
    """Strata will not do what was asked, and says why."""


class PublishingError(StrataError):
    """A target does not hold what was published; what it held before stands."""

"""Errors for the person who runs Strata: each names what is wrong, where, and what to do next."""

from __future__ import annotations


class StrataError(Exception):
    """A problem that the reader can fix: it is printed as a message without a traceback."""


class SettingsError(StrataError):
    """A setting is wrong, and nothing has been changed yet."""


class ExtractError(StrataError):
    """An input file cannot be used."""


class ValidationStop(StrataError):  # noqa: N818 - the established name of a blocking check
    """A table rule is broken, so no later stage may run."""


class RefusalError(StrataError):
    """Strata refuses a request, with the reason."""


class PublishingError(StrataError):
    """A target did not receive the publication; its earlier content is unchanged."""

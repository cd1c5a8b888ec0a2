"""Settings of the NHS source: where the files of each feed are, how they are written and how they are loaded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from expectations.catalogue import RAW_TABLES
from expectations.date_formats import FormatName
from expectations.feeds import ADMISSIONS, FEEDS, NATIONAL_OPT_OUTS
from expectations.row_checks import sender_columns
from expectations.setting_types import Distinct
from expectations.table import Kind


class ReplacesMonths(BaseModel, extra="forbid", frozen=True):
    """A delivery restates this many months before its date; rows of these months that it lacks are deleted."""

    replaces_months: int = Field(ge=1, le=120, description="months before its delivery date that a delivery restates")


class FeedSettings(BaseModel, extra="forbid", frozen=True):
    """Where the files of a feed are, how they are written and how they are loaded."""

    files: Distinct[str] = Field(
        default=(),
        description="files below the landing folder, or glob patterns of files; by default every CSV and Parquet file in the folder with the feed's name",
    )
    load: Literal["snapshot", "append"] | ReplacesMonths = Field(
        default="snapshot",
        description="snapshot, append or {replaces_months: n}: what a delivery does to earlier ones; an opt-out holds until it is withdrawn",
    )
    rows_are: Literal["spells", "episodes"] = Field(
        default="spells",
        description="admissions only: episodes where each row is a consultant episode (HES); rows of one provider, spell number and "
        "admission date are then one stay, and record_id is part of the key",
    )
    columns: Mapping[str, str] = Field(default={}, description="Strata's column name -> the file's header, where it differs")
    constants: Mapping[str, str] = Field(
        default={}, description="Strata's column name -> the value of every row, for a column the files lack"
    )
    not_delivered: Distinct[str] = Field(
        default=(),
        description="Strata's names of columns that the sender never delivers. A date of death, an end of a registration or a mark (confidential, "
        "deleted) that is absent and not named here is a warning. It stops the run if an unused header may be it, also where the column itself is empty: without it "
        "everyone would be alive, registered or not confidential",
    )
    delivered: str = Field(
        default="",
        description="regular expression that finds the delivery date in the path, with the groups year, month and day; by "
        "default the last YYYY-MM-DD or YYYYMMDD",
    )
    delivery_date: date | None = Field(default=None, description="delivery date of files whose path has none")
    pseudonymised: bool = Field(
        default=True, description="false: identifiers are delivered in clear, and ingest replaces them by a keyed hash"
    )
    identifiers: Literal["nhs_number", "local"] | None = Field(
        default=None,
        description="only with pseudonymised: false: nhs_number sets aside what is no valid NHS number; local allows any identifier. "
        "By default a file with any valid NHS number has NHS numbers, and so has every file if the registered list has any",
    )
    pseudonym_case: Literal["matters", "ignored"] | None = Field(
        default=None,
        description="whether upper and lower case in a pseudonym differ. ignored: pseudonyms are read in lower case. By default they "
        "differ, except that objections, deaths and confidentiality also count for a pseudonym that differs only in case",
    )
    lag_days: int | None = Field(
        default=None,
        ge=0,
        le=400,
        description="days after which an event counts as known, on training dates as on the scoring date: those in which a delivery usually "
        "contains it. By default that of the feed's declaration. An event of a later delivery is not known before that delivery",
    )
    admission_lag_days: Annotated[int, Field(ge=0, le=400)] | Literal["with_discharge"] = Field(
        default=0,
        description="admissions only: days after which the admission itself counts as known, or with_discharge if the feed contains no stay "
        "that is not over, as is usual for SUS",
    )
    delimiter: str = Field(
        default="", max_length=1, description="field separator of CSV files; detected in the header by default"
    )
    quote: str = Field(default='"', max_length=1, description="quote of CSV files; empty for none")
    encoding: Literal["utf-8", "cp1252", "latin-1", "utf-16"] = Field(default="utf-8", description="encoding of CSV files")

    dates: Mapping[str, FormatName] = Field(
        default={},
        description="Strata's name of a date column -> how its days are written, where that is not found in the values: month before "
        "day (MM/DD/YYYY), spreadsheet serials, or day before month in a column that does not show it; the formats are in "
        "docs/data-dictionary.md",
    )

    @field_validator("files")
    @classmethod
    def _inside(cls, files: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in files:
            if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
                raise ValueError(f"'{pattern}' leaves the landing folder; set `landing` to the folder that holds the files")
        return files

    @field_validator("delivered")
    @classmethod
    def _date_groups(cls, pattern: str) -> str:
        try:
            groups = set(re.compile(pattern).groupindex)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        if pattern and groups != {"year", "month", "day"}:
            raise ValueError("it needs the named groups (?P<year>...), (?P<month>...) and (?P<day>...)")
        return pattern

    @property
    def replaces_months(self) -> int | None:
        return self.load.replaces_months if isinstance(self.load, ReplacesMonths) else None


class KeyPlace(BaseModel, extra="forbid", frozen=True):
    """Where a key is. The key itself is never in a setting, a log or a table."""

    key_variable: str = Field(default="STRATA_PSEUDONYM_KEY", description="environment variable with the key")
    key_file: Path | None = Field(default=None, description="file with the key; it is used instead of the variable")


class PseudonymSettings(KeyPlace, extra="forbid", frozen=True):
    """Where the keys of the keyed hash are, and how many clear identifiers a file may hold."""

    later_keys: Distinct[KeyPlace] = Field(
        default=(),
        description="later keys, in order: pseudonyms go through the complete chain. Add one and run "
        "`strata rotate-key` to give everyone a new pseudonym. Never remove one",
    )
    test_nhs_numbers: Distinct[str] = Field(
        default=(),
        description="first digits of NHS numbers of test patients, such as 999; rows with them are set aside. Only with pseudonymised: false",
    )
    clear_share: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="share of clear NHS numbers, postcodes or names in a column above which a file is refused",
    )


class NhsSettings(BaseModel, extra="forbid", frozen=True):
    """The feeds of a deployment."""

    landing: Path | None = Field(default=None, description="folder of the extracts; by default `landing` in the home")
    feeds: Mapping[str, FeedSettings] = Field(
        default={}, validate_default=True, description="feed -> its settings; by default every declared feed"
    )
    pseudonyms: PseudonymSettings = PseudonymSettings()
    pseudonym_case: Literal["matters", "ignored"] | None = Field(
        default=None, description="the same for all feeds that do not set their own `pseudonym_case`"
    )
    postcode_lookup: Path | None = Field(default=None, description="CSV or Parquet file with the columns postcode and lsoa")

    @field_validator("feeds")
    @classmethod
    def _known_feeds(cls, feeds: Mapping[str, FeedSettings]) -> Mapping[str, FeedSettings]:
        unknown = sorted(set(feeds) - set(RAW_TABLES))
        if unknown:
            raise ValueError(f"there is no feed {', '.join(unknown)}; the feeds are {', '.join(sorted(RAW_TABLES))}")
        return feeds or {feed: _usual(feed) for feed in RAW_TABLES}

    @model_validator(mode="after")
    def _known_columns(self) -> Self:
        for feed, settings in self.feeds.items():
            _refuse_unknown_columns(feed, settings)
            _refuse_two_origins(feed, settings)
            _refuse_unusable_absence(feed, settings)
            _refuse_undated_columns(feed, settings)
            _refuse_unusable_rows(feed, settings)
            _refuse_late_admissions(feed, settings)
            _refuse_clear_settings(feed, settings)
        _refuse_unused(self)
        return self

    def case_of(self, feed: str) -> Literal["matters", "ignored"] | None:
        """Return whether letter case matters in the pseudonyms of a feed; None if it is not declared."""
        given = self.feeds[feed].pseudonym_case if feed in self.feeds else None
        return given or self.pseudonym_case

    def lag_days(self, feed: str) -> int:
        """Return the days after which a fact of a feed is usually known."""
        given = self.feeds[feed].lag_days if feed in self.feeds else None
        return FEEDS[feed].lag_days if given is None else given

    @property
    def admission_lag_days(self) -> int | Literal["with_discharge"]:
        """Return the days after which an admission itself is known, or that it is known with its discharge."""
        return self.feeds[ADMISSIONS.name].admission_lag_days if ADMISSIONS.name in self.feeds else 0


def _refuse_unknown_columns(feed: str, settings: FeedSettings) -> None:
    declared = [column.name for column in sender_columns(RAW_TABLES[feed])]
    unknown = sorted({*settings.columns, *settings.constants, *settings.not_delivered} - set(declared))
    if unknown:
        raise ValueError(f"feeds.{feed}: there is no column {', '.join(unknown)}; its columns are {', '.join(declared)}")


def _refuse_clear_settings(feed: str, settings: FeedSettings) -> None:
    if settings.identifiers and settings.pseudonymised:
        raise ValueError(
            f"feeds.{feed}.identifiers {settings.identifiers} and feeds.{feed}.pseudonymised true: pseudonyms are not checked as NHS numbers. Set "
            f"pseudonymised to false for the feed, or remove identifiers"
        )


def _refuse_unused(settings: NhsSettings) -> None:
    """Raise a ValueError for settings that apply to feeds or columns that the source does not have."""
    if settings.pseudonyms.test_nhs_numbers and all(feed.pseudonymised for feed in settings.feeds.values()):
        raise ValueError(
            "pseudonyms.test_nhs_numbers and feeds that are all pseudonymised: a pseudonym has no first digits of an NHS number, so no test patient would "
            "be set aside. Set pseudonymised to false for the feeds with NHS numbers, or remove test_nhs_numbers"
        )
    located = [feed for feed, table in RAW_TABLES.items() if any(column.name == "postcode_status" for column in table.columns)]
    if settings.postcode_lookup and not set(located) & set(settings.feeds):
        raise ValueError(
            f"postcode_lookup and feeds without {' or '.join(located)}: no other feed has a postcode. Add the feed, or remove postcode_lookup"
        )


def _refuse_two_origins(feed: str, settings: FeedSettings) -> None:
    """Raise a ValueError if a column is said to come from a header, a constant or nowhere, and from another of these as well."""
    places = {"columns": settings.columns, "constants": settings.constants, "not_delivered": settings.not_delivered}
    for (one, columns), (other, more) in (
        *combinations(places.items(), 2),
        (("dates", settings.dates), ("not_delivered", places["not_delivered"])),
    ):
        if both := sorted(set(columns) & set(more)):
            raise ValueError(
                f"feeds.{feed}: {', '.join(both)} is in {one} and in {other}, and a column is delivered in one way; remove it from one of the two"
            )


def _refuse_unusable_absence(feed: str, settings: FeedSettings) -> None:
    """Raise a ValueError if a column is never delivered without which no file can be used."""
    required = {column.name for column in RAW_TABLES[feed].columns if column.required_in_file}
    needed = sorted(required & set(settings.not_delivered))
    if needed:
        raise ValueError(f"feeds.{feed}.not_delivered: a file without {', '.join(needed)} cannot be used; have it delivered")


def _refuse_undated_columns(feed: str, settings: FeedSettings) -> None:
    dated = [column.name for column in sender_columns(RAW_TABLES[feed]) if column.kind is Kind.DATE]
    if undated := sorted(set(settings.dates) - set(dated)):
        raise ValueError(f"feeds.{feed}.dates: {', '.join(undated)} is no date column; its date columns are {', '.join(dated)}")


def _refuse_unusable_rows(feed: str, settings: FeedSettings) -> None:
    """Raise a ValueError if the rows of a feed cannot be episodes, have no admission that is known earlier, or cannot be loaded so."""
    if settings.rows_are == "episodes" and not FEEDS[feed].joined_into_spells:
        raise ValueError(f"feeds.{feed}.rows_are: only the rows of admissions can be episodes")
    if settings.admission_lag_days and not FEEDS[feed].joined_into_spells:
        raise ValueError(f"feeds.{feed}.admission_lag_days: only admissions have it; set lag_days for the events of this feed")
    if settings.replaces_months and not RAW_TABLES[feed].event_date:
        raise ValueError(f"feeds.{feed}.load: its rows have no date, so a delivery cannot replace months; use snapshot or append")
    if feed == NATIONAL_OPT_OUTS.name and settings.load != "snapshot":
        raise ValueError(
            f"feeds.{feed}.load: a national list replaces the one before it and is never accumulated. Have the complete list delivered, and use snapshot"
        )


def _refuse_late_admissions(feed: str, settings: FeedSettings) -> None:
    """Raise a ValueError if an admission would be known later than the discharge that ends it."""
    lag = FEEDS[feed].lag_days if settings.lag_days is None else settings.lag_days
    if isinstance(settings.admission_lag_days, int) and settings.admission_lag_days > lag:
        raise ValueError(
            f"feeds.{feed}.admission_lag_days {settings.admission_lag_days} is longer than lag_days {lag}: a discharge would be known before its "
            "admission. Set admission_lag_days to with_discharge, or a longer lag_days"
        )


def _usual(feed: str) -> FeedSettings:
    """Return the usual delivery of a feed, from its declaration."""
    declared = FEEDS[feed]
    months = declared.replaces_months
    return FeedSettings(load=ReplacesMonths(replaces_months=months) if months else declared.load)

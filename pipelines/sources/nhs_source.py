"""The nhs source: extracts of the feeds, as their senders deliver them into the landing folder."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from expectations.catalogue import RAW_TABLES
from expectations.feeds import LIST_FEED
from pipelines.sources.episodes import as_delivered
from pipelines.sources.nhs import NhsSettings, PseudonymSettings
from pipelines.sources.protocol import LANDING, OpenedSource, Source


@dataclass(frozen=True)
class NhsSource(Source):
    """Extracts of the feeds."""

    settings: NhsSettings

    kind: ClassVar[str] = "nhs"
    has_optional_feeds: ClassVar[bool] = True

    def open(self, folder: Path, home: Path, split_column: str | None = None) -> OpenedSource:
        nhs = self.settings
        landing = (folder / nhs.landing).resolve() if nhs.landing else home / LANDING
        tables = tuple(
            as_delivered(table, nhs.feeds[feed], nhs.case_of(feed)) for feed, table in RAW_TABLES.items() if feed in nhs.feeds
        )
        return OpenedSource(self, tables, nhs, landing, folder)

    @property
    def has_list(self) -> bool:
        return LIST_FEED in self.settings.feeds

    @property
    def correct_date(self) -> str | None:
        return (
            "Correct the date in the file's name, or the feed's `delivered` or `delivery_date` (source.nhs.feeds). If today's date is "
            "wrong, correct the machine's clock. Then run again"
        )

    @property
    def required_feeds(self) -> Collection[str]:
        return tuple(self.settings.feeds) if "feeds" in self.settings.model_fields_set else (LIST_FEED,)

    def delivers(self, feed: str) -> bool:
        return feed in self.settings.feeds

    def lacks(self, feed: str) -> bool:
        return super().lacks(feed) or not self.delivers(feed)

    def lag_days(self, feed: str) -> int:
        return self.settings.lag_days(feed)

    def paths(self) -> Iterator[tuple[str, str]]:
        nhs = self.settings
        hashed = any(not feed.pseudonymised for feed in nhs.feeds.values())
        for key, path in (
            ("source.nhs.landing", nhs.landing),
            ("source.nhs.postcode_lookup", nhs.postcode_lookup),
            ("source.nhs.pseudonyms.key_file", nhs.pseudonyms.key_file if hashed else None),
        ):
            if path is not None:
                yield key, str(path)

    @property
    def pseudonyms(self) -> PseudonymSettings | None:
        return self.settings.pseudonyms

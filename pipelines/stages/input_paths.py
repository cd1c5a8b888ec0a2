"""What the settings name and must be there, looked at before any work begins: files, folders, and the feeds' extracts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from features.code_lists import CodeListError, load_code_lists
from pipelines.errors import SettingsError
from pipelines.extracts.extract_records import read_extracts
from pipelines.lake.storage import Lake
from pipelines.reference.files import ReferenceSettings
from pipelines.run.section_rules import outcomes_without_feeds
from pipelines.run.settings import Settings
from pipelines.sources.extract_files import find_extracts
from pipelines.sources.nhs import FeedSettings
from pipelines.sources.protocol import OpenedSource

_URL = ("http://", "https://")


def check_paths(settings: Settings, folder: Path) -> None:
    """Refuse settings that name a file or folder that is not there; a SettingsError lists each with its key.

    Relative paths start at `folder`, that of the configuration.
    """
    named = list(_reference_paths(settings.reference))
    if settings.study.code_lists is not None:
        named.append(("study.code_lists", str(settings.study.code_lists)))
    named += settings.source.chosen.paths()
    missing = [(key, path) for key, path in named if not path.startswith(_URL) and not (folder / path).exists()]
    if missing:
        lines = [f"  {key}: there is no {(folder / path).resolve()}" for key, path in missing]
        raise SettingsError("\n".join([f"paths of the configuration are not there (relative ones start at {folder}):", *lines]))


def check_outcomes(settings: Settings) -> None:
    """Refuse an outcome of feeds that the source does not deliver; a SettingsError names both."""
    if messages := outcomes_without_feeds(settings):
        raise SettingsError("; ".join(messages))


def check_code_lists(settings: Settings, folder: Path) -> None:
    """Refuse a team's code lists that cannot be read, or that give a measurement two units; a SettingsError has the file, line and rule."""
    if settings.study.code_lists is None:
        return
    try:
        load_code_lists(folder / settings.study.code_lists)
    except CodeListError as error:
        raise SettingsError(f"study.code_lists: {error}") from error


def check_feeds(settings: Settings, opened: OpenedSource, lake: Lake) -> None:
    """Refuse a feed that the settings name, or a list, without any extract; one whose files were taken in before may do without."""
    named = settings.source.chosen.required_feeds
    missing = [
        feed
        for feed, given in opened.reading.feeds.items()
        if feed in named and not find_extracts(feed, given, opened.landing) and not read_extracts(lake, feed)
    ]
    if missing:
        lines = [f"  source.nhs.feeds.{feed}: {_looked_for(feed, opened.reading.feeds[feed])}" for feed in missing]
        closing = (
            "Correct `landing` or the feed's `files`, or leave the feed out: what needs it is then switched off, and said so."
        )
        raise SettingsError("\n".join([f"feeds without an extract below {opened.landing}:", *lines, closing]))


def _looked_for(feed: str, given: FeedSettings) -> str:
    return f"no file matches {', '.join(given.files)}" if given.files else f"no CSV or Parquet file in the folder '{feed}'"


def _reference_paths(reference: ReferenceSettings) -> Iterator[tuple[str, str]]:
    for name, value in reference:
        if isinstance(value, str):
            yield f"reference.{name}", value
        elif isinstance(value, tuple):
            yield from ((f"reference.{name}.{place}.file", given.file) for place, given in enumerate(value))

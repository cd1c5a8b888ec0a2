"""The declaration of the raw table of a feature table, from its settings and the header of its file."""

from __future__ import annotations

import re
import shutil
import unicodedata
import zipfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import duckdb

from expectations.identifier_schemes import Scheme
from expectations.table import Action, Column, Kind, Severity, Table, TableRule
from expectations.tables.raw_common import PROVENANCE, duplicate_rule
from expectations.tables.raw_table_rules import (
    COLUMNS_PRESENT,
    DAY_AND_MONTH,
    FEED_COLLAPSED,
    KEYS_UNIQUE,
    NOT_EMPTY,
    SHARE_SET_ASIDE,
)
from pipelines.errors import ExtractError, SettingsError
from pipelines.sources.feature_table import SPLIT, FeatureTableSettings
from pipelines.sources.header import read_header
from pipelines.sources.nhs import FeedSettings

FEED = "feature_table"
ROLE_NAMES = frozenset({"person_id", "index_event_id", "index_date", "event_order", "label", SPLIT})


def strata_name(header: str) -> str:
    """Return a header as a column name: lower case, words separated, a letter first, and no reserved word of SQL.

    Letters lose their accents.
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", header.strip())
    letters = "".join(letter for letter in unicodedata.normalize("NFKD", words.casefold()) if not unicodedata.combining(letter))
    plain = re.sub(r"[^a-z0-9]+", "_", letters).strip("_")
    return plain if plain[:1].isalpha() and plain not in ROLE_NAMES | sql_words() else f"c_{plain}"


@cache
def sql_words() -> frozenset[str]:
    """List the words that cannot name a column in SQL unless they are quoted."""
    with duckdb.connect() as con:
        found = con.execute(
            "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category IN ('reserved', 'type_function')"
        ).fetchall()
    return frozenset(str(row[0]) for row in found)


def feature_table_file(settings: FeatureTableSettings, folder: Path, landing: Path) -> Path:
    """Return the file to read; the only CSV file of a zip archive is unpacked into `landing` first.

    Relative paths start at `folder`. Raises ExtractError if the file does not exist or the archive has another number of files.
    """
    file = folder / settings.file
    if not file.is_file():
        raise ExtractError(f"{file}: there is no such file; set source.feature_table.file")
    if file.suffix.lower() != ".zip":
        return file
    with zipfile.ZipFile(file) as archive:
        inside = [name for name in archive.namelist() if name.lower().endswith((".csv", ".txt"))]
        if len(inside) != 1:
            raise ExtractError(f"{file}: the archive must hold one CSV file; it has {', '.join(inside) or 'none'}")
        target = landing / FEED / Path(inside[0]).name
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f".{target.name}.part")
        with archive.open(inside[0]) as packed, unfinished.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)
        unfinished.replace(target)
    return target


def feature_table_feed(settings: FeatureTableSettings, file: Path) -> FeedSettings:
    """Return the feed settings by which ingest reads the file; its landing folder is the folder of the file."""
    return FeedSettings(
        files=(re.sub(r"([*?\[])", r"[\1]", file.name),),
        load="snapshot",
        delivered="(?P<year>(?!))(?P<month>)(?P<day>)",  # the day is a setting; digits in the name of a file are no date
        delivery_date=settings.delivered,
        delimiter=settings.delimiter,
        dates=settings.dates,
    )


def declare_feature_table(settings: FeatureTableSettings, file: Path, split_column: str | None = None) -> Table:
    """Declare raw__feature_table for a file; a SettingsError names a column of the settings that the file lacks.

    `split_column` is read even if it is excluded.
    """
    header = read_header(file, settings.delimiter)
    _refuse_unknown(settings, header, file.name, split_column)
    role_headers = {settings.person, settings.index_event, settings.index_date, settings.label.column}
    columns = [
        *_roles(settings),
        *(
            _value(name)
            for name in header
            if name not in role_headers and (name not in settings.excluded or name == split_column)
        ),
    ]
    dated = "index_date" if settings.index_date else ""
    event = "index_event_id" if settings.index_event else dated
    key = ("person_id", event) if event else ("person_id",)
    vocabulary = TableRule(
        "unknown_codes",
        "unknown_codes",
        Severity.STOP,
        "The share of labels outside their vocabulary stays below its limit.",
        0.05,
        ("label",),
    )
    dates = (DAY_AND_MONTH,) if settings.index_date else ()
    return Table(
        name=f"raw__{FEED}",
        description="A team's own table of features as it came: one row per person and index event.",
        columns=(*_distinct(columns), *PROVENANCE),
        key=key,
        partitioned_by=("extract_id",),
        row_rules=(duplicate_rule(key),),
        table_rules=(NOT_EMPTY, COLUMNS_PRESENT, SHARE_SET_ASIDE, KEYS_UNIQUE, FEED_COLLAPSED, *dates, vocabulary),
        feed=FEED,
        event_date=dated,
        available=dated or "extract_date",
    )


def _roles(settings: FeatureTableSettings) -> list[Column]:
    aside = Action.SET_ASIDE
    roles = [Column("person_id", Kind.IDENTIFIER, "The person's pseudonym.", nullable=False, on_violation=aside,
                    source=settings.person, required_in_file=True, scheme=Scheme.PERSON)]  # fmt: skip
    if settings.index_event:
        roles.append(Column("index_event_id", Kind.IDENTIFIER, "The index event.", nullable=False, on_violation=aside,
                            source=settings.index_event, required_in_file=True, scheme=Scheme.RECORD))  # fmt: skip
    if settings.index_date:
        roles.append(Column("index_date", Kind.DATE, "The day the features end before and the outcome is looked for after.", nullable=False,
                            on_violation=aside, source=settings.index_date, required_in_file=True, chosen_days=True))  # fmt: skip
    label = settings.label
    roles.append(Column("label", Kind.TEXT, "Whether the outcome happened; empty where it is not known yet.", on_violation=aside,
                        allowed=(*label.positive, *label.negative), source=label.column, required_in_file=True))  # fmt: skip
    return roles


def _value(header: str) -> Column:
    return Column(strata_name(header), Kind.TEXT, f"The column '{header}'.", source=header, required_in_file=True)


def _distinct(columns: Sequence[Column]) -> Sequence[Column]:
    headers: dict[str, list[str]] = {}
    for column in columns:
        headers.setdefault(column.name, []).append(column.source_name)
    clashes = [names for names in headers.values() if len(names) > 1]
    if clashes:
        raise SettingsError(f"the columns {clashes[0]} would have the same name in Strata; exclude or rename all but one")
    return columns


def _refuse_unknown(settings: FeatureTableSettings, header: Sequence[str], file_name: str, split_column: str | None) -> None:
    lines = [
        f"  source.feature_table.{place}: no column '{name}'"
        for place, names in settings.columns_by_setting.items()
        for name in names
        if name and name not in header
    ]
    if split_column and split_column not in header:
        lines.append(f"  study.validation.split_column: no column '{split_column}'")
    if lines:
        raise SettingsError(
            "\n".join([f"{file_name} lacks columns that the settings name:", *lines, f"  its columns: {', '.join(header)}"])
        )

"""The files of an OMOP CDM folder, as feeds that ingest can read."""

from __future__ import annotations

import re
from pathlib import Path

from expectations.table import Table
from expectations.tables.raw_omop import OMOP_TABLES, REQUIRED
from pipelines.errors import ExtractError
from pipelines.sources.extract_files import ENDINGS
from pipelines.sources.header import read_header
from pipelines.sources.nhs import FeedSettings
from pipelines.sources.omop.settings import OmopSettings

NAMES_OF_53 = {
    "admitted_from_concept_id": "admitting_source_concept_id",
    "admitted_from_source_value": "admitting_source_value",
    "discharged_to_concept_id": "discharge_to_concept_id",
    "discharged_to_source_value": "discharge_to_source_value",
}


def omop_feeds(settings: OmopSettings, folder: Path) -> dict[str, FeedSettings]:
    """Return the feed settings of each CDM table in the folder, by feed name (omop_person, ...).

    `folder` is the absolute folder of the CDM. Raises ExtractError if a required table is missing or there is no table.
    """
    if not folder.is_dir():
        raise ExtractError(f"{folder}: there is no such folder; set source.omop.folder to the folder of the CDM's tables")
    found = {table.feed: files for table in OMOP_TABLES if (files := table_files(folder, table.feed.removeprefix("omop_")))}
    missing = [name for name in REQUIRED if f"omop_{name}" not in found]
    if missing:
        raise ExtractError(
            f"{folder}: the CDM lacks the tables {', '.join(missing).upper()}; every CDM has {', '.join(REQUIRED).upper()}, "
            f"as files such as person.csv, PERSON.csv.gz or person/part-0.parquet"
        )
    return {table.feed: _feed(table, found[table.feed], folder, settings) for table in OMOP_TABLES if table.feed in found}


def table_files(folder: Path, name: str) -> list[Path]:
    """List the files of a CDM table, or those in a folder with its name.

    The name may be in either case and have a prefix such as '2b_'. A file whose name ends in a part number
    (`measurement_1.csv`, `measurement-00002.parquet`) is a part of the table.
    """
    endings = "|".join(map(re.escape, ENDINGS))
    pattern = re.compile(rf"(?:[0-9]+[a-z]*_)?{name}(?:[-_.][0-9]+)*({endings})?", re.IGNORECASE)
    named = [path for path in folder.iterdir() if pattern.fullmatch(path.name)]
    inside = [file for path in named if path.is_dir() for file in path.rglob("*")]
    return sorted(
        file
        for file in [*named, *inside]
        if file.is_file() and file.name.lower().endswith(ENDINGS) and not file.name.startswith(".")
    )


def _feed(table: Table, files: list[Path], folder: Path, settings: OmopSettings) -> FeedSettings:
    headers = {name.lower(): name for file in files for name in read_header(file)}
    return FeedSettings(
        files=tuple(_literal(file.relative_to(folder)) for file in files),
        load="snapshot",
        columns=_renamed(table, headers, settings),
        delivered="(?P<year>(?!))(?P<month>)(?P<day>)",  # the path has no date: its numbers are part numbers
        delivery_date=settings.extract_date,
        dates={name: form for name, form in settings.dates.items() if any(column.name == name for column in table.columns)},
    )


def _literal(path: Path) -> str:
    return re.sub(r"([*?\[])", r"[\1]", path.as_posix())


def _renamed(table: Table, headers: dict[str, str], settings: OmopSettings) -> dict[str, str]:
    """Return the columns that a file names differently: as CDM 5.3 does, or with a datetime instead of a date."""
    others = {} if settings.cdm_version == "5.4" else dict(NAMES_OF_53)
    others |= {column.name: f"{column.name}time" for column in table.columns if column.name.endswith("_date")}
    renamed = {
        name: headers[other]
        for name, other in others.items()
        if name not in headers and other in headers and any(column.name == name for column in table.columns)
    }
    if table.feed == "omop_visit_occurrence" and settings.admission_method_column:
        kept = headers.get(settings.admission_method_column.lower())
        if kept is None:
            raise ExtractError(
                f"VISIT_OCCURRENCE has no column '{settings.admission_method_column}' (source.omop.admission_method_column); "
                f"it has {', '.join(sorted(headers))}"
            )
        renamed["admission_method"] = kept
    return renamed

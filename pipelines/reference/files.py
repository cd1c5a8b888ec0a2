"""Reference data: deprivation, areas, organisations and list sizes, as files or URLs in the settings.

Each function here returns a small pandas frame with Strata's column names. `Reference.lacking` lists the columns that the files do not have.
A file that does not fit its setting is refused.
"""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, Field, model_validator

from pipelines.errors import ExtractError
from pipelines.reference.columns import Patterns, find_columns

_URL = ("http://", "https://")
_TEXT_ENDINGS = (".csv", ".csv.gz", ".txt")


class DeprivationFile(BaseModel, extra="forbid", frozen=True):
    """One edition of the Indices of Deprivation (File 7, or a table with the same facts)."""

    edition: Literal[2019, 2025] = Field(description="2019 uses LSOA 2011, 2025 uses LSOA 2021")
    file: str = Field(min_length=1, description="path or URL of a CSV or Parquet file")
    columns: Mapping[str, str] = Field(
        default={}, description="Strata's name -> the file's header, if Strata does not recognise it"
    )


class OrganisationFile(BaseModel, extra="forbid", frozen=True):
    """Organisations: dated rows (code, role, name, valid_from, valid_to), a snapshot of the practice hierarchy, or a provider list."""

    file: str = Field(min_length=1, description="path or URL of a CSV or Parquet file")
    valid_from: date = Field(
        default=date(1900, 1, 1), description="first day on which a snapshot is valid; the default is always"
    )
    columns: Mapping[str, str] = Field(
        default={}, description="Strata's name -> the file's header, if Strata does not recognise it"
    )

    @model_validator(mode="before")
    @classmethod
    def _plain_path(cls, value: Any) -> Any:
        return {"file": value} if isinstance(value, str) else value


class ReferenceSettings(BaseModel, extra="forbid", frozen=True):
    """Paths or URLs of the reference files; features that need a missing file are not computed."""

    deprivation: tuple[DeprivationFile, ...] = Field(default=(), description="editions of the Indices of Deprivation")
    lsoa_changes: str | None = Field(default=None, description="LSOA 2011 to 2021: LSOA11CD, LSOA21CD, CHGIND")
    lsoa_places: str | None = Field(default=None, description="LSOA to sub-ICB location and ICB (ODS codes), and local authority")
    rural_urban: str | None = Field(default=None, description="rural/urban class of LSOAs")
    population: str | None = Field(default=None, description="residents of LSOAs, by single year of age if the file has it")
    ethnicity: str | None = Field(default=None, description="residents of LSOAs by ethnic group: one row per area and group")
    organisations: tuple[OrganisationFile, ...] = Field(default=(), description="organisations and their hierarchy")
    organisation_relations: str | None = Field(
        default=None, description="dated relations: child_code, parent_code, relation, valid_from, valid_to"
    )
    organisation_succession: str | None = Field(default=None, description="from_code, to_code, kind, share, effective_date")
    practice_list_sizes: str | None = Field(default=None, description="patients registered at GP practices")

    @model_validator(mode="before")
    @classmethod
    def _one_or_many(cls, values: Any) -> Any:
        one = isinstance(values, dict) and isinstance(values.get("organisations"), (str, dict))
        return {**values, "organisations": [values["organisations"]]} if one else values

    @model_validator(mode="after")
    def _editions_once(self) -> ReferenceSettings:
        editions = [file.edition for file in self.deprivation]
        if len(editions) != len(set(editions)):
            raise ValueError(f"each edition of the Indices of Deprivation may appear once, not {', '.join(map(str, editions))}")
        return self


# Names of files in a landing folder's `reference/` that replace settings without a value.
LANDING_NAMES = {
    "lsoa_changes": "LSOA11_LSOA21_lookup.csv",
    "lsoa_places": "LSOA21_SICBL_ICB_lookup.csv",
    "rural_urban": "RUC21_LSOA21.csv",
    "organisation_relations": "organisation_relations.csv",
    "organisation_succession": "organisation_successions.csv",
    "practice_list_sizes": "gp-reg-pat-prac-lsoa-all.csv",
}
LANDING_ORGANISATIONS = "organisations.csv"
LANDING_DEPRIVATION = {
    2025: "File_7_IoD2025_All_Ranks_Scores_Deciles_Population_Denominators.csv",
    2019: "File_7_-_All_IoD2019_Scores__Ranks__Deciles_and_Population_Denominators_3.csv",
}


def with_landing_reference(settings: ReferenceSettings, folder: Path) -> ReferenceSettings:
    """Return the settings with missing values filled from the files of a landing folder's `reference/`.

    Its organisations are added to those of the settings, because a synthetic ICB in real areas has synthetic providers.
    """
    landed: dict[str, Any] = {
        key: str(folder / name)
        for key, name in LANDING_NAMES.items()
        if getattr(settings, key) is None and (folder / name).is_file()
    }
    if not settings.deprivation:
        files = {edition: folder / name for edition, name in LANDING_DEPRIVATION.items()}
        landed["deprivation"] = [{"edition": edition, "file": str(file)} for edition, file in files.items() if file.is_file()]
    own = folder / LANDING_ORGANISATIONS
    if own.is_file():
        landed["organisations"] = [*settings.model_dump()["organisations"], {"file": str(own)}]
    return ReferenceSettings.model_validate({**settings.model_dump(), **landed})


@dataclass(frozen=True)
class Reference:
    """The reference files: their settings, the folder of relative paths, and the folder of downloaded files."""

    settings: ReferenceSettings
    folder: Path
    cache: Path
    lacking: list[str] = field(default_factory=list)  # columns that the files do not have, added as they are read

    def read(
        self,
        source: str,
        patterns: Patterns,
        needed: tuple[str, ...],
        columns: Mapping[str, str] | None = None,
        *,
        others: bool = False,
    ) -> pd.DataFrame:
        """Read a file's columns under Strata's names, with codes and text stripped; with `others`, all other columns too.

        Raises ExtractError if the file cannot be read or lacks a needed column.
        """
        frame = read_table(self.path(source), source)
        absent = sorted(set((columns or {}).values()) - set(frame.columns))
        header_by_name = find_columns(frame.columns, patterns, columns)
        missing = absent or [name for name in needed if name not in header_by_name]
        if missing:
            raise ExtractError(
                f"{source}: there is no column {' or '.join(missing)}; its headers are "
                f"{', '.join(map(str, frame.columns[:40]))}. Name the header in `columns` of this file, or use another file"
            )
        frame = frame if others else frame[list(header_by_name.values())]
        return frame.rename(columns={header: name for name, header in header_by_name.items()}).apply(_stripped)

    def path(self, source: str) -> Path:
        """Return the file of a path or URL; a URL is downloaded once."""
        if source.startswith(_URL):
            return _downloaded(source, self.cache)
        path = self.folder / source
        if not path.is_file():
            raise ExtractError(f"reference: there is no file {path}; correct the path (relative paths start in {self.folder})")
        return path


def _stripped(values: pd.Series) -> pd.Series:
    """Strip text; empty text becomes null. The result has plain objects, because pandas looks up codes ten times slower in Arrow strings."""
    if not pd.api.types.is_string_dtype(values) and values.dtype != object:
        return values
    text = values.str.strip().astype(object)
    return text.where(text.notna() & (text != ""), None)


def read_table(path: Path, name: str) -> pd.DataFrame:
    """Read a CSV (all text, UTF-8 or Windows-1252) or Parquet file; `name` is its name in errors."""
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        if not str(path).lower().endswith(_TEXT_ENDINGS):
            raise ExtractError(f"{name}: reference files end in .parquet, .csv, .csv.gz or .txt; save it as one of them")
        try:
            return pd.read_csv(path, dtype=str, encoding="utf-8-sig", keep_default_na=False)
        except UnicodeDecodeError:
            return pd.read_csv(path, dtype=str, encoding="cp1252", keep_default_na=False)
    except (OSError, ValueError) as error:
        raise ExtractError(f"{name} is not a readable table: {str(error)[:200]}; save it again as CSV or Parquet") from error


def _downloaded(url: str, cache: Path) -> Path:
    ending = next((ending for ending in (*_TEXT_ENDINGS, ".parquet") if url.split("?")[0].lower().endswith(ending)), ".csv")
    target = cache / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}{ending}"
    if target.is_file():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    try:
        with urllib.request.urlopen(url, timeout=60) as response, partial.open("wb") as file:
            while block := response.read(1 << 20):
                file.write(block)
    except (urllib.error.URLError, OSError) as error:
        partial.unlink(missing_ok=True)
        raise ExtractError(
            f"{url} cannot be downloaded: {error}. On a closed network, download it elsewhere and set the path of the file instead"
        ) from error
    partial.replace(target)
    return target


def numbers(values: pd.Series) -> pd.Series:
    """Convert numbers as written in public files, with thousands separators; other text becomes null."""
    if pd.api.types.is_numeric_dtype(values):
        return values.astype("Float64")
    text = values.astype("string").str.replace(",", "", regex=False)
    return pd.to_numeric(text, errors="coerce").astype("Float64")


def dates(values: pd.Series) -> pd.Series:
    """Convert dates as written in public files (2026-01-01, 01/01/2026 or 04JAN2021); other text becomes null."""
    text = values.astype("string")
    read = pd.to_datetime(text, format="%Y-%m-%d", errors="coerce")
    for pattern in ("%d/%m/%Y", "%d%b%Y", "%Y-%m-%d %H:%M:%S"):
        read = read.fillna(pd.to_datetime(text, format=pattern, errors="coerce"))
    return read

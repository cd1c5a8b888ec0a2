"""The published Indices of Deprivation, checked before use.

Decile = ceil(rank * 10 / N), where N is the number of areas of the edition. This formula reproduces every published decile of both editions.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipelines.errors import ExtractError
from pipelines.reference.columns import DEPRIVATION, DOMAINS, LSOA
from pipelines.reference.files import DeprivationFile, Reference, numbers

VINTAGE_OF = {2019: 2011, 2025: 2021}  # edition -> the LSOA vintage that it uses
AREAS_OF = {2019: 32_844, 2025: 33_755}  # edition -> areas it ranks
INTEGER_COLUMNS = [f"{name}_{what}" for name in ("imd", *DOMAINS) for what in ("decile", "rank")]
LEAST_MATCH = 0.99  # a complete edition of the other vintage still matches 0.95


def deprivation(reference: Reference, vintages: pd.DataFrame | None) -> dict[int, pd.DataFrame]:
    """Read the editions in the settings: edition -> frame of scores, ranks and deciles by lsoa_code.

    `vintages` is the change lookup, if there is one. Raises ExtractError if an edition uses LSOAs of the wrong vintage, or if its published
    deciles contradict its ranks.
    """
    return {file.edition: _edition(reference, file, vintages) for file in reference.settings.deprivation}


def _edition(reference: Reference, file: DeprivationFile, vintages: pd.DataFrame | None) -> pd.DataFrame:
    vintage = VINTAGE_OF[file.edition]
    frame = _read(reference, file)
    for name in set(frame.columns) & set(DEPRIVATION) - {"local_authority_code", "local_authority_name"}:
        frame[name] = numbers(frame[name])
    if frame["lsoa_code"].duplicated().any():
        raise ExtractError(
            f"{file.file}: {int(frame['lsoa_code'].duplicated().sum()):,} rows repeat an LSOA code; remove them, so that each area has one row"
        )
    _refuse_other_vintage(file, frame, vintages, vintage)
    frame["imd_decile"] = _deciles(file, frame)
    lacking = [name for name in ("imd_score", *INTEGER_COLUMNS, "idaci_score", "idaopi_score") if name not in frame]
    reference.lacking.extend(f"{name.split('_')[0]}_{file.edition}_{name.split('_')[1]}" for name in lacking)
    for name in INTEGER_COLUMNS:
        if name in frame:
            frame[name] = frame[name].astype("Int32")
    return frame.set_index("lsoa_code")


def _read(reference: Reference, file: DeprivationFile) -> pd.DataFrame:
    """Read an edition; its header must name LSOAs of the same vintage, or of no particular vintage."""
    vintage = VINTAGE_OF[file.edition]
    other = next(year for year in LSOA if year != vintage)
    columns = dict(file.columns)
    unknown = sorted(set(columns) - {"lsoa_code", *DEPRIVATION})
    if unknown:
        raise ExtractError(
            f"{file.file}: `columns` names {', '.join(unknown)}, which Strata does not use; allowed: lsoa_code, {', '.join(DEPRIVATION)}"
        )
    codes = {"lsoa_code": f"{LSOA[vintage]}|lsoacode", "other_vintage": LSOA[other]}
    frame = reference.read(file.file, {**codes, **DEPRIVATION}, (), columns)
    if "lsoa_code" not in frame:
        codes_in_file = f"LSOA {other} codes" if "other_vintage" in frame else "no LSOA codes"
        raise ExtractError(
            f"{file.file}: the {file.edition} edition uses LSOA {vintage} codes, but the file has {codes_in_file}; use the published file of "
            "this edition"
        )
    if "imd_rank" not in frame and "imd_decile" not in frame:
        raise ExtractError(f"{file.file}: there are no IMD ranks and no IMD deciles; name their headers in `columns`")
    return frame.drop(columns="other_vintage", errors="ignore").dropna(subset="lsoa_code")


def _refuse_other_vintage(file: DeprivationFile, frame: pd.DataFrame, vintages: pd.DataFrame | None, vintage: int) -> None:
    """Raise ExtractError if the codes of an edition are of the other vintage: the join would silently drop the changed areas."""
    if vintages is None:
        return
    codes = frame["lsoa_code"]
    share = {year: codes.isin(vintages[f"lsoa{year % 100}_code"]).mean() for year in LSOA}
    other = next(year for year in LSOA if year != vintage)
    if share[vintage] < LEAST_MATCH and share[other] > share[vintage]:
        raise ExtractError(
            f"{file.file}: {share[vintage]:.1%} of its codes are LSOA {vintage} and {share[other]:.1%} are LSOA {other}, but the "
            f"{file.edition} edition uses LSOA {vintage}; use the published file of this edition, or correct `edition`"
        )


def _deciles(file: DeprivationFile, frame: pd.DataFrame) -> pd.Series:
    """Return the published deciles, checked against the ranks, or deciles computed from the ranks if none are published."""
    if "imd_rank" not in frame:
        return frame["imd_decile"]
    areas = AREAS_OF[file.edition]
    if (frame["imd_rank"] > areas).any():
        raise ExtractError(
            f"{file.file}: some ranks exceed {areas:,}, the number of areas of the {file.edition} edition; correct `edition`"
        )
    computed = national_decile(frame["imd_rank"], areas)
    if "imd_decile" not in frame:
        return computed
    wrong = int((computed != frame["imd_decile"]).fillna(False).sum())
    if wrong:
        raise ExtractError(
            f"{file.file}: the IMD decile of {wrong:,} areas is not ceil(rank * 10 / {areas}), so the file is damaged or of another edition; "
            "download it again, or correct `edition`"
        )
    return frame["imd_decile"].fillna(computed)


def national_decile(rank: pd.Series, areas: int) -> pd.Series:
    """Return the decile (1 is most deprived) of each rank among a number of areas."""
    return pd.Series(np.ceil(rank.astype("Float64") * 10 / areas), index=rank.index, dtype="Float64")

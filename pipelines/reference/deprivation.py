"""The Indices of Deprivation as published, checked before they are used.

Decile = ceil(rank * 10 / N), N the number of areas of the edition; it reproduces every published decile of both editions.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipelines.errors import ExtractError
from pipelines.reference.columns import DEPRIVATION, DOMAINS, LSOA
from pipelines.reference.files import DeprivationFile, Reference, numbers

VINTAGE_OF = {2019: 2011, 2025: 2021}  # edition -> the LSOAs it stands on
AREAS_OF = {2019: 32_844, 2025: 33_755}  # edition -> areas it ranks
WHOLE = [f"{name}_{what}" for name in ("imd", *DOMAINS) for what in ("decile", "rank")]
LEAST_MATCH = 0.99  # a whole edition on the other vintage still matches 0.95


def deprivation(reference: Reference, vintages: pd.DataFrame | None) -> dict[int, pd.DataFrame]:
    """Read the editions given: edition -> frame by lsoa_code of scores, ranks and deciles.

    `vintages` is the change lookup, where there is one. Raises ExtractError for an edition on the wrong LSOAs, or whose
    published deciles contradict its ranks.
    """
    return {file.edition: _edition(reference, file, vintages) for file in reference.settings.deprivation}


def _edition(reference: Reference, file: DeprivationFile, vintages: pd.DataFrame | None) -> pd.DataFrame:
    vintage = VINTAGE_OF[file.edition]
    frame = _read(reference, file)
    for name in set(frame.columns) & set(DEPRIVATION) - {"local_authority_code", "local_authority_name"}:
        frame[name] = numbers(frame[name])
    if frame["lsoa_code"].duplicated().any():
        raise ExtractError(
            f"{file.file}: {int(frame['lsoa_code'].duplicated().sum())} LSOA codes stand twice; one row per area is needed"
        )
    _refuse_other_vintage(file, frame, vintages, vintage)
    frame["imd_decile"] = _deciles(file, frame)
    lacking = [name for name in ("imd_score", *WHOLE, "idaci_score", "idaopi_score") if name not in frame]
    reference.lacking.extend(f"{name.split('_')[0]}_{file.edition}_{name.split('_')[1]}" for name in lacking)
    for name in WHOLE:
        if name in frame:
            frame[name] = frame[name].astype("Int32")
    return frame.set_index("lsoa_code")


def _read(reference: Reference, file: DeprivationFile) -> pd.DataFrame:
    """Read an edition; its header must name LSOAs of its own vintage, or none in particular."""
    vintage = VINTAGE_OF[file.edition]
    other = next(year for year in LSOA if year != vintage)
    given = dict(file.columns)
    strange = sorted(set(given) - {"lsoa_code", *DEPRIVATION})
    if strange:
        raise ExtractError(f"{file.file}: `columns` names {', '.join(strange)}; allowed: lsoa_code, {', '.join(DEPRIVATION)}")
    codes = {"lsoa_code": f"{LSOA[vintage]}|lsoacode", "other_vintage": LSOA[other]}
    frame = reference.read(file.file, {**codes, **DEPRIVATION}, (), given)
    if "lsoa_code" not in frame:
        found = f"LSOA {other} codes" if "other_vintage" in frame else "no LSOA codes"
        raise ExtractError(
            f"{file.file}: the {file.edition} edition stands on LSOA {vintage}, the file has {found}; give the edition's own file"
        )
    if "imd_rank" not in frame and "imd_decile" not in frame:
        raise ExtractError(f"{file.file}: neither IMD ranks nor IMD deciles were found; name their headers in `columns`")
    return frame.drop(columns="other_vintage", errors="ignore").dropna(subset="lsoa_code")


def _refuse_other_vintage(file: DeprivationFile, frame: pd.DataFrame, vintages: pd.DataFrame | None, vintage: int) -> None:
    """Refuse an edition whose codes are those of the other vintage: the join would drop the changed areas and look fine."""
    if vintages is None:
        return
    codes = frame["lsoa_code"]
    share = {year: codes.isin(vintages[f"lsoa{year % 100}_code"]).mean() for year in LSOA}
    other = next(year for year in LSOA if year != vintage)
    if share[vintage] < LEAST_MATCH and share[other] > share[vintage]:
        raise ExtractError(
            f"{file.file}: {share[vintage]:.1%} of its codes are LSOA {vintage} and {share[other]:.1%} are LSOA {other}, but the "
            f"{file.edition} edition stands on LSOA {vintage}; give the edition's own file, or correct `edition`"
        )


def _deciles(file: DeprivationFile, frame: pd.DataFrame) -> pd.Series:
    """Give the published deciles, checked against the ranks, or those of the ranks where none are published."""
    if "imd_rank" not in frame:
        return frame["imd_decile"]
    areas = AREAS_OF[file.edition]
    if (frame["imd_rank"] > areas).any():
        raise ExtractError(
            f"{file.file}: ranks go beyond {areas}, the number of areas of the {file.edition} edition; correct `edition`"
        )
    computed = national_decile(frame["imd_rank"], areas)
    if "imd_decile" not in frame:
        return computed
    wrong = int((computed != frame["imd_decile"]).fillna(False).sum())
    if wrong:
        raise ExtractError(
            f"{file.file}: the IMD decile of {wrong} areas is not ceil(rank * 10 / {areas}); the file is damaged or of another edition"
        )
    return frame["imd_decile"].fillna(computed)


def national_decile(rank: pd.Series, areas: int) -> pd.Series:
    """Give the decile (1 most deprived) of ranks among a number of areas."""
    return pd.Series(np.ceil(rank.astype("Float64") * 10 / areas), index=rank.index, dtype="Float64")

"""The groups by which a model is audited: those on the row, and those made of several of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

RECENT_ADMISSION = "emergency_admission_24m"
CORE20PLUS = "core20plus"
QUINTILE_BY_ETHNICITY = "imd_quintile_by_ethnic_group"
KINDS = (
    "imd_quintile", "imd_decile", "ethnic_group", "ethnic_category", "sex_name", "age_band", "rural_urban", "local_authority_code",
    "pcn_code", "sub_icb_code", "gp_covered",
)  # fmt: skip
MADE_KINDS = (CORE20PLUS, QUINTILE_BY_ETHNICITY, RECENT_ADMISSION)  # of several columns of the row
CORE20_DECILE = 2  # national deciles 1 and 2 are the most deprived fifth
MINORITY_GROUPS = ("mixed", "asian", "black", "other")
UNSTATED = {"Z": "not_stated", "99": "not_known"}


def audit_groups(frame: pd.DataFrame, kinds: Sequence[str] = KINDS) -> pd.DataFrame:
    """Return a column for each group kind: those of `kinds` that the rows have, and the ones made of them.

    Made of them are Core20PLUS (national decile 1 or 2; a minority ethnic or an inclusion health group), deprivation quintile
    by ethnic group (both if any deprivation is known), and whether there was an emergency admission in the last 24 months.
    """
    groups = frame[[kind for kind in kinds if kind in frame]].copy()
    if "ethnic_category" in groups:
        groups["ethnic_category"] = groups["ethnic_category"].astype("object").replace(UNSTATED)
    if {"imd_decile", "ethnic_group"} <= set(frame) and frame["imd_decile"].notna().any():
        groups[CORE20PLUS] = core20plus_groups(frame)
    if {"imd_quintile", "ethnic_group"} <= set(frame) and frame["imd_quintile"].notna().any():
        groups[QUINTILE_BY_ETHNICITY] = crossed_groups(frame["imd_quintile"], frame["ethnic_group"])
    if "emergency_admissions_730d" in frame:
        groups[RECENT_ADMISSION] = recent_admission_groups(frame["emergency_admissions_730d"])
    return groups


def core20plus_groups(frame: pd.DataFrame) -> pd.Series:
    """Return 'core20', 'plus', 'core20_and_plus' or 'neither'; missing if the decile is not known."""
    core = (frame["imd_decile"] <= CORE20_DECILE).to_numpy(dtype=bool, na_value=False)
    plus = frame["ethnic_group"].isin(MINORITY_GROUPS).to_numpy()
    if "inclusion_health_groups" in frame:
        plus = plus | (frame["inclusion_health_groups"].fillna(0) > 0).to_numpy()
    names = np.array(["neither", "core20", "plus", "core20_and_plus"], dtype=object)[core + 2 * plus]
    names[frame["imd_decile"].isna().to_numpy()] = None
    return pd.Series(names, index=frame.index, name=CORE20PLUS, dtype="object")


def crossed_groups(first: pd.Series, second: pd.Series) -> pd.Series:
    """Return the groups of two kinds together, such as '1 asian'; a missing part is 'not_known'."""
    codes, names = zip(*(_named(values) for values in (first, second)), strict=True)
    pairs = np.array([f"{one} {other}" for one in names[0] for other in names[1]], dtype=object)
    return pd.Series(pairs[codes[0] * len(names[1]) + codes[1]], index=first.index, name=QUINTILE_BY_ETHNICITY)


def recent_admission_groups(admissions: pd.Series) -> pd.Series:
    """Return the groups 'none' and 'one_or_more' of emergency admissions in the last 24 months; missing stays missing."""
    groups = pd.Series(
        np.where(admissions > 0, "one_or_more", "none"), index=admissions.index, dtype="object", name=RECENT_ADMISSION
    )
    return groups.where(admissions.notna().to_numpy(), None)


def _named(values: pd.Series) -> tuple[np.ndarray, list[str]]:
    codes, names = pd.factorize(values, sort=True)
    text = [str(int(name)) if isinstance(name, float) and name.is_integer() else str(name) for name in names]
    return np.where(codes < 0, len(text), codes), [*text, "not_known"]

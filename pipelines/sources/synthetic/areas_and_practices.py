"""Build the small areas, practices, primary care networks and providers of a board, made up or real."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipelines.errors import SettingsError
from pipelines.sources.synthetic import calibration
from pipelines.sources.synthetic.random_streams import PLACES, stream
from pipelines.sources.synthetic.settings import SyntheticSettings

NATIONAL_AREAS_2025, NATIONAL_AREAS_2019 = 33_755, 32_844
AREA_COLUMNS = ("lsoa_code", "population")
AGE_BANDS = tuple(f"age_share_{low}" for low in range(0, 95, 5))
PRACTICE_CHOICES = np.array([0.62, 0.26, 0.12])  # shares of an area's people registered with its three nearest practices


@dataclass(frozen=True)
class Places:
    """The board's areas, practices and providers.

    `areas` has lsoa_code, lsoa11_code, deprivation (0 least to 1 most), population, imd_2025_rank, imd_2019_rank, is_rural,
    local_authority_code, sub_icb_code. `practices` has practice_code, practice_name, pcn_code, sub_icb_code. Each row of the arrays is an area.
    """

    made_up: bool
    areas: pd.DataFrame
    practices: pd.DataFrame
    providers: tuple[str, ...]
    area_practices: np.ndarray  # areas x 3, positions in `practices`, nearest first
    area_provider: np.ndarray  # position of each area's main provider
    age_shares: np.ndarray  # areas x 19 five-year bands
    ethnic_shares: np.ndarray  # areas x 5 groups


def made_up_places(settings: SyntheticSettings) -> Places:
    """Make up a board's geography: areas lie along a line, deprived areas are near each other, practices are spaced evenly."""
    rng = stream(settings.seed, PLACES)
    count = max(60, round(settings.people / 1_650))
    deprivation = _smooth_ranks(rng, count)
    rural = (rng.random(count) < 0.42 * np.exp(-(((deprivation - 0.40) / 0.30) ** 2))) & (deprivation < 0.85)
    districts = max(2, round(count / 90))
    sub_icbs = max(2, round(settings.people / 600_000))
    position = (np.arange(count) + 0.5) / count
    areas = pd.DataFrame({
        "lsoa_code": [f"E019{number:05d}" for number in range(1, count + 1)],
        "deprivation": deprivation,
        "population": np.round(rng.normal(1_650, 220, count)).clip(1_000, 3_000).astype(int),
        "imd_2025_rank": national_ranks(deprivation, NATIONAL_AREAS_2025),
        "imd_2019_rank": national_ranks(_ranked(deprivation + rng.normal(0, 0.04, count)), NATIONAL_AREAS_2019),
        "is_rural": rural,
        "local_authority_code": [f"E0600{9001 + int(where * districts):04d}" for where in position],
        "sub_icb_code": [f"Q0{chr(65 + int(where * sub_icbs))}" for where in position],
    })  # fmt: skip
    areas["lsoa11_code"] = _older_codes(areas["lsoa_code"].to_numpy())
    practices = _synthetic_practices(settings, sub_icbs)
    return _assemble(settings, areas, practices, made_up=True, rng=rng)


def real_places(settings: SyntheticSettings, areas: pd.DataFrame, practices: pd.DataFrame) -> Places:
    """Build the places of a real board; columns that the reference data lack follow national figures.

    `areas`: lsoa_code, population; optionally imd_rank or imd_decile, lsoa11_code, is_rural, local_authority_code, sub_icb_code, the shares
    white, mixed, asian, black, other, and age_share_0 ... age_share_90 by five years. `practices`: practice_code, pcn_code;
    optionally practice_name, sub_icb_code.
    """
    _require(areas, AREA_COLUMNS, "areas")
    _require(practices, ("practice_code", "pcn_code"), "practices")
    rng = stream(settings.seed, PLACES)
    areas = _fill_defaults(areas, sub_icb_code="", local_authority_code="", is_rural=False, lsoa11_code=areas["lsoa_code"])
    areas = areas.sort_values(["sub_icb_code", "lsoa_code"], kind="stable").reset_index(drop=True)
    if "imd_rank" in areas:
        areas["deprivation"] = 1 - (areas["imd_rank"].to_numpy(float) - 0.5) / NATIONAL_AREAS_2025
    elif "imd_decile" in areas:
        areas["deprivation"] = (10.5 - areas["imd_decile"].to_numpy(float)) / 10
    else:
        areas["deprivation"] = 0.5
    areas["deprivation"] = areas["deprivation"].fillna(0.5)
    practices = _fill_defaults(practices, sub_icb_code="", practice_name=practices["practice_code"])
    practices = practices.sort_values(["sub_icb_code", "pcn_code", "practice_code"], kind="stable").reset_index(drop=True)
    return _assemble(settings, areas, practices, made_up=False, rng=rng)


def national_ranks(deprivation: np.ndarray, national: int) -> np.ndarray:
    """Convert deprivation (1 is most deprived) to distinct national ranks (rank 1 is most deprived)."""
    order = np.argsort(-deprivation, kind="stable")
    ranks = np.empty(len(order), dtype=np.int64)
    target = np.ceil(np.round((1 - deprivation[order]) * national, 6)).clip(1, national).astype(np.int64)
    ranks[order] = np.minimum(np.maximum.accumulate(target - np.arange(len(order))) + np.arange(len(order)), national)
    return ranks


def _assemble(
    settings: SyntheticSettings, areas: pd.DataFrame, practices: pd.DataFrame, *, made_up: bool, rng: np.random.Generator
) -> Places:
    people_before = areas["population"].cumsum().to_numpy() - areas["population"].to_numpy() / 2
    where = people_before / areas["population"].sum()
    shares = np.cumsum([0.32, 0.24, 0.18, 0.15, 0.11])
    return Places(
        made_up=made_up,
        areas=areas,
        practices=practices,
        providers=settings.provider_codes,
        area_practices=_nearest_practices(areas, practices, where),
        area_provider=np.searchsorted(shares, where).clip(max=len(shares) - 1),
        age_shares=_age_shares(areas),
        ethnic_shares=_ethnic_shares(areas, rng),
    )


def _nearest_practices(areas: pd.DataFrame, practices: pd.DataFrame, where: np.ndarray) -> np.ndarray:
    """Return the three nearest practices of each area along the line, within its sub-ICB where that has three or more."""
    chosen = np.empty((len(areas), 3), dtype=np.int64)
    for sub_icb in areas["sub_icb_code"].unique():
        inside = (areas["sub_icb_code"] == sub_icb).to_numpy()
        candidates = np.flatnonzero((practices["sub_icb_code"] == sub_icb).to_numpy())
        candidates = candidates if len(candidates) >= 3 else np.arange(len(practices))
        low, high = where[inside].min(), where[inside].max()
        place = low + (high - low) * (np.arange(len(candidates)) + 0.5) / len(candidates)
        distance = np.abs(where[inside][:, None] - place[None, :])
        chosen[inside] = candidates[np.argsort(distance, axis=1, kind="stable")[:, :3]]
    return chosen


def _age_shares(areas: pd.DataFrame) -> np.ndarray:
    if all(band in areas for band in AGE_BANDS):
        shares = areas[list(AGE_BANDS)].to_numpy(float)
    else:
        tilt = calibration.AGE_LOG_RATIO_MOST_TO_LEAST_DEPRIVED[None, :] * (areas["deprivation"].to_numpy()[:, None] - 0.5)
        older = areas["is_rural"].to_numpy()[:, None] * np.linspace(-0.15, 0.25, 19)[None, :]
        shares = calibration.AGE_SHARES[None, :] * np.exp(tilt + older)
    return shares / shares.sum(axis=1, keepdims=True)


def _ethnic_shares(areas: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    if all(group in areas for group in calibration.ETHNIC_GROUPS):
        shares = areas[list(calibration.ETHNIC_GROUPS)].to_numpy(float) + 1e-6
    else:
        tilt = calibration.ETHNIC_LOG_RATIO_MOST_TO_LEAST_DEPRIVED[None, :] * (areas["deprivation"].to_numpy()[:, None] - 0.5)
        mix = rng.normal(0, 0.6, len(areas))[:, None] * np.array([0, 1, 1, 1, 1]) - areas["is_rural"].to_numpy()[
            :, None
        ] * np.array([0, 1, 2, 2, 2])
        shares = calibration.ETHNIC_GROUP_SHARES[None, :] * np.exp(tilt + mix)
    return shares / shares.sum(axis=1, keepdims=True)


def _synthetic_practices(settings: SyntheticSettings, sub_icbs: int) -> pd.DataFrame:
    count = max(10, round(settings.people / 9_000))
    networks = max(3, round(count / 5))
    where = (np.arange(count) + 0.5) / count
    return pd.DataFrame({
        "practice_code": [f"Y{number:05d}" for number in range(1, count + 1)],
        "practice_name": [f"Sample Practice {number}" for number in range(1, count + 1)],
        "pcn_code": [f"U{1 + int(place * networks):05d}" for place in where],
        "sub_icb_code": [f"Q0{chr(65 + int(place * sub_icbs))}" for place in where],
    })  # fmt: skip


def _older_codes(codes: np.ndarray) -> np.ndarray:
    """Return the LSOA 2011 code of each LSOA 2021.

    Two of every forty areas were split from one 2011 area. One of every fifty was merged from two.
    """
    older = codes.copy()
    for first in range(9, len(codes) - 1, 40):
        older[first] = older[first + 1] = f"E0195{first:04d}"
    for first in range(24, len(codes), 50):
        older[first] = f"E0196{first:04d}"
    return older


def _smooth_ranks(rng: np.random.Generator, count: int) -> np.ndarray:
    noise = rng.normal(size=count + 12)
    return _ranked(np.convolve(noise, np.ones(6) / 6, mode="same")[6:-6] + rng.normal(0, 0.15, count))


def _ranked(values: np.ndarray) -> np.ndarray:
    return (np.argsort(np.argsort(values, kind="stable"), kind="stable") + 0.5) / len(values)


def _fill_defaults(frame: pd.DataFrame, **defaults: Any) -> pd.DataFrame:
    return frame.assign(**{name: value for name, value in defaults.items() if name not in frame})


def _require(frame: pd.DataFrame, columns: tuple[str, ...], what: str) -> None:
    missing = [column for column in columns if column not in frame]
    if missing or frame.empty:
        raise SettingsError(
            f"The synthetic board's {what} cannot be used: they need at least one row and the columns {', '.join(columns)}. "
            f"Missing columns: {', '.join(missing) or 'none'}. Check the files under `reference` in the configuration."
        )

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipelines.errors import SettingsError
from pipelines.sources.synthetic.areas_and_practices import made_up_places, national_ranks, real_places
from pipelines.sources.synthetic.people import RESOLVED, draw_people
from pipelines.sources.synthetic.settings import SyntheticSettings

AREAS = pd.DataFrame(
    {
        "lsoa_code": ["E01000003", "E01000001", "E01000002"],
        "population": [1_000, 3_000, 1_000],
        "imd_decile": [10, 1, 5],
        "white": [1.0, 0.5, 0.9],
        "mixed": [0.0, 0.0, 0.1],
        "asian": [0.0, 0.5, 0.0],
        "black": [0.0, 0.0, 0.0],
        "other": [0.0, 0.0, 0.0],
    }
)
PRACTICES = pd.DataFrame({"practice_code": ["L81001", "L81002", "L81003"], "pcn_code": ["U1", "U1", "U2"]})


def test_national_ranks_are_distinct_and_rank_1_is_most_deprived() -> None:
    ranks = national_ranks(np.array([0.99, 0.5, 0.5, 0.01]), 100)
    assert ranks.tolist() == [1, 50, 51, 99]


def test_made_up_areas_cover_every_decile_and_every_sub_icb_has_practices() -> None:
    places = made_up_places(SyntheticSettings(people=20_000))
    decile = np.ceil(places.areas["imd_2025_rank"] * 10 / 33_755)
    assert set(decile) == set(range(1, 11))
    assert places.areas["lsoa_code"].is_unique
    assert places.areas["imd_2025_rank"].is_unique
    assert set(places.areas["sub_icb_code"]) == set(places.practices["sub_icb_code"])
    changed = places.areas["lsoa_code"] != places.areas["lsoa11_code"]
    assert 0 < changed.mean() < 0.2
    assert set(range(5)) == set(places.area_provider)


def test_people_live_in_the_real_areas_in_proportion_to_their_residents() -> None:
    settings = SyntheticSettings(people=5_000)
    places = real_places(settings, AREAS, PRACTICES)
    people = draw_people(settings, places, 0)
    codes = places.areas["lsoa_code"].to_numpy()
    shares = pd.Series(codes[people.area[:, 0]]).value_counts(normalize=True)
    assert shares["E01000001"] == pytest.approx(0.6, abs=0.04)
    asian = np.isin(people.ethnicity, [7, 8, 9, 10])  # H, J, K, L
    assert asian[codes[people.area[:, 0]] == "E01000001"].mean() == pytest.approx(0.5, abs=0.06)
    assert not asian[(codes[people.area[:, 0]] == "E01000003")].any()
    assert set(places.practices["practice_code"].to_numpy()[people.practice[:, 0]]) == set(PRACTICES["practice_code"])
    assert (people.residence != RESOLVED).mean() < 0.03


def test_areas_without_residents_are_refused() -> None:
    with pytest.raises(SettingsError, match="population"):
        real_places(SyntheticSettings(), AREAS.drop(columns="population"), PRACTICES)

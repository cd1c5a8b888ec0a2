import numpy as np
import pandas as pd
import pytest

from models.risk_bands import age_groups, band_names, highest_bands, percentiles, percentiles_within, ranks_within
from models.settings import BandSettings

BANDS = BandSettings(names=("low", "high", "very high"), cuts=(0.1, 0.4))


def test_a_risk_at_a_cut_belongs_to_the_band_above():
    assert band_names(np.array([0.0999, 0.1, 0.4, 1.0]), BANDS).tolist() == ["low", "high", "very high", "very high"]


def test_the_highest_bands():
    assert highest_bands(BANDS, 2) == ("high", "very high")
    assert highest_bands(BANDS, 0) == ()
    assert highest_bands(BANDS, 9) == BANDS.names


def test_a_percentile_is_the_share_at_or_below():
    assert percentiles(np.array([0.1, 0.2, 0.2, 0.3])).tolist() == [25.0, 75.0, 75.0, 100.0]


def test_ranks_start_at_1_in_each_practice_and_are_null_without_one():
    practice = pd.Series(["A", "B", "A", None, "A"])
    ranks = ranks_within(np.array([0.1, 0.5, 0.9, 0.7, 0.3]), practice, np.array(["p", "q", "r", "s", "t"]))
    assert pd.Series(ranks).tolist() == [3, 1, 1, pd.NA, 2]


def test_equal_risks_keep_their_ranks_when_the_rows_are_shuffled():
    keys, practice = np.array(["p", "q", "r", "s"]), pd.Series(["A"] * 4)
    ranks = dict(zip(keys, ranks_within(np.full(4, 0.2), practice, keys), strict=True))
    backwards = dict(zip(keys[::-1], ranks_within(np.full(4, 0.2), practice, keys[::-1]), strict=True))
    assert ranks == backwards and sorted(ranks.values()) == [1, 2, 3, 4]


def test_bands_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="2 bands need 1 cuts, not 2"):
        BandSettings(names=("low", "high"), cuts=(0.1, 0.2))
    with pytest.raises(ValueError, match="cuts must rise and lie between 0 and 1"):
        BandSettings(names=("low", "high", "higher"), cuts=(0.4, 0.1))


def test_age_groups_come_from_ages_else_from_bands_that_lie_in_one() -> None:
    ages = pd.DataFrame({"age_years": [17.99, 18.0, 64.99, 65.0, None, None], "age_band": [*["90+"] * 4, "5-17", "60-69"]})
    assert age_groups(ages).fillna("none").tolist() == ["0-17", "18-64", "18-64", "65+", "0-17", "none"]
    bands = pd.DataFrame({"age_band": ["0-4", "18-29", "60-64", "65-69", "90+", "not_known", "[70-80)"]})
    assert age_groups(bands).fillna("none").tolist() == ["0-17", "18-64", "18-64", "65+", "65+", "none", "none"]
    assert age_groups(pd.DataFrame({"sex": ["male"]})).isna().all()


def test_percentiles_within_a_group_leave_out_who_has_none() -> None:
    result = percentiles_within(np.array([0.1, 0.2, 0.9, 0.5]), pd.Series(["a", "a", "b", None]))
    np.testing.assert_array_equal(result, [50, 100, 100, np.nan])

import numpy as np
import pandas as pd
import pytest

from models.intervals import Estimate
from models.standardisation import age_band_codes, sensitivity_ratio, standardised_sensitivities


def _rows(cells):
    """Rows from (group, band, events, result)."""
    group, band, labels, chosen = [], [], [], []
    for name, at, events, result in cells:
        group += [name] * events
        band += [at] * events
        labels += [1] * events
        chosen += [True] * result + [False] * (events - result)
    return np.array(labels), np.array(chosen), np.array(band), np.array(group)


LABELS, CHOSEN, BANDS, GROUP = _rows([("a", 0, 10, 2), ("a", 1, 30, 24), ("b", 0, 30, 6), ("b", 1, 10, 8)])


def sensitivity_of(labels: np.ndarray, chosen: np.ndarray, bands: np.ndarray, group: np.ndarray) -> Estimate:
    return standardised_sensitivities(labels, chosen, bands, group.astype(np.intp), 2)[1]


def test_two_groups_alike_at_each_age_are_alike_after_standardising():
    crude = [CHOSEN[name == GROUP].mean() for name in ("a", "b")]
    assert crude == pytest.approx([0.65, 0.35])
    for name in ("a", "b"):
        assert sensitivity_of(LABELS, CHOSEN, BANDS, name == GROUP).value == pytest.approx(0.5)
    ratio = sensitivity_ratio(LABELS, CHOSEN, BANDS, GROUP == "a")
    assert ratio.value == pytest.approx(1.0) and ratio.lower < 1 < ratio.upper


def test_bands_with_few_events_join_their_neighbours():
    labels, chosen, bands, group = _rows([("a", 0, 2, 2), ("a", 1, 20, 10), ("a", 2, 1, 0), ("b", 0, 20, 10), ("b", 2, 20, 10)])
    ours = sensitivity_of(labels, chosen, bands, group == "a")
    assert ours.value == pytest.approx(12 / 23)  # one band is left
    assert np.isfinite(sensitivity_ratio(labels, chosen, bands, group == "a").value)


def test_a_group_without_events_has_no_sensitivity():
    labels, chosen, bands, group = _rows([("a", 0, 10, 5)])
    assert np.isnan(sensitivity_of(labels, chosen, bands, group == "b").value)


def test_age_bands_stand_in_the_order_of_their_lower_ends():
    assert age_band_codes(pd.Series(["90+", "5-17", "0-4", "not_known", "5-17"])).tolist() == [2, 1, 0, -1, 1]

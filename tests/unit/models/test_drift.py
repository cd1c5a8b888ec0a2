"""Drift: the index by hand, empty bins, counts full of zeros, missing values and what chance alone does."""

import numpy as np
import pytest

from models.drift import FLOOR, bin_categories, bin_numbers, contributions, drift, psi_by_chance, quantile_cuts, status_of

NAN = float("nan")


def test_the_index_is_the_formula_by_hand() -> None:
    before, after = np.array([50, 50]), np.array([80, 20])
    by_hand = (0.8 - 0.5) * np.log(0.8 / 0.5) + (0.2 - 0.5) * np.log(0.2 / 0.5)
    assert contributions(before, after).sum() == pytest.approx(by_hand)
    assert contributions(before, before * 7).sum() == 0


def test_an_empty_bin_counts_as_the_floor() -> None:
    many = contributions(np.array([100_000, 0]), np.array([90, 10]))
    assert many[1] == pytest.approx((0.1 - FLOOR) * np.log(0.1 / FLOOR))
    few = contributions(np.array([100, 0]), np.array([90, 10]))
    assert few[1] == pytest.approx((0.1 - 0.005) * np.log(0.1 / 0.005))


def test_bins_are_tenths_of_the_first_side() -> None:
    before = np.arange(1.0, 101.0, dtype=np.float32)
    assert quantile_cuts(before).tolist() == [10, 20, 30, 40, 50, 60, 70, 80, 90]
    binned = bin_numbers(before[::-1], np.array([1.0, 10.0, 10.5, 1000.0], dtype=np.float32))
    assert binned.before.tolist() == [10] * 10
    assert binned.after.tolist() == [2, 1, 0, 0, 0, 0, 0, 0, 0, 1]
    assert (binned.names[0], binned.names[1], binned.names[-1]) == ("up to 10", "over 10 up to 20", "over 90")


def test_the_zeros_of_a_count_have_a_bin_of_their_own() -> None:
    before = np.array([0.0] * 95 + [1.0] * 5, dtype=np.float32)
    after = np.array([0.0] * 60 + [1.0] * 40, dtype=np.float32)
    binned = bin_numbers(before, after)
    assert binned.before.tolist() == [95, 5]
    assert drift(binned).psi > 0.25
    constant = bin_numbers(np.zeros(5), np.zeros(9))
    assert (drift(constant).psi, drift(constant).status) == (0.0, "stable")


def test_a_feature_that_was_constant_is_shifted_where_it_has_other_values() -> None:
    now = np.array([0.0] * 985 + [1.0] * 10 + [NAN] * 5)
    result = drift(bin_numbers(np.array([0.0] * 1990 + [NAN] * 10), now))
    assert 0 < result.psi < 0.1  # of a floor: the index itself is infinite
    assert (result.status, result.was_constant) == ("shifted", True)
    assert (result.top_bin, result.top_bin_counts) == ("not 0", (0, 10))
    categories = drift(bin_categories({"a": 2000}, {"a": 980, "b": 20}))
    assert (categories.status, categories.was_constant) == ("shifted", True)


def test_a_feature_that_was_constant_and_is_so_still_is_stable() -> None:
    for now in (np.full(50, 4.0), np.array([4.0, NAN] * 25)):
        result = drift(bin_numbers(np.full(100, 4.0), now))
        assert (result.psi, result.status, result.was_constant) == (0.0, "stable", False)
    varied = drift(bin_numbers(np.array([0.0, 1.0] * 500), np.array([0.0, 2.0] * 500)))
    assert not varied.was_constant
    gone = drift(bin_numbers(np.full(100, NAN), np.array([0.0, 1.0] * 50)))
    assert (gone.status, gone.was_constant) == ("not_known", False)  # its support differs


@pytest.mark.parametrize("few", range(1, 8))
def test_few_new_values_of_a_constant_may_be_chance_and_their_number_is_not_shown(few: int) -> None:
    result = drift(bin_numbers(np.zeros(2000), np.array([1.0] * few + [0.0] * (1000 - few))))
    assert (result.status, result.was_constant) == ("not_known", True)
    assert f"{result.psi:.2g}" == "0.014"


@pytest.mark.parametrize(("new", "rows", "before"), [(20, 50_000, 50_000), (10, 50_000, 400_000), (8, 60_000, 600_000)])
def test_few_new_values_in_many_rows_are_a_shift_where_chance_does_not_explain_them(new: int, rows: int, before: int) -> None:
    one, other = np.zeros(before), np.array([1.0] * new + [0.0] * (rows - new))
    for constant, now in ((one, other), (one + 7, other + 7), (one + 1, 1 - other)):
        moved = drift(bin_numbers(constant, now))
        assert moved.psi < moved.psi_by_chance  # its floor hides them
        assert (moved.status, moved.was_constant) == ("shifted", True)
    assert not drift(bin_numbers(one, other)).support.may_be_chance
    categories = drift(bin_categories({"a": before}, {"a": rows - new, "b": new}))
    assert (categories.status, categories.was_constant) == ("shifted", True)


@pytest.mark.parametrize("few", range(1, 8))
def test_a_small_number_of_new_values_is_no_shift_however_many_rows_there_are(few: int) -> None:
    result = drift(bin_categories({"a": 10_000_000}, {"a": 60_000 - few, "b": few}))
    assert (result.status, result.was_constant) == ("not_known", True)


def test_missing_values_are_counted_apart() -> None:
    result = drift(bin_numbers(np.array([1, 2, NAN, NAN] * 10), np.array([1, 2, 1, NAN] * 10)))
    assert (result.share_missing_before, result.share_missing_after) == (0.5, 0.25)
    gone = drift(bin_numbers(np.array([1.0, 2.0]), np.array([NAN, NAN])))
    assert np.isnan(gone.psi)
    assert (gone.status, gone.share_missing_after) == ("not_known", 1.0)


@pytest.mark.parametrize("missing", range(1, 8))
def test_few_missing_values_have_one_share_whatever_their_number(missing: int) -> None:
    values = np.where(np.arange(200) < missing, NAN, 1.0)
    result = drift(bin_numbers(values, -values[::-1]))
    assert (result.share_missing_before, result.share_missing_after) == (5 / 200, 5 / 200)
    others = drift(bin_numbers(np.where(np.isnan(values), 1.0, NAN), values))
    assert others.share_missing_before == 1 - 5 / 200


def test_categories_are_matched_by_name() -> None:
    binned = bin_categories({"a": 500, "b": 500, None: 10}, {"a": 500, "c": 500})
    assert binned.names == ("a", "b", "c")
    assert (binned.before.tolist(), binned.after.tolist()) == ([500, 500, 0], [500, 0, 500])
    result = drift(binned)
    assert result.status == "shifted"
    assert result.share_missing_before == pytest.approx(10 / 1010)


def test_the_top_bin_is_the_one_that_moved() -> None:
    result = drift(bin_categories({"a": 400, "b": 400, "c": 200}, {"a": 400, "b": 100, "c": 500}))
    assert (result.top_bin, result.top_bin_before, result.top_bin_after, result.top_bin_counts) == ("b", 0.4, 0.1, (400, 100))


def test_samples_of_one_population_stay_below_what_chance_may_do() -> None:
    rng, beyond = np.random.default_rng(1), 0
    for _ in range(400):
        binned = bin_numbers(rng.normal(size=60), rng.normal(size=60))
        beyond += drift(binned).psi > psi_by_chance(binned.before, binned.after)
    assert beyond <= 4  # 1 in 1,000 is meant; the chi-square is an approximation at such numbers
    few = drift(bin_numbers(rng.normal(size=20), rng.normal(size=20)))
    assert few.psi_by_chance > 0.25
    assert few.status in ("stable", "not_known")


@pytest.mark.parametrize(
    ("psi", "status"), [(0.0, "stable"), (0.0999, "stable"), (0.1, "watch"), (0.25, "shifted"), (NAN, "not_known")]
)
def test_an_index_is_read_as_usual(psi: float, status: str) -> None:
    assert status_of(psi) == status


def test_a_large_index_that_chance_explains_tells_nothing() -> None:
    assert status_of(0.3, by_chance=0.4) == "not_known"
    assert status_of(0.05, by_chance=0.4) == "stable"

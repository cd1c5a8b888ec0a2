from datetime import date

import numpy as np
import pandas as pd
import pytest

from models.settings import ValidationPlan
from models.splitting import (
    SplitRefusedError,
    balanced_folds,
    column_split,
    listed_values,
    matured_dates,
    note_on_shared_people,
    person_folds,
    place_folds,
    rolling_origins,
    sampled_people,
    shared_people,
    time_split,
)

TEST = date(2024, 10, 1)
CUT = date(2026, 1, 1)
LATEST_TRAINING = date(2023, 7, 4)  # 365 + 90 days before the test


def test_a_training_date_whose_label_reaches_into_the_test_is_refused():
    with pytest.raises(SplitRefusedError, match=r"2023-07-05 overlap the test.*latest training date for it is 2023-07-04"):
        time_split([date(2023, 1, 1), date(2023, 7, 5)], TEST, 365, 90, CUT)


def test_a_label_may_end_on_the_test_date():
    assert time_split([LATEST_TRAINING, date(2023, 1, 1)], TEST, 365, 90, CUT).train == (date(2023, 1, 1), LATEST_TRAINING)


def test_an_immature_test_date_is_refused():
    with pytest.raises(SplitRefusedError, match=r"complete on 2026-01-01, .* latest test date is 2024-10-02"):
        time_split([date(2023, 1, 1)], date(2024, 10, 3), 365, 90, CUT)


def test_no_training_date_is_refused():
    with pytest.raises(SplitRefusedError, match="no training index date"):
        time_split([], TEST, 365, 90, CUT)


def test_matured_dates_end_before_the_cut():
    assert matured_dates([date(2024, 10, 2), date(2024, 10, 3), TEST], 365, 90, CUT) == (TEST, date(2024, 10, 2))


def test_rolling_origins_never_overlap():
    splits = rolling_origins([date(year, 1, 1) for year in (2021, 2022, 2023, 2024)], 365, 90, CUT)
    assert [(split.train, split.test) for split in splits] == [
        ((date(2021, 1, 1),), date(2023, 1, 1)),
        ((date(2021, 1, 1), date(2022, 1, 1)), date(2024, 1, 1)),
    ]


def test_rows_of_a_person_share_a_fold_whatever_their_order():
    person = np.array(["b", "a", "b", "c", "a"])
    folds = person_folds(person, 3, seed=5)
    assert folds[0] == folds[2] and folds[1] == folds[4]
    assert (person_folds(person[::-1], 3, seed=5)[::-1] == folds).all()


def test_folds_are_even_and_follow_the_seed():
    person = np.arange(50_000)
    folds = person_folds(person, 5, seed=1)
    assert np.abs(np.bincount(folds) / 10_000 - 1).max() < 0.03
    assert (person_folds(person, 5, seed=2) == folds).mean() == pytest.approx(0.2, abs=0.01)


def test_sampling_keeps_whole_people():
    person = np.repeat(np.arange(10_000), 2)
    rows = sampled_people(person, np.arange(20_000), 5_000, seed=3)
    assert len(rows) == pytest.approx(5_000, rel=0.05)
    assert (np.bincount(person[rows])[np.unique(person[rows])] == 2).all()


def test_a_column_of_the_user_splits_the_rows_that_can_be_split():
    plan = ValidationPlan(kind="column", split_column="year", train_values=[2019, 2020], test_values=["2021"])
    years = pd.Series(["2019", "2021", "2020", "2022", None, "2021"])
    train, test = column_split(years, plan, np.array([True, True, True, True, True, False]))
    assert train.tolist() == [True, False, True, False, False, False]
    assert test.tolist() == [False, True, False, False, False, False]


def test_a_split_with_an_empty_side_is_refused_with_the_values_there_are():
    plan, parts = ValidationPlan(kind="column", split_column="part"), pd.Series(["train", "valid", "train", None, "test"])
    with pytest.raises(SplitRefusedError, match=r"column 'part' leaves 2 rows that train .* and 0 that test") as refused:
        column_split(parts, plan, parts.to_numpy() != "test")
    assert "it holds 'train' (2), 'valid' (1), no value (1)" in str(refused.value)
    assert listed_values(pd.Series([str(number) for number in range(10)]), most=1).endswith("9 more values")


def test_people_on_both_sides_are_counted_in_a_note():
    test = np.array(["b", "c", "b"])
    shared = shared_people(np.array(["a", "b"]), test)
    assert shared.tolist() == [True, False, True]
    assert note_on_shared_people(test, ~shared)[0].startswith("1 of the 2 people in the test rows have training rows too")
    assert note_on_shared_people(test[:1], ~shared[:1])[0].endswith("there is no one else to evaluate")
    assert note_on_shared_people(test, np.ones(3, dtype=bool)) == ()


def test_places_are_left_out_in_turn():
    folds, names = place_folds(pd.Series(["south", "north", None, "south"], name="sub_icb_code"))
    assert names == ("north", "south") and folds.tolist() == [1, 0, -1, 1]
    with pytest.raises(SplitRefusedError, match="'sub_icb_code' has 1"):
        place_folds(pd.Series(["north", "north"], name="sub_icb_code"))


def test_balanced_folds_keep_people_together_and_share_out_the_outcomes():
    person, labels = np.repeat(np.arange(100), 2), np.repeat(np.arange(100) < 20, 2).astype(int)
    fold = balanced_folds(person, labels, 5, seed=1)
    assert (fold[::2] == fold[1::2]).all()
    assert [int(labels[fold == number].sum()) for number in range(5)] == [8] * 5
    assert [int((fold == number).sum()) for number in range(5)] == [40] * 5

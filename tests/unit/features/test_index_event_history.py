from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.index_event_history import index_event_history

ROWS = pd.DataFrame(
    {
        "person": ["a", "a", "a", "b", "a"],
        "order": [3, 1, 2, 1, 2],
        "event": ["a3", "a1", "a2", "b1", "a2_again"],
        "nights": [9.0, 1.0, 4.0, 7.0, 6.0],
        "outcome": [0, 1, 0, 0, 1],
    }
)


def history(rows: pd.DataFrame) -> pd.DataFrame:
    found = index_event_history(rows["person"], rows["order"], rows["event"], rows[["nights"]], rows["outcome"])
    return found.set_axis(rows["event"])


def test_only_strictly_earlier_rows_of_the_same_person_count() -> None:
    found = history(ROWS)

    assert found["earlier_index_events"].to_dict() == {"a3": 3, "a1": 0, "a2": 1, "b1": 0, "a2_again": 1}
    assert found["since_previous_index_event"].to_dict() == pytest.approx(
        {"a3": 1, "a1": np.nan, "a2": 1, "b1": np.nan, "a2_again": 1}, nan_ok=True
    )
    assert found.loc["a3", "mean_earlier_nights"] == pytest.approx((1 + 4 + 6) / 3)
    assert found.loc["a2", "previous_nights"] == 1
    assert found.loc["a2", "change_in_nights"] == 3
    assert found.loc["a3", "earlier_outcomes"] == 2
    assert np.isnan(found.loc["b1", "previous_outcome"])


def test_a_later_row_changes_nothing_about_an_earlier_one() -> None:
    changed = ROWS.assign(nights=[99.0, 1.0, 4.0, 7.0, 6.0], outcome=[1, 1, 0, 0, 1])

    pd.testing.assert_frame_equal(history(changed).drop(index="a3"), history(ROWS).drop(index="a3"))


def test_the_order_of_the_rows_changes_nothing() -> None:
    shuffled = ROWS.sample(frac=1, random_state=1)

    pd.testing.assert_frame_equal(history(shuffled).sort_index(), history(ROWS).sort_index())


def test_missing_values_are_left_out_of_the_mean() -> None:
    rows = pd.DataFrame(
        {"person": ["a"] * 3, "order": [1, 2, 3], "event": ["1", "2", "3"], "nights": [np.nan, 4.0, 2.0], "outcome": [0, 0, 0]}
    )

    assert history(rows).loc["3", "mean_earlier_nights"] == 4
    assert np.isnan(history(rows).loc["2", "mean_earlier_nights"])


def test_dates_give_days_since_the_previous_event() -> None:
    dates = pd.Series(pd.to_datetime(["2024-02-28", "2024-03-01"]))

    found = index_event_history(pd.Series(["a", "a"]), dates, pd.Series(["1", "2"]), pd.DataFrame(index=[0, 1]))

    assert found["since_previous_index_event"].tolist()[1] == 2


def test_a_missing_order_is_refused() -> None:
    with pytest.raises(ValueError, match="1 rows have no value in the order column"):
        index_event_history(pd.Series(["a"]), pd.Series([np.nan]), pd.Series(["1"]), pd.DataFrame(index=[0]))

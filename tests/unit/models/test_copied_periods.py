"""A panel whose year is a copy of the last, a feature that holds the future, and an outcome carried forward."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from models.copied_periods import Copy, copied_period_gate, copied_periods, periods_of
from models.predictors import Predictor

FIRST, SECOND, PEOPLE = date(2022, 1, 1), date(2023, 7, 1), 400
PREDICTORS = (Predictor("age_years"), Predictor("used_hospital"), Predictor("ward", kind="category"))


def panel(labels: dict[date, np.ndarray], used: dict[date, np.ndarray], repeated: int = 0) -> tuple[Copy, ...]:
    rows = pd.concat(
        pd.DataFrame({"index_date": day, "person": np.arange(PEOPLE), "label": labels[day], "used_hospital": used[day], "age_years": 50.0,
                      "ward": "a"}) for day in labels
    )  # fmt: skip
    rows = pd.concat([rows, rows.head(repeated)], ignore_index=True)
    periods = periods_of(rows, rows["label"].to_numpy(), rows["person"].to_numpy())
    return copied_periods(periods, PREDICTORS, 365, seed=1)


@pytest.fixture
def drawn() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {name: (rng.random(PEOPLE) < 0.2).astype(np.int8) for name in ("first", "second", "other", "more")}


def test_an_honest_panel_passes(drawn: dict[str, np.ndarray]) -> None:
    result = panel({FIRST: drawn["first"], SECOND: drawn["second"]}, {FIRST: drawn["other"], SECOND: drawn["more"]})
    assert result == ()
    assert copied_period_gate(result, PREDICTORS).answer == "pass"


def test_a_year_that_is_the_last_one_copied_fails(drawn: dict[str, np.ndarray]) -> None:
    result = panel({FIRST: drawn["first"], SECOND: drawn["first"]}, {FIRST: drawn["other"], SECOND: drawn["more"]})
    gate = copied_period_gate(result, PREDICTORS[:1])  # whatever the model uses
    assert gate.answer == "fail"
    assert gate.reason == "the outcome after 2023-07-01 equals the outcome after 2022-01-01 for each of 400 people"


def test_a_feature_that_holds_a_later_outcome_fails_for_every_candidate_that_uses_it(drawn: dict[str, np.ndarray]) -> None:
    result = panel({FIRST: drawn["first"], SECOND: drawn["second"]}, {FIRST: drawn["second"], SECOND: drawn["more"]})
    assert copied_period_gate(result, PREDICTORS).answer == "fail"
    assert copied_period_gate(result, PREDICTORS[:1]).answer == "pass"


def test_a_past_outcome_carried_forward_is_for_an_approver(drawn: dict[str, np.ndarray]) -> None:
    labels, used = {FIRST: drawn["first"], SECOND: drawn["second"]}, {FIRST: drawn["other"], SECOND: drawn["first"]}
    gate = copied_period_gate(panel(labels, used, repeated=5), PREDICTORS)
    assert gate.answer == "cannot_tell"
    assert (
        "used_hospital of 2023-07-01 equals the outcome after 2022-01-01 for each of 395 people" in gate.reason
    )  # 5 stand twice


def test_a_past_outcome_whose_year_had_not_passed_fails(drawn: dict[str, np.ndarray]) -> None:
    soon = date(2022, 7, 1)
    result = panel({FIRST: drawn["first"], soon: drawn["second"]}, {FIRST: drawn["other"], soon: drawn["first"]})
    assert copied_period_gate(result, PREDICTORS).answer == "fail"

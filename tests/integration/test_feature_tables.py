"""Feature tables that a team might bring, from the file to evaluated candidates."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.feature_table_examples import EXAMPLES
from benchmarks.feature_tables import compare

pytestmark = pytest.mark.slow
QUICK = {"lightgbm": {"rounds": 100}}


@pytest.mark.parametrize("name", ["diabetes", "exclusive_or", "few_groups"])
def test_the_chosen_model_is_as_good_as_the_better_of_default_trees_and_plain_logistic_regression(
    name: str, tmp_path: Path
) -> None:
    comparison = compare(EXAMPLES[name](), tmp_path / "home", QUICK)

    assert comparison.result.chosen is not None
    assert comparison.gain > -0.006  # a few hundred people cannot show a smaller difference


def test_odd_names_text_booleans_and_constants_are_read_correctly(tmp_path: Path) -> None:
    comparison = compare(EXAMPLES["awkward_text"](), tmp_path / "home", QUICK)

    chosen = comparison.result.chosen
    assert chosen is not None and comparison.gain > 0
    assert {"bmi_kg_m2", "x1_x2", "change", "grosse", "ward_name", "is_smoker", "c_1st_visit", "c_select"} <= {
        predictor.name for predictor in chosen.model.predictors
    }


@pytest.mark.parametrize("name", ["leak_nearly"])
def test_a_column_that_reveals_the_outcome_stops_every_candidate_and_is_named(name: str, tmp_path: Path) -> None:
    example = EXAMPLES[name]()
    comparison = compare(example, tmp_path / "home", QUICK)

    assert comparison.result.chosen is None
    assert comparison.stopped_by() == ["auroc_alarm", "no_single_feature"]
    reasons = [
        gate.reason for candidate in comparison.result.candidates for gate in candidate.gates if gate.gate == "no_single_feature"
    ]
    assert all(reason.startswith(f"{example.leak} alone") for reason in reasons)

import numpy as np
import pandas as pd
import pytest

from models.predictors import Predictor
from models.transforms import NumberTransform, fit_transform, transform_from_dict, transform_to_dict


def _frame(values):
    return pd.DataFrame({"x": np.asarray(values, dtype="float32")})


def test_a_number_is_a_spline_that_is_linear_beyond_its_outer_knots():
    values = np.linspace(0, 90, 500)
    transform = fit_transform(Predictor("x"), _frame(values), 5, 1)
    assert isinstance(transform, NumberTransform) and len(transform.knots) == 5 and not transform.missing_flag
    columns = np.column_stack(list(transform.columns(_frame(values))))
    assert np.abs(columns.mean(axis=0)).max() < 1e-5
    beyond = columns[values > transform.knots[-1]]
    assert np.abs(np.diff(beyond, n=2, axis=0)).max() < 1e-4


def test_counts_are_on_a_log_scale_with_a_flag_for_none():
    counts = np.random.default_rng(1).poisson(0.5, 2000) ** 2
    transform = fit_transform(Predictor("x"), _frame(counts), 5, 1)
    assert transform.log and transform.zero_flag


def test_missing_values_speak_through_their_flag_alone():
    transform = fit_transform(Predictor("x"), _frame([1, 2, 3, 4, np.nan]), 3, 1)
    *values, flag = transform.columns(_frame([np.nan, 2]))
    assert flag.tolist() == [1.0, 0.0]
    assert all(column[0] == 0.0 for column in values)


def test_values_beyond_training_count_as_the_nearest_in_training():
    transform = fit_transform(Predictor("x"), _frame(np.arange(100)), 5, 1)
    for column in transform.columns(_frame([99, 1e6])):
        assert column[0] == column[1]


def test_a_constant_is_left_out_unless_missing_tells_something():
    assert fit_transform(Predictor("x"), _frame([1, 1, 1]), 5, 1) is None
    assert fit_transform(Predictor("x"), _frame([np.nan, np.nan]), 5, 1) is None
    flag_only = fit_transform(Predictor("x"), _frame([1, np.nan, 1]), 5, 1)
    assert [column.tolist() for column in flag_only.columns(_frame([1, np.nan]))] == [[0.0, 1.0]]


def test_levels_count_against_the_commonest_and_rare_ones_share_a_column():
    frame = pd.DataFrame({"x": ["a"] * 5 + ["b"] * 4 + ["c", "d", None]})
    transform = fit_transform(Predictor("x", "category"), frame, 5, 3)
    assert (transform.reference, transform.levels, transform.others) == ("a", ("b",), ("c", "d"))
    scored = pd.DataFrame({"x": ["a", "b", "c", "d", None, "unseen"]})
    assert transform.positions(scored).tolist() == [-1, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("values", [[1.5, 2.25, np.nan, 7, 0], ["a", "b", None, "b", "a"]])
def test_a_transform_reads_back_the_same(values):
    frame = pd.DataFrame({"x": values})
    kind = "category" if isinstance(values[0], str) else "number"
    transform = fit_transform(Predictor("x", kind), frame, 3, 1)
    assert transform_from_dict(transform_to_dict(transform)) == transform

import numpy as np
import pandas as pd
import pytest

from models.feature_rows import FeatureRows
from models.predictors import (
    Predictor,
    SchemaMismatchError,
    check_schema,
    level_codes,
    numbers,
    predictors_from_catalogue,
    read_once,
)

AGE = Predictor("age_years")
DIAGNOSIS = Predictor("diagnosis", "category")


def test_a_catalogue_gives_its_computed_predictors():
    catalogue = pd.DataFrame(
        [
            ("admissions_365d", "Admissions", "admissions", 365.0, "admissions", "predictor", "number", False, "computed"),
            ("imd_decile", "Decile", None, None, "patients", "audit", "number", True, "computed"),
            ("gp_contacts_90d", "Contacts", "contacts", 90.0, "gp_observations", "predictor", "number", False, "not_computed"),
            ("imd_rank", "Rank", None, None, "patients", "predictor", "number", True, "computed"),
        ],
        columns=["name", "label", "concept", "window_days", "feed", "role", "kind", "uses_deprivation", "status"],
    )
    result = predictors_from_catalogue(catalogue)
    assert [predictor.name for predictor in result] == ["admissions_365d", "imd_rank"]
    assert result[0].window_days == 365 and result[1].window_days is None
    assert result[1].uses_deprivation and result[1].concept == ""


def test_missing_and_mistyped_columns_are_named():
    with pytest.raises(SchemaMismatchError, match="columns that are missing: age_years"):
        check_schema(FeatureRows(pd.DataFrame({"diagnosis": ["a"]})), [AGE, DIAGNOSIS], "scoring")
    with pytest.raises(SchemaMismatchError, match="column 'age_years' must hold numbers, not str"):
        check_schema(FeatureRows(pd.DataFrame({"age_years": ["70"], "diagnosis": ["a"]})), [AGE, DIAGNOSIS], "scoring")
    with pytest.raises(SchemaMismatchError, match="column 'diagnosis' must hold categories as text, not int64"):
        check_schema(FeatureRows(pd.DataFrame({"age_years": [70], "diagnosis": [1]})), [AGE, DIAGNOSIS], "scoring")
    with pytest.raises(SchemaMismatchError, match="columns that appear more than once: age_years"):
        check_schema(FeatureRows(pd.DataFrame([[1, 2]], columns=["age_years", "age_years"])), [AGE], "scoring")


def test_rows_that_are_read_once_have_the_same_values():
    frame = pd.DataFrame({"age_years": [70, np.inf, None], "diagnosis": ["a", None, "b"], "name": ["x", "y", "z"]})
    read = read_once(frame, [AGE, DIAGNOSIS, Predictor("absent")])
    assert list(read) == list(frame) and read["age_years"].dtype == np.float32
    np.testing.assert_array_equal(numbers(read["age_years"]), numbers(frame["age_years"]))
    np.testing.assert_array_equal(level_codes(read["diagnosis"], ["b", "a"]), level_codes(frame["diagnosis"], ["b", "a"]))
    check_schema(FeatureRows(read), [AGE, DIAGNOSIS], "scoring")


def test_other_columns_do_not_matter():
    check_schema(
        FeatureRows(pd.DataFrame({"age_years": [70.0], "diagnosis": pd.Categorical(["a"]), "notes": ["x"]})),
        [AGE, DIAGNOSIS],
        "scoring",
    )


@pytest.mark.parametrize("dtype", ["object", "string", "category"])
def test_levels_have_the_same_codes_in_every_dtype(dtype):
    column = pd.Series(["b", None, "a", "new"], dtype=dtype)
    assert level_codes(column, ["a", "b"]).tolist() == [1, -1, 0, -1]


def test_missing_and_infinite_numbers_are_nan():
    assert np.isnan(numbers(pd.Series([1, None], dtype="Int32"))).tolist() == [False, True]
    assert np.isnan(numbers(pd.Series([1.0, np.inf]))).tolist() == [False, True]
    assert numbers(pd.Series([True, False])).tolist() == [1.0, 0.0]

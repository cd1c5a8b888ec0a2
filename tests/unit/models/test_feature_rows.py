import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from models.feature_rows import CodeCounts, FeatureRows

COUNTS = CodeCounts(sparse.csr_matrix(np.array([[1, 0, 3], [0, 2, 0], [5, 0, 0]], dtype=np.float32)), ("a", "b", "c"))
ROWS = FeatureRows(pd.DataFrame({"age": [70, 50, 60]}), COUNTS)


def test_features_and_codes_are_sliced_together() -> None:
    for chosen in (np.array([2, 0]), slice(1, None), np.array([True, False, True])):
        part = ROWS.take(chosen)
        assert part.frame["age"].tolist() == ROWS.frame["age"].to_numpy()[chosen].tolist()
        assert part.code_matrix("abc").toarray().tolist() == COUNTS.matrix.toarray()[chosen].tolist()


def test_columns_are_selected_in_the_order_of_their_names() -> None:
    assert ROWS.code_matrix(["c", "a"]).toarray().tolist() == [[3, 1], [0, 0], [0, 5]]
    assert COUNTS.select(["a", "b", "c"]) is COUNTS.matrix
    with pytest.raises(KeyError, match="d"):
        COUNTS.select(["a", "d"])


def test_codes_become_columns_of_a_frame_that_gives_the_same_matrix() -> None:
    plain = ROWS.with_plain_codes(["b", "a"])
    assert plain.to_dict("list") == {"age": [70, 50, 60], "b": [0, 2, 0], "a": [1, 0, 5]}
    assert FeatureRows(plain).code_matrix(["a", "b"]).toarray().tolist() == ROWS.code_matrix(["a", "b"]).toarray().tolist()


def test_no_rows_have_all_columns() -> None:
    none = ROWS.take(slice(0, 0))
    assert none.columns == {"age", "a", "b", "c"}
    assert none.code_matrix(["b"]).shape == (0, 1)


def test_rows_and_names_must_fit() -> None:
    with pytest.raises(ValueError, match="3 columns cannot have 2 names"):
        CodeCounts(COUNTS.matrix, ("a", "b"))
    with pytest.raises(ValueError, match="2 rows of features have 3 rows of codes"):
        FeatureRows(ROWS.frame.head(2), COUNTS)

"""Strata's expectations for Great Expectations, which check every row in one pass over an array.

The expectations of Great Expectations copy the batch before they read a column, and match a pattern against every value as text.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metrics.map_metric_provider import ColumnMapMetricProvider, column_condition_partial


class FlagUnset(ColumnMapMetricProvider):
    """Return for each row whether a boolean column without nulls is false."""

    condition_metric_name = "column_values.flag_unset"
    filter_column_isnull = False

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series, **kwargs: Any) -> pd.Series:  # noqa: N805 - the engine passes the class
        return ~column


class CodeMatchesPattern(ColumnMapMetricProvider):
    """Return for each row whether the value of a categorical column matches a pattern completely; a null matches."""

    condition_metric_name = "column_values.code_matches_pattern"
    condition_value_keys = ("pattern",)
    filter_column_isnull = False

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series, pattern: str, **kwargs: Any) -> pd.Series:  # noqa: N805 - the engine passes the class
        matches = column.cat.categories.to_series().str.fullmatch(pattern).to_numpy(dtype=bool)
        # The code of a null is -1, which selects the last element.
        return pd.Series(np.append(matches, True)[column.cat.codes.to_numpy()], index=column.index)


class ExpectFlagToBeUnset(ColumnMapExpectation):
    """Expect every row of a boolean column to be false."""

    map_metric = "column_values.flag_unset"


class ExpectCodesToMatchPattern(ColumnMapExpectation):
    """Expect every value of a categorical column to match a pattern completely."""

    pattern: str
    map_metric = "column_values.code_matches_pattern"
    success_keys = ("pattern", "mostly")

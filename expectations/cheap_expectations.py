"""Expectations of our own, evaluated by Great Expectations on every row at the cost of one pass over an array.

Its own ones copy the whole batch before they look at a column, and match a pattern against every value as text.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metrics.map_metric_provider import ColumnMapMetricProvider, column_condition_partial


class FlagUnset(ColumnMapMetricProvider):
    """Tell, row by row, whether a boolean column without nulls is false."""

    condition_metric_name = "column_values.flag_unset"
    filter_column_isnull = False

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series, **kwargs: Any) -> pd.Series:  # noqa: N805 - the engine passes the class
        return ~column


class CodeMatchesPattern(ColumnMapMetricProvider):
    """Tell, row by row, whether a categorical column's value matches a pattern from end to end; null is no value and breaks nothing."""

    condition_metric_name = "column_values.code_matches_pattern"
    condition_value_keys = ("pattern",)
    filter_column_isnull = False

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series, pattern: str, **kwargs: Any) -> pd.Series:  # noqa: N805 - the engine passes the class
        matched = column.cat.categories.to_series().str.fullmatch(pattern).to_numpy(dtype=bool)
        # The code of a null is -1: it takes the last place.
        return pd.Series(np.append(matched, True)[column.cat.codes.to_numpy()], index=column.index)


class ExpectFlagToBeUnset(ColumnMapExpectation):
    """Expect every row of a boolean column to be false."""

    map_metric = "column_values.flag_unset"


class ExpectCodesToMatchPattern(ColumnMapExpectation):
    """Expect every value of a categorical column to match a pattern from end to end."""

    pattern: str
    map_metric = "column_values.code_matches_pattern"
    success_keys = ("pattern", "mostly")

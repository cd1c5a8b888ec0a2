"""Strata's expectations for Great Expectations, at a cost that is small next to the reading of the rows.

The expectations of Great Expectations copy the batch before they read a column, match a pattern against every value as text, and write
out their own configuration about 60 times in each validation.
"""

from __future__ import annotations

from typing import Any

import great_expectations.expectations as gxe
import numpy as np
import pandas as pd
from great_expectations.compatibility import pydantic
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnAggregateExpectation, Expectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.metrics.column_aggregate_metric_provider import (
    ColumnAggregateMetricProvider,
    column_aggregate_value,
)


class FlagsSet(ColumnAggregateMetricProvider):
    """Count the rows in which a boolean column without nulls is true."""

    metric_name = "column.flags_set"
    value_keys = ()

    @column_aggregate_value(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series, **kwargs: Any) -> int:  # noqa: N805 - the engine passes the class
        return int(column.sum())


class CodesOutsidePattern(ColumnAggregateMetricProvider):
    """Count the rows in which the value of a categorical column does not match a pattern completely; a null matches."""

    metric_name = "column.codes_outside_pattern"
    value_keys = ("pattern",)

    @column_aggregate_value(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series, pattern: str, **kwargs: Any) -> int:  # noqa: N805 - the engine passes the class
        matches = column.cat.categories.to_series().str.fullmatch(pattern).to_numpy(dtype=bool)
        # The code of a null is -1, which selects the last element.
        return int(np.count_nonzero(~np.append(matches, True)[column.cat.codes.to_numpy()]))


class ConfiguredOnce(Expectation):
    """An expectation that writes out its configuration once for as long as none of its attributes is set."""

    _configuration: ExpectationConfiguration | None = pydantic.PrivateAttr(None)

    @property
    def configuration(self) -> ExpectationConfiguration:
        if self._configuration is None:
            self._configuration = super().configuration
        return self._configuration

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name != "_configuration":
            self._configuration = None


class CountedOnce(ConfiguredOnce, ColumnAggregateExpectation):
    """An expectation that one metric answers: the number of rows of a column that break it."""

    def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        (name,) = self.metric_dependencies
        count = metrics[name]
        return {"success": not count, "result": {"unexpected_count": count}}


class ExpectFlagToBeUnset(CountedOnce):
    """Expect every row of a boolean column to be false."""

    metric_dependencies = (FlagsSet.metric_name,)


class ExpectCodesToMatchPattern(CountedOnce):
    """Expect every value of a categorical column to match a pattern completely."""

    pattern: str
    metric_dependencies = (CodesOutsidePattern.metric_name,)
    success_keys = ("pattern",)


class ExpectValuesPresent(ConfiguredOnce, gxe.ExpectColumnValuesToNotBeNull):
    """Expect no value of a column to be null."""


class ExpectValuesInRange(ConfiguredOnce, gxe.ExpectColumnValuesToBeBetween):
    """Expect every value of a column to be within a range."""


class ExpectValuesInVocabulary(ConfiguredOnce, gxe.ExpectColumnValuesToBeInSet):
    """Expect every value of a column to be in a set."""


class ExpectFigureWithinLimits(ConfiguredOnce, gxe.ExpectColumnMaxToBeBetween):
    """Expect the figure of a summary, a column with one value, to be within its limits."""

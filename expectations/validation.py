"""The run of the suites: Great Expectations counts the rows that break each rule, and no value enters a result."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

import pandas as pd

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

import great_expectations as gx
from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult, ExpectationValidationResult
from great_expectations.core.run_identifier import RunIdentifier
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.data_context.types.resource_identifiers import ExpectationSuiteIdentifier, ValidationResultIdentifier
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.validator.validator import Validator

from expectations.data_docs import site
from expectations.documented import DataDocs
from expectations.suites import COUNTS

# BASIC without partial lists returns counts, and no value or key.
COUNTS_ONLY: dict[str, Any] = {"result_format": "BASIC", "partial_unexpected_count": 0}


logging.getLogger("great_expectations").setLevel(logging.WARNING)


class EngineError(Exception):
    """Raised when the validation engine fails, so that nothing is known about the data."""


class Engine:
    """A Great Expectations context for data frames, with Data Docs on request."""

    def __init__(self, docs: DataDocs | None = None) -> None:
        self.context = gx.get_context(mode="ephemeral")
        self.context.variables.progress_bars = ProgressBarsConfig(globally=False)
        self.docs = docs
        if docs is not None:
            self.context.update_data_docs_site("local_site", cast(Any, site(docs)))

    def count_broken(self, frame: pd.DataFrame, suite: gx.ExpectationSuite) -> dict[tuple[str, ...], int]:
        """Count the rows of a batch that break each expectation, by its checks; raise EngineError where the engine fails."""
        counts = {}
        for one in self._results(frame, suite):
            assert one.expectation_config is not None
            checks = tuple((one.expectation_config.meta or {})[COUNTS])
            counts[checks] = int(one.result["unexpected_count"])
        return counts

    def check_summary(self, frame: pd.DataFrame, suite: gx.ExpectationSuite, documented: bool = True) -> set[str]:
        """Validate a summary with one row and return the figures outside their limits; keep the result for Data Docs where there is a folder."""
        results = self._results(frame, suite)
        if documented and self.docs is not None:
            self._keep(suite.name, results)
        return {str(one.expectation_config.kwargs["column"]) for one in results if one.expectation_config and not one.success}

    def _results(self, frame: pd.DataFrame, suite: gx.ExpectationSuite) -> list[ExpectationValidationResult]:
        """Evaluate a suite on a frame; raise EngineError where the engine fails.

        The validator reads the frame directly: a batch definition would hash every value twice to make a name, and a stored
        suite would be compared with itself several times.
        """
        engine = PandasExecutionEngine(batch_data_dict={suite.name: frame})
        results = Validator(execution_engine=engine, data_context=self.context).graph_validate(
            configurations=suite.expectation_configurations,
            runtime_configuration={"catch_exceptions": True, "result_format": dict(COUNTS_ONLY)},
        )
        _raise_engine_errors(results)
        return results

    def _keep(self, name: str, results: list[ExpectationValidationResult]) -> None:
        """Store the results of a suite, from which Data Docs are built."""
        run = RunIdentifier(run_time=datetime.now(UTC))
        broken = sum(not one.success for one in results)
        result = ExpectationSuiteValidationResult(
            success=not broken,
            results=results,
            suite_name=name,
            statistics={
                "evaluated_expectations": len(results), "successful_expectations": len(results) - broken, "unsuccessful_expectations": broken,
                "success_percent": 100 * (1 - broken / max(1, len(results))),
            },
            meta={"run_id": run, "validation_time": run.run_time},
        )  # fmt: skip
        identifier = ExpectationSuiteIdentifier(name=name)
        key = ValidationResultIdentifier(expectation_suite_identifier=identifier, run_id=run, batch_identifier=f"frames-{name}")
        self.context.validation_results_store.store_validation_results(result, key, identifier)

    def write_docs(self) -> None:
        """Write the Data Docs of the validated summaries."""
        if self.docs is not None:
            self.context.build_data_docs()


def _raise_engine_errors(results: Sequence[ExpectationValidationResult]) -> None:
    """Raise EngineError where an expectation was not evaluated, which would otherwise look like bad data."""
    for one in results:
        info = one.exception_info or {}
        parts = [info] if "raised_exception" in info else list(info.values())
        failed = [part for part in parts if isinstance(part, dict) and part.get("raised_exception")]
        if failed:
            config = one.expectation_config
            rule = f"{config.type} on {config.kwargs.get('column')}" if config else "an expectation"
            kind = str(failed[0].get("exception_message", "")).split(":")[0][:120]
            raise EngineError(
                f"Great Expectations could not evaluate {rule}: {kind}. The data were not checked against this rule."
            )

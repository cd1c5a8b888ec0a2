"""Data Docs that need no network. Great Expectations builds the site; the classes that write its pages are given.

Its own pages fetch styles, scripts and pictures from eight public hosts: on a closed network they stay empty, on an open one
they tell those hosts who looks at them.
"""

from __future__ import annotations

from typing import Any

from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult, ExpectationValidationResult

from expectations.documented import DataDocs, DeliveryRules


def site(docs: DataDocs) -> dict[str, Any]:
    """Give the configuration of a site of Data Docs."""
    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs.folder)},
        "site_section_builders": {
            "expectations": "none",
            "profiling": "none",
            "validations": {"renderer": _named(Rules), "view": _named(docs.delivery_page)},
        },
        "site_index_builder": {**_named(docs.index), "folder": str(docs.folder)},
    }


def _named(kind: type) -> dict[str, str]:
    return {"module_name": kind.__module__, "class_name": kind.__name__}


class Rules:
    """Read the rules of one delivery from what was found, without a row's value."""

    def __init__(self, **given: object) -> None:
        del given

    def render(self, result: ExpectationSuiteValidationResult) -> DeliveryRules:
        """Give each rule with its figure and its limits, broken ones first."""
        rows = sorted((_row(one) for one in result.results), key=lambda row: (row[1] == "", row[0]))
        broken = sum(row[1] != "" for row in rows)
        title = f"{result.suite_name.replace('__delivery_', ', delivery of ')}: {broken} of {len(rows)} rules broken"
        return DeliveryRules(title, rows)


def _row(one: ExpectationValidationResult) -> list[object]:
    config = one.expectation_config
    assert config is not None
    given, figure = config.kwargs, one.result.get("observed_value")
    least, most = given.get("min_value"), given.get("max_value")
    return [given["column"], "" if one.success else "broken", figure, least, most, config.notes]

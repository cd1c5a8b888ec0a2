"""Data Docs that need no network: Great Expectations builds the site with page classes of Strata.

The pages of Great Expectations load styles, scripts and pictures from eight public hosts. On a closed network they stay empty. On an
open network they reveal their readers to these hosts.
"""

from __future__ import annotations

from typing import Any

from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult, ExpectationValidationResult

from expectations.documented import DataDocs, DeliveryRules


def site(docs: DataDocs) -> dict[str, Any]:
    """Return the configuration of a site of Data Docs."""
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
    """Renderer of the rules of one delivery, without any value of a row."""

    def __init__(self, **options: object) -> None:
        del options

    def render(self, result: ExpectationSuiteValidationResult) -> DeliveryRules:
        """Return each rule with its figure and its limits, broken rules first."""
        rows = sorted((_row(one) for one in result.results), key=lambda row: (row[1] == "", row[0]))
        broken = sum(row[1] != "" for row in rows)
        title = f"{result.suite_name.replace('__delivery_', ', delivery of ')}: {broken} of {len(rows)} rules broken"
        return DeliveryRules(title, rows)


def _row(one: ExpectationValidationResult) -> list[object]:
    config = one.expectation_config
    assert config is not None
    arguments, figure = config.kwargs, one.result.get("observed_value")
    least, most = arguments.get("min_value"), arguments.get("max_value")
    return [arguments["column"], "" if one.success else "broken", figure, least, most, config.notes]

"""Data Docs that need no network. Great Expectations builds the site; these classes write its pages.

Its own pages fetch styles, scripts and pictures from eight public hosts: on a closed network they stay empty, on an open one
they tell those hosts who looks at them.
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult, ExpectationValidationResult

from expectations.plain_page import link, page, paragraph, table

TITLE = re.compile(r"<title>(.*?)</title>")
INDEX_TITLE = "Data Docs: the deliveries that were validated"


def site(folder: Path) -> dict[str, Any]:
    """Give the configuration of a site of Data Docs below a folder."""
    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
        "site_section_builders": {
            "expectations": "none",
            "profiling": "none",
            "validations": {"renderer": _own(DeliveryPage), "view": _own(AsWritten)},
        },
        "site_index_builder": {**_own(Index), "folder": str(folder)},
    }


def _own(kind: type) -> dict[str, str]:
    return {"module_name": kind.__module__, "class_name": kind.__name__}


class DeliveryPage:
    """Write the page of one delivery: each rule with its figure and its limits, broken ones first."""

    def __init__(self, **given: object) -> None:
        del given

    def render(self, result: ExpectationSuiteValidationResult) -> str:
        """Give the page as HTML."""
        rows = sorted((_row(one) for one in result.results), key=lambda row: (row[1] == "", row[0]))
        broken = sum(row[1] != "" for row in rows)
        title = f"{result.suite_name.replace('__delivery_', ', delivery of ')}: {broken} of {len(rows)} rules broken"
        words = (
            "A broken row rule sets aside, nulls, repairs or flags the rows counted; a broken table rule stops the run or warns."
        )
        return page(title, [paragraph(words), table(["rule", "", "figure", "at least", "at most", "what it says"], rows)])


def _row(one: ExpectationValidationResult) -> list[object]:
    config = one.expectation_config
    assert config is not None
    given, figure = config.kwargs, one.result.get("observed_value")
    least, most = given.get("min_value"), given.get("max_value")
    return [given["column"], "" if one.success else "broken", figure, least, most, config.notes]


class AsWritten:
    """Pass on a page that is HTML already."""

    def __init__(self, **given: object) -> None:
        del given

    def render(self, written: str, **given: object) -> str:
        """Give the page."""
        del given
        return written


class Index:
    """Write the site's first page: a link to every delivery's page there is."""

    def __init__(self, target_store: Any, folder: str, **given: object) -> None:
        del given
        self.store, self.folder = target_store, Path(folder)

    def build(self, build_index: bool = True) -> tuple[Any, None]:
        """Write the page and give its address."""
        del build_index
        pages = sorted((self.folder / "validations").rglob("*.html"))
        links = [link(one.relative_to(self.folder).as_posix(), _title(one)) for one in pages]
        return self.store.write_index_page(page(INDEX_TITLE, links)), None


def _title(one: Path) -> str:
    found = TITLE.search(one.read_text(encoding="utf-8"))
    return html.unescape(found.group(1)) if found else one.stem

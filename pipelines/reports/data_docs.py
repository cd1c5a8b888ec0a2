"""The pages of Data Docs: one for each delivery that was validated, and a first page that leads to them."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

from expectations.documented import DataDocs, DeliveryRules
from pipelines.reports.plain_page import link, page, paragraph, table

TITLE = re.compile(r"<title>(.*?)</title>")
INDEX_TITLE = "Data Docs: the deliveries that were validated"


def data_docs(folder: Path) -> DataDocs:
    """Give the Data Docs below a folder, with these pages."""
    return DataDocs(folder, DeliveryPage, Index)


class DeliveryPage:
    """Write the page of one delivery: each rule with its figure and its limits, broken ones first."""

    def __init__(self, **given: object) -> None:
        del given

    def render(self, rules: DeliveryRules, **given: object) -> str:
        """Give the page as HTML."""
        del given
        words = (
            "A broken row rule sets aside, nulls, repairs or flags the rows counted; a broken table rule stops the run or warns."
        )
        names = ["rule", "", "figure", "at least", "at most", "what it says"]
        return page(rules.title, [paragraph(words), table(names, rules.rows)])


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

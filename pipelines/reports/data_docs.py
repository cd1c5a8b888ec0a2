"""The pages of Data Docs: one for each delivery that was validated, and a first page that links to them."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

from expectations.documented import DataDocs, DeliveryRules
from pipelines.reports.labels import label
from pipelines.reports.pages import render

TITLE = re.compile(r"<title>(.*?)</title>")


def data_docs(folder: Path) -> DataDocs:
    """Return the Data Docs of a folder, written with these pages."""
    return DataDocs(folder, DeliveryPage, Index)


class DeliveryPage:
    """Write the page of one delivery: each rule with its measurement and limits, broken rules first."""

    def __init__(self, **options: object) -> None:
        del options  # Great Expectations passes its own

    def render(self, rules: DeliveryRules, **options: object) -> str:
        """Return the page as HTML."""
        del options
        names = ("name", "broken", "measured", "least", "most", "notes")
        rows = [dict(zip(names, row, strict=True)) for row in rules.rows]
        return render("delivery.html", title=rules.title, rules=[{**row, "name": label(str(row["name"]))} for row in rows])


class Index:
    """Write the first page of the site: a link to the page of every delivery."""

    def __init__(self, target_store: Any, folder: str, **options: object) -> None:
        del options
        self.store, self.folder = target_store, Path(folder)

    def build(self, build_index: bool = True) -> tuple[Any, None]:
        """Write the page and return its address."""
        del build_index
        files = sorted((self.folder / "validations").rglob("*.html"))
        pages = [{"address": file.relative_to(self.folder).as_posix(), "title": _title(file)} for file in files]
        return self.store.write_index_page(render("deliveries.html", pages=pages)), None


def _title(file: Path) -> str:
    match = TITLE.search(file.read_text(encoding="utf-8"))
    return html.unescape(match.group(1)) if match else file.stem

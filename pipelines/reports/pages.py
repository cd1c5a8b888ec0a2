"""HTML pages: one Jinja environment, whose templates all extend templates/base.html, and in which every value is escaped."""

from __future__ import annotations

import re
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from expectations.small_counts import SMALL_COUNTS
from expectations.table import Purpose
from pipelines.reports.labels import label

# Every page has a purpose. A planning page also needs `opt_outs`, the sentence of pipelines/reports/opt_out_lines.py, which it shows first.
PAGES = {
    "caseload.html": Purpose.CARE,
    "model.html": Purpose.MODEL_ASSURANCE,
    "monitoring.html": Purpose.MODEL_ASSURANCE,
    "validation.html": Purpose.OPERATION,
    "deliveries.html": Purpose.OPERATION,
    "delivery.html": Purpose.OPERATION,
}
NUMBERS = (int, float)
DAY = re.compile(r"\d{4}-\d\d-\d\d")


def render(template: str, **content: object) -> str:
    """Return the page of a template in pipelines/reports/templates/, for instance `monitoring.html`.

    The page is one file: its styles and drawings are inside, and its content security policy lets a browser fetch nothing.
    """
    return _environment().get_template(template).render(content, purpose_of_page=str(PAGES[template]))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pipelines.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["small_counts"] = SMALL_COUNTS
    environment.filters["as_svg"] = Markup  # drawn by Strata, from numbers
    environment.filters["figure"] = figure
    environment.filters["label"] = label
    environment.tests["figure"] = lambda value: isinstance(value, NUMBERS) and not isinstance(value, bool)
    environment.tests["day"] = lambda value: DAY.fullmatch(str(value)) is not None
    return environment


def figure(value: object) -> str:
    """Return a cell's text: counts with thousands separators, other numbers to four figures, nothing for None."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: ""}[value]
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.4g}" if isinstance(value, float) else str(value)

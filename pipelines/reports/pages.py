"""HTML pages: one Jinja environment, whose templates all extend templates/base.html, and in which every value is escaped."""

from __future__ import annotations

import re
from datetime import date
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

NUMBERS = (int, float)
DAY = re.compile(r"\d{4}-\d\d-\d\d")
SPELLINGS = {
    "gp": "GP", "ae": "A&E", "imd": "IMD", "lsoa": "LSOA", "nhs": "NHS", "icb": "ICB", "pcn": "PCN", "omop": "OMOP", "lightgbm": "LightGBM",
}  # fmt: skip


def render(template: str, **content: object) -> str:
    """Return the page of a template in pipelines/reports/templates/, for instance `monitoring.html`.

    The page is one file: its styles and drawings are inside, and its content security policy lets a browser fetch nothing.
    """
    return _environment().get_template(template).render(content)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pipelines.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
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


def label(token: str, sentence: bool = True) -> str:
    """Return a stored name as text, as at the start of a sentence or within one: `gp_contacts` as "GP contacts"."""
    text = " ".join(SPELLINGS.get(word, word) for word in token.replace("age_sex", "age_and_sex").split("_") if word)
    return text[:1].upper() + text[1:] if sentence else text


def written_date(day: date) -> str:
    """Return a date as the NHS writes it: 1 January 2026."""
    return f"{day.day} {day:%B %Y}"

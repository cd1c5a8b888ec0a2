"""The templates of the reports: each extends the look they share, and everything put into one is escaped."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup


@cache
def template(name: str) -> Template:
    """Give a template by its place in pipelines/reports/, for instance model/page.html."""
    environment = Environment(
        loader=PackageLoader("pipelines.reports", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["as_svg"] = Markup  # drawn by ourselves, from numbers
    return environment.get_template(name)

"""Drawings as inline SVG, each with a description for readers who cannot see it."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

from matplotlib import rc_context
from matplotlib.figure import Figure


@dataclass(frozen=True)
class Picture:
    """A drawing for a page, and its description as text."""

    svg: str
    description: str


def picture(figure: Figure, description: str, name: str) -> Picture:
    """Convert a figure to SVG for a page; `name` makes its inner references differ from those of other drawings."""
    buffer = io.StringIO()
    with rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # the layout is computed once
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'\s(?:width|height)="[\d.]+pt"', "", svg, count=2)  # the page's style sets the size
    return Picture(re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg), description)

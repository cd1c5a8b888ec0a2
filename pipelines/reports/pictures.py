"""Figures as inline SVG, each with what it shows in words for those who do not see it."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

from matplotlib import rc_context
from matplotlib.figure import Figure


@dataclass(frozen=True)
class Picture:
    """A figure ready for the page, and what it shows in words."""

    svg: str
    words: str


def picture(figure: Figure, words: str, name: str) -> Picture:
    """Turn a figure into SVG for a page; `name` keeps its inner references apart from other figures'."""
    buffer = io.StringIO()
    with rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # what was laid out once need not be again
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'\s(?:width|height)="[\d.]+pt"', "", svg, count=2)  # the page's style sets the size
    return Picture(re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg), words)

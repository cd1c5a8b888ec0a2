"""HTML pages that need no network: a title, headings and tables, their style within."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

STYLE = """body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#212b32}
table{border-collapse:collapse;width:100%;margin:1rem 0}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #d8dde0}
td.n{text-align:right;font-variant-numeric:tabular-nums}.stop{color:#b10e1e;font-weight:600}.warn{color:#7a4b00;font-weight:600}"""


def page(title: str, parts: Iterable[str]) -> str:
    """Give a page of parts that are HTML already."""
    head = f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{escape(title)}</title><style>{STYLE}</style>"
    return "\n".join([f"{head}<h1>{escape(title)}</h1>", *parts, "</html>\n"])


def heading(words: str) -> str:
    """Give a heading."""
    return f"<h2>{escape(words)}</h2>"


def paragraph(words: str) -> str:
    """Give a paragraph."""
    return f"<p>{escape(words)}</p>"


def link(address: str, words: str) -> str:
    """Give a link in a paragraph of its own."""
    return f"<p><a href='{escape(address)}'>{escape(words)}</a></p>"


def table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Give a table; numbers stand to the right, the words stop and warn stand out."""
    head = "".join(f"<th scope='col'>{escape(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(_cell(value) for value in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"<td class='n'>{value:,}</td>" if isinstance(value, int) else f"<td class='n'>{value:,.4g}</td>"
    kind = f" class='{value}'" if value in ("stop", "warn") else ""
    return f"<td{kind}>{escape('' if value is None else str(value))}</td>"

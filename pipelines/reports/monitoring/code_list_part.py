"""Code lists on the page: the share of the ICB's own medicine items that each list touches, under disclosure control."""

from __future__ import annotations

from typing import Any

from expectations.tables.monitoring import LIST_USE
from features.code_halves import PRODUCTS
from models.disclosure_control import is_small, shown_share
from pipelines.lake.storage import Lake
from pipelines.reports.numbers import NOT_SHOWN

NOT_STATED = "not stated"


def code_list_part(lake: Lake) -> dict[str, Any]:
    """Return the medicine lists, the ones that touch the fewest items first, and the share of items whose product is known."""
    rows = lake.read_or_empty(LIST_USE, "*", "code_system = 'dmd' AND all_entries > 0", "share, list").to_pylist()
    known = next((row for row in rows if row["list"] == PRODUCTS), None)
    return {
        "rows": [_row(row) for row in rows if row["list"] != PRODUCTS],
        "known": _share(known) if known else "",
        "table": LIST_USE.name,
    }


def _row(row: dict[str, Any]) -> dict[str, str]:
    return {
        "list": row["label"],
        "dated": row["source_date"] or row["source_version"] or NOT_STATED,
        "codes": f"{row['codes']:,}",
        "in_use": NOT_SHOWN if is_small(row["entries"]) else f"{row['codes_in_use']:,}",
        "share": _share(row),
    }


def _share(row: dict[str, Any]) -> str:
    entries, total = row["entries"], row["all_entries"]
    return NOT_SHOWN if is_small(entries) or is_small(total - entries) else f"{shown_share(entries, total):.2%}"

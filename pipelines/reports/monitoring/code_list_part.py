"""Code lists on the page, under disclosure control: the people whom each condition's list matches next to those expected, the lists that match
no one, also at single practices, and the share of the ICB's own medicine items that each list touches.
"""

from __future__ import annotations

from typing import Any

from expectations.sql_values import quote
from expectations.tables.monitoring import LIST_USE, LIST_USE_BY_PRACTICE
from features.code_halves import PRODUCTS
from features.code_list_matches import EVENTS_OF, Match
from features.declaration import FEED_OF_TYPE
from models.disclosure_control import is_small, shown_share
from pipelines.lake.storage import Lake
from pipelines.reports.numbers import NOT_SHOWN

NOT_STATED, NOT_PUBLISHED = "not stated", "not published"
MOST_LABELS = 5  # of one practice, those of which most people are expected
RESULTS = {
    Match.NOTHING: "matches no one",
    Match.BELOW_EXPECTED: "far fewer than expected",
    Match.ABOVE_EXPECTED: "far more than expected",
    Match.FEW_PEOPLE: "matches no one: too few people to judge",
    Match.MATCHED: "as expected",
    Match.NO_ENTRIES: "no entries",
}


def code_list_part(lake: Lake) -> dict[str, Any]:
    """Return the medicine lists, the ones that touch the fewest items first, and the share of items whose product is known."""
    rows = lake.read_or_empty(LIST_USE, "*", "code_system = 'dmd' AND all_entries > 0", "share, list").to_pylist()
    known = next((row for row in rows if row["list"] == PRODUCTS), None)
    return {
        "rows": [_row(row) for row in rows if row["list"] != PRODUCTS],
        "known": _share(known) if known else "",
        "compared": [_compared(row) for row in _compared_rows(lake)],
        "practices": [_practice(row) for row in _practice_rows(lake)],
        "table": LIST_USE.name,
        "practice_table": LIST_USE_BY_PRACTICE.name,
    }


def _compared_rows(lake: Lake) -> list[dict[str, Any]]:
    """Return the lists with a published prevalence, and others that match no one although people are expected, worst first."""
    where = f"all_people > 0 AND (expected_share IS NOT NULL OR result = {quote(Match.NOTHING)})"
    rows = lake.read_or_empty(LIST_USE, "*", where, "list, code_system").to_pylist()
    return sorted(rows, key=lambda row: list(RESULTS).index(row["result"]))


def _compared(row: dict[str, Any]) -> dict[str, str]:
    hidden = is_small(row["people"]) or is_small(row["all_people"] - row["people"])
    expected = row["expected_share"]
    return {
        "list": row["label"],
        "feed": _feed(row),
        "share": NOT_SHOWN if hidden else f"{shown_share(row['people'], row['all_people']):.1%}",
        "expected": f"{expected:.1%}" if expected is not None else NOT_PUBLISHED,
        "result": RESULTS[row["result"]],
        "lost": f"{row['features_not_computed'] or 0:,}",
    }


def _practice_rows(lake: Lake) -> list[dict[str, Any]]:
    """Return the practices where lists match no one although they match people elsewhere, those with the most such lists first."""
    rows = lake.read_or_empty(
        LIST_USE_BY_PRACTICE, "*", order="code_system, practice_code, expected_share * all_people DESC, list"
    )
    elsewhere = {(row["list"], row["code_system"]) for row in rows.to_pylist() if row["people"]}
    silent: dict[tuple[str, str], list[str]] = {}
    for row in rows.to_pylist():
        if row["result"] == Match.NOTHING and (row["list"], row["code_system"]) in elsewhere:
            silent.setdefault((row["practice_code"], row["code_system"]), []).append(row["label"])
    found = [{"practice": practice, "code_system": system, "labels": labels} for (practice, system), labels in silent.items()]
    return sorted(found, key=lambda one: (-len(one["labels"]), one["practice"], one["code_system"]))


def _practice(row: dict[str, Any]) -> dict[str, str]:
    labels = row["labels"]
    more = f" and {len(labels) - MOST_LABELS:,} more" if len(labels) > MOST_LABELS else ""
    return {
        "practice": row["practice"],
        "feed": _feed(row),
        "number": f"{len(labels):,}",
        "lists": ", ".join(labels[:MOST_LABELS]) + more,
    }


def _feed(row: dict[str, Any]) -> str:
    return FEED_OF_TYPE[EVENTS_OF[row["code_system"]]].replace("_", " ")


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

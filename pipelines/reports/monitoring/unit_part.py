"""Units of measured values on the page: how they were read, by measurement and by practice, under disclosure control."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from expectations.tables.measurement_units import UNITS, Outcome
from features.analytes import ANALYTES
from models.disclosure_control import is_small, rounded, shown_share
from pipelines.lake.storage import Lake
from pipelines.reports.numbers import NOT_SHOWN

MOST_PRACTICES = 10
SHOWN = {
    "converted": (Outcome.CONVERTED,),
    "assumed": (Outcome.ASSUMED,),
    "exchanged": (Outcome.EXCHANGED,),
}
_Rows = list[dict[str, Any]]


def unit_part(lake: Lake) -> dict[str, Any]:
    """Return a row for each measurement, and one for each of the practices with the largest share of values set aside or assumed."""
    rows = lake.read_or_empty(UNITS, "*", order="practice_code, analyte, unit, outcome").to_pylist()
    practices = sorted(_groups(rows, "practice_code").items(), key=lambda one: (-_doubtful(one[1]), one[0]))
    return {
        "measurements": [_row(ANALYTES[name].label, of_one) for name, of_one in _groups(rows, "analyte").items()],
        "practices": [_row(name, of_one) for name, of_one in practices[:MOST_PRACTICES]],
        "more": len(practices) > MOST_PRACTICES,
        "table": UNITS.name,
    }


def _groups(rows: _Rows, column: str) -> dict[str, _Rows]:
    groups: dict[str, _Rows] = {}
    for row in rows:
        groups.setdefault(row[column], []).append(row)
    return dict(sorted(groups.items()))


def _doubtful(rows: _Rows) -> float:
    """Return the share of values that were set aside or whose unit was assumed."""
    doubtful = sum(row["entries"] for row in rows if not row["is_used"] or row["outcome"] == Outcome.ASSUMED)
    return doubtful / sum(row["entries"] for row in rows)


def _row(name: str, rows: _Rows) -> dict[str, str]:
    total = sum(row["entries"] for row in rows)
    shares = {key: _share((row for row in rows if row["outcome"] in outcomes), total) for key, outcomes in SHOWN.items()}
    return {
        "name": name,
        "values": NOT_SHOWN if is_small(total) else f"{rounded(total):,}",
        **shares,
        "set_aside": _share((row for row in rows if not row["is_used"]), total),
    }


def _share(rows: Iterable[dict[str, Any]], total: int) -> str:
    part = sum(row["entries"] for row in rows)
    return NOT_SHOWN if is_small(part) or is_small(total - part) else f"{shown_share(part, total):.1%}"

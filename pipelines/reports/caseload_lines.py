"""What the closing summary says of a run's lists: who is marked, how many are listed, how many risks rose, and every reason counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from expectations.tables.caseload import CASELOAD, EXCLUSIONS, RISING
from pipelines.lake.storage import Lake


def list_lines(lake: Lake, run: Mapping[str, Any]) -> Iterator[str]:
    """Give the lines of a run's lists; none for a run that was published without them."""
    partition = {"run_id": str(run["run_id"])}
    if not lake.rows(EXCLUSIONS.name, partition):
        return
    counted = lake.read(EXCLUSIONS.name, order="list_name, treatment, reason", partition=partition).to_pylist()
    marks = ", ".join(
        f"{row['reason']} {row['people']:,} (not known of {row['people_unknown']:,})"
        for row in counted
        if row["treatment"] == "marked"
    )
    yield f"Marked, so that a team can leave them out: {marks}"
    told = (
        "count(*) FILTER (listed) AS people, count(DISTINCT place_code) FILTER (listed) AS places, any_value(place_kind) AS kind"
    )
    found = lake.read(CASELOAD.name, told, partition=partition).to_pylist()[0]
    where = f" at {found['places']:,} places ({found['kind']})" if found["people"] else ""
    yield f"Caseloads: {found['people']:,} people listed{where}; absent: {_reasons(counted, 'caseload')}"
    risen, reasons = lake.rows(RISING.name, partition), _reasons(counted, "rising")
    since = lake.read(RISING.name, "any_value(compared_index_date) AS since", partition=partition)["since"][0].as_py()
    if since or reasons != "nobody":
        yield f"Risk risen since {since or 'the run before'}, for review: {risen:,} people; not compared or suppressed: {reasons}"


def _reasons(counted: list[dict[str, Any]], list_name: str) -> str:
    return ", ".join(f"{row['reason']} {row['people']:,}" for row in counted if row["list_name"] == list_name) or "nobody"

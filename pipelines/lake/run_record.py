"""The record of a run: the inputs that determine its id, and its row in `risk__runs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from expectations.tables.records import EXTRACTS, VALIDATION
from expectations.tables.risk import RUNS
from pipelines.lake.code_version import digest_of
from pipelines.lake.storage import Lake

PUBLISHED = "published"


@dataclass(frozen=True)
class RunInputs:
    """All inputs that determine a run's scores; the same inputs have the same id."""

    outcome: str
    index_date: date
    data_cut_date: date
    extracts: Mapping[str, list[str]]
    settings_version: str
    code_version: str
    model_digest: str
    catalogue_version: str
    previous_run_id: str
    late_feeds: str = ""  # as text

    @property
    def run_id(self) -> str:
        return digest_of(self.__dict__)


def extracts_read(lake: Lake) -> dict[str, list[str]]:
    """Return the ids of the extracts in the lake by feed; an id is a digest of content."""
    rows = lake.read_or_empty(EXTRACTS, "DISTINCT feed, extract_id", order="feed, extract_id").to_pylist()
    feeds = sorted({row["feed"] for row in rows})
    return {feed: [row["extract_id"] for row in rows if row["feed"] == feed] for feed in feeds}


def data_quality(lake: Lake, late_feeds: str = "", unseen: Sequence[str] = ()) -> str:
    """Return 'ok', or the late feeds, the warnings about the extracts in the lake and the columns with unseen categories.

    The model treats a category that it has not seen in training as missing.
    """
    new = [f"category not seen in training ({column})" for column in unseen]
    return "; ".join(part for part in (late_feeds, _warnings(lake), *new) if part) or "ok"


def _warnings(lake: Lake) -> str:
    rows = lake.read_or_empty(
        VALIDATION, "rule, count(*) AS breaches", "NOT passed AND severity = 'warn' GROUP BY rule", "rule"
    ).to_pylist()
    return "; ".join(f"{row['rule']} ({row['breaches']})" for row in rows)


def all_runs(lake: Lake) -> list[dict[str, Any]]:
    """Return every row of risk__runs in the order in which they were written."""
    return lake.read_or_empty(RUNS, order="recorded_at, run_id").to_pylist()


def status_of(lake: Lake, run_id: str) -> str:
    """Return the status in a run's latest row, or '' for a run that was never recorded."""
    return next((str(row["status"]) for row in reversed(all_runs(lake)) if row["run_id"] == run_id), "")


def published_runs(lake: Lake, outcome: str) -> list[dict[str, Any]]:
    """Return the runs of an outcome whose latest row has the status published, in the order in which they were published.

    The last one is current, whatever its index date: a wrong run dated far ahead hides no later one.
    """
    latest = {row["run_id"]: row for row in all_runs(lake) if row["outcome"] == outcome}
    return sorted((row for row in latest.values() if row["status"] == PUBLISHED), key=_time_of)


def record_run(lake: Lake, row: Mapping[str, object]) -> None:
    """Write a run's row, which makes its scores valid.

    Its time is later than that of every earlier row, even if the clock was set back.
    """
    last = max((_time_of(earlier) for earlier in all_runs(lake)), default=None)
    if last is not None and _time_of(row) <= last:
        row = {**row, "recorded_at": (last + timedelta(microseconds=1)).isoformat(timespec="microseconds")}
    lake.append(RUNS, [dict(row)])


def _time_of(row: Mapping[str, object]) -> datetime:
    recorded_at = datetime.fromisoformat(str(row["recorded_at"]))
    return recorded_at if recorded_at.tzinfo else recorded_at.replace(tzinfo=UTC)

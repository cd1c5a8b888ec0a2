"""The lake as if the extracts that validation did not pass had never arrived."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from expectations.table import Table
from expectations.tables.records import EXTRACTS, VALIDATED_EXTRACTS
from pipelines.lake.recording import RecordingLake


class PassedLake(RecordingLake):
    """The same lake without the records of extracts that did not pass: the delivery before the one that was stopped applies.

    With `feeds`, only extracts of these feeds are absent.
    """

    def __init__(self, root: Path, feeds: Collection[str] | None = None) -> None:
        super().__init__(root)
        self._feeds = feeds

    def records(self, table: Table) -> pa.Table:
        rows = super().records(table)
        if table.name != EXTRACTS.name:
            return rows
        validated = super().records(VALIDATED_EXTRACTS)
        passed = validated.filter(pc.equal(validated["status"], "passed"))
        known = set(zip(passed["feed"].to_pylist(), passed["extract_id"].to_pylist(), strict=True))
        ids = zip(rows["feed"].to_pylist(), rows["extract_id"].to_pylist(), strict=True)
        return rows.filter(pa.array([one in known or self._keeps_all_of(one[0]) for one in ids], pa.bool_()))

    def _keeps_all_of(self, feed: str) -> bool:
        return self._feeds is not None and feed not in self._feeds

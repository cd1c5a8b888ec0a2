"""One person on one index date: the recomputed rows, the stored rows, and the events with names instead of numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from expectations.sql_values import quote
from expectations.tables import core
from expectations.tables.features import PERSON_FEATURES
from features.evidence import Evidence, PersonEvent
from pipelines.building.build_features import PersonRows
from pipelines.lake.storage import Lake

Record = Mapping[str, object]


class PersonCase:
    """A record of core__person on one index date, with the recomputed rows and the stored rows."""

    def __init__(self, lake: Lake, person: Record, index_date: date, recomputed: PersonRows) -> None:
        self.lake, self.person, self.index_date, self.recomputed = lake, person, index_date, recomputed
        rows = recomputed.rows.filter(pc.equal(recomputed.rows["index_date"], pa.scalar(index_date))).to_pylist()
        self.row: Record = rows[-1] if rows else {}  # of several index events of one day the last
        self.key = f"person_key = {person['person_key']}"

    @cached_property
    def stored(self) -> Record | None:
        """The person's row of features__person, or None where that partition is not there."""
        day = self.index_date.isoformat()
        if day not in self.lake.partitions(PERSON_FEATURES.name, "index_date"):
            return None
        event = quote(self.row["index_event_id"])
        return one_row(self.lake, PERSON_FEATURES.name, f"{self.key} AND index_event_id = {event}", {"index_date": day}) or {}

    @cached_property
    def evidence(self) -> Evidence:
        """The person's events with names instead of numbers."""
        born = self.person["birth_date"]
        return Evidence(
            self.recomputed.recipe.catalogue, list(self._events()), self.index_date, born if isinstance(born, date) else None
        )

    def _events(self) -> Iterator[PersonEvent]:
        numbers = {int(number) for name in ("code", "provider") for number in pc.unique(self.recomputed.events[name]).to_pylist()}
        listed = ", ".join(map(str, sorted(numbers | {0})))
        codes = {row["code"]: row for row in self.lake.read(core.CODE.name, where=f"code IN ({listed})").to_pylist()}
        types = {row["event_type"]: row["name"] for row in self.lake.read(core.EVENT_TYPE.name).to_pylist()}
        none = {"code_system": "", "source_code": ""}
        for row in self.recomputed.events.to_pylist():
            code, provider = codes.get(row["code"], none), codes.get(row["provider"], none)
            yield PersonEvent(
                row["event_date"], row["available_date"], types[row["event_type"]], code["code_system"], code["source_code"],
                row["value"], provider["source_code"],
            )  # fmt: skip

    def rows_of(self, name: str, order: str) -> list[dict[str, object]]:
        """Read the person's rows of a core table."""
        return list(self.lake.read(name, where=self.key, order=order).to_pylist())


def one_row(lake: Lake, name: str, where: str, partition: Mapping[str, str] | None = None) -> dict[str, object] | None:
    """Return the first row of a table that satisfies a condition, or None."""
    rows = lake.read(name, where=where, partition=partition).to_pylist()
    return rows[0] if rows else None

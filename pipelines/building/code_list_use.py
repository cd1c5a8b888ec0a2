"""monitoring__code_lists: the share of the ICB's own records that each code list touches.

Lists age, because terminologies add and renumber codes. A list that touches few of the ICB's entries needs a newer version or a map.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from expectations.tables.monitoring import LIST_USE
from features.code_halves import CodeList, NumberedCodes
from features.events import NUMBER_OF
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake

# The events that hold the codes of a terminology.
EVENTS_OF = {"snomed": "gp_observation", "dmd": "gp_medication", "icd10": "hospital_diagnosis"}
DAYS = 365
Counts = dict[str, dict[int, int]]


def write_code_list_use(lake: Lake, lists: Mapping[str, CodeList]) -> int:
    """Write a row for each list and terminology; return the number of lists without any entry although there are entries to find."""
    codes = lake.read("core__code", "code, code_system, source_code")
    numbered = NumberedCodes(zip(*(codes[name].to_pylist() for name in ("code", "code_system", "source_code")), strict=True))
    rows = list(_rows(lists, numbered, {system: _entries(lake, system) for system in EVENTS_OF}))
    lake.write(LIST_USE, rows)
    return sum(row["entries"] == 0 and row["all_entries"] != 0 for row in rows)


def _entries(lake: Lake, system: str) -> dict[int, int]:
    """Return the number of events with each code of a terminology in the last 12 months of its events."""
    kind = NUMBER_OF[EVENTS_OF[system]]
    events = f"(SELECT code, event_date FROM {lake.scan('core__event')} WHERE event_type = {kind} AND code <> 0)"
    with connect() as con:
        found = con.sql(
            f"SELECT code, count(*) FROM {events} WHERE event_date > (SELECT max(event_date) FROM {events}) - {DAYS} GROUP BY code"
        ).fetchall()
    return dict(found)


def _rows(lists: Mapping[str, CodeList], numbered: NumberedCodes, entries: Counts) -> Iterator[dict[str, object]]:
    for name in sorted(lists):
        for half in lists[name].halves:
            if half.system in EVENTS_OF:
                of_system = tuple(entry for entry in lists[name].entries if entry.system == half.system)
                counts, total = entries[half.system], sum(entries[half.system].values())
                used = [number for number in numbered.members(CodeList(name, of_system)) if number in counts]
                found = sum(counts[number] for number in used)
                yield {
                    "list": name, "code_system": half.system, "label": half.label or name, "source": half.source,
                    "source_version": half.version, "source_date": half.date, "codes": len(of_system), "codes_in_use": len(used),
                    "entries": found, "all_entries": total, "share": found / total if total else None,
                }  # fmt: skip

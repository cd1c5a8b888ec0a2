"""monitoring__code_lists: the share of the ICB's own records, and the people, that each code list matches.

Lists age, because terminologies add and renumber codes. A list that touches few of the ICB's entries needs a newer version or a map.
`features/code_list_matches.py` compares the people with those expected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow as pa

from expectations.sql_values import quote, quote_path
from expectations.tables import core
from expectations.tables.monitoring import LIST_USE
from features.code_halves import CodeEntry, CodeList, NumberedCodes
from features.code_list_matches import EVENTS_OF, ListMatch
from features.events import NUMBER_OF
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake

DAYS = 365
Counts = dict[str, dict[int, int]]
Covered = dict[tuple[str, str], list[int]]  # by list and terminology: the numbers of the codes that the list covers
People = dict[tuple[str, str], int]  # by list and terminology; the list '' is everyone with an entry


def write_code_list_use(lake: Lake, lists: Mapping[str, CodeList]) -> int:
    """Write a row for each list and terminology; return the number of lists without any entry although there are entries to find."""
    codes = lake.read("core__code", "code, code_system, source_code")
    numbered = NumberedCodes(zip(*(codes[name].to_pylist() for name in ("code", "code_system", "source_code")), strict=True))
    covered = {
        (name, half.system): numbered.members(CodeList(name, _of_system(lists[name], half.system)))
        for name in sorted(lists)
        for half in lists[name].halves
        if half.system in EVENTS_OF
    }
    rows = list(_rows(lists, covered, {system: _entries(lake, system) for system in EVENTS_OF}, _people(lake, covered)))
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


def _people(lake: Lake, covered: Covered) -> People:
    """Count the people whom each list matches at any time. A file of events has all events of its people, so the files are counted in turn."""
    numbers = [(name, system, code) for (name, system), codes in covered.items() for code in codes]
    columns = zip(*numbers, strict=True) if numbers else ((), (), ())
    types = (pa.string(), pa.string(), pa.int64())
    members = pa.table(dict(zip(("list", "code_system", "code"), map(pa.array, columns, types), strict=True)))
    systems = " ".join(f"WHEN {NUMBER_OF[kind]} THEN {quote(system)}" for system, kind in EVENTS_OF.items())
    kinds = ", ".join(str(NUMBER_OF[kind]) for kind in EVENTS_OF.values())
    people: People = {}
    with connect() as con:
        con.register("members", members)
        for file in lake.files(core.EVENT.name):
            rows = f"FROM read_parquet({quote_path(file)}) WHERE event_type IN ({kinds}) AND code <> 0"
            con.execute(
                f"CREATE OR REPLACE TEMP TABLE coded AS SELECT DISTINCT person_key, code, CASE event_type {systems} END AS code_system {rows}"
            )
            counted = con.execute(
                "SELECT '' AS list, code_system, count(DISTINCT person_key) FROM coded GROUP BY ALL UNION ALL "
                "SELECT list, code_system, count(DISTINCT person_key) FROM coded JOIN members USING (code_system, code) GROUP BY ALL"
            ).fetchall()
            for name, system, count in counted:
                people[name, system] = people.get((name, system), 0) + count
    return people


def _of_system(code_list: CodeList, system: str) -> tuple[CodeEntry, ...]:
    return tuple(entry for entry in code_list.entries if entry.system == system)


def _rows(lists: Mapping[str, CodeList], covered: Covered, entries: Counts, people: People) -> Iterator[dict[str, object]]:
    for (name, system), codes in covered.items():
        half = next(half for half in lists[name].halves if half.system == system)
        counts, total = entries[system], sum(entries[system].values())
        used = [number for number in codes if number in counts]
        found = sum(counts[number] for number in used)
        match = ListMatch(name, system, people.get((name, system), 0), people.get(("", system), 0))
        yield {
            "list": name, "code_system": system, "label": half.label or name, "source": half.source,
            "source_version": half.version, "source_date": half.date, "codes": len(_of_system(lists[name], system)),
            "codes_in_use": len(used), "entries": found, "all_entries": total, "share": found / total if total else None,
            "people": match.people, "all_people": match.all_people, "expected_share": match.expected, "result": match.result.value,
        }  # fmt: skip


def list_matches(lake: Lake) -> list[ListMatch]:
    """Return the people whom each list matches; none before they were counted."""
    rows = lake.read_or_empty(LIST_USE, "list, code_system, people, all_people", "people IS NOT NULL", "list, code_system")
    return [ListMatch(*row.values()) for row in rows.to_pylist()]

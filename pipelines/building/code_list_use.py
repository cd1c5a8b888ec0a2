"""monitoring__code_lists: the share of the ICB's own records, and the people, that each code list matches, also by practice.

Lists age, because terminologies add and renumber codes. A list that touches few of the ICB's entries needs a newer version or a map.
`features/code_list_matches.py` compares the people with those expected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pyarrow as pa

from expectations.sql_values import quote, quote_path
from expectations.tables import core
from expectations.tables.monitoring import LIST_USE, LIST_USE_BY_PRACTICE
from features.catalogue import Catalogue
from features.code_halves import CodeEntry, CodeList, NumberedCodes
from features.code_list_matches import EVENTS_OF, ListMatch, PracticeMatch, against_conditions, unmatched
from features.events import NUMBER_OF
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake

DAYS = 365
Counts = dict[str, dict[int, int]]
Covered = dict[tuple[str, str], list[int]]  # by list and terminology: the numbers of the codes that the list covers
Key = tuple[str, str, int]  # list, terminology and number of the sender; the list '' is everyone with an entry
Matches = dict[tuple[str, str], ListMatch]  # by list and terminology
OF_GP = ("snomed", "dmd")  # the terminologies of feeds that practices send
EVERY_SENDER = -1


class Matched(NamedTuple):
    """The people and entries that a list matches."""

    people: int = 0
    entries: int = 0


def write_code_list_use(lake: Lake, catalogue: Catalogue) -> int:
    """Write the rows of each list, terminology and practice; return the number of lists without any entry although there are entries to find."""
    codes, lists = lake.read("core__code", "code, code_system, source_code"), catalogue.code_lists
    numbered = NumberedCodes(zip(*(codes[name].to_pylist() for name in ("code", "code_system", "source_code")), strict=True))
    covered = {
        (name, half.system): numbered.members(CodeList(name, _of_system(lists[name], half.system)))
        for name in sorted(lists)
        for half in lists[name].halves
        if half.system in EVENTS_OF
    }
    matched = _matched(lake, covered)
    senders = [EVERY_SENDER, *sorted({number for name, _, number in matched if not name and number != EVERY_SENDER})]
    by_sender = {number: _matches(catalogue, covered, number, matched) for number in senders}
    rows = list(_rows(catalogue, covered, {system: _entries(lake, system) for system in EVENTS_OF}, by_sender[EVERY_SENDER]))
    lake.write(LIST_USE, rows)
    lake.write(LIST_USE_BY_PRACTICE, list(_practice_rows(lists, matched, by_sender, _organisations(lake))))
    return sum(row["entries"] == 0 and row["all_entries"] != 0 for row in rows)


def _entries(lake: Lake, system: str) -> dict[int, int]:
    """Return the number of events with each code of a terminology in the last 12 months of its events."""
    kind = NUMBER_OF[EVENTS_OF[system]]
    events = f"(SELECT code, event_date FROM {lake.scan('core__event')} WHERE event_type = {kind} AND code <> 0)"
    with connect() as con:
        found = con.execute(
            f"SELECT code, count(*) FROM {events} WHERE event_date > (SELECT max(event_date) FROM {events}) - {DAYS} GROUP BY code"
        ).fetchall()
    return dict(found)


def _matched(lake: Lake, covered: Covered) -> Mapping[Key, Matched]:
    """Count what each list matches at any time, from each sender and in total.

    A file of events has all events of its people, so the files are counted in turn.
    """
    numbers = [(name, system, code) for (name, system), codes in covered.items() for code in codes]
    columns = zip(*numbers, strict=True) if numbers else ((), (), ())
    types = (pa.string(), pa.string(), pa.int64())
    members = pa.table(dict(zip(("list", "code_system", "code"), map(pa.array, columns, types), strict=True)))
    matched: dict[Key, Matched] = {}
    with connect() as con:
        con.register("members", members)
        for file in lake.files(core.EVENT.name):
            con.execute(f"CREATE OR REPLACE TEMP TABLE coded AS {_coded_sql(file)}")
            for name, system, sender, people, entries in con.execute(_COUNT_SQL).fetchall():
                before = matched.get((name, system, sender), Matched())
                matched[name, system, sender] = Matched(before.people + people, before.entries + entries)
    return matched


def _coded_sql(file: str) -> str:
    systems = " ".join(f"WHEN {NUMBER_OF[kind]} THEN {quote(system)}" for system, kind in EVENTS_OF.items())
    kinds = ", ".join(str(NUMBER_OF[kind]) for kind in EVENTS_OF.values())
    return f"""SELECT person_key, code, provider, CASE event_type {systems} END AS code_system, count(*) AS entries
        FROM read_parquet({quote_path(file)}) WHERE event_type IN ({kinds}) AND code <> 0 GROUP BY ALL"""


_COUNT_SQL = f"""
    SELECT list, code_system, coalesce(provider, {EVERY_SENDER}), count(DISTINCT person_key), sum(entries)::BIGINT
    FROM (SELECT '' AS list, * FROM coded UNION ALL BY NAME SELECT list, coded.* FROM coded JOIN members USING (code_system, code))
    GROUP BY GROUPING SETS ((list, code_system), (list, code_system, provider))"""


def _organisations(lake: Lake) -> dict[int, str]:
    """Return the codes of organisations by number."""
    rows = lake.read(core.CODE.name, "code, source_code", "code_system = 'ods'")
    return dict(zip(rows["code"].to_pylist(), rows["source_code"].to_pylist(), strict=True))


def _practice_rows(
    lists: Mapping[str, CodeList],
    matched: Mapping[Key, Matched],
    by_sender: Mapping[int, Matches],
    organisations: Mapping[int, str],
) -> Iterator[dict[str, object]]:
    """Yield a row for each list and each practice that sent any entry of the feed."""
    for (name, system), everywhere in by_sender[EVERY_SENDER].items():
        for number in (number for number in by_sender if number in organisations and system in OF_GP):
            match = PracticeMatch(by_sender[number][name, system], everywhere)
            if match.practice.all_people:
                yield {
                    "list": name, "code_system": system, "practice_code": organisations[number], "label": _label(lists[name], system),
                    "entries": matched.get((name, system, number), Matched()).entries, "people": match.practice.people,
                    "all_people": match.practice.all_people, "expected_share": match.expected,
                    "is_published": match.practice.expected is not None, "result": match.result.value,
                }  # fmt: skip


def _matches(catalogue: Catalogue, covered: Covered, sender: int, matched: Mapping[Key, Matched]) -> Matches:
    """Return the people whom each list matches among the entries of a sender."""
    matches = [
        ListMatch(name, system, *(matched.get((one, system, sender), Matched()).people for one in (name, "")))
        for name, system in covered
    ]
    return {(match.name, match.system): match for match in against_conditions(catalogue, matches)}


def _label(code_list: CodeList, system: str) -> str:
    return next(half.label for half in code_list.halves if half.system == system) or code_list.name


def _of_system(code_list: CodeList, system: str) -> tuple[CodeEntry, ...]:
    return tuple(entry for entry in code_list.entries if entry.system == system)


def _rows(catalogue: Catalogue, covered: Covered, entries: Counts, matches: Matches) -> Iterator[dict[str, object]]:
    lists, not_computed = catalogue.code_lists, unmatched(catalogue, matches.values()).features_by_list
    for (name, system), codes in covered.items():
        half = next(half for half in lists[name].halves if half.system == system)
        counts, total = entries[system], sum(entries[system].values())
        used = [number for number in codes if number in counts]
        found = sum(counts[number] for number in used)
        match = matches[name, system]
        yield {
            "list": name, "code_system": system, "label": _label(lists[name], system), "source": half.source,
            "source_version": half.version, "source_date": half.date, "codes": len(_of_system(lists[name], system)),
            "codes_in_use": len(used), "entries": found, "all_entries": total, "share": found / total if total else None,
            "people": match.people, "all_people": match.all_people, "expected_share": match.expected,
            "expected_people": match.expected_people, "result": match.result.value,
            "features_not_computed": not_computed.get((name, system)),
        }  # fmt: skip


def list_matches(lake: Lake) -> list[ListMatch]:
    """Return the people whom each list matches; none before they were counted."""
    rows = lake.read_or_empty(LIST_USE, "list, code_system, people, all_people", "people IS NOT NULL", "list, code_system")
    return [ListMatch(*row.values()) for row in rows.to_pylist()]

from datetime import date
from pathlib import Path

from expectations.tables import core
from features.code_halves import CodeEntry, CodeList, Half
from features.events import NUMBER_OF
from pipelines.building.code_list_use import write_code_list_use
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake

CODES = ((1, "dmd", "319996000"), (2, "dmd", "134489001"), (3, "snomed", "195967001"), (4, "icd10", "J459"))
LAST, OLD = date(2026, 1, 1), date(2024, 12, 31)


def list_of(name: str, *codes: tuple[str, str, str]) -> CodeList:
    entries = tuple(CodeEntry(system, code, match, name, "a source") for system, code, match in codes)
    halves = tuple(
        Half(name, system, name, source="a source", version="3") for system in dict.fromkeys(entry.system for entry in entries)
    )
    return CodeList(name, entries, halves)


def lake_with(root: Path, events: list[tuple[str, int, date]]) -> Lake:
    lake = Lake(root)
    lake.write(core.CODE, [{"code": number, "code_system": system, "source_code": code} for number, system, code in CODES])
    blank = dict.fromkeys(arrow_schema(core.EVENT).names)
    rows = [
        {"person_key": 1, "event_date": day, "available_date": day, "event_type": NUMBER_OF[kind], "code": code, "provider": 0, "feed": 1}
        for kind, code, day in events
    ]  # fmt: skip
    lake.write(core.EVENT, [blank | row for row in rows])
    return lake


def test_a_list_has_its_share_of_the_entries_of_its_terminology_in_the_last_year(tmp_path: Path) -> None:
    events = [
        *[("gp_medication", 1, LAST)] * 3,
        ("gp_medication", 2, LAST),
        ("gp_medication", 2, OLD),
        ("gp_observation", 3, LAST),
    ]
    lake = lake_with(tmp_path, [*events, ("hospital_diagnosis", 4, LAST), ("hospital_diagnosis", 4, date(2025, 6, 1))])
    lists = {
        "statins": list_of("statins", ("dmd", "319996000", "exact"), ("dmd", "999999", "exact")),
        "opioids": list_of("opioids", ("dmd", "888888", "exact")),
        "asthma": list_of("asthma", ("icd10", "J45", "prefix"), ("snomed", "195967001", "exact")),
    }
    assert write_code_list_use(lake, lists) == 1
    columns = "list, code_system, codes, codes_in_use, entries, all_entries, share, source_version"
    found = [tuple(row.values()) for row in lake.read("monitoring__code_lists", columns, order="list, code_system").to_pylist()]
    assert found == [
        ("asthma", "icd10", 1, 1, 2, 2, 1.0, "3"), ("asthma", "snomed", 1, 1, 1, 1, 1.0, "3"), ("opioids", "dmd", 1, 0, 0, 4, 0.0, "3"),
        ("statins", "dmd", 2, 1, 3, 4, 0.75, "3"),
    ]  # fmt: skip


def test_without_events_no_share_is_known(tmp_path: Path) -> None:
    lake = lake_with(tmp_path, [])
    assert write_code_list_use(lake, {"statins": list_of("statins", ("dmd", "319996000", "exact"))}) == 0
    assert lake.read("monitoring__code_lists", "share")["share"].to_pylist() == [None]

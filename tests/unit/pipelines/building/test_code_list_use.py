import random
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from expectations.tables import core
from features.catalogue import Catalogue, build_catalogue
from features.code_halves import CodeEntry, CodeList, Half
from features.code_list_matches import EVENTS_OF, ListMatch, Match, unmatched
from features.code_lists import load_code_lists
from features.declaration import Concept, Feature, Statistic
from features.events import NUMBER_OF
from features.prevalence import ENDED_FLOORS, RAREST
from pipelines.alerts.rules import CODE_LIST_FAR
from pipelines.building.code_list_use import list_matches, write_code_list_use
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


def only(lists: dict[str, CodeList]) -> Catalogue:
    """Return a catalogue of lists that no feature reads."""
    return Catalogue((), {}, lists)


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
    assert write_code_list_use(lake, only(lists)) == 1
    columns = "list, code_system, codes, codes_in_use, entries, all_entries, share, source_version"
    found = [tuple(row.values()) for row in lake.read("monitoring__code_lists", columns, order="list, code_system").to_pylist()]
    assert found == [
        ("asthma", "icd10", 1, 1, 2, 2, 1.0, "3"), ("asthma", "snomed", 1, 1, 1, 1, 1.0, "3"), ("opioids", "dmd", 1, 0, 0, 4, 0.0, "3"),
        ("statins", "dmd", 2, 1, 3, 4, 0.75, "3"),
    ]  # fmt: skip


def write_people_in_two_files(lake: Lake) -> None:
    codes = [*CODES, (5, "snomed", "111"), (6, "snomed", "222")]
    lake.write(core.CODE, [{"code": number, "code_system": system, "source_code": code} for number, system, code in codes])
    blank = dict.fromkeys(arrow_schema(core.EVENT).names) | {"available_date": LAST, "provider": 0, "feed": 1}
    kinds = {"gp_observation": [(1, 3, LAST), (1, 3, OLD), (1, 5, OLD), (2, 5, OLD), (3, 6, LAST), *((n, 6, LAST) for n in range(10, 300))],
             "hospital_diagnosis": [(1, 4, LAST), (4, 4, OLD)]}  # fmt: skip
    rows = [
        blank | {"person_key": person, "event_type": NUMBER_OF[kind], "code": code, "event_date": day}
        for kind, events in kinds.items()
        for person, code, day in events
    ]
    parts = [[row for row in rows if (row["person_key"] < 3) == first] for first in (True, False)]  # two files of people
    files = [
        lake.write_arrow(core.EVENT.name, pa.Table.from_pylist(part, arrow_schema(core.EVENT)).to_reader(), {}) for part in parts
    ]
    lake.commit(core.EVENT.name, files, arrow_schema(core.EVENT), replace="all")


def test_a_list_has_the_people_with_any_of_its_codes_at_any_time_next_to_the_published_share(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert list_matches(lake) == []
    write_people_in_two_files(lake)
    lists = {
        "asthma": list_of("asthma", ("icd10", "J45", "prefix"), ("snomed", "195967001", "exact"), ("snomed", "111", "exact")),
        "copd": list_of("copd", ("snomed", "999", "exact")),
        "hypertension": list_of("hypertension", ("snomed", "999", "exact")),
        "review": list_of("review", ("snomed", "222", "exact")),
    }
    write_code_list_use(lake, only(lists))
    columns = "list, code_system, people, all_people, expected_share, expected_people, result, features_not_computed"
    found = [tuple(row.values()) for row in lake.read("monitoring__code_lists", columns, order="list, code_system").to_pylist()]
    assert found == [
        ("asthma", "icd10", 2, 2, None, 2 * RAREST, "matched", None), ("asthma", "snomed", 2, 293, 0.0605, 293 * 0.0605, "below_expected", None),
        ("copd", "snomed", 0, 293, 0.018, 293 * 0.018, "few_people", None), ("hypertension", "snomed", 0, 293, 0.144, 293 * 0.144, "nothing", None),
        ("review", "snomed", 291, 293, None, 293 * RAREST, "matched", None),
    ]  # fmt: skip
    assert ListMatch("hypertension", "snomed", 0, 293) in list_matches(lake)


def test_without_events_no_share_is_known(tmp_path: Path) -> None:
    lake = lake_with(tmp_path, [])
    assert write_code_list_use(lake, only({"statins": list_of("statins", ("dmd", "319996000", "exact"))})) == 0
    assert lake.read("monitoring__code_lists", "share")["share"].to_pylist() == [None]


def test_a_practice_whose_list_matches_no_one_is_seen_next_to_the_others(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    codes = [*CODES, (5, "snomed", "777777"), (7, "ods", "A81001"), (8, "ods", "A81002"), (9, "ods", "RA1")]
    lake.write(core.CODE, [{"code": number, "code_system": system, "source_code": code} for number, system, code in codes])
    blank = dict.fromkeys(arrow_schema(core.EVENT).names) | {"available_date": LAST, "event_date": LAST, "feed": 1}
    events = [
        *((person, "gp_observation", 3 if person % 10 == 0 else 5, 7) for person in range(200)),  # asthma in 1 of 10
        *((person, "gp_observation", 5, 8) for person in range(200, 400)),  # none of 200 although 12.1 are expected
        *((person, "gp_medication", 1 if person % 4 == 0 else 2, 7) for person in range(200)),  # no share is published
        *((person, "gp_medication", 2, 8) for person in range(200, 300)),
        (0, "gp_medication", 1, 0),  # of no organisation
        (0, "hospital_diagnosis", 4, 9),
    ]
    rows = [
        blank | {"person_key": person, "event_type": NUMBER_OF[kind], "code": code, "provider": sender}
        for person, kind, code, sender in events
    ]
    lake.write(core.EVENT, rows)
    lists = {
        "asthma": list_of("asthma", ("snomed", "195967001", "exact"), ("icd10", "J45", "prefix")),
        "hypertension": list_of("hypertension", ("snomed", "999", "exact")),
        "statins": list_of("statins", ("dmd", "319996000", "exact")),
    }
    write_code_list_use(lake, only(lists))
    columns = "list, practice_code, entries, people, all_people, expected_share, is_published, result"
    table = lake.read("monitoring__code_lists_by_practice", columns, order="list, practice_code").to_pylist()
    assert [tuple(row.values()) for row in table] == [
        ("asthma", "A81001", 20, 20, 200, 0.0605, True, "matched"), ("asthma", "A81002", 0, 0, 200, 0.0605, True, "nothing"),
        ("hypertension", "A81001", 0, 0, 200, 0.144, True, "nothing"), ("hypertension", "A81002", 0, 0, 200, 0.144, True, "nothing"),
        ("statins", "A81001", 50, 50, 200, pytest.approx(50 / 300), False, "matched"),
        ("statins", "A81002", 0, 0, 100, pytest.approx(50 / 300), False, "nothing"),
    ]  # fmt: skip


def test_codes_that_end_a_condition_are_compared_with_the_people_of_the_condition(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    codes = [*CODES, (5, "snomed", "777777"), (7, "ods", "A81001"), (8, "ods", "A81002")]
    lake.write(core.CODE, [{"code": number, "code_system": system, "source_code": code} for number, system, code in codes])
    blank = dict.fromkeys(arrow_schema(core.EVENT).names) | {"available_date": LAST, "event_date": LAST, "feed": 1}
    events = [(person, 3, 7) for person in range(1_000)] + [(person, 5, 8) for person in range(1_000, 20_000)]
    kind = NUMBER_OF["gp_observation"]
    rows = [
        blank | {"person_key": person, "event_type": kind, "code": code, "provider": sender} for person, code, sender in events
    ]
    lake.write(core.EVENT, rows)
    lists = {
        name: list_of(name, ("snomed", code, "exact"))
        for name, code in (("asthma", "195967001"), ("asthma_resolved", "999"), ("rare", "999"))
    }
    concepts = {name: Concept(name, ("gp_observation",), (name,)) for name in ("asthma", "asthma_resolved")}
    current = Feature("asthma_current", "Asthma", "a family", Statistic.CURRENT, "asthma", after="asthma_resolved")
    doubled = Feature("doubled", "Doubled", "a family", Statistic.BOTH, inputs=("asthma_current",))
    write_code_list_use(lake, Catalogue((current, doubled), concepts, lists))
    columns = "list, people, all_people, expected_share, expected_people, result, features_not_computed"
    found = [tuple(row.values()) for row in lake.read("monitoring__code_lists", columns, order="list").to_pylist()]
    assert ENDED_FLOORS["asthma_resolved"] == 0.01
    assert found == [
        ("asthma", 1_000, 20_000, 0.0605, 1_210.0, "matched", 0), ("asthma_resolved", 0, 20_000, None, 10.0, "nothing", 2),
        ("rare", 0, 20_000, None, 2.0, "few_people", None),
    ]  # fmt: skip
    columns = "list, practice_code, people, all_people, result"
    table = lake.read("monitoring__code_lists_by_practice", columns, "list = 'asthma_resolved'", "practice_code").to_pylist()
    assert [tuple(row.values()) for row in table] == [
        ("asthma_resolved", "A81001", 0, 1_000, "nothing"), ("asthma_resolved", "A81002", 0, 19_000, "few_people"),
    ]  # fmt: skip


def write_random_board(lake: Lake, catalogue: Catalogue, seed: int, size: int) -> None:
    """Write a feed in each terminology in which everyone has a code that is on no list, and most lists a code of some people.

    No condition ends in it.
    """
    draw, people = random.Random(seed), np.random.default_rng(seed)
    codes, parts = [], []
    for name, system in [
        (name, half.system) for name, found in catalogue.code_lists.items() for half in found.halves if half.system in EVENTS_OF
    ]:
        if draw.random() < 0.7 and not name.endswith("_resolved"):
            codes.append((system, draw.choice(catalogue.code_lists[name].codes(system))))
            parts.append(people.choice(size, draw.randint(1, size // 5), replace=False))
    codes = [*codes, *((system, "of no list") for system in EVENTS_OF)]
    parts = [*parts, *(np.arange(size) for _ in EVENTS_OF)]
    number_of = {code: number for number, code in enumerate(dict.fromkeys(codes), 1)}
    lake.write(
        core.CODE, [{"code": number, "code_system": system, "source_code": code} for (system, code), number in number_of.items()]
    )
    lengths = [len(part) for part in parts]
    schema = arrow_schema(core.EVENT)
    columns = {
        "person_key": np.concatenate(parts),
        "event_type": np.repeat([NUMBER_OF[EVENTS_OF[system]] for system, _ in codes], lengths),
        "code": np.repeat([number_of[code] for code in codes], lengths),
    }
    rows = sum(lengths)
    fixed = {"event_date": LAST, "available_date": LAST, "provider": 0, "feed": 1}
    table = pa.table({
        field.name: pa.array(columns[field.name], field.type) if field.name in columns else pa.array([fixed.get(field.name)] * rows, field.type)
        for field in schema
    })  # fmt: skip
    lake.commit(core.EVENT.name, [lake.write_arrow(core.EVENT.name, table.to_reader(), {})], schema, replace="all")


@pytest.mark.parametrize(("seed", "size"), [(1, 600), (2, 3_000), (3, 12_000), (4, 12_000)])
def test_the_table_the_alert_and_the_features_agree_on_any_board(tmp_path: Path, seed: int, size: int) -> None:
    catalogue, lake = build_catalogue(load_code_lists(), 2025), Lake(tmp_path)
    write_random_board(lake, catalogue, seed, size)
    write_code_list_use(lake, catalogue)
    rows = {(row["list"], row["code_system"]): row for row in lake.read("monitoring__code_lists").to_pylist()}
    alerted = {tuple(one.subject.split()) for one in CODE_LIST_FAR.findings(list(rows.values()), True)}
    silent = {key for key, row in rows.items() if row["result"] == Match.NOTHING}
    lacks = unmatched(catalogue, list_matches(lake)).lacks
    causes = {key for lack in lacks.values() for key in lack.lists}
    assert causes
    assert size < 10_000 or any(name.endswith("_resolved") for name, _ in causes)
    assert causes <= silent & alerted
    assert {key for key in silent & alerted if rows[key]["features_not_computed"] is not None} == causes
    for key in causes:
        assert rows[key]["features_not_computed"] == sum(key in lack.lists for lack in lacks.values())

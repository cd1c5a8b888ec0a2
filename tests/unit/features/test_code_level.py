"""Code-level features on tables of a few rows, and against a recount in plain SQL."""

from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError
from scipy import sparse

from expectations.code_column import CodeColumn
from features.anchoring import IndexRows
from features.code_level import (
    CodeEvents,
    CodeLevelSettings,
    CodeSpace,
    chosen_columns,
    code_space,
    frequent_columns,
    icd10_parents,
    needed_slots,
    people_with,
    window_codes,
)
from features.events import NUMBER_OF

INDEX = date(2024, 3, 1)
EPOCH = date(1970, 1, 1)
CODES = [(1, "icd10", "E110"), (2, "icd10", "E119"), (3, "icd10", "J459"), (4, "omop", "201826")]
WINDOWS = (30, 365)
LONG_AGO = np.iinfo(np.int32).min


def before(days: int) -> date:
    return INDEX - timedelta(days=days)


def event_table(events: list[tuple]) -> pa.Table:
    """Return core__event; an event is (person, day, days until known, type, code)."""
    return pa.table(
        {
            "person_key": pa.array([event[0] for event in events], pa.int32()),
            "event_date": pa.array([event[1] for event in events], pa.date32()),
            "available_date": pa.array([event[1] + timedelta(days=event[2]) for event in events], pa.date32()),
            "event_type": pa.array([NUMBER_OF[event[3]] for event in events], pa.int16()),
            "code": pa.array([event[4] for event in events], pa.int32()),
        }
    )


def index_rows(rows: list[tuple[int, date]], birth: date | None = None) -> IndexRows:
    return IndexRows(
        np.array([person for person, _ in rows], dtype=np.int32), np.array([(day - EPOCH).days for _, day in rows], dtype=np.int32),
        np.full(len(rows), LONG_AGO if birth is None else (birth - EPOCH).days, dtype=np.int32),
    )  # fmt: skip


def counted(matrix: sparse.csr_matrix, space: CodeSpace) -> list[dict[str, int]]:
    """Return the values of each row by the name of the column."""
    found = []
    for row in range(matrix.shape[0]):
        entries = matrix[[row]]
        names = [column.name for column in space.columns(entries.indices.astype(np.int64), "flag")]
        found.append(dict(sorted(zip(names, entries.data.tolist(), strict=True))))
    return found


def count(events: list[tuple], rows: list[tuple[int, date]], space: CodeSpace, birth: date | None = None) -> list[dict[str, int]]:
    return counted(window_codes(CodeEvents.from_arrow(event_table(events)), index_rows(rows, birth), space), space)


DIAGNOSES = code_space(("hospital_diagnosis",), WINDOWS, CODES)


def test_each_code_is_counted_in_nested_windows_that_end_the_day_before_the_index_date() -> None:
    events = [
        (1, before(366), 0, "hospital_diagnosis", 1),  # too long ago
        (1, before(365), 0, "hospital_diagnosis", 1),
        (1, before(30), 0, "hospital_diagnosis", 1),
        (1, before(1), 1, "hospital_diagnosis", 3),  # known on the index date only
        (1, before(0), 0, "hospital_diagnosis", 3),
        (2, before(31), 0, "hospital_diagnosis", 3),
        (2, before(5), 0, "omop_condition", 4),  # a type that was not asked for
        (2, before(4), 0, "hospital_diagnosis", 0),  # no code
    ]
    assert count(events, [(1, INDEX), (2, INDEX), (3, INDEX)], DIAGNOSES) == [
        {"hospital_diagnosis_e110_30d": 1, "hospital_diagnosis_e110_365d": 2},
        {"hospital_diagnosis_j459_365d": 1},
        {},
    ]


def test_rows_stand_in_any_order_and_a_person_may_have_several() -> None:
    events = [(1, before(60), 0, "hospital_diagnosis", 1), (1, before(10), 0, "hospital_diagnosis", 2)]
    found = count(events, [(2, INDEX), (1, INDEX), (1, before(40))], DIAGNOSES)
    assert found == [
        {},
        {"hospital_diagnosis_e110_365d": 1, "hospital_diagnosis_e119_30d": 1, "hospital_diagnosis_e119_365d": 1},
        {"hospital_diagnosis_e110_30d": 1, "hospital_diagnosis_e110_365d": 1},
    ]


def test_nothing_counts_before_birth() -> None:
    events = [(1, before(20), 0, "hospital_diagnosis", 1), (1, before(9), 0, "hospital_diagnosis", 3)]
    found = count(events, [(1, INDEX)], DIAGNOSES, birth=before(10))
    assert found == [{"hospital_diagnosis_j459_30d": 1, "hospital_diagnosis_j459_365d": 1}]


def test_a_group_counts_the_codes_with_its_three_characters() -> None:
    space = code_space(("hospital_diagnosis",), (365,), CODES, icd10_parents(CODES))
    events = [(1, before(3), 0, "hospital_diagnosis", 1), (1, before(2), 0, "hospital_diagnosis", 2)]
    assert count(events, [(1, INDEX)], space) == [
        {"hospital_diagnosis_e110_365d": 1, "hospital_diagnosis_e119_365d": 1, "hospital_diagnosis_e11_group_365d": 2}
    ]


def test_ancestors_count_everything_below_them_and_themselves() -> None:
    codes = [(1, "omop", "10"), (2, "omop", "11"), (3, "omop", "20")]
    parents = {1: [("omop", "10")], 2: [("omop", "11"), ("omop", "10")], 3: [("omop", "20")]}
    space = code_space(("omop_condition", "omop_drug"), (365,), codes, parents, group_levels=2)
    events = [(1, before(3), 0, "omop_condition", 1), (1, before(2), 0, "omop_condition", 2), (1, before(1), 0, "omop_drug", 3)]
    found = count(events, [(1, INDEX)], space)[0]
    assert {name: value for name, value in found.items() if "group" in name} == {
        "omop_condition_10_group_365d": 2, "omop_condition_11_group_365d": 1, "omop_drug_20_group_365d": 1,
    }  # fmt: skip


def test_columns_are_those_that_enough_people_have_and_groups_of_more_than_one_code() -> None:
    space = code_space(("hospital_diagnosis",), (365,), CODES, icd10_parents(CODES))
    events = [(person, before(3), 0, "hospital_diagnosis", code) for person, code in ((1, 1), (2, 1), (3, 2), (4, 3), (5, 3))]
    matrix = window_codes(CodeEvents.from_arrow(event_table(events)), index_rows([(p, INDEX) for p in range(1, 6)]), space)
    people = people_with(matrix, np.arange(5))
    settings = CodeLevelSettings(minimum_share=0.4, minimum_people=1)
    places = frequent_columns(people, 5, space, settings)
    assert [column.name for column in space.columns(places, "flag")] == [
        "hospital_diagnosis_e110_365d", "hospital_diagnosis_j459_365d", "hospital_diagnosis_e11_group_365d",  # of J45 one code occurs
    ]  # fmt: skip
    assert len(frequent_columns(people, 5, space, CodeLevelSettings(minimum_share=0, minimum_people=4))) == 0


def test_prevalence_counts_people_not_rows() -> None:
    matrix = sparse.csr_matrix([[1, 0], [2, 1], [0, 3]])
    assert people_with(matrix, np.array([7, 7, 8])).tolist() == [1, 2]


def test_columns_of_a_model_are_found_again_in_another_dictionary_and_unseen_codes_are_empty() -> None:
    wanted = (
        CodeColumn("hospital_diagnosis", "icd10", "J459", 30),
        CodeColumn("hospital_diagnosis", "icd10", "Z999", 365),  # no event has it any more
        CodeColumn("hospital_diagnosis", "icd10", "E11", 365, group_levels=1),
    )
    renumbered = [(1, "icd10", "A000"), (2, "icd10", "J459"), (3, "icd10", "E112"), (4, "icd10", "E119")]
    space = code_space(("hospital_diagnosis",), WINDOWS, renumbered, icd10_parents(renumbered))
    events = [
        (1, before(8), 0, "hospital_diagnosis", 2),
        (1, before(7), 0, "hospital_diagnosis", 3),
        (1, before(6), 0, "hospital_diagnosis", 1),
    ]
    places = space.places(wanted)
    matrix = window_codes(
        CodeEvents.from_arrow(event_table(events)), index_rows([(1, INDEX)]), space, needed_slots(space, places)
    )
    assert matrix.sum() == 8  # J459, E112 and their groups in both windows; A000 is not counted
    assert chosen_columns(matrix, places, "flag").toarray().tolist() == [[1, 0, 1]]


def test_a_count_is_how_often_and_a_flag_is_whether() -> None:
    matrix = sparse.csr_matrix(np.array([[0, 3], [1, 0]], dtype=np.int32))
    places = np.array([1, 0])
    assert chosen_columns(matrix, places, "count").toarray().tolist() == [[3, 0], [0, 1]]
    assert chosen_columns(matrix, places, "flag").toarray().tolist() == [[1, 0], [0, 1]]


def test_names_of_columns_tell_codes_apart() -> None:
    names = [
        CodeColumn("omop_condition", "omop", code, 30, statistic).name for code in ("5", "-5") for statistic in ("flag", "count")
    ]
    assert names == [
        "omop_condition_5_30d",
        "omop_condition_5_count_30d",
        "omop_condition__2d_5_30d",
        "omop_condition__2d_5_count_30d",
    ]
    assert CodeColumn("omop_drug", "omop", "5", 30).label("Aspirin") == "Aspirin: drug in the last 30 days"


def test_settings_name_what_is_wrong() -> None:
    with pytest.raises(ValidationError, match="unknown event types"):
        CodeLevelSettings(event_types=("diagnoses",))
    with pytest.raises(ValidationError, match="a window must have 1 to 36,525 days"):
        CodeLevelSettings(windows_days=(0, 30))


TYPES = ("hospital_diagnosis", "omop_condition", "gp_observation")


def random_events(seed: int) -> list[tuple]:
    rng = np.random.default_rng(seed)
    return [
        (int(rng.integers(0, 12)), before(int(rng.choice([-3, 0, 1, 29, 30, 31, 180, 364, 365, 366, 800]))), int(rng.integers(0, 4)),
         str(rng.choice([*TYPES, "emergency_admission"])), int(rng.integers(0, 5)))
        for _ in range(600)
    ]  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2])
def test_every_count_equals_a_recount_in_sql(seed: int) -> None:
    events, windows = random_events(seed), (30, 180, 365)
    rows = [(person, INDEX - timedelta(days=person % 3)) for person in range(10)] + [(4, before(90)), (4, before(1))]
    birth = before(370)
    space = code_space(TYPES, windows, CODES)
    found = window_codes(CodeEvents.from_arrow(event_table(events)), index_rows(rows, birth), space).tocoo()
    mine = {(int(r), int(c)): int(v) for r, c, v in zip(found.row, found.col, found.data, strict=True)}
    con = duckdb.connect()
    con.register("event", event_table(events))
    con.register(
        "index_row",
        pa.table({"place": range(len(rows)), "person_key": [p for p, _ in rows], "day": pa.array([d for _, d in rows])}),
    )
    counted = con.sql(f"""
        SELECT place, event_type, code, days, count(*) FROM index_row JOIN event USING (person_key)
        CROSS JOIN (SELECT unnest({list(windows)}) AS days)
        WHERE event_date >= day - days AND event_date < day AND available_date < day AND event_date >= DATE '{birth}' AND code > 0
            AND event_type IN ({", ".join(str(NUMBER_OF[name]) for name in TYPES)})
        GROUP BY ALL""").fetchall()
    kinds = {NUMBER_OF[name]: name for name in TYPES}
    columns = [CodeColumn(kinds[kind], *CODES[code - 1][1:], days) for _, kind, code, days, _ in counted]
    recount = {(row[0], int(place)): row[4] for row, place in zip(counted, space.places(columns), strict=True)}
    assert mine == recount
    assert len(recount) > 100


def test_what_happens_or_becomes_known_from_the_index_date_on_changes_nothing() -> None:
    events, rows = random_events(3), [(person, INDEX) for person in range(12)]
    past = [event for event in events if event[1] < INDEX and event[1] + timedelta(days=event[2]) < INDEX]
    space = code_space(TYPES, (30, 365), CODES)
    assert len(past) < len(events)
    assert count(past, rows, space) == count(events, rows, space) == count(events[::-1], rows, space)

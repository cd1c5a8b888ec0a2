"""Stays that overlap: which of them are separate spells, and whose nights count, on written cases."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

from expectations.table import Table
from expectations.tables import core
from expectations.tables.features import PERSON_FEATURES
from features.events import NUMBER_OF
from features.outcomes import OutcomeSettings
from pipelines.building.build_labels import build_labels
from pipelines.conform.availability import AvailabilitySettings
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.event_rows import spell_event_rows
from pipelines.conform.spell import spell_sql
from pipelines.conform.spell_forms import hold_forms, spells_as_known_sql
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake

# Of each stay: provider, first day and last day in March (None while open), admission method, and if it has them the source of the
# admission and the destination of the discharge.
Stay = tuple[str, int, int | None, str] | tuple[str, int, int | None, str, str, str]
# Of each spell: class, first day, last day, nights.
Spell = tuple[str, int, int | None, int | None]

CASES: dict[str, tuple[list[Stay], list[Spell]]] = {
    "an emergency inside an elective stay at another provider": (
        [("RX2", 1, 20, "11"), ("RX1", 10, 14, "21")],
        [("elective", 1, 20, 15), ("emergency", 10, 14, 4)],
    ),
    "a transfer in an emergency": (
        [("RX2", 1, 20, "11"), ("RX1", 10, 14, "2B")],
        [("elective", 1, 20, 15), ("emergency", 10, 14, 4)],
    ),
    "an emergency that outlasts the elective stay": (
        [("RX2", 1, 12, "12"), ("RX1", 10, 20, "21")],
        [("elective", 1, 12, 9), ("emergency", 10, 20, 10)],
    ),
    "the same provider": (
        [("RX1", 1, 20, "11"), ("RX1", 10, 14, "22")],
        [("elective", 1, 20, 15), ("emergency", 10, 14, 4)],
    ),
    "both stays on the same days": (
        [("RX2", 1, 5, "11"), ("RX1", 1, 5, "21")],
        [("emergency", 1, 5, 4)],
    ),
    "an elective stay that outlasts an emergency of the same day": (
        [("RX2", 1, 10, "11"), ("RX1", 1, 5, "21")],
        [("emergency", 1, 5, 4), ("elective", 1, 10, 5)],
    ),
    "an elective stay that an emergency of the same day outlasts": (
        [("RX2", 1, 5, "11"), ("RX1", 1, 10, "21")],
        [("emergency", 1, 10, 9)],
    ),
    "an elective stay that a maternity stay of the same day does not outlast": (
        [("RX2", 1, 10, "11"), ("RX1", 1, 5, "31")],
        [("maternity", 1, 5, 4), ("elective", 1, 10, 5)],
    ),
    "an emergency without a night before an elective stay of the same day": (
        [("RX2", 1, 10, "11"), ("RX1", 1, 1, "21")],
        [("emergency", 1, 1, 0), ("elective", 1, 10, 9)],
    ),
    "an emergency of the same day that ends by a transfer to the longer stay": (
        [("RX2", 1, 10, "11", "19", "19"), ("RX1", 1, 2, "21", "19", "51")],
        [("emergency", 1, 10, 9)],
    ),
    "an emergency of the same day that a longer stay continues by its method": (
        [("RX2", 1, 10, "81"), ("RX1", 1, 2, "21")],
        [("emergency", 1, 10, 9)],
    ),
    "a transfer whose days overlap by one": (
        [("RX1", 1, 10, "11", "19", "51"), ("RX2", 9, 20, "2B", "51", "19")],
        [("elective", 1, 20, 19)],
    ),
    "a transfer with another method whose days overlap by two": (
        [("RX1", 1, 10, "11", "19", "51"), ("RX2", 8, 20, "28", "51", "19")],
        [("elective", 1, 20, 19)],
    ),
    "a transfer whose days overlap by more than the gap of transfers": (
        [("RX1", 1, 10, "11", "19", "51"), ("RX2", 7, 20, "2B", "51", "19")],
        [("elective", 1, 10, 6), ("emergency", 7, 20, 13)],
    ),
    "an emergency on the day before the discharge without a code of a transfer": (
        [("RX1", 1, 10, "11", "19", "19"), ("RX2", 9, 20, "21", "19", "19")],
        [("elective", 1, 10, 8), ("emergency", 9, 20, 11)],
    ),
    "an emergency on the day before the discharge with the three codes that are no transfer": (
        [("RX1", 1, 10, "11", "19", "19"), ("RX2", 9, 20, "21", "51", "19")],
        [("elective", 1, 10, 8), ("emergency", 9, 20, 11)],
    ),
    "a birth on the day before the discharge is no transfer": (
        [("RX1", 1, 10, "11", "19", "51"), ("RX2", 9, 12, "82", "51", "19")],
        [("elective", 1, 10, 8), ("birth", 9, 12, 3)],
    ),
    "a newborn who is moved to intensive care": (
        [("RX1", 1, 4, "82", "19", "51"), ("RX2", 3, 30, "2B", "51", "19")],
        [("birth", 1, 30, 29)],
    ),
    "a transfer out of an emergency inside an elective stay": (
        [("RX1", 1, 25, "11"), ("RX2", 5, 10, "21", "19", "51"), ("RX3", 9, 15, "2B", "51", "19")],
        [("elective", 1, 25, 14), ("emergency", 5, 15, 10)],
    ),
    "an emergency without a night": (
        [("RX2", 1, 20, "11"), ("RX1", 10, 10, "21")],
        [("elective", 1, 20, 19), ("emergency", 10, 10, 0)],
    ),
    "an elective stay that is open has no end that another could begin before": (
        [("RX2", 1, None, "11"), ("RX1", 10, 14, "21")],
        [("elective", 1, None, None), ("emergency", 10, 14, 4)],
    ),
    "an emergency that is open has the nights to the end of the elective stay": (
        [("RX2", 1, 20, "11"), ("RX1", 10, None, "21")],
        [("elective", 1, 20, 9), ("emergency", 10, None, None)],
    ),
    "an emergency that ended later leaves the same nights as while it was open": (
        [("RX2", 1, 20, "11"), ("RX1", 10, 30, "21")],
        [("elective", 1, 20, 9), ("emergency", 10, 30, 20)],
    ),
    "an open emergency and another inside it": (
        [("RX2", 1, 20, "11"), ("RX1", 5, None, "21"), ("RX3", 7, 9, "21")],
        [("elective", 1, 20, 4), ("emergency", 5, None, None), ("emergency", 7, 9, 2)],
    ),
    "a maternity admission inside an elective stay": (
        [("RX2", 1, 20, "11"), ("RX1", 10, 14, "31")],
        [("elective", 1, 20, 15), ("maternity", 10, 14, 4)],
    ),
    "a maternity admission with an emergency inside, both inside an elective stay": (
        [("RX2", 1, 20, "11"), ("RX1", 5, 14, "31"), ("RX3", 8, 16, "21")],
        [("elective", 1, 20, 8), ("maternity", 5, 14, 3), ("emergency", 8, 16, 8)],
    ),
    "two emergencies that overlap are one, and a later one is another": (
        [("RX2", 1, 30, "11"), ("RX1", 5, 9, "21"), ("RX3", 7, 12, "22"), ("RX1", 20, 22, "21")],
        [("elective", 1, 30, 20), ("emergency", 5, 12, 7), ("emergency", 20, 22, 2)],
    ),
    "an emergency inside an emergency is the same illness": (
        [("RX2", 1, 20, "21"), ("RX1", 10, 14, "21")],
        [("emergency", 1, 20, 19)],
    ),
    "an elective stay inside an emergency belongs to it": (
        [("RX2", 1, 20, "21"), ("RX1", 10, 14, "11")],
        [("emergency", 1, 20, 19)],
    ),
    "a transfer that is no emergency belongs to the stay that it interrupts": (
        [("RX2", 1, 20, "11"), ("RX1", 10, 14, "81")],
        [("elective", 1, 20, 19)],
    ),
    "a maternity admission inside an emergency, whose nights stay with the emergency": (
        [("RX2", 1, 20, "21"), ("RX1", 10, 14, "31")],
        [("emergency", 1, 20, 19), ("maternity", 10, 14, 0)],
    ),
    "an emergency inside a maternity stay": (
        [("RX2", 1, 20, "31"), ("RX1", 10, 14, "21")],
        [("maternity", 1, 20, 15), ("emergency", 10, 14, 4)],
    ),
    "an emergency after a birth that has not ended": (
        [("RX2", 1, 8, "82"), ("RX1", 5, 12, "2B")],
        [("birth", 1, 8, 4), ("emergency", 5, 12, 7)],
    ),
    "an emergency that was sent twice": (
        [("RX2", 1, 20, "11"), ("RX1", 10, 14, "21"), ("RX1", 10, 14, "21")],
        [("elective", 1, 20, 15), ("emergency", 10, 14, 4)],
    ),
    "the stay that follows an emergency beyond the elective stay belongs to the emergency": (
        [("RX2", 1, 12, "11"), ("RX1", 10, 20, "21"), ("RX3", 20, 25, "81")],
        [("elective", 1, 12, 9), ("emergency", 10, 25, 15)],
    ),
    "an emergency inside an elective stay that overlaps an earlier emergency": (
        [("RX1", 1, 10, "21"), ("RX2", 9, 30, "11"), ("RX1", 20, 24, "21")],
        [("emergency", 1, 10, 9), ("elective", 9, 30, 16), ("emergency", 20, 24, 4)],
    ),
    "an elective stay that outlasts an emergency of the day before": (
        [("RX1", 1, 5, "21"), ("RX2", 2, 10, "11")],
        [("emergency", 1, 5, 4), ("elective", 2, 10, 5)],
    ),
    "an elective stay that ends with the emergency of the day before": (
        [("RX1", 1, 10, "21"), ("RX2", 2, 10, "11")],
        [("emergency", 1, 10, 9)],
    ),
    "a stay of an unknown class that outlasts an emergency": (
        [("RX1", 1, 5, "21"), ("RX2", 3, 20, "99"), ("RX1", 10, 12, "21")],
        [("emergency", 1, 5, 4), ("other", 3, 20, 13), ("emergency", 10, 12, 2)],
    ),
    "an elective stay that outlasts a maternity stay": (
        [("RX1", 1, 5, "31"), ("RX2", 3, 20, "11"), ("RX1", 10, 12, "21")],
        [("maternity", 1, 5, 4), ("elective", 3, 20, 13), ("emergency", 10, 12, 2)],
    ),
    "an elective stay that outlasts an emergency as its transfer by the source": (
        [("RX1", 1, 10, "21"), ("RX2", 5, 30, "11", "51"), ("RX1", 20, 24, "21")],
        [("emergency", 1, 30, 29)],
    ),
    "an elective stay after an emergency that ends by a transfer": (
        [("RX1", 1, 10, "21", "19", "51"), ("RX2", 9, 30, "11")],
        [("emergency", 1, 30, 29)],
    ),
    "an elective stay that outlasts an emergency and began inside another elective stay": (
        [("RX1", 1, 10, "11"), ("RX2", 5, 15, "21"), ("RX3", 8, 30, "11")],
        [("elective", 1, 30, 19), ("emergency", 5, 15, 10)],
    ),
    "an elective stay that outlasts an emergency after another elective stay": (
        [("RX1", 1, 8, "11"), ("RX2", 5, 15, "21"), ("RX3", 12, 30, "11")],
        [("elective", 1, 8, 4), ("emergency", 5, 15, 10), ("elective", 12, 30, 15)],
    ),
    "a stay of another class in an elective stay that outlasts an emergency": (
        [("RX1", 1, 5, "21"), ("RX2", 3, 20, "11"), ("RX3", 15, 30, "99")],
        [("emergency", 1, 5, 4), ("elective", 3, 30, 25)],
    ),
    "elective stays that outlast two emergencies in turn": (
        [("RX1", 1, 5, "21"), ("RX2", 3, 15, "11"), ("RX1", 12, 20, "21"), ("RX3", 18, 30, "11")],
        [("emergency", 1, 5, 4), ("elective", 3, 15, 7), ("emergency", 12, 20, 8), ("elective", 18, 30, 10)],
    ),
    "an open elective stay that begins inside an emergency that has ended": (
        [("RX1", 1, 10, "21"), ("RX2", 9, None, "11"), ("RX1", 20, 24, "21")],
        [("emergency", 1, 10, 9), ("elective", 9, None, None), ("emergency", 20, 24, 4)],
    ),
    "an elective stay that outlasts another and no emergency": (
        [("RX1", 1, 10, "11"), ("RX2", 5, 20, "99"), ("RX3", 15, 18, "11")],
        [("elective", 1, 20, 19)],
    ),
    "an emergency inside a maternity stay inside an emergency": (
        [("RX1", 1, 5, "21"), ("RX2", 3, 10, "31"), ("RX3", 8, 12, "22")],
        [("emergency", 1, 5, 4), ("maternity", 3, 10, 3), ("emergency", 8, 12, 4)],
    ),
}  # fmt: skip


@pytest.fixture
def spells(feed_rows):
    def sql(people: str, *rows: dict[str, object]) -> str:
        return spell_sql(feed_rows("admissions", *rows), people, ClinicalRules(), AvailabilitySettings())

    return sql


@pytest.fixture
def known_spells(feed_rows, people):
    """Return the spells of rows with the days since which they have had their form."""

    def spells(*rows: dict[str, object]) -> list[dict[str, object]]:
        admissions, settings = feed_rows("admissions", *rows), (ClinicalRules(), AvailabilitySettings())
        with duckdb.connect() as con:
            hold_forms(con, (admissions, ""), people, *settings)
            query = spells_as_known_sql(spell_sql(admissions, people, *settings))
            return con.sql(f"{query} ORDER BY spell_key").to_arrow_table().to_pylist()

    return spells


def march(day: int | None) -> date | None:
    return None if day is None else date(2024, 3, day)


def row(number: int, stay: Stay, **more: object) -> dict[str, object]:
    provider, admitted, discharged, method, *transfer = stay
    codes = dict(zip(("admission_source", "discharge_destination"), transfer, strict=False))
    return {
        "person_id": "ann", "provider_code": provider, "spell_number": f"s{number}", "admission_method": method,
        "admission_date": march(admitted), "discharge_date": march(discharged), "patient_classification": "1",
    } | codes | more  # fmt: skip


@pytest.mark.parametrize(("stays", "expected"), CASES.values(), ids=CASES)
def test_the_spells_and_nights_of_stays_that_overlap(spells, table, people, stays, expected):
    found = table(f"{spells(people, *(row(number, stay) for number, stay in enumerate(stays)))} ORDER BY spell_key")
    assert [(each["spell_class"], each["admission_date"], each["discharge_date"], each["nights"]) for each in found] == [
        (name, march(admitted), march(discharged), nights) for name, admitted, discharged, nights in expected
    ]


@pytest.mark.parametrize("stays", [stays for stays, _ in CASES.values()], ids=CASES)
def test_no_night_counts_for_more_than_one_spell(spells, table, people, stays):
    found = table(spells(people, *(row(number, stay) for number, stay in enumerate(stays))))
    closed = [each for each in found if each["discharge_date"] is not None]
    open_emergencies = [each for each in found if each["discharge_date"] is None and each["spell_class"] == "emergency"]
    first_open = min((each["admission_date"].toordinal() for each in open_emergencies), default=march(31).toordinal())
    nights = {night for each in closed for night in range(each["admission_date"].toordinal(), each["discharge_date"].toordinal())}
    inside = sum(each["nights"] for each in closed if each["admission_date"].toordinal() > first_open)
    assert sum(each["nights"] for each in closed) == len([night for night in nights if night < first_open]) + inside


def test_a_regular_attendance_inside_an_elective_stay_changes_nothing_of_it(spells, table, people):
    found = table(
        spells(people, row(1, ("RX2", 1, 20, "11")), row(2, ("RX1", 10, 10, "21"), patient_classification="3"))
        + " ORDER BY spell_key"
    )
    assert [(each["spell_class"], each["nights"]) for each in found] == [("elective", 19), ("regular_attender", 0)]


def test_the_diagnoses_of_an_emergency_inside_an_elective_stay_are_those_of_the_emergency(spells, table, people):
    elective = row(1, ("RX2", 1, 20, "11"), primary_diagnosis="J181", diagnoses="J181", cost=900.0)
    emergency = row(2, ("RX1", 10, 14, "21"), primary_diagnosis="I214", diagnoses="I214", cost=2000.0, discharge_method="4")
    query = spells(people, elective, emergency)
    first, second = table(f"{query} ORDER BY spell_key")
    assert (first["primary_diagnosis"], first["diagnoses"], first["cost"], first["died"]) == ("J181", "J181", 900.0, False)
    assert (second["primary_diagnosis"], second["diagnoses"], second["cost"], second["died"]) == ("I214", "I214", 2000.0, True)
    parts = [part.sql for part in spell_event_rows(f"({query})", "NULL") if part.code_system == "icd10"]
    events = {(each["event_type"], each["event_date"], each["code"], each["value"]) for each in table(" UNION ALL ".join(parts))}
    assert events == {
        (NUMBER_OF["elective_discharge"], march(20), "J181", 15.0),
        (NUMBER_OF["emergency_discharge_overnight"], march(14), "I214", 4.0),
        (NUMBER_OF["hospital_diagnosis"], march(20), "J181", None),
        (NUMBER_OF["hospital_diagnosis"], march(14), "I214", None),
    }


def test_stays_of_other_people_do_not_overlap(spells, table, people):
    found = table(spells(people, row(1, ("RX2", 1, 20, "11")), row(2, ("RX1", 10, 14, "11"), person_id="bob")))
    assert sorted((each["person_key"], each["nights"]) for each in found) == [(0, 19), (1, 4)]


def test_an_emergency_inside_an_elective_stay_that_began_before_the_index_date_is_an_outcome(spells, table, people, tmp_path):
    lake, index_date = Lake(tmp_path), date(2024, 3, 5)
    stored = table(spells(people, row(1, ("RX2", 1, 20, "11")), row(2, ("RX1", 10, 14, "21"))))
    ann = {"person_key": 0, "person_id": "ann", "on_list": True, "type_1_opt_out": False, "national_data_opt_out": False}
    store(lake, core.PERSON, [ann])
    store(
        lake,
        core.REGISTRATION,
        [{"person_key": 0, "practice_code": "Y1", "start_date": date(2000, 1, 1), "start_is_load_date": False}],
    )
    store(lake, core.SPELL, stored)
    key = {"person_key": 0, "person_id": "ann", "index_event_id": "i", "index_date": index_date, "practice_code": "Y1"}
    store(lake, PERSON_FEATURES, [key], {"index_date": index_date.isoformat()})
    build_labels(lake, OutcomeSettings(), index_date, date(2025, 12, 1))
    assert lake.read("risk__labels", "label, outcome_date").to_pylist() == [{"label": 1, "outcome_date": march(10)}]


def store(lake: Lake, declared: Table, rows: list[dict[str, object]], partition: dict[str, str] | None = None) -> None:
    names = arrow_schema(declared).names
    lake.write(declared, [dict.fromkeys(names) | each for each in rows], partition)


def test_a_spell_that_a_late_emergency_cut_was_known_no_earlier_than_its_delivery(known_spells):
    late = {"first_extract_date": date(2024, 5, 1), "is_first_delivery": False}
    cut, emergency = known_spells(
        row(1, ("RX1", 1, 10, "11")), row(2, ("RX3", 8, 20, "11")), row(3, ("RX2", 5, 30, "21"), **late)
    )
    assert (cut["discharge_date"], cut["nights"], cut["discharge_available_date"]) == (march(10), 4, date(2024, 4, 30))
    assert (emergency["stays_joined"], emergency["discharge_available_date"]) == (2, date(2024, 4, 30))
    assert cut["admission_available_date"] == march(1)


def test_a_late_stay_changes_nothing_of_a_spell_that_it_does_not_touch(known_spells):
    late = {"first_extract_date": date(2024, 5, 1), "is_first_delivery": False}
    first, second = known_spells(row(1, ("RX1", 1, 10, "11")), row(2, ("RX2", 10, 12, "21"), **late))
    assert first["discharge_available_date"] == march(10)
    assert second["discharge_available_date"] == date(2024, 4, 30)


def test_within_one_delivery_a_spell_is_known_since_the_stay_that_cut_it_had_ended(known_spells):
    """While the emergency is open both planned stays are one spell. Its end on 30 March moves the second to the emergency."""
    cut, emergency = known_spells(row(1, ("RX1", 1, 10, "11")), row(2, ("RX3", 8, 20, "11")), row(3, ("RX2", 5, 30, "21")))
    assert (cut["discharge_date"], cut["admission_available_date"], cut["discharge_available_date"]) == (
        march(10),
        march(1),
        march(30),
    )
    assert (emergency["admission_available_date"], emergency["discharge_available_date"]) == (march(5), march(30))


def test_a_transfer_that_is_known_at_once_makes_nothing_known_later(known_spells):
    (spell,) = known_spells(row(1, ("RX1", 1, 5, "21", "19", "51")), row(2, ("RX2", 5, 12, "81", "51", "19")))
    assert (spell["admission_available_date"], spell["discharge_available_date"]) == (march(1), march(12))

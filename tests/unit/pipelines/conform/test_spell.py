from __future__ import annotations

from datetime import date

import pytest

from pipelines.conform.availability import AvailabilitySettings
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.spell import spell_sql

RULES = ClinicalRules()
LAGS = AvailabilitySettings(lag_days={"admissions": 42})


def day(text: str) -> date:
    return date.fromisoformat(f"2024-{text}")


def stay(spell: str, admitted: str, discharged: str | None, **more: object) -> dict[str, object]:
    return {
        "person_id": "ann", "provider_code": "RX1", "spell_number": spell, "admission_date": day(admitted),
        "discharge_date": day(discharged) if discharged else None, "admission_method": "21", "patient_classification": "1",
    } | more  # fmt: skip


@pytest.fixture
def spells(feed_rows, table, people):
    def run(*stays: dict[str, object], rules: ClinicalRules = RULES) -> list[dict[str, object]]:
        return table(spell_sql(feed_rows("admissions", *stays), people, rules, LAGS) + " ORDER BY spell_key")

    return run


def spans(rows: list[dict[str, object]]) -> list[tuple[str, str, int]]:
    return [(f"{row['admission_date']:%m-%d}", f"{row['discharge_date']:%m-%d}", row["stays_joined"]) for row in rows]


def test_a_transfer_joins_two_stays_and_the_first_says_how_it_began(spells):
    rows = spells(
        stay("a", "03-01", "03-05", discharge_destination="51", cost=1000.0, primary_diagnosis="I21.0", treatment_function="300"),
        stay("b", "03-05", "03-20", provider_code="RX2", admission_method="81", admission_source="51", discharge_method="4",
             cost=3000.0, primary_diagnosis="I50X", treatment_function="320", diagnoses="I50X,E11.9"),
    )  # fmt: skip
    (row,) = rows
    assert spans(rows) == [("03-01", "03-20", 2)]
    assert (row["spell_class"], row["admission_method"], row["nights"], row["died"]) == ("emergency", "21", 19, True)
    assert (row["provider_code"], row["last_provider_code"], row["cost"]) == ("RX1", "RX2", 4000.0)
    assert (row["primary_diagnosis"], row["treatment_function"], row["diagnoses"]) == ("I210", "300", "E119,I210,I50")
    assert row["admission_available_date"] == day("03-01")
    assert row["discharge_available_date"] == date(2024, 5, 1)  # 20 March and 42 days


@pytest.mark.parametrize(
    ("destination", "source", "method", "admitted", "joined"),
    [
        ("51", "19", "21", "03-05", True),
        ("84", None, "21", "03-07", True),
        ("19", "51", "22", "03-06", True),
        ("19", "87", "21", "03-05", True),
        ("19", "19", "2B", "03-05", True),
        (None, None, "81", "03-05", True),
        ("51", "51", "81", "03-08", False),  # three days are too many
        ("19", "19", "21", "03-05", False),  # gone home and fallen ill again
        ("19", "51", "21", "03-05", False),  # the three that coincide are a new emergency
        ("87", "84", "21", "03-05", False),  # 87 is a source and 84 a destination only
        ("51", None, "82", "03-05", False),  # a birth continues nothing
        ("51", None, "31", "03-05", False),  # nor does maternity continue an emergency
    ],
)
def test_what_continues_a_spell(spells, destination, source, method, admitted, joined):
    rows = spells(
        stay("a", "03-01", "03-05", discharge_destination=destination),
        stay("b", admitted, "03-20", admission_source=source, admission_method=method),
    )
    assert (len(rows) == 1) is joined


def test_a_chain_of_any_number_of_stays_is_one_spell(spells):
    chain = [stay(f"s{n}", f"03-{2 * n + 1:02}", f"03-{2 * n + 3:02}", discharge_destination="51") for n in range(8)]
    assert spans(spells(*chain, stay("z", "06-01", "06-02"))) == [("03-01", "03-17", 8), ("06-01", "06-02", 1)]


def test_a_stay_within_a_stay_belongs_to_it_and_the_longer_one_is_continued(spells):
    rows = spells(
        stay("a", "03-01", "03-10", discharge_destination="49"),
        stay("b", "03-03", "03-04"),
        stay("c", "03-11", "03-12", provider_code="RX2"),
    )
    assert spans(rows) == [("03-01", "03-12", 3)]


def test_identical_stays_of_a_provider_are_one_and_are_paid_once(spells):
    rows = spells(stay("a", "03-01", "03-01", cost=500.0), stay("b", "03-01", "03-01", cost=500.0))
    assert spans(rows) == [("03-01", "03-01", 1)]
    assert rows[0]["cost"] == 500.0


@pytest.mark.parametrize("coded", ["a", "b"])
def test_of_identical_stays_of_a_provider_the_coded_one_counts(spells, coded):
    codes = {"primary_diagnosis": "I21.4", "diagnoses": "I214,E119"}
    (row,) = spells(*(stay(spell, "03-01", "03-05", **(codes if spell == coded else {})) for spell in ("a", "b")))
    assert (row["primary_diagnosis"], row["diagnoses"], row["stays_joined"]) == ("I214", "E119,I214", 1)


def test_episodes_of_one_spell_number_are_one_stay(spells):
    rows = spells(
        stay("a", "03-01", None, primary_diagnosis="J44", admission_method="22"),
        stay("a", "03-01", "03-09", primary_diagnosis="J18", admission_method="22", discharge_method="4"),
    )
    assert spans(rows) == [("03-01", "03-09", 1)]
    assert (rows[0]["primary_diagnosis"], rows[0]["diagnoses"], rows[0]["died"]) == ("J44", "J18,J44", True)


def test_regular_attenders_join_nothing(spells):
    rows = spells(
        stay("a", "03-01", "03-05", discharge_destination="51"),
        stay("b", "03-03", "03-03", patient_classification="3", admission_method="12"),
        stay("c", "03-05", "03-06", admission_method="81"),
        stay("d", "03-06", "03-06", patient_classification="4", admission_method="13"),
    )
    assert [row["spell_class"] for row in rows] == ["emergency", "regular_attender", "regular_attender"]
    assert spans(rows)[0] == ("03-01", "03-06", 2)


@pytest.mark.parametrize(
    ("method", "treatment_function", "expected"),
    [
        ("2A", "180", "emergency"), ("28", None, "emergency"), ("2C", None, "birth"), ("82", None, "birth"), ("32", None, "maternity"),
        ("21", "501", "maternity"), ("11", "501", "elective"), ("81", None, "other"), (None, None, "other"),
    ],
)  # fmt: skip
def test_the_class_of_a_spell(spells, method, treatment_function, expected):
    (row,) = spells(stay("a", "03-01", "03-02", admission_method=method, treatment_function=treatment_function))
    assert row["spell_class"] == expected


def test_another_version_of_the_lists_gives_another_class(spells):
    rules = ClinicalRules(version="without 2D", emergency_methods=("21", "22"))
    (row,) = spells(stay("a", "03-01", "03-02", admission_method="2D"), rules=rules)
    assert row["spell_class"] == "other"


def test_an_open_spell_has_no_discharge_and_nothing_to_know_of_it(spells):
    (row,) = spells(stay("a", "03-01", "03-05", discharge_destination="51"), stay("b", "03-05", None, admission_method="81"))
    assert (row["discharge_date"], row["nights"], row["discharge_available_date"]) == (None, None, None)
    assert row["stays_joined"] == 2


def test_spells_are_numbered_by_person_admission_and_provider(spells):
    rows = spells(
        stay("x", "05-01", "05-02", person_id="bob"),
        stay("y", "05-01", "05-01", provider_code="RX3"),
        stay("z", "05-01", "05-01", provider_code="RX2", admission_method="22"),
    )
    assert [(row["spell_key"], row["person_key"], row["provider_code"]) for row in rows] == [
        (1, 0, "RX2"),
        (2, 0, "RX3"),
        (3, 1, "RX1"),
    ]


def test_what_a_later_delivery_brought_was_known_the_day_before_that_delivery(spells):
    (row,) = spells(stay("a", "03-01", "03-05", first_extract_date=day("04-01"), is_first_delivery=False))
    assert row["admission_available_date"] == day("03-31")
    assert row["discharge_available_date"] == day("04-16")  # 5 March and 42 days, which is after the delivery


def test_a_late_row_of_a_later_delivery_was_known_the_day_before_that_delivery(spells):
    (row,) = spells(stay("a", "01-01", "01-05", first_extract_date=day("04-01"), is_first_delivery=False))
    assert row["admission_available_date"] == row["discharge_available_date"] == day("03-31")


def test_the_admission_of_a_restated_spell_was_known_since_its_key_was_and_the_rest_since_it_was_said(spells):
    known = {"first_extract_date": day("05-01"), "is_first_delivery": False}
    since_the_first, since_april = spells(
        stay("a", "03-01", "03-05", **known, key_extract_date=day("04-01"), key_in_first_delivery=True),
        stay("b", "03-20", "03-21", **known, key_extract_date=day("04-01"), key_in_first_delivery=False),
    )
    assert (since_the_first["admission_available_date"], since_the_first["discharge_available_date"]) == (
        day("03-01"),
        day("04-30"),
    )
    assert (since_april["admission_available_date"], since_april["discharge_available_date"]) == (day("03-31"), day("05-02"))


def test_the_first_delivery_knew_its_recent_facts_no_earlier_than_those_of_years_before(spells):
    (row,) = spells(stay("a", "03-01", "03-05", first_extract_date=day("03-10")))
    assert row["discharge_available_date"] == day("04-16")  # 5 March and 42 days

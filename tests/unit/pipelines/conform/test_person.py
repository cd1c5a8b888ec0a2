from __future__ import annotations

from datetime import date

import pytest

from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.person import NO_OBJECTIONS, StatedFacts, person_sql


@pytest.fixture
def persons(table):
    def run(sources: dict[str, str], known: str | None = None, objections: str = NO_OBJECTIONS) -> dict[str, dict[str, object]]:
        ids = "(" + " UNION ALL ".join(f"SELECT person_id FROM {source}" for source in sources.values()) + ")"
        rows = table(
            person_sql(ids, sources, ClinicalRules(), known, StatedFacts(objections=objections)) + " ORDER BY person_key"
        )
        return {row["person_id"]: row for row in rows}

    return run


def test_everyone_named_by_any_feed_is_numbered_in_order_of_the_pseudonym(persons, feed_rows):
    sources = {
        "patients": feed_rows(
            "patients", {"person_id": "dan", "birth_year": 1950, "birth_month": 4}, {"person_id": "bob", "birth_year": 1980}
        ),
        "admissions": feed_rows("admissions", {"person_id": "cat", "admission_date": date(2024, 1, 1)}),
        "gp_observations": feed_rows("gp_observations", {"person_id": "ann"}, {"person_id": "ann"}),
    }
    found = persons(sources)
    assert {name: row["person_key"] for name, row in found.items()} == {"ann": 0, "bob": 1, "cat": 2, "dan": 3}
    assert [row["on_list"] for row in found.values()] == [False, True, False, True]
    births = {name: (row["birth_date"], row["assumed_birth_date"]) for name, row in found.items()}
    assert births["dan"] == (date(1950, 4, 1), None)
    assert births["bob"] == (date(1980, 1, 1), date(1980, 7, 1))  # nothing of 1980 lies before birth; ages count from mid-year


def test_people_keep_their_keys_and_new_ones_follow(persons, feed_rows):
    known = "(SELECT * FROM (VALUES (0, 'bob'), (1, 'gone')) AS t(person_key, person_id))"
    sources = {"patients": feed_rows("patients", *({"person_id": name, "birth_year": 1950} for name in ("cat", "bob", "ann")))}
    found = persons(sources, known)
    assert {name: row["person_key"] for name, row in found.items()} == {"bob": 0, "gone": 1, "ann": 2, "cat": 3}
    assert not found["gone"]["on_list"]


def test_a_stated_sex_or_ethnicity_goes_before_a_refused_and_that_before_an_unknown_one(persons, feed_rows):
    def listed(name: str, sex: str | None, ethnicity: str | None) -> dict[str, object]:
        return {"person_id": name, "birth_year": 1950, "sex": sex, "ethnic_category": ethnicity}

    def spell(name: str, day: str, sex: str | None, ethnicity: str | None) -> dict[str, object]:
        return {"person_id": name, "admission_date": date.fromisoformat(day), "sex": sex, "ethnic_category": ethnicity}

    sources = {
        "patients": feed_rows("patients", listed("ann", "1", "A"), listed("bob", "9", "Z"), listed("cat", None, "99"), listed("dan", "0", None)),
        "admissions": feed_rows("admissions", spell("ann", "2024-01-01", "2", "B"), spell("bob", "2023-01-01", "1", "M"),
                                spell("bob", "2024-01-01", "2", "N"), spell("bob", "2025-01-01", "0", "99"), spell("cat", "2024-01-01", None, "Z")),
        "emergency_attendances": feed_rows("emergency_attendances", {"person_id": "bob", "arrival_date": date(2025, 2, 1), "sex": "1"}),
    }  # fmt: skip
    found = {name: (row["sex"], row["ethnic_category"]) for name, row in persons(sources).items()}
    assert found == {"ann": ("1", "A"), "bob": ("1", "N"), "cat": (None, "Z"), "dan": ("0", None)}


def test_a_death_comes_from_the_list_or_from_a_spell_that_ended_in_death(persons, feed_rows):
    died = {"admission_date": date(2024, 1, 1), "discharge_date": date(2024, 1, 9), "discharge_method": "4"}
    sources = {
        "patients": feed_rows("patients", {"person_id": "ann", "birth_year": 1950, "death_date": date(2024, 1, 8)},
                              {"person_id": "bob", "birth_year": 1950}),
        "admissions": feed_rows("admissions", {"person_id": "ann", **died}, {"person_id": "bob", **died}),
    }  # fmt: skip
    found = persons(sources)
    assert (found["ann"]["death_date"], found["bob"]["death_date"]) == (date(2024, 1, 8), date(2024, 1, 9))


def test_a_spell_that_ended_in_death_is_not_believed_where_the_person_came_again(persons, feed_rows):
    def spell(name: str, admitted: str, discharged: str, method: str) -> dict[str, object]:
        return {"person_id": name, "admission_date": date.fromisoformat(admitted), "discharge_date": date.fromisoformat(discharged),
                "discharge_method": method}  # fmt: skip

    sources = {
        "admissions": feed_rows(
            "admissions",
            spell("ann", "2020-01-01", "2020-01-09", "4"), spell("ann", "2023-05-01", "2023-05-02", "1"),
            spell("bob", "2020-01-01", "2020-01-09", "4"), spell("bob", "2023-05-01", "2023-05-02", "4"),
            spell("cat", "2024-01-01", "2024-01-05", "4"), spell("cat", "2024-01-05", "2024-01-06", "4"),
        ),
    }  # fmt: skip
    found = {name: row["death_date"] for name, row in persons(sources).items()}
    assert found == {"ann": None, "bob": date(2023, 5, 2), "cat": date(2024, 1, 6)}


def test_objections_in_force_and_people_whom_a_national_list_did_not_check_are_opted_out(persons, feed_rows):
    rows = (
        ("ann", "type_1", "in_force"),
        ("ann", "national", "not_known"),
        ("bob", "type_1", "withdrawn"),
        ("cat", "type_1", "ended_by_absence"),
    )
    objections = (
        "("
        + " UNION ALL ".join(f"SELECT '{who}' AS person_id, '{kind}' AS kind, '{state}' AS state" for who, kind, state in rows)
        + ")"
    )
    sources = {"patients": feed_rows("patients", *({"person_id": who, "birth_year": 1950} for who in ("ann", "bob", "cat")))}
    found = {
        name: (row["type_1_opt_out"], row["national_data_opt_out"])
        for name, row in persons(sources, objections=objections).items()
    }
    assert found == {"ann": (True, True), "bob": (False, False), "cat": (False, False)}


def test_a_mark_that_cannot_be_read_also_counts_for_a_pseudonym_that_differs_only_in_letter_case(table, feed_rows):
    day = date(2026, 1, 1)
    listed = [{"person_id": name, "birth_year": 1950, "extract_date": day} for name in ("Pa", "PA", "Pb")]
    sources = {"patients": feed_rows("patients", *listed)}
    marks = "(SELECT 'PA' AS person_id, DATE '2026-01-01' AS extract_date, 'confidentiality not readable' AS reason)"

    def suppressed(**stated):
        people = f"(SELECT person_id FROM {sources['patients']})"
        rows = table(person_sql(people, sources, ClinicalRules(), None, StatedFacts(marks=marks, **stated)))
        return {row["person_id"] for row in rows if row["suppression"] == "confidentiality not readable"}

    assert suppressed() == {"Pa", "PA"}
    assert suppressed(cautious=()) == {"PA"}  # letter case matters


def test_without_patients_the_list_is_who_is_registered(persons, feed_rows):
    sources = {
        "registrations": feed_rows("registrations", {"person_id": "ann"}),
        "admissions": feed_rows("admissions", {"person_id": "bob"}),
    }
    found = persons(sources)
    assert [found[name]["on_list"] for name in ("ann", "bob")] == [True, False]

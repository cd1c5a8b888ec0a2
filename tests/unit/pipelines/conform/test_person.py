from __future__ import annotations

from datetime import date

import pytest

from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.person import person_sql


@pytest.fixture
def persons(table):
    def run(sources: dict[str, str], known: str | None = None) -> dict[str, dict[str, object]]:
        ids = "(" + " UNION ALL ".join(f"SELECT person_id FROM {source}" for source in sources.values()) + ")"
        rows = table(person_sql(ids, sources, ClinicalRules(), known) + " ORDER BY person_key")
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


def test_the_latest_row_of_each_kind_of_opt_out_holds(persons, feed_rows):
    def said(name: str, kind: str, status: str, year: int) -> dict[str, object]:
        return {"person_id": name, "opt_out_type": kind, "status": status, "effective_date": date(year, 1, 1)}

    sources = {
        "opt_outs": feed_rows("opt_outs", said("ann", "TYPE_1", "1", 2020), said("ann", "TYPE_1", "0", 2021), said("ann", "NATIONAL", "1", 2019),
                              said("bob", "TYPE_1", "0", 2020), said("bob", "TYPE_1", "1", 2022)),
    }  # fmt: skip
    found = {name: (row["type_1_opt_out"], row["national_data_opt_out"]) for name, row in persons(sources).items()}
    assert found == {"ann": (False, True), "bob": (True, False)}


def test_of_an_opt_out_and_a_withdrawal_of_one_day_the_opt_out_holds(persons, feed_rows):
    rows = [
        {"person_id": "ann", "opt_out_type": "TYPE_1", "status": status, "effective_date": date(2020, 1, 1)} for status in "010"
    ]
    assert persons({"opt_outs": feed_rows("opt_outs", *rows)})["ann"]["type_1_opt_out"]


def test_an_opt_out_with_a_strange_date_is_kept_and_a_withdrawal_to_come_takes_none_back(persons, feed_rows):
    def said(name: str, status: str, day: str) -> dict[str, object]:
        return {"person_id": name, "opt_out_type": "TYPE_1", "status": status, "effective_date": date.fromisoformat(day)}

    sources = {
        "opt_outs": feed_rows("opt_outs", said("ann", "1", "1900-01-01"), said("bob", "1", "9999-12-31"), said("cat", "1", "2020-01-01"),
                              said("cat", "0", "2027-01-01"), said("dan", "1", "1900-01-01"), said("dan", "0", "2021-01-01")),
    }  # fmt: skip
    assert {name: row["type_1_opt_out"] for name, row in persons(sources).items()} == {
        "ann": True,
        "bob": True,
        "cat": True,
        "dan": False,
    }


def test_without_patients_the_list_is_who_is_registered(persons, feed_rows):
    sources = {
        "registrations": feed_rows("registrations", {"person_id": "ann"}),
        "admissions": feed_rows("admissions", {"person_id": "bob"}),
    }
    found = persons(sources)
    assert [found[name]["on_list"] for name in ("ann", "bob")] == [True, False]

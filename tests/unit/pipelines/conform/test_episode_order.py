from __future__ import annotations

from collections.abc import Callable
from datetime import date

from pipelines.conform.availability import AvailabilitySettings
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.spell import spell_sql


def test_the_first_episode_of_a_spell_follows_from_its_number_not_its_place_in_the_file(
    feed_rows: Callable[..., str], table: Callable[[str], list[dict[str, object]]], people: str
) -> None:
    whole = {"person_id": "ann", "provider_code": "RX1", "spell_number": "a", "admission_date": date(2024, 3, 1)}
    rows = feed_rows(
        "admissions",
        {**whole, "episode_order": 2, "admission_method": "22", "primary_diagnosis": "J18", "discharge_date": date(2024, 3, 9)},
        {**whole, "episode_order": 1, "admission_method": "22", "primary_diagnosis": "J44"},
    )

    found = table(spell_sql(rows, people, ClinicalRules(), AvailabilitySettings()))

    assert [(row["primary_diagnosis"], row["discharge_date"], row["stays_joined"]) for row in found] == [
        ("J44", date(2024, 3, 9), 1)
    ]

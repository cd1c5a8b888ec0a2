from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from expectations.tables.features import CATALOGUE, PERSON_FEATURES
from features.registers import REGISTERS
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake
from pipelines.reports.monitoring.register_part import OTHER_AGES, register_part
from pipelines.reports.monitoring.register_part import _row as register_row

DAY = "2026-01-01"
Person = tuple[float, float | None, float | None]  # age, depression, dementia


def lake_with(folder: Path, people: Iterable[Person], event: str = DAY) -> Lake:
    lake = Lake(folder)
    ages, depression, dementia = zip(*people, strict=True)
    table = pa.table(
        {
            "index_event_id": [event] * len(ages),
            "age_years": pa.array(ages, pa.float32()),
            "depression_current": pa.array(depression, pa.float32()),
            "gp_covered": [value is not None for value in depression],
            "dementia_ever": pa.array(dementia, pa.float32()),
        }
    )
    partition = {"index_date": DAY}
    file = lake.write_arrow(PERSON_FEATURES.name, table.to_reader(), partition)
    schema = table.schema.append(pa.field("index_date", pa.date32()))
    lake.commit(PERSON_FEATURES.name, [file], schema, partition_by=("index_date",), replace=partition)
    return lake


ADULTS: list[Person] = [(40, float(number < 40), 0.0) for number in range(280)] + [
    (90, 0.0, float(number < 6)) for number in range(20)
]
CHILDREN: list[Person] = [(5, 1.0, 0.0)] * 100


def rows(lake: Lake) -> list[tuple[str, ...]]:
    return [(row["register"], row["ages"], row["share"], row["expected"], row["result"]) for row in register_part(lake)["rows"]]


def test_people_of_the_ages_of_a_register_are_compared_with_the_share_at_these_ages(tmp_path: Path) -> None:
    unknown: list[Person] = [(50, None, 0.0)] * 50  # no GP record: neither on the register nor off it
    assert rows(lake_with(tmp_path, [*ADULTS, *CHILDREN, *unknown, (0.5, 0.0, 0.0)])) == [
        ("DEM", "all", "not shown", "0.7%", "as expected"),
        ("DEP", "18 and over", "13.3%", "13.2%", "as expected"),
    ]


def test_a_cohort_without_the_ages_of_a_register_is_not_compared(tmp_path: Path) -> None:
    results = {row[0]: row[4] for row in rows(lake_with(tmp_path / "adults", [*ADULTS, (18, 0.0, 0.0)]))}
    assert results == {"DEM": OTHER_AGES, "DEP": "as expected"}
    young = [person for person in [*ADULTS, *CHILDREN] if person[0] < 80]
    assert {row[4] for row in rows(lake_with(tmp_path / "young", [*young, (0.5, 0.0, 0.0)]))} == {OTHER_AGES}


def test_only_too_few_people_are_far_from_the_least_share_of_a_register() -> None:
    register = next(register for register in REGISTERS if register.code == "OST")
    found = [register_row(register, on_it, 10_000, has_all_ages=True) for on_it in (20, 95, 400)]
    assert [row["expected"] for row in found] == ["at least 1.0%"] * 3
    assert [row["result"] for row in found] == ["far fewer than expected", "as expected", "as expected"]


def test_a_register_on_which_no_one_is_although_people_are_expected_is_seen(tmp_path: Path) -> None:
    people: list[Person] = [(age, 0.0, 0.0) for age in range(100)]
    assert {row[0]: row[4] for row in rows(lake_with(tmp_path, people))} == {
        "DEM": "matches no one: too few people to judge",
        "DEP": "matches no one",
    }


def test_a_register_whose_ending_codes_match_no_one_does_not_count_who_ever_had_the_condition(tmp_path: Path) -> None:
    lake = lake_with(tmp_path, [*ADULTS, *CHILDREN])
    text = {column.name: "x" for column in CATALOGUE.columns}
    row = {**text, "name": "dementia_current", "window_days": None, "uses_deprivation": False, "status": "not_computed"}
    lake.write(CATALOGUE, pa.Table.from_pylist([row], arrow_schema(CATALOGUE)))
    assert {row[0] for row in rows(lake)} == {"DEP"}


def test_a_cohort_of_events_and_a_lake_without_features_have_no_registers(tmp_path: Path) -> None:
    assert register_part(Lake(tmp_path / "empty"))["rows"] == []
    assert register_part(lake_with(tmp_path / "events", ADULTS, event="discharge 7"))["rows"] == []

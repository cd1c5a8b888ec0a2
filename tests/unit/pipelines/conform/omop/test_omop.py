from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path

import duckdb
import pytest
from pydantic import ValidationError

from expectations.table import Kind
from expectations.tables.raw_omop import OMOP_TABLES
from features.analytes import ANALYTES, CONCEPTS_OF_ANALYTE, SPELLINGS, UNIT_CONCEPTS
from features.events import NUMBER_OF
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.core_tables import conform_people, conform_spells
from pipelines.conform.event import EventRequest
from pipelines.conform.omop.cohorts import index_events_sql, outcomes_sql
from pipelines.conform.omop.core_tables import conform_omop_events, people_sources
from pipelines.conform.omop.event_rows import omop_event_rows
from pipelines.conform.omop.feed_rows import icd10_codes_sql, omop_availability, omop_birth_days, omop_sources
from pipelines.conform.omop.links import linked_rows, quarantine_unlinked
from pipelines.conform.omop.measurements import read_measurements_sql, unit_summary
from pipelines.conform.omop.visits import Cdm, visits_sql
from pipelines.conform.person import StatedFacts, person_sql
from pipelines.errors import ExtractError
from pipelines.extracts.ingest import raw_schema
from pipelines.lake.storage import Lake
from pipelines.sources.omop.files import omop_feeds, table_files
from pipelines.sources.omop.settings import OmopSettings, VisitConcepts

EXTRACT = date(2024, 1, 1)
SETTINGS = OmopSettings(folder=Path("cdm"), extract_date=EXTRACT)
TABLES = {table.feed.removeprefix("omop_"): table for table in OMOP_TABLES}
TYPES = {Kind.DATE: "DATE", Kind.INTEGER: "INTEGER", Kind.NUMBER: "DOUBLE"}
DELIVERED = {"extract_id", "extract_date", "file_name", "row_number"}


def rows_sql(table: str, rows: list[dict[str, object]]) -> str:
    """Write a table's validated rows as SQL; columns that are not given are null."""

    def row_sql(number: int, row: dict[str, object]) -> str:
        cells = [
            f"CAST({'NULL' if row.get(column.name) is None else repr(str(row[column.name]))} AS {TYPES.get(column.kind, 'VARCHAR')}) AS {column.name}"
            for column in TABLES[table].columns
            if column.name not in DELIVERED
        ]
        own = [
            "'x' AS extract_id", f"DATE '{EXTRACT}' AS extract_date", f"{number} AS row_number",
            f"DATE '{EXTRACT}' AS first_extract_date", "true AS is_first_delivery",
            f"DATE '{EXTRACT}' AS key_extract_date", "true AS key_in_first_delivery",
        ]  # fmt: skip
        return f"SELECT {', '.join(cells + own)}"

    return "(" + " UNION ALL ".join(row_sql(number, row) for number, row in enumerate(rows, start=1)) + ")"


def person(person_id: str, **more: object) -> dict[str, object]:
    return {"person_id": person_id, "gender_concept_id": "8532", "year_of_birth": 1950, **more}


def period(person_id: str, start: str, end: str) -> dict[str, object]:
    return {
        "observation_period_id": f"o{person_id}",
        "person_id": person_id,
        "observation_period_start_date": start,
        "observation_period_end_date": end,
    }


def visit(number: str, person_id: str, concept: int, start: str, end: str | None, **more: object) -> dict[str, object]:
    return {
        "visit_occurrence_id": number, "person_id": person_id, "visit_concept_id": concept, "visit_start_date": start,
        "visit_end_date": end, **more,
    }  # fmt: skip


def condition(person_id: str, day: str, visit_id: str | None, code: str, source_concept: str = "1") -> dict[str, object]:
    return {
        "condition_occurrence_id": f"{person_id}{day}{code}", "person_id": person_id, "condition_concept_id": "201826",
        "condition_start_date": day, "visit_occurrence_id": visit_id, "condition_source_value": code,
        "condition_source_concept_id": source_concept,
    }  # fmt: skip


def cdm(**tables: list[dict[str, object]]) -> Cdm:
    return {name: rows_sql(name, rows) for name, rows in tables.items()}


def classes(source: Cdm, settings: OmopSettings = SETTINGS) -> dict[str, str]:
    return dict(duckdb.sql(f"SELECT visit_occurrence_id, visit_class FROM {visits_sql(source, settings)}").fetchall())


def test_the_class_of_a_visit_follows_from_its_concept_its_source_and_the_emergency_room_before_it() -> None:
    visits = [
        visit("elective", "1", 9201, "2023-01-10", "2023-01-12"),
        visit("by_concept", "2", 262, "2023-01-10", "2023-01-12"),
        visit("by_source", "3", 9201, "2023-01-10", "2023-01-12", admitted_from_concept_id=8870),
        visit("er", "4", 9203, "2023-01-09", "2023-01-09"),
        visit("after_er", "4", 9201, "2023-01-10", "2023-01-12"),
        visit("long_after_er", "4", 9201, "2023-03-10", "2023-03-12"),
        visit("clinic", "5", 9202, "2023-01-10", "2023-01-10"),
        visit("home", "5", 581476, "2023-01-10", "2023-01-10"),
    ]

    assert classes(cdm(visit_occurrence=visits)) == {
        "elective": "elective_stay",
        "by_concept": "emergency_stay",
        "by_source": "emergency_stay",
        "er": "emergency_room",
        "after_er": "emergency_stay",
        "long_after_er": "elective_stay",
        "clinic": "outpatient",
        "home": "other",
    }


def test_the_admission_method_column_goes_before_the_concept() -> None:
    settings = SETTINGS.model_copy(
        update={"admission_method_column": "visit_source_value", "admission_methods": {"EU OBSERVATION": "emergency_room"}}
    )
    visits = [
        visit("a", "1", 9201, "2023-01-10", "2023-01-12", admission_method="EU OBSERVATION"),
        visit("b", "1", 9201, "2023-05-10", "2023-05-12"),
    ]

    assert classes(cdm(visit_occurrence=visits), settings) == {"a": "emergency_room", "b": "elective_stay"}


def test_a_stay_becomes_an_admission_with_its_codes_and_its_end() -> None:
    source = cdm(
        person=[person("1")],
        observation_period=[period("1", "2020-01-01", "2023-12-31")],
        visit_occurrence=[visit("v", "1", 262, "2023-01-10", "2023-01-12")],
        death=[{"person_id": "1", "death_date": "2023-01-12"}],
        condition_occurrence=[condition("1", "2023-01-10", "v", "I50.9", "35207792")],
        concept=[{"concept_id": "35207792", "concept_name": "Heart failure", "vocabulary_id": "ICD10CM"}],
    )

    found = duckdb.sql(
        f"SELECT person_id, admission_date, discharge_date, admission_method, discharge_method, diagnoses FROM {omop_sources(source, SETTINGS)['admissions']}"
    ).fetchall()

    assert found == [("1", date(2023, 1, 10), date(2023, 1, 12), "21", "4", "I509")]


def test_a_persons_sex_birth_and_death_are_read_and_race_is_not_taken_for_ethnicity() -> None:
    source = cdm(
        person=[
            person("1", month_of_birth=5, race_source_value="WHITE"),
            person("2", gender_concept_id=8507, race_source_value="WHITE"),
        ],
        observation_period=[period("1", "2020-01-01", "2023-12-31")],
        visit_occurrence=[visit("v", "1", 262, "2023-01-10", "2023-01-12")],
        death=[{"person_id": "2", "death_date": "2023-06-30"}],
    )
    columns = "person_id, sex, birth_year, birth_month, death_date, ethnic_category"
    by_setting = SETTINGS.model_copy(update={"ethnic_categories": {"WHITE": "A"}})

    plain = duckdb.sql(f"SELECT {columns} FROM {omop_sources(source, SETTINGS)['patients']} ORDER BY person_id").fetchall()
    mapped = duckdb.sql(f"SELECT ethnic_category FROM {omop_sources(source, by_setting)['patients']}").fetchall()

    assert plain == [("1", "2", 1950, 5, None, None), ("2", "1", 1950, None, date(2023, 6, 30), None)]
    assert mapped == [("A",), ("A",)]


def test_an_age_counts_from_the_day_of_birth_where_the_source_has_it() -> None:
    source = cdm(
        person=[
            person("1", year_of_birth=2004, month_of_birth=2, day_of_birth=29),
            person("2", year_of_birth=2005, month_of_birth=2, day_of_birth=29),
            person("3", month_of_birth=5),
            person("4", day_of_birth=15),
        ],
        observation_period=[period(number, "2020-01-01", "2023-12-31") for number in "1234"],
        visit_occurrence=[],
    )
    feeds, people = people_sources(omop_sources(source, SETTINGS)), "(SELECT unnest(['1', '2', '3', '4']) AS person_id)"
    query = person_sql(people, feeds, ClinicalRules(), stated=StatedFacts(birth_days=omop_birth_days(source)))

    births = duckdb.sql(f"SELECT person_id, birth_date, assumed_birth_date FROM ({query}) ORDER BY person_id").fetchall()

    assert births == [
        ("1", date(2004, 2, 29), None), ("2", date(2005, 2, 1), None), ("3", date(1950, 5, 1), None),
        ("4", date(1950, 1, 1), date(1950, 7, 1)),
    ]  # fmt: skip


def test_icd_versions_that_share_letters_are_distinguished_by_the_whole_stay() -> None:
    source = cdm(
        condition_occurrence=[
            condition("1", "2010-01-01", "icd9", "V45.81"), condition("1", "2010-01-01", "icd9", "428.0"),
            condition("2", "2020-01-01", "icd10", "E78.5"), condition("2", "2020-01-01", "icd10", "SR (Sinus Rhythm)"),
        ]
    )  # fmt: skip
    by_visit = SETTINGS.model_copy(update={"icd10_codes": "by_visit"})
    never = SETTINGS.model_copy(update={"icd10_codes": "never"})

    assert duckdb.sql(f"FROM {icd10_codes_sql(source, by_visit)}").fetchall() == [("icd10", "E785")]
    assert icd10_codes_sql(source, SETTINGS) == ""
    assert icd10_codes_sql(source, never) == ""


def test_what_is_billed_with_a_stay_is_known_when_the_stay_ends() -> None:
    source = cdm(
        visit_occurrence=[
            visit("stay", "1", 9201, "2023-01-10", "2023-01-20"),
            visit("clinic", "1", 9202, "2023-02-01", "2023-02-01"),
        ],
        condition_occurrence=[
            condition("1", "2023-01-10", "stay", "a"),
            condition("1", "2023-02-01", "clinic", "b"),
            condition("1", "2023-03-01", None, "c"),
        ],
    )
    settings = SETTINGS.model_copy(update={"lag_days": 3})
    sql = next(part.sql for part in omop_event_rows(source, settings) if "condition_concept_id" in part.sql)

    days = duckdb.sql(f"SELECT event_date, available_date FROM ({sql}) ORDER BY 1").fetchall()

    assert days == [
        (date(2023, 1, 10), date(2023, 1, 23)),
        (date(2023, 2, 1), date(2023, 2, 4)),
        (date(2023, 3, 1), date(2023, 3, 4)),
    ]


def test_events_of_strangers_and_outside_the_observation_period_leave() -> None:
    source = cdm(
        person=[person("1"), person("2")],
        observation_period=[period("1", "2020-01-01", "2023-12-31"), period("9", "2020-01-01", "2023-12-31")],
        condition_occurrence=[
            condition("1", "2020-01-01", None, "first_day"), condition("1", "2023-12-31", None, "last_day"),
            condition("1", "2019-12-31", None, "before"), condition("2", "2021-01-01", None, "never_observed"),
            condition("9", "2021-01-01", None, "stranger"),
        ],
    )  # fmt: skip

    kept = duckdb.sql(f"SELECT condition_source_value FROM {linked_rows(source)['condition_occurrence']} ORDER BY 1").fetchall()

    assert kept == [("first_day",), ("last_day",)]


def write_cdm(folder: Path, *more: str) -> None:
    folder.mkdir()
    (folder / "PERSON.csv").write_text("PERSON_ID,GENDER_CONCEPT_ID,YEAR_OF_BIRTH\n-7,8507,1950\n", encoding="utf-8")
    (folder / "2b_observation_period.csv").write_text("observation_period_id,person_id\n", encoding="utf-8")
    header = "visit_occurrence_id,person_id,visit_concept_id,visit_start_datetime,admitting_source_concept_id\n"
    with gzip.open(folder / "visit_occurrence.csv.gz", "wt", encoding="utf-8") as packed:
        packed.write(header)
    for name in more:
        (folder / name).write_text("measurement_id\n", encoding="utf-8")


def test_tables_are_found_in_either_case_with_prefixes_and_in_parts(tmp_path: Path) -> None:
    write_cdm(tmp_path / "cdm", "measurement_1.csv", "measurement-00002.csv", "measurement_notes.csv", "drug_era.csv")

    feeds = omop_feeds(SETTINGS, tmp_path / "cdm")

    assert {feed: settings.files for feed, settings in feeds.items()} == {
        "omop_person": ("PERSON.csv",),
        "omop_observation_period": ("2b_observation_period.csv",),
        "omop_visit_occurrence": ("visit_occurrence.csv.gz",),
        "omop_measurement": ("measurement-00002.csv", "measurement_1.csv"),
    }
    assert all(settings.delivery_date == EXTRACT for settings in feeds.values())


def test_columns_of_53_and_datetimes_are_renamed(tmp_path: Path) -> None:
    write_cdm(tmp_path / "cdm")

    columns = omop_feeds(SETTINGS, tmp_path / "cdm")["omop_visit_occurrence"].columns

    assert columns == {"visit_start_date": "visit_start_datetime", "admitted_from_concept_id": "admitting_source_concept_id"}


def test_a_folder_of_parts_is_one_table(tmp_path: Path) -> None:
    folder = tmp_path / "cdm" / "measurement"
    folder.mkdir(parents=True)
    (folder / "part-0.parquet").touch()
    (folder / "_SUCCESS").touch()

    assert [path.name for path in table_files(tmp_path / "cdm", "measurement")] == ["part-0.parquet"]


def test_a_missing_table_or_column_is_named(tmp_path: Path) -> None:
    write_cdm(tmp_path / "cdm")
    asked = SETTINGS.model_copy(update={"admission_method_column": "admission_kind"})

    with pytest.raises(ExtractError, match="'admission_kind'"):
        omop_feeds(asked, tmp_path / "cdm")
    (tmp_path / "cdm" / "PERSON.csv").unlink()
    with pytest.raises(ExtractError, match="lacks the tables PERSON"):
        omop_feeds(SETTINGS, tmp_path / "cdm")
    with pytest.raises(ExtractError, match="no such folder"):
        omop_feeds(SETTINGS, tmp_path / "elsewhere")


def test_settings_that_contradict_themselves_are_refused() -> None:
    with pytest.raises(ValidationError, match="more than one kind"):
        VisitConcepts(stay=(9201,), emergency_room=(9201,))
    with pytest.raises(ValidationError, match="needs admission_method_column"):
        OmopSettings(folder=Path("cdm"), extract_date=EXTRACT, admission_methods={"URGENT": "emergency_stay"})
    with pytest.raises(ValidationError, match="same definition"):
        OmopSettings(folder=Path("cdm"), extract_date=EXTRACT, target_cohort_id="1", outcome_cohort_id="1")


def test_rows_that_break_a_rule_of_other_tables_are_quarantined_once(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    rows = cdm(
        person=[person("1")],
        observation_period=[period("1", "2020-01-01", "2023-12-31")],
        condition_occurrence=[
            condition("1", "2021-01-01", None, "kept"),
            condition("1", "2019-01-01", None, "a"),
            condition("9", "2021-01-01", None, "b"),
        ],
    )
    with duckdb.connect() as con:
        for name in ("observation_period", "condition_occurrence"):
            names = ", ".join(
                "CAST(NULL AS VARCHAR) AS " + column.name for column in TABLES[name].columns if column.name not in DELIVERED
            )
            raw = con.sql(
                f"SELECT {names}, DATE '{EXTRACT}' AS extract_date, '{name}.csv' AS file_name, CAST(1 AS BIGINT) AS row_number"
            )
            lake.commit(
                TABLES[name].name, [lake.write_arrow(TABLES[name].name, raw.to_arrow_table(), {"extract_id": "x"})],
                raw_schema(TABLES[name]), partition_by=("extract_id",),
            )  # fmt: skip
        first = quarantine_unlinked(lake, con, rows)
        again = quarantine_unlinked(lake, con, rows)

    found = lake.read(
        "core__quarantine", "table_name, extract_id, file_name, row_number, reason, action", order="row_number"
    ).to_pylist()
    assert first == again == {"outside_observation_period": 1, "unknown_person": 1}
    assert [(row["row_number"], row["reason"]) for row in found] == [(2, "outside_observation_period"), (3, "unknown_person")]
    assert {(row["table_name"], row["extract_id"], row["file_name"], row["action"]) for row in found} == {
        ("raw__omop_condition_occurrence", "x", "condition_occurrence.csv", "set_aside")
    }


def test_cohorts_give_index_events_and_outcomes(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    entry = {"cohort_definition_id": "1", "subject_id": "a", "cohort_start_date": "2022-05-01"}
    source = cdm(
        person=[person("a"), person("b")],
        observation_period=[period("a", "2020-01-01", "2023-12-31"), period("b", "2020-01-01", "2023-12-31")],
        visit_occurrence=[visit("v", "a", 9202, "2022-01-10", "2022-01-10")],
        cohort=[
            entry,
            {**entry, "subject_id": "b"},
            {**entry, "subject_id": "stranger"},
            {**entry, "cohort_definition_id": "2", "cohort_start_date": "2022-06-03"},
        ],
    )
    with duckdb.connect() as con:
        linked = linked_rows(source)
        sources = omop_sources(linked, SETTINGS)
        conform_people(lake, con, people_sources(sources), ClinicalRules())
        conform_spells(lake, con, sources, ClinicalRules(), omop_availability(SETTINGS))
        conform_omop_events(
            lake, con, linked, SETTINGS, EventRequest(ClinicalRules(), omop_availability(SETTINGS), tmp_path / "work")
        )

        index_events = con.sql(index_events_sql(lake, "1")).to_arrow_table().to_pylist()
        outcomes = con.sql(outcomes_sql(lake, "2")).to_arrow_table().to_pylist()
        no_rows = con.sql(outcomes_sql(lake, "7")).to_arrow_table().to_pylist()

    assert index_events == [
        {"person_key": 0, "index_date": date(2022, 5, 1), "index_event_id": "2022-05-01"},
        {"person_key": 1, "index_date": date(2022, 5, 1), "index_event_id": "2022-05-01"},
    ]
    assert outcomes == [{"person_key": 0, "event_date": date(2022, 6, 3)}]
    assert no_rows == []


def measurement(number: int, concept: str, value: float, unit: str | None) -> dict[str, object]:
    return {
        "measurement_id": f"m{number}", "person_id": "a", "measurement_concept_id": concept, "measurement_date": f"2022-03-{number:02}",
        "value_as_number": value, "unit_concept_id": unit,
    }  # fmt: skip


def test_a_value_is_stored_in_the_unit_of_its_measurement_by_its_unit_concept(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    values = [
        ("3004410", 8.1, "8554", 65), ("3004410", 65, "0", 65), ("3004410", 65, None, 65),  # HbA1c in %, and without a unit
        ("3004410", 65, "8554", None),  # no HbA1c is 65%
        ("3004249", 18.7, "44777602", 140), ("3012888", 80, "8876", 80),
        ("3016723", 1.0, "8840", 88), ("3025315", 180, "8739", 81.6),
        ("3036277", 172, "8582", 172), ("3036277", 172, "7777777", None),  # a concept that is no known unit
        ("3030354", 55, "720870", 55), ("40764999", 55, None, 55),  # eGFR
        ("3034485", 30, "44777612", 30), ("3001802", 300, "8723", 33.9),
        ("3030354", 54, "9117", 54), ("3001802", 200, "9017", 22.6),  # albumin creatinine ratio
        ("3027018", 900, "8541", 900),  # heart rate is no analyte
    ]  # fmt: skip
    source = cdm(
        person=[person("a")],
        observation_period=[period("a", "2020-01-01", "2023-12-31")],
        visit_occurrence=[visit("v", "a", 9202, "2022-01-10", "2022-01-10")],
        measurement=[measurement(number, concept, sent, unit) for number, (concept, sent, unit, _) in enumerate(values, start=1)],
    )
    with duckdb.connect() as con:
        linked = linked_rows(source)
        sources = omop_sources(linked, SETTINGS)
        conform_people(lake, con, people_sources(sources), ClinicalRules())
        conform_spells(lake, con, sources, ClinicalRules(), omop_availability(SETTINGS))
        request = EventRequest(ClinicalRules(), omop_availability(SETTINGS), tmp_path / "work")
        summary = conform_omop_events(lake, con, linked, SETTINGS, request)
        kind = NUMBER_OF["omop_measurement"]
        stored = con.sql(f"SELECT value FROM {lake.scan('core__event')} WHERE event_type = {kind} ORDER BY event_date").fetchall()
    assert [value for (value,) in stored] == [pytest.approx(expected) if expected else None for *_, expected in values]
    assert {name: count for name, count in summary.items() if name.startswith("values_")} == {
        "values_as_stated": 5, "values_converted": 6, "values_unit_assumed": 3, "values_unit_contradicts_value": 1, "values_unit_not_known": 1,
    }  # fmt: skip


def test_swapped_pressures_of_a_day_are_exchanged_and_values_without_a_number_have_no_outcome() -> None:
    rows = [measurement(1, "3004249", 80, "8876"), measurement(2, "3012888", 140, "8876"), measurement(3, "3004249", 130, "8876")]
    rows = [{**row, "measurement_date": "2022-03-01"} for row in rows[:2]] + [{**rows[2], "value_as_number": None}]
    read = read_measurements_sql(rows_sql("measurement", rows))
    found = duckdb.sql(f"SELECT measurement_id, value_as_number, outcome FROM {read} ORDER BY 1").fetchall()
    assert found == [("m1", 140, "pressures_exchanged"), ("m2", 80, "pressures_exchanged"), ("m3", None, None)]
    with duckdb.connect() as con:
        assert unit_summary(con, read) == {"values_pressures_exchanged": 2}


def test_every_concept_of_a_unit_has_spellings_and_every_concept_one_analyte() -> None:
    concepts = [concept for of_analyte in CONCEPTS_OF_ANALYTE.values() for concept in of_analyte]
    assert len(concepts) == len(set(concepts))
    assert set(CONCEPTS_OF_ANALYTE) <= set(ANALYTES)
    assert set(UNIT_CONCEPTS.values()) <= set(SPELLINGS)

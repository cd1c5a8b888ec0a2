"""Deaths in hospital from files to core__person: rows that are set aside, codes that are written otherwise, and deaths taken back."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from expectations.suppression import ADMITTED_AGAIN, DEATH_WITHDRAWN, DISCHARGE_NOT_READABLE
from expectations.tables.raw_hospital import ADMISSIONS
from expectations.tables.raw_omop import OBSERVATION_PERIOD, PERSON, VISIT_OCCURRENCE
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.core_tables import StatedFacts, conform_people
from pipelines.conform.omop.core_tables import people_sources
from pipelines.conform.omop.feed_rows import omop_sources, visits_as_stays_sql
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import FeedSettings, NhsSettings
from pipelines.sources.omop.settings import OmopSettings
from pipelines.validation.stated_stays import stated_stays_sql, stated_visits_sql
from pipelines.validation.validate import ValidationSettings, validate_feed
from pipelines.validation.validated_rows import validated_rows_sql

HEADER = (
    "Der_Pseudo_NHS_Number,Hospital_Spell_No,Der_Provider_Code,Admission_Date,Discharge_Date,Admission_Method,Discharge_Method\n"
)
NHS = NhsSettings(feeds={"admissions": FeedSettings(load={"replaces_months": 12})})
LIMITS = {"share_set_aside": 1, "unknown_codes": 1, "single_value": 0, "feed_collapsed": 0, "month_collapsed": 0}
DIED = date(2025, 3, 5)
ALIVE = (None, False, None)
IN_REVIEW = (None, False, DEATH_WITHDRAWN)
OTHERS = "".join(f"other,{n},RX2,2025-01-{n},2025-01-{n},21,1\n" for n in range(10, 31))


def stay(person: str, number: int, method: str, discharged: str = "2025-03-05", admitted: str = "2025-02-20") -> str:
    return f"{person},{number},RX1,{admitted},{discharged},21,{method}\n"


def _earlier_stays(rows: str) -> str:
    """Return a stay of two years before for each person, so that everyone is known whatever becomes of the other rows."""
    names = sorted({row.split(",")[0] for row in rows.splitlines()})
    return "".join(stay(name, 100 + number, "1", "2024-01-02", "2024-01-01") for number, name in enumerate(names))


def people(folder: Path, *deliveries: tuple[str, str]) -> dict[str, tuple[date | None, bool, str | None]]:
    """Return date of death, whether its day is not known, and the reason of suppression of everyone in some deliveries."""
    lake = Lake(folder / "lake")
    (folder / "admissions").mkdir()
    earlier = _earlier_stays("".join(rows for _, rows in deliveries))
    with connect() as con:
        for day, rows in deliveries:
            (folder / "admissions" / f"admissions_{day}.csv").write_text(HEADER + rows + OTHERS + earlier)
            ingest_feed(lake, con, ADMISSIONS, NHS, folder)
            validate_feed(lake, con, ADMISSIONS, NHS, ValidationSettings(limits=LIMITS))
        rules = ClinicalRules()
        stays = stated_stays_sql(lake, NHS, rules.died_methods)
        conform_people(lake, con, {"admissions": validated_rows_sql(lake, NHS, "admissions")}, rules, StatedFacts(stays=stays))
    columns = "person_id, death_date, death_not_readable, suppression"
    rows = lake.read("core__person", columns, "person_id <> 'other'").to_pylist()
    return {row["person_id"]: (row["death_date"], row["death_not_readable"], row["suppression"]) for row in rows}


def test_a_death_counts_however_its_row_is_written_and_if_the_row_is_set_aside(tmp_path: Path) -> None:
    rows = (
        stay("plain", 1, "4") + stay("zero", 2, "04") + stay("text", 3, "4 - died") + stay("padded", 4, " 4 ")
        + stay("first", 5, "1") + stay("first", 5, "4")  # two rows of one stay
        + stay("second", 6, "4") + stay("second", 6, "1")
        + stay("wide", 18, "1") + stay("wide", 18, "４") + stay("quoted", 19, "1") + stay("quoted", 19, "=\"\"4\"\"").replace('=""', '"=""').replace('4""', '4"""')
        + stay("unread", 7, "4", discharged="2025-03-05x") + stay("before", 8, "4", discharged="2025-02-01")
        + stay("open", 9, "4", discharged="") + stay("word", 10, "died") + stay("forty", 11, "40")
        + stay("came", 12, "died") + stay("came", 13, "1", "2025-06-02", "2025-06-01")
        + stay("again", 14, "4") + stay("again", 15, "1", "2025-06-02", "2025-06-01")
        + stay("well", 16, "1") + stay("unsaid", 17, "")
    )  # fmt: skip
    assert people(tmp_path, ("2026-01-01", rows)) == {
        **dict.fromkeys(("plain", "zero", "text", "padded", "first", "second", "wide", "quoted"), (DIED, False, None)),
        **dict.fromkeys(("unread", "before", "open"), (None, True, None)),
        **dict.fromkeys(("word", "forty"), (None, False, DISCHARGE_NOT_READABLE)),
        "again": (None, False, ADMITTED_AGAIN),
        **dict.fromkeys(("came", "well", "unsaid"), ALIVE),
    }


def test_a_death_that_a_later_delivery_takes_back_or_omits_is_in_review(tmp_path: Path) -> None:
    names = ("other_method", "omitted", "still", "later", "bad_row", "read_now", "unread_now")
    december = "".join(stay(name, number, "1" if name == "later" else "4") for number, name in enumerate(names[:5]))
    december += stay("read_now", 5, "4", discharged="soon") + stay("unread_now", 6, "1")
    january = (
        stay("other_method", 0, "1") + stay("still", 2, "4") + stay("later", 3, "4") + stay("bad_row", 4, "1", discharged="x")
        + stay("read_now", 5, "1") + stay("unread_now", 6, "4", discharged="x")
    )  # fmt: skip
    found = people(tmp_path, ("2025-12-01", december), ("2026-01-01", january))
    assert found == {
        "other_method": IN_REVIEW,
        "omitted": IN_REVIEW,
        "still": (DIED, False, None),
        "later": (DIED, False, None),
        "bad_row": (DIED, False, None),  # a row that cannot be used takes nothing back
        "read_now": IN_REVIEW,
        "unread_now": (None, True, None),
    }


def test_a_corrected_file_of_the_same_name_that_takes_a_death_back_is_in_review(tmp_path: Path) -> None:
    found = people(tmp_path, ("2026-01-01", stay("ann", 1, "4") + stay("bob", 2, "1")), ("2026-01-01", stay("ann", 1, "1") + stay("bob", 2, "1")))  # fmt: skip
    assert found == {"ann": IN_REVIEW, "bob": ALIVE}


VISITS = {
    "died": ("9201", "2025-03-05", "4216643", (DIED, False, None)),
    "decimal": ("9201", "2025-03-05", "4216643.0", (DIED, False, None)),
    "in_emergency_room": ("9203", "2025-03-05", "4216643", (DIED, False, None)),
    "as_an_outpatient": ("9202", "2025-03-05", "4216643", (DIED, False, None)),
    "undated": ("9201", "", "4216643", (None, True, None)),
    "word": ("9201", "2025-03-05", "died", (None, False, DISCHARGE_NOT_READABLE)),
    "float": ("9201", "2025-03-05", "4.2E+06", (None, False, DISCHARGE_NOT_READABLE)),
    "no_day": ("9201", "soon", "4216643", (None, True, None)),
    "home": ("9201", "2025-03-05", "8536", ALIVE),
    "unmapped": ("9201", "2025-03-05", "0", ALIVE),
    "not_given": ("9201", "2025-03-05", "", ALIVE),
    "outpatient": ("9202", "2025-03-05", "", ALIVE),
    "broken": ("9201", "2025-03-05", "4216643\0", (None, True, None)),
}


def test_a_visit_of_an_omop_source_that_ended_in_death_is_a_death(tmp_path: Path) -> None:
    tables, day = (PERSON, OBSERVATION_PERIOD, VISIT_OCCURRENCE), date(2026, 1, 1)
    nhs = NhsSettings.model_construct(
        feeds={table.feed: FeedSettings(files=(f"{table.feed}.csv",), delivery_date=day) for table in tables}
    )
    rows = {
        PERSON: ("person_id,gender_concept_id,year_of_birth", [f"{name},8507,1940" for name in VISITS]),
        OBSERVATION_PERIOD: (
            "observation_period_id,person_id,observation_period_start_date,observation_period_end_date",
            [f"{name},{name},2020-01-01,2025-12-01" for name in VISITS],
        ),
        VISIT_OCCURRENCE: (
            "visit_occurrence_id,person_id,visit_concept_id,visit_start_date,visit_end_date,discharged_to_concept_id",
            [f"{name},{name},{concept},2025-02-20,{end},{to}" for name, (concept, end, to, _) in VISITS.items()],
        ),
    }
    lake, settings, cdm = Lake(tmp_path / "lake"), OmopSettings(folder=tmp_path, extract_date=day), {}
    with connect() as con:
        for table, (header, lines) in rows.items():
            (tmp_path / f"{table.feed}.csv").write_text("\n".join((header, *lines, "")))
            ingest_feed(lake, con, table, nhs, tmp_path)
            validate_feed(lake, con, table, nhs, ValidationSettings(limits={**LIMITS, "values_lost": 1}))
            cdm[table.feed.removeprefix("omop_")] = validated_rows_sql(lake, nhs, table.feed, table)
        sources = people_sources(omop_sources(cdm, settings), visits_as_stays_sql(cdm, settings))
        stays = stated_visits_sql(lake, nhs, settings.died_destinations)
        conform_people(lake, con, sources, ClinicalRules(), StatedFacts(stays=stays))
    found = lake.read("core__person", "person_id, death_date, death_not_readable, suppression").to_pylist()
    assert {row["person_id"]: (row["death_date"], row["death_not_readable"], row["suppression"]) for row in found} == {
        name: result for name, (*_, result) in VISITS.items()
    }

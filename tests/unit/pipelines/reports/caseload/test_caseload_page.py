"""The page and the CSV of a place: plain, escaped, needing no network."""

import csv
import io
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from expectations.tables.caseload import CASELOAD, RISING
from expectations.tables.risk import DRIVERS, SCORES
from pipelines.errors import RefusalError
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake
from pipelines.reports.caseload.files import write_caseloads

DAY = date(2026, 1, 1)
RUN = {
    "run_id": "0123456789abcdef", "outcome": "emergency_admission", "index_date": DAY, "data_cut_date": DAY, "model_name": "a_study",
    "model_version": "3", "purpose": "finding_people_for_care", "approval": "DSA <12>",
}  # fmt: skip


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Return two practices: two people listed at the first and one absent, one listed at the second."""
    lake, part = Lake(tmp_path / "lake"), {"run_id": RUN["run_id"]}

    def put(table: object, rows: list[dict[str, object]]) -> None:
        schema = arrow_schema(table)
        plain = {field.name: "x" if pa.types.is_string(field.type) else None for field in schema}
        lake.write(table, pa.Table.from_pylist([plain | row for row in rows], schema), part)

    place = {
        "place_kind": "practice_code",
        "age_group": "65+",
        "listed": True,
        "absent_reason": None,
        "risk": 0.5,
        "risk_band": "high",
    }
    known = {"coverage": "gp_observations", "end_of_life": False, "in_hospital_now": False, "on_caseload": False}
    put(CASELOAD, [
        place | known | {"place_code": "Y1", "person_id": "a", "list_rank": 1, "last_ae_attendance": date(2025, 5, 1), "listed_before": False},
        place | known | {"place_code": "Y1", "person_id": "=cmd|'/c calc'!A0", "list_rank": 2},
        place | {"place_code": "Y1", "person_id": "c", "listed": False, "absent_reason": "died", "risk": None, "coverage": None},
        place | known | {"place_code": "Y2", "person_id": "d", "list_rank": 1},
    ])  # fmt: skip
    scored = {"horizon_days": 365, "data_quality_status": "ok", "age_group": "65+"}
    put(SCORES, [scored | {"person_id": who, "practice_code": code} for who, code in (("a", "Y1"), ("b", "Y1"), ("d", "Y2"))])
    put(RISING, [{"person_id": "b", "risk": 0.2, "risk_before": 0.05, "risk_band": "moderate", "risk_band_before": "low", "age_group": "65+",
                  "compared_index_date": date(2025, 12, 1)}])  # fmt: skip
    put(DRIVERS, [
        {"person_id": "a", "driver_rank": 1, "driver": "Deficit: <b>Falls</b>, ever recorded", "direction": "raises"},
        {"person_id": "a", "driver_rank": 2, "driver": "GP contacts", "direction": "lowers"},
        {"person_id": "d", "driver_rank": 1, "driver": "Elsewhere", "direction": "raises"},
    ])  # fmt: skip
    return lake


def test_a_page_lists_people_with_reasons_and_the_people_not_listed(lake: Lake, tmp_path: Path) -> None:
    page, table = write_caseloads(lake, RUN, tmp_path / "caseloads", ("care_home",), "Y1")
    words = page.read_text(encoding="utf-8")
    assert "Age 65+: 2 listed of 2 people" in words
    assert "A&amp;E: 1 May 2025" in words
    assert "GP: not known" in words  # the feed does not cover the person
    assert "new on the list" in words
    assert "not known: care home" in words
    assert "risk has risen since 1 December 2025" in words and "before: low 5%" in words
    assert ">c</th>" in words and "died" in words
    assert "People with a flag for care home are not listed" in words
    assert "Elsewhere" not in words  # a driver of another practice's people
    assert page.stat().st_mode & 0o077 == 0
    assert table.suffix == ".csv"


def test_nothing_of_the_data_is_markup_and_nothing_is_fetched(lake: Lake, tmp_path: Path) -> None:
    words = write_caseloads(lake, RUN, tmp_path, (), "Y1")[0].read_text(encoding="utf-8")
    assert "&lt;b&gt;Falls&lt;/b&gt;" in words
    assert "DSA &lt;12&gt;" in words
    assert "://" not in words
    assert "<script" not in words


def test_the_csv_holds_everyone_and_no_cell_is_a_formula(lake: Lake, tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(write_caseloads(lake, RUN, tmp_path, (), "Y1")[1].read_text(encoding="utf-8"))))
    assert [(row["person_id"], row["listed"], row["absent_reason"]) for row in rows] == [
        ("a", "True", ""), ("'=cmd|'/c calc'!A0", "True", ""), ("c", "False", "died"),
    ]  # fmt: skip
    assert rows[0]["raises"] == "<b>Falls</b>"
    assert rows[0]["list_rank"] == "1"


def test_without_a_place_every_place_is_written_and_an_unknown_one_is_refused(lake: Lake, tmp_path: Path) -> None:
    assert len(write_caseloads(lake, RUN, tmp_path, ())) == 4
    with pytest.raises(RefusalError, match=r"no caseload of 'Y9'\. It has 2, such as Y"):
        write_caseloads(lake, RUN, tmp_path, (), "Y9")
    with pytest.raises(RefusalError, match="has no caseloads"):
        write_caseloads(lake, RUN | {"run_id": "fedcba9876543210"}, tmp_path, ())


def test_people_of_unknown_age_are_a_separate_group(lake: Lake, tmp_path: Path) -> None:
    rows = lake.read(CASELOAD.name).to_pandas().assign(age_group="not known")
    lake.write(CASELOAD, rows, {"run_id": RUN["run_id"]})
    assert "Age not known: 2 listed" in write_caseloads(lake, RUN, tmp_path, (), "Y1")[0].read_text(encoding="utf-8")

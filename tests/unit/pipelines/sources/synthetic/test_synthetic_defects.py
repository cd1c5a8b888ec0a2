"""The list of planted defects matches the files."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest

from pipelines.sources.synthetic.identifiers import DUMMY_PSEUDONYM
from pipelines.sources.synthetic.landing_files import write_board
from pipelines.sources.synthetic.settings import DefectSettings, SyntheticSettings

KINDS = set(range(1, 15)) - {10}  # a column with a single value stops a run, so it is off by default


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("landing")
    write_board(SyntheticSettings(people=4_000), folder)
    return folder


@pytest.fixture(scope="module")
def planted(landing: Path) -> pd.DataFrame:
    frame = pd.read_csv(landing / "planted_defects.csv", dtype=str)
    in_rows = frame[~frame["row_key"].str.startswith(("organisation:", "column:"))]
    where = in_rows["row_key"].str.rsplit(":", n=1, expand=True)
    return frame.join(pd.DataFrame({"file": where[0], "row": where[1].astype(int)}))


def lines(landing: Path, feed: str) -> list[bytes]:
    return (landing / feed / f"{feed}_2026-01-01.csv").read_bytes().split(b"\n")[:-1]


def rows_with(landing: Path, planted: pd.DataFrame, feed: str, reason: str) -> list[dict[str, str]]:
    """Read the rows of a feed that are listed with a reason, as they are in the file."""
    file_lines = lines(landing, feed)
    header = next(csv.reader([file_lines[0].decode()]))
    listed = planted[(planted["feed"] == feed) & (planted["reason"] == reason)]["row"].astype(int)
    assert len(listed), (feed, reason)
    return [dict(zip(header, next(csv.reader([file_lines[row].decode("latin-1")])), strict=False)) for row in listed]


def test_every_kind_of_defect_is_planted_and_no_row_is_listed_twice(planted: pd.DataFrame) -> None:
    assert set(planted["defect"].astype(int)) == KINDS
    assert not planted.duplicated("row_key").where(planted["file"].notna(), False).any()


def test_duplicates_copy_an_earlier_line_byte_for_byte(landing: Path, planted: pd.DataFrame) -> None:
    for feed in ("admissions", "gp_observations", "patients"):
        file_lines = lines(landing, feed)
        listed = planted[(planted["feed"] == feed) & (planted["reason"] == "duplicate_row")]["row"].astype(int)
        assert all(file_lines.index(file_lines[row]) < row for row in listed)


@pytest.mark.parametrize(
    ("feed", "reason", "column", "shape"),
    [
        ("admissions", "clear_identifier", "Der_Pseudo_NHS_Number", r"999\d{7}"),
        ("admissions", "dummy_person_id", "Der_Pseudo_NHS_Number", DUMMY_PSEUDONYM),
        ("admissions", "length_of_stay_contradicts_dates", "Der_Spell_LoS", r"999|745|2190"),
        ("admissions", "age_code_for_baby", "Age_At_Start_of_Spell_SUS", r"700[1-7]"),
        ("admissions", "unreadable_number", "Grand_Total_Payment_MFF", r"\d+(,\d{3})+\.\d\d"),
        ("admissions", "placeholder_date", "Admission_Date", r"190[01]-01-01"),
        ("emergency_attendances", "duplicate_by_sender", "Der_Dupe_Flag", "1"),
        ("emergency_attendances", "second_date_format", "Arrival_Date", r"\d\d/\d\d/\d{4}"),
        ("gp_observations", "imprecise_date", "CLINICAL_EFFECTIVE_DATE", r"\d{4}(-\d\d)?"),
        ("gp_observations", "missing_value", "OBSERVATION_SOURCE_CONCEPT_ID", ""),
        ("gp_observations", "date_after_extract", "CLINICAL_EFFECTIVE_DATE", r"20(37|41|99)-.*"),
        ("patients", "test_patient", "IS_TEST_PATIENT", "1|Y"),
        ("patients", "age_over_120", "BIRTH_YEAR", "18(93|84)"),
        ("registrations", "unreadable_date", "START_DATE", r"2021-02-30|2022-13-01|00:00\.0|2019-04-31"),
        ("outpatient_appointments", "not_in_vocabulary", "Attendance_Status", "DNA|ATT|9"),
    ],
)
def test_listed_rows_contain_the_defect(
    landing: Path, planted: pd.DataFrame, feed: str, reason: str, column: str, shape: str
) -> None:
    values = pd.Series([row[column] for row in rows_with(landing, planted, feed, reason)])
    assert values.str.fullmatch(shape).all(), values.tolist()


def test_padding_changes_only_blanks_and_case(landing: Path, planted: pd.DataFrame) -> None:
    values = [row["ORGANISATION_ID"] for row in rows_with(landing, planted, "gp_observations", "padding_or_case")]
    assert all(value != value.strip().upper() and value.strip().upper().startswith("Y0") for value in values)


def test_lines_with_an_extra_field_or_another_encoding_are_listed(landing: Path, planted: pd.DataFrame) -> None:
    file_lines = lines(landing, "gp_observations")
    fields = file_lines[0].count(b",")
    listed = {
        reason: set(group["row"].astype(int)) for reason, group in planted[planted["feed"] == "gp_observations"].groupby("reason")
    }
    assert {row for row, line in enumerate(file_lines) if line.count(b",") > fields} == listed["too_many_fields"]
    assert {row for row, line in enumerate(file_lines) if b"\xb5" in line} == listed["not_utf8"]
    for row in listed["not_utf8"]:
        with pytest.raises(UnicodeDecodeError):
            file_lines[row].decode()


def test_both_spells_of_an_overlapping_pair_are_listed(landing: Path, planted: pd.DataFrame) -> None:
    pairs = pd.DataFrame(rows_with(landing, planted, "admissions", "overlapping_spells"))
    assert len(pairs) % 2 == 0
    for _, pair in pairs.groupby("Der_Pseudo_NHS_Number"):
        first, second = pair.sort_values("Admission_Date").to_dict("records")
        assert first["Der_Provider_Code"] != second["Der_Provider_Code"]
        assert second["Admission_Date"] < first["Discharge_Date"]


def test_rates_of_0_plant_no_row_defects_and_organisations_are_still_listed(tmp_path: Path, planted: pd.DataFrame) -> None:
    none = DefectSettings(row_rate=0, duplicate_rate=0, overlap_rate=0, dummy_rows_per_thousand_people=0, least_dummy_rows=0)
    summary = write_board(SyntheticSettings(people=600, defects=none), tmp_path)
    assert summary.planted == {"below_published_list": 1, "ethnicity_not_known": 2, "history_starts_at_load": 1, "month_gap": 9}
    keys = set(planted.loc[planted["file"].isna(), "row_key"])
    assert {"organisation:RX2:2022-02", "organisation:Y00005:-", "organisation:Y00002:-", "organisation:RX4:-"} <= keys

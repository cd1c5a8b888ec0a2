"""Columns whose absence grants something: which they are, and which unused headers may be them."""

import pytest

from expectations.catalogue import RAW_TABLES
from expectations.granting_columns import granting_columns, may_be, required_columns
from expectations.tables.raw_gp import PATIENTS, REGISTRATIONS


def test_dates_that_suppress_and_marks_grant_something() -> None:
    assert granting_columns(PATIENTS) == {"death_date", "is_confidential", "is_deleted", "is_spine_sensitive", "is_test_patient"}
    assert "end_date" in granting_columns(REGISTRATIONS)


@pytest.mark.parametrize(
    ("column", "header"),
    [
        ("death_date", "DATE_OF_DEATH"), ("death_date", "DateOfDeath"), ("death_date", "DOD"), ("death_date", "date died"), ("end_date", "REG_END_DATE"),
        ("end_date", "DEDUCTION_DATE"), ("end_date", "LeftDate"), ("is_confidential", "CONFIDENTIALITY_CODE"), ("is_deleted", "Delete Flag"),
        ("is_spine_sensitive", "SENSITIVE"), ("is_test_patient", "DUMMY_PATIENT"),
        ("death_date", "DATEOFDEATH"), ("death_date", "dateofdeath"), ("death_date", "DECEASEDFLAG"), ("end_date", "DateofDeactivation"),
        ("end_date", "DEREGISTRATION_DATE"), ("end_date", "regenddate"), ("end_date", "VALID_TO"), ("is_confidential", "ISCONFIDENTIAL"),
        *(("death_date", name) for name in ("DTH_DATE", "D_O_D", "MORTALITY_DATE", "EXPIRED", "VITAL_STATUS", "PASSED_AWAY_DATE", "DateOfDth", "IS_ALIVE")),
        *(("death_date", name) for name in ("VITALSTATUS", "Expiry_Dt", "DEMISE_ON", "DTHDT", "LIFE_STATUS", "Mortality_Flag")),
        *(("end_date", name) for name in ("LEAVE_DATE", "LeaverDate", "DEPARTURE_DATE", "EXIT_DATE", "CEASED_ON", "LEAVING_DATE", "TERMINATED", "UNTIL")),
        *(("end_date", name) for name in ("LEAVEDATE", "STOP_DATE", "CLOSED_ON", "VALID_UNTIL", "DateLeft", "REGISTERED_UNTIL")),
        ("is_deleted", "isdeleted"), ("is_spine_sensitive", "SPINESENSITIVE"), ("is_test_patient", "ISTESTPATIENT"),
    ],
)  # fmt: skip
def test_a_header_with_a_word_for_a_column_may_be_the_column(column: str, header: str) -> None:
    assert may_be(column, header)


@pytest.mark.parametrize(
    "header",
    [
        "GENDER",
        "COMMENT",
        "BIRTH_DATE",
        "RECOMMENDED",
        "LATEST_CONTACT",
        "DATE",
        "LIVING_ALONE",
        "CHECK_PASSED",
        "START_DATE",
        "METHOD_OF_CONTACT",
    ],
)
def test_other_headers_are_not(header: str) -> None:
    assert not any(may_be(column, header) for column in granting_columns(PATIENTS) | granting_columns(REGISTRATIONS))


def test_every_granting_column_has_a_word() -> None:
    columns = {name for table in RAW_TABLES.values() for name in granting_columns(table)}
    assert [name for name in sorted(columns) if not may_be(name, name)] == []


def test_an_absent_column_is_required_where_an_unused_header_may_be_it() -> None:
    always = {column.name for column in PATIENTS.columns if column.required_in_file}
    assert required_columns(PATIENTS) == always
    assert required_columns(PATIENTS, (), ["DIED_ON"]) == always | {"death_date"}
    assert required_columns(PATIENTS, ("death_date",), ["DIED_ON"]) == always

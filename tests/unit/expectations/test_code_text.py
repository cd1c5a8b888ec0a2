"""The code in a value that has more than a code, or the value itself where no code is certain."""

from __future__ import annotations

import pytest

from expectations.code_text import code_of, code_sql, may_have_more_sql
from expectations.identifier_schemes import Scheme, reason_against
from expectations.identifier_text import normal, normal_sql
from expectations.sql_values import quote
from pipelines.lake.duckdb_connection import connect

SNOMED, ICD10 = Scheme.SNOMED_CONCEPT, Scheme.ICD10


def read(scheme: Scheme, text: str) -> str:
    """Return the code by SQL, which must agree with Python and with its own fast test."""
    code = code_of(scheme, normal(text))
    with connect() as con:
        plain = con.execute(f"SELECT {normal_sql(quote(text))}").fetchall()[0][0]
        found, may = con.execute(
            f"SELECT {code_sql(scheme, quote(plain))}, {may_have_more_sql(scheme, quote(plain))}"
        ).fetchall()[0]
    assert found == code
    assert may or code == plain
    return code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("73211009", "73211009"),
        ("73211009|Diabetes|", "73211009"),
        ("73211009 |Diabetes mellitus (disorder)|", "73211009"),
        ("73211009|Diabetes mellitus", "73211009"),
        ("73211009 | Diabetes mellitus |", "73211009"),
        ("73211009||", "73211009"),
        ("73211009 - Diabetes mellitus", "73211009"),
        ("73211009: Diabetes", "73211009"),
        ("73211009^Diabetes", "73211009"),
        ("73211009 Diabetes mellitus type 2", "73211009"),
        ("SCTID:73211009", "73211009"),
        ("SCTID: 73211009", "73211009"),
        ("sctid 73211009", "73211009"),
        ("SNOMED CT: 73211009", "73211009"),
        ("SCTID: 73211009 |Diabetes|", "73211009"),
        ("http://snomed.info/id/73211009", "73211009"),
        ("https://snomed.info/id/73211009/", "73211009"),
        ("http://snomed.info/sct|73211009", "73211009"),
        ("73 211 009", "73211009"),
        ("7321\u00a01009", "73211009"),
        ("73,211,009", "73211009"),
        ("\u00a073211009 |Diabetes|\u200b", "73211009"),
        ("1.62660004E8", "162660004"),
        ("1.62660004E+08", "162660004"),
        ("1,62660004e8", "162660004"),
        ("7.3211009E+007", "73211009"),
        ("9.99791000000106E14", "999791000000106"),  # fifteen digits, which a decimal number holds
        ("322236009|Paracetamol 500mg tablets|", "322236009"),
    ],
)
def test_a_snomed_code_is_read_with_what_is_around_it(text: str, code: str) -> None:
    assert read(SNOMED, text) == code
    assert reason_against(SNOMED, code) == ""


@pytest.mark.parametrize(
    "text",
    [
        "9.99791E+14", "4.41E+07", "4.4054E7",  # digits are lost, or may be
        "1.0648910000001069E15",  # sixteen digits: a decimal number does not hold each of them
        "1.626600040E8", "1.62660004E-8", "1.62660004E9",
        "44054006,73211009", "44054006 73211009", "44054006|73211009", "44054006|Diabetes|73211009|Diabetes|",
        "73211009 |Diabetes| : 363698007 = 1234567", "73211009:363698007=1234567", "44054006 - or 73211009", "44054006 or 73211009",
        "http://snomed.info/sct/83821000000107", "http://example.org/id/73211009", "Diabetes", "Diabetes (73211009)", "C10E.", "E11.9 - Diabetes",
        "732-11009", "73211009x", "",
    ],
)  # fmt: skip
def test_a_value_without_one_certain_snomed_code_stays(text: str) -> None:
    assert read(SNOMED, text) == normal(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("E11.9", "E11.9"), ("E119", "E119"),
        ("E11.9 - Type 2 diabetes", "E11.9"), ("E11.9|Type 2 diabetes mellitus", "E11.9"), ("E11.9 | Type 2 diabetes |", "E11.9"),
        ("E11.9: Type 2 diabetes", "E11.9"), ("e11.9 type 2 diabetes", "e11.9"), ("E11.9 Type 2 diabetes, without complications", "E11.9"),
        ("I10X Essential (primary) hypertension", "I10X"), ("D51.0 - Vitamin B12 deficiency anaemia", "D51.0"), ("ICD10: E11.9", "E11.9"),
        ("ICD-10 E11.9 - Type 2 diabetes", "E11.9"),
    ],
)  # fmt: skip
def test_an_icd10_code_is_read_with_its_term(text: str, code: str) -> None:
    assert read(ICD10, text) == code


@pytest.mark.parametrize(
    "text",
    [
        "E11.9, I10",
        "E11.9 I10",
        "E11.9 and I10",
        "E11.9|I10",
        "E11.9 - I10",
        "E11.3+H36.0*",
        "E11.9 - Type 2 diabetes; I10 - Hypertension",
        "I50.0: heart failure, N18.3: CKD",
        "E11.9 - Type 2 diabetes / I10",
        "Diabetes",
        "Type 2 diabetes E11.9",
        "SEE NOTES",
        "J44X",
    ],
)
def test_a_value_without_one_certain_icd10_code_stays(text: str) -> None:
    assert read(ICD10, text) == text


def test_other_schemes_have_no_form() -> None:
    assert (code_of(Scheme.ODS, "RX1 - A trust"), code_sql(Scheme.ODS, "v"), may_have_more_sql(Scheme.ODS, "v")) == (
        "RX1 - A trust",
        "v",
        "",
    )


@pytest.mark.parametrize("text", ["1 2", "12 34", "1,234", "5 1"])
def test_short_codes_with_a_space_are_not_joined(text: str) -> None:
    assert read(SNOMED, text) == text

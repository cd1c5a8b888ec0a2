"""ICD-10 codes are read one by one, however a sender writes and separates them."""

from __future__ import annotations

import re

import pytest

from expectations.diagnosis_codes import (
    ICD10,
    alone,
    list_of_codes,
    list_with_a_code,
    main_code,
    plain_icd10,
    plain_icd10_list_sql,
    plain_icd10_sql,
    plain_main_icd10_sql,
    usable_codes_sql,
)
from expectations.sql_values import quote
from pipelines.lake.duckdb_connection import connect


def result(sql: str) -> object:
    with connect() as con:
        return con.execute(f"SELECT {sql}").fetchall()[0][0]


def matches(text: str, pattern: str) -> bool:
    """Return whether a text matches a pattern in RE2 and in Python, which must agree."""
    found = bool(result(f"regexp_full_match({quote(text)}, {quote(pattern)})"))
    assert (re.fullmatch(pattern, text) is not None) == found
    return found


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("I500", "I500"), ("I50.0", "I500"), ("I50", "I50"), ("I50.", "I50"), ("J44X", "J44"), ("J44.X", "J44"), ("J44XX", "J44"),
        ("J44-", "J44"), ("I10--", "I10"), ("E11.9D", "E119"), ("G63.2A", "G632"), ("G01XA", "G01"), ("J44D", "J44"), ("A170D", "A170"),
        ("E119XD", "E119"), ("M45X6", "M45X6"), ("M45.X6", "M45X6"), ("S72.00", "S7200"), ("S7200D", "S7200"), ("X59X", "X59"), ("U07.1", "U071"),
    ],
)  # fmt: skip
def test_a_code_is_read_in_every_way_in_which_it_is_written(written: str, plain: str) -> None:
    assert matches(written, ICD10)
    assert matches(written, alone(ICD10))
    assert result(plain_icd10_sql(quote(written))) == plain
    assert result(plain_icd10_sql(quote(written.lower()))) == plain
    assert plain_icd10(written) == plain_icd10(written.lower()) == plain


@pytest.mark.parametrize("written", ["E11.9+", "E11.9\u2020", "G63.2*", "*G63.2", "|I500|", "I50.0;", '"I500'])
def test_a_code_alone_may_have_marks_around_it(written: str) -> None:
    assert matches(written, alone(ICD10))
    assert result(plain_icd10_sql(quote(written))) == plain_icd10(written)
    assert plain_icd10(written) in ("E119", "G632", "I500")


@pytest.mark.parametrize(
    "written",
    [
        "",
        "-",
        "ZZZZ9",
        "SEE NOTES",
        "12345",
        "I5O.0",
        "E1",
        "I50-I52",
        "I50.0.1",
        "I500,N183",
        "E119AB",
        "J44B",
        "250.00",
        "NULL",
    ],
)
def test_what_is_not_one_code_cannot_be_used(written: str) -> None:
    assert not matches(written, alone(ICD10))


LISTS = [
    ("I50.0,N18.3", "I50.0,N18.3", "I500,N183"),
    ("I50.0_N18.3", "I50.0_N18.3", "I500,N183"),
    ("I50.0#N18.3$J44X", "I50.0#N18.3$J44X", "I500,J44,N183"),
    ("{I500,N183}", "{I500,N183}", "I500,N183"),
    ("['I500', 'N183']", "['I500', 'N183']", "I500,N183"),
    ("<I500><N183>", "<I500><N183>", "I500,N183"),
    ("I50.0\u2021\u2022N18.3\u3001J44X", "I50.0\u2021\u2022N18.3\u3001J44X", "I500,J44,N183"),
    ("I50.0\u00a0N18.3", "I50.0\u00a0N18.3", "I500,N183"),
    ("J44X;E11.9D;ZZZZ9", "J44X,E11.9D", "E119,J44"),
    ("||I500,N183 ,||J44X ,", "||I500,N183 ,||J44X ,", "I500,J44,N183"),
    ("I500  N183\tJ44X", "I500  N183\tJ44X", "I500,J44,N183"),
    ("I500 / N183 / FALL", "I500,N183", "I500,N183"),
    ("E11.4\u2020G63.2*", "E11.4\u2020G63.2*", "E114,G632"),
    ("E11.4+,G63.2*", "E11.4+,G63.2*", "E114,G632"),
    ('["I500","N183"]', '["I500","N183"]', "I500,N183"),
    ("I500,-,-", "I500,-,-", "I500"),
    ("NULL,I500,NULL", "NULL,I500,NULL", "I500"),
    ("I500,N183,I50.0,I500X", "I500,N183,I50.0,I500X", "I500,N183"),
    ("1-I50.0,2-N18.3", "1-I50.0,2-N18.3", "I500,N183"),
    ("P-I50.0;S-N18.3", "P-I50.0;S-N18.3", "I500,N183"),
    ("01-I50.0 02-FALL 12-J44.X-", "I50.0,J44.X-", "I500,J44"),
    ("I50.0\u00c2\u00acN18.3", "I50.0\u00c2\u00acN18.3", "I500,N183"),
    *(
        (f"I50.0{mark}N18.3", f"I50.0{mark}N18.3", "I500,N183")
        for mark in "\u00ac\u00a6@\u00a7`\u2014\u2015\u00a4\u2028\u00b6\u2192\u00b1"
    ),
    ("I50.0\u2013N18.3,J44X", "J44X", "J44"),
    ("?,I500", "I500", "I500"),
    ("I500,I50-I52", "I500", "I500"),
    ("line one\nI500", "I500", "I500"),
]


@pytest.mark.parametrize(("sent", "usable", "plain"), LISTS)
def test_a_list_keeps_its_codes_whatever_separates_them_and_loses_only_what_is_none(sent: str, usable: str, plain: str) -> None:
    assert matches(sent, list_with_a_code(ICD10))
    assert matches(sent, list_of_codes(ICD10)) == (sent == usable)
    assert result(usable_codes_sql(quote(sent), ICD10)) == usable
    assert result(plain_icd10_list_sql(quote(usable))) == plain


@pytest.mark.parametrize("sent", ["ZZZZ9", "SEE NOTES", "ZZZZ9;FALL", "I500N183"])
def test_a_list_without_any_code_is_empty(sent: str) -> None:
    assert not matches(sent, list_with_a_code(ICD10))
    assert result(usable_codes_sql(quote(sent), ICD10)) is None


@pytest.mark.parametrize("sent", ["-", "-,-", "||", "NULL,NULL"])
def test_a_list_that_says_there_is_no_code_has_none_and_is_no_fault(sent: str) -> None:
    assert matches(sent, list_with_a_code(ICD10))
    assert matches(sent, list_of_codes(ICD10))
    assert result(plain_icd10_list_sql(usable_codes_sql(quote(sent), ICD10))) is None


def test_an_empty_value_stays_empty() -> None:
    assert result(usable_codes_sql("CAST(NULL AS VARCHAR)", ICD10)) is None
    assert result(plain_icd10_list_sql("CAST(NULL AS VARCHAR)")) is None


@pytest.mark.parametrize(
    ("sent", "main", "both"),
    [
        ("M51.1+G55.1*", "M511", "G551,M511"),
        ("E11.3+H36.0*", "E113", "E113,H360"),
        ("E11.3+ H36.0", "E113", "E113,H360"),
        ("e11.3\u2020, h36.0*", "E113", "E113,H360"),
        ("E113D H360A", "E113", "E113,H360"),
        ("E113D,H360", "E113", "E113,H360"),
        ("E11.3 H36.0*", "E113", "E113,H360"),
        ("A17.0+/G01X*", "A170", "A170,G01"),
        ("H36.0* E11.3+", "E113", "E113,H360"),  # in the wrong order: the marks decide
        ("H36.0*E11.3", "E113", "E113,H360"),
        ("G01XA A170D", "A170", "A170,G01"),
    ],
)
def test_of_a_dagger_and_an_asterisk_code_the_dagger_code_is_the_main_one(sent: str, main: str, both: str) -> None:
    assert matches(sent.upper(), main_code(ICD10))
    assert result(plain_main_icd10_sql(quote(sent))) == main
    assert result(plain_icd10_list_sql(quote(sent.upper()))) == both


@pytest.mark.parametrize("sent", ["I500,N183", "I50.0 N18.3", "H36.0*G55.1*", "E11.3+H36.0*I10", "E113H360", "E11.3+SEE NOTES"])
def test_without_marks_or_with_more_codes_the_main_code_is_not_known(sent: str) -> None:
    assert not matches(sent, main_code(ICD10))


@pytest.mark.parametrize("sent", ["I50.0", "E11.9+", "*G63.2", "J44XX", "S7200D", "M45.X6", " I500 "])
def test_one_code_is_the_main_one(sent: str) -> None:
    assert matches(sent, main_code(ICD10))
    assert result(plain_main_icd10_sql(quote(sent))) == result(plain_icd10_sql(quote(sent)))

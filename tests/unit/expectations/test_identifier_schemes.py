"""What can be an identifier: NHS numbers, SNOMED CT concepts, organisations and pseudonyms, and the reason against everything else."""

from __future__ import annotations

import pyarrow as pa
import pytest

from expectations.feeds import FEEDS
from expectations.identifier_schemes import (
    NUMBER_AS_FLOAT,
    PLACEHOLDER,
    PLACEHOLDERS,
    REASONS,
    REASONS_OF,
    Scheme,
    against_nhs_number,
    marker,
    may_be_wrong_sql,
    nhs_digits,
    passes_modulus_11,
    reason_against,
)
from expectations.identifier_text import normal
from expectations.table import Kind
from features.code_lists import load_code_lists
from pipelines.lake.duckdb_connection import connect


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("9434765919", ""),
        ("943 476 5919", ""),
        ("943-476-5919", ""),
        ("943.476.5919", ""),
        ("943_476/5919", ""),
        ("9990000018", ""),  # the range of test patients counts unless the settings declare it
        ("9434765910", "wrong_check_digit"),
        ("9434756919", "wrong_check_digit"),  # two digits changed places
        ("943476591", "not_an_nhs_number"),
        ("94347659190", "not_an_nhs_number"),
        ("943476591O", "not_an_nhs_number"),
        ("P434765919", "not_an_nhs_number"),
        ("SMITH", "not_an_nhs_number"),
        ("9.43E+09", "number_as_float"),
        ("4.00E+09", "number_as_float"),
        ("9,43E+09", "number_as_float"),
        ("9.434765919E9", "number_as_float"),
        ("9E+09", "number_as_float"),
        ("9999999999", "placeholder_identifier"),
        ("999 999 9999", "placeholder_identifier"),
        ("0000000000", "placeholder_identifier"),
        ("0123456789", "placeholder_identifier"),
        ("1234567890", "placeholder_identifier"),
        ("UNKNOWN", "placeholder_identifier"),
        ("Not known", "placeholder_identifier"),
        ("null", "placeholder_identifier"),
        ("N/A", "placeholder_identifier"),
        ("#N/A", "placeholder_identifier"),
        ("-", "placeholder_identifier"),
        ("0", "placeholder_identifier"),
        ("(null)", "placeholder_identifier"),
        ("N/K", "placeholder_identifier"),
        ("X", "placeholder_identifier"),
        ("000-000-0000", "placeholder_identifier"),
        ("123 456 7890", "placeholder_identifier"),
        ("9434765919.00", ""),
        ('="9434765919"', ""),
        ("9434765919\u00a0", ""),
        ("\u0669\u0664\u0663\u0664\u0667\u0666\u0665\u0669\u0661\u0669", ""),  # Arabic-Indic digits
        ("943\u00ad476\u00ad5919", ""),  # soft hyphens
        ("943\u2013476\u20135919", ""),  # dashes of a word processor
        ("9434\u030176 5919", "not_an_nhs_number"),  # a combining accent
        ("94347659I9", "not_an_nhs_number"),
        ("+9434765919", "not_an_nhs_number"),
        ("NHS 9434765919", "not_an_nhs_number"),
        ("1000000010", "wrong_check_digit"),  # its check digit would be 10
        ("434765919", "not_an_nhs_number"),  # a leading digit is lost
    ],
)
def test_an_nhs_number_has_ten_digits_and_the_right_check_digit(text: str, reason: str) -> None:
    assert against_nhs_number(normal(text)) == reason


def test_every_number_of_ten_equal_digits_passes_modulus_11_and_is_a_placeholder() -> None:
    equal = [digit * 10 for digit in "0123456789"]
    assert all(passes_modulus_11(number) for number in equal)
    assert set(equal) <= PLACEHOLDERS


def test_a_mistyped_digit_is_always_found() -> None:
    number = "9434765919"
    others = [
        number[:place] + digit + number[place + 1 :] for place in range(10) for digit in "0123456789" if digit != number[place]
    ]
    assert {against_nhs_number(other) for other in others} == {"wrong_check_digit"}
    assert nhs_digits("943 476-5919") == number


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("313436004", ""),  # type 2 diabetes
        ("44054006", ""),
        ("999791000000106", ""),  # of the UK extension: HbA1c
        ("322236009", ""),  # dm+d codes are concepts
        ("999791000000110", "not_a_snomed_concept"),  # partition 11: a description
        ("313436005", "wrong_check_digit"),
        ("133436004", "wrong_check_digit"),
        ("999791000000100", "wrong_check_digit"),  # a spreadsheet keeps fifteen digits
        ("1064891000000100", "wrong_check_digit"),
        ("100000000000002000", "not_a_snomed_concept"),  # one of 18 digits that was rounded, whose check digit is right by chance
        ("101013", "not_a_snomed_concept"),  # partition 01: a description
        ("100022", "not_a_snomed_concept"),  # partition 02: a relationship
        ("9.99791E+14", "number_as_float"),
        ("9,99791E+14", "number_as_float"),
        ("EMISNQRE12", ""),  # the pattern of the column refuses it
        ("1234567890123456789", ""),
    ],
)
def test_a_concept_has_its_check_digit_and_the_partition_of_concepts(code: str, reason: str) -> None:
    assert reason_against(Scheme.SNOMED_CONCEPT, code) == reason


def test_every_snomed_and_dmd_code_of_the_code_lists_is_a_concept() -> None:
    entries = [entry for codes in load_code_lists().values() for entry in codes.entries if entry.system in ("snomed", "dmd")]
    assert entries
    assert [entry.code for entry in entries if reason_against(Scheme.SNOMED_CONCEPT, entry.code)] == []


@pytest.mark.parametrize("scheme", [Scheme.PERSON, Scheme.HOUSEHOLD])
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("P8db4af50f22db23a", ""),
        ("4e10", ""),  # short hexadecimal numbers are no decimals
        ("12345", ""),
        ("-6225647829918357531", ""),
        ("943.476", ""),
        ("unknown", "placeholder_identifier"),
        ("XXXX", "placeholder_identifier"),
        ("????", "placeholder_identifier"),
        ("3333333333", "placeholder_identifier"),
        ("000000000", "placeholder_identifier"),
        ("#REF!", "placeholder_identifier"),
        ("-1", "placeholder_identifier"),
        ("X", "placeholder_identifier"),
        ("(null)", "placeholder_identifier"),
        ("[none]", "placeholder_identifier"),
        ("n\\a", "placeholder_identifier"),
        ("not-known", "placeholder_identifier"),
        ("NaT", "placeholder_identifier"),
        ("?!", "placeholder_identifier"),
        ("000-000-0000", "placeholder_identifier"),
        ("N", ""),  # no word
        ("NA1", ""),
        ("(withheld)", ""),  # what ingest stores for a clear identifier, which has its own rule
        ("1.23E+10", "number_as_float"),
        ("(wrong_check_digit)", "wrong_check_digit"),  # what ingest stores
    ],
)
def test_a_pseudonym_has_any_form_but_is_no_placeholder(scheme: Scheme, text: str, reason: str) -> None:
    assert reason_against(scheme, text) == reason


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("RX1", ""),
        ("999", ""),
        ("89999", ""),
        ("XX", ""),
        ("NONE", "placeholder_identifier"),
        ("XXX", "placeholder_identifier"),
        ("V81999", "placeholder_identifier"),  # the practice is not known
        ("v81997", "placeholder_identifier"),  # no practice
        ("V81996", ""),
    ],
)
def test_an_organisation_is_no_placeholder(code: str, reason: str) -> None:
    assert reason_against(Scheme.ODS, code) == reason


def test_record_numbers_may_be_anything_but_a_decimal_or_a_word_for_none() -> None:
    numbers = ("0", "-1", "1111111111", "1.5", "S1", "A", "NA1", "TEST7", "0-UNKNOWN")
    assert [number for number in numbers if reason_against(Scheme.RECORD, number)] == []
    nothing = ("UNKNOWN", "unknown", "(null)", "N/A", "not known", "-", "???", "#REF!", "XXXX", "NA")
    assert [text for text in nothing if reason_against(Scheme.RECORD, text) != PLACEHOLDER] == []
    assert reason_against(Scheme.RECORD, "1.2E+11") == NUMBER_AS_FLOAT


def test_the_fast_test_of_record_numbers_finds_every_wrong_one() -> None:
    values = ("UNKNOWN", "(null)", "N/A", "???", "-", "1.2E+11", "(placeholder_identifier)")
    with connect() as con:
        (found,) = con.execute(
            f"SELECT count(*) FROM (SELECT unnest($1) AS value) WHERE {may_be_wrong_sql(Scheme.RECORD, 'value')}", [list(values)]
        ).fetchone()
        (good,) = con.execute(
            f"SELECT count(*) FROM (SELECT unnest($1) AS value) WHERE {may_be_wrong_sql(Scheme.RECORD, 'value')}",
            [["7", "S7", "RX1-22"]],
        ).fetchone()
    assert (found, good) == (len(values), 0)


def test_every_reason_is_described_and_belongs_to_a_scheme() -> None:
    assert {reason for reasons in REASONS_OF.values() for reason in reasons} == set(REASONS)
    assert all(marker(reason) == f"({reason})" for reason in REASONS)


def test_every_person_of_a_feed_has_a_scheme_and_schemes_are_of_identifiers_and_codes() -> None:
    tables = [feed.table for feed in FEEDS.values() if feed.table]
    assert all(table.column(table.person).scheme is Scheme.PERSON for table in tables)
    assert {column.kind for table in tables for column in table.columns if column.scheme} == {Kind.IDENTIFIER, Kind.CODE}


@pytest.mark.parametrize("scheme", [scheme for scheme in Scheme if scheme])
def test_the_fast_test_misses_no_wrong_value(scheme: Scheme) -> None:
    texts = [
        *PLACEHOLDERS,
        *map(str.lower, PLACEHOLDERS),
        *(f"({text})" for text in PLACEHOLDERS),
        *("-".join(text) for text in PLACEHOLDERS),
        "4.00E+09",
        "9,43e9",
        "12E+3",
        "+9.434765919E+009",
        *map(marker, REASONS),
        "P8db4af5",
        "1",
    ]
    with connect() as con:
        con.register("texts", pa.table({"v": texts}))
        suspected = {text for (text,) in con.execute(f"SELECT v FROM texts WHERE {may_be_wrong_sql(scheme, 'v')}").fetchall()}
    assert {text for text in texts if reason_against(scheme, text)} <= suspected

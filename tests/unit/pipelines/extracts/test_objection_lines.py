"""Lines of a feed of objections that are no rows: each keeps the person whom it names, or names no one."""

import pytest

from pipelines.extracts.objection_lines import LineForm, line_form, repaired_line

FORM = LineForm(",", '"', 4, 0)


@pytest.mark.parametrize(
    ("line", "reason", "why", "row"),
    [
        (b"few,TYPE_1,1", "too_few_fields", "fields_missing", b"few,TYPE_1,1,"),
        (b"few,TYPE_1", "too_few_fields", "fields_missing", b"few,TYPE_1,,"),
        (b"off,TYPE_1,0", "too_few_fields", "fields_missing", b"off,TYPE_1,0,"),
        (b"many,TYPE_1,1,2024-01-01" + b"," * 10, "too_many_fields", "trailing_delimiter", b"many,TYPE_1,1,2024-01-01"),
        (b"blank,TYPE_1,1,2024-01-01, ", "too_many_fields", "trailing_delimiter", b"blank,TYPE_1,1,2024-01-01"),
        (b"bl,TYPE_1,1,2024-01-01,\xc2\xa0,", "too_many_fields", "trailing_delimiter", b"bl,TYPE_1,1,2024-01-01"),
        (b'empty,TYPE_1,1,2024-01-01,""', "too_many_fields", "trailing_delimiter", b"empty,TYPE_1,1,2024-01-01"),
        (b"cr,TYPE_1,1,2024-01-01\r\r", "control_character", "stray_return", b"cr,TYPE_1,1,2024-01-01"),
        (b"nbsp\xa0,TYPE_1,1,2024-01-01", "not_utf8", "identifier_kept", b"nbsp,,,"),
        (b"name,TYPE_1,1,2024\xa0", "not_utf8", "identifier_kept", b"name,,,"),
        (b"nul\0,TYPE_1,1,2024-01-01", "control_character", "identifier_kept", b"nul,,,"),
        (b"inner\r,TYPE_1,1,2024-01-01", "control_character", "identifier_kept", b"inner,,,"),
        (b'quo"te,TYPE_1,1,2024-01-01', "stray_quote", "identifier_kept", b"quote,,,"),
        (
            b'nul2,"TYPE_1, of a kind\0, of a practice, here, there",1,2024-01-01',
            "control_character",
            "identifier_kept",
            b"nul2,,,",
        ),
        (b'"open,TYPE_1,1,2024-01-01', "unterminated_quote", "identifier_kept", b"open,,,"),
        (b"more,TYPE_1,1,2024-01-01,why", "too_many_fields", "identifier_kept", b"more,,,"),
        # A line that may be text inside a quote may not withdraw an objection.
        (b"maybe,TYPE_1,0,2024-01-01", "inside_quote", "identifier_kept", b"maybe,,,"),
    ],
)
def test_a_line_keeps_its_person(line: bytes, reason: str, why: str, row: bytes) -> None:
    assert repaired_line(line, reason, FORM) == (why, row)


@pytest.mark.parametrize(
    "line",
    [
        b"cut",  # an identifier that nothing ends may be cut
        b",TYPE_1,1,2024-01-01,x",
        b"\0,TYPE_1,1,2024-01-01",
        b"p\xff1,TYPE_1,1,2024-01-01",
        b"x" * 201 + b",TYPE_1,1,2024-01-01,x",
        b"one,TYPE_1,1,2024-01-01two,TYPE_1,1,2024-01-02",  # the line end between two people is lost
        b"one,TYPE_1,1,2024-01-01\rtwo,TYPE_1,1,2024-01-02",
    ],
)
def test_a_line_without_a_certain_identifier_names_no_one(line: bytes) -> None:
    assert repaired_line(line, "too_many_fields", FORM) is None


def test_an_identifier_in_a_later_place_needs_all_fields_before_it() -> None:
    later = LineForm("|", "", 3, 1)
    assert repaired_line(b"T1|p\0one|1", "control_character", later) == ("identifier_kept", b"|pone|")
    assert repaired_line(b"p1|1", "too_few_fields", later) is None


@pytest.mark.parametrize("name", ["PERSON_ID", "\ufeffPerson_id", "PERSON_\u200bID", " person_ID "])
def test_the_column_of_the_identifier_is_found_in_any_form_of_its_name(name: str) -> None:
    assert line_form(["KIND", name], ",", '"', ("PERSON_ID",)) == LineForm(",", '"', 2, 1)

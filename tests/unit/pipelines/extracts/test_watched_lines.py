"""Lines that are no rows: whom they name, and how the stay of the line ended where that is certain."""

from __future__ import annotations

import pytest

from expectations.tables.raw_gp import OPT_OUTS, PATIENTS
from expectations.tables.raw_hospital import ADMISSIONS
from pipelines.extracts.watched_lines import line_watch, watched_columns

HEADER = ("Der_Pseudo_NHS_Number", "Discharge_Method", "Comment")


@pytest.mark.parametrize(
    ("line", "reason", "named"),
    [
        (b'p1,4,5" tall', "unterminated_quote", ("p1", "4")),
        (b'"p1","4","5" tall"', "stray_quote", ("p1", "4")),
        (b"p1,,caf\xe9", "not_utf8", ("p1", "")),
        (b"p1,4\0,x", "control_character", ("p1", "4")),
        (b'p1,4,"a, b" c', "stray_quote", ("p1", "4")),
        (b"p1,4,x,y", "too_many_fields", ("p1", None)),
        (b"p1,4", "too_few_fields", ("p1", None)),
        (b'p1,"4"x,y', "stray_quote", ("p1", None)),
        (b"p1,\xb2,y", "not_utf8", ("p1", None)),
        (b"p1", "too_few_fields", None),
        (b",4,x,y", "too_many_fields", None),
        (b"p\xff1,4,x", "not_utf8", None),
        (b"p1,4,x,p2,1,y", "too_many_fields", None),
        (b"Der_Pseudo_NHS_Number,Discharge_Method,Comment", "repeated_header", None),
    ],
)
def test_a_line_names_a_person_and_states_what_is_certain(line: bytes, reason: str, named: tuple[str, str | None] | None) -> None:
    watch = line_watch(HEADER, ",", '"', watched_columns(ADMISSIONS, {}))
    assert watch is not None
    watch.note([(line, 7)], reason)
    assert watch.named == ({7: named} if named else {})


def test_the_columns_are_those_of_the_settings_and_other_feeds_are_not_watched() -> None:
    assert watched_columns(OPT_OUTS, {}) is None
    columns = watched_columns(PATIENTS, {"person_id": "ID"})
    assert columns is not None
    assert (columns.person, columns.stating) == (("ID",), ())
    assert line_watch(("OTHER",), ",", '"', columns) is None

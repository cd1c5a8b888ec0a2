"""A line has the codes of one organisation; the code on a day follows its steps."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from features.organisation_lines import Lines, lines_of


def lines(*rows: str) -> Lines:
    """Return the lines of successions, each as 'FROM TO kind share day'."""
    columns = ["from_code", "to_code", "kind", "share", "effective_date"]
    frame = pd.DataFrame([row.split() for row in rows], columns=columns)
    return lines_of(frame.assign(share=frame["share"].astype(float), effective_date=pd.to_datetime(frame["effective_date"])))


MERGED = lines("A C merger 1 2024-04-01", "B C merger 1 2024-04-01")
RENAMED = lines("P Q rename 1 2024-04-01", "Q R rename 1 2025-04-01")
BOUGHT = lines("S T acquisition 1 2024-04-01")


def test_every_code_of_a_line_has_the_same_first_and_current_code() -> None:
    assert {MERGED.first_code(code) for code in "ABC"} == {"A"}
    assert {MERGED.current_code(code) for code in "ABC"} == {"C"}
    assert {RENAMED.first_code(code) for code in "PQR"} == {"P"}
    assert {BOUGHT.first_code(code) for code in "ST"} == {"T"}
    assert MERGED.first_code("Z") == MERGED.current_code("Z") == "Z"


def test_a_later_step_does_not_change_the_name_of_a_line() -> None:
    later = lines("A C merger 1 2024-04-01", "B C merger 1 2024-04-01", "C D rename 1 2026-04-01")
    assert later.first_code("D") == MERGED.first_code("C")


def test_a_split_ends_a_line_and_begins_others() -> None:
    split = lines("A B split .4 2024-04-01", "A C acquisition .6 2024-04-01", "B D rename 1 2025-04-01")
    assert split.codes == ("B", "D")
    assert split.first_code("A") == "A"


@pytest.mark.parametrize(
    ("code", "day", "expected"),
    [
        ("P", "2024-03-31", "P"), ("P", "2024-04-01", "Q"), ("P", "2026-01-01", "R"), ("R", "2024-12-31", "Q"), ("R", "2020-01-01", "P"),
        ("Q", "2020-01-01", "P"), ("Z", "2020-01-01", "Z"),
    ],
)  # fmt: skip
def test_the_code_on_a_day_follows_changes_of_code_both_ways(code: str, day: str, expected: str) -> None:
    assert RENAMED.code_on(code, date.fromisoformat(day)) == expected


def test_before_a_merger_only_the_code_as_sent_is_known() -> None:
    before, after = date(2024, 3, 31), date(2024, 4, 1)
    assert [MERGED.code_on(code, before) for code in "ABC"] == ["A", "B", "C"]
    assert [MERGED.code_on(code, after) for code in "ABC"] == ["C", "C", "C"]
    assert [BOUGHT.code_on(code, before) for code in "ST"] == ["S", "T"]
    assert [BOUGHT.code_on(code, after) for code in "ST"] == ["T", "T"]

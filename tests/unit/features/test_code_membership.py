import pytest

from features.code_halves import CodeListError
from features.code_membership import is_counted, is_yes, latest_rows


def test_a_row_counts_only_if_every_mark_says_so() -> None:
    assert is_counted({"code": "1", "active": "TRUE", "excluded": ""}, "x.csv, line 2")
    assert not is_counted({"code": "1", "active": "1", "excluded": "Yes"}, "x.csv, line 2")
    with pytest.raises(CodeListError, match=r"x.csv, line 2: the value '' in the column active"):
        is_counted({"active": ""}, "x.csv, line 2")


def test_yes_is_written_in_several_ways() -> None:
    assert [is_yes(value, "new", "x.csv, line 2") for value in ("Yes", "1", "", "no")] == [True, True, False, False]


def test_the_latest_row_of_a_member_is_kept_whatever_the_order() -> None:
    rows = [
        (f"x.csv, line {line}", {"id": "a", "referencedcomponentid": "1", "active": active, "effectivetime": day})
        for line, (active, day) in enumerate((("1", "20200101"), ("0", "20240101"), ("1", "20220101")), start=2)
    ]
    for order in (rows, rows[::-1]):
        assert [place for place, _ in latest_rows(order, "id", "referencedcomponentid", "effectivetime")] == ["x.csv, line 3"]

"""A file with problems is refused with the line, rule and remedy of each, up to a number that can be read."""

from __future__ import annotations

import pandas as pd
import pytest

from pipelines.errors import ExtractError
from pipelines.reference.problems import MOST_SHOWN, problems_of, refuse


def test_a_file_without_problems_is_not_refused() -> None:
    refuse("file.csv", problems_of(pd.Series([False, False]), "rule", "remedy"))


def test_each_problem_has_its_line_in_the_file() -> None:
    with pytest.raises(ExtractError, match=r"^file.csv is refused, and nothing is read from it. line 3: a rule \(a remedy\)$"):
        refuse("file.csv", problems_of(pd.Series([False, True]), "a rule", "a remedy"))


def test_a_value_that_cannot_be_compared_is_a_problem() -> None:
    assert [one.line for one in problems_of(pd.Series([True, pd.NA], dtype="boolean"), "rule", "remedy")] == [2, 3]


def test_further_problems_are_counted() -> None:
    with pytest.raises(ExtractError, match=r"; and 5 more$"):
        refuse("file.csv", problems_of(pd.Series([True] * (MOST_SHOWN + 5)), "rule", "remedy"))

import pytest

from pipelines.reports.labels import label
from pipelines.reports.model_lines import LONGEST_REASON, _shortened

PART = "ethnic group asian: O/E 0.94 (0.86 to 1.03) is not wholly inside 0.9 to 1.1"


@pytest.mark.parametrize("reason", ["", PART, PART.ljust(LONGEST_REASON, ".")])
def test_a_short_reason_is_shown_whole(reason: str) -> None:
    assert _shortened(reason) == reason


def test_a_long_reason_ends_after_a_whole_part_and_says_where_the_rest_is() -> None:
    parts = -(-LONGEST_REASON // len(PART)) + 1
    shown, _, where = _shortened("; ".join([PART] * parts)).rpartition("; ")
    assert set(shown.split("; ")) == {PART} and 1 <= shown.count("; ") + 1 < parts
    assert where == "see the model report for the rest"


def test_a_long_reason_of_one_part_is_cut() -> None:
    assert _shortened("x" * 999) == "x" * LONGEST_REASON + "; see the model report for the rest"


def test_short_names_of_conditions_keep_their_capitals() -> None:
    assert (label("copd"), label("stroke_tia"), label("heart_failure")) == ("COPD", "Stroke TIA", "Heart failure")

from datetime import date

import numpy as np
import pyarrow as pa

from features.coverage import coverage_calendar, covered_days


def rows(
    *months: str, feed: str = "admissions", practice: str = "Y00001", status: str = "covered"
) -> list[tuple[str, str, date, str]]:
    return [(feed, practice, date.fromisoformat(f"{month}-01"), status) for month in months]


def covered(calendar_rows: list[tuple[str, str, date, str]], index: str, feed: str = "admissions", practice: int = 0) -> int:
    day = np.array([(date.fromisoformat(index) - date(1970, 1, 1)).days], dtype=np.int32)
    names = ("feed", "organisation_code", "month", "status")
    judged = pa.table({name: list(values) for name, values in zip(names, zip(*calendar_rows, strict=True), strict=True)})
    return int(covered_days(coverage_calendar(judged), feed, np.array([practice], dtype=np.int32), day)[0])


def test_a_run_of_covered_months_counts_back_to_the_first_day_of_the_first() -> None:
    assert covered(rows("2023-12", "2024-01", "2024-02"), "2024-03-01") == 31 + 31 + 29


def test_the_month_of_the_index_date_counts_only_if_days_of_it_lie_before() -> None:
    assert covered(rows("2024-02"), "2024-03-01") == 29
    assert covered([*rows("2024-02"), *rows("2024-03", status="absent")], "2024-03-02") == 0
    assert covered(rows("2024-02", "2024-03"), "2024-03-02") == 30


def test_a_month_that_had_not_ended_at_the_data_cut_counts_as_the_one_before_it() -> None:
    assert covered(rows("2024-01", "2024-02"), "2024-03-15") == 31 + 29 + 14
    assert covered([*rows("2024-01"), *rows("2024-02", status="absent")], "2024-03-15") == 0
    assert covered(rows("2024-01", "2024-02"), "2024-04-02") == 0


def test_a_gap_or_a_partial_month_breaks_the_run() -> None:
    assert covered(rows("2023-12", "2024-02"), "2024-03-01") == 29
    assert covered([*rows("2023-12", "2024-02"), *rows("2024-01", status="partial")], "2024-03-01") == 29


def test_another_practice_another_feed_or_no_practice_is_not_covered() -> None:
    both = [*rows("2024-02"), *rows("2024-01", practice="Y00002")]
    assert covered(both, "2024-03-01", practice=1) == 0
    assert covered(both, "2024-03-01", practice=-1) == 0
    assert covered(both, "2024-03-01", feed="gp_observations") == 0

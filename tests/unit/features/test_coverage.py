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


def test_no_month_is_covered_on_an_index_date_before_the_sender_was_known() -> None:
    months = pa.table(
        {
            "feed": ["admissions"] * 3,
            "organisation_code": ["Y00001", "Y00001", "Y00002"],
            "month": [date(2024, 1, 1), date(2024, 2, 1), date(2024, 2, 1)],
            "status": ["covered"] * 3,
            "known_since": pa.array([date(2024, 2, 20), date(2024, 2, 20), None], pa.date32()),
        }
    )
    calendar = coverage_calendar(months)
    days = np.array([(date(2024, 2, day) - date(1970, 1, 1)).days for day in (19, 20)], dtype=np.int32)
    found = [covered_days(calendar, "admissions", np.full(2, practice, dtype=np.int32), days).tolist() for practice in (0, 1)]
    assert found == [[0, 31 + 19], [18, 19]]
    outcomes = coverage_calendar(months.drop_columns("known_since"))  # outcomes are read with all data
    assert covered_days(outcomes, "admissions", np.zeros(2, dtype=np.int32), days).tolist() == [31 + 18, 31 + 19]

from datetime import date
from pathlib import Path

from rich.console import Group

from expectations.tables.equity import OUTCOME_RATES, PLANNING_POPULATION
from pipelines.lake.storage import Lake
from pipelines.reports.equity_lines import inequality_lines
from pipelines.reports.terminal import as_text


def _row(name: str, measure: str, value: float, other: str = "", period: str = "2024-01-01") -> dict[str, object]:
    return {
        "outcome": "emergency", "period": period, "index_date": date(2024, 1, 1), "period_end": date(2024, 12, 31),
        "group_kind": "imd_quintile", "group_name": name, "measure": measure, "compared_with": other, "value": value,
        "lower": value * 0.9, "upper": value * 1.1, "people": 1000, "events": 80, "suppressed": False, "reason": "",
    }  # fmt: skip


def test_the_absolute_and_the_relative_gap_are_shown_together(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert list(inequality_lines(lake, "emergency")) == []
    rows = [
        _row("1", "directly_standardised_rate", 9000.0), _row("5", "directly_standardised_rate", 4500.0),
        _row("1", "rate_difference", 4500.0, "5"), _row("1", "rate_ratio", 2.0, "5"),
        _row("gradient", "slope_index_of_inequality", -5000.0, "least deprived"),
        _row("1", "directly_standardised_rate", 1.0, period="2023-01-01"),
    ]  # fmt: skip
    lake.write(OUTCOME_RATES, rows)
    text = as_text(Group(*inequality_lines(lake, "emergency")))
    assert "after 2024-01-01" in text and "9,000" in text
    assert "It is not recorded how many people are excluded because of the national data opt-out" in text
    assert sum(line.split()[:1] == ["1"] for line in text.splitlines()) == 1  # of the latest period alone
    assert "Quintile 1 compared with 5: difference +4,500 (+4,050 to +4,950) per 100,000, ratio 2.00 (1.80 to 2.20)" in text
    assert "minus rate at the most deprived end): -5,000" in text
    assert list(inequality_lines(lake, "another")) == []


def test_the_share_of_people_excluded_is_stated_before_the_rates(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.write(OUTCOME_RATES, [_row("1", "directly_standardised_rate", 9000.0)])
    population = {
        "period": "2024-01-01",
        "opt_out_rule": "excluded",
        "people": 1000,
        "people_excluded": 50,
        "share_excluded": 0.05,
    }
    lake.write(PLANNING_POPULATION, [{**population, "decision_id": ""}])
    text = " ".join(as_text(Group(*inequality_lines(lake, "emergency"))).split())
    assert text.index("5.0% of people are excluded because of the national data opt-out.") < text.index("9,000")


def test_a_gap_that_is_hidden_is_said_to_be(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    hidden = {**_row("1", "rate_difference", 1.0, "5"), "value": None, "lower": None, "upper": None, "suppressed": True}
    rows = [_row("5", "directly_standardised_rate", 4500.0), hidden, {**hidden, "measure": "rate_ratio"}]
    lake.write(OUTCOME_RATES, rows)
    assert "difference not shown per 100,000, ratio not shown" in as_text(Group(*inequality_lines(lake, "emergency")))

from __future__ import annotations

from datetime import date
from pathlib import Path

from expectations.tables.measurement_units import UNITS, USED, Outcome
from pipelines.lake.storage import Lake
from pipelines.reports.monitoring.page import monitoring_page
from pipelines.reports.monitoring.unit_part import MOST_PRACTICES, unit_part


def row(practice: str, analyte: str, outcome: Outcome, entries: int) -> dict[str, object]:
    return {
        "practice_code": practice, "analyte": analyte, "unit": "%", "outcome": outcome.value, "is_used": outcome in USED, "entries": entries,
    }  # fmt: skip


ROWS = [
    row("Y00001", "hba1c", Outcome.AS_STATED, 600), row("Y00001", "hba1c", Outcome.CONVERTED, 200), row("Y00001", "hba1c", Outcome.ASSUMED, 100),
    row("Y00001", "hba1c", Outcome.UNKNOWN_UNIT, 60), row("Y00001", "hba1c", Outcome.OUT_OF_RANGE, 40),
    row("Y00002", "weight", Outcome.AS_STATED, 503), row("Y00002", "weight", Outcome.AMBIGUOUS, 3),
    row("Y00003", "systolic_blood_pressure", Outcome.ASSUMED, 80), row("Y00003", "systolic_blood_pressure", Outcome.EXCHANGED, 20),
    row("Y00004", "weight", Outcome.AS_STATED, 4),
]  # fmt: skip


def test_measurements_and_practices_are_shown_with_small_counts_hidden(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.write(UNITS, ROWS)
    part = unit_part(lake)
    assert [tuple(one.values()) for one in part["measurements"]] == [
        ("HbA1c", "1,000", "20.0%", "10.0%", "0.0%", "10.0%"),
        ("Systolic blood pressure", "100", "0.0%", "80.0%", "20.0%", "0.0%"),
        ("Weight", "510", "0.0%", "0.0%", "0.0%", "not shown"),
    ]
    assert [one["name"] for one in part["practices"]] == ["Y00003", "Y00001", "Y00002", "Y00004"]
    assert part["practices"][-1]["values"] == part["practices"][-1]["set_aside"] == "not shown"
    assert not part["more"]


def test_the_page_has_the_practices_with_the_largest_share_alone(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.write(UNITS, [row(f"Y{number:05}", "weight", Outcome.AMBIGUOUS, 100 + number) for number in range(MOST_PRACTICES + 1)])
    assert unit_part(lake)["more"] and len(unit_part(lake)["practices"]) == MOST_PRACTICES
    page = monitoring_page(lake, "a_board", [], date(2026, 1, 1))
    assert "Units of measured values" in page and "Y00000" in page and f"Y{MOST_PRACTICES:05}" not in page


def test_a_lake_without_values_has_no_rows(tmp_path: Path) -> None:
    assert unit_part(Lake(tmp_path))["measurements"] == []
    assert "No measured value has been counted." in monitoring_page(Lake(tmp_path), "a_board", [], date(2026, 1, 1))

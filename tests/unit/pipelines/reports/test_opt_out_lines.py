"""What a page with a planning output says of people with a national data opt-out."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from expectations.tables.equity import PLANNING_POPULATION
from pipelines.lake.decision_record import NATIONAL_OPT_OUT, Decision, record
from pipelines.lake.storage import Lake
from pipelines.reports.opt_out_lines import sentence_on_planning

PERIOD = "2025-01-01"


def put(lake: Lake, rule: str, share: float, decision_id: str = "", period: str = PERIOD) -> None:
    row = {
        "period": period,
        "opt_out_rule": rule,
        "people": 1000,
        "people_excluded": round(1000 * share),
        "share_excluded": share,
    }
    lake.write(PLANNING_POPULATION, [{**row, "decision_id": decision_id}])


@pytest.mark.parametrize(
    ("rule", "share", "text"),
    [
        ("excluded", 0.0498, "5.0% of people are excluded because of the national data opt-out."),
        ("excluded", 0.00005, "Fewer than 0.1% of people are excluded because of the national data opt-out."),
        ("excluded", 0.0, "No one is excluded because of the national data opt-out."),
        (
            "not_known", 0.0,
            "No one is excluded because of the national data opt-out: no feed delivered national data opt-outs, so it is not known who has one.",
        ),
    ],
)  # fmt: skip
def test_the_share_is_stated(tmp_path: Path, rule: str, share: float, text: str) -> None:
    put(Lake(tmp_path), rule, share)
    assert sentence_on_planning(Lake(tmp_path), PERIOD) == text


def test_the_decision_that_includes_everyone_is_named(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    decision = Decision(
        NATIONAL_OPT_OUT, "planning: does not apply", "Caldicott Guardian", "CAG 12", date(2026, 1, 5), expires=date(2026, 12, 31)
    )
    recorded = record(lake, decision)
    put(lake, "included", 0.0, recorded.decision_id)
    assert sentence_on_planning(lake, PERIOD) == (
        "No one is excluded because of the national data opt-out: it does not apply to planning outputs, by decision "
        f"{recorded.decision_id} of 2026-01-05 by Caldicott Guardian, until 2026-12-31."
    )
    put(lake, "included", 0.0, "d9")
    assert sentence_on_planning(lake, PERIOD).endswith("by decision d9.")


def test_a_period_of_an_earlier_version_and_own_dates(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert sentence_on_planning(lake, "2024").startswith("It is not recorded how many people are excluded")
    put(lake, "excluded", 0.05, period="all")
    assert sentence_on_planning(lake, "2024") == "5.0% of people are excluded because of the national data opt-out."

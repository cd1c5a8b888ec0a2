"""Review lists at the end of a complete run: their people, the counts of reasons for exclusion, and their pages."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow


def test_the_lists_of_a_run_are_its_highest_risks_and_every_absence_has_a_reason(undisturbed: Any) -> None:
    lake = undisturbed.lake
    scores = lake.read("risk__scores").to_pandas().set_index("person_id")
    rows = lake.read("risk__caseload").to_pandas()
    marks = ["end_of_life", "in_hospital_now", "care_home", "on_caseload"]
    shown = rows[rows["listed"]]
    assert len(shown)
    assert not shown[marks].fillna(False).astype(bool).any(axis=None)
    assert rows.loc[~rows["listed"], "absent_reason"].notna().all()
    for (place, group), of_group in shown.groupby(["place_code", "age_group"]):
        here = scores[(scores["practice_code"] == place) & (scores["age_group"] == group) & scores["eligible"]]
        free = here[~here[marks].fillna(False).astype(bool).any(axis=1)]
        assert of_group["risk"].min() >= free["risk"].nlargest(len(of_group)).min()
    explained = set(lake.read("risk__drivers", "DISTINCT person_id")["person_id"].to_pylist())
    assert set(shown["person_id"]) <= explained


def test_flags_are_counted_and_caseloads_that_teams_send_are_used(undisturbed: Any) -> None:
    lake = undisturbed.lake
    counted = lake.read("monitoring__exclusions", where="treatment = 'marked'").to_pylist()
    assert {row["reason"] for row in counted} == {"end of life", "in hospital now", "care home", "on caseload"}
    counts = lake.read(
        "risk__scores", "count(*) FILTER (on_caseload) AS flagged, count(*) FILTER (care_home IS NULL) AS unknown"
    ).to_pylist()[0]
    assert counts["flagged"] == next(row["people"] for row in counted if row["reason"] == "on caseload") > 0
    assert counts["unknown"] > 0  # one practice shares no GP record, so a care home is not known there


def test_people_with_an_unreadable_date_of_death_have_no_score_and_are_counted(undisturbed: Any) -> None:
    lake, reason = undisturbed.lake, "date of death not readable"
    unreadable = lake.read("core__person", "person_id", "death_not_readable")["person_id"].to_pylist()
    assert unreadable  # the synthetic ICB has planted deaths after the extract and before birth
    for table in ("features__person", "risk__scores", "risk__caseload"):
        assert not set(lake.read(table, "person_id")["person_id"].to_pylist()) & set(unreadable), table
    counted = lake.read(
        "monitoring__exclusions", "people", f"list_name = 'scores' AND treatment = 'suppressed' AND reason = '{reason}'"
    )
    left_out = lake.read("risk__cohort_flow", "people", f"index_date = '2026-01-01' AND reason = '{reason}'")
    assert counted["people"].to_pylist() == left_out["people"].to_pylist()
    assert 0 < counted["people"][0].as_py() <= len(unreadable)


def test_a_practice_gets_its_page_and_its_csv(
    undisturbed: Any, strata: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    code = undisturbed.lake.read("risk__caseload", "min(place_code) AS code", "listed")["code"][0].as_py()
    assert strata(undisturbed.home, "caseload", str(undisturbed.config), "--practice", code) == 0
    written = sorted(Path(undisturbed.home, "reports", "caseloads").glob(f"{code}_*"))
    assert [path.suffix for path in written] == [".csv", ".html"]
    assert strata(undisturbed.home, "caseload", str(undisturbed.config), "--practice", "Z99999") == 1
    assert "has no caseload of 'Z99999'" in capsys.readouterr().err

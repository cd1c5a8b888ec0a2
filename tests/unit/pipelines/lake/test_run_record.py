from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from expectations.tables.records import EXTRACTS, VALIDATION
from expectations.tables.risk import RUNS
from pipelines.lake.run_record import RunInputs, all_runs, data_quality, extracts_read, published_runs, record_run
from pipelines.lake.storage import Lake

INPUTS = RunInputs("death", date(2026, 1, 1), date(2026, 1, 1), {"patients": ["a"]}, "s", "c", "m", "f", "")
ROW = {
    "run_id": "r1", "status": "published", "recorded_at": "2026-01-02T00:00:00", "purpose": "planning", "approval": "DSA", "outcome": "death",
    "approval_expires": date(2027, 1, 1), "index_date": date(2026, 1, 1), "data_cut_date": date(2026, 1, 1), "model_name": "m", "model_version": "1",
    "model_digest": "d", "code_version": "c", "settings_version": "s", "rows": 5, "scores_digest": "x", "table_versions": "{}", "suppressed": "{}",
    "reason": "",
}  # fmt: skip


def test_the_same_inputs_have_the_same_id_and_any_change_makes_a_new_one() -> None:
    assert replace(INPUTS).run_id == INPUTS.run_id
    others = [
        replace(INPUTS, outcome="x"), replace(INPUTS, index_date=date(2026, 2, 1)), replace(INPUTS, extracts={"patients": ["b"]}),
        replace(INPUTS, settings_version="x"), replace(INPUTS, code_version="x"), replace(INPUTS, model_digest="x"),
        replace(INPUTS, catalogue_version="x"), replace(INPUTS, previous_run_id="x"), replace(INPUTS, data_cut_date=date(2026, 2, 1)),
    ]  # fmt: skip
    assert len({INPUTS.run_id, *(other.run_id for other in others)}) == 10
    assert len(INPUTS.run_id) == 16


def test_the_order_of_feeds_does_not_matter() -> None:
    two = {"patients": ["a"], "admissions": ["b"]}
    assert replace(INPUTS, extracts=two).run_id == replace(INPUTS, extracts=dict(reversed(two.items()))).run_id


def test_a_later_record_has_a_later_time_even_if_the_clock_was_set_back(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    record_run(lake, {**ROW, "recorded_at": "2026-10-25T00:59:00.000000+00:00"})
    record_run(lake, {**ROW, "status": "withdrawn", "recorded_at": "2026-10-24T23:59:30.000000+00:00", "reason": "wrong extract"})
    assert [run["recorded_at"] for run in all_runs(lake)] == [
        "2026-10-25T00:59:00.000000+00:00",
        "2026-10-25T00:59:00.000001+00:00",
    ]
    assert published_runs(lake, "death") == []


def test_the_latest_row_of_a_run_decides_its_status(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert published_runs(lake, "death") == []
    later = {"run_id": "r2", "index_date": date(2026, 2, 1), "recorded_at": "2026-02-02T00:00:00"}
    for row in (
        {**ROW, **later},
        ROW,
        {**ROW, "run_id": "r3", "outcome": "any_emergency_admission"},
    ):
        record_run(lake, row)
    assert [run["run_id"] for run in published_runs(lake, "death")] == ["r2", "r1"]  # as published, whatever their dates
    record_run(lake, {**ROW, **later, "status": "withdrawn", "recorded_at": "2026-02-03T00:00:00", "reason": "wrong extract"})
    assert [run["run_id"] for run in published_runs(lake, "death")] == ["r1"]
    assert lake.rows(RUNS.name) == 4


def test_extracts_are_listed_by_feed(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert extracts_read(lake) == {}
    row = {"path": "p", "sequence": 0, "file_name": "p", "extract_date": date(2026, 1, 1), "rows": 1, "rows_unreadable": 0, "bytes": 1,
           "columns_missing": "[]", "columns_ignored": "[]", "reading": "r", "arrived_date": None}  # fmt: skip
    extracts = [
        {**row, "feed": feed, "extract_id": extract}
        for feed, extract in (("patients", "b"), ("patients", "a"), ("admissions", "c"))
    ]
    lake.append(EXTRACTS, extracts)
    assert extracts_read(lake) == {"admissions": ["c"], "patients": ["a", "b"]}


@pytest.mark.parametrize(("passed", "severity", "quality"), [(True, "warn", "ok"), (False, "flagged", "ok"), (False, "warn", "provider_gap (1)")])  # fmt: skip
def test_data_quality_lists_the_warnings(passed: bool, severity: str, quality: str, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert data_quality(lake) == "ok"
    row = {"rule": "provider_gap", "column_name": "", "organisation_code": "RX1", "month": None, "severity": severity, "rows_broken": 3,
           "share": None, "limit": None, "passed": passed, "note": ""}  # fmt: skip
    lake.write(VALIDATION, [row], {"feed": "patients", "extract_id": "a"})
    assert data_quality(lake) == quality

"""Extracts that validation did not pass are as if they had never arrived."""

from datetime import date
from pathlib import Path

from expectations.tables.records import EXTRACTS, VALIDATED_EXTRACTS
from pipelines.extracts.extract_records import current_extracts
from pipelines.lake.storage import Lake
from pipelines.validation.passed_lake import PassedLake


def test_only_extracts_that_passed_are_there(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    statuses = {"first": "passed", "corrected": "stopped", "waiting": ""}
    for sequence, (name, status) in enumerate(statuses.items()):
        row = {
            "feed": "patients", "path": "patients/a.csv", "sequence": sequence, "extract_id": name, "file_name": "a.csv", "rows": 1,
            "extract_date": date(2026, 1, 1), "rows_unreadable": 0, "bytes": 1, "columns_missing": "[]", "columns_ignored": "[]", "reading": "", "arrived_date": None,
        }  # fmt: skip
        lake.append(EXTRACTS, [row])
        if status:
            validated = {"rules": "", "status": status, "rows": 1, "rows_set_aside": 0, "text_reading": "{}"}
            of_feed = {"feed": "patients", "extract_id": name}
            lake.write(VALIDATED_EXTRACTS, [{**of_feed, **validated}], of_feed)
    assert [one.extract_id for one in current_extracts(lake, "patients")] == ["waiting"]
    assert [one.extract_id for one in current_extracts(PassedLake(tmp_path), "patients")] == ["first"]
    assert [one.extract_id for one in current_extracts(PassedLake(tmp_path, ("opt_outs",)), "patients")] == ["waiting"]

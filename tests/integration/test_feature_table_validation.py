from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from expectations.tables.core import QUARANTINE
from pipelines.building.load_feature_table import load_feature_table
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.deliveries import deliveries
from pipelines.sources.feature_table import FeatureTableSettings
from pipelines.sources.feature_table_columns import FEED, declare_feature_table, feature_table_feed
from pipelines.validation.validate import validate_feed
from pipelines.validation.validated_rows import validated_rows_sql
from pipelines.validation.validation_settings import ValidationSettings

pytestmark = pytest.mark.slow
SETTINGS = FeatureTableSettings.model_validate(
    {
        "file": "team.csv", "delivered": date(2024, 6, 30), "person": "pseudonym", "index_event": "stay", "index_date": "left_on",
        "label": {"column": "came_back", "positive": ["yes"], "negative": ["no"]},
    }
)  # fmt: skip


def test_rows_that_break_a_rule_of_the_table_are_quarantined_and_the_rest_load(tmp_path: Path) -> None:
    good = [
        f"p{number:02},s{number:02},2024-0{1 + number % 2}-15,{'yes' if number % 3 == 0 else 'no'},{number}"
        for number in range(40)
    ]
    bad = ["p41,s41,2024-01-15,perhaps,1", "p01,s01,2024-02-15,no,7", ",s42,2024-01-15,no,1", "p43,s43,someday,no,1"]
    file, lake = tmp_path / "team.csv", Lake(tmp_path / "lake")
    file.write_text("\n".join(["pseudonym,stay,left_on,came_back,visits", *good, *bad]) + "\n", encoding="utf-8")
    table, feeds = declare_feature_table(SETTINGS, file), deliveries({FEED: feature_table_feed(SETTINGS, file)})
    with connect() as con:
        ingest_feed(lake, con, table, feeds, tmp_path)
        validate_feed(lake, con, table, feeds, ValidationSettings())
        summary = load_feature_table(lake, con, table, validated_rows_sql(lake, feeds, FEED, table), SETTINGS, "readmission", 30)

    reasons = lake.read(QUARANTINE.name, "row_number, reason", "action = 'set_aside'", "row_number").to_pylist()
    assert [(row["row_number"], row["reason"]) for row in reasons] == [
        (41, "not_in_vocabulary"), (42, "duplicate_row"), (43, "missing_value"), (44, "unreadable_date"),
    ]  # fmt: skip
    assert (summary["rows"], summary["with_outcome"], summary["index_dates"]) == (40, 14, 2)
    assert lake.partitions("features__person", "index_date") == ["2024-01-15", "2024-02-15"]
    assert lake.read("features__person", "visits", "person_id = 'p07'").to_pylist() == [{"visits": 7.0}]

"""The synthetic ICB through ingest and validation: every planted defect is found, and nothing else."""

from pathlib import Path

import pandas as pd
import pytest

from expectations.catalogue import RAW_TABLES
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.reports.validation_page import write_validation_page
from pipelines.sources.nhs import NhsSettings
from pipelines.sources.synthetic.landing_files import FEEDS, write_board
from pipelines.sources.synthetic.settings import SyntheticSettings
from pipelines.validation.defects import count_defects, describe_defects
from pipelines.validation.validate import ValidationSettings, validate_feed
from pipelines.validation.validated_rows import validated_rows_sql
from pipelines.validation.volumes import write_volumes

pytestmark = pytest.mark.slow

DELIVERED = [table for table in RAW_TABLES.values() if table.feed in FEEDS]  # those that the synthetic board sends


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Lake]:
    home = tmp_path_factory.mktemp("board")
    landing, lake, nhs = home / "landing", Lake(home / "lake"), NhsSettings()
    write_board(SyntheticSettings(people=8_000), landing)
    published = pd.read_csv(landing / "reference" / "gp-reg-pat-prac-lsoa-all.csv")
    lists = (
        published.groupby("PRACTICE_CODE", as_index=False)["NUMBER_OF_PATIENTS"]
        .sum()
        .set_axis(["practice_code", "patients"], axis=1)
    )
    with connect() as con:
        for table in DELIVERED:
            ingest_feed(lake, con, table, nhs, landing)
            validate_feed(lake, con, table, nhs, ValidationSettings(), published_lists=lists)
    return landing, lake


def test_the_planted_defects_are_found_and_nothing_else(board: tuple[Path, Lake]) -> None:
    landing, lake = board
    with connect() as con:
        counts = count_defects(lake, con, landing)
    print(describe_defects(counts))
    # A person who is not on the registered list has no date of birth, so a few dates before birth are not found.
    sure = counts[counts["reason"] != "date_before_birth"]
    assert counts["planted"].sum() > 1_000
    assert sure[sure["misses"] > 0].to_dict("records") == []
    assert counts[counts["false_alarms"] > 0].to_dict("records") == []
    assert set(range(1, 15)) - {10} <= set(counts["defect"])


def test_every_row_is_kept_or_quarantined(board: tuple[Path, Lake]) -> None:
    _, lake = board
    with connect() as con:
        for table in DELIVERED:
            feed = table.feed
            kept = con.execute(f"SELECT count(*) FROM {validated_rows_sql(lake, NhsSettings(), feed)}").fetchall()[0][0]
            extracts = lake.read(
                "raw__extracts", "sum(rows) AS stored, sum(rows_unreadable) AS unreadable", f"feed = '{feed}'"
            ).to_pylist()[0]
            left = lake.read(
                "core__quarantine", "count(DISTINCT row_number) AS n", f"table_name = '{table.name}' AND action = 'set_aside'"
            )
            assert kept + left.column("n")[0].as_py() == extracts["stored"] + extracts["unreadable"], feed


def test_volumes_are_counted_by_organisation_and_month(board: tuple[Path, Lake]) -> None:
    _, lake = board
    with connect() as con:
        assert write_volumes(lake, con, DELIVERED) > 0
    feeds = lake.read("monitoring__volumes", "feed, sum(rows) AS rows", "true GROUP BY feed").to_pylist()
    assert {row["feed"] for row in feeds} == set(FEEDS)


def test_the_page_needs_no_network_and_names_the_broken_rules(board: tuple[Path, Lake], tmp_path: Path) -> None:
    page = write_validation_page(board[1], tmp_path / "validation.html").read_text(encoding="utf-8")
    assert "History starts at load" in page
    assert "Duplicate row" in page
    assert "://" not in page

"""A team's first day: the template is used with the team's files, which differ from Strata's format in the usual ways."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.run.settings import read_settings
from pipelines.sources.synthetic.landing_files import write_board
from pipelines.sources.synthetic.settings import SyntheticSettings
from pipelines.validation.validated_rows import validated_rows_sql

pytestmark = pytest.mark.slow

TEMPLATE = Path(__file__).resolve().parents[2] / "config" / "nhs_example.yaml"
AS_IT_IS = ("registrations", "addresses", "emergency_attendances", "outpatient_appointments")
MINE = {
    "patients": {"columns": {"practice_code": "GP_PRACTICE_CODE"}},
    "admissions": {"files": ["sus/apcs_*.csv"], "load": {"replaces_months": 12}},
    "gp_observations": {"files": ["gp/observations_*.csv.gz"], "load": "append"},
    "gp_medication_orders": {"files": ["gp/medication_*.parquet"], "load": "append"},
}


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    """Return a folder of extracts: an unusual header, a gzip, a Parquet file, two deliveries and no opt-outs."""
    board, folder = tmp_path / "board", tmp_path / "extracts"
    write_board(SyntheticSettings(people=1_500, seed=3, defects={"enabled": False}), board)
    for feed in AS_IT_IS:
        shutil.copytree(board / feed, folder / feed)
    for name in ("patients", "gp", "sus"):
        (folder / name).mkdir()
    patients = delivered(board, "patients").rename(columns={"REGISTERED_PRACTICE_ORGANISATION_ID": "GP_PRACTICE_CODE"})
    patients.to_csv(folder / "patients" / "patients_2026-01-01.csv", index=False)
    with gzip.open(folder / "gp" / "observations_20260101.csv.gz", "wt", encoding="utf-8") as packed:
        delivered(board, "gp_observations").to_csv(packed, index=False)
    delivered(board, "gp_medication_orders").to_parquet(folder / "gp" / "medication_20260101.parquet")
    admissions = delivered(board, "admissions")
    day = admissions["Admission_Date"]
    admissions[day < "2025-10-01"].to_csv(folder / "sus" / "apcs_2025-10-01.csv", index=False)
    # The later delivery restates 2025 without the rows of March in the first one.
    restated = admissions[(day >= "2025-01-01") & ~day.str.startswith("2025-03")]
    restated.to_csv(folder / "sus" / "apcs_2026-01-01.csv", index=False)
    return folder


def delivered(board: Path, feed: str) -> pd.DataFrame:
    return pd.read_csv(board / feed / f"{feed}_2026-01-01.csv", dtype=str, keep_default_na=False)


def configuration(folder: Path, feeds: dict) -> Path:
    settings = yaml.safe_load(TEMPLATE.read_text(encoding="utf-8"))
    settings["source"]["nhs"].update(landing="extracts", feeds=feeds)
    settings["validation"] = {"limits": {"feed_collapsed": 0}}  # a month is left out on purpose
    config = folder / f"mine_{len(list(folder.glob('mine_*')))}.yaml"
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return config


def test_a_landing_folder_is_corrected_step_by_step(
    landing: Path, tmp_path: Path, strata: Callable[..., int], capfd: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    template = yaml.safe_load(TEMPLATE.read_text(encoding="utf-8"))["source"]["nhs"]["feeds"]

    assert strata(home, "check-extract", str(configuration(tmp_path, template))) == 1
    printed = capfd.readouterr().err
    assert "source.nhs.feeds.opt_outs: no CSV or Parquet file in the folder 'opt_outs'" in printed
    assert "source.nhs.feeds.admissions" in printed

    feeds = {**{feed: settings for feed, settings in template.items() if feed not in ("opt_outs", "actions")}, **MINE}
    unnamed = configuration(tmp_path, {**feeds, "patients": {}})
    assert strata(home, "check-extract", str(unnamed)) == 1
    printed = capfd.readouterr().err
    assert "has no column practice_code" in printed
    assert "headers that were not used: GP_PRACTICE_CODE" in printed

    config = configuration(tmp_path, feeds)
    assert strata(home, "check-extract", str(config)) == 0
    printed = " ".join(capfd.readouterr().out.split())  # lines are as wide as the terminal
    assert "Feeds without an extract: actions, national_opt_outs, opt_outs, type_1_objections." in printed
    assert "Without a feed of objections no one is excluded for an objection" in printed
    lake = Lake(home / "lake")
    assert lake.rows("raw__gp_observations") == len(delivered(tmp_path / "board", "gp_observations"))
    assert lake.rows("raw__gp_medication_orders") == len(delivered(tmp_path / "board", "gp_medication_orders"))
    assert lake.read("raw__patients", "DISTINCT practice_code").num_rows > 1
    assert len(lake.partitions("raw__admissions", "extract_id")) == 2
    months = admissions_by_month(lake, config)
    assert "2025-03" not in months
    assert months["2024-03"] and months["2025-02"] and months["2025-12"]


def admissions_by_month(lake: Lake, config: Path) -> dict[str, int]:
    """Count the current validated rows of both deliveries."""
    nhs = read_settings(config).source.nhs
    assert nhs is not None
    with connect() as con:
        rows = validated_rows_sql(lake, nhs, "admissions")
        return dict(con.sql(f"SELECT strftime(admission_date, '%Y-%m') AS month, count(*) FROM {rows} GROUP BY month").fetchall())

"""The monitoring page: what is wrong first, everything inside, nothing that may not leave."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from expectations.table import Table
from expectations.tables.monitoring import ALERTS, CALIBRATION, DRIFT, SCORES, STAGES
from expectations.tables.risk import RUNS, VOLUMES
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake
from pipelines.reports.monitoring.cost_part import duration
from pipelines.reports.monitoring.page import monitoring_page, write_monitoring_page
from pipelines.reports.monitoring.volume_part import ALL, feed_volumes

OUTCOME, TODAY = "emergency_admission", date(2026, 3, 2)
FIRST, SECOND = date(2026, 1, 1), date(2026, 2, 1)


def store(lake: Lake, table: Table, rows: Sequence[Mapping[str, Any]], part: Mapping[str, str] | None = None) -> None:
    schema = pa.schema([field for field in arrow_schema(table) if field.name not in (part or {})])
    blank = {field.name: "" if pa.types.is_string(field.type) else None for field in schema}
    made = [blank | {name: value for name, value in row.items() if name in blank} for row in rows]
    lake.write(table, made, part)


def run(run_id: str, day: date, before: str, lake: Lake) -> dict[str, Any]:
    """Store the measures of a run's scores and give its row of risk__runs."""
    cells = [
        ("all", "all", "mean_risk", 0.06, 1000), ("all", "all", "risk_decile_50", 0.04, 1000), ("all", "all", "share_in_band_high", 0.05, 1000),
        ("imd_quintile", "1", "mean_risk", 0.09, 500), ("imd_quintile", "2", "mean_risk", None, None),
    ]  # fmt: skip
    cells += [("all", "all", "list_turnover", 0.19, 50), ("imd_quintile", "1", "list_turnover", 0.27, 30)] if before else []
    names = ("group_kind", "group_name", "measure", "value", "people")
    rows = [dict(zip(names, cell, strict=True)) | {"suppressed": cell[3] is None} for cell in cells]
    store(
        lake,
        SCORES,
        [row | {"outcome": OUTCOME, "index_date": day, "previous_run_id": before} for row in rows],
        {"run_id": run_id},
    )
    return {
        "run_id": run_id, "status": "published", "recorded_at": f"{day}T05:00:00", "outcome": OUTCOME, "index_date": day, "model_name": "m",
        "model_version": "3", "data_cut_date": day, "approval_expires": day, "rows": 1000,
    }  # fmt: skip


def board(root: Path) -> Lake:
    """Return a lake of two published runs, the first matured, with one alert open and one recovered."""
    lake = Lake(root)
    store(lake, RUNS, [run("a1", FIRST, "", lake), run("b2", SECOND, "a1", lake)])
    head = {"since": SECOND, "last_seen": TODAY, "value": 0.4, "limit_value": 0.25}
    opened = {
        "rule": "feature_shifted",
        "subject": "x",
        "state": "open",
        "message": "'<b>Age</b>' moved",
        "runbook": "docs/runbooks/feature_shifted.md",
    }
    over = {"rule": "list_turnover", "subject": "all", "state": "recovered", "message": "61% were new", "recovered_on": TODAY}
    store(lake, ALERTS, [head | opened, head | over])
    moved = {
        "feature": "age",
        "label": "Age at the index date",
        "drift_rank": 1,
        "psi": 0.4,
        "psi_by_chance": 0.01,
        "status": "shifted",
        "was_constant": True,
        "support_training": 0.0,
        "support": 0.065,
    }
    shares = {"share_missing_training": 0.0, "share_missing": 0.31, "share_missing_change": 0.31, "top_bin": "over 80"}
    top = {"top_bin_share_training": 0.1, "top_bin_share": 0.25, "model_version": "3", "feed": "patients"}
    store(lake, DRIFT, [moved | shares | top], {"index_date": str(SECOND), "model_name": "m"})
    metrics = {"auroc": 0.78, "observed_over_expected": 1.02, "brier": 0.05}
    everyone = [
        {"group_kind": "all", "group_name": "all", "metric": name, "value": value, "lower": value * 0.9, "upper": value * 1.1, "people": 1003,
         "events": 61, "suppressed": False} for name, value in metrics.items()
    ]  # fmt: skip
    group = {**everyone[1], "group_kind": "imd_quintile", "group_name": "1", "people": 502, "events": 33}
    few = {
        **group,
        "group_name": "2",
        "value": None,
        "lower": None,
        "upper": None,
        "people": None,
        "events": None,
        "suppressed": True,
    }
    common = {"outcome": OUTCOME, "index_date": FIRST, "data_cut_date": TODAY, "model_name": "m", "model_version": "3"}
    rows = (*everyone, group, few, {**few, "group_name": "3"})
    store(lake, CALIBRATION, [common | row for row in rows], {"run_id": "a1"})
    stage = {"stage": "risk__scores", "index_date": "", "status": "done", "wall_s": 20.0, "inputs": "", "outputs": ""}
    days = {"2026-01-02T05:00:00": 8.0, "2026-02-02T05:00:00": 10.0, "2026-02-02T06:00:00": 5.0}
    store(lake, STAGES, [{**stage, "started_at": at, "cpu_s": seconds} for at, seconds in days.items()])
    store(lake, VOLUMES, volumes())
    return lake


def volumes(small: int = 3) -> list[dict[str, Any]]:
    """Return three providers' months: the last whole one of B is small, and one that was delivered in part."""
    rows = {"A": (100, 100, 40), "B": (60, small, 9), "C": (31, 30, 8)}
    months = (date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1))
    return [
        {"feed": "gp_observations", "organisation_code": name, "month": month, "extract_date": date(2026, 2, 10), "rows": count}
        for name, counts in rows.items()
        for month, count in zip(months, counts, strict=True)
    ]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return monitoring_page(board(tmp_path_factory.mktemp("lake")), "a_board", [OUTCOME], TODAY)


def words(page: str) -> str:
    """Return what a reader reads: no markup, one space between words."""
    return " ".join(re.sub(r"<svg.*?</svg>|<style>.*?</style>|<[^>]+>", " ", page, flags=re.S).split())


def test_open_alerts_come_first_with_their_runbook(page: str) -> None:
    text = words(page)
    assert text.index("1 open alert") < text.index("Feature shifted: 1 open") < text.index("Volumes Rows of each feed")
    assert "since 2026-02-01 · value 0.4, limit 0.25" in text
    assert '<a href="#runbook-feature_shifted">docs/runbooks/feature_shifted.md</a>' in page
    assert "<b>Age" not in page
    assert 'id="runbook-feature_shifted"' in page
    assert "What it means." in text[text.index("What to do Feature shifted") :]  # the runbook's own text
    assert "61% were new Large turnover of the list 2026-02-01 2026-03-02" in text


def test_each_part_tells_its_figures(page: str) -> None:
    text = words(page)
    for expected in (
        "2026-02-01, index date 2026-02-01 1 shifted 19% 1.00 (0.899 to 1.10)",  # the outcome at a glance
        "Age at the index date 0.400 0.010 shifted, was constant over 80: 10.0% in training, 25.0% now "
        "0.0% in training, 6.5% now 0.0% in training, 31.0% now",
        "Deprivation quintile 1 500 9.0% – – 27%",
        "Deprivation quintile 2 not shown not shown",
        "2026-01-01 3 1,005 60 0.780 (0.702 to 0.858)",
        "risk__scores 2026-02-02 40.0 s 15.0 s 8.0 s",
        "2026-02 1 2 0 40.0 s 15.0 s",
    ):
        assert expected in text, expected


def test_nothing_is_fetched_and_every_figure_has_words(page: str) -> None:
    assert not re.findall(r'(?:src|href)="(?!#)[^"]*"|url\((?!#)', page)
    drawings = re.findall(r'<div class="drawing" role="img" aria-label="([^"]+)"><svg', page)
    assert len(drawings) == page.count("<svg") == 8
    assert all(len(label) > 40 for label in drawings)
    named = re.findall(r'\bid="([^"]+)"', page)
    assert len(named) == len(set(named))


def test_a_small_count_is_shown_nowhere_nor_is_what_would_tell_it(page: str) -> None:
    assert "GP observations 2026-02-10 3 2026-01 135" in words(page)
    (feed,) = feed_volumes(volumes(small=3))
    assert feed.months == ["2025-12", "2026-01"]  # February is not whole
    assert [str(feed.rows[name][1]) for name in (ALL, "A", "B", "C")] == ["135.0", "100.0", "nan", "nan"]
    assert feed_volumes(volumes(small=0))[0].rows["B"] == [60.0, 0.0]
    assert not re.search(r"\b1,?003\b|\b502\b|\b33\b", words(page))  # counts of outcomes are rounded


def test_a_home_without_anything_has_a_page(tmp_path: Path) -> None:
    file = write_monitoring_page(Lake(tmp_path / "lake"), tmp_path / "reports" / "monitoring.html", "new", [OUTCOME], TODAY)
    text = words(file.read_text(encoding="utf-8"))
    assert "No alert is open." in text
    assert "No run of this outcome is published." in text
    assert [path.name for path in file.parent.iterdir()] == ["monitoring.html"]


def test_a_withdrawn_run_is_not_on_the_page(tmp_path: Path) -> None:
    lake = board(tmp_path)
    rows = lake.read(RUNS.name).to_pylist()
    store(lake, RUNS, [*rows, {**rows[-1], "run_id": "b2", "status": "withdrawn", "recorded_at": "2026-02-03"}])
    text = words(monitoring_page(lake, "a_board", [OUTCOME], TODAY))
    assert "Latest published run: a1" in text
    assert "27%" not in text


@pytest.mark.parametrize(("seconds", "text"), [(0.04, "0.0 s"), (89.9, "89.9 s"), (90, "2 min"), (5400, "1.5 h")])
def test_seconds_are_written_as_a_reader_says_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text

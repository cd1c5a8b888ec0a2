from pathlib import Path

import pyarrow as pa
import pytest

from expectations.tables import core
from expectations.tables import risk as tables
from pipelines.lake.rows import arrow_schema
from pipelines.reports import command_summaries
from pipelines.reports.terminal import as_text
from pipelines.run.deployment import Deployment, open_deployment


def closing_summary(deployment: Deployment, seconds: float, width: int = 120) -> str:
    return as_text(command_summaries.closing_summary(deployment, seconds), width)


def extract_summary(deployment: Deployment) -> str:
    return as_text(command_summaries.extract_summary(deployment))


CONFIG = """
deployment: a_board
purpose: {use: planning, approval: DSA 12, approval_expires: 2099-12-31}
source: {kind: nhs, nhs: {}}
"""


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    monkeypatch.setenv("STRATA_HOME", str(tmp_path / "home"))
    (tmp_path / "a_board.yaml").write_text(CONFIG)
    return open_deployment(tmp_path / "a_board.yaml")


def store(deployment: Deployment, table: core.Table, *rows: dict[str, object], partition: dict[str, str] | None = None) -> None:
    schema = pa.schema([field for field in arrow_schema(table) if field.name not in (partition or {})])
    filled = [{field.name: row.get(field.name) for field in schema} for row in rows]
    deployment.lake.write(table, filled, partition)


def test_a_home_without_tables_has_a_summary_too(deployment: Deployment) -> None:
    summary = closing_summary(deployment, 12.3)
    assert "Strata: 'a_board' finished in 12 s" in summary
    assert f"make ui CONFIG={deployment.folder / 'a_board.yaml'}" in " ".join(summary.split())
    assert "Extracts of 'a_board'" in extract_summary(deployment)


def test_the_monitoring_page_is_named_once_it_is_written(deployment: Deployment) -> None:
    page = deployment.reports / "monitoring.html"
    assert str(page) not in closing_summary(deployment, 1)
    page.parent.mkdir(parents=True)
    page.write_text("")
    assert str(page) in closing_summary(deployment, 1)


def test_rows_that_broke_a_rule_are_counted_by_reason(deployment: Deployment) -> None:
    row = {
        "table_name": "raw__patients",
        "row_key": "secret-key",
        "reason": "duplicate_row",
        "action": "set_aside",
        "file_name": "p.csv",
    }
    partition = dict.fromkeys(core.QUARANTINE.partitioned_by, "x")
    store(deployment, core.QUARANTINE, row, row, {**row, "reason": "padding_or_case", "action": "repaired"}, partition=partition)
    lines = [" ".join(line.split()) for line in extract_summary(deployment).splitlines()]
    assert "Row set aside Duplicate row 2" in lines
    assert "Value repaired Padding or case 1" in lines
    assert "secret-key" not in extract_summary(deployment)


def test_candidates_are_listed_with_the_gates_they_failed(deployment: Deployment) -> None:
    row = {
        "training_id": "t", "outcome": deployment.settings.study.outcome.name, "recorded_at": "2026-01-01", "auroc": 0.7512, "eligible": False,
        "status": "candidate", "inputs": "{}", "model_digest": "d", "candidate": "logistic",
        "gates": '[{"gate": "calibration_overall", "answer": "fail", "reason": "O/E is 1.40"}]',
    }  # fmt: skip
    store(deployment, tables.MODELS, row)
    summary = closing_summary(deployment, 1.0)
    assert "0.751" in summary
    assert "Not eligible: Logistic" in summary
    assert "Calibration overall: failed. O/E is 1.40" in summary


def test_the_summary_fits_a_terminal_of_80_columns(deployment: Deployment) -> None:
    lines = [line for line in closing_summary(deployment, 1.0, width=80).splitlines() if str(deployment.home) not in line]
    assert all(len(line) <= 80 or "strata caseload" in line or "make ui" in line for line in lines)

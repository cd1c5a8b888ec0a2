"""Results of past runs: predicted compared with observed, once the horizon and the maturity lag have passed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from expectations.maturity import has_matured
from expectations.sql_values import quote
from expectations.tables.caseload import ACTIONS, CASELOAD
from expectations.tables.features import PERSON_FEATURES
from expectations.tables.monitoring import CALIBRATION
from expectations.tables.risk import LABELS, SCORES
from features.outcomes import OutcomeSettings
from models.fairness import AuditedRows, audit
from models.scored_rows import scored_rows
from models.settings import CapacitySettings
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.run_record import published_runs
from pipelines.lake.storage import Lake

METRICS = (
    "base_rate", "mean_risk", "auroc", "observed_over_expected", "calibration_in_the_large", "calibration_slope", "brier",
)  # fmt: skip
GROUP_KINDS = ("age_group", "list_status")  # measured where they are known, in addition to the deprivation quintile


@dataclass(frozen=True)
class MaturedRequest:
    """What is measured: the outcome, the day the data reach to, and how missing labels of an index date are built."""

    outcome: OutcomeSettings
    data_cut: date
    capacity: CapacitySettings
    seed: int
    build_labels: Callable[[date], object]
    own_dates: bool = False  # rows have separate index dates: a run has no single day on which it matures


def write_calibration(lake: Lake, request: MaturedRequest) -> dict[str, object]:
    """Write monitoring__calibration of every matured run that is not there yet, and return counts of runs.

    A run with another horizon than the settings is skipped, because its labels would mean something else.
    """
    lake.create_if_absent(CALIBRATION)
    horizon, maturity = request.outcome.horizon_days, request.outcome.maturity_days
    stored, counts = set(lake.partitions(CALIBRATION.name, "run_id")), {"matured_runs": 0, "runs_measured": 0, "not_measured": 0}
    for run in published_runs(lake, request.outcome.name):
        if request.own_dates or not has_matured(run["index_date"], request.data_cut, horizon, maturity):
            continue
        counts["matured_runs"] += 1
        if str(run["run_id"]) in stored:
            continue
        rows = _measured(lake, run, request)
        counts["runs_measured" if len(rows) else "not_measured"] += 1
        if len(rows):
            lake.write(CALIBRATION, _with_nulls(rows), {"run_id": str(run["run_id"])})
    return dict(counts)


def _measured(lake: Lake, run: Mapping[str, Any], request: MaturedRequest) -> pd.DataFrame:
    index_date = run["index_date"]
    if not _has_labels(lake, request.outcome.name, index_date):
        if not lake.rows(PERSON_FEATURES.name, {"index_date": index_date.isoformat()}):
            return pd.DataFrame()
        request.build_labels(index_date)
    rows = _rows(lake, run, request.outcome)
    if not rows["label"].any():
        return pd.DataFrame()
    person, _ = pd.factorize(rows["person_id"])
    groups = rows[["imd_quintile", *(kind for kind in GROUP_KINDS if rows[kind].notna().any())]]
    scored = scored_rows(rows["risk"].to_numpy(), rows["label"].to_numpy(), person)
    audited = audit(AuditedRows(scored, groups), request.capacity, request.seed)
    return audited[audited["metric"].isin(METRICS)].assign(
        outcome=request.outcome.name,
        index_date=index_date,
        data_cut_date=request.data_cut,
        model_name=run["model_name"],
        model_version=run["model_version"],
    )


def _has_labels(lake: Lake, outcome: str, index_date: date) -> bool:
    where, partition = f"outcome = {quote(outcome)} AND label IS NOT NULL", {"index_date": index_date.isoformat()}
    return bool(lake.read_or_empty(LABELS, "count(*) AS rows", where, partition=partition)["rows"][0].as_py())


def _rows(lake: Lake, run: Mapping[str, Any], outcome: OutcomeSettings) -> pd.DataFrame:
    """Return risk, label and groups of a run's rows whose outcome is known, in order of key.

    `list_status` records whether a team listed the person and whether it acted. It is null where no team reported on the run's
    list. Help may prevent the outcome, so the three groups are measured separately.
    """
    scores = lake.scan(SCORES.name, {"run_id": str(run["run_id"])})
    labels = lake.scan(LABELS.name, {"index_date": run["index_date"].isoformat()})
    with connect() as con:
        return con.execute(
            f"""WITH followed AS ({_followed(lake, str(run["run_id"]))})
            SELECT s.person_id, s.risk, l.label, ceil(s.imd_decile / 2) AS imd_quintile, s.age_group,
                CASE WHEN (SELECT count(*) FROM followed WHERE reported) > 0
                    THEN CASE WHEN acted THEN 'acted on' WHEN listed THEN 'listed' ELSE 'neither' END END AS list_status
            FROM {scores} AS s JOIN {labels} AS l USING (person_id, index_event_id) LEFT JOIN followed USING (person_id)
            WHERE l.outcome = {quote(outcome.name)} AND l.label IS NOT NULL AND s.horizon_days = {outcome.horizon_days}
            ORDER BY s.person_id, s.index_event_id"""
        ).df()


def _followed(lake: Lake, run_id: str) -> str:
    """Return the SQL of person_id, listed, acted and reported: what teams reported on a run's list, and who was on its caseloads."""
    columns = "person_id, coalesce(listed, false) AS listed, action IS NOT NULL AS acted, true AS reported"
    every = f"""SELECT {columns} FROM {lake.scan_or_empty(ACTIONS)} WHERE run_id = {quote(run_id)}
        UNION ALL SELECT person_id, true, false, false FROM {lake.scan_or_empty(CASELOAD, {"run_id": run_id})} WHERE listed"""
    return f"SELECT person_id, bool_or(listed) AS listed, bool_or(acted) AS acted, bool_or(reported) AS reported FROM ({every}) GROUP BY person_id"


def _with_nulls(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows whose estimates and limits are null where they are not finite."""
    estimates = {name: rows[name].where(np.isfinite(rows[name].astype("float64")), None) for name in ("value", "lower", "upper")}
    return rows.assign(**estimates)

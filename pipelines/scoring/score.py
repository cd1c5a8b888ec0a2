"""Score an index date with the champion and publish the run: scores and drivers first, the run's row last."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd

from expectations.sql_values import quote
from expectations.tables import risk as tables
from features.cohort import Use
from models.explanation import drivers
from models.feature_rows import CodeCounts
from models.risk_bands import age_groups, band_names, highest_bands, percentiles, percentiles_within, ranks_within
from models.risk_model import RiskModel
from pipelines.building.code_level_features import count_codes
from pipelines.lake.run_record import PUBLISHED, RunInputs, data_quality, published_runs, record_run, status_of
from pipelines.lake.storage import Lake
from pipelines.scoring.left_out import MARKS, OPTED_OUT, opted_out, suppression
from pipelines.scoring.published_lists import RunLists
from pipelines.study.purpose import PurposeSettings
from pipelines.study.settings import StudySettings
from pipelines.training.modelling_rows import read_catalogue, read_features

PLACES = ("practice_code", "pcn_code", "sub_icb_code", "icb_code", "lsoa_code", "lsoa_vintage", "imd_decile", "imd_version")


@dataclass(frozen=True)
class Champion:
    """The model that scores, and where it is registered."""

    model: RiskModel
    name: str
    version: str
    mlflow_run_id: str


@dataclass(frozen=True)
class Scoring:
    """The scored rows of a run, their risks and the reasons why people may not be listed."""

    frame: pd.DataFrame
    risk: np.ndarray
    suppression: np.ndarray  # reason, or '' if the person may be listed
    opted_out: int = 0  # rows not scored because the person opted out after the features were built
    codes: CodeCounts | None = None  # of the rows, if the model uses codes


def score_rows(
    lake: Lake, study: StudySettings, champion: Champion, index_date: date, threads: int = 2, *,
    use: Use = "finding_people_for_care", data_cut: date | None = None,
) -> Scoring:  # fmt: skip
    """Score everyone in the cohort of an index date.

    In a study without time, people in the training rows are scored by models that were not trained on them. People who opted out of the `use`
    since are not scored. People who died or left by the `data_cut` are suppressed.
    """
    undated = not study.validation.by_date
    frame = read_features(lake, None if undated else [index_date], champion.model.predictors)
    is_opted_out = opted_out(lake, frame["person_key"].to_numpy(), use)
    frame = frame[~is_opted_out].reset_index(drop=True) if is_opted_out.any() else frame
    codes = count_codes(lake, frame, champion.model.code_columns, threads)
    risk = champion.model.predict(frame, codes)
    if undated:
        risk = _cross_fitted(lake, champion, frame, risk)
    since = None if undated or study.cohort.of_source else data_cut
    return Scoring(frame, risk, suppression(lake, study.outcome.name, frame, since), int(is_opted_out.sum()), codes)


def publish(
    lake: Lake, study: StudySettings, purpose: PurposeSettings, champion: Champion, scoring: Scoring, inputs: RunInputs,
    make_lists: Callable[[pd.DataFrame], RunLists] | None = None,
) -> dict[str, object]:  # fmt: skip
    """Write a run's scores, lists and drivers, then its row; a run that is already published does not change."""
    run_id, partition = inputs.run_id, {"run_id": inputs.run_id}
    digest = scores_digest(scoring)
    if before := status_of(lake, run_id):
        status = "published before, unchanged" if before == PUBLISHED else f"{before} before, and not published again"
        return {"run_id": run_id, "scores": len(scoring.risk), "status": status}
    scores = score_table(lake, study, purpose, champion, scoring, inputs)
    lists = make_lists(scores) if make_lists else None
    explained = driver_table(study, champion, scoring, lists.shown if lists else None)
    lake.write(tables.SCORES, scores, partition)
    for table, rows in lists.tables if lists else ():
        lake.write(table, rows, partition)
    lake.write(tables.DRIVERS, explained, partition)
    record_run(lake, _run_row(lake, study, purpose, champion, scoring, inputs, digest))
    unseen = champion.model.unseen_levels(scoring.frame)
    summary = {"unseen_categories": ", ".join(f"{name} in {rows:,} rows" for name, rows in unseen.items())} if unseen else {}
    return {"run_id": run_id, "scores": len(scores), "drivers": len(explained), "status": "published", **summary}


def scores_digest(scoring: Scoring) -> str:
    """Return a digest of the risks in order of person and index event."""
    order = _key_order(scoring.frame)
    content = hashlib.sha256(np.ascontiguousarray(scoring.risk[order], dtype="<f8").tobytes())
    for name in ("person_id", "index_event_id"):
        content.update("\n".join(scoring.frame[name].astype(str).to_numpy()[order]).encode())
    return content.hexdigest()[:16]


def score_table(
    lake: Lake, study: StudySettings, purpose: PurposeSettings, champion: Champion, scoring: Scoring, inputs: RunInputs
) -> pd.DataFrame:
    """Return the rows of risk__scores, in order of person and index event."""
    frame, risk, outcome = scoring.frame, scoring.risk, study.outcome
    keys = np.asarray(frame["person_id"].astype(str) + "|" + frame["index_event_id"].astype(str))
    previous = _previous_risk(lake, inputs, frame)
    change, groups = risk - previous, age_groups(frame)
    rows = pd.DataFrame(
        {
            "purpose": purpose.use,
            "scored_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "index_date": frame["index_date"],
            "index_event_id": frame["index_event_id"].astype(str),
            "data_cut_date": inputs.data_cut_date,
            "horizon_days": outcome.horizon_days,
            "outcome": outcome.name,
            "outcome_definition_version": f"{outcome.name}-{outcome.horizon_days}d-{inputs.settings_version[:8]}",
            "person_id": frame["person_id"].astype(str),
            **{name: frame.get(name) for name in PLACES},
            "neighbourhood_code": None,
            "geography_version": inputs.data_cut_date.isoformat(),
            "risk": risk,
            "risk_percentile": percentiles(risk),
            "risk_rank_in_practice": _ranks(frame, risk, keys),
            "age_group": groups,
            "risk_percentile_in_age_group": percentiles_within(risk, groups),
            "risk_rank_in_practice_age_group": _ranks(frame, risk, keys, groups),
            "risk_band": band_names(risk, study.bands),
            "band_scheme_version": study.bands.version,
            "previous_risk": previous,
            "risk_change": change,
            "rising_risk": pd.array(np.where(np.isnan(change), False, change >= study.rising_risk_step), dtype="boolean"),
            "emergency_admissions_730d": frame.get("emergency_admissions_730d"),
            "eligible": scoring.suppression == "",
            "suppression_reason": pd.Series(scoring.suppression, dtype="object").where(scoring.suppression != "", None),
            **{name: frame.get(name) for name in MARKS},
            "coverage": frame.get("coverage", "full"),
            "model_name": champion.name,
            "model_version": champion.version,
            "mlflow_run_id": champion.mlflow_run_id,
            "feature_set_version": inputs.catalogue_version,
            "code_version": inputs.code_version,
            "data_quality_status": data_quality(lake, inputs.late_feeds, tuple(champion.model.unseen_levels(frame))),
            "missing_share": champion.model.missing_share(frame, scoring.codes),
        }
    )
    rows.loc[np.isnan(change), "rising_risk"] = pd.NA
    return rows.iloc[_key_order(frame)].reset_index(drop=True)


def driver_table(study: StudySettings, champion: Champion, scoring: Scoring, shown: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the rows of risk__drivers for the people in the highest bands, and for those on a list (`shown`: their keys)."""
    top = np.isin(band_names(scoring.risk, study.bands), highest_bands(study.bands, study.driver_bands))
    if shown is not None:
        keys = pd.MultiIndex.from_frame(scoring.frame[["person_id", "index_event_id"]].astype(str))
        top |= keys.isin(pd.MultiIndex.from_frame(shown.astype(str)))
    top &= scoring.suppression == ""
    ordered = scoring.frame.reset_index(drop=True)[top].sort_values(["person_id", "index_event_id"])
    codes = None if scoring.codes is None else scoring.codes.take(ordered.index.to_numpy())
    rows = ordered.reset_index(drop=True)
    table = drivers(champion.model, rows, study.drivers_per_person, study.drivers_not_shown, codes)
    table["outcome"] = study.outcome.name
    return table


def catalogue_version(lake: Lake) -> str:
    """Return a digest of the feature catalogue as it was built."""
    rows = read_catalogue(lake)
    return hashlib.sha256(rows.to_csv(index=False).encode()).hexdigest()[:12]


def _cross_fitted(lake: Lake, champion: Champion, frame: pd.DataFrame, risk: np.ndarray) -> np.ndarray:
    """Return the risks stored in training; a row that was not a training row, or is new, has the champion's risk."""
    trained = lake.read(tables.MODELS.name, "training_id", f"model_digest = {quote(champion.model.digest)}", "training_id")[
        "training_id"
    ].to_pylist()
    if not trained:
        return risk
    stored = lake.read(
        tables.CROSS_FITTED.name, "person_id, index_event_id, risk", partition={"training_id": str(trained[-1])}
    ).to_pandas()
    keys = frame[["person_id", "index_event_id"]].astype(str)
    risks = keys.merge(stored, on=["person_id", "index_event_id"], how="left", validate="one_to_one")["risk"].to_numpy(
        dtype=np.float64
    )
    return np.where(np.isnan(risks), risk, risks)


def _previous_risk(lake: Lake, inputs: RunInputs, frame: pd.DataFrame) -> np.ndarray:
    """Return each person's risk in the last published run with an earlier index date, or NaN without one."""
    if not inputs.previous_run_id:
        return np.full(len(frame), np.nan)
    before = lake.read(
        tables.SCORES.name,
        "person_id, max(risk) AS risk",
        "true GROUP BY person_id",
        partition={"run_id": inputs.previous_run_id},
    )
    risk_by_person = pd.Series(before["risk"].to_numpy(), index=before["person_id"].to_pylist())
    return np.asarray(frame["person_id"].map(risk_by_person), dtype=np.float64)


def previous_run_id(lake: Lake, outcome: str, index_date: date) -> str:
    """Return the last published run of an outcome with an earlier index date, or ''."""
    earlier = [run for run in published_runs(lake, outcome) if str(run["index_date"]) < index_date.isoformat()]
    return str(earlier[-1]["run_id"]) if earlier else ""


def _ranks(frame: pd.DataFrame, risk: np.ndarray, keys: np.ndarray, groups: pd.Series | None = None) -> object:
    """Return ranks within the practice, or within each group of its people."""
    if "practice_code" not in frame or frame["practice_code"].isna().all():
        return None
    return ranks_within(risk, frame["practice_code"] if groups is None else frame["practice_code"] + "|" + groups, keys)


def _key_order(frame: pd.DataFrame) -> np.ndarray:
    return np.lexsort((frame["index_event_id"].astype(str).to_numpy(), frame["person_id"].astype(str).to_numpy()))


def _run_row(
    lake: Lake, study: StudySettings, purpose: PurposeSettings, champion: Champion, scoring: Scoring, inputs: RunInputs, digest: str
) -> dict[str, object]:  # fmt: skip
    reasons, counts = np.unique(scoring.suppression[scoring.suppression != ""].astype(str), return_counts=True)
    suppressed = dict(zip(reasons.tolist(), counts.tolist(), strict=True))
    suppressed |= {OPTED_OUT: scoring.opted_out} if scoring.opted_out else {}
    return {
        "run_id": inputs.run_id,
        "status": "published",
        "recorded_at": datetime.now(UTC).isoformat(timespec="microseconds"),
        "purpose": purpose.use,
        "approval": purpose.approval,
        "approval_expires": purpose.approval_expires,
        "outcome": study.outcome.name,
        "index_date": inputs.index_date,
        "data_cut_date": inputs.data_cut_date,
        "model_name": champion.name,
        "model_version": champion.version,
        "model_digest": inputs.model_digest,
        "code_version": inputs.code_version,
        "settings_version": inputs.settings_version,
        "rows": len(scoring.risk),
        "scores_digest": digest,
        "table_versions": json.dumps(lake.versions(lake.tables()), sort_keys=True),
        "suppressed": json.dumps(suppressed, sort_keys=True),
        "reason": "",
    }

"""Whose risk has risen since the last published run; today's model scores both dates, so that only the person has changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from expectations.tables.caseload import RISING
from expectations.tables.features import PERSON_FEATURES
from expectations.tables.risk import SCORES
from models.risk_bands import band_names
from models.settings import BandSettings
from pipelines.lake.storage import Lake

COLUMNS = [column.name for column in RISING.columns if column.name != "run_id"]
COVERAGE, EDITION = "coverage changed", "edition of the deprivation index changed"
NOT_BEFORE = "no risk at the earlier date"
CANNOT = "the earlier date cannot be scored by this model"


@dataclass(frozen=True)
class Earlier:
    """The published run that this run is compared with, and its people as scored by today's model."""

    run_id: str
    index_date: date
    scored: pd.DataFrame  # person_id, risk, coverage, imd_version (of the published scores)


@dataclass(frozen=True)
class Rising:
    """The people whose risk rose (columns as declared, without run_id), and the number of people excluded for each reason."""

    rows: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=COLUMNS))
    left_out: Mapping[str, int] = field(default_factory=dict)


def people_of_rising_risk(scores: pd.DataFrame, earlier: Earlier, bands: BandSettings, points: float, bands_risen: int) -> Rising:
    """Return the people whose risk rose by so many points or bands; `scores` has the columns of risk__scores.

    A rise is suppressed for people who may not be listed, and where the coverage or the edition changed between the two dates.
    """
    before = earlier.scored.rename(columns={name: f"{name}_before" for name in ("risk", "coverage", "imd_version")})
    both = scores.merge(before, on="person_id", how="left", validate="one_to_one")
    compared = both["risk_before"].notna().to_numpy()
    change = (both["risk"] - both["risk_before"]).to_numpy(dtype=np.float64)
    names = list(bands.names)
    band_before = band_names(both["risk_before"].fillna(0).to_numpy(), bands)
    steps = both["risk_band"].map(names.index).to_numpy(dtype=np.int64) - np.asarray([names.index(name) for name in band_before])
    rose = compared & ((change >= points) | (steps >= bands_risen))
    reason = _reasons(both)
    listed = rose & (reason == "")
    rows = both[listed].assign(
        compared_run_id=earlier.run_id, compared_index_date=earlier.index_date, risk_change=change[listed],
        risk_band_before=band_before[listed], bands_risen=steps[listed],
    )  # fmt: skip
    kept_out = pd.Series(reason[rose & (reason != "")]).value_counts()
    counts = {str(name): int(people) for name, people in kept_out.items()}
    return Rising(
        rows[COLUMNS].reset_index(drop=True), counts | ({NOT_BEFORE: int((~compared).sum())} if not compared.all() else {})
    )


def _reasons(both: pd.DataFrame) -> np.ndarray:
    """Return why a rise is not due to the person, or may not be listed; '' where neither applies."""
    edition = both["imd_version"].astype(object) != both["imd_version_before"].astype(object)
    coverage = both["coverage"].astype(object) != both["coverage_before"].astype(object)
    suppressed = both["suppression_reason"].astype(object).fillna("")
    return np.select([suppressed != "", edition, coverage], [suppressed, EDITION, COVERAGE], "").astype(object)


def published_editions(lake: Lake, run_id: str) -> pd.DataFrame:
    """Return person_id and imd_version of a run's scores."""
    return lake.read(SCORES.name, "person_id, imd_version", order="person_id", partition={"run_id": run_id}).to_pandas()


def must_be_built(lake: Lake, run_id: str, index_date: date, catalogue_version: str) -> bool:
    """Return whether the features of a run's date are not stored, or were built with another catalogue than today's."""
    if not lake.rows(PERSON_FEATURES.name, {"index_date": index_date.isoformat()}):
        return True
    rows = lake.read(SCORES.name, "DISTINCT feature_set_version", partition={"run_id": run_id})
    return rows["feature_set_version"].to_pylist() != [catalogue_version]

"""The GP feed of one practice stops: its people's features become null, never 0, and no risk is based on an empty record.

People of other practices keep exactly the same risk. People of the practice are scored from their other records, whatever values the silent
features have. As a group their risk is no lower than if the missing records had been read as good health.
"""

from __future__ import annotations

import shutil
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from expectations.tables import core
from models.risk_model import RiskModel
from pipelines.building.build_features import FeatureRequest, build_features
from pipelines.lake.storage import Lake
from pipelines.run.deployment import Deployment
from pipelines.run.settings import read_settings
from pipelines.stages import run_plan
from pipelines.training.modelling_rows import read_features

pytestmark = pytest.mark.slow

GP_FEEDS = ("gp_observations", "gp_medication_orders")


@pytest.fixture(scope="module")
def before_and_after(
    undisturbed: Any, tmp_path_factory: pytest.TempPathFactory
) -> tuple[pd.DataFrame, pd.DataFrame, str, RiskModel]:
    """Return the rows of the scoring date with the feed and without it, the practice and the champion."""
    settings = read_settings(undisturbed.config)
    deployment = Deployment(settings, undisturbed.config.parent, undisturbed.home, undisturbed.config)
    model = RiskModel.from_files(
        deployment.tracker.files_of(settings.study.name, str(deployment.tracker.champion_version(settings.study.name)))
    )
    index = run_plan.index_date_plan(deployment)["score"][0]
    lake = Lake(tmp_path_factory.mktemp("feed_off") / "lake")
    for table in undisturbed.lake.root.glob("core__*"):
        shutil.copytree(table, lake.root / table.name)
    request = FeatureRequest(settings.study.cohort, settings.purpose.use, settings.study.imd_edition)
    frames = []
    practice = ""
    for silent in (False, True):
        if silent:
            _silence(lake, practice, index)
        build_features(lake, request, index)
        frames.append(read_features(lake, [index], model.predictors).sort_values("person_id").reset_index(drop=True))
        practice = str(frames[0].loc[frames[0]["gp_covered"], "practice_code"].mode()[0])
    return frames[0], frames[1], practice, model


def _silence(lake: Lake, practice: str, index: date) -> None:
    """Remove the coverage of the practice's GP feeds in the four months before the index date."""
    rows = lake.read("core__coverage", order="feed, organisation_role, organisation_code, month")
    silent = pc.and_(pc.equal(rows["organisation_code"], practice), pc.is_in(rows["feed"], pa.array(GP_FEEDS)))
    silent = pc.and_(silent, pc.greater(rows["month"], pa.scalar(index - pd.Timedelta(days=125).to_pytimedelta())))
    status = pc.if_else(silent, "absent", rows["status"])
    lake.write(core.COVERAGE, rows.set_column(rows.column_names.index("status"), "status", status))


def test_features_become_null_and_those_of_other_people_do_not_change(
    before_and_after: tuple[pd.DataFrame, pd.DataFrame, str, RiskModel],
) -> None:
    before, after, practice, _ = before_and_after
    theirs = before["practice_code"] == practice
    pd.testing.assert_frame_equal(before[~theirs], after[~theirs], check_exact=True)
    assert theirs.sum() > 50
    assert not after.loc[theirs, "gp_covered"].any()
    assert set(after.loc[theirs, "coverage"]) == {",".join(sorted(GP_FEEDS))}
    numbers = list(before.select_dtypes("float32"))
    ours, now = before.loc[theirs, numbers], after.loc[theirs, numbers]
    unchanged = (ours == now) | (ours.isna() & now.isna())
    assert (unchanged | now.isna()).all(axis=None)
    assert now["gp_contacts_365d"].isna().all()
    assert (ours["gp_contacts_365d"] > 0).any()


def test_no_risk_is_based_on_an_empty_record(before_and_after: tuple[pd.DataFrame, pd.DataFrame, str, RiskModel]) -> None:
    before, after, practice, model = before_and_after
    theirs = (before["practice_code"] == practice).to_numpy()
    with_feed, without = model.predict(before), model.predict(after)
    np.testing.assert_array_equal(with_feed[~theirs], without[~theirs])
    numbers = before.select_dtypes("float32").columns
    silent = [name for name in numbers if after.loc[theirs, name].isna().all() and before.loc[theirs, name].notna().any()]
    for number in (0.0, 50.0):  # any values of the silent features
        np.testing.assert_array_equal(
            model.predict(after.assign(**{name: np.float32(number) for name in silent}))[theirs], without[theirs]
        )
    read_as_health = before.assign(**{name: before[name].where(~theirs, np.float32(0)) for name in silent})
    assert without[theirs].mean() >= model.predict(read_as_health)[theirs].mean()
    assert without[theirs].mean() > 0.8 * with_feed[theirs].mean()

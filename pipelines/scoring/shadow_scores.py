"""Score with the challenger as well as the champion.

The challenger's scores are stored for a comparison when the outcomes are known. They are not published.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from expectations.tables.risk import SHADOW_SCORES
from models.predictors import SchemaMismatchError
from models.risk_model import CoverageNotServedError
from pipelines.building.code_level_features import count_codes
from pipelines.lake.storage import Lake
from pipelines.scoring.score import Champion
from pipelines.training.incumbent import with_categories


def write_shadow_scores(lake: Lake, outcome: str, challenger: Champion, frame: pd.DataFrame, run_id: str, threads: int) -> str:
    """Replace a run's shadow scores by the challenger's risks of the same rows, and return a summary.

    If the challenger cannot score these rows, the summary says so. It is no error, because the run is already published.
    """
    model = challenger.model
    try:
        codes = count_codes(lake, frame, model.code_columns, threads)
        risk = model.predict(with_categories(frame, model.predictors), codes)
    except (SchemaMismatchError, CoverageNotServedError) as error:
        return f"version {challenger.version} cannot score these rows: {error}"
    keys = frame[["person_id", "index_event_id"]].astype(str).reset_index(drop=True)
    scores = keys.assign(outcome=outcome, model_version=challenger.version, risk=np.asarray(risk))
    ordered = scores.sort_values(["person_id", "index_event_id"])
    lake.write(SHADOW_SCORES, ordered, {"run_id": run_id})
    return f"version {challenger.version}, {len(ordered)} scores, not published"

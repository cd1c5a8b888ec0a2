"""Time assembling, training, scoring and drivers: `python -m benchmarks.models --rows 250000` prints one JSON line for each stage.

Training, scoring and drivers are compared with the bare LightGBM calls on the same rows in the same process. `times_bare` is the ratio of their
CPU seconds. The limits are 1.15 for training, 1.5 for scoring and 1.1 for drivers. The training set is assembled from the lake that
`benchmarks.stages` writes (`--home`), if it is there.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
from scipy.special import expit

from benchmarks.measurement import measure
from benchmarks.stages import INDEX_DATE, board_config
from models.boosting import BoostedEstimator, fit_boosted, lightgbm_parameters
from models.calibration import Calibrator
from models.explanation import drivers
from models.fitting import Fitting
from models.predictors import Predictor, predictors_from_catalogue
from models.risk_model import CalibratedEstimator, RiskModel
from models.settings import BandSettings, LightGBMSettings
from models.training_data import TrainingData, training_data
from models.tuned import Tuned
from pipelines.run.deployment import open_deployment
from pipelines.training.modelling_rows import read_catalogue, read_modelling_rows
from pipelines.training.train import _learnable as learnable
from pipelines.training.train import _training_rows as training_rows

SEED = 20260101
FITTING = Fitting(SEED, threads=2)
FEATURES = 200
DRIVER_ROWS = 2_000


def rows_with_labels(rows: int, features: int = FEATURES) -> TrainingData:
    """Draw feature rows: three quarters are counts with long tails, one quarter numbers with gaps; about 1 in 12 has the outcome."""
    rng = np.random.default_rng(SEED)
    matrix = np.empty((rows, features), dtype=np.float32, order="F")
    margin = np.full(rows, -3.2, dtype=np.float32)
    for place in range(features):
        if place % 4:
            matrix[:, place] = rng.negative_binomial(0.3, 0.3, rows)
        else:
            matrix[:, place] = rng.standard_normal(rows, dtype=np.float32)
            matrix[rng.random(rows, dtype=np.float32) < 0.3, place] = np.nan
        if place < 20:
            margin += 0.12 * np.log1p(np.nan_to_num(matrix[:, place].clip(min=0)))
    labels = (rng.random(rows) < expit(margin)).astype(np.int8)
    frame = pd.DataFrame(matrix, columns=[f"f{place}" for place in range(features)], copy=False)
    return training_data(frame, [Predictor(str(name), concept=str(name)) for name in frame], labels, np.arange(rows))


def train(data: TrainingData, settings: LightGBMSettings) -> BoostedEstimator:
    return fit_boosted(data, np.arange(data.rows), Tuned(settings.rounds), settings, FITTING)


def train_bare(data: TrainingData, settings: LightGBMSettings) -> lgb.Booster:
    parameters = lightgbm_parameters(data, np.arange(data.rows), settings, FITTING)
    return lgb.train(
        parameters, lgb.Dataset(data.frame.to_numpy(), data.labels, params=parameters), num_boost_round=settings.rounds
    )


def model_of(estimator: BoostedEstimator, data: TrainingData) -> RiskModel:
    part = CalibratedEstimator(estimator, Calibrator("logistic", (0.0, 1.0)))
    return RiskModel("lightgbm", "any", 365, data.predictors, part, None, BandSettings())


def assemble(home: Path, people: int) -> int:
    """Read the training rows of the benchmark's index date in the way training does."""
    lake = open_deployment(board_config(home, people)).lake
    predictors = predictors_from_catalogue(read_catalogue(lake))
    outcome = str(lake.read("risk__labels", "DISTINCT outcome").to_pylist()[0]["outcome"])
    read = read_modelling_rows(lake, [INDEX_DATE], outcome, predictors)
    return training_rows([learnable(read)], predictors).rows


def compare(stage: str, rows: int, ours: Callable[[], object], bare: Callable[[], object]) -> None:
    """Print one line: the cost of our call, and the ratio of its CPU seconds to those of the bare call."""
    summary, floor = (measure(stage, partial(_count, work, rows)) for work in (ours, bare))
    used, least = float(str(summary["cpu_s"])), float(str(floor["cpu_s"]))
    print(json.dumps({**summary, "bare_cpu_s": least, "times_bare": round(used / least, 3) if least else None}), flush=True)


def _count(work: Callable[[], object], rows: int) -> int:
    work()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=250_000)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--home", type=Path, default=Path("data/bench"))
    arguments = parser.parse_args()
    home = (arguments.home / str(arguments.rows)).resolve()
    if (home / "lake" / "risk__labels").is_dir():
        print(json.dumps(measure("assemble_training_set", lambda: assemble(home, arguments.rows))), flush=True)
    data, settings = rows_with_labels(arguments.rows), LightGBMSettings(rounds=arguments.rounds)
    trained: list[BoostedEstimator] = []
    compare("train", arguments.rows, lambda: trained.append(train(data, settings)), lambda: train_bare(data, settings))
    model = model_of(trained[0], data)
    booster, matrix = trained[0].booster, data.frame.to_numpy()
    compare("score", arguments.rows, lambda: model.predict(data.frame), lambda: booster.predict(matrix))
    some = data.frame.head(DRIVER_ROWS)
    keyed = some.assign(person_id=some.index.astype(str), index_event_id="2024-10-01")
    contributions = matrix[:DRIVER_ROWS]
    compare("drivers", len(some), lambda: drivers(model, keyed, 5), lambda: booster.predict(contributions, pred_contrib=True))


if __name__ == "__main__":
    main()

"""A small board whose outcome follows age, admissions and a diagnosis."""

import numpy as np
import pandas as pd
import pytest

from models.predictors import Predictor
from models.training_data import TrainingData, training_data

PREDICTORS = (
    Predictor("age_years", label="Age on the index date", feed="patients"),
    Predictor("sex_male", label="Male", feed="patients"),
    Predictor(
        "admissions_90d",
        label="Emergency admissions in the last 3 months",
        concept="admissions",
        feed="admissions",
        window_days=90,
    ),
    Predictor(
        "admissions_365d",
        label="Emergency admissions in the last 12 months",
        concept="admissions",
        feed="admissions",
        window_days=365,
    ),
    Predictor("systolic", label="Systolic blood pressure", concept="systolic", feed="gp_observations"),
    Predictor("diagnosis", "category", label="Main diagnosis", concept="diagnosis", feed="admissions"),
    Predictor("imd_rank", label="Deprivation rank", feed="patients", uses_deprivation=True),
    Predictor("always_one", label="A constant", feed="patients"),
)


def board(people: int, seed: int, rows_each: int = 1) -> TrainingData:
    rng = np.random.default_rng(seed)
    rows = people * rows_each
    age = np.repeat(rng.uniform(0, 95, people), rows_each)
    year = rng.poisson(0.3, rows)
    diagnosis = rng.choice(["heart", "lung", "other", "rare:code{x}"], rows, p=[0.2, 0.2, 0.597, 0.003])
    covered = np.repeat(rng.random(people) < 0.8, rows_each)
    margin = -3.2 + 0.03 * (age - 50) + 0.6 * year + 0.8 * (diagnosis == "heart")
    frame = pd.DataFrame(
        {
            "age_years": age.astype("float32"),
            "sex_male": rng.integers(0, 2, rows).astype("float32"),
            "admissions_90d": rng.binomial(year, 0.25).astype("float32"),
            "admissions_365d": year.astype("float32"),
            "systolic": np.where(covered & (rng.random(rows) < 0.7), rng.normal(130, 15, rows), np.nan).astype("float32"),
            "diagnosis": pd.Series(diagnosis).where(rng.random(rows) < 0.9).astype("category"),
            "imd_rank": rng.integers(1, 33000, rows).astype("float32"),
            "always_one": np.ones(rows, dtype="float32"),
            "gp_covered": covered,
        }
    )
    labels = (rng.random(rows) < 1 / (1 + np.exp(-margin))).astype(int)
    person = np.repeat([f"p{number:06d}" for number in range(people)], rows_each)
    return training_data(frame, PREDICTORS, labels, person)


@pytest.fixture(scope="session")
def small_board() -> TrainingData:
    return board(3000, 1)


@pytest.fixture(scope="session")
def make_board():
    return board

"""A small board in a lake: 900 people on four index dates in three places, whose outcome follows age, admissions and Charlson score."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from expectations.tables.features import CATALOGUE, PERSON_FEATURES
from expectations.tables.risk import LABELS
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake

DATES = (date(2021, 1, 1), date(2022, 4, 1), date(2023, 7, 1), date(2024, 10, 1))
OUTCOME = "emergency_admission_overnight"
PEOPLE = 900


@pytest.fixture(scope="session")
def small_lake() -> Callable[[Path], Lake]:
    def write(folder: Path) -> Lake:
        lake = Lake(folder / "lake")
        rng = np.random.default_rng(7)
        names = ("age_years", "sex_male", "admissions_365d", "charlson_shmi_730d")
        rows = [
            {**dict.fromkeys(CATALOGUE_TEXT, "x"), "name": name, "label": name, "concept": name, "window_days": None, "feed": "patients",
             "role": "predictor", "kind": "number", "uses_deprivation": False, "status": "computed", "reason": ""} for name in names
        ]  # fmt: skip
        lake.write(CATALOGUE, pa.Table.from_pylist(rows, arrow_schema(CATALOGUE)))
        keys = np.arange(PEOPLE)
        age, sex = rng.uniform(18, 95, PEOPLE), rng.integers(0, 2, PEOPLE)
        for day in DATES:
            admissions, charlson = rng.poisson(0.4, PEOPLE), rng.poisson(0.5, PEOPLE)
            margin = -2.2 + 0.03 * (age - 60) + 0.7 * admissions + 0.4 * charlson
            label = rng.random(PEOPLE) < 1 / (1 + np.exp(-margin))
            who = {"person_key": keys, "person_id": [f"p{key:04d}" for key in keys], "index_event_id": day.isoformat()}
            frame = pd.DataFrame({
                **who, "pcn_code": np.array(["U1", "U2", "U3"])[keys % 3], "residence_status": "resolved", "imd_version": "2025",
                "imd_quintile": 1 + keys % 5, "ethnic_group": "white", "age_band": "60-64", "sex_name": "male", "coverage": "full",
                "gp_covered": True,
            })  # fmt: skip
            declared = [field for field in arrow_schema(PERSON_FEATURES) if field.name != "index_date"]
            columns = [pa.array(frame.get(field.name, [None] * PEOPLE), field.type, from_pandas=True) for field in declared]
            measured = dict(zip(names, (age, sex, admissions, charlson), strict=True))
            schema = pa.schema([*declared, *(pa.field(name, pa.float32()) for name in names)])
            columns += [pa.array(values.astype(np.float32)) for values in measured.values()]
            file = lake.write_arrow(PERSON_FEATURES.name, pa.table(columns, schema), {"index_date": day.isoformat()})
            whole = schema.append(pa.field("index_date", pa.date32()))
            lake.commit(
                PERSON_FEATURES.name, [file], whole, partition_by=("index_date",), replace={"index_date": day.isoformat()}
            )
            labels = pd.DataFrame({
                **who, "outcome": OUTCOME, "label": label.astype("int8"), "outcome_date": None, "death_date": None,
                "composite_label": label.astype("int8"), "follow_up_days": 365, "left_list": False, "not_at_risk_reason": None,
            })  # fmt: skip
            kept = pa.schema([field for field in arrow_schema(LABELS) if field.name not in LABELS.partitioned_by])
            table = pa.Table.from_pandas(labels[kept.names], kept, preserve_index=False)
            lake.write(LABELS, table, {"outcome": OUTCOME, "index_date": day.isoformat()})
        return lake

    return write


CATALOGUE_TEXT = tuple(column.name for column in CATALOGUE.columns)

"""A complete run of a small ICB: stored tables keep their declarations, and published values can be checked by hand."""

import json
import math
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expectations.catalogue import TABLES
from expectations.table import Column, Kind, Table
from expectations.tables.features import CATALOGUE, PERSON_FEATURES
from models.explanation import drivers as model_drivers
from models.explanation import plain_name
from models.predictors import predictors_from_catalogue
from models.risk_model import RiskModel
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake
from pipelines.tracking.tracker import Tracker
from pipelines.training.modelling_rows import read_features

pytestmark = pytest.mark.slow

SCORING_DATE = "2026-01-01"
CUTS, BANDS = (0.05, 0.15), ("low", "moderate", "high")


@pytest.fixture(scope="module")
def lake(undisturbed: Any) -> Lake:
    assert undisturbed.code == 0
    return undisturbed.lake


@pytest.fixture(scope="module")
def run(lake: Lake) -> dict[str, Any]:
    """Return the only row of risk__runs."""
    runs = lake.read("risk__runs").to_pylist()
    assert [row["status"] for row in runs] == ["published"]
    return runs[0]


@pytest.fixture(scope="module")
def scores(lake: Lake, run: dict[str, Any]) -> pd.DataFrame:
    return lake.read("risk__scores", order="person_id", partition={"run_id": run["run_id"]}).to_pandas()


@pytest.fixture(scope="module")
def people(lake: Lake) -> pd.DataFrame:
    """Return everyone's features on the scoring date, by person."""
    return lake.read(PERSON_FEATURES.name, partition={"index_date": SCORING_DATE}).to_pandas().set_index("person_id")


def query(lake: Lake, sql: str, **tables: str) -> list[tuple[Any, ...]]:
    with connect() as con:
        return con.execute(sql.format(**{name: lake.scan(table) for name, table in tables.items()})).fetchall()


# --- every stored table keeps its declaration -------------------------------------------------------------------------


def stored_tables(lake: Lake) -> list[Table]:
    return [TABLES[name] for name in lake.tables()]


def typed_columns(table: Table) -> tuple[Column, ...]:
    """Return the columns whose values must keep the declaration; raw tables have text as it arrived."""
    return () if table.feed else table.columns


def test_a_complete_run_writes_exactly_the_declared_tables(lake: Lake) -> None:
    # Tables of validation by folds, a challenger, a second delivery, an erasure, a re-identification, clear identifiers, a removal after
    # publication, and feeds of objections by kind: the synthetic board has both kinds in one feed.
    of_other_runs = {
        "risk__cross_fitted",
        "risk__shadow_scores",
        "risk__removed",
        "core__restated_rows",
        "raw__erasures",
        "raw__pseudonym_keys",
        "raw__type_1_objections",
        "raw__national_opt_outs",
        "monitoring__access",
    }
    expected = {name for name, table in TABLES.items() if not table.feed.startswith("omop_")} - of_other_runs
    assert set(lake.tables()) == expected


def test_schemas_are_the_declared_ones(lake: Lake) -> None:
    computed = lake.read(CATALOGUE.name, "name", "status = 'computed'")["name"].to_pylist()
    for table in stored_tables(lake):
        stored, declared = lake.schema(table.name), arrow_schema(table)
        if table is PERSON_FEATURES:
            assert set(stored.names) == {*declared.names, *computed}
            beside = [stored.field(name).type for name in computed if name not in declared.names]
            assert set(beside) == {pa.float32()}
        elif table.feed:
            assert set(stored.names) == set(declared.names), table.name
        else:
            assert stored.names == declared.names, table.name
        wrong = [
            column.name for column in typed_columns(table) if stored.field(column.name).type != declared.field(column.name).type
        ]
        assert wrong == [], table.name


def broken_when(column: Column) -> dict[str, str]:
    """Return the SQL condition of values that the declaration of a column forbids."""
    name = f'"{column.name}"'
    rules = {}
    if not column.nullable:
        rules["null"] = f"{name} IS NULL"
    if column.allowed:
        rules["allowed"] = f"{name} NOT IN ({', '.join(repr(value) for value in column.allowed)})"
    if column.pattern and column.kind in (Kind.CODE, Kind.IDENTIFIER, Kind.TEXT):
        rules["pattern"] = f"NOT regexp_full_match({name}, '{column.pattern}')"
    if column.minimum is not None:
        rules["minimum"] = f"{name} < {column.minimum}"
    if column.maximum is not None:
        rules["maximum"] = f"{name} > {column.maximum}"
    return rules


def test_values_keep_the_declaration(lake: Lake) -> None:
    rules = {
        (table.name, column.name, rule): sql
        for table in stored_tables(lake)
        for column in typed_columns(table)
        for rule, sql in broken_when(column).items()
    }
    broken = {}
    for table in {name for name, _, _ in rules}:
        mine = [(key, sql) for key, sql in rules.items() if key[0] == table]
        counts = query(lake, f"SELECT {', '.join(f'count(*) FILTER ({sql})' for _, sql in mine)} FROM {{t}}", t=table)[0]
        broken.update({key: count for (key, _), count in zip(mine, counts, strict=True) if count})
    assert len(rules) > 150
    assert broken == {}


def test_keys_are_unique(lake: Lake) -> None:
    twice = {}
    for table in stored_tables(lake):
        if table.feed or not table.key:
            continue  # a raw table keeps rows that were sent twice, and events have no key
        key = ", ".join(f'"{column}"' for column in table.key)
        rows = query(lake, f"SELECT count(*) FROM (SELECT {key} FROM {{t}} GROUP BY ALL HAVING count(*) > 1)", t=table.name)
        if rows[0][0]:
            twice[table.name] = rows[0][0]
    assert twice == {}


def test_nothing_stored_is_not_a_number(lake: Lake) -> None:
    not_numbers = {}
    for table in stored_tables(lake):
        numbers = [field.name for field in lake.schema(table.name) if pa.types.is_floating(field.type)]
        if numbers:
            counted = ", ".join(f'count(*) FILTER (NOT isfinite("{name}"))' for name in numbers)
            counts = query(lake, f"SELECT {counted} FROM {{t}}", t=table.name)[0]
            not_numbers.update({(table.name, name): count for name, count in zip(numbers, counts, strict=True) if count})
    assert not_numbers == {}


def test_events_are_sorted_in_their_files(lake: Lake) -> None:
    files = lake.files("core__event")
    assert files
    for file in files:
        rows = pq.read_table(file, columns=["person_key", "event_date"])
        person = rows["person_key"].to_numpy()
        day = rows["event_date"].cast(pa.int32()).to_numpy()
        place = person.astype(np.int64) * 1_000_000 + day
        assert (np.diff(place) >= 0).all(), file


# --- publication --------------------------------------------------------------------------------------------------


def test_everyone_in_the_cohort_is_scored_once(lake: Lake, run: dict[str, Any], scores: pd.DataFrame) -> None:
    cohort = lake.read(PERSON_FEATURES.name, "person_id", partition={"index_date": SCORING_DATE})["person_id"].to_pylist()
    flow = lake.read("risk__cohort_flow", "people", "reason = 'in cohort'", partition={"index_date": SCORING_DATE})
    assert scores["person_id"].is_unique
    assert set(scores["person_id"]) == set(cohort)
    assert len(scores) == run["rows"] == flow["people"][0].as_py()
    assert set(scores["index_date"].astype(str)) == {SCORING_DATE}
    assert str(run["data_cut_date"]) == SCORING_DATE
    assert lake.partitions("risk__scores", "run_id") == [run["run_id"]]


def test_percentiles_bands_and_ranks_are_computed_from_the_risks(scores: pd.DataFrame) -> None:
    risk = scores["risk"].to_numpy()
    assert ((risk > 0) & (risk < 1)).all()
    at_or_below = np.array([(risk <= one).mean() * 100 for one in risk])
    np.testing.assert_allclose(scores["risk_percentile"], at_or_below, rtol=0, atol=1e-9)
    assert scores["risk_band"].tolist() == [BANDS[sum(one >= cut for cut in CUTS)] for one in risk]
    for _, practice in scores.groupby("practice_code"):
        ranked = practice.sort_values("risk_rank_in_practice")
        assert ranked["risk_rank_in_practice"].tolist() == list(range(1, len(practice) + 1))
        assert (np.diff(ranked["risk"]) <= 0).all()


def test_people_who_may_not_be_listed_have_a_reason(run: dict[str, Any], scores: pd.DataFrame) -> None:
    assert (scores["eligible"] == scores["suppression_reason"].isna()).all()
    counted = scores["suppression_reason"].value_counts().to_dict()
    assert json.loads(run["suppressed"]) == counted
    assert scores["previous_risk"].isna().all()
    assert scores["rising_risk"].isna().all()


def test_risk_is_higher_where_it_should_be(lake: Lake, scores: pd.DataFrame) -> None:
    age = lake.read(PERSON_FEATURES.name, "person_id, age_years AS age", partition={"index_date": SCORING_DATE}).to_pandas()
    both = scores.merge(age, on="person_id")
    assert both.loc[both["age"] >= 75, "risk"].mean() > 2 * both.loc[both["age"].between(20, 40), "risk"].mean()
    assert 0.02 < scores["risk"].mean() < 0.10


def test_people_in_the_top_band_or_on_a_list_have_drivers_in_order(lake: Lake, scores: pd.DataFrame) -> None:
    drivers = lake.read("risk__drivers", order="person_id, driver_rank").to_pandas()
    top = scores[(scores["risk_band"] == "high") & scores["eligible"]]
    assert set(drivers["person_id"]) == set(top["person_id"]) | on_a_list(lake)
    assert len(top) > 5
    assert (drivers["direction"] == np.where(drivers["contribution"] > 0, "raises", "lowers")).all()
    for _, one in drivers.groupby("person_id"):
        assert one["driver_rank"].tolist() == list(range(1, len(one) + 1))
        assert len(one) <= 5
        assert (np.diff(one["contribution"].abs()) <= 1e-12).all()
        assert one["driver"].is_unique
    # Most drivers of a high risk raise it, and no single concept multiplies the odds by a thousand.
    of_top = drivers[drivers["person_id"].isin(top["person_id"])]
    assert (of_top.groupby("person_id")["contribution"].sum() > 0).mean() > 0.9
    assert drivers["contribution"].abs().max() < math.log(1000)
    assert all(json.loads(text) for text in drivers["features"])


def on_a_list(lake: Lake) -> set[str]:
    """Return the people whom a reader sees on a review list or as rising risk, who may be below the top band."""
    return {person for table, where in (("risk__caseload", "listed"), ("risk__rising", "true"))
            for person in lake.read(table, "person_id", where)["person_id"].to_pylist()}  # fmt: skip


def test_no_driver_is_named_after_something_the_person_does_not_have(
    undisturbed: Any, lake: Lake, run: dict[str, Any], people: pd.DataFrame
) -> None:
    published = lake.read("risk__drivers", partition={"run_id": run["run_id"]}).to_pandas()
    tracker = Tracker(undisturbed.home)
    model = RiskModel.from_files(tracker.files_of("small_study", str(tracker.champion_version("small_study"))))
    rows = read_features(lake, [date.fromisoformat(SCORING_DATE)], model.predictors)
    computed = model_drivers(model, rows.head(150), 20)  # also of people at low risk, who lack much
    named, lacking = (
        sum(pair) for pair in zip(*(checked_names(lake, people, one) for one in (published, computed)), strict=True)
    )
    assert named > 100 and lacking > 100


def checked_names(lake: Lake, people: pd.DataFrame, drivers: pd.DataFrame) -> tuple[int, int]:
    """Check the name of each driver; return how many name what the person has, and how many what the person lacks."""
    features: dict[str, list[str]] = {}
    for predictor in predictors_from_catalogue(lake.read(CATALOGUE.name).to_pandas()):
        features.setdefault(plain_name([predictor]), []).append(predictor.name)
    lacking = 0
    for driver in drivers.itertuples():
        if driver.driver in features:
            values = people.loc[driver.person_id, features[driver.driver]]
            assert (values.notna() & (values != 0)).any(), (driver.person_id, driver.driver)
        else:
            assert re.search(r": (no|0|not recorded|no value recorded|none in the last .+)$", driver.driver), driver.driver
            assert all(value in (0, None) for value in json.loads(driver.features).values()), driver.driver
            lacking += 1
    return len(drivers) - lacking, lacking


def test_the_reader_of_the_front_page_gets_scores(lake: Lake) -> None:
    with duckdb.connect() as con:
        rows = con.sql(
            f"SELECT s.person_id, s.practice_code, s.risk, s.risk_band FROM {lake.scan('risk__scores')} s "
            f"JOIN {lake.scan('risk__runs')} r USING (run_id) WHERE r.status = 'published' AND s.eligible ORDER BY s.risk DESC LIMIT 10"
        ).fetchall()
    assert len(rows) == 10
    assert {row[3] for row in rows} == {"high"}


# --- tracking ---------------------------------------------------------------------------------------------------


def test_the_training_is_a_parent_run_with_a_child_for_each_candidate(undisturbed: Any, lake: Lake) -> None:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{undisturbed.home / 'mlflow.db'}")
    runs = client.search_runs([str(client.get_experiment_by_name("small_study").experiment_id)])
    parents = [one for one in runs if "mlflow.parentRunId" not in one.data.tags]
    children = {one.info.run_name: one for one in runs if "mlflow.parentRunId" in one.data.tags}
    assert len(parents) == 1
    assert set(children) == {"age_sex", "logistic"}
    for child in children.values():
        assert child.data.tags["mlflow.parentRunId"] == parents[0].info.run_id
        assert child.info.status == "FINISHED"
        assert {"method", "training_rows", "training_events"} <= set(child.data.params)
        assert {"auroc", "brier", "calibration_slope"} <= set(child.data.metrics)
        assert any(name.startswith("imd_quintile_") for name in child.data.metrics)
        plots = {item.path for item in client.list_artifacts(child.info.run_id, "plots")}
        assert {"plots/roc.png", "plots/precision_recall.png", "plots/calibration.png"} <= plots
    versions = json.loads(parents[0].data.tags["strata.table_versions"])
    assert {"features__person", "risk__labels"} <= set(versions)
    stored = lake.read("risk__models", order="candidate").to_pylist()
    assert [row["candidate"] for row in stored] == ["age_sex", "logistic"]
    assert {row["mlflow_run_id"] for row in stored} == {child.info.run_id for child in children.values()}


def test_models_are_stored_without_pickle(undisturbed: Any) -> None:
    files = [path for path in (undisturbed.home / "mlartifacts").rglob("*") if path.is_file()]
    assert [path.name for path in files if path.suffix in {".pkl", ".pickle", ".joblib"} or "cloudpickle" in path.name] == []
    assert [path.name for path in files if path.read_bytes()[:1] == b"\x80"] == []  # the first byte of every binary pickle
    assert any(path.name == "MLmodel" for path in files)


# The process of another team, which can import only the code that is stored with the model.
PLAIN_MLFLOW = """
import sys
store, features, answer, root = sys.argv[1:]
sys.path[:] = [place for place in sys.path if place != root]
import mlflow, numpy, pandas
mlflow.set_tracking_uri(store)
model = mlflow.pyfunc.load_model("models:/small_study@champion")
risk = model.predict(pandas.read_parquet(features))
numpy.save(answer, risk)
import expectations, models
assert not any(package.__file__.startswith(root) for package in (expectations, models))
assert len(model.predict(model.input_example)) == len(model.input_example)
"""


def test_plain_mlflow_returns_the_published_risks(undisturbed: Any, lake: Lake, scores: pd.DataFrame, tmp_path: Path) -> None:
    store, features, answer = f"sqlite:///{undisturbed.home / 'mlflow.db'}", tmp_path / "features.parquet", tmp_path / "risk.npy"
    rows = lake.read(PERSON_FEATURES.name, order="person_id", partition={"index_date": SCORING_DATE})
    pq.write_table(rows, features)
    root = str(Path(__file__).resolve().parents[2])
    command = [sys.executable, "-I", "-c", PLAIN_MLFLOW, store, str(features), str(answer), root]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert np.array_equal(np.load(answer), scores["risk"].to_numpy())
    assert set(scores["model_name"]) == {"small_study"}


# --- a second run --------------------------------------------------------------------------------------------------------------


def test_the_same_run_again_adds_nothing(undisturbed: Any, strata: Callable[..., int], run: dict[str, Any], capsys: Any) -> None:
    lake = undisturbed.lake
    tables = (
        "risk__scores",
        "risk__drivers",
        "risk__runs",
        "risk__models",
        "equity__model_audit",
        "raw__extracts",
        "core__quarantine",
    )
    before = {name: (lake.rows(name), sorted(lake.files(name))) for name in tables}
    assert strata(undisturbed.home, "run", str(undisturbed.config)) == 0
    assert {name: (lake.rows(name), sorted(lake.files(name))) for name in tables} == before
    output = capsys.readouterr()
    progress = " ".join(output.err.split())
    assert progress.count("unchanged: nothing it reads is new") > 30
    assert run["run_id"] in output.out


def test_a_run_leaves_no_scratch_files(undisturbed: Any) -> None:
    left = [path for path in (undisturbed.home / "spill").rglob("*") if path.is_file()]
    assert left == []
    assert not (Path(undisturbed.home) / "reports" / "last_error.log").exists()

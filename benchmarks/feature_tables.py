"""Compare the chosen model with default LightGBM and plain logistic regression: `python -m benchmarks.feature_tables [name ...]`.

Each example goes through ingest, validation and training like a team's own table. The two reference models are fitted on the raw
columns and evaluated on the same rows and folds of people. Each table prints one JSON line. `gain` is the AUROC of the chosen model
minus that of the better reference model. If no candidate passes the gates, the best candidate counts as the chosen model.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from lightgbm import LGBMClassifier
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.feature_table_examples import EXAMPLES, LABEL, PERSON, Example
from models.splitting import balanced_folds
from pipelines.run.deployment import open_deployment
from pipelines.stages import building, landing, run_plan
from pipelines.training.judging import StudyResult
from pipelines.training.train import run_study
from pipelines.training.training_request import TrainingRequest

FOLDS, SEED = 5, 20260101
DELIVERED = "2024-06-30"


@dataclass(frozen=True)
class Compared:
    """The candidates of an example, and the AUROC of the two reference models on the same rows."""

    result: StudyResult
    others: dict[str, float]

    @property
    def auroc(self) -> dict[str, float]:
        return {candidate.name: candidate.evaluation.value("auroc") for candidate in self.result.candidates}

    @property
    def gain(self) -> float:
        """Return the AUROC of the chosen model, or of the best candidate, minus that of the better reference model."""
        chosen = self.result.chosen
        ours = chosen.evaluation.value("auroc") if chosen else max(self.auroc.values())
        return ours - max(self.others.values())

    def stopped_by(self) -> list[str]:
        """Return the gates that fail for every candidate."""
        failed = [{gate.gate for gate in candidate.gates if gate.answer == "fail"} for candidate in self.result.candidates]
        return sorted(set.intersection(*failed))


def compare(example: Example, home: Path, candidates: dict[str, Any] | None = None) -> Compared:
    """Run an example's table through the stages in a new home, and fit the two reference models."""
    deployment = open_deployment(_config(example, home, candidates or {}))
    for table in run_plan.raw_tables(deployment):
        landing.ingest(deployment, table)
        if broken := landing.validate(deployment, table).broken:
            raise ValueError(broken)
    cut, study = run_plan.data_cut(deployment), deployment.settings.study
    building.load_ready_table(deployment, cut)
    kinds = tuple(example.source.get("groups", {}))
    dates = run_plan.index_date_plan(deployment)
    result = run_study(TrainingRequest(deployment.lake, study, deployment.settings.engine, dates, cut, kinds))
    return Compared(result, dict(_others(example, result)))


def _config(example: Example, home: Path, candidates: dict[str, Any]) -> Path:
    home.mkdir(parents=True)
    example.frame.to_csv(home / "table.csv", index=False)
    source = {
        "file": str(home / "table.csv"),
        "delivered": DELIVERED,
        "person": PERSON,
        "label": {"column": LABEL},
        **example.source,
    }
    content = {
        "deployment": "bench",
        "home": str(home),
        "purpose": {"use": "planning", "approval": "Benchmark on open and made-up tables", "approval_expires": "2099-12-31"},
        "source": {"kind": "feature_table", "feature_table": source},
        "study": {
            "name": "example",
            "outcome": {"name": "example", "defined_as": "unplanned_readmission", "horizon_days": 30, "maturity_days": 0},
            "candidates": {"names": ["logistic", "lightgbm"], "minimum_events": 40, **candidates},
            "validation": {"kind": "person_folds", "folds": FOLDS},
            "seed": SEED,
        },
    }
    path = home / "table.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def _others(example: Example, result: StudyResult) -> Iterator[tuple[str, float]]:
    """Yield the AUROC of each reference model on the evaluated rows, with the same folds."""
    event = example.source.get("index_event")
    keys = [PERSON, event] if event else [PERSON]
    rows = result.test.rows.frame[["person_id", "index_event_id"][: len(keys)]].astype(str)
    place = example.frame.reset_index().set_index(keys)["index"]
    frame = example.frame.iloc[
        place.loc[list(rows.itertuples(index=False, name=None)) if event else rows["person_id"]].to_numpy()
    ]
    groups = [group["column"] for group in example.source.get("groups", {}).values()]
    columns, labels = frame.drop(columns=[*keys, LABEL, *groups]), result.test.labels
    fold = balanced_folds(result.test.person, labels, FOLDS, SEED)
    for name, (model, inputs) in {
        "lightgbm_default": _default_trees(columns),
        "logistic_plain": _plain_logistic(columns),
    }.items():
        risk = np.zeros(len(labels))
        for held_out in range(FOLDS):
            model.fit(inputs[fold != held_out], labels[fold != held_out])
            risk[fold == held_out] = model.predict_proba(inputs[fold == held_out])[:, 1]
        yield name, float(roc_auc_score(labels, risk))


def _default_trees(columns: pd.DataFrame) -> tuple[Any, pd.DataFrame]:
    text = {name: "category" for name in columns if not pd.api.types.is_numeric_dtype(columns[name])}
    inputs = columns.astype(text)
    return LGBMClassifier(verbose=-1, n_jobs=2), inputs.set_axis([f"f{place}" for place in range(inputs.shape[1])], axis=1)


def _plain_logistic(columns: pd.DataFrame) -> tuple[Any, pd.DataFrame]:
    filled = [name for name in columns if columns[name].notna().any()]
    numbers = [name for name in filled if pd.api.types.is_numeric_dtype(columns[name])]
    text = [name for name in filled if name not in numbers]
    scaled = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    preparation = make_column_transformer((scaled, numbers), (OneHotEncoder(handle_unknown="ignore"), text))
    return make_pipeline(preparation, LogisticRegression(max_iter=2_000)), columns.astype(dict.fromkeys(text, str))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="examples to run (default: all)")
    for name in parser.parse_args().names or EXAMPLES:
        start = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            comparison = compare(EXAMPLES[name](), Path(folder) / "home")
        chosen = comparison.result.chosen
        summary = {
            "stage": "feature_table",
            "table": name,
            "rows": len(comparison.result.test.labels),
            "events": int(comparison.result.test.labels.sum()),
        }
        summary |= {"chosen": chosen.name if chosen else None, "gain": round(comparison.gain, 4)}
        summary |= {key: round(value, 4) for key, value in {**comparison.auroc, **comparison.others}.items()}
        print(
            json.dumps({**summary, "stopped_by": comparison.stopped_by(), "cpu_s": round(time.process_time() - start, 1)}),
            flush=True,
        )


if __name__ == "__main__":
    main()

"""Compare the chosen model with default LightGBM and plain logistic regression: `python -m benchmarks.feature_tables [name ...]`.

Each example runs through ingest, validation and training as a team's own table would; the two others are fitted on the raw
columns and judge the same rows by the same folds of people. One JSON line for each table; `gain` is the AUROC of the chosen model
(of the best candidate, where the gates stop all of them) less the better of the two.
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
    """What the candidates of an example were found to be, and the AUROC of the two others on the same rows."""

    result: StudyResult
    others: dict[str, float]

    @property
    def auroc(self) -> dict[str, float]:
        return {candidate.name: candidate.evaluation.value("auroc") for candidate in self.result.candidates}

    @property
    def gain(self) -> float:
        """AUROC of the chosen model, or the best where none is chosen, less that of the better of the others."""
        chosen = self.result.chosen
        ours = chosen.evaluation.value("auroc") if chosen else max(self.auroc.values())
        return ours - max(self.others.values())

    def stopped_by(self) -> list[str]:
        """Name the gates that fail for every candidate."""
        failed = [{gate.gate for gate in candidate.gates if gate.answer == "fail"} for candidate in self.result.candidates]
        return sorted(set.intersection(*failed))


def compare(example: Example, home: Path, candidates: dict[str, Any] | None = None) -> Compared:
    """Run an example's table through the stages in a new home, and the two others beside it."""
    deployment = open_deployment(_config(example, home, candidates or {}))
    for table in run_plan.raw_tables(deployment):
        landing.ingest(deployment, table)
        if broken := landing.validate(deployment, table).get("broken"):
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
    """Give the AUROC of each of the others on the rows that judged, by the same folds."""
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
    for name, (model, given) in {"lightgbm_default": _default_trees(columns), "logistic_plain": _plain_logistic(columns)}.items():
        risk = np.zeros(len(labels))
        for held_out in range(FOLDS):
            model.fit(given[fold != held_out], labels[fold != held_out])
            risk[fold == held_out] = model.predict_proba(given[fold == held_out])[:, 1]
        yield name, float(roc_auc_score(labels, risk))


def _default_trees(columns: pd.DataFrame) -> tuple[Any, pd.DataFrame]:
    text = {name: "category" for name in columns if not pd.api.types.is_numeric_dtype(columns[name])}
    given = columns.astype(text)
    return LGBMClassifier(verbose=-1, n_jobs=2), given.set_axis([f"f{place}" for place in range(given.shape[1])], axis=1)


def _plain_logistic(columns: pd.DataFrame) -> tuple[Any, pd.DataFrame]:
    known = [name for name in columns if columns[name].notna().any()]
    numbers = [name for name in known if pd.api.types.is_numeric_dtype(columns[name])]
    text = [name for name in known if name not in numbers]
    scaled = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    prepared = make_column_transformer((scaled, numbers), (OneHotEncoder(handle_unknown="ignore"), text))
    return make_pipeline(prepared, LogisticRegression(max_iter=2_000)), columns.astype(dict.fromkeys(text, str))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="examples to run; all where left out")
    for name in parser.parse_args().names or EXAMPLES:
        start = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            found = compare(EXAMPLES[name](), Path(folder) / "home")
        chosen = found.result.chosen
        told = {
            "stage": "feature_table",
            "table": name,
            "rows": len(found.result.test.labels),
            "events": int(found.result.test.labels.sum()),
        }
        told |= {"chosen": chosen.name if chosen else None, "gain": round(found.gain, 4)}
        told |= {key: round(value, 4) for key, value in {**found.auroc, **found.others}.items()}
        print(json.dumps({**told, "stopped_by": found.stopped_by(), "cpu_s": round(time.process_time() - start, 1)}), flush=True)


if __name__ == "__main__":
    main()

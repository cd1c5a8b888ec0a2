"""A past run scored again, from the recorded versions of the tables and with the recorded model; every risk is compared."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
from deltalake.exceptions import DeltaError

from expectations.tables.risk import SCORES
from pipelines.errors import RefusalError
from pipelines.lake.code_version import code_version
from pipelines.lake.files import PastLake
from pipelines.lake.rows import StorageError
from pipelines.lake.run_record import all_runs
from pipelines.lake.storage import Lake
from pipelines.scoring.score import Champion, Scoring

Scorer = Callable[[Lake, Champion, date], Scoring]


@dataclass(frozen=True)
class Reproduction:
    """The result of scoring a run again."""

    run_id: str
    rows: int  # scored again
    stored: int  # of the run in risk__scores
    missing: int  # scored again and not stored: erased since then, or lost
    unequal: int  # risks that differ in any bit
    same_model: bool
    same_code: bool
    same_tables: bool

    @property
    def exact(self) -> bool:
        return self.rows == self.stored and not self.missing and not self.unequal and self.same_model

    def summary(self) -> dict[str, object]:
        """Return the result as text and counts for a person."""
        verdict = "equal bit for bit" if self.exact else "NOT equal"
        code = "the run's own" if self.same_code else "not the run's version: check out the version that made the run"
        model = "the run's own" if self.same_model else "not the run's model"
        tables = "as they were" if self.same_tables else "as they are now: the versions of the run are no longer stored"
        counts = {"scored_again": self.rows, "stored": self.stored, "not_stored": self.missing, "unequal": self.unequal}
        return {"run_id": self.run_id, "scores": verdict, **counts, "tables": tables, "model": model, "code": code}


def recorded_run(lake: Lake, run_id: str) -> dict[str, object]:
    """Return the row of risk__runs that published a run."""
    rows = all_runs(lake)
    published = [row for row in rows if row["run_id"] == run_id and row["status"] == "published"]
    if not published:
        known = ", ".join(dict.fromkeys(str(row["run_id"]) for row in rows if row["status"] == "published"))
        raise RefusalError(f"there is no run '{run_id}' in risk__runs. Published runs: {known or 'none'}")
    return published[0]


def reproduce(lake: Lake, run: dict[str, object], champion: Champion, score: Scorer) -> Reproduction:
    """Score a run again and compare every risk with the stored one.

    Where the versions it was scored from are no longer stored (an erasure deletes them), the current tables are used.
    """
    run_id, versions = str(run["run_id"]), json.loads(str(run["table_versions"]))
    day, same_tables = date.fromisoformat(str(run["index_date"])), True
    try:
        again = score(PastLake(lake.root, versions), champion, day)
    except (StorageError, DeltaError, OSError, duckdb.Error):
        same_tables = False
        again = score(lake, champion, day)
    stored = lake.read(SCORES.name, "person_id, index_event_id, risk", partition={"run_id": run_id}).to_pandas()
    frame = again.frame[["person_id", "index_event_id"]].astype(str).assign(again=again.risk)
    both = frame.merge(stored, on=["person_id", "index_event_id"], how="left", validate="one_to_one")
    stored_too = both["risk"].notna()
    unequal = int(np.count_nonzero(both.loc[stored_too, "risk"].to_numpy() != both.loc[stored_too, "again"].to_numpy()))
    return Reproduction(
        run_id, len(frame), len(stored), int((~stored_too).sum()), unequal,
        champion.model.digest == run["model_digest"], code_version() == run["code_version"], same_tables,
    )  # fmt: skip

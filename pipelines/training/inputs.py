"""The inputs of a training: enough to find it, to repeat it and to know whom it evaluated."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from expectations.tables.core import PERSON
from expectations.tables.risk import COHORT_FLOW
from pipelines.lake.code_version import code_version, digest_of
from pipelines.lake.storage import Lake
from pipelines.study.opt_out_rules import NO_RULE_FOR_TRAINING, OptOutRule, reference_to
from pipelines.study.purpose import PurposeSettings
from pipelines.study.settings import StudySettings

TABLES_READ = ("features__person", "features__catalogue", "risk__labels", "core__event", "core__person")  # by a training


def training_id(
    settings_version: str, dates: Mapping[str, Sequence[date]], extracts: Mapping[str, list[str]], rule: OptOutRule
) -> str:
    """Return the id of a training, a digest of what it is made of. The scoring date counts only where it also trains."""
    known = {use: [day.isoformat() for day in days] for use, days in dates.items() if use != "score" or not dates["train"]}
    return digest_of([settings_version, code_version(), known, extracts, *part_of_digest(rule)])


def part_of_digest(rule: OptOutRule) -> list[str]:
    """Return what a rule adds to the digest of a training: nothing if it excludes no one."""
    return ["without people with a national data opt-out"] if rule.excludes else []


def people_with_opt_out(lake: Lake) -> NDArray[np.int32]:
    """Return the person_key of everyone with a national data opt-out, by the latest state."""
    return np.asarray(lake.read_or_empty(PERSON, "person_key", "national_data_opt_out")["person_key"].to_numpy())


@dataclass(frozen=True)
class TrainingInputs:
    """The inputs of a training, for its record."""

    training_id: str
    dates: Mapping[str, list[str]]
    table_versions: Mapping[str, int]
    code_version: str
    settings_version: str
    deployment: str
    purpose: PurposeSettings
    extracts: Mapping[str, list[str]]
    feature_set: str = ""  # digest of the feature catalogue
    recalibrates: str = ""  # the version whose calibration was fitted again; empty if models were trained
    opt_out_rule: OptOutRule = NO_RULE_FOR_TRAINING  # for people with a national data opt-out

    def tags(self, study: StudySettings) -> dict[str, str]:
        """Return the tags by which an analyst finds the training."""
        stated = self.opt_out_rule.decision
        return {
            "strata.training_id": self.training_id,
            "strata.study": study.name,
            "strata.outcome": study.outcome.name,
            "strata.train_dates": ",".join(self.dates["train"]),
            "strata.test_dates": ",".join(self.dates["test"]),
            "strata.feature_set": self.feature_set,
            "strata.code_version": self.code_version,
            "strata.settings_version": self.settings_version,
            "strata.table_versions": json.dumps(dict(self.table_versions), sort_keys=True),
            **({"strata.recalibrates": self.recalibrates} if self.recalibrates else {}),
            **({"strata.national_opt_out": f"{stated.subject}, {reference_to(stated)}"} if stated else {}),
        }


def cohort_flow(lake: Lake, dates: Sequence[str]) -> list[tuple[str, int]]:
    """Return how many people each step of the cohort excluded on the last of some index dates; nothing if that was not stored."""
    if not dates or dates[-1] not in lake.partitions(COHORT_FLOW.name, "index_date"):
        return []
    rows = lake.read(COHORT_FLOW.name, "reason, people", order="step", partition={"index_date": dates[-1]}).to_pylist()
    return [(str(row["reason"]), int(row["people"])) for row in rows]

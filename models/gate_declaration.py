"""How a gate is declared and answered: one question about a model, its limits, and what each answer means."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

from models.gate_intervals import IntervalCheck
from models.gate_settings import GateSettings
from models.group_labels import kind_label
from models.intervals import Estimate
from models.need_within_score import Strata, score_strata
from models.scored_rows import ScoredRows, scored_rows
from models.settings import CapacitySettings
from models.standardisation import age_band_codes

Answer = Literal["pass", "fail", "cannot_tell"]
ANSWERS: Mapping[str, str] = {"pass": "passed", "fail": "failed", "cannot_tell": "not enough data to decide"}
KIND = "{kind}"  # in a name or label: the kind of groups that a gate compares


@dataclass(frozen=True)
class GateResult:
    """One gate's answer with its reason as text, and the numbers that it is based on."""

    gate: str
    answer: Answer
    reason: str
    details: tuple[Mapping[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class JudgedRows:
    """The test rows: risks of the candidate and of the baseline, labels, people and groups, in one order.

    `groups` holds the group kinds as columns, and `age_band` if sensitivity is to be compared. `baseline_risk` is None for the
    baseline itself and if there is none (`no_baseline`). `needs` (see models.need_within_score) is None if none are known.
    """

    risk: np.ndarray
    baseline_risk: np.ndarray | None
    labels: np.ndarray
    person: np.ndarray
    groups: pd.DataFrame
    keys: np.ndarray | None = None
    needs: pd.DataFrame | None = None
    no_baseline: bool = False


@dataclass(frozen=True)
class Evidence:
    """Everything about one candidate that its gates read; `single_features` holds each predictor's own AUROC (models.leaks)."""

    judged: JudgedRows
    single_features: Mapping[str, Estimate]
    training_events: int
    minimum_training_events: int
    settings: GateSettings
    capacity: CapacitySettings
    seed: int

    @cached_property
    def rows(self) -> ScoredRows:
        return scored_rows(self.judged.risk, self.judged.labels, self.judged.person, self.judged.keys)

    @cached_property
    def age_bands(self) -> np.ndarray | None:
        groups = self.judged.groups
        return age_band_codes(groups["age_band"])[self.rows.position] if "age_band" in groups else None

    @cached_property
    def strata(self) -> Strata:
        return score_strata(self.rows, self.age_bands)


Checks = Callable[[Evidence, str], list[IntervalCheck] | None]


@dataclass(frozen=True)
class Meaning:
    """What each answer of a gate means for the approver."""

    passed: str
    failed: str
    undecided: str


@dataclass(frozen=True)
class Gate:
    """One question that a model is asked before it may be used.

    `settings` are the settings below `study` that hold its limits. A gate that compares groups has `{kind}` in its name and label
    and is asked once for each kind that the setting `kinds` lists. Either `checks` gives the intervals to compare with the
    limits, None where the gate is not asked, or `answer` is the function that answers it. `asked_of` says what it looks at.
    """

    name: str
    label: str
    explanation: str
    settings: tuple[str, ...]
    meaning: Meaning
    kinds: str = ""
    checks: Checks | None = None
    answer: Callable[..., GateResult] | None = None
    asked_of: Literal["the test rows", "other periods", "the model in use"] = "the test rows"
    leak_alarm: bool = False  # its failure means that the model has probably seen the outcome

    def names(self, settings: GateSettings) -> tuple[tuple[str, str], ...]:
        """Return the stored name for each kind that the settings list, with the kind; one name without a kind for other gates."""
        if not self.kinds:
            return ((self.name, ""),)
        kinds = getattr(settings, self.kinds.removeprefix("gates."))
        return tuple((self.name.replace(KIND, kind), kind) for kind in kinds)

    def kind_of(self, name: str) -> str | None:
        """Return the kind of groups in a stored name, '' for a gate without kinds, None if the name is another gate's."""
        pattern = re.escape(self.name).replace(re.escape(KIND), "(.+)")
        found = re.fullmatch(pattern, name)
        return None if found is None else found[1] if self.kinds else ""

    def label_for(self, kind: str) -> str:
        """Return the label for a kind of groups."""
        return self.label.replace(KIND, kind_label(kind))


@dataclass(frozen=True)
class GateLine:
    """A gate's answer as people read it; `token` is the answer as it is stored."""

    label: str
    explanation: str
    token: str
    reason: str

    @property
    def answer(self) -> str:
        return ANSWERS.get(self.token, self.token)

    @property
    def text(self) -> str:
        return f"{self.label}: {self.answer}. {self.reason}"

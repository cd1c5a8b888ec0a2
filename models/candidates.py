"""The candidates: which method learns from what, and the one table from a candidate's name in the settings to what it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

CandidateName = Literal[
    "age_sex", "charlson_age_sex", "logistic", "logistic_no_deprivation", "lightgbm", "lightgbm_no_deprivation",
    "logistic_code_level", "lightgbm_code_level",
    "logistic_both", "logistic_both_no_deprivation", "lightgbm_both", "lightgbm_both_no_deprivation",
]  # fmt: skip
Method = Literal["logistic", "lightgbm"]
Information = Literal["age_sex", "comorbidity_age_sex", "curated", "codes_age_sex", "curated_codes"]


@dataclass(frozen=True)
class Candidate:
    """A method, the information it learns from, and whether deprivation is part of that information."""

    method: Method
    information: Information
    deprivation: bool = True

    @property
    def uses_codes(self) -> bool:
        """Whether code-level columns are part of its information."""
        return self.information in ("codes_age_sex", "curated_codes")

    @property
    def uses_curated(self) -> bool:
        """Whether it learns from curated features other than age and sex."""
        return self.information in ("comorbidity_age_sex", "curated", "curated_codes")


CANDIDATES: Mapping[CandidateName, Candidate] = {
    "age_sex": Candidate("logistic", "age_sex"),
    "charlson_age_sex": Candidate("logistic", "comorbidity_age_sex"),
    "logistic": Candidate("logistic", "curated"),
    "logistic_no_deprivation": Candidate("logistic", "curated", deprivation=False),
    "lightgbm": Candidate("lightgbm", "curated"),
    "lightgbm_no_deprivation": Candidate("lightgbm", "curated", deprivation=False),
    "logistic_code_level": Candidate("logistic", "codes_age_sex"),
    "lightgbm_code_level": Candidate("lightgbm", "codes_age_sex"),
    "logistic_both": Candidate("logistic", "curated_codes"),
    "logistic_both_no_deprivation": Candidate("logistic", "curated_codes", deprivation=False),
    "lightgbm_both": Candidate("lightgbm", "curated_codes"),
    "lightgbm_both_no_deprivation": Candidate("lightgbm", "curated_codes", deprivation=False),
}
BASELINE: CandidateName = "age_sex"
DEFAULT_CANDIDATES: tuple[CandidateName, ...] = (
    BASELINE, "charlson_age_sex", "logistic", "logistic_no_deprivation", "lightgbm", "lightgbm_no_deprivation",
)  # fmt: skip


def without_deprivation(name: str) -> CandidateName | None:
    """Return the name of the same candidate without deprivation, or None if there is none."""
    candidate = next((candidate for known, candidate in CANDIDATES.items() if known == name), None)
    if candidate is None or not candidate.deprivation:
        return None
    reduced = replace(candidate, deprivation=False)
    return next((other for other, candidate in CANDIDATES.items() if candidate == reduced), None)

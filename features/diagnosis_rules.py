"""Which hospital stays count for a group of conditions, by the positions of their diagnoses.

A stay counts once, whichever rules it meets. `pipelines/conform/diagnosis_codes_of_stays.py` applies the rules.

* The NHS Institute list of ambulatory-care-sensitive conditions counts most conditions by the primary diagnosis. It counts diabetes
  complications, gangrene, influenza and pneumonia, and other vaccine-preventable conditions in any position. Influenza and pneumonia do not
  count with sickle-cell disorders (D57). Acute bronchitis (J20) counts as COPD if another diagnosis is one of COPD.
* The chronic conditions of NHS Outcomes Framework indicator 2.3.i count by the primary diagnosis alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Position(StrEnum):
    """Where among the diagnoses of a stay a code counts."""

    PRIMARY = "primary"
    ANY = "any"


@dataclass(frozen=True)
class DiagnosisRule:
    """A stay counts with a diagnosis on `code_list` in the stated position.

    With `only_with`, another diagnosis of the stay must be on that list. With `not_with`, no diagnosis of it may be on that list.
    """

    code_list: str
    position: Position = Position.PRIMARY
    only_with: str = ""
    not_with: str = ""

    @property
    def lists(self) -> tuple[str, ...]:
        """Return every code list that the rule reads."""
        return tuple(name for name in (self.code_list, self.only_with, self.not_with) if name)


_BRONCHITIS = DiagnosisRule("acute_bronchitis", only_with="chronic_airways_disease")
AMBULATORY_CARE_SENSITIVE = (
    DiagnosisRule("ambulatory_care_sensitive"),
    DiagnosisRule("ambulatory_care_sensitive_any_position", Position.ANY),
    DiagnosisRule("influenza_and_pneumonia", Position.ANY, not_with="sickle_cell_disorders"),
    _BRONCHITIS,
)
CHRONIC_AMBULATORY_CARE_SENSITIVE = (DiagnosisRule("chronic_ambulatory_care_sensitive"), _BRONCHITIS)


def lists_of(rules: Iterable[DiagnosisRule]) -> tuple[str, ...]:
    """Return every code list that some rules read, once each."""
    return tuple(dict.fromkeys(name for rule in rules for name in rule.lists))

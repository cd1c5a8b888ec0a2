"""Disease registers: which condition each counts, and at which ages.

A prevalence is compared with a published one only among people of the register's ages. Ages: Quality and Outcomes Framework, as in the open
register rules of North Central London ICB. Shares of ages: Office for National Statistics, population of England, mid-2020.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from features.long_term_conditions import current_name, lists_of, resolved_list
from features.prevalence import published_share

SHARE_FROM_AGE = {0: 1.0, 6: 0.931, 16: 0.808, 17: 0.797, 18: 0.786, 50: 0.377}  # of the population of England


@dataclass(frozen=True)
class Register:
    """A register: the condition that it counts, and the least age of the people it counts among."""

    code: str
    condition: str
    least_age: int = 0

    def feature(self, lists: Container[str]) -> str:
        """Return the feature of the people who are on the register now."""
        return current_name(self.condition, lists)

    def feature_among(self, declared: Container[str], computed: Container[str]) -> str:
        """Return the feature of the people who are on the register now, or '' if it is not computed.

        People who ever had a condition do not count where codes that end it are declared but cannot be found.
        """
        current = current_name(self.condition, {resolved_list(self.condition)})
        name = current if current in declared else current_name(self.condition, ())
        return name if name in computed else ""

    @property
    def expected_share(self) -> float:
        """Return the share of people of the register's ages who are on it in England.

        The published share is of all people, of whom only those of the register's ages can be on it.
        """
        return (published_share(lists_of(self.condition)) or 0.0) / SHARE_FROM_AGE[self.least_age]


REGISTERS = (
    Register("AF", "atrial_fibrillation"), Register("AST", "asthma", 6), Register("CAN", "cancer"), Register("CHD", "coronary_heart_disease"),
    Register("CKD", "chronic_kidney_disease", 18), Register("COPD", "copd"), Register("DEM", "dementia"), Register("DEP", "depression", 18),
    Register("DM", "diabetes", 17), Register("EP", "epilepsy", 18), Register("HF", "heart_failure"), Register("HTN", "hypertension", 18),
    Register("LD", "learning_disability"), Register("OB", "obesity", 18), Register("OST", "osteoporosis", 50),
    Register("PAD", "peripheral_arterial_disease"), Register("RA", "rheumatoid_arthritis", 16), Register("SMI", "severe_mental_illness"),
    Register("STIA", "stroke_tia"),
)  # fmt: skip

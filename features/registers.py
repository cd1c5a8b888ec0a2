"""Disease registers: which condition each counts, and at which ages.

A prevalence is compared with a published one only among people of the register's ages. Ages: Quality and Outcomes Framework, as in the open
register rules of North Central London ICB, except hypertension: HYP001 counts people of any age. Shares of ages: Office for National Statistics, population of England, mid-2020.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from features.long_term_conditions import current_name, lists_of, resolved_list
from features.prevalence import REGISTER_SHARE, published_share

SHARE_FROM_AGE = {0: 1.0, 6: 0.931, 16: 0.808, 17: 0.797, 18: 0.786, 50: 0.377}  # of the population of England


@dataclass(frozen=True)
class Register:
    """A register: the condition that it counts, the least age of the people it counts among, and what else it asks for."""

    code: str
    condition: str
    least_age: int = 0
    also: str = ""  # what people need besides the diagnosis to be on the register

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
        share = REGISTER_SHARE.get(self.condition) or published_share(lists_of(self.condition)) or 0.0
        return share / SHARE_FROM_AGE[self.least_age]

    @property
    def is_least(self) -> bool:
        """Return whether the share is the least that is expected, because many people with the diagnosis are not on the register."""
        return self.condition in REGISTER_SHARE


REGISTERS = (
    Register("AF", "atrial_fibrillation"), Register("AST", "asthma", 6, "an asthma medicine in the last 12 months"),
    Register("CAN", "cancer", also="a diagnosis since April 2003"), Register("CHD", "coronary_heart_disease"),
    Register("CKD", "chronic_kidney_disease", 18, "stage 3a to 5"), Register("COPD", "copd"), Register("DEM", "dementia"),
    Register("DEP", "depression", 18, "a diagnosis since April 2006"), Register("DM", "diabetes", 17),
    Register("EP", "epilepsy", 18, "an epilepsy medicine"), Register("HF", "heart_failure"), Register("HTN", "hypertension"),
    Register("LD", "learning_disability"), Register("OB", "obesity", 18, "a body mass index in the last 12 months"),
    Register("OST", "osteoporosis", 50, "a fragility fracture since 2012, from age 75 since 2014"), Register("PAD", "peripheral_arterial_disease"),
    Register("RA", "rheumatoid_arthritis", 16), Register("SMI", "severe_mental_illness"), Register("STIA", "stroke_tia"),
)  # fmt: skip

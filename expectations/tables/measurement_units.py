"""monitoring__units: how the values of each measurement were read, for each practice, and what becomes of each value."""

from __future__ import annotations

from enum import StrEnum

from expectations.table import Column, Kind, Purpose, Table


class Outcome(StrEnum):
    """What became of a measured value when its unit was read."""

    AS_STATED = "as_stated"
    CONVERTED = "converted"
    ASSUMED = "unit_assumed"
    EXCHANGED = "pressures_exchanged"
    AMBIGUOUS = "unit_missing"
    UNKNOWN_UNIT = "unit_not_known"
    OTHER_QUANTITY = "unit_of_another_quantity"
    CONTRADICTORY = "unit_contradicts_value"
    OUT_OF_RANGE = "out_of_range"
    PRESSURES = "pressures_contradictory"


MEANINGS: dict[Outcome, str] = {
    Outcome.AS_STATED: "used as sent",
    Outcome.CONVERTED: "converted from the unit that was sent",
    Outcome.ASSUMED: "sent without a unit, and plausible in one unit alone, which is assumed",
    Outcome.EXCHANGED: "a systolic and a diastolic pressure that were swapped, and are exchanged",
    Outcome.AMBIGUOUS: "sent without a unit, and plausible in several",
    Outcome.UNKNOWN_UNIT: "the unit is not known",
    Outcome.OTHER_QUANTITY: "the unit is of another quantity",
    Outcome.CONTRADICTORY: "not plausible in the unit that was sent, although plausible in another",
    Outcome.OUT_OF_RANGE: "not plausible in any unit of the measurement",
    Outcome.PRESSURES: "a systolic pressure that is not above the diastolic pressure of the same time, and no clear swap",
}
USED = (Outcome.AS_STATED, Outcome.CONVERTED, Outcome.ASSUMED, Outcome.EXCHANGED)
SET_ASIDE = tuple(outcome for outcome in Outcome if outcome not in USED)

UNITS = Table(
    "monitoring__units",
    "How the units of measured values in the GP record were read, for each practice and measurement. A value that is set aside is not used, "
    "and its entry still counts as a measurement.",
    (
        Column("practice_code", Kind.CODE, "ODS code of the practice.", nullable=False),
        Column("analyte", Kind.TEXT, "The measurement: the name of its code list.", nullable=False),
        Column("unit", Kind.TEXT, "The unit that was sent or assumed. Empty where it is missing or not known.", nullable=False),
        Column("outcome", Kind.TEXT, "; ".join(f"{outcome}: {text}" for outcome, text in MEANINGS.items()) + ".", nullable=False,
               allowed=tuple(outcome.value for outcome in Outcome)),
        Column("is_used", Kind.BOOLEAN, "The value is used. Otherwise it is set aside for the reason of the outcome.", nullable=False),
        Column("entries", Kind.INTEGER, "Number of values.", nullable=False, arrow="int64"),
    ),
    ("practice_code", "analyte", "unit", "outcome"),
    purpose=Purpose.OPERATION,
)  # fmt: skip

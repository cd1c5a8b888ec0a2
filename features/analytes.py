"""Measured quantities: the unit of each, the units it may be sent in, and the plausible values in each unit.

An analyte has the name of the code list of its measurements, and one line in `ANALYTES`. A unit has one line in `SPELLINGS`. A
declaration that contradicts itself raises ValueError when this module is imported. `pipelines/conform/measured_values.py` reads
values by these declarations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from features.code_halves import CodeList


def _ratio(tops: tuple[str, ...], bottoms: tuple[str, ...]) -> tuple[str, ...]:
    """Return the spellings of one quantity per another: mmol/l, mmol per l and mmol.l-1, whose minus is not in the plain form."""
    return tuple(f"{top}{join.format(bottom)}" for top in tops for bottom in bottoms for join in ("/{}", "per{}", ".{}1", "{}1"))


def _ended(spellings: tuple[str, ...], ends: tuple[str, ...]) -> tuple[str, ...]:
    """Return spellings alone and with what some systems write after them."""
    return tuple(f"{spelling}{end}" for spelling in spellings for end in ("", *ends))


_MMOL = ("mmol", "mmols", "mmole", "mmoles", "millimol", "millimols", "millimole", "millimoles")
_UMOL = ("umol", "umols", "umole", "umoles", "mcmol", "micromol", "micromols", "micromole", "micromoles")
_LITRE = ("l", "litre", "liter", "ltr", "lt")
_ML_PER_MINUTE = (
    "ml/min",
    "mls/min",
    "ml/mins",
    "mls/mins",
    "ml/minute",
    "mls/minute",
    "mlpermin",
    "mlperminute",
    "ml.min1",
    "mlmin1",
)
_BODY_SURFACE = (
    "1.73m2",
    "1.73sqm",
    "1.73msq",
    "1.73sq.m",
    "1.73",
    "173m2",
    "1.73.m2",
    "1.73squaremetre",
    "1.73squaremetres",
    "bsa",
)
_HB = ("hb", "hba1c", "haemoglobin", "hemoglobin")
_TOTAL_HB = tuple(f"{start}{hb}" for start in ("", "t", "total", "oftotal") for hb in _HB)
# Unit: its spellings in plain form, which has lower case letters, digits, % / and . alone, and no full stop at its end. An expression of
# a unit in UCUM, such as mL/min/{1.73_m2}, has the same plain form as mL/min/1.73m2. A value per m2 is another quantity.
SPELLINGS: dict[str, tuple[str, ...]] = {
    "mmHg": (
        *_ended(("mmhg", "mm.hg", "mmofhg", "mm/hg"), ("sys", "syst", "systolic", "dia", "dias", "diastolic", "bp")),
        "millimetresofmercury", "millimetreofmercury", "millimetersofmercury", "millimeterofmercury",
    ),
    "kPa": ("kpa", "kpas", "kilopascal", "kilopascals"),
    "mmol/mol": (*_ended(_ratio(_MMOL, ("mol", "mole")), (*_HB, ".hb", "ifcc")), "ifccmmol/mol", "mmol/molhba1cifcc", "mmol/molifcchba1c"),
    "%": (
        *_ended(("%", "percent", "percentage"), (*_TOTAL_HB, "dcct", "dcctaligned", "hba1cdcct", "hba1cdcctaligned", "ngsp", "a1c")),
        "dcct%", "hba1c%",
    ),
    "kg/m2": (*_ended(("kg/m2", "kg/sqm", "kg/msq", "kg/sq.m", "kg.m2", "kgm2", "kgperm2", "kg/squaremetre", "kgs/m2"), ("bmi",)),),
    "mL/min/1.73m2": (
        *_ML_PER_MINUTE,
        *_ended(
            tuple(f"{top}{join}{surface}" for top in _ML_PER_MINUTE for join in ("/", "per") for surface in _BODY_SURFACE),
            ("ckdepi", "mdrd"),
        ),
        "ml/min/1.73m2bsa",
    ),
    "mmol/L": _ratio(_MMOL, _LITRE),
    "mg/dL": ("mg/dl", "mgperdl", "mg.dl1", "mgs/dl", "mg/100ml", "mg%"),
    "umol/L": _ratio(_UMOL, _LITRE),
    "mg/mmol": ("mg/mmol", "mgpermmol", "mg.mmol1", "mg/mmolcreat", "mg/mmol.creat", "mg/mmolcr", "mg/mmolcreatinine", "g/mol"),
    "mg/g": ("mg/g", "mgperg", "mg/gcreat", "mg/gcr", "mg/gcreatinine"),
    "kg": ("kg", "kgs", "kilo", "kilos", "kilogram", "kilograms", "kilogramme", "kilogrammes"),
    "g": ("g", "gm", "gms", "gram", "grams", "gramme", "grammes"),
    "lb": ("lb", "lbs", "pound", "pounds", "lbav"),
    "st": ("st", "stone", "stones", "stoneav"),
    "cm": ("cm", "cms", "centimetre", "centimetres", "centimeter", "centimeters"),
    "m": ("m", "mtr", "mtrs", "metre", "metres", "meter", "meters"),
    "in": ("in", "ins", "inch", "inches", "ini"),
    "ft": ("ft", "foot", "feet", "fti"),
}  # fmt: skip
# Text in place of a unit which only shows that there is none.
NO_UNIT = ("", "unkuom", "unknown", "notknown", "none", "na", "n/a", "null", "nounit", "nounits", "unit", "units")
_PLAIN = re.compile(r"[a-z0-9%/.]*")


@dataclass(frozen=True)
class Reading:
    """A unit that values of an analyte are sent in, with the plausible values in that unit.

    A value in the unit of the analyte is `factor` * value + `offset`. `assumed`: a value without a unit may be in this one, if it is
    plausible in no other.
    """

    unit: str
    low: float
    high: float
    factor: float = 1.0
    offset: float = 0.0
    assumed: bool = False

    @property
    def converts(self) -> bool:
        return (self.factor, self.offset) != (1.0, 0.0)

    def convert(self, value: float) -> float:
        """Return a value of this unit in the unit of the analyte."""
        return self.factor * value + self.offset


@dataclass(frozen=True)
class Analyte:
    """A measured quantity: its code list, its label, and the units it is sent in, of which the first is its own.

    A converted value is rounded to `decimals`, the precision in which the quantity is reported.
    """

    name: str
    label: str
    decimals: int
    readings: tuple[Reading, ...] = field(repr=False)

    def __post_init__(self) -> None:
        if problems := [*self._problems()]:
            raise ValueError(f"the analyte {self.name} (features/analytes.py) {'; it '.join(problems)}")

    def _problems(self) -> Iterable[str]:
        units = [reading.unit for reading in self.readings]
        if unknown := sorted(set(units) - set(SPELLINGS)):
            yield f"has units without spellings: {', '.join(unknown)}; add them to SPELLINGS"
        if len(set(units)) < len(units):
            yield "has the same unit twice"
        if not self.readings or self.readings[0].converts or not self.readings[0].assumed:
            yield "needs its own unit first, without a factor, and assumed"
        if any(reading.low >= reading.high or reading.factor <= 0 for reading in self.readings):
            yield "has a range without values, or a factor that is not above 0"

    @property
    def unit(self) -> str:
        """Return the unit in which Strata stores it."""
        return self.readings[0].unit

    @property
    def low(self) -> float:
        """Return the lowest plausible value of any reading, in its own unit."""
        return min(self.rounded(reading, reading.low) for reading in self.readings)

    @property
    def high(self) -> float:
        """Return the highest plausible value of any reading, in its own unit."""
        return max(self.rounded(reading, reading.high) for reading in self.readings)

    def rounded(self, reading: Reading, value: float) -> float:
        """Return a value of a reading in the analyte's own unit, rounded if it was converted."""
        return round(reading.convert(value), self.decimals) if reading.converts else value


def _analyte(name: str, label: str, decimals: int, own: tuple[str, float, float], *others: Reading) -> Analyte:
    return Analyte(name, label, decimals, (Reading(*own, assumed=True), *others))


SYSTOLIC, DIASTOLIC = "systolic_blood_pressure", "diastolic_blood_pressure"
_KPA = 7.50062  # mmHg
# Name of the code list, label, decimals, own unit with its lowest and highest plausible value; then the other units.
ANALYTES: dict[str, Analyte] = {
    analyte.name: analyte
    for analyte in (
        _analyte(SYSTOLIC, "Systolic blood pressure", 0, ("mmHg", 50, 300), Reading("kPa", 6.7, 40, _KPA)),
        _analyte(DIASTOLIC, "Diastolic blood pressure", 0, ("mmHg", 20, 200), Reading("kPa", 2.7, 19.9, _KPA)),
        # The master equation of IFCC and NGSP: % = 0.0915 * mmol/mol + 2.15.
        _analyte("hba1c", "HbA1c", 0, ("mmol/mol", 20, 200), Reading("%", 3, 18, 10.929, -2.15 * 10.929, assumed=True)),
        _analyte("bmi", "Body mass index", 1, ("kg/m2", 10, 90)),
        _analyte("egfr", "eGFR", 0, ("mL/min/1.73m2", 1, 200)),
        _analyte("cholesterol", "Cholesterol", 1, ("mmol/L", 0.5, 30), Reading("mg/dL", 31, 1160, 1 / 38.67)),
        _analyte("creatinine", "Creatinine", 0, ("umol/L", 20, 2500), Reading("mg/dL", 0.2, 19.9, 88.42), Reading("mmol/L", 0.02, 2.5, 1000)),
        _analyte("albumin_creatinine_ratio", "Albumin creatinine ratio", 1, ("mg/mmol", 0.1, 2000), Reading("mg/g", 0.9, 17700, 0.11312)),
        _analyte("weight", "Weight", 1, ("kg", 0.3, 400), Reading("g", 300, 400_000, 0.001), Reading("lb", 0.7, 880, 0.45359237),
                 Reading("st", 0.5, 63, 6.35029318)),
        _analyte("height", "Height", 0, ("cm", 20, 250), Reading("m", 0.2, 2.5, 100, assumed=True), Reading("in", 8, 98, 2.54),
                 Reading("ft", 2.6, 8.2, 30.48)),
    )
}  # fmt: skip


# OMOP standard concepts: of measurements (LOINC), and of the units that they are sent in (UCUM).
CONCEPTS_OF_ANALYTE: dict[str, tuple[str, ...]] = {
    SYSTOLIC: ("3004249",), DIASTOLIC: ("3012888",), "hba1c": ("3004410",), "bmi": ("3038553",), "cholesterol": ("3027114", "3019900"),
    "creatinine": ("3016723", "3020564"),
    # eGFR by creatinine, without those that differ by ethnicity or sex: LOINC 33914-3, 62238-1, 77147-7 and 69405-9.
    "egfr": ("3030354", "40764999", "46236952", "40771922"),
    # Albumin or microalbumin to creatinine in urine: LOINC 9318-7 and 14959-1.
    "albumin_creatinine_ratio": ("3034485", "3001802"), "weight": ("3025315",), "height": ("3036277",),
}  # fmt: skip
UNIT_CONCEPTS = {
    "8876": "mmHg", "44777602": "kPa", "9579": "mmol/mol", "8554": "%", "9531": "kg/m2", "8753": "mmol/L", "8840": "mg/dL", "8749": "umol/L",
    "720870": "mL/min/1.73m2", "9117": "mL/min/1.73m2", "44777612": "mg/mmol", "8723": "mg/g", "9017": "mg/g",
    "9529": "kg", "8504": "g", "8739": "lb", "8582": "cm", "9546": "m", "9327": "in",
}  # fmt: skip


def check_spellings(spellings: Mapping[str, tuple[str, ...]], none: tuple[str, ...]) -> None:
    """Raise ValueError where a spelling is not in plain form, or has two meanings."""
    every = [*(spelling for of_unit in spellings.values() for spelling in of_unit), *none]
    if strange := sorted(spelling for spelling in every if not _PLAIN.fullmatch(spelling)):
        raise ValueError(f"features/analytes.py: these spellings are not in plain form: {', '.join(strange)}")
    if twice := sorted({spelling for spelling in every if every.count(spelling) > 1}):
        raise ValueError(f"features/analytes.py: these spellings have two meanings: {', '.join(twice)}")


def analyte_of_code(lists: Mapping[str, CodeList]) -> dict[str, str]:
    """Return the analyte of each SNOMED CT code of the analytes' lists; raise ValueError where a code is in two of them."""
    analytes: dict[str, str] = {}
    for name in ANALYTES:
        for code in lists[name].codes("snomed"):
            if analytes.setdefault(code, name) != name:
                raise ValueError(
                    f"the code {code} is in the code lists {analytes[code]} and {name}. A measurement has one unit, so remove it from one of them"
                )
    return analytes


check_spellings(SPELLINGS, NO_UNIT)

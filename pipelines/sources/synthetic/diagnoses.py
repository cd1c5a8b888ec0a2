"""Draw the diagnoses of hospital stays: acute reasons for admission and long-term conditions, as ICD-10 codes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sources.synthetic.condition_codes import TYPED, codes_of_conditions, codes_without_type, complete_code
from pipelines.sources.synthetic.conditions import NAMES, POSITION
from pipelines.sources.synthetic.identifiers import look_up
from pipelines.sources.synthetic.random_streams import choice_by_row

CODES_PER_STAY = 7
WITHOUT_TYPE_SHARE = 0.05  # of the diagnoses of diabetes in hospital. Plausible, not measured
_AGES = np.array([0, 5, 18, 40, 65, 80])


@dataclass(frozen=True)
class AcuteReason:
    """An acute reason for an emergency stay, without a long-term condition.

    `weights` has one value for each age band that starts at 0, 5, 18, 40, 65 and 80.
    """

    name: str
    codes: tuple[str, ...]
    weights: tuple[float, ...]
    treatment_function: str
    respiratory: bool = False
    injury: bool = False


# The common primary diagnoses of emergency admissions: NHS Digital, Hospital Admitted Patient Care Activity 2022-23, diagnosis tables; weights rounded.
ACUTE_REASONS = (
    AcuteReason("pneumonia", ("J181", "J189", "J159"), (0.4, 0.3, 0.3, 0.6, 1.2, 2.0), "300", respiratory=True),
    AcuteReason("chest_infection", ("J22X", "J209"), (0.6, 0.3, 0.2, 0.3, 0.7, 1.0), "300", respiratory=True),
    AcuteReason("bronchiolitis", ("J219", "J210"), (2.2, 0.0, 0.0, 0.0, 0.0, 0.0), "420", respiratory=True),
    AcuteReason("viral_infection", ("B349", "J069"), (2.4, 1.2, 0.4, 0.2, 0.1, 0.1), "420", respiratory=True),
    AcuteReason("gastroenteritis", ("A099", "K529"), (1.0, 0.7, 0.5, 0.4, 0.4, 0.4), "300"),
    AcuteReason("abdominal_pain", ("R104", "R103"), (0.2, 1.2, 1.6, 0.9, 0.4, 0.2), "100"),
    AcuteReason("chest_pain", ("R074", "R073"), (0.0, 0.1, 0.8, 1.6, 1.0, 0.6), "300"),
    AcuteReason("urinary_infection", ("N390",), (0.3, 0.3, 0.4, 0.4, 0.8, 1.5), "430"),
    AcuteReason("appendicitis", ("K358", "K37X"), (0.1, 1.2, 0.7, 0.3, 0.1, 0.0), "100"),
    AcuteReason("gallstones", ("K802", "K800"), (0.0, 0.1, 0.6, 0.7, 0.5, 0.3), "100"),
    AcuteReason("cellulitis", ("L031", "L039"), (0.1, 0.2, 0.3, 0.5, 0.5, 0.5), "300"),
    AcuteReason("sepsis", ("A419", "A415"), (0.2, 0.1, 0.1, 0.3, 0.7, 1.0), "300"),
    AcuteReason("collapse", ("R55X", "R568"), (0.2, 0.2, 0.3, 0.4, 0.8, 0.9), "300"),
    AcuteReason("hip_fracture", ("S720", "S721"), (0.0, 0.0, 0.02, 0.1, 0.5, 1.3), "110", injury=True),
    AcuteReason("other_fracture", ("S525", "S423", "S828"), (0.3, 0.9, 0.5, 0.4, 0.4, 0.5), "110", injury=True),
    AcuteReason("head_injury", ("S099", "S019"), (0.8, 0.5, 0.4, 0.2, 0.4, 0.8), "180", injury=True),
    AcuteReason("poisoning", ("T391", "T424", "T509"), (0.1, 0.8, 1.0, 0.5, 0.1, 0.1), "300"),
    AcuteReason("headache", ("R51X", "G439"), (0.1, 0.3, 0.6, 0.4, 0.2, 0.1), "300"),
    AcuteReason("acute_kidney_injury", ("N179",), (0.0, 0.0, 0.1, 0.2, 0.5, 0.7), "430"),
    AcuteReason("embolism", ("I269", "I802"), (0.0, 0.0, 0.15, 0.3, 0.4, 0.4), "300"),
)
# Weight of a condition as the reason for a stay, relative to the acute reasons of that age.
_CONDITION_WEIGHTS = {
    "copd": 4.0, "heart_failure": 3.0, "asthma": 0.8, "coronary_heart_disease": 1.4, "stroke_tia": 1.4, "atrial_fibrillation": 0.8,
    "epilepsy": 3.0, "cancer": 1.8, "chronic_liver_disease": 3.0, "alcohol_problems": 2.5, "substance_misuse": 1.5, "severe_mental_illness": 0.8,
    "depression": 0.25, "dementia": 0.9, "type_1_diabetes": 3.0, "type_2_diabetes": 0.3, "chronic_kidney_disease": 0.5,
    "inflammatory_bowel_disease": 2.0, "parkinsons_disease": 1.0, "frailty": 0.7, "peripheral_arterial_disease": 1.0, "bronchiectasis": 2.0,
    "multiple_sclerosis": 1.0, "rheumatoid_arthritis": 0.3, "osteoporosis": 0.2,
}  # fmt: skip
ELECTIVE_REASONS = {
    "H259": "130", "K409": "100", "M232": "110", "K573": "301", "D126": "301", "N40X": "101", "H333": "130", "K210": "301", "M751": "110",
    "J342": "120", "N920": "502", "L989": "330", "C449": "330", "D509": "303",
}  # fmt: skip
CHILD_REASONS = {"K029": "140", "J350": "120", "H653": "120", "Q531": "171"}
MATERNITY_REASONS = ("O800", "O809", "O821", "O700", "O469", "O235")
SPECIALTY_OF_CONDITION = {
    "copd": "340", "asthma": "340", "heart_failure": "320", "coronary_heart_disease": "320", "atrial_fibrillation": "320", "stroke_tia": "328",
    "cancer": "370", "chronic_kidney_disease": "361", "dementia": "430", "frailty": "430", "parkinsons_disease": "430", "epilepsy": "400",
    "severe_mental_illness": "710", "depression": "710",
}  # fmt: skip


class DiagnosisCodes:
    """The ICD-10 codes of the board in one vocabulary, and the positions of each reason's codes in it."""

    def __init__(self) -> None:
        self.codes: list[str] = []
        self.of_reason = [self._add(reason.codes) for reason in ACUTE_REASONS]
        self.of_condition = [self._add(codes_of_conditions("icd10")[name]) for name in NAMES]
        self.fall, self.delirium = self._add(("W190", "W010", "W180")), self._add(("F059",))
        self.palliative, self.homeless = self._add(("Z515",)), self._add(("Z590",))
        self.self_harm = self._add(("X609", "X619"))
        self.elective, self.child = self._add(ELECTIVE_REASONS), self._add(CHILD_REASONS)
        self.maternity, self.newborn = self._add(MATERNITY_REASONS), self._add(("Z380",))
        self.dialysis = self._add(("Z491", "Z511"))
        self.typed = np.concatenate([self.of_condition[POSITION[name]] for name in TYPED])
        self.without_type = self._add(codes_without_type("icd10"))
        self.vocabulary = pa.array(self.codes)

    def _add(self, codes: object) -> np.ndarray:
        positions = []
        for code in codes:  # type: ignore[attr-defined]
            if complete_code(code) not in self.codes:
                self.codes.append(complete_code(code))
            positions.append(self.codes.index(complete_code(code)))
        return np.array(positions)


@lru_cache(maxsize=1)
def diagnosis_codes() -> DiagnosisCodes:
    """Return the vocabulary of the board."""
    return DiagnosisCodes()


def draw_reasons(rng: np.random.Generator, age: np.ndarray, has: np.ndarray, winter: np.ndarray) -> np.ndarray:
    """Draw the reason for each emergency stay.

    A result below `len(ACUTE_REASONS)` is a position in it; higher results are conditions, in the order of the columns of `has`.
    """
    acute = np.array([reason.weights for reason in ACUTE_REASONS]).T[np.searchsorted(_AGES, age, side="right") - 1]
    acute = np.where(np.array([reason.respiratory for reason in ACUTE_REASONS])[None, :], acute * winter[:, None], acute)
    own = has * np.array([_CONDITION_WEIGHTS.get(name, 0.0) for name in NAMES])[None, :]
    return choice_by_row(rng, np.concatenate([acute, own], axis=1), np.arange(len(age)))


def one_of(rng: np.random.Generator, groups: list[np.ndarray], rows: np.ndarray, skew: float = 1.0) -> np.ndarray:
    """Draw one code for each row from the group that the row names; with a `skew` above 1, more often one of its first codes."""
    sizes = np.array([len(group) for group in groups])
    table = np.zeros((len(groups), sizes.max()), dtype=np.int64)
    for position, group in enumerate(groups):
        table[position, : len(group)] = group
    return table[rows, np.floor(rng.random(len(rows)) ** skew * sizes[rows]).astype(np.int64)]


def draw_secondary(rng: np.random.Generator, has: np.ndarray, reason: np.ndarray, room: int) -> np.ndarray:
    """Draw the secondary diagnoses of stays: stays x `room` code positions, -1 for none."""
    codes = diagnosis_codes()
    coded = has & (rng.random(has.shape) < 0.75)
    with_own = reason >= len(ACUTE_REASONS)
    coded[np.flatnonzero(with_own), reason[with_own] - len(ACUTE_REASONS)] = False
    rows, conditions = np.nonzero(coded)
    shuffled = np.lexsort((rng.random(len(rows)), rows))
    rows, conditions = rows[shuffled], conditions[shuffled]
    place = np.arange(len(rows)) - np.searchsorted(rows, rows)
    secondary = np.full((len(has), room), -1, dtype=np.int64)
    fits = place < room
    secondary[rows[fits], place[fits]] = one_of(rng, codes.of_condition, conditions)[fits]
    return secondary


def drop_types(
    rng: np.random.Generator, code: np.ndarray, typed: np.ndarray, without_type: np.ndarray, share: float
) -> np.ndarray:
    """Return codes in which a share of those of types of diabetes are replaced with codes that name no type."""
    hidden = np.isin(code, typed) & (rng.random(code.shape) < share)
    return np.where(hidden, without_type[rng.integers(0, len(without_type), code.shape)], code)


def join_codes(codes: np.ndarray) -> pa.Array:
    """Return the codes of each stay as one text, separated by commas; null for a stay without codes."""
    vocabulary = diagnosis_codes().vocabulary
    first, *others = (look_up(vocabulary, codes[:, place]) for place in range(codes.shape[1]))
    # Arrow's join drops a row whose parts are all null, so the first part is never null.
    text = pc.binary_join_element_wise(first.fill_null(""), *others, ",", null_handling="skip")
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)

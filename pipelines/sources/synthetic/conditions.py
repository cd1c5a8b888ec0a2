"""Draw long-term conditions: who gets which, at what age, and how each raises the risk of admission and of death."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from features.prevalence import PREVALENCE
from pipelines.sources.synthetic.calibration import AGE_SHARES

NEVER = 1_000.0  # years: an age that no one reaches


@dataclass(frozen=True)
class Condition:
    """A condition's prevalence in the whole population and the distribution of its onset by age.

    `deprivation`, `frailty` and `female` are log hazard ratios: most to least deprived, per standard deviation, and women to men.
    `causes` are log hazard ratios for people who already have another condition. `emergency` and `death` are log rate ratios.
    """

    name: str
    prevalence: float
    middle_age: float
    spread: float
    deprivation: float
    frailty: float
    female: float
    emergency: float
    death: float
    causes: dict[str, float] = field(default_factory=dict)


# The shares of people that are drawn. They stay where a published share is corrected, so that a board is drawn as before.
DRAWN = PREVALENCE | {
    "obesity": 0.094, "asthma": 0.062, "hypertension": 0.135, "severe_mental_illness": 0.0095, "depression": 0.105, "epilepsy": 0.007,
    "rheumatoid_arthritis": 0.007, "heart_failure": 0.0105, "chronic_kidney_disease": 0.034, "dementia": 0.0075,
}  # fmt: skip
# Ages, gradients and effects are plausible, and ordered as in Barnett et al., Lancet 2012: multimorbidity begins 10 to 15 years earlier in the most
# deprived areas.
CONDITIONS = (
    Condition("obesity", DRAWN["obesity"], 48, 15, 0.6, 0.1, 0.1, 0.10, 0.1),
    Condition("learning_disability", DRAWN["learning_disability"], 3, 2, 0.6, 0.0, -0.3, 0.40, 0.7),
    Condition("asthma", DRAWN["asthma"], 16, 12, 0.25, 0.15, 0.1, 0.22, 0.0),
    Condition("hypertension", DRAWN["hypertension"], 66, 10, 0.25, 0.15, 0.0, 0.08, 0.05, {"obesity": 0.5}),
    Condition("type_1_diabetes", DRAWN["type_1_diabetes"], 15, 8, 0.0, 0.0, 0.0, 0.60, 0.6),
    Condition("type_2_diabetes", DRAWN["type_2_diabetes"], 64, 11, 0.6, 0.2, -0.3, 0.26, 0.3, {"obesity": 0.9, "hypertension": 0.3}),
    Condition("alcohol_problems", DRAWN["alcohol_problems"], 42, 12, 0.7, 0.35, -0.8, 0.75, 0.7),
    Condition("severe_mental_illness", DRAWN["severe_mental_illness"], 38, 12, 1.0, 0.3, 0.0, 0.50, 0.6),
    Condition("substance_misuse", DRAWN["substance_misuse"], 32, 9, 1.2, 0.35, -0.8, 0.80, 0.8, {"severe_mental_illness": 1.0, "alcohol_problems": 1.0}),
    Condition("depression", DRAWN["depression"], 35, 14, 0.6, 0.35, 0.6, 0.26, 0.15),
    Condition("anxiety", DRAWN["anxiety"], 33, 14, 0.4, 0.3, 0.6, 0.15, 0.0, {"depression": 1.2}),
    Condition("epilepsy", DRAWN["epilepsy"], 30, 25, 0.5, 0.1, 0.0, 0.75, 0.5, {"learning_disability": 1.5}),
    Condition("multiple_sclerosis", DRAWN["multiple_sclerosis"], 40, 10, 0.0, 0.1, 0.9, 0.50, 0.4),
    Condition("rheumatoid_arthritis", DRAWN["rheumatoid_arthritis"], 60, 12, 0.2, 0.1, 0.8, 0.25, 0.2),
    Condition("hypothyroidism", DRAWN["hypothyroidism"], 58, 15, 0.0, 0.1, 1.4, 0.03, 0.0),
    Condition("psoriasis", DRAWN["psoriasis"], 35, 18, 0.1, 0.0, 0.0, 0.03, 0.0),
    Condition("inflammatory_bowel_disease", DRAWN["inflammatory_bowel_disease"], 38, 16, 0.0, 0.1, 0.0, 0.40, 0.1),
    Condition("osteoarthritis", DRAWN["osteoarthritis"], 68, 10, 0.2, 0.1, 0.3, 0.03, 0.0, {"obesity": 0.5}),
    Condition("gout", DRAWN["gout"], 66, 12, 0.1, 0.1, -1.4, 0.08, 0.0, {"obesity": 0.6, "hypertension": 0.4}),
    Condition("osteoporosis", DRAWN["osteoporosis"], 76, 8, 0.0, 0.1, 1.3, 0.18, 0.1),
    Condition("chronic_liver_disease", DRAWN["chronic_liver_disease"], 58, 12, 0.9, 0.2, -0.4, 0.70, 1.0, {"alcohol_problems": 2.5}),
    Condition("copd", DRAWN["copd"], 68, 7, 1.0, 0.3, 0.0, 0.62, 0.6, {"asthma": 0.8, "smoking": 1.5}),
    Condition("bronchiectasis", DRAWN["bronchiectasis"], 68, 10, 0.1, 0.1, 0.3, 0.40, 0.3, {"copd": 1.2}),
    Condition("coronary_heart_disease", DRAWN["coronary_heart_disease"], 72, 8, 0.5, 0.3, -0.8, 0.38, 0.3, {"hypertension": 0.5, "type_2_diabetes": 0.6, "smoking": 0.4}),
    Condition("atrial_fibrillation", DRAWN["atrial_fibrillation"], 80, 8, 0.0, 0.25, -0.3, 0.32, 0.3, {"hypertension": 0.4, "coronary_heart_disease": 0.5}),
    Condition("heart_failure", DRAWN["heart_failure"], 80, 7, 0.5, 0.4, -0.3, 0.58, 0.7,
              {"coronary_heart_disease": 1.0, "atrial_fibrillation": 0.7, "hypertension": 0.4}),
    Condition("stroke_tia", DRAWN["stroke_tia"], 77, 9, 0.4, 0.25, -0.1, 0.40, 0.5, {"hypertension": 0.5, "atrial_fibrillation": 0.8, "type_2_diabetes": 0.3}),
    Condition("chronic_kidney_disease", DRAWN["chronic_kidney_disease"], 80, 7, 0.3, 0.25, 0.2, 0.28, 0.3, {"type_2_diabetes": 0.8, "hypertension": 0.6}),
    Condition("peripheral_arterial_disease", DRAWN["peripheral_arterial_disease"], 75, 8, 0.9, 0.3, -0.6, 0.36, 0.4, {"type_2_diabetes": 0.7, "copd": 0.5}),
    Condition("cancer", DRAWN["cancer"], 74, 10, -0.05, 0.1, 0.0, 0.42, 1.1, {"smoking": 0.2}),
    Condition("parkinsons_disease", DRAWN["parkinsons_disease"], 78, 7, 0.0, 0.1, -0.4, 0.50, 0.6),
    Condition("dementia", DRAWN["dementia"], 86, 5, 0.3, 0.3, 0.2, 0.60, 1.0, {"stroke_tia": 0.6, "parkinsons_disease": 1.0}),
    Condition("frailty", DRAWN["frailty"], 84, 6, 0.4, 0.8, 0.1, 0.60, 0.8,
              {"dementia": 0.8, "stroke_tia": 0.5, "copd": 0.4, "heart_failure": 0.5, "parkinsons_disease": 0.8}),
)  # fmt: skip
# Share of the people with a condition in whom it ends, a year or more after its onset. Plausible, not measured.
RESOLVES = {
    "asthma": 0.10, "depression": 0.20, "epilepsy": 0.08, "chronic_kidney_disease": 0.04, "hypertension": 0.02, "type_2_diabetes": 0.02,
    "copd": 0.02, "heart_failure": 0.02, "osteoporosis": 0.03, "atrial_fibrillation": 0.03,
}  # fmt: skip
NAMES = tuple(condition.name for condition in CONDITIONS)
POSITION = {name: position for position, name in enumerate(NAMES)}
_BAND_MIDDLES = np.append(np.arange(2.5, 90, 5), 93.0)


def cumulative_hazard_ceiling(condition: Condition) -> float:
    """Return the lifetime hazard that yields the condition's prevalence in England's age distribution, by bisection."""
    shape = 1 / (1 + np.exp(-(_BAND_MIDDLES - condition.middle_age) / condition.spread))
    low, high = 0.0, 50.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if (AGE_SHARES * (1 - np.exp(-middle * shape))).sum() < condition.prevalence else (low, middle)
    return low


_CEILINGS = {condition.name: cumulative_hazard_ceiling(condition) for condition in CONDITIONS}
_EVER_SMOKED = 0.38  # of adults: see SMOKING_SHARE and FORMER_SMOKER_SHARE


def share_by_age(name: str, age: float) -> float:
    """Return the share of people who have a cause by an age in years."""
    if name == "smoking":
        return _EVER_SMOKED
    cause = CONDITIONS[POSITION[name]]
    return float(1 - np.exp(-_CEILINGS[name] / (1 + np.exp(-(age - cause.middle_age) / cause.spread))))


def onset_ages(
    rng: np.random.Generator, deprivation: np.ndarray, frailty: np.ndarray, female: np.ndarray, ever_smoked: np.ndarray,
    need: np.ndarray | float = 1.0,
) -> np.ndarray:  # fmt: skip
    """Draw the age of onset of each condition for each person: people x conditions, in years, mostly `NEVER`.

    `deprivation` runs from 0 (least) to 1 (most deprived). `frailty` is standard normal. `need` multiplies every hazard.
    """
    ages = np.full((len(frailty), len(CONDITIONS)), NEVER, dtype=np.float32)
    for position, condition in enumerate(CONDITIONS):
        ratio = condition.deprivation * (deprivation - 0.5) + condition.frailty * frailty - condition.frailty**2 / 2
        ratio += condition.female * (female - 0.5)
        for cause, effect in condition.causes.items():
            by = condition.middle_age + condition.spread
            has = ever_smoked if cause == "smoking" else ages[:, POSITION[cause]] < by
            # The mean effect is subtracted: causes decide who gets a condition, not how many people get it.
            ratio += effect * has - np.log1p(share_by_age(cause, by) * np.expm1(effect))
        share = rng.standard_exponential(len(frailty)) / (need * np.exp(ratio) * _CEILINGS[condition.name])
        gets = share < 1
        within = np.clip(share[gets], 1e-9, 1 - 1e-9)
        ages[gets, position] = np.maximum(condition.middle_age + condition.spread * np.log(within / (1 - within)), 0)
    return ages


def weights(kind: str) -> np.ndarray:
    """Return each condition's log rate ratio; `kind` is 'emergency' or 'death'."""
    return np.array([getattr(condition, kind) for condition in CONDITIONS], dtype=np.float32)

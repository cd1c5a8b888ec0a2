"""Draw the hospital stays of a block from its lives."""

from __future__ import annotations

import numpy as np

from expectations.age import completed_years
from pipelines.sources.synthetic import calibration
from pipelines.sources.synthetic.areas_and_practices import Places
from pipelines.sources.synthetic.conditions import NAMES, POSITION, weights
from pipelines.sources.synthetic.diagnoses import (
    ACUTE_REASONS,
    CHILD_REASONS,
    CODES_PER_STAY,
    ELECTIVE_REASONS,
    SPECIALTY_OF_CONDITION,
    WITHOUT_TYPE_SHARE,
    diagnosis_codes,
    draw_reasons,
    draw_secondary,
    drop_types,
    one_of,
)
from pipelines.sources.synthetic.lives import Lives, pandemic_factors, seasonal_factors
from pipelines.sources.synthetic.people import FAR, NO_FIXED_ABODE, People
from pipelines.sources.synthetic.random_streams import SPELLS, sorted_events, stream, weighted_choice
from pipelines.sources.synthetic.settings import SyntheticSettings
from pipelines.sources.synthetic.spells import (
    BIRTH,
    DAY_CASE,
    ELECTIVE,
    EMERGENCY,
    MATERNITY,
    METHOD,
    PLACE,
    REGULAR,
    Stays,
    build_stays,
    combine_stays,
    drop_overlaps,
    split_transfers,
)

EMERGENCY_LEVEL = 0.52  # scales the share with an emergency admission to its target
EMERGENCY_DEPRIVATION = 0.57  # log ratio, most to least deprived, on top of the effect of conditions
EMERGENCY_FRAILTY = 0.75
LOAD_CEILING = 3.2  # highest summed effect of many conditions
SAME_DAY_SWITCHER = 2  # position of the provider that moves same-day care to ECDS
TRANSFER_SHARE = 0.03


def draw_stays(settings: SyntheticSettings, places: Places, people: People, lives: Lives, recorded: Lives, block: int) -> Stays:
    """Draw all stays of a block; only the two parts of a transfer may overlap for one person.

    Diagnoses come from `recorded`, the lives as health records show them.
    """
    rng = stream(settings.seed, SPELLS, block)
    coding = stream(settings.seed, SPELLS, block, 1)  # separate, so that what is recorded changes no stay
    emergencies = _emergencies(rng, settings, places, people, lives)
    stays = drop_overlaps(
        combine_stays(
            emergencies,
            _last_stays(rng, places, people, lives),
            _with_secondary(coding, recorded, _elective(rng, settings, places, people, lives)),
            _maternity(rng, places, people, lives),
            _births(rng, places, people, lives),
            _regular_attenders(rng, places, people, lives),
        )
    )
    _code_emergencies(coding, settings, people, recorded, stays)
    codes, untyped = diagnosis_codes(), stream(settings.seed, SPELLS, block, 2)
    stays.codes = drop_types(untyped, stays.codes, codes.typed, codes.without_type, WITHOUT_TYPE_SHARE)
    return split_transfers(rng, stays, TRANSFER_SHARE, len(places.providers))


def saturate(load: np.ndarray) -> np.ndarray:
    """Limit the summed effects of conditions to `LOAD_CEILING`."""
    return LOAD_CEILING * (1 - np.exp(-load / LOAD_CEILING))


def main_provider(rng: np.random.Generator, places: Places, people: People, rows: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Draw a provider for each stay: usually the main provider of the person's area."""
    home = places.area_provider[people.area_at(rows, days)]
    return np.where(rng.random(len(rows)) < 0.87, home, rng.integers(0, len(places.providers), len(rows)))


def days_in_months(rng: np.random.Generator, lives: Lives, rows: np.ndarray, months: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Draw a day within each month and drop days outside the person's time on the registered list."""
    low, high = lives.month_starts[months], lives.month_starts[months + 1]
    days = low + np.floor(rng.random(len(rows)) * (high - low)).astype(np.int64)
    on_list = (days >= lives.first[rows]) & (days < lives.last[rows])
    return rows[on_list], days[on_list]


def near_death(lives: Lives, months: int) -> np.ndarray:
    """Flag, on the grid, the last months of life of people who die."""
    left = lives.death[:, None] - lives.month_starts[None, :-1]
    return (left >= 0) & (left < 30 * months)


def emergency_rate(settings: SyntheticSettings, people: People, lives: Lives) -> np.ndarray:
    """Return the expected emergency stays on the grid, without readmissions."""
    effects = saturate(1.3 * lives.load(weights("emergency"))) + EMERGENCY_DEPRIVATION * (lives.deprivation - 0.5)
    effects += (EMERGENCY_FRAILTY * people.frailty + 0.15 * people.smokes).astype(np.float32)[:, None]
    rate = lives.by_age(calibration.EMERGENCY_AGES, calibration.EMERGENCY_RATES) * np.exp(effects) * EMERGENCY_LEVEL
    rate *= (seasonal_factors(settings, calibration.SEASON) * pandemic_factors(settings))[None, :]
    return rate * lives.present * np.where(near_death(lives, 4), 2.5, 1.0)


def draw_nights(rng: np.random.Generator, age: np.ndarray) -> np.ndarray:
    """Draw the nights of emergency stays from age."""
    none = rng.random(len(age)) < np.interp(age, calibration.ZERO_NIGHT_AGES, calibration.ZERO_NIGHT_SHARES)
    mean = np.interp(age, calibration.NIGHTS_LOG_MEAN_AGES, calibration.NIGHTS_LOG_MEAN)
    some = 1 + np.floor(np.exp(mean + calibration.NIGHTS_LOG_SD * rng.standard_normal(len(age)))).clip(max=180)
    return np.where(none, 0, some).astype(np.int64)


def age_on(people: People, rows: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Return ages in completed years."""
    return completed_years(people.birth[rows], days).clip(min=0)


def _emergencies(rng: np.random.Generator, settings: SyntheticSettings, places: Places, people: People, lives: Lives) -> Stays:
    rows, months = sorted_events(rng, emergency_rate(settings, people, lives))
    rows, days = days_in_months(rng, lives, rows, months)
    nights = draw_nights(rng, age_on(people, rows, days))
    generations = [(rows, days, nights)]
    for _ in range(2):
        rows, days, nights = generations[-1]
        again = rng.random(len(rows)) < calibration.READMISSION_SHARE * np.exp(0.25 * people.frailty[rows])
        back = (days + nights + 3 + np.floor(rng.exponential(calibration.READMISSION_MEAN_DAYS, len(rows)))).astype(np.int64)
        again &= back < lives.last[rows]
        rows, days = rows[again], back[again]
        generations.append((rows, days, draw_nights(rng, age_on(people, rows, days))))
    rows, days, nights = (np.concatenate(part) for part in zip(*generations, strict=True))
    # A stay may not end on or after the day of death: `_last_stays` draws the stay in which a person dies.
    inside = days + nights < lives.death[rows]
    rows, days, nights = rows[inside], days[inside], nights[inside]
    stays = build_stays(rows, days, EMERGENCY, "21", main_provider(rng, places, people, rows, days), 300)
    stays.nights = nights
    stays.method = weighted_choice(rng, np.array([0.72, 0.10, 0.02, 0.04, 0.02, 0.05, 0.05]), len(stays))
    care_home = (nights > 7) & lives.has(POSITION["dementia"], rows, days) & (rng.random(len(rows)) < 0.4)
    stays.destination = np.where(care_home, PLACE["54"], stays.destination)
    return stays


def _last_stays(rng: np.random.Generator, places: Places, people: People, lives: Lives) -> Stays:
    rows = np.flatnonzero(lives.death < lives.month_starts[-1])
    rows = rows[rng.random(len(rows)) < calibration.DEATH_IN_HOSPITAL_SHARE]
    nights = np.floor(np.exp(1.6 + 1.0 * rng.standard_normal(len(rows)))).clip(max=90).astype(np.int64)
    nights[rng.random(len(rows)) < 0.06] = 0
    nights = np.minimum(nights, lives.death[rows] - lives.first[rows])
    stays = build_stays(
        rows, lives.death[rows] - nights, EMERGENCY, "21", main_provider(rng, places, people, rows, lives.death[rows]), 300
    )
    stays.nights, stays.died[:], stays.destination[:] = nights, True, PLACE["79"]
    return stays


def _elective(rng: np.random.Generator, settings: SyntheticSettings, places: Places, people: People, lives: Lives) -> Stays:
    rate = lives.by_age(calibration.ELECTIVE_AGES, calibration.ELECTIVE_RATES) * lives.present
    rate *= np.exp(0.45 * lives.load(weights("emergency")).clip(max=2.0)) * pandemic_factors(settings, 2.0)[None, :]
    rows, months = sorted_events(rng, rate)
    rows, days = days_in_months(rng, lives, rows, months)
    stays = build_stays(rows, days, DAY_CASE, "11", main_provider(rng, places, people, rows, days), 100)
    age, codes = age_on(people, rows, days), diagnosis_codes()
    stays.kind = np.where(rng.random(len(rows)) < 0.80, DAY_CASE, ELECTIVE)
    some = 1 + np.floor(rng.exponential(1.8, len(rows))).clip(max=25).astype(np.int64)
    stays.nights = np.where(stays.kind == ELECTIVE, np.minimum(some, (lives.death[rows] - days - 1).clip(min=0)), 0)
    stays.kind = np.where(stays.nights > 0, ELECTIVE, DAY_CASE)
    stays.method = np.array([METHOD["11"], METHOD["12"], METHOD["13"]])[
        weighted_choice(rng, np.array([0.6, 0.25, 0.15]), len(rows))
    ]
    adult = (age >= 16).astype(np.int64)
    stays.codes[:, 0] = one_of(rng, [codes.child, codes.elective], adult)
    specialty = {codes.codes.index(code): int(tf) for code, tf in {**ELECTIVE_REASONS, **CHILD_REASONS}.items()}
    stays.treatment_function = np.array([specialty[code] for code in stays.codes[:, 0]], dtype=np.int64)
    return stays


def _with_secondary(coding: np.random.Generator, recorded: Lives, stays: Stays) -> Stays:
    """Return planned stays with the conditions that people have as secondary diagnoses."""
    has = recorded.has_each(stays.person, stays.admitted)
    stays.codes[:, 1:] = draw_secondary(coding, has, np.zeros(len(stays), np.int64), CODES_PER_STAY - 1)
    return stays


def _maternity(rng: np.random.Generator, places: Places, people: People, lives: Lives) -> Stays:
    rate = lives.by_age(calibration.FERTILITY_AGES, calibration.FERTILITY_RATES) * lives.present * people.female[:, None]
    rate *= (lives.age >= 15) & (lives.age < 46)
    rows, months = sorted_events(rng, rate)
    rows, days = days_in_months(rng, lives, rows, months)
    order = np.lexsort((days, rows))
    rows, days = rows[order], days[order]
    apart = (np.diff(rows, prepend=-1) != 0) | (np.diff(days, prepend=0) >= 280)
    rows, days = rows[apart], days[apart]
    stays = build_stays(rows, days, MATERNITY, "31", main_provider(rng, places, people, rows, days), 501)
    stays.nights = np.minimum(
        1 + np.floor(rng.exponential(1.2, len(rows))).clip(max=9).astype(np.int64), lives.death[rows] - days - 1
    )
    stays.nights = stays.nights.clip(min=0)
    stays.method = np.where(rng.random(len(rows)) < 0.94, METHOD["31"], METHOD["32"])
    stays.codes[:, 0] = diagnosis_codes().maternity[rng.integers(0, len(diagnosis_codes().maternity), len(rows))]
    return stays


def _births(rng: np.random.Generator, places: Places, people: People, lives: Lives) -> Stays:
    rows = np.flatnonzero(people.born_here & (people.birth < lives.last))
    rows = rows[rng.random(len(rows)) < 0.93]
    days = people.birth[rows]
    stays = build_stays(rows, days, BIRTH, "82", main_provider(rng, places, people, rows, days), 424)
    stays.nights = np.minimum(
        1 + np.floor(rng.exponential(0.9, len(rows))).clip(max=20).astype(np.int64), lives.death[rows] - days - 1
    ).clip(min=0)
    stays.codes[:, 0] = diagnosis_codes().newborn[0]
    return stays


def _regular_attenders(rng: np.random.Generator, places: Places, people: People, lives: Lives) -> Stays:
    """Draw a course of fortnightly visits for a few people with kidney disease or cancer."""
    onset = np.minimum(lives.onset[:, POSITION["chronic_kidney_disease"]], lives.onset[:, POSITION["cancer"]])
    start = np.maximum(onset, lives.first) + 90 + rng.integers(0, 1_200, len(people))
    chosen = np.flatnonzero((onset < FAR) & (start < lives.last) & (rng.random(len(people)) < 0.03))
    visits = rng.integers(8, 41, len(chosen))
    rows = np.repeat(chosen, visits)
    nth = np.arange(len(rows)) - np.repeat(np.cumsum(visits) - visits, visits)
    days = start[rows] + 14 * nth
    on_list = days < np.minimum(lives.last[rows], lives.death[rows])
    rows, days = rows[on_list], days[on_list]
    kidney = lives.has(POSITION["chronic_kidney_disease"], rows, days)
    stays = build_stays(rows, days, REGULAR, "13", places.area_provider[people.area_at(rows, days)], 361)
    stays.treatment_function = np.where(kidney, 361, 370)
    stays.codes[:, 0] = np.where(kidney, diagnosis_codes().dialysis[0], diagnosis_codes().dialysis[1])
    return stays


def _code_emergencies(rng: np.random.Generator, settings: SyntheticSettings, people: People, lives: Lives, stays: Stays) -> None:
    """Set the diagnosis codes and specialty of emergency stays, in place, from the conditions people have on the day."""
    codes = diagnosis_codes()
    which = np.flatnonzero(stays.kind == EMERGENCY)
    rows, days = stays.person[which], stays.admitted[which]
    age, has = age_on(people, rows, days), lives.has_each(rows, days)
    month = np.searchsorted(lives.month_starts, days, side="right").clip(1, lives.months) - 1
    reason = draw_reasons(rng, age, has, seasonal_factors(settings, calibration.RESPIRATORY_SEASON)[month])
    diagnoses = np.full((len(which), CODES_PER_STAY), -1, dtype=np.int64)
    diagnoses[:, 0] = one_of(rng, codes.of_reason + codes.of_condition, reason)
    diagnoses[:, 1:5] = draw_secondary(rng, has, reason, 4)
    injury = np.array([item.injury for item in ACUTE_REASONS] + [False] * len(NAMES))[reason]
    fall = (injury & (age >= 50) & (rng.random(len(which)) < 0.8)) | ((age >= 75) & (rng.random(len(which)) < 0.08))
    confused = (age >= 70) & (rng.random(len(which)) < np.where(has[:, POSITION["dementia"]], 0.2, 0.04))
    dying = lives.death[rows] - days < 60
    poisoned = reason == [item.name for item in ACUTE_REASONS].index("poisoning")
    diagnoses[:, 5] = np.select(
        [fall, poisoned, people.residence[rows] == NO_FIXED_ABODE], [codes.fall[0], codes.self_harm[0], codes.homeless[0]], -1
    )
    diagnoses[:, 6] = np.select([confused, dying & has[:, POSITION["cancer"]]], [codes.delirium[0], codes.palliative[0]], -1)
    specialty = [int(item.treatment_function) for item in ACUTE_REASONS] + [
        int(SPECIALTY_OF_CONDITION.get(name, "300")) for name in NAMES
    ]
    stays.treatment_function[which] = np.where(age < 16, 420, np.array(specialty)[reason])
    stays.codes[which] = diagnoses

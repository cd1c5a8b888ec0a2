"""Draw the GP record of a block: diagnoses, measurements, contacts and routine care, with the day each was recorded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from features.code_lists import load_code_lists
from pipelines.sources.synthetic import calibration
from pipelines.sources.synthetic.admissions import age_on, days_in_months
from pipelines.sources.synthetic.attendances import on_weekdays
from pipelines.sources.synthetic.condition_codes import (
    TYPED,
    WITHOUT_TYPE,
    codes_of_conditions,
    codes_without_type,
    resolved_codes,
)
from pipelines.sources.synthetic.conditions import NAMES, POSITION, weights
from pipelines.sources.synthetic.diagnoses import drop_types, one_of
from pipelines.sources.synthetic.lives import Lives, pandemic_factors, seasonal_factors
from pipelines.sources.synthetic.people import NO_FIXED_ABODE, People, day
from pipelines.sources.synthetic.random_streams import GP_RECORD, sorted_events, stream
from pipelines.sources.synthetic.routine_care import draw_routine_care, routine_codes
from pipelines.sources.synthetic.settings import SyntheticSettings
from pipelines.sources.synthetic.spells import EMERGENCY, Stays

UNITS = ("mm[Hg]", "mmol/mol", "kg/m2", "mL/min/{1.73_m2}", "mmHg", "%", "mL/min")
NO_UNIT = -1
OTHER_SPELLING = {0: 4, 3: 6}  # by position in UNITS: another way in which systems write the unit
SPELLED_OTHERWISE, WITHOUT_UNIT, IN_PERCENT = 0.15, 0.05, 0.04  # shares of values
WITHOUT_TYPE_SHARE = 0.12  # of the entries of diabetes. Plausible, not measured
SKEW = 3.0  # the first codes of a list are recorded more often than the others


@dataclass
class Observations:
    """Entries of the GP record; `code` and `unit` are positions in the vocabularies, `value` is NaN for entries without one."""

    person: np.ndarray
    day: np.ndarray
    recorded: np.ndarray
    code: np.ndarray
    value: np.ndarray
    unit: np.ndarray

    def __len__(self) -> int:
        return len(self.person)


@cache
def observation_codes() -> tuple[list[str], dict[str, np.ndarray]]:
    """Return the SNOMED CT codes in use, and the positions of each list's codes among them."""
    lists = load_code_lists()
    names = (
        "homelessness", "falls", "palliative_care", "delirium", "gp_contact", "systolic_blood_pressure", "diastolic_blood_pressure",
        "hba1c_ifcc", "hba1c_tests", "bmi", "egfr", "smoking_current", "smoking_ex", "smoking_never", "care_home",
    )  # fmt: skip
    used = codes_of_conditions("snomed") | {f"{name}_resolved": codes for name, codes in resolved_codes().items()}
    used |= {name: lists[name].codes("snomed") for name in names}
    used[WITHOUT_TYPE] = codes_without_type("snomed")
    used |= routine_codes()  # last, so that the other codes keep their positions
    vocabulary: list[str] = []
    places = {}
    for name, codes in used.items():
        places[name] = np.arange(len(vocabulary), len(vocabulary) + len(codes))
        vocabulary.extend(codes)
    return vocabulary, places


def draw_observations(settings: SyntheticSettings, people: People, lives: Lives, stays: Stays, block: int) -> Observations:
    """Draw the entries of every person's record up to the data cut. Those of routine care follow the others."""
    rng = stream(settings.seed, GP_RECORD, block)
    _, codes = observation_codes()
    diagnoses = _diagnoses(rng, people, lives, codes)
    typed = np.concatenate([codes[name] for name in TYPED])
    untyped = stream(settings.seed, GP_RECORD, block, 3)
    diagnoses.code = drop_types(untyped, diagnoses.code, typed, codes[WITHOUT_TYPE], WITHOUT_TYPE_SHARE)
    parts = [
        diagnoses,
        _contacts(rng, settings, people, lives, codes),
        *_measurements(rng, settings, people, lives, codes),
        _vulnerability(rng, people, lives, stays, codes),
        _late_life(stream(settings.seed, GP_RECORD, block, 1), people, lives, codes),
        _resolutions(stream(settings.seed, GP_RECORD, block, 2), lives, codes),
    ]
    routine = _entries(*draw_routine_care(settings, people, lives, block, codes))
    return _joined([_possible(settings, people, lives, _joined(parts)), _possible(settings, people, lives, routine)])


def is_routine(observations: Observations) -> np.ndarray:
    """Flag the entries of routine care."""
    _, codes = observation_codes()
    return np.isin(observations.code, np.concatenate([codes[name] for name in routine_codes()]))


def _possible(settings: SyntheticSettings, people: People, lives: Lives, entries: Observations) -> Observations:
    """Return the entries that a record can have, in order: none dated before birth or after death, or recorded after the data cut."""
    possible = (
        (entries.day >= people.birth[entries.person])
        & (entries.day < lives.last[entries.person])
        & (entries.recorded < day(settings.data_cut_date))
    )
    order = np.lexsort((entries.code, entries.recorded, entries.day, entries.person))
    order = order[possible[order]]
    return Observations(**{name: values[order] for name, values in vars(entries).items()})


def _joined(parts: list[Observations]) -> Observations:
    return Observations(*(np.concatenate([getattr(part, name) for part in parts]) for name in Observations.__annotations__))


def _entries(person: np.ndarray, days: np.ndarray, recorded: np.ndarray, code: np.ndarray) -> Observations:
    count = len(person)
    return Observations(person, days, recorded, code, np.full(count, np.nan), np.full(count, NO_UNIT))


def _diagnoses(rng: np.random.Generator, people: People, lives: Lives, codes: dict[str, np.ndarray]) -> Observations:
    """Record each condition at onset, and some again at a later review; some are never coded and some are coded late."""
    rows, conditions = np.nonzero(lives.onset < lives.last[:, None])
    coded = rng.random(len(rows)) < 0.94
    rows, conditions = rows[coded], conditions[coded]
    days = lives.onset[rows, conditions]
    lag = np.where(rng.random(len(rows)) < 0.8, rng.integers(0, 4, len(rows)), rng.integers(4, 90, len(rows)))
    # The earlier record of a person who joins later is entered after registration.
    recorded = np.where(
        (days < people.arrival[rows]) & (people.arrival[rows] > lives.month_starts[0]),
        people.arrival[rows] + rng.integers(5, 60, len(rows)),
        days + lag,
    )
    groups = [codes[name] for name in NAMES]
    first = _entries(rows, days, np.maximum(recorded, days), one_of(rng, groups, conditions, SKEW))
    again = np.flatnonzero(rng.random(len(rows)) < 0.25)
    later = np.maximum(days[again], lives.first[rows[again]]) + rng.integers(30, 1_500, len(again))
    still = later < lives.resolved[rows[again], conditions[again]]
    again, later = again[still], later[still]
    review = _entries(rows[again], later, later + rng.integers(0, 5, len(again)), one_of(rng, groups, conditions[again], SKEW))
    return _joined([first, review])


def _resolutions(rng: np.random.Generator, lives: Lives, codes: dict[str, np.ndarray]) -> Observations:
    """Record that a condition ended; nearly every ending is coded."""
    names = list(resolved_codes())
    ended = lives.resolved[:, [POSITION[name] for name in names]]
    rows, places = np.nonzero(ended < lives.last[:, None])
    coded = rng.random(len(rows)) < 0.97
    rows, places = rows[coded], places[coded]
    days = ended[rows, places]
    return _entries(
        rows, days, days + rng.integers(0, 4, len(rows)), one_of(rng, [codes[f"{name}_resolved"] for name in names], places)
    )


def _contacts(
    rng: np.random.Generator, settings: SyntheticSettings, people: People, lives: Lives, codes: dict[str, np.ndarray]
) -> Observations:
    effects = (
        0.42 * lives.load(weights("emergency")).clip(max=2.8)
        + (0.42 * people.frailty + 0.12 * (people.female - 0.5)).astype(np.float32)[:, None]
    )
    rate = lives.by_age(calibration.CONTACT_AGES, calibration.CONTACT_RATES) * lives.present * np.exp(effects)
    rows, months = sorted_events(
        rng, rate * (np.sqrt(seasonal_factors(settings, calibration.SEASON)) * pandemic_factors(settings, 0.3))[None, :]
    )
    rows, days = days_in_months(rng, lives, rows, months)
    days = on_weekdays(days, lives.first[rows])
    return _entries(rows, days, days, codes["gp_contact"][(rng.random(len(rows)) < 0.6).astype(int)])


def _measurements(
    rng: np.random.Generator, settings: SyntheticSettings, people: People, lives: Lives, codes: dict[str, np.ndarray]
) -> list[Observations]:
    """Draw blood pressure, HbA1c, BMI, eGFR and smoking status; people with conditions are measured more often."""
    usual = np.stack(
        [rng.normal(0, 1, len(people)) for _ in range(4)], axis=1
    )  # each person's own level of the four measurements
    reach = {
        "blood_pressure": (0.26, {"hypertension": 0.8, "type_2_diabetes": 0.4, "chronic_kidney_disease": 0.4, "stroke_tia": 0.3}),
        "hba1c": (0.05, {"type_2_diabetes": 1.4, "type_1_diabetes": 1.6, "obesity": 0.25}),
        "bmi": (0.13, {"obesity": 0.5, "type_2_diabetes": 0.4, "severe_mental_illness": 0.4}),
        "egfr": (0.09, {"chronic_kidney_disease": 1.0, "type_2_diabetes": 0.6, "heart_failure": 0.6, "hypertension": 0.35}),
        "smoking": (0.16, {"copd": 0.5, "asthma": 0.2, "type_2_diabetes": 0.2}),
    }
    adult = (lives.age >= 18) & lives.present
    measurements = []
    for name, (base, more) in reach.items():
        extra = np.zeros(len(NAMES), dtype=np.float32)
        for condition, rate in more.items():
            extra[POSITION[condition]] = rate
        older = 1 + 0.012 * (lives.age.astype(np.float32) - 50).clip(min=-20)
        rows, months = sorted_events(rng, adult * (base * older + lives.load(extra)) * pandemic_factors(settings)[None, :] / 12)
        rows, days = days_in_months(rng, lives, rows, months)
        measurements.append(
            _draw_measurements(rng, name, people, lives, usual, rows, on_weekdays(days, lives.first[rows]), codes)
        )
    return measurements


def _draw_measurements(
    rng: np.random.Generator,
    name: str,
    people: People,
    lives: Lives,
    usual: np.ndarray,
    rows: np.ndarray,
    days: np.ndarray,
    codes: dict[str, np.ndarray],
) -> Observations:
    age, count = age_on(people, rows, days), len(rows)
    recorded = days + np.where(rng.random(count) < 0.85, 0, rng.integers(1, 15, count))

    def has(condition: str) -> np.ndarray:
        return lives.has(POSITION[condition], rows, days)

    def entries(name: str, value: np.ndarray, unit: int) -> Observations:
        """Return values with a code of a list; some have their unit in another spelling, or none."""
        lottery = rng.random(count)
        written = np.where(lottery < SPELLED_OTHERWISE, OTHER_SPELLING.get(unit, unit), unit)
        written = np.where(lottery > 1 - WITHOUT_UNIT, NO_UNIT, written)
        return Observations(rows, days, recorded, _drawn(rng, codes[name], count), value, written)

    noise = rng.standard_normal(count)
    if name == "blood_pressure":
        upper = 119 + 0.28 * (age - 40) + 9 * has("hypertension") + 9 * usual[rows, 0] + 7 * noise
        lower = 74 + 4 * has("hypertension") + 5 * usual[rows, 0] + 5 * rng.standard_normal(count) - 0.08 * (age - 50).clip(min=0)
        pair = [
            entries(f"{part}_blood_pressure", np.round(value).clip(low, high), 0)
            for part, value, low, high in (("systolic", upper, 80, 230), ("diastolic", lower, 40, 130))
        ]
        return _joined(pair)
    if name == "hba1c":
        value = 37 + 18 * has("type_2_diabetes") + 27 * has("type_1_diabetes") + 4 * usual[rows, 1] + 3.5 * noise
        value += has("type_2_diabetes") * 7 * people.frailty[rows].clip(min=0)
        return _in_mixed_units(rng, entries("hba1c_ifcc", np.round(value).clip(22, 140), 1), codes["hba1c_tests"])
    if name == "bmi":
        return entries("bmi", np.round((25.6 + 7.5 * has("obesity") + 3 * usual[rows, 2] + 0.8 * noise).clip(14, 65), 1), 2)
    if name == "egfr":
        value = 104 - 0.7 * (age - 30).clip(min=0) - 22 * has("chronic_kidney_disease") + 8 * usual[rows, 3] + 5 * noise
        return entries("egfr", np.round(value).clip(5, 120), 3)
    status = np.select([people.smokes[rows], people.ever_smoked[rows]], [0, 1], 2)
    groups = [codes[key] for key in ("smoking_current", "smoking_ex", "smoking_never")]
    return _entries(rows, days, recorded, one_of(rng, groups, status, SKEW))


def _drawn(rng: np.random.Generator, codes: np.ndarray, count: int) -> np.ndarray:
    return one_of(rng, [codes], np.zeros(count, np.int64), SKEW)


def _in_mixed_units(rng: np.random.Generator, tests: Observations, other_codes: np.ndarray) -> Observations:
    """Write some HbA1c values in per cent, as before 2011, with a code of another test (IFCC master equation)."""
    old = rng.random(len(tests)) < IN_PERCENT
    percent = np.round(tests.value / 10.929 + 2.15, 1)
    return replace(
        tests, value=np.where(old, percent, tests.value), unit=np.where(old, UNITS.index("%"), tests.unit),
        code=np.where(old, _drawn(rng, other_codes, len(tests)), tests.code),
    )  # fmt: skip


def _vulnerability(
    rng: np.random.Generator, people: People, lives: Lives, stays: Stays, codes: dict[str, np.ndarray]
) -> Observations:
    """Record homelessness, falls (some after a stay, some at home) and palliative care before death."""
    homeless = np.flatnonzero((people.residence == NO_FIXED_ABODE) & (rng.random(len(people)) < 0.5))
    aged = np.flatnonzero((lives.age[:, -1] >= 70) & (rng.random(len(people)) < 0.10 * np.exp(0.5 * people.frailty)))
    dying = np.flatnonzero(lives.has(POSITION["cancer"], np.arange(len(people)), lives.death) & (rng.random(len(people)) < 0.5))
    after = np.flatnonzero((stays.kind == EMERGENCY) & (stays.treatment_function == 110) & (rng.random(len(stays)) < 0.6))
    span = (lives.last - lives.first).clip(min=1)
    parts = [
        ("homelessness", homeless, lives.first[homeless] + rng.integers(0, 200, len(homeless))),
        ("falls", aged, lives.first[aged] + np.floor(rng.random(len(aged)) * span[aged]).astype(np.int64)),
        ("palliative_care", dying, lives.death[dying] - rng.integers(20, 120, len(dying))),
        ("falls", stays.person[after], stays.discharged[after] + rng.integers(2, 20, len(after))),
    ]
    rows = np.concatenate([part[1] for part in parts])
    days = np.concatenate([part[2] for part in parts])
    code = np.concatenate([_drawn(rng, codes[part[0]], len(part[1])) for part in parts])
    days = np.maximum(days, lives.first[rows])
    return _entries(rows, days, days + rng.integers(0, 7, len(rows)), code)


def _late_life(rng: np.random.Generator, people: People, lives: Lives, codes: dict[str, np.ndarray]) -> Observations:
    """Record who lives in a care home, and palliative care of people who are alive at the data cut.

    About one in seven people aged 85 and over lives in a care home (Office for National Statistics, Census 2021).
    """
    age, end = lives.age[:, -1], lives.month_starts[-1]
    in_home = np.flatnonzero(rng.random(len(people)) < np.select([age >= 85, age >= 75], [0.14, 0.03], 0.0))
    ill = lives.has(POSITION["cancer"], np.arange(len(people)), np.full(len(people), end - 200))
    palliative = np.flatnonzero(ill & (age >= 50) & (rng.random(len(people)) < 0.04))
    rows = np.concatenate([in_home, palliative])
    days = end - np.concatenate([rng.integers(10, 900, len(in_home)), rng.integers(10, 180, len(palliative))])
    code = np.concatenate([_drawn(rng, codes["care_home"], len(in_home)), _drawn(rng, codes["palliative_care"], len(palliative))])
    return _entries(rows, np.maximum(days, lives.first[rows]), np.maximum(days, lives.first[rows]) + 2, code)

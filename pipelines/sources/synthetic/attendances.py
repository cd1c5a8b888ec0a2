"""Draw the emergency department attendances and outpatient appointments of a block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.sources.synthetic import calibration
from pipelines.sources.synthetic.admissions import SAME_DAY_SWITCHER, age_on, days_in_months, main_provider, near_death
from pipelines.sources.synthetic.areas_and_practices import Places
from pipelines.sources.synthetic.conditions import NAMES, POSITION, weights
from pipelines.sources.synthetic.diagnoses import SPECIALTY_OF_CONDITION
from pipelines.sources.synthetic.lives import Lives, pandemic_factors, seasonal_factors
from pipelines.sources.synthetic.people import People, day
from pipelines.sources.synthetic.random_streams import (
    ATTENDANCES,
    OUTPATIENTS,
    choice_by_row,
    sorted_events,
    stream,
    weighted_choice,
)
from pipelines.sources.synthetic.settings import SyntheticSettings
from pipelines.sources.synthetic.spells import EMERGENCY, METHOD, Stays

DEPARTMENT_TYPES = ("01", "02", "03", "04", "05")
# ECDS value sets (NHS England, Emergency Care Data Set technical output specification), SNOMED CT.
ARRIVAL_MODES = (
    "1048031000000100",
    "1048071000000103",
    "1048061000000105",
)  # emergency ambulance, own transport, public transport
ACUITIES = (
    "1064891000000107",
    "1064911000000105",
    "1064901000000108",
    "1077241000000103",
    "1077251000000100",
)  # immediate ... low
COMPLAINTS = (
    "29857009",
    "21522001",
    "267036007",
    "25064002",
    "386661006",
    "125605004",
    "161898004",
    "68962001",
    "82271004",
    "271807003",
)
DESTINATIONS = ("306689006", "306706006", "1066331000000109", "305398007")  # home, ward, short-stay ward, mortuary
STATUSES = (
    "182992009",
    "1066301000000103",
    "1066321000000107",
    "75004002",
)  # treatment completed, left before assessment, left before treatment, died
ATTENDANCE_STATUSES = ("5", "6", "3", "2", "4", "7")
OUTPATIENT_SPECIALTIES = ("110", "130", "120", "330", "301", "502", "101", "100", "410", "650")
MEDIA = ("01", "02", "03")  # face to face, telephone, telemedicine


@dataclass
class Attendances:
    """Emergency care attendances; values are positions in the vocabularies above."""

    person: np.ndarray
    day: np.ndarray
    minute: np.ndarray  # of the day
    provider: np.ndarray
    department: np.ndarray
    category: np.ndarray  # 1 unplanned first, 2 follow-up
    mode: np.ndarray
    acuity: np.ndarray
    complaint: np.ndarray
    destination: np.ndarray
    status: np.ndarray
    minutes_to_departure: np.ndarray

    def __len__(self) -> int:
        return len(self.person)

    def at(self, rows: np.ndarray) -> Attendances:
        """Return the attendances at positions."""
        return Attendances(**{name: values[rows] for name, values in vars(self).items()})


@dataclass
class Appointments:
    """Outpatient appointments; values are positions in the vocabularies above."""

    person: np.ndarray
    day: np.ndarray
    provider: np.ndarray
    treatment_function: np.ndarray  # as a number
    status: np.ndarray
    first: np.ndarray
    medium: np.ndarray
    outcome: np.ndarray

    def __len__(self) -> int:
        return len(self.person)


def sent_as_same_day_care(settings: SyntheticSettings, stays: Stays) -> np.ndarray:
    """Flag the emergency stays without a night that the switching provider sends as ECDS type 05."""
    switched = (stays.provider == SAME_DAY_SWITCHER) & (stays.admitted >= day(settings.same_day_switch_date))
    return switched & (stays.kind == EMERGENCY) & (stays.nights == 0) & ~stays.died & (stays.method != METHOD["81"])


def draw_attendances(
    settings: SyntheticSettings, places: Places, people: People, lives: Lives, stays: Stays, block: int
) -> Attendances:
    """Draw attendances: those that led to a stay, those that did not, and same-day emergency care sent as type 05."""
    rng = stream(settings.seed, ATTENDANCES, block)
    same_day = np.flatnonzero(sent_as_same_day_care(settings, stays))
    through = (stays.kind == EMERGENCY) & (stays.method == METHOD["21"]) & (rng.random(len(stays)) < 0.95)
    admitted = np.flatnonzero(through)
    rows, days = days_in_months(rng, lives, *sorted_events(rng, _attendance_rate(settings, people, lives)))
    person = np.concatenate([stays.person[admitted], rows, stays.person[same_day]])
    days_all = np.concatenate([stays.admitted[admitted], days, stays.admitted[same_day]])
    to_bed = np.arange(len(person)) < len(admitted)
    is_same_day = np.arange(len(person)) >= len(admitted) + len(rows)
    provider = np.concatenate(
        [stays.provider[admitted], main_provider(rng, places, people, rows, days), stays.provider[same_day]]
    )
    return _sort_attendances(_describe_attendances(rng, people, person, days_all, provider, to_bed, is_same_day))


def _attendance_rate(settings: SyntheticSettings, people: People, lives: Lives) -> np.ndarray:
    effects = 0.55 * lives.load(weights("emergency")).clip(max=3.5) + 0.6 * (lives.deprivation - 0.5)
    effects += (0.55 * people.frailty + 0.1 * people.smokes).astype(np.float32)[:, None]
    rate = lives.by_age(calibration.ATTENDANCE_AGES, calibration.ATTENDANCE_RATES) * np.exp(effects) * lives.present
    rate *= (np.sqrt(seasonal_factors(settings, calibration.SEASON)) * pandemic_factors(settings, 1.5))[None, :]
    return 0.85 * rate * np.where(near_death(lives, 4), 1.6, 1.0)


def _describe_attendances(
    rng: np.random.Generator,
    people: People,
    person: np.ndarray,
    days: np.ndarray,
    provider: np.ndarray,
    to_bed: np.ndarray,
    same_day: np.ndarray,
) -> Attendances:
    count = len(person)
    age = age_on(people, person, days)
    department = np.where(to_bed, 0, weighted_choice(rng, np.array([0.60, 0.02, 0.28, 0.10]), count))
    department = np.where(same_day, 4, department)
    ambulance = rng.random(count) < np.where(to_bed, 0.45, 0.12) * np.where(age >= 75, 1.7, 1.0) * (department == 0)
    left = ~to_bed & ~same_day & (rng.random(count) < 0.05)
    acuity = np.where(
        to_bed,
        weighted_choice(rng, np.array([3, 22, 50, 23, 2.0]), count),
        weighted_choice(rng, np.array([0.5, 6, 33, 50, 10.5]), count),
    )
    hour = weighted_choice(
        rng,
        np.array([2, 2, 1.5, 1.3, 1.2, 1.3, 2, 3, 4.5, 6, 6.5, 6.5, 6, 6, 5.8, 5.8, 5.8, 5.8, 5.8, 5.4, 4.8, 4.2, 3.4, 2.6]),
        count,
    )
    return Attendances(
        person=person,
        day=days,
        minute=60 * hour + rng.integers(0, 60, count),
        provider=provider,
        department=department,
        category=np.where(~to_bed & (rng.random(count) < 0.04), 2, 1),
        mode=np.where(ambulance, 0, 1 + (rng.random(count) < 0.12)),
        acuity=acuity,
        complaint=rng.integers(0, len(COMPLAINTS), count),
        destination=np.where(to_bed, 1 + (rng.random(count) < 0.08), 0),
        status=np.where(left, 1 + (rng.random(count) < 0.5), 0),
        minutes_to_departure=(5 + rng.gamma(2.2, np.where(to_bed, 160.0, 85.0))).clip(max=2_880).astype(np.int64),
    )


def _sort_attendances(attendances: Attendances) -> Attendances:
    order = np.lexsort((attendances.minute, attendances.day, attendances.person))
    return attendances.at(order)


def draw_appointments(settings: SyntheticSettings, places: Places, people: People, lives: Lives, block: int) -> Appointments:
    """Draw outpatient appointments; deprived and younger people miss more of them."""
    rng = stream(settings.seed, OUTPATIENTS, block)
    effects = 0.75 * lives.load(weights("emergency")).clip(max=2.8) + (0.3 * people.frailty).astype(np.float32)[:, None]
    rate = lives.by_age(calibration.OUTPATIENT_AGES, calibration.OUTPATIENT_RATES) * lives.present * np.exp(effects)
    rows, months = sorted_events(rng, 1.00 * rate * pandemic_factors(settings)[None, :])
    rows, days = days_in_months(rng, lives, rows, months)
    days = on_weekdays(days, np.maximum(lives.first[rows], people.birth[rows]))
    order = np.lexsort((days, rows))
    rows, days = rows[order], days[order]
    deprivation = places.areas["deprivation"].to_numpy()[people.area_at(rows, days)]
    missed = 0.07 * np.exp(0.9 * (deprivation - 0.5)) * np.where(age_on(people, rows, days) < 40, 1.4, 0.9)
    lottery = rng.random(len(rows))
    cancelled = 0.08 + missed
    status = np.select(
        [lottery < missed, lottery < cancelled, lottery < cancelled + 0.01], [2, 3 + (rng.random(len(rows)) < 0.5), 1], 0
    )
    return Appointments(
        person=rows,
        day=days,
        provider=main_provider(rng, places, people, rows, days),
        treatment_function=_specialty(rng, lives, rows, days),
        status=status,
        first=np.where(rng.random(len(rows)) < 0.32, 1, 2),
        medium=weighted_choice(rng, np.array([0.78, 0.17, 0.05]), len(rows)),
        outcome=weighted_choice(rng, np.array([0.28, 0.60, 0.12]), len(rows)),
    )


def on_weekdays(days: np.ndarray, least: np.ndarray) -> np.ndarray:
    """Move Saturdays and Sundays to the Friday before, but not before a person's first day (`least`)."""
    weekday = (days + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0
    return np.maximum(np.where(weekday >= 5, days - (weekday - 4), days), least)


def _specialty(rng: np.random.Generator, lives: Lives, rows: np.ndarray, days: np.ndarray) -> np.ndarray:
    names = [name for name in NAMES if name in SPECIALTY_OF_CONDITION]
    own = lives.has_each(rows, days)[:, [POSITION[name] for name in names]] * 1.5
    table = np.concatenate([np.ones((len(rows), len(OUTPATIENT_SPECIALTIES))) * 0.25, own], axis=1)
    chosen = choice_by_row(rng, table, np.arange(len(rows)))
    return np.array([int(code) for code in OUTPATIENT_SPECIALTIES] + [int(SPECIALTY_OF_CONDITION[name]) for name in names])[
        chosen
    ]

"""Draw the routine care that a GP record shows: reviews of long-term conditions and of medicines, and influenza vaccinations.

Sources: Quality and Outcomes Framework 2022-23 (NHS England, recalled): about two in three people with asthma, COPD, diabetes or dementia
are reviewed in a year, and people with a new depression 10 to 56 days after the diagnosis. Seasonal influenza vaccine uptake in GP
patients in England, 2022-23 to 2024-25 (UK Health Security Agency, recalled): 75% to 80% at 65 and over, 40% to 49% of younger people at
clinical risk; at 65 and over about 12 percentage points less in the most deprived areas than in the least. Other groups, such as
children and pregnant women, are left out.
"""

from __future__ import annotations

from functools import cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from expectations.age import DAYS_PER_YEAR
from features.code_lists import load_code_lists
from pipelines.sources.synthetic.admissions import age_on
from pipelines.sources.synthetic.attendances import on_weekdays
from pipelines.sources.synthetic.conditions import POSITION
from pipelines.sources.synthetic.diagnoses import one_of
from pipelines.sources.synthetic.lives import Lives, pandemic_factors
from pipelines.sources.synthetic.medicines import LONG_COURSES
from pipelines.sources.synthetic.people import People
from pipelines.sources.synthetic.random_streams import ROUTINE_CARE, stream
from pipelines.sources.synthetic.settings import SyntheticSettings

SKEW = 3.0  # the first codes of a list are recorded more often than the others
DIABETIC = "diabetic_review"  # no list: the codes that long_term_condition_review has in addition to the lists that it includes
# Reviews of each year: the list of codes, the conditions, and the share of people with any of them who are reviewed in a year.
YEARLY_REVIEWS = (
    ("asthma_annual_review", ("asthma",), 0.65),
    ("copd_review", ("copd",), 0.70),
    (DIABETIC, ("type_1_diabetes", "type_2_diabetes"), 0.75),
    ("dementia_medication_review", ("dementia",), 0.70),
    ("medication_review", tuple(name for name in LONG_COURSES if name not in ("asthma", "copd")), 0.65),
)
DEPRESSION_REVIEWED = 0.65  # share of people with a new depression
VACCINATED_FROM_65, VACCINATED_AT_RISK = 0.79, 0.43
# After the Green Book, chapter 19: the conditions that Strata draws of those that make a person eligible under 65.
AT_RISK = (
    "asthma", "copd", "bronchiectasis", "coronary_heart_disease", "heart_failure", "atrial_fibrillation", "chronic_kidney_disease",
    "chronic_liver_disease", "stroke_tia", "parkinsons_disease", "multiple_sclerosis", "dementia", "learning_disability", "type_1_diabetes",
    "type_2_diabetes",
)  # fmt: skip
# Effects on the normal scale. A person who came once comes again: OF_PERSON is the share of the variance that is the person's own.
OF_PERSON = 0.6
VACCINATION_DEPRIVATION, REVIEW_DEPRIVATION = -0.45, -0.25  # most to least deprived
NORMAL = NormalDist()
MARCH = 211  # days from 1 September to 31 March, the day by which a person must be 65


class RoutineEntries(NamedTuple):
    """Entries of the GP record; `code` is a position in the vocabulary."""

    person: np.ndarray
    day: np.ndarray
    recorded: np.ndarray
    code: np.ndarray


@cache
def routine_codes() -> dict[str, tuple[str, ...]]:
    """Return the SNOMED CT codes of each kind of routine care."""
    lists = load_code_lists()
    names = [name for name, _, _ in YEARLY_REVIEWS if name != DIABETIC]
    half = next(half for half in lists["long_term_condition_review"].halves if half.system == "snomed")
    codes = {name: lists[name].codes("snomed") for name in (*names, "depression_review", "influenza_vaccination_clinical")}
    return codes | {DIABETIC: tuple(entry.code for entry in half.entries)}


def draw_routine_care(
    settings: SyntheticSettings, people: People, lives: Lives, block: int, codes: dict[str, np.ndarray]
) -> RoutineEntries:
    """Draw the reviews and vaccinations of a block, from streams of their own, so that they change nothing else."""
    parts = [
        *_yearly_reviews(stream(settings.seed, ROUTINE_CARE, block), settings, lives, codes),
        _depression_reviews(stream(settings.seed, ROUTINE_CARE, block, 1), lives, codes),
        *_vaccinations(stream(settings.seed, ROUTINE_CARE, block, 2), people, lives, codes),
    ]
    return RoutineEntries(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _yearly_reviews(
    rng: np.random.Generator, settings: SyntheticSettings, lives: Lives, codes: dict[str, np.ndarray]
) -> list[RoutineEntries]:
    """Draw a review about the same day of each year; a person's reviews of several conditions are on one day."""
    count = len(lives.first)
    years = np.arange(lives.month_starts[0], lives.month_starts[-1], DAYS_PER_YEAR)
    due = years[None, :] + rng.integers(0, 365, count)[:, None]
    days = np.floor(due + rng.exponential(25, due.shape)).astype(np.int64)
    person, occasion = rng.standard_normal(count), rng.standard_normal(due.shape)
    rows, nth = np.nonzero((days >= lives.first[:, None]) & (days < lives.last[:, None]))
    days = on_weekdays(days[rows, nth], lives.first[rows])
    month = _month(lives, days)
    happens = rng.random(len(rows)) < pandemic_factors(settings)[month]
    level = _level(person[rows], occasion[rows, nth], REVIEW_DEPRIVATION * (lives.deprivation[rows, month] - 0.5))
    has = lives.has_each(rows, days)
    reviews = []
    for name, conditions, share in YEARLY_REVIEWS:
        with_one = has[:, [POSITION[condition] for condition in conditions]].any(axis=1)
        reviewed = np.flatnonzero(happens & with_one & (level < NORMAL.inv_cdf(share)))
        reviews.append(_entries(rng, rows[reviewed], days[reviewed], codes[name]))
    return reviews


def _depression_reviews(rng: np.random.Generator, lives: Lives, codes: dict[str, np.ndarray]) -> RoutineEntries:
    """Draw the review of a new depression, 10 to 56 days after the diagnosis."""
    days = lives.onset[:, POSITION["depression"]] + rng.integers(10, 57, len(lives.onset))
    reviewed = (rng.random(len(days)) < DEPRESSION_REVIEWED) & (days >= lives.first) & (days < lives.last)
    rows = np.flatnonzero(reviewed)
    return _entries(rng, rows, on_weekdays(days[rows], lives.first[rows]), codes["depression_review"])


def _vaccinations(rng: np.random.Generator, people: People, lives: Lives, codes: dict[str, np.ndarray]) -> list[RoutineEntries]:
    """Draw a vaccination each autumn and winter, of people of 65 and over and of younger people at clinical risk."""
    starts = lives.month_starts[:-1]
    is_september = starts.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 == 8
    person = rng.standard_normal(len(people))
    return [
        _season(rng, people, lives, int(first), (person, codes["influenza_vaccination_clinical"]))
        for first in starts[is_september]
    ]


def _season(
    rng: np.random.Generator, people: People, lives: Lives, first: int, drawn: tuple[np.ndarray, np.ndarray]
) -> RoutineEntries:
    """Draw the vaccinations of the season that starts on 1 September: most are in October, hardly any after January."""
    person, codes = drawn
    everyone = np.arange(len(people))
    days = first + np.minimum(5 + np.floor(rng.gamma(3.0, 14.0, len(people))).astype(np.int64), 150)
    is_old = age_on(people, everyone, np.full(len(people), first + MARCH)) >= 65
    at_risk = lives.has_each(everyone, days)[:, [POSITION[name] for name in AT_RISK]].any(axis=1) & (days - people.birth >= 183)
    threshold = np.select(
        [is_old, at_risk], [NORMAL.inv_cdf(share) for share in (VACCINATED_FROM_65, VACCINATED_AT_RISK)], -np.inf
    )
    effect = VACCINATION_DEPRIVATION * (lives.deprivation[everyone, _month(lives, days)] - 0.5)
    rows = np.flatnonzero(
        (days >= lives.first) & (days < lives.last) & (_level(person, rng.standard_normal(len(people)), effect) < threshold)
    )
    return _entries(rng, rows, on_weekdays(days[rows], lives.first[rows]), codes)


def _level(person: np.ndarray, occasion: np.ndarray, effect: np.ndarray) -> np.ndarray:
    """Return standard normal levels, of which a part is the person's own, less an effect. People below a threshold come."""
    return np.sqrt(OF_PERSON) * person + np.sqrt(1 - OF_PERSON) * occasion - effect


def _month(lives: Lives, days: np.ndarray) -> np.ndarray:
    """Return the column of the grid in which each day is."""
    return (np.searchsorted(lives.month_starts, days, side="right") - 1).clip(0, lives.months - 1)


def _entries(rng: np.random.Generator, rows: np.ndarray, days: np.ndarray, codes: np.ndarray) -> RoutineEntries:
    """Return entries with codes of a list; most are recorded on the day, others within two weeks, as those of a pharmacy are."""
    recorded = days + np.where(rng.random(len(rows)) < 0.8, 0, rng.integers(1, 15, len(rows)))
    return RoutineEntries(rows, days, recorded, one_of(rng, [codes], np.zeros(len(rows), np.int64), SKEW))

"""Draw the medicines that GPs issue: long courses for conditions, and short courses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from features.code_list_files import CHANGES, OWN_FOLDER, read_rows
from features.code_lists import load_code_lists
from pipelines.sources.synthetic.admissions import days_in_months
from pipelines.sources.synthetic.attendances import on_weekdays
from pipelines.sources.synthetic.conditions import POSITION, weights
from pipelines.sources.synthetic.diagnoses import one_of
from pipelines.sources.synthetic.lives import Lives
from pipelines.sources.synthetic.people import People
from pipelines.sources.synthetic.random_streams import MEDICINES, sorted_events, stream
from pipelines.sources.synthetic.settings import SyntheticSettings

# Share of people with a condition who take a medicine for it. Medicines follow NICE guidance; shares are plausible, not measured.
LONG_COURSES = {
    "hypertension": {"antihypertensives": 0.85, "statins": 0.40},
    "type_2_diabetes": {"metformin": 0.70, "statins": 0.45, "insulin": 0.10},
    "type_1_diabetes": {"insulin": 0.98},
    "coronary_heart_disease": {"statins": 0.60, "antiplatelets": 0.80, "antihypertensives": 0.50},
    "stroke_tia": {"antiplatelets": 0.70, "statins": 0.50},
    "atrial_fibrillation": {"anticoagulants": 0.75},
    "heart_failure": {"loop_diuretics": 0.70, "antihypertensives": 0.50},
    "asthma": {"inhaled_bronchodilators": 0.60, "inhaled_corticosteroids": 0.45},
    "copd": {"inhaled_bronchodilators": 0.85, "inhaled_corticosteroids": 0.50},
    "depression": {"antidepressants": 0.50},
    "anxiety": {"antidepressants": 0.30, "benzodiazepines": 0.05},
    "severe_mental_illness": {"antipsychotics": 0.75},
    "epilepsy": {"antiepileptics": 0.85},
    "hypothyroidism": {"thyroid_hormones": 0.90},
    "osteoarthritis": {"opioids": 0.20, "nsaids": 0.20, "ppis": 0.30},
    "rheumatoid_arthritis": {"nsaids": 0.25, "ppis": 0.35, "oral_corticosteroids": 0.15},
    "parkinsons_disease": {"levodopa": 0.80},
    "cancer": {"opioids": 0.30, "ppis": 0.25},
    "frailty": {"opioids": 0.20, "ppis": 0.30, "hypnotics": 0.06},
    "multiple_sclerosis": {"gabapentinoids": 0.30},
    "peripheral_arterial_disease": {"antiplatelets": 0.60, "statins": 0.40},
}
SHORT_COURSES = ("antibiotics", "nsaids", "opioids", "oral_corticosteroids", "ppis", "hypnotics")
SHORT_SHARES = np.array([0.46, 0.16, 0.14, 0.08, 0.13, 0.03])
ISSUE_EVERY = 105  # days between issues in the data: monthly and two-monthly medicines are thinned


@dataclass
class Issues:
    """Medicines issued; `code` is a position in the vocabulary."""

    person: np.ndarray
    day: np.ndarray
    code: np.ndarray
    quantity: np.ndarray
    duration: np.ndarray

    def __len__(self) -> int:
        return len(self.person)


@cache
def medicine_codes() -> tuple[list[str], dict[str, np.ndarray]]:
    """Return the dm+d codes of products in use, and the positions of each group's codes among them."""
    lists = load_code_lists()
    moieties = {
        row["code"]
        for _, row in read_rows(OWN_FOLDER / CHANGES, ("system", "code", "change"))
        if (row["system"], row["change"]) == ("dmd", "added")
    }
    names = sorted({name for course in LONG_COURSES.values() for name in course} | set(SHORT_COURSES))
    vocabulary: list[str] = []
    places = {}
    for name in names:
        codes = [code for code in lists[name].codes("dmd") if code not in moieties]
        places[name] = np.arange(len(vocabulary), len(vocabulary) + len(codes))
        vocabulary.extend(codes)
    return vocabulary, places


def draw_issues(settings: SyntheticSettings, people: People, lives: Lives, block: int) -> Issues:
    """Draw which medicines were issued, to whom and when."""
    rng = stream(settings.seed, MEDICINES, block)
    _, places = medicine_codes()
    groups = list(places)
    long_rows, long_days, long_codes = _long_courses(rng, lives, places, groups)
    short_rows, short_days, short_codes = _short_courses(rng, people, lives, places)
    rows = np.concatenate([long_rows, short_rows])
    days = on_weekdays(np.concatenate([long_days, short_days]), lives.first[rows])
    code = np.concatenate([long_codes, short_codes])
    duration = np.concatenate([np.where(rng.random(len(long_rows)) < 0.7, 28, 56), rng.integers(5, 15, len(short_rows))])
    order = np.lexsort((code, days, rows))
    issues = Issues(rows, days, code, duration * np.where(rng.random(len(rows)) < 0.8, 1, 2), duration)
    return Issues(**{name: values[order] for name, values in vars(issues).items()})


def _long_courses(
    rng: np.random.Generator, lives: Lives, places: dict[str, np.ndarray], groups: list[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw long courses: each starts with the first condition that needs it, and most continue until death or departure."""
    start = np.full((len(lives.onset), len(groups)), np.iinfo(np.int64).max)
    for condition, shares in LONG_COURSES.items():
        onset = lives.onset[:, POSITION[condition]]
        for name, share in shares.items():
            takes = (onset < lives.last) & (rng.random(len(onset)) < share)
            column = groups.index(name)
            start[takes, column] = np.minimum(start[takes, column], onset[takes] + rng.integers(1, 60, int(takes.sum())))
    person, group = np.nonzero(start < np.iinfo(np.int64).max)
    begins = np.maximum(start[person, group], lives.first[person] + rng.integers(0, ISSUE_EVERY, len(person)))
    stops = np.where(rng.random(len(person)) < 0.2, begins + np.floor(rng.exponential(900, len(person))), lives.last[person])
    times = ((np.minimum(stops, lives.last[person]) - begins) // ISSUE_EVERY + 1).clip(min=0).astype(np.int64)
    medicine = one_of(rng, [places[name] for name in groups], group)
    course = np.repeat(np.arange(len(person)), times)
    nth = np.arange(len(course)) - np.repeat(np.cumsum(times) - times, times)
    days = begins[course] + nth * ISSUE_EVERY + rng.integers(-6, 7, len(course))
    rows = person[course]
    on_list = (days >= lives.first[rows]) & (days < lives.last[rows])
    return rows[on_list], days[on_list].astype(np.int64), medicine[course][on_list]


def _short_courses(
    rng: np.random.Generator, people: People, lives: Lives, places: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    effects = 0.45 * lives.load(weights("emergency")).clip(max=2.5) + (0.35 * people.frailty).astype(np.float32)[:, None]
    rows, months = sorted_events(rng, 0.42 / 12 * lives.present * np.exp(effects))
    rows, days = days_in_months(rng, lives, rows, months)
    names = rng.choice(len(SHORT_COURSES), len(rows), p=SHORT_SHARES)
    return rows, days, one_of(rng, [places[name] for name in SHORT_COURSES], names)

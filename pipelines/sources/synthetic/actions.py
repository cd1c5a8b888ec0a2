"""Draw the feed of decisions and actions: what teams did with an earlier review list, before the board's first run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from expectations.age import completed_years
from pipelines.sources.synthetic.lives import Lives
from pipelines.sources.synthetic.people import People, day
from pipelines.sources.synthetic.random_streams import ACTIONS, stream
from pipelines.sources.synthetic.settings import SyntheticSettings
from pipelines.sources.synthetic.spells import EMERGENCY, Stays

DECISIONS = ("ACCEPTED", "DECLINED")
DECLINED_FOR = ("ALREADY_SUPPORTED", "NO_GAIN_EXPECTED", "PERSON_DECLINED", "NO_CAPACITY", "NOT_REACHED")
DONE = ("CASE_MANAGEMENT", "CARE_PLAN", "MEDICATION_REVIEW", "SOCIAL_PRESCRIBING", "CONTACT")
LISTED_SHARE = 0.35  # of people aged 75 and over, and of those with an emergency stay in the last two years
DAYS_BACK = 300


@dataclass
class Actions:
    """Decisions about people, and the actions that followed.

    `decision`, `reason` and `action` are positions in the vocabularies, with -1 for none. `end` is -1 while an action continues.
    """

    person: np.ndarray
    day: np.ndarray
    end: np.ndarray
    reviewed: np.ndarray
    decision: np.ndarray
    reason: np.ndarray
    action: np.ndarray


def earlier_run_id(settings: SyntheticSettings) -> str:
    """Return a made-up run id for the earlier review list: Strata has not run yet when the board is written."""
    return hashlib.sha256(f"list before {settings.seed}".encode()).hexdigest()[:16]


def draw_actions(settings: SyntheticSettings, people: People, lives: Lives, stays: Stays, block: int) -> Actions:
    """Draw who was on the earlier review list, what the team decided and what it did."""
    rng, cut = stream(settings.seed, ACTIONS, block), day(settings.data_cut_date)
    ill = np.zeros(len(people), dtype=bool)
    ill[stays.person[(stays.kind == EMERGENCY) & (stays.admitted >= cut - 730)]] = True
    listed = (ill | (completed_years(people.birth, cut) >= 75)) & (rng.random(len(people)) < LISTED_SHARE)
    when = cut - DAYS_BACK + rng.integers(0, DAYS_BACK - 5, len(people))
    person = np.flatnonzero(listed & (when > lives.first) & (when < lives.last) & (people.birth < when))
    count, draw = len(person), rng.random(len(person))
    reviewed = draw < 0.85
    decision = np.where(draw < 0.45, 0, np.where(draw < 0.7, 1, -1))
    lasting = rng.integers(20, 260, count)
    end = np.where(when[person] + lasting < cut, when[person] + lasting, -1)
    return Actions(
        person=person,
        day=when[person],
        end=np.where(decision == 0, end, -1),
        reviewed=reviewed,
        decision=decision,
        reason=np.where(decision == 1, rng.integers(0, len(DECLINED_FOR), count), -1),
        action=np.where(decision == 0, rng.integers(0, len(DONE), count), -1),
    )

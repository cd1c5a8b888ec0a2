"""Injustice planted on request: a group whose need, perhaps greater than others', is not all served, or whose illness nobody records.

It shows whether the audit finds what it is for. Only what happens to the group changes: everyone else's draws stay as they were, but
where a greater need of the group gives it other stays, for others' follow in the same stream.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TypeVar

import numpy as np

from pipelines.sources.synthetic.areas_and_practices import Places
from pipelines.sources.synthetic.attendances import Attendances
from pipelines.sources.synthetic.calibration import ETHNIC_CATEGORIES
from pipelines.sources.synthetic.lives import Lives
from pipelines.sources.synthetic.people import ETHNIC_CATEGORY_CODES, FAR, People
from pipelines.sources.synthetic.random_streams import INJUSTICE, stream
from pipelines.sources.synthetic.settings import SyntheticSettings
from pipelines.sources.synthetic.spells import EMERGENCY, Stays

MOST_DEPRIVED = 0.8  # of the board's areas, from the least deprived up
Events = TypeVar("Events", Stays, Attendances)


def wronged(settings: SyntheticSettings, people: People, lives: Lives) -> np.ndarray:
    """Mark the people of the group that injustice is planted in."""
    return _in_group(settings, people, lives.deprivation[:, 0])


def need_of(settings: SyntheticSettings, places: Places, people: People) -> np.ndarray | float:
    """Give the factor on each person's hazards of illness."""
    if settings.injustice.need == 1:
        return 1.0
    deprivation = places.areas["deprivation"].to_numpy()[people.area[:, 0]]
    return np.where(_in_group(settings, people, deprivation), settings.injustice.need, 1.0)


def _in_group(settings: SyntheticSettings, people: People, deprivation: np.ndarray) -> np.ndarray:
    group = settings.injustice.group
    if group is None:
        return np.zeros(len(people), bool)
    if group == "most_deprived":
        return deprivation >= MOST_DEPRIVED
    codes = [ETHNIC_CATEGORY_CODES.index(code) for code in ETHNIC_CATEGORIES[group]]
    return np.isin(people.ethnicity, codes)


def as_recorded(settings: SyntheticSettings, people: People, lives: Lives, block: int) -> Lives:
    """Give the lives as records tell them: the conditions of some of the group are in none."""
    hidden = wronged(settings, people, lives)
    if not hidden.any() or settings.injustice.recorded == 1:
        return lives
    hidden &= stream(settings.seed, INJUSTICE, block).random(len(people)) >= settings.injustice.recorded
    return replace(lives, onset=np.where(hidden[:, None], FAR, lives.onset))


def served(settings: SyntheticSettings, people: People, lives: Lives, events: Events, block: int) -> Events:
    """Leave out emergency stays, or attendances, that the group needed and did not get; whoever dies in hospital got there."""
    group = wronged(settings, people, lives)
    if not group.any() or settings.injustice.served == 1:
        return events
    needed = group[events.person]
    if isinstance(events, Stays):
        needed &= (events.kind == EMERGENCY) & ~events.died
    lost = needed & (stream(settings.seed, INJUSTICE, block, 1).random(len(needed)) >= settings.injustice.served)
    return type(events)(**{field.name: getattr(events, field.name)[~lost] for field in fields(events)})

"""Plant an injustice on request: a group with greater need, care that does not reach it, or illness that is not recorded.

It tests whether the audit detects such an injustice. Only the group's lives change, with one exception: with greater need the group draws
more stays, which shifts the draws of other people in the same random stream.
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

MOST_DEPRIVED = 0.8  # lowest deprivation of the most deprived fifth (0 least to 1 most)
Events = TypeVar("Events", Stays, Attendances)


def injustice_group(settings: SyntheticSettings, people: People, lives: Lives) -> np.ndarray:
    """Flag the people of the group that the injustice affects."""
    return _in_group(settings, people, lives.deprivation[:, 0])


def need_factors(settings: SyntheticSettings, places: Places, people: People) -> np.ndarray | float:
    """Return the factor on each person's hazards of illness."""
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


def recorded_lives(settings: SyntheticSettings, people: People, lives: Lives, block: int) -> Lives:
    """Return the lives as health records show them: the conditions of part of the group are not recorded."""
    hidden = injustice_group(settings, people, lives)
    if not hidden.any() or settings.injustice.recorded == 1:
        return lives
    hidden &= stream(settings.seed, INJUSTICE, block).random(len(people)) >= settings.injustice.recorded
    onset, resolved = (np.where(hidden[:, None], FAR, days) for days in (lives.onset, lives.resolved))
    return replace(lives, onset=onset, resolved=resolved)


def drop_unserved(settings: SyntheticSettings, people: People, lives: Lives, events: Events, block: int) -> Events:
    """Remove emergency stays or attendances that the group needed but did not receive; stays that end in death remain."""
    group = injustice_group(settings, people, lives)
    if not group.any() or settings.injustice.served == 1:
        return events
    affected = group[events.person]
    if isinstance(events, Stays):
        affected &= (events.kind == EMERGENCY) & ~events.died
    lost = affected & (stream(settings.seed, INJUSTICE, block, 1).random(len(affected)) >= settings.injustice.served)
    return type(events)(**{field.name: getattr(events, field.name)[~lost] for field in fields(events)})

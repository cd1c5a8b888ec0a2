"""Draw the opt-outs of a block: type 1 and national, some withdrawn later."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.sources.synthetic.lives import Lives
from pipelines.sources.synthetic.people import People, day
from pipelines.sources.synthetic.random_streams import OPT_OUTS, stream
from pipelines.sources.synthetic.settings import SyntheticSettings

OPT_OUT_TYPES = ("TYPE_1", "NATIONAL")
WITHDRAWN_SHARE = 0.06


@dataclass
class OptOuts:
    """States of opt-outs; the latest state of each person and type applies."""

    person: np.ndarray
    day: np.ndarray
    type: np.ndarray  # position in OPT_OUT_TYPES
    status: np.ndarray  # 1 opted out, 0 withdrawn


def draw_opt_outs(settings: SyntheticSettings, people: People, lives: Lives, block: int) -> OptOuts:
    """Draw who opted out, when, and who withdrew the opt-out.

    Half of the dates fall in the summer of 2021, when plans for a national collection of GP data raised opt-outs to about one in twenty
    (NHS Digital, National data opt-out, monthly publication).
    """
    rng = stream(settings.seed, OPT_OUTS, block)
    start, end = day(settings.start_date), day(settings.data_cut_date)
    rush = int(np.datetime64("2021-05-01", "D").astype(np.int64))
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
    for kind, share in enumerate((settings.type_1_opt_out_share, settings.national_opt_out_share)):
        rows = np.flatnonzero(rng.random(len(people)) < share)
        anytime = start - 600 + np.floor(rng.random(len(rows)) * (end - start + 600)).astype(np.int64)
        days = np.where(rng.random(len(rows)) < 0.5, rush + rng.integers(0, 100, len(rows)), anytime)
        days = np.maximum(days, people.arrival[rows])
        back = np.flatnonzero(rng.random(len(rows)) < WITHDRAWN_SHARE)
        later = days[back] + rng.integers(30, 900, len(back))
        parts.append((rows, days, np.full(len(rows), kind), np.ones(len(rows), np.int64)))
        parts.append((rows[back], later, np.full(len(back), kind), np.zeros(len(back), np.int64)))
    person, days, kinds, status = (np.concatenate(part) for part in zip(*parts, strict=True))
    on_list = days < np.minimum(lives.last[person], end)
    order = np.lexsort((days, kinds, person))
    order = order[on_list[order]]
    return OptOuts(person[order], days[order], kinds[order], status[order])

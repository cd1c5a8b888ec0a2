"""Hospital stays of a block: build, combine, remove overlaps and split transfers."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from pipelines.sources.synthetic.diagnoses import CODES_PER_STAY

EMERGENCY, ELECTIVE, DAY_CASE, MATERNITY, BIRTH, REGULAR = range(6)
METHODS = ("21", "22", "23", "24", "28", "2A", "2D", "11", "12", "13", "31", "32", "82", "81")
METHOD = {code: position for position, code in enumerate(METHODS)}
PLACES_OF_CARE = (
    "19",
    "51",
    "54",
    "65",
    "79",
    "29",
)  # sources and destinations: 19 home, 51 another provider, 54 care home, 79 died
PLACE = {code: position for position, code in enumerate(PLACES_OF_CARE)}


@dataclass
class Stays:
    """Hospital stays, one entry each in every array; days count from 1970-01-01."""

    person: np.ndarray  # row in the block
    admitted: np.ndarray
    nights: np.ndarray
    kind: np.ndarray
    method: np.ndarray  # position in METHODS
    source: np.ndarray  # position in PLACES_OF_CARE
    destination: np.ndarray
    died: np.ndarray
    provider: np.ndarray
    treatment_function: np.ndarray  # as a number
    codes: np.ndarray  # stays x CODES_PER_STAY, positions in the diagnosis vocabulary, -1 for none

    def __len__(self) -> int:
        return len(self.person)

    @property
    def discharged(self) -> np.ndarray:
        """Return the day on which each stay ends."""
        return self.admitted + self.nights

    def at(self, rows: np.ndarray) -> Stays:
        """Return the stays at positions or of a mask."""
        return Stays(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def build_stays(
    person: np.ndarray, admitted: np.ndarray, kind: int, method: str, provider: np.ndarray, treatment_function: int
) -> Stays:
    """Build stays of one kind, without nights or codes, from home to home."""
    count = len(person)
    return Stays(
        person=person,
        admitted=admitted,
        nights=np.zeros(count, np.int64),
        kind=np.full(count, kind),
        method=np.full(count, METHOD[method]),
        source=np.full(count, PLACE["19"]),
        destination=np.full(count, PLACE["19"]),
        died=np.zeros(count, bool),
        provider=provider,
        treatment_function=np.full(count, treatment_function),
        codes=np.full((count, CODES_PER_STAY), -1),
    )


def combine_stays(*parts: Stays) -> Stays:
    """Return stays of several kinds as one set, in order of person and admission."""
    stays = Stays(**{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Stays)})
    return stays.at(np.lexsort((stays.kind, stays.admitted, stays.person)))


def drop_overlaps(stays: Stays) -> Stays:
    """Remove stays that begin before an earlier stay of the person ended, or that overlap the stay in which the person dies.

    A stay also occupies the two days after discharge, so that no stay looks like the continuation of another. Removed stays still occupy
    their days, which allows one running maximum for all.
    """
    last_admission = np.full(int(stays.person.max(initial=0)) + 1, np.iinfo(np.int64).max)
    last_admission[stays.person[stays.died]] = stays.admitted[stays.died]
    clear = stays.died | (stays.discharged + 3 <= last_admission[stays.person])
    stays = stays.at(clear)
    far = np.int64(10_000_000)  # more days than any date has: separates people in one running maximum
    ends = np.maximum.accumulate(stays.discharged + stays.person * far)
    before = np.concatenate([[-far], ends[:-1]])
    return stays.at((stays.admitted + stays.person * far > before + 2) | stays.died)


def split_transfers(rng: np.random.Generator, stays: Stays, share: float, providers: int) -> Stays:
    """Split some emergency stays of four nights or more between two providers, with no or one night between them."""
    goes = (stays.kind == EMERGENCY) & (stays.nights >= 4) & (rng.random(len(stays)) < share)
    rows = np.flatnonzero(goes)
    after = 1 + np.floor(rng.random(len(rows)) * (stays.nights[rows] - 3)).astype(np.int64)
    gap = (rng.random(len(rows)) < 0.2).astype(np.int64)
    second = stays.at(rows)
    second.admitted = second.admitted + after + gap
    second.nights = second.nights - after - gap
    second.method[:], second.source[:] = METHOD["81"], PLACE["51"]
    second.provider = (second.provider + 1 + np.floor(rng.random(len(rows)) * (providers - 1)).astype(np.int64)) % providers
    stays.nights[rows], stays.destination[rows], stays.died[rows] = after, PLACE["51"], False
    return combine_stays(stays, second)

"""The SQL of continuous inpatient spells against a plain loop over the same rule, on random stays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pytest

from pipelines.conform.availability import AvailabilitySettings
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.spell import spell_sql

RULES = ClinicalRules()
START = date(2024, 1, 1)
FAR = 1000


@dataclass(frozen=True)
class Stay:
    number: int
    admitted: int
    nights: int | None
    provider: str
    method: str
    source: str
    destination: str

    @property
    def end(self) -> int:
        return self.admitted + (self.nights or 0)

    @property
    def comes_by_transfer(self) -> bool:
        return self.source in RULES.transfer_sources or self.method in RULES.transfer_methods

    @property
    def ends_by_transfer(self) -> bool:
        return self.destination in RULES.transfer_destinations

    @property
    def order_of_day(self) -> tuple:
        """Stays without a night first; then those that begin a chain of transfers, the others and those that continue one, the longest first."""
        with_night = bool(self.nights)
        return (
            with_night,
            self.comes_by_transfer,
            with_night and not self.ends_by_transfer,
            -self.end,
            self.stay_class != "emergency",
            self.provider,
            f"{self.number:02}",
        )

    @property
    def stay_class(self) -> str:
        return CLASSES[self.method]


CLASSES = {
    "21": "emergency",
    "22": "emergency",
    "2B": "emergency",
    "11": "elective",
    "81": "other",
    "31": "maternity",
    "82": "birth",
}
COUNTED = ("emergency", "maternity", "birth")  # the classes whose nights count for no other, the first before the second


def random_stays(seed: int) -> list[Stay]:
    rng = np.random.default_rng(seed)
    return [
        Stay(
            number,
            int(rng.integers(0, 60)),
            None if rng.random() < 0.05 else int(rng.choice([0, 0, 1, 2, 3, 8, 20])),
            f"RX{rng.integers(1, 4)}",
            str(rng.choice(["21", "22", "11", "2B", "81", "31", "82"], p=[0.3, 0.1, 0.3, 0.1, 0.1, 0.05, 0.05])),
            str(rng.choice(["19", "51", "87"], p=[0.6, 0.3, 0.1])),
            str(rng.choice(["19", "51", "84"], p=[0.6, 0.3, 0.1])),
        )
        for number in range(14)
    ]


def joined(stays: list[Stay]) -> list[tuple[int, int | None, int, str, int | None]]:
    """Join stays one after the other."""
    ordered = sorted(stays, key=lambda stay: (stay.admitted, stay.order_of_day))
    once: dict[tuple, Stay] = {}
    for stay in sorted(ordered, key=lambda stay: f"{stay.number:02}"):
        once.setdefault((stay.provider, stay.admitted, stay.nights, stay.method), stay)
    chain: list[tuple[str, list[Stay]]] = []  # the spells of the chain so far, with the class that their later stays share
    chains: list[list[list[Stay]]] = []
    for stay in ordered:
        if stay not in once.values():
            continue
        chained = [(track, spell, each) for track, spell in chain for each in spell]
        tail = latest([each for _, _, each in chained])
        if tail is None or not (stay.admitted < tail.end or continues(tail, stay)):
            chain = []
            chains.append([])
            track, into = stay.stay_class, None
        elif is_separate(stay, tail, next(track for track, _, each in chained if each is tail)):
            track = stay.stay_class
            of_class = latest([each for named, _, each in chained if named == track])
            touches = of_class is not None and (stay.admitted < of_class.end or continues(of_class, stay))
            into = next(spell for _, spell, each in chained if each is of_class) if touches else None
        else:
            track, into = next((track, spell) for track, spell, each in chained if each is tail)
        if into is None:
            into = []
            chains[-1].append(into)
            chain.append((track, into))
        into.append(stay)
    return [described(spell, spells) for spells in chains for spell in spells]


def is_separate(stay: Stay, tail: Stay, around: str) -> bool:
    """Return whether a stay inside a spell of the class `around` is a spell by itself: a new illness, or planned care that outlasts one."""
    if stay.admitted >= tail.end or continues(tail, stay):
        return False
    outlasts = stay.nights is None or stay.end > tail.end
    coded = stay.comes_by_transfer or tail.ends_by_transfer
    return stay.stay_class in COUNTED or (around in COUNTED and outlasts and not coded)


def latest(stays: list[Stay]) -> Stay | None:
    """Return the last of the stays that end last."""
    return max(stays, key=lambda stay: (stay.end, stay.admitted, stay.order_of_day)) if stays else None


def described(spell: list[Stay], spells: list[list[Stay]]) -> tuple[int, int | None, int, str, int | None]:
    """Return admission, end (None while open), stays, class and nights without those that count for another of the `spells` of its chain."""
    if spell[-1].nights is None:
        return spell[0].admitted, None, len(spell), spell[0].stay_class, None
    own = nights_of(spell)
    for other in spells:
        if rank(other) < rank(spell):
            own -= nights_of(other)
    return spell[0].admitted, max(stay.end for stay in spell), len(spell), spell[0].stay_class, len(own)


def rank(spell: list[Stay]) -> int:
    return (*COUNTED, spell[0].stay_class).index(spell[0].stay_class)


def nights_of(spell: list[Stay]) -> set[int]:
    return set(range(spell[0].admitted, FAR if spell[-1].nights is None else max(stay.end for stay in spell)))


def continues(tail: Stay, stay: Stay) -> bool:
    if tail.nights is None or abs(stay.admitted - tail.end) > 2 or stay.method == "82":
        return False
    if stay.method == "31" and tail.method != "31":
        return False
    if (tail.destination, stay.source, stay.method) == ("19", "51", "21"):
        return False
    return stay.comes_by_transfer or tail.ends_by_transfer


@pytest.mark.parametrize("seed", range(40))
def test_the_spells_are_those_of_a_plain_loop_over_the_rule(seed, feed_rows, table, people):
    stays = random_stays(seed)
    rows = [
        {
            "person_id": "ann", "spell_number": f"{stay.number:02}", "provider_code": stay.provider, "admission_method": stay.method,
            "admission_source": stay.source, "discharge_destination": stay.destination,
            "admission_date": START + timedelta(stay.admitted),
            "discharge_date": None if stay.nights is None else START + timedelta(stay.end),
        }
        for stay in stays
    ]  # fmt: skip
    found = table(spell_sql(feed_rows("admissions", *rows), people, RULES, AvailabilitySettings()))
    spans = [
        (
            (row["admission_date"] - START).days,
            row["discharge_date"] and (row["discharge_date"] - START).days,
            row["stays_joined"],
            row["spell_class"],
            row["nights"],
        )
        for row in found
    ]
    assert sorted(spans, key=str) == sorted(joined(stays), key=str)

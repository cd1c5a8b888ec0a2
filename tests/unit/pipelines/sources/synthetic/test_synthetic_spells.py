from __future__ import annotations

import numpy as np

from pipelines.sources.synthetic.random_streams import stream
from pipelines.sources.synthetic.spells import (
    EMERGENCY,
    METHOD,
    PLACE,
    Stays,
    build_stays,
    combine_stays,
    drop_overlaps,
    split_transfers,
)


def stays(*rows: tuple[int, int, int, bool]) -> Stays:
    """Build emergency stays from (person, admitted, nights, died)."""
    person, admitted, nights, died = (np.array(column) for column in zip(*rows, strict=True))
    emergencies = build_stays(person, admitted, EMERGENCY, "21", np.zeros(len(person), np.int64), 300)
    emergencies.nights, emergencies.died = nights, died.astype(bool)
    return combine_stays(emergencies)


def test_a_stay_that_begins_during_or_right_after_another_is_removed() -> None:
    remaining = drop_overlaps(
        stays((1, 100, 5, False), (1, 103, 1, False), (1, 107, 1, False), (1, 111, 1, False), (2, 103, 1, False))
    )
    assert list(zip(remaining.person.tolist(), remaining.admitted.tolist(), strict=True)) == [(1, 100), (1, 111), (2, 103)]


def test_the_stay_with_the_death_replaces_one_that_overlaps_it() -> None:
    remaining = drop_overlaps(stays((1, 100, 30, False), (1, 110, 4, True)))
    assert remaining.admitted.tolist() == [110]
    assert remaining.died.tolist() == [True]


def test_a_transfer_splits_a_stay_and_keeps_its_first_and_last_day() -> None:
    before = stays((1, 100, 10, False), (2, 100, 3, False), (3, 100, 8, True))
    after = split_transfers(stream(1, 0), before, share=1.0, providers=5)
    assert after.person.tolist() == [1, 1, 2, 3, 3]
    for person, end in ((1, 110), (3, 108)):
        first, second = np.flatnonzero(after.person == person)
        assert after.admitted[first] == 100
        assert after.discharged[second] == end
        assert 0 <= after.admitted[second] - after.discharged[first] <= 1
        assert after.destination[first] == PLACE["51"] == after.source[second]
        assert after.method[second] == METHOD["81"]
        assert after.provider[first] != after.provider[second]
    assert after.died.tolist() == [False, False, False, False, True]

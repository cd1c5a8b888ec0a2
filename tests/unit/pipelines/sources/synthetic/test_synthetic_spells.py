from __future__ import annotations

import numpy as np

from pipelines.sources.synthetic.random_streams import stream
from pipelines.sources.synthetic.spells import (
    EMERGENCY,
    METHOD,
    PLACE,
    Stays,
    plain_stays,
    together,
    transferred,
    without_overlaps,
)


def stays(*rows: tuple[int, int, int, bool]) -> Stays:
    """Make emergency stays from (person, admitted, nights, died)."""
    person, admitted, nights, died = (np.array(column) for column in zip(*rows, strict=True))
    made = plain_stays(person, admitted, EMERGENCY, "21", np.zeros(len(person), np.int64), 300)
    made.nights, made.died = nights, died.astype(bool)
    return together(made)


def test_a_stay_that_begins_in_or_right_after_another_is_dropped() -> None:
    kept = without_overlaps(
        stays((1, 100, 5, False), (1, 103, 1, False), (1, 107, 1, False), (1, 111, 1, False), (2, 103, 1, False))
    )
    assert list(zip(kept.person.tolist(), kept.admitted.tolist(), strict=True)) == [(1, 100), (1, 111), (2, 103)]


def test_the_last_stay_wins_over_one_that_runs_into_it() -> None:
    kept = without_overlaps(stays((1, 100, 30, False), (1, 110, 4, True)))
    assert kept.admitted.tolist() == [110]
    assert kept.died.tolist() == [True]


def test_a_transfer_splits_a_stay_without_losing_its_ends() -> None:
    before = stays((1, 100, 10, False), (2, 100, 3, False), (3, 100, 8, True))
    after = transferred(stream(1, 0), before, share=1.0, providers=5)
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

from __future__ import annotations

import numpy as np

from pipelines.sources.synthetic.random_streams import PEOPLE, SPELLS, choice_by_row, sorted_events, stream, weighted_choice


def test_streams_differ_by_purpose_and_block_and_are_repeatable() -> None:
    draws = {(purpose, block): stream(5, purpose, block).random() for purpose in (PEOPLE, SPELLS) for block in (0, 1)}
    assert len(set(draws.values())) == 4
    assert stream(5, SPELLS, 1).random() == draws[SPELLS, 1]


def test_events_follow_the_rates_of_the_grid() -> None:
    rate = np.array([[0.0, 50.0], [0.0, 0.0], [100.0, 0.0]])
    rows, columns = sorted_events(stream(1, 0), rate)
    assert {(int(row), int(column)) for row, column in zip(rows, columns, strict=True)} == {(0, 1), (2, 0)}
    assert abs(len(rows) - 150) < 60
    assert (np.diff(rows) >= 0).all()
    assert sorted_events(stream(1, 0), np.zeros((2, 2)))[0].size == 0


def test_choices_follow_their_weights() -> None:
    rng = stream(2, 0)
    assert set(weighted_choice(rng, np.array([0.0, 1.0, 0.0]), 100)) == {1}
    weights = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert choice_by_row(rng, weights, np.array([0, 1, 1, 0])).tolist() == [0, 1, 1, 0]
    share = weighted_choice(rng, np.array([1.0, 3.0]), 10_000).mean()
    assert abs(share - 0.75) < 0.02

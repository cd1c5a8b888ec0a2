"""A short round of hostile inputs, and proof that the judge finds what it looks for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hostile.cases import End, case, spoil
from hostile.round import KINDS, Bench, draw, run_round, told

pytestmark = pytest.mark.slow

FEEDS = ("opt_outs", "registrations", "patients", "gp_medication_orders")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench.open(tmp_path_factory.mktemp("hostile"))


def test_every_hostile_input_ends_in_reasons_or_words(bench: Bench) -> None:
    tallies = run_round(bench, draw(bench, each=2, seed=11, feeds=FEEDS))
    assert {kind: tally.cases for kind, tally in tallies.items()} == dict.fromkeys(KINDS, 2)
    assert [words for tally in tallies.values() for words in tally.violations] == [], told(tallies)
    assert sum(tally.refused for tally in tallies.values()) >= 4
    assert sum(tally.set_aside for tally in tallies.values()) >= 8


def test_the_judge_sees_a_file_that_should_have_been_refused(bench: Bench) -> None:
    verdict = bench.judge(case("none", "a clean file", bench.extracts["opt_outs"], end=End.REFUSED))
    assert verdict.violations == ["taken in without a word"]


def test_the_judge_sees_a_good_row_that_is_lost_and_a_cell_that_changed(bench: Bench) -> None:
    extract = bench.extracts["registrations"]
    lines = extract.lines()
    lines[4] = replace(spoil(extract, 4, {2: "no day"}), touched={})  # said to be as it was
    lines[5] = replace(spoil(extract, 5, {2: "2001-01-01"}), touched={"end_date": ""})  # said to differ elsewhere
    verdict = bench.judge(case("none", "lies", extract, lines))
    assert verdict.lost == 1
    assert "start_date was not touched and was changed" in verdict.violations


def test_the_judge_sees_a_formula_and_an_error_that_is_not_for_the_user(bench: Bench, tmp_path: Path) -> None:
    extract = bench.extracts["opt_outs"]
    lines = extract.lines()
    lines[0] = spoil(extract, 0, {0: "=1+1"})
    assert bench.judge(case("none", "a formula", extract, lines)).set_aside == 1

    def unreadable(_: Path) -> None:
        raise RuntimeError("a fault")

    verdict = bench.judge(case("none", "a fault", extract, lay=unreadable))
    assert verdict.violations == ["an error that is not for the user: RuntimeError: a fault"]

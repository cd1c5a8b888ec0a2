"""Run a short round of hostile inputs, and check that the evaluation detects violations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hostile.cases import End, case, damage
from hostile.round import KINDS, Bench, draw, report, run_round

pytestmark = pytest.mark.slow

FEEDS = ("opt_outs", "registrations", "patients", "gp_medication_orders")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench.open(tmp_path_factory.mktemp("hostile"))


def test_every_hostile_input_ends_with_reasons_or_a_message(bench: Bench) -> None:
    tallies = run_round(bench, draw(bench, each=2, seed=11, feeds=FEEDS))
    assert {kind: tally.cases for kind, tally in tallies.items()} == dict.fromkeys(KINDS, 2)
    assert [text for tally in tallies.values() for text in tally.violations] == [], report(tallies)
    assert sum(tally.refused for tally in tallies.values()) >= 4
    assert sum(tally.set_aside for tally in tallies.values()) >= 8


def test_an_accepted_file_that_should_be_refused_is_a_violation(bench: Bench) -> None:
    verdict = bench.evaluate(case("none", "a clean file", bench.extracts["opt_outs"], end=End.REFUSED))
    assert verdict.violations == ["the file was accepted, and it should have been refused"]


def test_a_lost_row_and_a_changed_cell_are_violations(bench: Bench) -> None:
    extract = bench.extracts["registrations"]
    lines = extract.lines()
    lines[4] = replace(damage(extract, 4, {2: "no day"}), changes={})  # declared as unchanged
    lines[5] = replace(damage(extract, 5, {2: "2001-01-01"}), changes={"end_date": ""})  # declared as changed in another column
    verdict = bench.evaluate(case("none", "wrongly declared", extract, lines))
    assert verdict.lost == 1
    assert "start_date differs although it was not changed in the file" in verdict.violations


def test_a_formula_is_set_aside_and_an_unexpected_error_is_a_violation(bench: Bench, tmp_path: Path) -> None:
    extract = bench.extracts["opt_outs"]
    lines = extract.lines()
    lines[0] = damage(extract, 0, {0: "=1+1"})
    assert bench.evaluate(case("none", "a formula", extract, lines)).set_aside == 1

    def fail(_: Path) -> None:
        raise RuntimeError("a fault")

    verdict = bench.evaluate(case("none", "a fault", extract, write_files=fail))
    assert verdict.violations == ["an unexpected error instead of a message: RuntimeError: a fault"]

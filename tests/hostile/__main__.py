"""Run the complete round of hostile inputs and of damaged deliveries, print the result of each kind, and end with exit code 1 after any violation."""

from __future__ import annotations

import argparse
import sys
import tempfile
from itertools import chain
from pathlib import Path
from random import Random

from hostile.damage_round import Board
from hostile.damaged_deliveries import run_all
from hostile.file_kinds import one_person
from hostile.round import KINDS, Bench, draw, report, run_round

EACH = 40
FLOOD = 1_000_000


def main() -> int:
    """Run the round and return the exit code."""
    parser = argparse.ArgumentParser(description="Hostile inputs through ingest and validation.")
    parser.add_argument("--each", type=int, default=EACH, help="cases of each kind")
    parser.add_argument("--seed", type=int, default=1, help="the same seed draws the same cases")
    parser.add_argument("--flood", type=int, default=FLOOD, help="rows of one person in the largest case; 0 for none")
    parser.add_argument("--only", choices=("inputs", "deliveries"), help="hostile inputs or damaged deliveries; both by default")
    arguments = parser.parse_args()
    violations = 0 if arguments.only == "deliveries" else _inputs(arguments)
    return int(violations + (0 if arguments.only == "inputs" else _deliveries()) > 0)


def _inputs(arguments: argparse.Namespace) -> int:
    """Run hostile inputs through ingest and validation, and return the number of violations."""
    with tempfile.TemporaryDirectory(prefix="strata-hostile-") as folder:
        bench = Bench.open(Path(folder))
        flood = (
            [one_person(bench.extracts["gp_observations"], Random(arguments.seed), 0, arguments.flood)] if arguments.flood else []
        )
        print(f"{arguments.each} cases of each of {len(KINDS)} kinds, seed {arguments.seed}", flush=True)
        tallies = run_round(bench, chain(draw(bench, arguments.each, arguments.seed), flood))
    print(report(tallies))
    return sum(len(tally.violations) for tally in tallies.values())


def _deliveries() -> int:
    """Run damaged deliveries to features and labels, and return the number of violations."""
    with tempfile.TemporaryDirectory(prefix="strata-damaged-") as folder:
        report = run_all(Board.open(Path(folder)))
    print(report)
    return len(report.violations)


if __name__ == "__main__":
    sys.exit(main())

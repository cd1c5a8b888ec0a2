"""Run the complete round of hostile inputs, print the result of each kind, and end with exit code 1 after any violation."""

from __future__ import annotations

import argparse
import sys
import tempfile
from itertools import chain
from pathlib import Path
from random import Random

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
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="strata-hostile-") as folder:
        bench = Bench.open(Path(folder))
        flood = (
            [one_person(bench.extracts["gp_observations"], Random(arguments.seed), 0, arguments.flood)] if arguments.flood else []
        )
        print(f"{arguments.each} cases of each of {len(KINDS)} kinds, seed {arguments.seed}", flush=True)
        tallies = run_round(bench, chain(draw(bench, arguments.each, arguments.seed), flood))
    print(report(tallies))
    return int(any(tally.violations for tally in tallies.values()))


if __name__ == "__main__":
    sys.exit(main())

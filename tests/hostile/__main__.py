"""The whole round of hostile inputs: prints what came of each kind and ends with 1 where anything was violated."""

from __future__ import annotations

import argparse
import sys
import tempfile
from itertools import chain
from pathlib import Path
from random import Random

from hostile.file_kinds import one_person
from hostile.round import KINDS, Bench, draw, run_round, told

EACH = 40
FLOOD = 1_000_000


def main() -> int:
    """Run the round and give the exit code."""
    parser = argparse.ArgumentParser(description="Hostile inputs through ingest and validation.")
    parser.add_argument("--each", type=int, default=EACH, help="cases of each kind")
    parser.add_argument("--seed", type=int, default=1, help="the same seed draws the same cases")
    parser.add_argument("--flood", type=int, default=FLOOD, help="rows of the one person in the largest case; 0 for none")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="strata-hostile-") as folder:
        bench = Bench.open(Path(folder))
        flood = [one_person(bench.extracts["gp_observations"], Random(given.seed), 0, given.flood)] if given.flood else []
        print(f"{given.each} cases of each of {len(KINDS)} kinds, seed {given.seed}", flush=True)
        tallies = run_round(bench, chain(draw(bench, given.each, given.seed), flood))
    print(told(tallies))
    return int(any(tally.violations for tally in tallies.values()))


if __name__ == "__main__":
    sys.exit(main())

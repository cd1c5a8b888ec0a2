"""The whole round of faults: prints what came of each and ends with 1 where anything was violated."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from chaos.board import build_board
from chaos.faults import Fault
from chaos.processes import Starter
from chaos.round import SHORT, WHOLE, run_plan, told


def main() -> int:
    """Run the round and give the exit code."""
    parser = argparse.ArgumentParser(description="Faults in every stage of a run, and readers who look all the while.")
    parser.add_argument("--seed", type=int, default=1, help="the same seed draws the same moments, as shares of a stage's length")
    parser.add_argument("--short", action="store_true", help="the few faults that the tests run")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="strata-chaos-") as place:
        folder = Path(place)
        folder.chmod(0o755)
        starter = Starter(folder / "words.txt")
        try:
            board = build_board(folder, starter)
            print(f"seed {given.seed}; seconds of each stage: {board.seconds}", flush=True)
            done: list[Fault] = []
            for fault in run_plan(board, SHORT if given.short else WHOLE, given.seed):
                print(told(fault), flush=True)
                done.append(fault)
        finally:
            starter.end()
    struck, violations = sum(fault.struck for fault in done), sum(len(fault.violations) for fault in done)
    killed = sum(fault.struck for fault in done if fault.name.startswith("kill"))
    print(
        f"{struck} faults, {killed} of them kills, {sum(fault.looks for fault in done):,} looks of readers, {violations} violations"
    )
    return int(violations > 0)


if __name__ == "__main__":
    sys.exit(main())

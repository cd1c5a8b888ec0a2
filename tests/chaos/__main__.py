"""Run the complete round of faults, print the result of each, and end with exit code 1 after any violation."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from chaos.board import build_board
from chaos.faults import Fault
from chaos.processes import Starter
from chaos.round import COMPLETE, SHORT, report, run_plan


def main() -> int:
    """Run the round and return the exit code."""
    parser = argparse.ArgumentParser(description="Faults in every stage of a run, while readers keep reading.")
    parser.add_argument("--seed", type=int, default=1, help="the same seed draws the same moments, as shares of a stage's length")
    parser.add_argument("--short", action="store_true", help="only the few faults that the tests run")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="strata-chaos-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        starter = Starter(folder / "output.txt")
        try:
            board = build_board(folder, starter)
            print(f"seed {arguments.seed}; seconds of each stage: {board.seconds}", flush=True)
            results: list[Fault] = []
            for fault in run_plan(board, SHORT if arguments.short else COMPLETE, arguments.seed):
                print(report(fault), flush=True)
                results.append(fault)
        finally:
            starter.end()
    strikes, violations = sum(fault.strikes for fault in results), sum(len(fault.violations) for fault in results)
    killed = sum(fault.strikes for fault in results if fault.name.startswith("kill"))
    print(
        f"{strikes} faults, {killed} of them kills, {sum(fault.polls for fault in results):,} polls by readers, {violations} violations"
    )
    return int(violations > 0)


if __name__ == "__main__":
    sys.exit(main())

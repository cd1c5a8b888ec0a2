"""Compare today's results with those kept, or accept them: `python -m regression compare` and `python -m regression accept --reason "..."`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from regression.cases import CASES, DATA_OF, ROOT, run_case
from regression.comparison import differences
from regression.content import Content, content_of, read_reference

REFERENCE = Path(__file__).parent / "reference"
CHANGELOG = ROOT / "CHANGELOG.md"
HEADING = "### Changed results"
PROCESSES = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cases and compare or accept; the exit code is 1 where results differ and were not accepted."""
    parser = argparse.ArgumentParser(prog="regression", description=__doc__)
    parser.add_argument("action", choices=("compare", "accept"))
    parser.add_argument("--reason", default="", help="why the results change; it is written to the changelog")
    parser.add_argument("--case", action="append", choices=CASES, help="one case alone; may be repeated")
    given = parser.parse_args(arguments)
    if given.action == "accept" and not given.reason.strip():
        parser.error('accepting needs a reason: make regression-accept REASON="..."')
    names = [name for name in given.case or CASES if name not in DATA_OF or DATA_OF[name].exists()]
    changed = {}
    for name, found in _run(names).items():
        lines = differences(read_reference(REFERENCE / name), found) if (REFERENCE / name).is_dir() else ["nothing is kept yet"]
        print(f"{name}: {'same results' if not lines else f'{len(lines)} differences'}")
        for line in lines:
            print(f"  {line}")
        if lines:
            changed[name] = found
    if given.action == "compare":
        return 1 if changed else 0
    for name, found in changed.items():
        found.write(REFERENCE / name)
    if changed:
        record_reason(CHANGELOG, given.reason.strip(), sorted(changed))
    return 0


def record_reason(changelog: Path, reason: str, cases: Sequence[str]) -> None:
    """Add a line with the reason below the heading for changed results of the unreleased version."""
    text = changelog.read_text(encoding="utf-8")
    line = f"- {reason.rstrip('.')}. (Results kept in `tests/regression` changed: {', '.join(cases)}.)"
    if HEADING in text.split("\n## [", 2)[1]:
        text = text.replace(f"{HEADING}\n", f"{HEADING}\n{line}\n", 1)
    else:
        text = text.replace("## [Unreleased]\n", f"## [Unreleased]\n{HEADING}\n{line}\n\n", 1)
    changelog.write_text(text, encoding="utf-8")


def _run(names: Sequence[str]) -> dict[str, Content]:
    with tempfile.TemporaryDirectory(prefix="strata-regression-") as folder, ThreadPoolExecutor(PROCESSES) as pool:
        lakes = pool.map(lambda name: run_case(name, Path(folder) / name), names)
        return {name: content_of(lake) for name, lake in zip(names, lakes, strict=True)}


if __name__ == "__main__":
    sys.exit(main())

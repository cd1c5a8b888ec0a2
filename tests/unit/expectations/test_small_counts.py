"""The counts that are hidden are the same in the rule and in every text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from expectations.small_counts import SMALL_COUNTS, SMALLEST_SHOWN
from models.disclosure_control import is_small

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "docs").rglob("*.yaml")])
NUMBERS = r"(\d+\s+to\s+\d+)"
RANGE = re.compile(rf"\b(?:counts?|those)\s+(?:of|from)\s+{NUMBERS}\b|\b{NUMBERS}\s+(?:people|rows)\b", re.IGNORECASE)
PACKAGES = ("expectations", "features", "models", "pipelines", "dagster_project")
MODULES = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))


def test_the_text_has_the_smallest_and_the_largest_count_that_is_hidden() -> None:
    first, last = map(int, SMALL_COUNTS.split(" to "))
    assert [count for count in range(20) if is_small(count)] == list(range(first, last + 1))
    assert last == SMALLEST_SHOWN - 1


def ranges(text: str) -> set[str]:
    """Return the ranges of hidden counts that a text names."""
    return {" ".join(found.split()) for match in RANGE.finditer(text) for found in match.groups() if found}


@pytest.mark.parametrize(
    "text",
    [
        "Counts from 1 to 6 are suppressed.",
        "A count of 1\n    to 6",
        "Counts are rounded to 5 and those of 1 to 6 suppressed.",
        "1 to 6 people count as 5",
        "where 1 to 6 rows have these values",
    ],
)
def test_a_range_of_hidden_counts_is_found(text: str) -> None:
    assert ranges(text) == {"1 to 6"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_pages_name_the_counts_that_are_hidden(page: Path) -> None:
    assert ranges(page.read_text(encoding="utf-8")) <= {SMALL_COUNTS}


def test_some_pages_name_them() -> None:
    naming = [page.name for page in PAGES if ranges(page.read_text(encoding="utf-8"))]
    assert len(naming) >= 10
    assert {"data-dictionary.md", "equity__planning_population.odcs.yaml"} <= set(naming)


def test_no_module_repeats_them() -> None:
    sources = {module.relative_to(ROOT).as_posix(): module.read_text(encoding="utf-8") for module in MODULES}
    assert "expectations/tables/equity.py" in sources
    repeated = [name for name, source in sources.items() if re.search(rf"\b{SMALL_COUNTS}\b", source)]
    assert not repeated, f"write SMALL_COUNTS of expectations/small_counts.py in {', '.join(repeated)}"

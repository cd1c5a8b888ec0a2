"""The counts that are hidden are the same in the rule and in every text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from expectations.small_counts import SMALL_COUNTS, SMALLEST_SHOWN
from models.disclosure_control import is_small

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
RANGE = re.compile(r"\bcounts?\s+(?:of|from)\s+(\d+\s+to\s+\d+)\b", re.IGNORECASE)


def test_the_text_has_the_smallest_and_the_largest_count_that_is_hidden() -> None:
    first, last = map(int, SMALL_COUNTS.split(" to "))
    assert [count for count in range(20) if is_small(count)] == list(range(first, last + 1))
    assert last == SMALLEST_SHOWN - 1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_pages_name_the_counts_that_are_hidden(page: Path) -> None:
    named = {" ".join(found.split()) for found in RANGE.findall(page.read_text(encoding="utf-8"))}
    assert named <= {SMALL_COUNTS}


def test_some_pages_name_them() -> None:
    assert sum(bool(RANGE.search(page.read_text(encoding="utf-8"))) for page in PAGES) >= 5

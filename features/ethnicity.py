"""Ethnic category 2001 (16+1) and its NHS 5+1 grouping, with 'not stated' and 'not known' kept apart.

In this grouping Chinese (R) is 'other'; in Census 2021 it is Asian, so the two are never divided by one another.
"""

from __future__ import annotations

from collections.abc import Sequence

MAPPING_NAME = "NHS 5+1"
NOT_STATED = "not_stated"
NOT_KNOWN = "not_known"
GROUP_OF_CATEGORY = {
    "A": "white", "B": "white", "C": "white",
    "D": "mixed", "E": "mixed", "F": "mixed", "G": "mixed",
    "H": "asian", "J": "asian", "K": "asian", "L": "asian",
    "M": "black", "N": "black", "P": "black",
    "R": "other", "S": "other",
    "Z": NOT_STATED, "99": NOT_KNOWN,
}  # fmt: skip


def ethnic_groups(categories: Sequence[str | None]) -> list[str]:
    """Give the 5+1 group of each 16+1 category; an empty or unknown code is 'not_known'."""
    return [GROUP_OF_CATEGORY.get(category or "99", NOT_KNOWN) for category in categories]

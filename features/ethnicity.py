"""Ethnic categories of 2001 (16+1) and their NHS 5+1 groups (NHS Data Model and Dictionary).

'Not stated' (Z) means that the person was asked and did not answer. 'Not known' (99 or empty) means that no answer is recorded.
They are two separate groups. In the NHS grouping Chinese (R) is 'other', and in Census 2021 it is Asian. Never divide a count
by NHS group by a population by census group.
"""

from __future__ import annotations

from collections.abc import Sequence

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
    """Return the 5+1 group of each 16+1 category; an empty or unknown code is 'not_known'."""
    return [GROUP_OF_CATEGORY.get(category or "99", NOT_KNOWN) for category in categories]

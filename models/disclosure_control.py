"""What may leave: counts of 1 to 7 are suppressed, others rounded to 5, zero shown, and no total reveals a suppressed cell.

Standardised rates with their limits need none of it. A crude rate is worked out from the counts as they are shown.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass

SMALLEST_SHOWN = 8
ROUNDED_TO = 5
SUPPRESSED = "a count of 1 to 7, or one that a total would reveal"


@dataclass(frozen=True)
class Total:
    """A cell that is the sum of other cells, as everyone is of the quintiles or a PCN of its practices."""

    whole: Hashable
    parts: tuple[Hashable, ...]


def is_small(count: int) -> bool:
    """Say whether a count is too small to be shown."""
    return 0 < count < SMALLEST_SHOWN


def rounded(count: int) -> int:
    """Round to the nearest 5."""
    return ROUNDED_TO * int(count / ROUNDED_TO + 0.5)


def hidden_cells(
    counts: Mapping[Hashable, int], totals: Sequence[Total], at_first: Collection[Hashable] = ()
) -> frozenset[Hashable]:
    """Give the cells to hide: small ones, those named `at_first`, and as many more as keep every total from revealing them.

    In every total at least two cells are hidden or none, and what is hidden leaves room for a cell that need not be; else
    the smallest cell shown beside them (never a zero, the whole last) is hidden too.
    """
    hidden = {cell for cell, count in counts.items() if is_small(count)} | {cell for cell in at_first if cell in counts}
    inner_first = sorted(totals, key=lambda total: counts.get(total.whole, 0))  # what protects a part protects the whole too
    changed = True
    while changed:
        changed = False
        for total in inner_first:
            more = _next_to_hide(counts, total, hidden)
            if more is not None:
                hidden.add(more)
                changed = True
    return frozenset(hidden)


def shown_counts(
    counts: Mapping[Hashable, int], totals: Sequence[Total], at_first: Collection[Hashable] = ()
) -> dict[Hashable, int | None]:
    """Give each cell as it may leave: None where it is hidden, else rounded to 5."""
    hidden = hidden_cells(counts, totals, at_first)
    return {cell: None if cell in hidden else rounded(count) for cell, count in counts.items()}


def totals_of(parent_of: Mapping[Hashable, Hashable]) -> list[Total]:
    """Give the totals of a hierarchy, told by each cell's parent."""
    parts: dict[Hashable, list[Hashable]] = {}
    for cell, parent in parent_of.items():
        parts.setdefault(parent, []).append(cell)
    return [Total(whole, tuple(cells)) for whole, cells in parts.items()]


def _next_to_hide(counts: Mapping[Hashable, int], total: Total, hidden: set[Hashable]) -> Hashable | None:
    parts = [part for part in total.parts if part in counts]
    unknown = [part for part in parts if part in hidden]
    whole_is_hidden = total.whole in hidden
    if not unknown and not whole_is_hidden:
        return None
    if whole_is_hidden and unknown:
        return None  # two unknowns and no sum to hold them together
    if not whole_is_hidden and len(unknown) > 1:
        room = sum(counts[part] for part in unknown) - (len(unknown) - 1)
        if room >= SMALLEST_SHOWN:
            return None
    candidates = [part for part in parts if part not in hidden and counts[part] > 0]
    if candidates:
        return min(candidates, key=lambda part: (counts[part], str(part)))
    return None if whole_is_hidden or total.whole not in counts else total.whole

"""What may leave: the one rule of disclosure control, for every table, page, alert and database view.

Counts below `SMALLEST_SHOWN` are hidden, and so is every count that a total would reveal. Other counts are rounded to 5. Zero is shown.
Where a count is hidden, every rate, ratio, limit and index computed from it is hidden. The others have three significant figures
and are computed from the rounded counts, so that the exact count does not follow from them.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from expectations.small_counts import SMALL_COUNTS, SMALLEST_SHOWN
from models.group_gaps import largest_gaps
from models.intervals import NOT_KNOWN, Estimate
from models.measures_from_totals import GroupTotals, from_totals, list_of, totals_behind

ROUNDED_TO = 5
SIGNIFICANT_FIGURES = 3
SUPPRESSED = f"a count of {SMALL_COUNTS}, or one that a total would reveal"
EVERYONE = ("all", "all")  # kind and name of the group that holds all rows
GAPS = "between_groups"
LIMITS = ["value", "lower", "upper"]
Cell = tuple[str, str]


@dataclass(frozen=True)
class Total:
    """A cell that is the sum of other cells, as everyone is of the quintiles or a PCN of its practices."""

    whole: Hashable
    parts: tuple[Hashable, ...]


def is_small(count: float) -> bool:
    """Return whether a count is too small to be shown."""
    return 0 < count < SMALLEST_SHOWN


def any_small(counts: Iterable[float]) -> bool:
    """Return whether any of several counts is too small to be shown."""
    return any(is_small(count) for count in counts)


def rounded(count: float) -> int:
    """Round to the nearest 5."""
    return ROUNDED_TO * int(count / ROUNDED_TO + 0.5)


def shown_count(count: int) -> int:
    """Return a count as a figure may be computed from it: a small one counts as 5, whatever it is, and others are rounded to 5."""
    return ROUNDED_TO if is_small(count) else rounded(count)


def three_figures(value: float) -> float:
    """Round a rate, a ratio, an index or a limit to three significant figures."""
    return float(f"{value:.{SIGNIFICANT_FIGURES}g}") if np.isfinite(value) else float(value)


def shown_share(part: int, whole: int) -> float:
    """Return a share of rounded counts. A small part, or all but a small part, counts as 5, whatever it is."""
    few, few_others, total = is_small(part), is_small(whole - part), max(rounded(whole), ROUNDED_TO)
    if few and few_others:
        return 0.5
    count = ROUNDED_TO if few else total - ROUNDED_TO if few_others else rounded(part)
    return min(1.0, max(0.0, count / total))


def hidden_cells(
    counts: Mapping[Hashable, int], totals: Sequence[Total], at_first: Collection[Hashable] = ()
) -> frozenset[Hashable]:
    """Return the cells to hide: small ones, those named `at_first`, and as many more as keep every total from revealing them.

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


def cells_to_hide(
    counts: Mapping[Hashable, tuple[float, ...]], totals: Sequence[Total], at_first: Collection[Hashable] = ()
) -> set[Hashable]:
    """Return the cells to hide so that none of their several counts (people, events, ...) follows from a total."""
    hidden: set[Hashable] = {*at_first, *(cell for cell, of in counts.items() if any_small(of))}
    each = [
        _filled({cell: of[place] for cell, of in counts.items()}, totals) for place in range(len(next(iter(counts.values()), ())))
    ]
    before = -1
    while len(hidden) > before:
        before = len(hidden)
        for one in each:  # one after the other: what is hidden for one count protects the others too
            hidden |= hidden_cells(one, totals, hidden)
    return hidden


def shown_counts(
    counts: Mapping[Hashable, int], totals: Sequence[Total], at_first: Collection[Hashable] = ()
) -> dict[Hashable, int | None]:
    """Return each cell as it may leave: None where it is hidden, else rounded to 5."""
    hidden = hidden_cells(counts, totals, at_first)
    return {cell: None if cell in hidden else rounded(count) for cell, count in counts.items()}


def totals_of(parent_of: Mapping[Hashable, Hashable]) -> list[Total]:
    """Return the totals of a hierarchy, from each cell's parent."""
    parts: dict[Hashable, list[Hashable]] = {}
    for cell, parent in parent_of.items():
        parts.setdefault(parent, []).append(cell)
    return [Total(whole, tuple(cells)) for whole, cells in parts.items()]


def safe_estimates(measures: Mapping[str, Estimate], people: int, events: int) -> dict[str, Estimate]:
    """Return the measures of one set of rows as they may leave: from rounded counts, to three significant figures.

    Nothing is known of a set with a small count of people, events or others, and nothing of a list with such a count.
    """
    exact = totals_behind(measures, people, events)
    if any_small(_group_counts(exact)):
        return dict.fromkeys(measures, NOT_KNOWN)
    lists = {at for at in exact.listed if any_small(_list_counts(exact, at))}
    return _safe(measures, exact, exact.each(rounded_if_known), lists)


def safe_audit(audit: pd.DataFrame) -> pd.DataFrame:
    """Return one model's measures by group (the columns of `models.fairness.audit`, and any others) as they may leave.

    A group is hidden where its people, events or others are few, or would follow from everyone and the groups of its kind that
    are shown. The same holds for a group's part of a list. Gaps between groups are those of the measures that are shown.
    """
    audit = audit.reset_index(drop=True)
    groups = audit[audit["group_name"] != GAPS]
    parts = {(str(kind), str(name)): part for (kind, name), part in groups.groupby(["group_kind", "group_name"], sort=False)}
    if not parts:
        return audit
    measures = {cell: _estimates(part) for cell, part in parts.items()}
    exact = {cell: totals_behind(measures[cell], _count(part, "people"), _count(part, "events")) for cell, part in parts.items()}
    shown = {cell: of.each(rounded_if_known) for cell, of in exact.items()}
    hidden, hidden_lists = _hidden_groups(parts, exact)
    rows = {}
    for cell, part in parts.items():
        lists = {at for at, cells in hidden_lists.items() if cell in cells}
        if cell in hidden:
            rows[cell] = _safe_rows(part, dict.fromkeys(measures[cell], NOT_KNOWN), lists, None)
        else:
            safe = _safe(measures[cell], exact[cell], shown[cell], lists, shown.get(EVERYONE))
            rows[cell] = _safe_rows(part, safe, lists, shown[cell])
    return pd.concat([*rows.values(), *_safe_gaps(audit[audit["group_name"] == GAPS], rows)]).sort_index(ignore_index=True)


def _hidden_groups(
    parts: Mapping[Cell, pd.DataFrame], exact: Mapping[Cell, GroupTotals]
) -> tuple[set[Hashable], dict[str, set[Hashable]]]:
    """Return the groups to hide, and for each list the groups whose part of it is hidden."""
    kinds = totals_of({cell: cell[0] for cell in parts if cell[0] != EVERYONE[0]})
    totals = [replace(kind, whole=EVERYONE) for kind in kinds]  # the groups of each kind are everyone
    unknown = {cell for cell, of in exact.items() if not np.isfinite(of.people + of.events)}
    hidden = cells_to_hide({cell: _group_counts(of) for cell, of in exact.items()}, totals, unknown)
    lists = {
        at: cells_to_hide(
            {cell: _list_counts(of, at) for cell, of in exact.items()}, totals, hidden | _suppressed_lists(parts, at)
        )
        for at in sorted(set().union(*(of.listed for of in exact.values())))
    }
    return hidden, lists


def rounded_if_known(count: float) -> float:
    """Round a count to the nearest 5; one that is not known (NaN) stays so."""
    return float(rounded(count)) if np.isfinite(count) else count


def _safe(
    measures: Mapping[str, Estimate],
    exact: GroupTotals,
    shown: GroupTotals,
    hidden_lists: Collection[str],
    everyone: GroupTotals | None = None,
) -> dict[str, Estimate]:
    again = from_totals(measures, exact, shown, everyone)
    return {
        name: NOT_KNOWN
        if list_of(name) in hidden_lists
        else Estimate(three_figures(estimate.value), three_figures(estimate.lower), three_figures(estimate.upper))
        for name, estimate in again.items()
    }


def _safe_rows(
    part: pd.DataFrame, safe: Mapping[str, Estimate], hidden_lists: Collection[str], shown: GroupTotals | None
) -> pd.DataFrame:
    """Return a group's rows with safe measures; without `shown` totals the group is hidden."""
    rows = part.copy()
    for limit in LIMITS:
        rows[limit] = [getattr(safe[metric], limit) for metric in part["metric"]]
    rows["people"] = pd.array([pd.NA if shown is None else int(shown.people)] * len(part), dtype="Int64")
    rows["events"] = pd.array([pd.NA if shown is None else int(shown.events)] * len(part), dtype="Int64")
    in_hidden_list = part["metric"].map(lambda metric: list_of(metric) in hidden_lists).astype(bool)
    rows["suppressed"] = part["suppressed"].astype(bool) | in_hidden_list | (shown is None)
    return rows


def _safe_gaps(gaps: pd.DataFrame, rows: Mapping[Cell, pd.DataFrame]) -> list[pd.DataFrame]:
    """Return the gaps of each kind between its groups that are shown, from the groups' safe rows."""
    safe = [
        _gaps_between(part, pd.concat([of for cell, of in rows.items() if cell[0] == kind]))
        for kind, part in gaps.groupby("group_kind", sort=False)
    ]
    return [part for part in safe if len(part)]


def _gaps_between(part: pd.DataFrame, groups: pd.DataFrame) -> pd.DataFrame:
    names = dict.fromkeys(metric.removesuffix("_difference").removesuffix("_ratio") for metric in part["metric"])
    again = {name: numbers for name, *numbers in largest_gaps(groups, list(names))}
    rows = part[part["metric"].isin(list(again))].copy()
    for place, limit in enumerate(LIMITS):
        rows[limit] = [three_figures(again[metric][place]) for metric in rows["metric"]]
    return rows.astype({"people": "Int64", "events": "Int64"})


def _estimates(part: pd.DataFrame) -> dict[str, Estimate]:
    numbers = part[LIMITS].astype("float64").to_numpy()
    return {metric: Estimate(*(float(number) for number in row)) for metric, row in zip(part["metric"], numbers, strict=True)}


def _count(part: pd.DataFrame, column: str) -> float:
    known = part[column].dropna()
    return float(known.iloc[0]) if len(known) else float("nan")


def _group_counts(of: GroupTotals) -> tuple[float, ...]:
    return of.people, of.rows, of.events, of.rows - of.events


def _list_counts(of: GroupTotals, at: str) -> tuple[float, ...]:
    listed, found = of.listed.get(at, np.nan), of.found.get(at, np.nan)
    return listed, found, listed - found, of.events - found, of.rows - listed


def _suppressed_lists(parts: Mapping[Cell, pd.DataFrame], at: str) -> set[Cell]:
    return {
        cell
        for cell, part in parts.items()
        if (part["suppressed"].astype(bool) & part["metric"].map(lambda metric: list_of(metric) == at)).any()
    }


def _filled(counts: Mapping[Hashable, float], totals: Sequence[Total]) -> dict[Hashable, int]:
    """Return the counts with what is left of each total in the place of those that are not known: only their sum matters."""
    found: dict[Hashable, int] = {cell: int(count) for cell, count in counts.items() if np.isfinite(count)}
    for total in totals:
        unknown = [part for part in total.parts if part not in found]
        left = found.get(total.whole, 0) - sum(found[part] for part in total.parts if part in found)
        found |= {part: 0 if place else max(left, 0) for place, part in enumerate(unknown)}
    return found


def _next_to_hide(counts: Mapping[Hashable, int], total: Total, hidden: set[Hashable]) -> Hashable | None:
    whole_is_hidden = total.whole in hidden
    if not _reveals([counts[part] for part in total.parts if part in hidden], whole_is_hidden):
        return None
    shown = [part for part in total.parts if part not in hidden and counts.get(part, 0) > 0]
    whole = None if whole_is_hidden or total.whole not in counts else total.whole
    return min(shown, key=lambda part: (counts[part], str(part)), default=whole)


def _reveals(hidden_parts: Sequence[int], whole_is_hidden: bool) -> bool:
    """Return whether what a total shows reveals a hidden cell: only one is hidden, or the hidden parts leave it too little room."""
    if len(hidden_parts) + whole_is_hidden < 2:
        return bool(hidden_parts) or whole_is_hidden
    return not whole_is_hidden and sum(hidden_parts) - (len(hidden_parts) - 1) < SMALLEST_SHOWN

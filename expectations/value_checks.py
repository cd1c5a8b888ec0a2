"""Checks on columns: required ones that are not there, values that are lost, unknown, frozen or not stated, and dates of unknown order."""

from __future__ import annotations

from typing import Any

import pandas as pd

from expectations.delivery_figures import (
    FEW_ROWS,
    Answer,
    Finding,
    Summary,
    Thresholds,
    at_least,
    at_most,
    each_row,
    over_limit,
    share_of,
)

NO_SENDER = "none"  # the rows that name no organisation: their other values are often lost, too
GONE = ", which the previous delivery had"
COLUMN_FAULTS = (
    ("columns_missing", "column", ""),
    ("columns_gone", "column", GONE),
    ("columns_hidden", "value in the column", ", and a header that is not used may be that column"),
)
EMPTY = "empty"  # the shape of a lost value that is empty


def columns_present(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find extracts without a required column, one that the previous delivery had, or values that an unused header may have."""
    findings = []
    for name, what, why in COLUMN_FAULTS:
        lacking = summary.extracts[summary.extracts[name] != ""] if name in summary.extracts else summary.extracts.head(0)
        findings += [
            Finding(f"{row.file_name} has no {what} {getattr(row, name)}{why}", column=str(getattr(row, name)))
            for row in each_row(lacking)
        ]
    return Answer(float(len(findings)), None, 0, findings)


def answers_delivered(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find extracts without a date or mark whose absence grants something to everyone."""
    silent = summary.extracts[summary.extracts["columns_silent"] != ""]
    findings = [
        Finding(
            f"{row.file_name} has no column {row.columns_silent}, so no one has that date or mark", column=str(row.columns_silent)
        )
        for row in each_row(silent)
    ]
    return Answer(float(len(findings)), None, 0, findings)


def single_value(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find columns that had several values in the previous delivery and have a single value now."""
    single = summary.columns[summary.columns["column"].isin(columns)] if not summary.columns.empty else summary.columns
    if len(single):
        varied = single["different_before"].fillna(0) > 1
        single = single[varied & (single["different"] <= 1) & (single["rows"] >= summary.thresholds.group_rows)]
    findings = [
        Finding(f"{row.column} has one value or none, and had several in the previous delivery", column=str(row.column))
        for row in each_row(single)
    ]
    return Answer(float(len(single)), None, 0, findings)


def unknown_codes(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find coded columns with too many values outside their vocabulary."""
    if summary.columns.empty:
        return at_most(pd.Series(dtype=float), limit, [])
    coded = summary.columns[summary.columns["column"].isin(columns)].rename(columns={"rows": "all_rows", "values": "rows"})
    coded = coded.assign(share=share_of(coded["outside"], coded["rows"]))
    findings = [
        Finding(
            f"{row.outside:,.0f} of {row.rows:,.0f} values of {row.column} are outside its vocabulary ({row.share:.1%})",
            column=str(row.column), rows=int(row.outside), share=row.share,
        )
        for row in each_row(over_limit(coded, "outside", limit))
    ]  # fmt: skip
    return at_most(coded["share"], limit, findings)


def unknown_codes_in_lists(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find columns of lists in which too many lists lost some of their codes."""
    if summary.columns.empty:
        return at_most(pd.Series(dtype=float), limit, [])
    lists = summary.columns[summary.columns["column"].isin(columns)].rename(columns={"rows": "all_rows", "values": "rows"})
    lists = lists.assign(share=share_of(lists["incomplete"], lists["rows"]))
    findings = [
        Finding(
            f"{row.incomplete:,.0f} of {row.rows:,.0f} values of {row.column} have some codes outside its vocabulary ({row.share:.1%}). These codes "
            "were removed and the others kept",
            column=str(row.column), rows=int(row.incomplete), share=row.share,
        )
        for row in each_row(over_limit(lists, "incomplete", limit))
    ]  # fmt: skip
    return at_most(lists["share"], limit, findings)


def values_lost(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find columns whose values are lost too often, in the whole delivery or else from one organisation.

    A coded column that is outside its vocabulary as a whole is reported by `unknown_codes`, and not again here.
    """
    lost = _with_shares(summary, columns)
    if not summary.columns.empty:
        outside = share_of(summary.columns["outside"], summary.columns["values"]) > limit
        lost = lost[~lost["column"].isin(summary.columns.loc[outside, "column"])]
    broken = lost[(lost["share"] > limit) & _enough(lost, summary.thresholds)]
    return at_most(lost["share"], limit, [_lost_finding(row) for row in each_row(_whole_first(broken))])


def values_lost_more(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find columns that lost a larger share of their values than in the previous delivery, by more than the limit."""
    lost = _with_shares(summary, columns)
    lost = lost[lost["values_before"].fillna(0) >= summary.thresholds.lost_values]
    rise = lost["share"] - share_of(lost["lost_before"].fillna(0), lost["values_before"])
    broken = lost.assign(rise=rise)[(rise > limit) & _enough(lost, summary.thresholds)]
    findings = [
        _lost_finding(row, f"; {row.lost_before / row.values_before:.1%} in the previous delivery", row.rise)
        for row in each_row(_whole_first(broken))
    ]
    return at_most(rise, limit, findings)


def values_emptied(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find columns that are empty where the previous delivery had values, in the whole delivery or else from one organisation."""
    if summary.filled.empty:
        return at_least(pd.Series(dtype=float), limit, [])
    filled = summary.filled[summary.filled["column"].isin(columns)]
    least = (summary.thresholds.lost_values * (filled["organisation"] != "")).clip(lower=FEW_ROWS)
    filled = filled[filled["expected"] >= least]
    filled = filled.assign(share=share_of(filled["filled"], filled["expected"]))
    fewer = filled["expected"] - filled["filled"] > filled["by_chance"].clip(lower=FEW_ROWS)
    findings = [
        Finding(
            f"{row.column}{f' from {row.organisation}' if row.organisation else ''} has a value in {row.filled:,.0f} of {row.rows:,.0f} rows; by the "
            f"previous delivery it would have {row.expected:,.0f} ({row.share:.0%}). An empty value is an answer, so what the values said would be lost",
            str(row.organisation), None, str(row.column), int(row.expected - row.filled), row.share,
        )
        for row in each_row(_whole_first(filled[(filled["share"] < limit) & fewer]))
    ]  # fmt: skip
    return at_least(filled["share"], limit, findings)


def _with_shares(summary: Summary, columns: tuple[str, ...]) -> pd.DataFrame:
    if summary.lost.empty:
        return pd.DataFrame(
            columns=["column", "organisation", "values", "lost", "values_before", "lost_before", "share"], dtype=float
        )
    lost = summary.lost[summary.lost["column"].isin(columns)]
    return lost.assign(share=share_of(lost["lost"], lost["values"]))


def _enough(lost: pd.DataFrame, thresholds: Thresholds) -> pd.Series:
    """Return where enough values were lost for a share to mean something; fewer are enough if a column or an organisation lost all of them."""
    all_lost = (lost["organisation"] != NO_SENDER) & (lost["lost"] == lost["values"]) & (lost["lost"] > FEW_ROWS)
    return all_lost | (lost["lost"] >= thresholds.lost_values)


def _whole_first(broken: pd.DataFrame) -> pd.DataFrame:
    """Return broken places without the organisations of a column that is broken as a whole."""
    whole = broken.loc[broken["organisation"] == "", "column"]
    return broken[(broken["organisation"] == "") | ~broken["column"].isin(whole)]


def _lost_finding(row: Any, compared: str = "", share: float | None = None) -> Finding:
    sender = f" from {row.organisation}" if row.organisation else ""
    why = f"they cannot be read, and most look like '{row.shape}' (9 for a digit, a for a letter). Correct the values or their format in the file"
    if row.shape == EMPTY:
        why = "they are empty, and empty is no answer here. Have the values sent"
    message = f"{row.lost:,.0f} of {row.values:,.0f} values of {row.column} in {row.files}{sender} are lost ({row.share:.1%}{compared}): {why}"
    return Finding(message, str(row.organisation), None, str(row.column), int(row.lost), row.share if share is None else share)


def share_of_values(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find organisations with too many values that are not stated or not known."""
    if summary.not_known.empty:
        return at_most(pd.Series(dtype=float), limit, [])
    groups = summary.not_known[
        summary.not_known["column"].isin(columns) & (summary.not_known["rows"] >= summary.thresholds.group_rows)
    ]
    groups = groups.assign(share=share_of(groups["not_known"], groups["rows"]))
    findings = [
        Finding(
            f"{row.organisation}: {row.column} is not stated, not known or empty in {row.share:.0%} of {row.rows:,} rows",
            str(row.organisation), None, str(row.column), int(row.not_known), row.share,
        )
        for row in each_row(groups[groups["share"] > limit])
    ]  # fmt: skip
    return at_most(groups["share"], limit, findings)


def day_and_month_known(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find date columns whose values show the month first, or do not show which number is the day."""
    if summary.orders.empty:
        return Answer(0.0, None, limit, [])
    orders = summary.orders
    share = share_of(orders["month_first"], orders["month_first"] + orders["day_first"])
    orders = orders.assign(share=share.where(~orders["unknown"].astype(bool), 1.0))
    few = (orders["month_first"] <= FEW_ROWS) & (orders["day_first"] > 0)
    findings = [
        Finding(
            f"{row.file_name}: {row.month_first:,} of {row.values:,} values of {row.column} have "
            + ("the day before the month" if str(row.format).startswith("YYYY") else "the month before the day")
            if row.month_first
            else f"{row.file_name}: none of {row.values:,} values of {row.column} shows whether the day or the month is first",
            column=str(row.column),
            rows=int(row.values),
            share=float(row.share),
        )
        for row in each_row(orders[(orders["share"] > limit) & ~few])
    ]
    return at_most(orders["share"], limit, findings)

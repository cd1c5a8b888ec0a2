"""Checks on the number of rows: of a file, of a month, of an organisation, and compared with the previous delivery."""

from __future__ import annotations

from typing import Any

import pandas as pd

from expectations.chance import chance_of_so_few
from expectations.delivery_figures import (
    FEW_ROWS,
    Answer,
    Finding,
    Summary,
    at_least,
    at_most,
    day_of,
    each_row,
    month_of,
    over_limit,
    share_of,
)

# How unlikely so few rows must be. With 0.01, a feed of 9 rows that falls to none stops, and so does one of 12 that falls to 2.
CHANCE_TO_STOP, CHANCE_TO_WARN = 0.01, 0.1
VOLUME_COLUMNS = ("month", "rows", "rows_before", "rows_earlier", "deliveries")


def not_empty(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find extracts without rows."""
    empty = summary.extracts[summary.extracts["rows"] == 0]
    findings = [Finding(f"{row.file_name} has no rows") for row in each_row(empty)]
    return Answer(float(len(empty)), None, 0, findings)


def share_set_aside(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find extracts with too many rows set aside."""
    rows = summary.extracts.assign(share=share_of(summary.extracts["set_aside"], summary.extracts["rows"]))
    broken = over_limit(rows, "set_aside", limit)
    findings = [
        Finding(
            f"{row.set_aside:,} of {row.rows:,} rows of {row.file_name} were set aside ({row.share:.1%})",
            rows=int(row.set_aside),
            share=row.share,
        )
        for row in each_row(broken)
    ]
    return at_most(rows["share"], limit, findings)


def objections_lost(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find extracts of objections with rows that were set aside, so that it is not known who objects."""
    rows = summary.extracts.assign(share=share_of(summary.extracts["objections_lost"], summary.extracts["rows"]))
    findings = [
        Finding(
            f"{row.objections_lost:,} of {row.rows:,} rows of {row.file_name} may be objections, and it is not known whose ({row.why}). Have the rows "
            "sent again with the usual pseudonyms",
            rows=int(row.objections_lost), share=row.share,
        )
        for row in each_row(rows[rows["share"] > limit])
    ]  # fmt: skip
    return at_most(rows["share"], limit, findings)


def keys_unique(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find keys that occur more than once after duplicates were set aside."""
    message = f"{summary.repeated_keys:,} keys occur more than once after duplicates were set aside"
    findings = [Finding(message, rows=summary.repeated_keys)] if summary.repeated_keys else []
    return Answer(float(summary.repeated_keys), None, 0, findings)


def feed_collapsed(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find a delivery that, as a whole or in a month, has fewer rows than the previous one, over all senders, beyond chance."""
    counted, has_collapsed = _fallen(summary, limit)
    return at_least(counted["share"], limit, [_fewer_rows(row) for row in each_row(counted[has_collapsed])])


def feed_fell(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find a delivery that as a whole has fewer rows than the previous one, too few to stop and too many for chance."""
    counted, has_collapsed = _fallen(summary, limit)
    fell = counted["month"].isna() & (counted["share"] < limit) & (counted["fewer"] > 1) & (counted["chance"] < CHANCE_TO_WARN)
    whole = counted[counted["month"].isna()]
    return at_least(whole["share"], limit, [_fewer_rows(row) for row in each_row(counted[fell & ~has_collapsed])])


def _fallen(summary: Summary, limit: float) -> tuple[pd.DataFrame, pd.Series]:
    """Return the counts that can be compared, with share, rows fewer and the chance of so few, and a mask of those that collapsed.

    Rows that do not vary by chance collapse if more than a few are missing, or all.
    """
    volume = summary.volume.reindex(columns=[*VOLUME_COLUMNS]).fillna({"rows_earlier": 0, "deliveries": 0})
    large = volume["month"].isna() | (volume["rows_before"] >= summary.thresholds.month_rows)
    counted = volume[large & (volume["rows_before"] > 0)]
    counted = counted.assign(
        share=share_of(counted["rows"], counted["rows_before"]),
        fewer=counted["rows_before"] - counted["rows"],
        chance=[chance_of_so_few(row.rows, row.rows_earlier, row.deliveries) for row in each_row(counted)],
    )
    varies = counted["deliveries"] > 0
    all_gone = counted["month"].isna() & ~varies & (counted["rows"] == 0)
    many = (counted["fewer"] > FEW_ROWS) & (counted["chance"] < CHANCE_TO_STOP)
    return counted, (counted["share"] < limit) & (many | all_gone)


def _fewer_rows(row: Any) -> Finding:
    return Finding(
        f"{month_of(row.month) or 'the delivery'}: {row.rows:,.0f} rows, {row.rows_before:,.0f} in the previous delivery ({row.share:.0%})",
        month=day_of(row.month), rows=int(row.rows), share=row.share,
    )  # fmt: skip


def month_collapsed(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find organisations and months with fewer rows than in the previous delivery."""
    if summary.months.empty:
        return at_least(pd.Series(dtype=float), limit, [])
    months = summary.months[summary.months["rows_before"].fillna(0) >= summary.thresholds.month_rows]
    months = months.assign(share=share_of(months["rows"], months["rows_before"]))
    findings = [
        Finding(
            f"{row.organisation} {month_of(row.month)}: {row.rows:,.0f} rows, {row.rows_before:,.0f} in the previous delivery ({row.share:.0%})",
            str(row.organisation), day_of(row.month), columns[0] if columns else "", int(row.rows), row.share,
        )
        for row in each_row(months[months["share"] < limit])
    ]  # fmt: skip
    return at_least(months["share"], limit, findings)


def month_gap(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find months with very few rows of an organisation that sent rows before and after."""
    worst, findings = [], []
    for organisation, own in summary.months.groupby("organisation") if not summary.months.empty else ():
        shares, usual = _shares_of_usual_month(own, limit)
        if usual < summary.thresholds.month_rows or shares.empty:
            continue
        worst.append(float(shares.min()))
        findings += [
            Finding(
                f"{organisation} {month_of(month)}: {share * usual:,.0f} rows, {usual:,.0f} in its median month",
                str(organisation), day_of(month), columns[0] if columns else "", round(float(share) * usual), float(share),
            )
            for month, share in shares[shares < limit].items()
        ]  # fmt: skip
    return at_least(pd.Series(worst, dtype=float), limit, findings)


def _shares_of_usual_month(own: pd.DataFrame, limit: float) -> tuple[pd.Series, float]:
    """Return the rows of each month between an organisation's first and last active month, as a share of its median month.

    A month is active if it has at least the limit's share of the median, so that a single wrong date does not extend the period.
    """
    rows = own[own["rows"] > 0].set_index("month")["rows"].sort_index().astype(float)
    usual = float(rows.median()) if len(rows) else 0.0
    active = rows[rows >= limit * usual]
    if len(active) < 2 or not usual:
        return pd.Series(dtype=float), usual
    months = pd.date_range(active.index.min(), active.index.max(), freq="MS")
    rows.index = pd.DatetimeIndex(rows.index).as_unit("ns")
    return rows.reindex(months.as_unit("ns"), fill_value=0.0) / usual, usual


def below_published_list(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find practices with far fewer patients than their published list."""
    if summary.lists.empty:
        return at_least(pd.Series(dtype=float), limit, [])
    lists = summary.lists[summary.lists["published"] >= summary.thresholds.group_rows]
    lists = lists.assign(share=share_of(lists["rows"], lists["published"]))
    findings = [
        Finding(f"{row.organisation}: {row.rows:,.0f} patients, {row.published:,.0f} on the published list ({row.share:.0%})",
                str(row.organisation), None, "", int(row.rows), row.share)
        for row in each_row(lists[lists["share"] < limit])
    ]  # fmt: skip
    return at_least(lists["share"], limit, findings)


def history_starts_at_load(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find practices with many registrations that start on one day, which is the day that their history was loaded."""
    if summary.starts.empty:
        return at_most(pd.Series(dtype=float), limit, [])
    starts = summary.starts[summary.starts["rows"] >= summary.thresholds.group_rows]
    starts = starts.assign(share=share_of(starts["same_day"], starts["rows"]))
    findings = [
        Finding(f"{row.organisation}: {row.share:.0%} of {row.rows:,} registrations start on {day_of(row.day)}",
                str(row.organisation), None, "", int(row.same_day), row.share)
        for row in each_row(starts[starts["share"] > limit])
    ]  # fmt: skip
    return at_most(starts["share"], limit, findings)

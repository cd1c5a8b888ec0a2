"""The checks of table rules: each reads a small summary of a delivery and returns where its rule is broken and by how much."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd

FEW_ROWS = 3  # up to this number of broken rows, a share is not broken, unless all rows are broken
DELETED = "deleted"  # the row rule of a row that its sender deleted
GONE = ", which the previous delivery had"
NOT_KNOWN = ("Z", "99")  # ethnic category not stated, or not known


@dataclass(frozen=True)
class Thresholds:
    """The smallest numbers of rows that allow a comparison."""

    month_rows: int = 20
    group_rows: int = 50
    lost_values: int = 20


@dataclass
class Summary:
    """The figures of a delivery that table rules check. A frame that does not apply to the feed or delivery is empty.

    * extracts: file_name, rows, set_aside, columns_missing (required columns, separated by commas), columns_gone (other columns that the
      previous delivery had)
    * columns: column, values, outside, different, different_before
    * months: organisation, month, rows, rows_before (null where not comparable)
    * volume: month (null for the delivery as a whole), rows, rows_before, only of what both deliveries contain completely; `by_chance`
      is how many rows fewer may be chance
    * not_known: organisation, column, rows, not_known
    * lists: organisation, rows, published
    * starts: organisation, day, rows, same_day
    * lost: column, organisation ('' for the whole delivery), values, lost, values_before, lost_before, shape, files
    * filled: column, organisation ('' for the whole delivery), rows, filled, expected (as many as the same rows of the previous delivery
      would have), by_chance (how many fewer may be chance)
    * orders: file_name, column, format, values, day_first, month_first (values that show an order), unknown (none does, and none
      of the feed's history or of what is usual does either)
    """

    extracts: pd.DataFrame
    repeated_keys: int = 0
    columns: pd.DataFrame = field(default_factory=pd.DataFrame)
    months: pd.DataFrame = field(default_factory=pd.DataFrame)
    volume: pd.DataFrame = field(default_factory=pd.DataFrame)
    not_known: pd.DataFrame = field(default_factory=pd.DataFrame)
    lists: pd.DataFrame = field(default_factory=pd.DataFrame)
    starts: pd.DataFrame = field(default_factory=pd.DataFrame)
    lost: pd.DataFrame = field(default_factory=pd.DataFrame)
    filled: pd.DataFrame = field(default_factory=pd.DataFrame)
    orders: pd.DataFrame = field(default_factory=pd.DataFrame)
    thresholds: Thresholds = field(default_factory=Thresholds)


@dataclass(frozen=True)
class Finding:
    """One place where a rule is broken, with its figures and a message."""

    message: str
    organisation: str = ""
    month: date | None = None
    column: str = ""
    rows: int = 0
    share: float | None = None


@dataclass(frozen=True)
class Answer:
    """The result of a rule: its worst figure, its limits and every place where it is broken."""

    figure: float
    least: float | None
    most: float | None
    findings: list[Finding]


def not_empty(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find extracts without rows."""
    empty = summary.extracts[summary.extracts["rows"] == 0]
    findings = [Finding(f"{row.file_name} has no rows") for row in _each(empty)]
    return Answer(float(len(empty)), None, 0, findings)


def columns_present(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find extracts without a required column, or without one that the previous delivery had."""
    findings = []
    for name, why in (("columns_missing", ""), ("columns_gone", GONE)):
        lacking = summary.extracts[summary.extracts[name] != ""] if name in summary.extracts else summary.extracts.head(0)
        findings += [
            Finding(f"{row.file_name} has no column {getattr(row, name)}{why}", column=str(getattr(row, name)))
            for row in _each(lacking)
        ]
    return Answer(float(len(findings)), None, 0, findings)


def share_set_aside(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find extracts with too many rows set aside."""
    rows = summary.extracts.assign(share=_share(summary.extracts["set_aside"], summary.extracts["rows"]))
    broken = _over(rows, "set_aside", limit)
    findings = [
        Finding(
            f"{row.set_aside:,} of {row.rows:,} rows of {row.file_name} were set aside ({row.share:.1%})",
            rows=int(row.set_aside),
            share=row.share,
        )
        for row in _each(broken)
    ]
    return _most(rows["share"], limit, findings)


def keys_unique(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find keys that occur more than once after duplicates were set aside."""
    message = f"{summary.repeated_keys:,} keys occur more than once after duplicates were set aside"
    findings = [Finding(message, rows=summary.repeated_keys)] if summary.repeated_keys else []
    return Answer(float(summary.repeated_keys), None, 0, findings)


def feed_collapsed(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find a delivery that, as a whole or in a month, has fewer rows than the previous one, over all senders."""
    if summary.volume.empty:
        return _least(pd.Series(dtype=float), limit, [])
    fewer = summary.volume["rows_before"] - summary.volume["rows"]
    large = summary.volume["month"].isna() | (summary.volume["rows_before"] >= summary.thresholds.month_rows)
    counted = summary.volume[large & (summary.volume["rows_before"] > 0)]
    counted = counted.assign(share=_share(counted["rows"], counted["rows_before"]))
    broken = counted[(counted["share"] < limit) & (fewer[counted.index] > counted["by_chance"].clip(lower=FEW_ROWS))]
    findings = [
        Finding(
            f"{_month(row.month) or 'the delivery'}: {row.rows:,.0f} rows, {row.rows_before:,.0f} in the previous delivery ({row.share:.0%})",
            month=_day(row.month), rows=int(row.rows), share=row.share,
        )
        for row in _each(broken)
    ]  # fmt: skip
    return _least(counted["share"], limit, findings)


def month_collapsed(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find organisations and months with fewer rows than in the previous delivery."""
    if summary.months.empty:
        return _least(pd.Series(dtype=float), limit, [])
    months = summary.months[summary.months["rows_before"].fillna(0) >= summary.thresholds.month_rows]
    months = months.assign(share=_share(months["rows"], months["rows_before"]))
    findings = [
        Finding(
            f"{row.organisation} {_month(row.month)}: {row.rows:,.0f} rows, {row.rows_before:,.0f} in the previous delivery ({row.share:.0%})",
            str(row.organisation), _day(row.month), columns[0] if columns else "", int(row.rows), row.share,
        )
        for row in _each(months[months["share"] < limit])
    ]  # fmt: skip
    return _least(months["share"], limit, findings)


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
                f"{organisation} {_month(month)}: {share * usual:,.0f} rows, {usual:,.0f} in its median month",
                str(organisation), _day(month), columns[0] if columns else "", round(float(share) * usual), float(share),
            )
            for month, share in shares[shares < limit].items()
        ]  # fmt: skip
    return _least(pd.Series(worst, dtype=float), limit, findings)


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


def single_value(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find columns that had several values in the previous delivery and have a single value now."""
    single = summary.columns[summary.columns["column"].isin(columns)] if not summary.columns.empty else summary.columns
    if len(single):
        varied = single["different_before"].fillna(0) > 1
        single = single[varied & (single["different"] <= 1) & (single["rows"] >= summary.thresholds.group_rows)]
    findings = [
        Finding(f"{row.column} has one value or none, and had several in the previous delivery", column=str(row.column))
        for row in _each(single)
    ]
    return Answer(float(len(single)), None, 0, findings)


def unknown_codes(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find coded columns with too many values outside their vocabulary."""
    if summary.columns.empty:
        return _most(pd.Series(dtype=float), limit, [])
    coded = summary.columns[summary.columns["column"].isin(columns)].rename(columns={"rows": "all_rows", "values": "rows"})
    coded = coded.assign(share=_share(coded["outside"], coded["rows"]))
    findings = [
        Finding(
            f"{row.outside:,.0f} of {row.rows:,.0f} values of {row.column} are outside its vocabulary ({row.share:.1%})",
            column=str(row.column), rows=int(row.outside), share=row.share,
        )
        for row in _each(_over(coded, "outside", limit))
    ]  # fmt: skip
    return _most(coded["share"], limit, findings)


def values_lost(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find columns whose values are lost too often, in the whole delivery or else from one organisation.

    A coded column that is outside its vocabulary as a whole is reported by `unknown_codes`, and not again here.
    """
    lost = _with_shares(summary, columns)
    if not summary.columns.empty:
        outside = _share(summary.columns["outside"], summary.columns["values"]) > limit
        lost = lost[~lost["column"].isin(summary.columns.loc[outside, "column"])]
    broken = lost[(lost["share"] > limit) & _enough(lost, summary.thresholds)]
    return _most(lost["share"], limit, [_lost_finding(row) for row in _each(_whole_first(broken))])


def values_lost_more(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find columns that lost a larger share of their values than in the previous delivery, by more than the limit."""
    lost = _with_shares(summary, columns)
    lost = lost[lost["values_before"].fillna(0) >= summary.thresholds.lost_values]
    rise = lost["share"] - _share(lost["lost_before"].fillna(0), lost["values_before"])
    broken = lost.assign(rise=rise)[(rise > limit) & _enough(lost, summary.thresholds)]
    findings = [
        _lost_finding(row, f"; {row.lost_before / row.values_before:.1%} in the previous delivery", row.rise)
        for row in _each(_whole_first(broken))
    ]
    return _most(rise, limit, findings)


def values_emptied(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find columns that are empty where the previous delivery had values, in the whole delivery or else from one organisation."""
    if summary.filled.empty:
        return _least(pd.Series(dtype=float), limit, [])
    filled = summary.filled[summary.filled["column"].isin(columns)]
    least = (summary.thresholds.lost_values * (filled["organisation"] != "")).clip(lower=FEW_ROWS)
    filled = filled[filled["expected"] >= least]
    filled = filled.assign(share=_share(filled["filled"], filled["expected"]))
    fewer = filled["expected"] - filled["filled"] > filled["by_chance"].clip(lower=FEW_ROWS)
    findings = [
        Finding(
            f"{row.column}{f' from {row.organisation}' if row.organisation else ''} has a value in {row.filled:,.0f} of {row.rows:,.0f} rows; by the "
            f"previous delivery it would have {row.expected:,.0f} ({row.share:.0%}). An empty value is an answer, so what the values said would be lost",
            str(row.organisation), None, str(row.column), int(row.expected - row.filled), row.share,
        )
        for row in _each(_whole_first(filled[(filled["share"] < limit) & fewer]))
    ]  # fmt: skip
    return _least(filled["share"], limit, findings)


def _with_shares(summary: Summary, columns: tuple[str, ...]) -> pd.DataFrame:
    if summary.lost.empty:
        return pd.DataFrame(
            columns=["column", "organisation", "values", "lost", "values_before", "lost_before", "share"], dtype=float
        )
    lost = summary.lost[summary.lost["column"].isin(columns)]
    return lost.assign(share=_share(lost["lost"], lost["values"]))


def _enough(lost: pd.DataFrame, thresholds: Thresholds) -> pd.Series:
    """Return where enough values were lost for a share to mean something; fewer are enough if a column lost all of them."""
    whole = lost["organisation"] == ""
    all_lost = whole & (lost["lost"] == lost["values"]) & (lost["lost"] > FEW_ROWS)
    return all_lost | (lost["lost"] >= thresholds.lost_values)


def _whole_first(broken: pd.DataFrame) -> pd.DataFrame:
    """Return broken places without the organisations of a column that is broken as a whole."""
    whole = broken.loc[broken["organisation"] == "", "column"]
    return broken[(broken["organisation"] == "") | ~broken["column"].isin(whole)]


def _lost_finding(row: Any, compared: str = "", share: float | None = None) -> Finding:
    sender = f" from {row.organisation}" if row.organisation else ""
    message = (
        f"{row.lost:,.0f} of {row.values:,.0f} values of {row.column} in {row.files}{sender} are lost ({row.share:.1%}{compared}): "
        f"they cannot be read, and most look like '{row.shape}' (9 for a digit, a for a letter). Correct the values or their format in the file"
    )
    return Finding(message, str(row.organisation), None, str(row.column), int(row.lost), row.share if share is None else share)


def share_of_values(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find organisations with too many values that are not stated or not known."""
    if summary.not_known.empty:
        return _most(pd.Series(dtype=float), limit, [])
    groups = summary.not_known[
        summary.not_known["column"].isin(columns) & (summary.not_known["rows"] >= summary.thresholds.group_rows)
    ]
    groups = groups.assign(share=_share(groups["not_known"], groups["rows"]))
    findings = [
        Finding(
            f"{row.organisation}: {row.column} is not stated, not known or empty in {row.share:.0%} of {row.rows:,} rows",
            str(row.organisation), None, str(row.column), int(row.not_known), row.share,
        )
        for row in _each(groups[groups["share"] > limit])
    ]  # fmt: skip
    return _most(groups["share"], limit, findings)


def below_published_list(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find practices with far fewer patients than their published list."""
    if summary.lists.empty:
        return _least(pd.Series(dtype=float), limit, [])
    lists = summary.lists[summary.lists["published"] >= summary.thresholds.group_rows]
    lists = lists.assign(share=_share(lists["rows"], lists["published"]))
    findings = [
        Finding(f"{row.organisation}: {row.rows:,.0f} patients, {row.published:,.0f} on the published list ({row.share:.0%})",
                str(row.organisation), None, "", int(row.rows), row.share)
        for row in _each(lists[lists["share"] < limit])
    ]  # fmt: skip
    return _least(lists["share"], limit, findings)


def history_starts_at_load(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find practices with many registrations that start on one day, which is the day that their history was loaded."""
    if summary.starts.empty:
        return _most(pd.Series(dtype=float), limit, [])
    starts = summary.starts[summary.starts["rows"] >= summary.thresholds.group_rows]
    starts = starts.assign(share=_share(starts["same_day"], starts["rows"]))
    findings = [
        Finding(f"{row.organisation}: {row.share:.0%} of {row.rows:,} registrations start on {_day(row.day)}",
                str(row.organisation), None, "", int(row.same_day), row.share)
        for row in _each(starts[starts["share"] > limit])
    ]  # fmt: skip
    return _most(starts["share"], limit, findings)


def day_and_month_known(summary: Summary, limit: float, columns: tuple[str, ...]) -> Answer:
    """Find date columns whose values show the month first, or do not show which number is the day."""
    if summary.orders.empty:
        return Answer(0.0, None, limit, [])
    orders = summary.orders
    share = _share(orders["month_first"], orders["month_first"] + orders["day_first"])
    orders = orders.assign(share=share.where(~orders["unknown"].astype(bool), 1.0))
    few = (orders["month_first"] <= FEW_ROWS) & (orders["day_first"] > 0)
    findings = [
        Finding(
            f"{row.file_name}: {row.month_first:,} of {row.values:,} values of {row.column} have the month before the day"
            if row.month_first
            else f"{row.file_name}: none of {row.values:,} values of {row.column} shows whether the day or the month is first",
            column=str(row.column),
            rows=int(row.values),
            share=float(row.share),
        )
        for row in _each(orders[(orders["share"] > limit) & ~few])
    ]
    return _most(orders["share"], limit, findings)


CHECKS: dict[str, Callable[[Summary, float, tuple[str, ...]], Answer]] = {
    check.__name__: check
    for check in (
        not_empty, columns_present, share_set_aside, keys_unique, feed_collapsed, month_collapsed, month_gap, single_value, unknown_codes,
        values_lost, values_lost_more, values_emptied, share_of_values, below_published_list, history_starts_at_load, day_and_month_known,
    )
}  # fmt: skip


def _each(rows: pd.DataFrame) -> Iterator[Any]:
    """Return an iterator of the rows of a frame, with the columns as attributes."""
    return iter(rows.itertuples())


def _share(part: pd.Series, total: pd.Series) -> pd.Series:
    return (part.astype(float) / total.astype(float).where(total.astype(float) > 0)).fillna(0.0)


def _over(rows: pd.DataFrame, broken: str, limit: float) -> pd.DataFrame:
    """Return the rows whose share is over the limit, without those with only a few broken rows."""
    return rows[(rows["share"] > limit) & ((rows[broken] > FEW_ROWS) | (rows[broken] == rows["rows"]))]


def _most(shares: pd.Series, limit: float, findings: list[Finding]) -> Answer:
    worst = max((finding.share or 0.0 for finding in findings), default=min(float(shares.max()) if len(shares) else 0.0, limit))
    return Answer(worst, None, limit, findings)


def _least(shares: pd.Series, limit: float, findings: list[Finding]) -> Answer:
    worst = min((finding.share or 0.0 for finding in findings), default=max(float(shares.min()) if len(shares) else 1.0, limit))
    return Answer(worst, limit, None, findings)


def _day(value: object) -> date | None:
    moment = pd.Timestamp(value)  # type: ignore[arg-type]
    return None if pd.isna(moment) else moment.date()


def _month(value: object) -> str:
    day = _day(value)
    return "" if day is None else f"{day:%Y-%m}"

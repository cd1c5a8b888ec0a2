"""The rules: rows of the monitoring tables in, findings out. No finding names a person or counts people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

FEATURE_SHIFTED = "feature_shifted"
MISSING_SHARE_JUMPED = "missing_share_jumped"
LIST_TURNOVER = "list_turnover"
MATURED_CALIBRATION = "matured_calibration"
VOLUME_COLLAPSED = "volume_collapsed"
SCORES_STALE = "scores_stale"
FEED_LATE = "feed_late"
APPROVAL_ENDS = "approval_ends"
RULES = (
    FEATURE_SHIFTED, MISSING_SHARE_JUMPED, LIST_TURNOVER, MATURED_CALIBRATION, VOLUME_COLLAPSED, SCORES_STALE, FEED_LATE,
    APPROVAL_ENDS,
)  # fmt: skip
LEAST_EVENTS = 10  # of a group whose calibration is judged
Rows = Iterable[Mapping[str, Any]]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: which rule, about what, how bad, and what happened in words."""

    rule: str
    subject: str
    value: float
    limit: float
    message: str


def shifted_features(drift: Rows, limit: float) -> Iterator[Finding]:
    """Find features whose index reaches the limit, unless chance alone may have made it as large."""
    for row in drift:
        psi = row["psi"]
        if psi is not None and psi >= max(limit, row["psi_by_chance"] or 0.0):
            where = f"; most at {row['top_bin']}" if row["top_bin"] else ""
            words = (
                f"'{row['label']}' on {row['index_date']} is spread otherwise than on the training dates: index {psi:.2f}{where}"
            )
            yield Finding(FEATURE_SHIFTED, str(row["feature"]), psi, limit, words)


def jumps_of_missing(drift: Rows, limit: float) -> Iterator[Finding]:
    """Find feeds whose features are missing for a much larger or smaller share than on the training dates.

    What a feed lacks, all its features lack: they make one finding, told by the one that changed most.
    """
    moved = [row for row in drift if abs(row["share_missing_change"]) >= limit]
    for feed in sorted({str(row["feed"]) for row in moved}):
        rows = sorted(
            (row for row in moved if row["feed"] == feed), key=lambda row: (-abs(row["share_missing_change"]), row["feature"])
        )
        worst = rows[0]
        others = f"; of {feed or 'no feed'} {len(rows)} features changed so" if len(rows) > 1 else ""
        words = (
            f"'{worst['label']}' is missing for {worst['share_missing']:.0%} on {worst['index_date']}, "
            f"on the training dates for {worst['share_missing_training']:.0%}{others}"
        )
        yield Finding(MISSING_SHARE_JUMPED, feed or str(worst["feature"]), worst["share_missing_change"], limit, words)


def large_turnover(scores: Rows, limit: float) -> Iterator[Finding]:
    """Find lists, or groups' parts of them, of which more than the limit is new."""
    for row in scores:
        if row["measure"] == "list_turnover" and row["value"] is not None and row["value"] > limit:
            words = f"{row['value']:.0%} of the list of {row['index_date']} were not on the list before ({_group(row)})"
            yield Finding(LIST_TURNOVER, f"{row['outcome']}: {_group(row)}", row["value"], limit, words)


def poor_calibration(calibration: Rows, limits: tuple[float, float]) -> Iterator[Finding]:
    """Find groups whose observed over expected outcomes lie outside the limits with their whole interval.

    `calibration` holds measures as they may leave. Nothing is said of a group whose people or events are hidden.
    """
    low, high = limits
    for row in calibration:
        if row["metric"] != "observed_over_expected" or row["value"] is None or row["lower"] is None or row["upper"] is None:
            continue
        if row["people"] is None or row["events"] is None or row["events"] < LEAST_EVENTS:
            continue
        if row["group_kind"] == "list_status" and row["group_name"] != "neither":
            continue  # a list that is acted on is meant to change what comes
        if row["upper"] < low or row["lower"] > high:
            words = (
                f"after the run of {row['index_date']} {row['value']:.2f} times the expected outcomes came "
                f"({row['lower']:.2f} to {row['upper']:.2f}; {_group(row)})"
            )
            crossed = low if row["upper"] < low else high
            yield Finding(MATURED_CALIBRATION, f"{row['outcome']}: {_group(row)}", row["value"], crossed, words)


def collapsed_volumes(breaches: Rows) -> Iterator[Finding]:
    """Find months in which an organisation sent far fewer rows than before or than usual, as validation judged it."""
    for row in breaches:
        month = f"{row['month']:%Y-%m}"
        words = f"{row['feed']} of {row['organisation_code']} holds {row['share'] or 0.0:.0%} of the rows expected for {month}"
        yield Finding(
            VOLUME_COLLAPSED, f"{row['feed']} {row['organisation_code']} {month}", row["share"] or 0.0, row["limit"] or 0.0, words
        )


def stale_scores(outcome: str, published: date | None, today: date, limit_days: int) -> Iterator[Finding]:
    """Find scores that were published longer ago than readers may expect."""
    if published is not None and (today - published).days > limit_days:
        age = (today - published).days
        words = f"the latest scores of '{outcome}' were published {age} days ago; readers may expect {limit_days}"
        yield Finding(SCORES_STALE, outcome, float(age), float(limit_days), words)


def feeds_that_are_late(late: Mapping[str, date], data_cut: date, limit_days: int) -> Iterator[Finding]:
    """Tell of feeds whose latest delivery is too old for what the others say."""
    for feed, day in late.items():
        words = f"the latest delivery of {feed} is of {day}, {(data_cut - day).days} days before the data cut; {limit_days} are allowed"
        yield Finding(FEED_LATE, feed, float((data_cut - day).days), float(limit_days), words)


def approval_that_ends(expires: date, today: date, limit_days: int) -> Iterator[Finding]:
    """Tell of an approval whose last day is near: after it every run is refused."""
    left = (expires - today).days
    if left < limit_days:
        when = f"ends on {expires}" if left >= 0 else f"ended on {expires}"
        yield Finding(APPROVAL_ENDS, "purpose.approval", float(left), float(limit_days), f"the approval of the runs {when}")


def _group(row: Mapping[str, Any]) -> str:
    return "all" if row["group_kind"] == "all" else f"{row['group_kind']} {row['group_name']}"

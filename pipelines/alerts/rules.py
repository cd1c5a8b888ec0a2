"""The alert rules, each declared once: what it means, its setting, the rows that it reads and what it finds. `messages.py` has the text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, Field

from expectations.contract_terms import CONTRACTS
from features.code_list_matches import Match
from models.drift import SHIFTED
from models.support import DIFFERS
from pipelines.alerts import messages, watched_rows
from pipelines.alerts.rule_declaration import AlertRule, Crossing, Row, Rows, Setting

LEAST_EVENTS = 10  # of a group whose calibration is compared
Limits = tuple[float, float]


def _in_order(limits: Limits) -> Limits:
    if not 0 < limits[0] < limits[1]:
        raise ValueError(
            f"matured_observed_over_expected needs a lower and a higher limit above 0, not {limits[0]:g} and {limits[1]:g}"
        )
    return limits


def _shifted_features(drift: Rows, limit: float) -> Iterator[Crossing]:
    """Find features that had one value in training and have others, or whose index reaches the limit, unless that may be chance."""
    for row in drift:
        psi, is_new = row["psi"], row["was_constant"] and row["status"] == "shifted"
        if psi is not None and (is_new or psi >= max(limit, row["psi_by_chance"] or 0.0)):
            yield Crossing(str(row["feature"]), psi, limit, row)


def _differing_supports(drift: Rows, limit: float) -> Iterator[Crossing]:
    """Find feeds of which features are not 0 much more often on the scoring date than on the training dates, or less often.

    The features of a feed that is fresher on one side all differ. So they are one crossing, with the feature that differs most.
    """
    differ = [row for row in drift if (row["support_factor"] or 1.0) >= limit and not row["support_may_be_chance"]]
    for feed in sorted({str(row["feed"]) for row in differ}):
        rows = sorted((row for row in differ if row["feed"] == feed), key=lambda row: (-row["support_factor"], row["feature"]))
        worst = rows[0]
        yield Crossing(feed or str(worst["feature"]), worst["support_factor"], limit, {**worst, "features": len(rows)})


def _jumps_of_missing(drift: Rows, limit: float) -> Iterator[Crossing]:
    """Find feeds whose features are missing for a much larger or smaller share than on the training dates.

    What a feed lacks, all its features lack. So they are one crossing, with the feature that changed most.
    """
    moved = [row for row in drift if abs(row["share_missing_change"]) >= limit]
    for feed in sorted({str(row["feed"]) for row in moved}):
        rows = sorted(
            (row for row in moved if row["feed"] == feed), key=lambda row: (-abs(row["share_missing_change"]), row["feature"])
        )
        worst = rows[0]
        yield Crossing(feed or str(worst["feature"]), worst["share_missing_change"], limit, {**worst, "features": len(rows)})


def _large_turnover(scores: Rows, limit: float) -> Iterator[Crossing]:
    """Find lists, or groups' parts of them, of which more than the limit is new."""
    for row in scores:
        if row["measure"] == "list_turnover" and row["value"] is not None and row["value"] > limit:
            yield Crossing(f"{row['outcome']}: {_subject(row)}", row["value"], limit, row)


def _poor_calibration(calibration: Rows, limits: Limits) -> Iterator[Crossing]:
    """Find groups whose observed over expected outcomes lie outside the limits with their whole interval.

    `calibration` holds measures as they may leave. A group whose people or events are hidden is not compared.
    """
    low, high = limits
    for row in filter(_is_comparable, calibration):
        if row["upper"] < low or row["lower"] > high:
            yield Crossing(f"{row['outcome']}: {_subject(row)}", row["value"], low if row["upper"] < low else high, row)


def _is_comparable(row: Row) -> bool:
    is_known = all(row[name] is not None for name in ("value", "lower", "upper", "people", "events"))
    is_acted_on = row["group_kind"] == "list_status" and row["group_name"] != "neither"  # that is meant to change the outcomes
    return row["metric"] == "observed_over_expected" and is_known and row["events"] >= LEAST_EVENTS and not is_acted_on


def _collapsed_volumes(breaches: Rows, _: bool) -> Iterator[Crossing]:
    """Find months in which an organisation sent far fewer rows than before or than usual, as validation found."""
    for row in breaches:
        subject = f"{row['feed']} {row['organisation_code']} {row['month']:%Y-%m}"
        yield Crossing(subject, row["share"] or 0.0, row["limit"] or 0.0, row)


def _stale_scores(publications: Rows, limit_days: int) -> Iterator[Crossing]:
    """Find outcomes whose scores were published longer ago than readers may expect."""
    for row in publications:
        if row["age_days"] > limit_days:
            yield Crossing(row["outcome"], float(row["age_days"]), float(limit_days), row)


def _late_feeds(late: Rows, _: bool) -> Iterator[Crossing]:
    """Find the feeds whose latest delivery is older than the schedule allows."""
    for row in late:
        yield Crossing(row["feed"], float(row["days_behind"]), float(row["limit_days"]), row)


def _approval_that_ends(approvals: Rows, limit_days: int) -> Iterator[Crossing]:
    """Find an approval of the runs whose last day is near or over."""
    for row in approvals:
        if row["days_left"] < limit_days:
            yield Crossing("purpose.approval", float(row["days_left"]), float(limit_days), row)


def _far_code_lists(lists: Rows, _: bool) -> Iterator[Crossing]:
    """Find code lists that match no one, or a share of people that is far from the published prevalence.

    A list that matches no one is no finding where the features that read it are computed from other lists, or, if none reads it, where it
    matches people in another feed.
    """
    rows = list(lists)
    matching = {row["list"] for row in rows if row["people"]}
    for row in rows:
        lost = row["features_not_computed"]
        is_silent = row["result"] == Match.NOTHING and (lost or (lost is None and row["list"] not in matching))
        if is_silent or row["result"] in (Match.BELOW_EXPECTED, Match.ABOVE_EXPECTED):
            share, expected = (row[name] / row["all_people"] for name in ("people", "expected_people"))
            yield Crossing(f"{row['list']} {row['code_system']}", share, expected, row)


def _silent_practices(practices: Rows, least: int) -> Iterator[Crossing]:
    """Find practices at which a number of code lists match no one although people are expected and the lists match people elsewhere."""
    for row in practices:
        if row["lists"] >= least:
            yield Crossing(f"{row['practice_code']} {row['code_system']}", float(row["lists"]), float(least), row)


def _subject(row: Row) -> str:
    """Return a group as alerts store it."""
    return "all" if row["group_kind"] == "all" else f"{row['group_kind']} {row['group_name']}"


FEATURE_SHIFTED = AlertRule(
    "feature_shifted",
    "Feature shifted",
    "A feature of the champion is distributed differently on the scoring date than on the dates that the model learnt from.",
    Setting(
        "feature_shifted",
        Annotated[float, Field(gt=0)] | None,
        SHIFTED,
        "population stability index of a feature from which it counts as shifted",
    ),
    watched_rows.drift,
    _shifted_features,
    messages.feature_shifted,
)
MISSING_SHARE_JUMPED = AlertRule(
    "missing_share_jumped",
    "Share of missing values changed",
    "Features of one feed are missing for a much larger or smaller share of people than on the training dates.",
    Setting(
        "missing_share_jumped",
        Annotated[float, Field(gt=0, le=1)] | None,
        0.1,
        "change of a feature's share missing since the training dates from which it counts as a jump",
    ),
    watched_rows.drift,
    _jumps_of_missing,
    messages.missing_share_jumped,
)
SUPPORT_DIFFERS = AlertRule(
    "support_differs",
    "Support of features differs",
    "Features of one feed are not 0 for a much larger or smaller share of people than on the training dates, as if the data were fresher on one side.",
    Setting(
        "support_differs",
        Annotated[float, Field(gt=1)] | None,
        DIFFERS,
        "factor between the odds of a value other than 0 on the training dates and on the scoring date from which they differ",
    ),
    watched_rows.drift,
    _differing_supports,
    messages.support_differs,
)
LIST_TURNOVER = AlertRule(
    "list_turnover",
    "Large turnover of the list",
    "A large share of the list, or of one group's part of it, was not on the list of the run before.",
    Setting(
        "list_turnover",
        Annotated[float, Field(gt=0, le=1)] | None,
        0.5,
        "share of the list, or of a group's part of it, that is new since the last run, above which an alert is raised",
    ),
    watched_rows.scores,
    _large_turnover,
    messages.list_turnover,
)
MATURED_CALIBRATION = AlertRule(
    "matured_calibration",
    "Outcomes differ from the risks",
    "The horizon of a past run is over, and the outcomes differ from those that it expected, overall or in a group.",
    Setting(
        "matured_observed_over_expected",
        Annotated[Limits, AfterValidator(_in_order)] | None,
        (0.8, 1.25),
        "limits of observed over expected outcomes of the latest matured run; crossed when the 95% interval lies outside",
    ),
    watched_rows.matured_runs,
    _poor_calibration,
    messages.matured_calibration,
)
VOLUME_COLLAPSED = AlertRule(
    "volume_collapsed",
    "Volume collapsed",
    "In the latest delivery of a feed an organisation's month holds far fewer rows than before or than its other months.",
    Setting(
        "volume_collapsed", bool, True, "alert about months in which an organisation's rows broke a volume rule of validation"
    ),
    watched_rows.broken_volumes,
    _collapsed_volumes,
    messages.volume_collapsed,
)
SCORES_STALE = AlertRule(
    "scores_stale",
    "Scores are stale",
    "The latest published scores are older than readers were promised.",
    Setting(
        "scores_stale_days",
        Annotated[int, Field(ge=1)] | None,
        CONTRACTS["risk__current"].fresh_days,
        "days since the last publication above which scores are stale",
    ),
    watched_rows.publications,
    _stale_scores,
    messages.scores_stale,
)
FEED_LATE = AlertRule(
    "feed_late",
    "Feed is late",
    "The latest delivery of a feed is much older than the data cut.",
    Setting("feed_late", bool, True, "alert about feeds that are late (schedule.late_after_days)"),
    watched_rows.late_feeds,
    _late_feeds,
    messages.feed_late,
)
APPROVAL_ENDS = AlertRule(
    "approval_ends",
    "Approval of the runs ends",
    "The approval that the runs are based on ends soon, or has ended. After its last day every run is refused.",
    Setting(
        "approval_ends_days",
        Annotated[int, Field(ge=1)] | None,
        30,
        "days before the end of purpose.approval from which to alert",
    ),
    watched_rows.approval_of_runs,
    _approval_that_ends,
    messages.approval_ends,
)
CODE_LIST_FAR = AlertRule(
    "code_list_far",
    "Code list far from expected",
    "A code list matches no one in a feed, or a share of people far from the published prevalence of its condition.",
    Setting("code_list_far", bool, True, "alert about code lists that match no one, or far fewer or more people than expected"),
    watched_rows.code_lists,
    _far_code_lists,
    messages.code_list_far,
)
PRACTICE_LISTS_SILENT = AlertRule(
    "practice_lists_silent",
    "Code lists match no one at a practice",
    "Code lists match no one at a practice although people are expected there, and match people elsewhere.",
    Setting(
        "practice_lists_silent",
        Annotated[int, Field(ge=1)] | None,
        1,
        "number of code lists that match no one at a practice from which to alert",
    ),
    watched_rows.silent_practices,
    _silent_practices,
    messages.practice_lists_silent,
)
RULES: tuple[AlertRule, ...] = (
    FEATURE_SHIFTED, MISSING_SHARE_JUMPED, SUPPORT_DIFFERS, LIST_TURNOVER, MATURED_CALIBRATION, VOLUME_COLLAPSED, SCORES_STALE,
    FEED_LATE, APPROVAL_ENDS, CODE_LIST_FAR, PRACTICE_LISTS_SILENT,
)  # fmt: skip


def label_of(rule: str) -> str:
    """Return the label of a stored rule name; of a rule that is no longer declared, its name without underscores."""
    return next((declared.label for declared in RULES if declared.name == rule), rule.replace("_", " ").capitalize())

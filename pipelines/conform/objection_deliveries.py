"""The rows of core__objection_delivery: the latest delivery of each practice, and of each kind of objection as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import duckdb

from expectations.tables.core import DELIVERY_RULES
from pipelines.conform.national_list import Fall, NationalList
from pipelines.conform.objection_inputs import ObjectionInputs
from pipelines.conform.objection_shares import Share, shares_not_on_list
from pipelines.conform.objection_states import COMPLETE, TOO_MANY_ABSENT, Absences, PracticeDelivery

if TYPE_CHECKING:
    from pipelines.conform.objections import ObjectionSettings

ALL = "ALL"
ABSENT_RULE, STRANGERS_RULE, FALL_RULE = DELIVERY_RULES
TOO_MANY_STRANGERS = "too many not on the list"
NOT_KNOWN = "objections not known"
SAME_ROUND_DAYS = 14  # practices that deliver within two weeks of each other deliver together


def practice_rows(con: duckdb.DuckDBPyConnection, inputs: ObjectionInputs, absences: Absences) -> list[dict[str, Any]]:
    """Return a row for each practice of the list: its latest delivery, or that its objections are not known."""
    listed = con.execute("SELECT DISTINCT practice_code FROM homes WHERE practice_code IS NOT NULL").fetchall()
    sent = _latest_by_practice(con)
    days = con.execute("SELECT feed, max(extract_date) FROM stated WHERE kind = 'type_1' AND feed <> '' GROUP BY feed").fetchall()
    of_all = [(feed, day) for feed, day in days if feed not in inputs.by_practice]
    latest = max((day for _, day in days), default=None)
    rows = []
    for practice in sorted({str(code) for (code,) in listed} | set(sent)):
        feed, day = _latest(of_all, sent.get(practice))
        is_late = day is None or latest is None or day < latest - timedelta(days=SAME_ROUND_DAYS)
        status, counts = _practice_status(None if is_late else absences.practices.get(practice), is_late)
        rows.append(_delivery_row("type_1", practice, feed, day, status, counts))
    return rows


def _latest_by_practice(con: duckdb.DuckDBPyConnection) -> dict[str, tuple[str, date]]:
    """Return feed and day of the latest delivery that names each practice."""
    found = con.execute(
        "SELECT practice_code, arg_max(feed, (extract_date, feed)), max(extract_date) FROM stated WHERE kind = 'type_1' AND feed <> '' GROUP BY ALL"
    ).fetchall()
    return {practice: (feed, day) for practice, feed, day in found if practice}


def _latest(of_all: Sequence[tuple[str, date]], own: tuple[str, date] | None) -> tuple[str, date | None]:
    """Return the latest of the deliveries of all practices and of a practice's own; the first of those of one day."""
    deliveries = [*of_all, *([own] if own else [])]
    return max(deliveries, key=lambda one: one[1]) if deliveries else ("", None)


def _practice_status(found: PracticeDelivery | None, is_late: bool) -> tuple[str, tuple[int, int]]:
    """Return the status of a practice's delivery, with its objections and those that are absent."""
    if found is None:
        return NOT_KNOWN if is_late else COMPLETE, (0, 0)
    return found.status, (found.objections, found.absent)


def kind_rows(
    con: duckdb.DuckDBPyConnection,
    inputs: ObjectionInputs,
    settings: ObjectionSettings,
    national: NationalList,
    checked: Mapping[str, date],
) -> list[dict[str, Any]]:
    """Return a row for each kind: the share of people in a delivery who match no one on the list, and in the one before.

    The delivery is the latest, or the first after those `checked` in which the share jumped.
    """
    rows = []
    for kind in ("type_1", "national"):
        shares = shares_not_on_list(con, kind)
        if not shares:
            continue
        jump = _first_jump(shares, checked.get(kind, date.min), inputs, settings)
        falls = national.falls if kind == "national" else ()
        fall = next((one for one in falls if _is_large(one, inputs, settings)), None)
        if jump and fall:  # the earlier one stops the run; the other is found again when a decision accepts it
            jump, fall = (jump, None) if jump.day <= fall.day else (None, fall)
        shown, status = jump or shares[-1], TOO_MANY_STRANGERS if jump else TOO_MANY_ABSENT if fall else COMPLETE
        feed, day = (fall.feed, fall.day) if fall else (shown.feed, shown.day)
        counted = fall or (falls[-1] if falls else None)
        counts = (counted.before, counted.fewer) if counted and not jump else (0, 0)
        dates = (national.submitted, national.valid_until) if kind == "national" else (None, None)
        rows.append(_delivery_row(kind, ALL, feed, day, status, counts, (shown.share, shown.before), dates))
    return rows


def _first_jump(shares: list[Share], checked: date, inputs: ObjectionInputs, settings: ObjectionSettings) -> Share | None:
    """Return the first delivery in which the share jumped, of the latest, those after the ones that were checked, and late ones."""
    new = [one for one in shares[:-1] if one.day > checked or (one.feed, one.day) in inputs.late] + shares[-1:]
    return next((one for one in new if _jumped(one, inputs, settings)), None)


def _jumped(share: Share, inputs: ObjectionInputs, settings: ObjectionSettings) -> bool:
    """Return whether a share rose above the limit in a delivery that no decision accepts."""
    is_high = share.rise > settings.not_on_list_rise
    return is_high and not inputs.accepted_organisations(share.feed, STRANGERS_RULE, share.day)


def _is_large(fall: Fall, inputs: ObjectionInputs, settings: ObjectionSettings) -> bool:
    """Return whether a national list lacks more people than the limit, and no decision accepts it."""
    return fall.fewer > settings.national_fall * fall.before and not inputs.accepted_organisations(fall.feed, FALL_RULE, fall.day)


def _delivery_row(
    kind: str, practice: str, feed: str, day: date | None, status: str, counts: tuple[int, int],
    shares: tuple[float | None, float | None] = (None, None), dates: tuple[date | None, date | None] = (None, None),
) -> dict[str, Any]:  # fmt: skip
    return {
        "kind": kind, "practice_code": practice, "feed": feed, "delivered": day, "status": status, "objections": counts[0], "absent": counts[1],
        "share_not_on_list": shares[0], "share_not_on_list_before": shares[1], "submitted": dates[0], "valid_until": dates[1],
    }  # fmt: skip

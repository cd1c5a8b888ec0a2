"""Damages in which a value is lost: deaths, ends of registration, marks, recorded days, births and numbers."""

from __future__ import annotations

from hostile.damages import Damage, Expected, Line, Row, Rows, changed, of_cells, same, without

from expectations.suppression import CONFLICTING, DEATH_NOT_READABLE, END_NOT_READABLE, LOST_MARKS

KIND = "lost values"
SUPPRESSED, SET_ASIDE, REPAIRED, EMPTIED = Expected.SUPPRESSED, Expected.SET_ASIDE, Expected.REPAIRED, Expected.EMPTIED
DIED, LEFT, NOT_LISTED = "died", "not registered", "not on the list"
NO_DAYS = (
    "45421", "45421.0", "Y", "true", "1", "dead", "31/02/2024", "2024-13-01", "2024-02-30", "unknown", "######", "1066-10-14", "2087-01-01",
    "12/05/2024", "20240203", "2024-02-03 or later", "01-Feb-20244", "-",
)  # fmt: skip
NO_ENDS = ("45500", "Y", "left", "31/02/2025", "true", "00/00/0000", "unknown", "2025-06-31", "30/06/2025", "?")
NEVER = ("9999-12-31", "2999-12-31", "31/12/9999", "4712-12-31")
NO_MARKS = ("X", "2", "?", "maybe", "-1", "10", "Yes?", "0x1")
YES = ("1", "y", "true", "１", "1.0", "'1", " Yes ", "T\u200b")
MARKS = tuple(LOST_MARKS)
ENTRY_FEEDS = {"gp_observations": ("is_deleted", "is_confidential"), "gp_medication_orders": ("is_deleted",)}
RULE_OF = {"is_deleted": "deleted", "is_confidential": "confidential", "is_test_patient": "test_patient", "is_spine_sensitive": "spine_sensitive"}  # fmt: skip


def lost_values() -> list[Damage]:
    """Return every damage of this kind."""
    return [*_deaths(), *_ends(), *_marks(), *_entry_marks(), *_copies_of_entries(), *_others()]


def _deaths() -> list[Damage]:
    found = of_cells(KIND, "patients", "death_date", NO_DAYS, SUPPRESSED, DEATH_NOT_READABLE)
    found += of_cells(KIND, "patients", "death_date", NEVER, Expected.UNCHANGED, "")
    found += of_cells(KIND, "patients", "death_date", ("NULL", " ", "\u00a0"), Expected.UNCHANGED, "")
    pairs = (
        ("alive, then dead", "", "2024-02-03", DIED), ("dead, then alive", "2024-02-03", "", DIED),
        ("alive, then dead on a day that cannot be read", "", "45421", DEATH_NOT_READABLE),
        ("dead as a word, then alive", "Y", "", DEATH_NOT_READABLE), ("dead on two days", "2024-02-03", "2024-03-04", DIED),
    )  # fmt: skip
    return found + [_two_rows("patients", "death_date", *pair) for pair in pairs]


def _ends() -> list[Damage]:
    found = of_cells(KIND, "registrations", "end_date", NO_ENDS, SUPPRESSED, END_NOT_READABLE)
    found += of_cells(KIND, "registrations", "end_date", NEVER, Expected.UNCHANGED, "")
    pairs = (
        ("open, then ended", "", "2025-06-30", LEFT), ("ended, then open", "2025-06-30", "", LEFT),
        ("open, then ended on a day that cannot be read", "", "45500", END_NOT_READABLE),
    )  # fmt: skip
    return found + [_two_rows("registrations", "end_date", *pair) for pair in pairs]


def _two_rows(feed: str, column: str, name: str, first: str, second: str, reason: str) -> Damage:
    """Return a damage in which two rows about the person differ in one column."""

    def damage(rows: Rows) -> list[Line]:
        return [*changed(feed, rows, **{column: first}), changed(feed, rows, **{column: second})[-1]]

    return Damage(KIND, f"two rows, {name}", feed, column, SUPPRESSED, reason, damage, same, _has_one_row_of_before)


def _has_one_row_of_before(rows: Rows) -> bool:
    """Return whether a person has one row, and it starts before the ends that the damages state."""
    return len(rows) == 1 and rows[0].get("START_DATE", "") < "2025-01-01"


def _marks() -> list[Damage]:
    found = []
    for number, column in enumerate(MARKS):
        found += of_cells(KIND, "patients", column, NO_MARKS[number::2], SUPPRESSED, LOST_MARKS[column])
        found += of_cells(KIND, "patients", column, YES[number::3], SET_ASIDE, RULE_OF[column])
        found.append(_two_rows("patients", column, "marked and not", "0", "1", CONFLICTING))
        found.append(_two_rows("patients", column, "not marked and a mark that cannot be read", "0", "X", LOST_MARKS[column]))
    return found


def _entry_marks() -> list[Damage]:
    found = []
    for feed, columns in ENTRY_FEEDS.items():
        for number, column in enumerate(columns):
            found += of_cells(KIND, feed, column, NO_MARKS[number::3], SET_ASIDE, "not_in_vocabulary")
            found += of_cells(KIND, feed, column, YES[number::2], SET_ASIDE, RULE_OF[column])
    return found


def _copies_of_entries() -> list[Damage]:
    """Return entries that conflict with their own marked copy, before or after it."""
    places = [(feed, column) for feed, columns in ENTRY_FEEDS.items() for column in columns]
    return [_with_copy(feed, column, mark, first) for feed, column in places for mark in ("1", "X") for first in (True, False)]


def _with_copy(feed: str, column: str, mark: str, first: bool) -> Damage:
    def damage(rows: Rows) -> list[Line]:
        latest = _latest(feed, rows)
        copy = _latest(feed, changed(feed, rows, **{column: mark}))
        rest = without(feed)(rows)
        return [*rest, *([copy, latest] if first else [latest, copy])]

    order = "before" if first else "after"
    return Damage(
        KIND,
        f"a copy marked {mark!r} {order} the entry",
        feed,
        column,
        SET_ASIDE,
        "conflicting_rows",
        damage,
        without(feed),
        bool,
    )


def _latest(feed: str, rows: Rows) -> Row:
    kept = without(feed)(rows)
    return next(row for row in rows if row not in kept)


def _others() -> list[Damage]:
    found = of_cells(KIND, "gp_observations", "recorded_date", ("soon", "45000", "2024-02-30", "Y"), EMPTIED, "unreadable_date")
    found += of_cells(KIND, "gp_observations", "recorded_date", ("13/05/2024",), EMPTIED, "second_date_format")
    found += of_cells(KIND, "gp_observations", "recorded_date", ("", "NULL"), Expected.FLAGGED, "missing_value")
    for feed, column in (("gp_observations", "effective_date"), ("gp_medication_orders", "issue_date"), ("admissions", "admission_date"),
                         ("emergency_attendances", "arrival_date"), ("outpatient_appointments", "appointment_date")):  # fmt: skip
        found += of_cells(KIND, feed, column, ("soon", "45000"), SET_ASIDE, "unreadable_date")
        found += of_cells(KIND, feed, column, ("",), SET_ASIDE, "missing_value")
    found += of_cells(KIND, "admissions", "discharge_date", ("soon", "45000", "Y"), SET_ASIDE, "unreadable_date")
    found += of_cells(
        KIND, "gp_observations", "result_value", ("7,5", "1.234,5", "146 mm", "about <5", "１２"), EMPTIED, "unreadable_number"
    )
    found += of_cells(KIND, "gp_medication_orders", "quantity", ("28,0", "two"), EMPTIED, "unreadable_number")
    found += of_cells(KIND, "patients", "birth_year", ("",), SET_ASIDE, "missing_value")
    found += of_cells(KIND, "patients", "birth_year", ("19x0", "1950,0"), SET_ASIDE, "unreadable_number")
    found += of_cells(KIND, "patients", "birth_month", ("13", "0"), EMPTIED, "out_of_range")
    found += of_cells(KIND, "patients", "sex", ("M", "3"), EMPTIED, "not_in_vocabulary")
    return found

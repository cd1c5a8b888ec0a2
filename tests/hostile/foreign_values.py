"""Damages to cells: values as other systems, spreadsheets and languages write them, and rows of one person of which one cannot be used."""

from __future__ import annotations

from hostile import identifier_damages, lost_value_damages
from hostile.damages import Damage, Expected, Line, Rows, changed, of_cells, same
from hostile.lost_value_damages import DIED

from expectations.suppression import CONFLICTING, DEATH_NOT_READABLE, END_NOT_READABLE, LOST_MARKS

VALUES, IDENTIFIERS = lost_value_damages.KIND, identifier_damages.KIND
SUPPRESSED, SET_ASIDE, EMPTIED, UNCHANGED = Expected.SUPPRESSED, Expected.SET_ASIDE, Expected.EMPTIED, Expected.UNCHANGED
NO_DAYS = (
    "00/00/0000", "1900-01-00", "03/02/24", "2024-W06-6", "1706918400", "45325.75", "3 Chwefror 2024", "#REF!", "NaT",
    "(null)", "\\N", "alive", "2024-02-03Z", "２０２４-02-03", "2262-04-11", "2026-01-01T23:30:00-05:00", "✓",
)  # fmt: skip
DAYS_OF_DEATH = ("2024", "2024-02", "2024-02-03T24:00:00", "2024-02-03 14:30:00.123456+00:00", "\u00a02024-02-03\u00a0")
NO_ENDS = ("1900-01-00", "Feb-24", "-1", "0000-00-00", "30-06-25", "Mehefin 2025", "2025-W26-1", "45838.5", "#N/A", "NaT", "(null)", "N/K", "-", "ended", "2025-06-30Z", "2262-04-11")  # fmt: skip
NEVER = ("9999-12-31T23:59:59", "9999-12-31 23:59:59.9999999", "2999-12-31 00:00:00")
NO_MARKS = ("J", "ja", "Oui", "✓", "☑", "O", "0.5", "N/K", "#REF!", "(null)", "00", "nej", "½", "+1", "TRUE;FALSE", "ydw")
NUMBERS = (
    "7·5",
    "−5",
    "5-",
    "(5)",
    "½",
    "5²",
    "1E400",
    "NaN",
    "٣",
    "1_000",
    "1\u00a0000",
    "5%",
    "#DIV/0!",
    "TNP",
    ">>5",
    "1/2",
    "7.5.1",
)
NO_EVENT_DAYS = (
    "1900-01-00", "2024-W06-6", "1706918400", "45325.75", "3 Chwefror 2024", "#REF!", "NaT", "(null)", "2024-02-03Z",
    "2024-02-03T12:00:00+99:00", "2024-02-03T99:00:00Z", "03/02/24",
)  # fmt: skip
EVENT_DAYS = (("gp_observations", "effective_date"), ("gp_medication_orders", "issue_date"), ("admissions", "admission_date"), ("emergency_attendances", "arrival_date"), ("outpatient_appointments", "appointment_date"))  # fmt: skip
NO_PEOPLE = ("X", "xx", "N/K", "nk", "(none)", "[NULL]", "<none>", "NaT", "not-known", "000-000-0000", "??", "...", "'--'", "#SPILL!", "1234567890", "9.87E+15", "1,5E+10", "n\\a")  # fmt: skip
NO_CODES = {"gp_observations": "concept_code", "gp_medication_orders": "medicine_code"}
WRONG_CODES = (
    ("1223980016", "not_a_snomed_concept"), ("100022", "not_a_snomed_concept"), ("044054006", "not_a_snomed_concept"), ("4405400", "wrong_check_digit"),
    ("44054O06", "not_in_vocabulary"), ("44054006|73211009", "not_in_vocabulary"), ("44054006 or Diabetes", "not_in_vocabulary"),
    ("1234567890123456789", "not_in_vocabulary"), ("12345", "not_in_vocabulary"),
)  # fmt: skip


def foreign_values() -> list[Damage]:
    """Return every damage of this module."""
    return [*_days(), *_marks_and_numbers(), *_unusable_rows(), *_identifiers(), *_practices()]


def _days() -> list[Damage]:
    found = of_cells(VALUES, "patients", "death_date", NO_DAYS, SUPPRESSED, DEATH_NOT_READABLE)
    found += of_cells(VALUES, "patients", "death_date", DAYS_OF_DEATH[:2], SUPPRESSED, DIED)
    found += [_not_counted(one) for one in of_cells(VALUES, "patients", "death_date", DAYS_OF_DEATH[2:], SUPPRESSED, DIED)]
    found += of_cells(VALUES, "patients", "death_date", NEVER, UNCHANGED, "")
    found += of_cells(VALUES, "registrations", "end_date", NO_ENDS, SUPPRESSED, END_NOT_READABLE)
    found += of_cells(VALUES, "registrations", "end_date", NEVER, UNCHANGED, "")
    for turn, (feed, column) in enumerate(EVENT_DAYS):
        found += of_cells(VALUES, feed, column, NO_EVENT_DAYS[turn % 3 :: 3], SET_ASIDE, "unreadable_date")
    found += of_cells(VALUES, "gp_observations", "effective_date", ("00/00/0000",), SET_ASIDE, "second_date_format")
    return found


def _not_counted(one: Damage) -> Damage:
    """Return a damage whose row is well formed."""
    return Damage(
        one.kind, one.name, one.feed, one.column, one.expected, one.reason, one.damage, one.means, one.suits, counted=False
    )


def _marks_and_numbers() -> list[Damage]:
    found = []
    for number, column in enumerate(LOST_MARKS):
        found += of_cells(VALUES, "patients", column, NO_MARKS[number::3], SUPPRESSED, LOST_MARKS[column])
    found += of_cells(VALUES, "gp_observations", "is_deleted", NO_MARKS[::4], SET_ASIDE, "not_in_vocabulary")
    found += of_cells(VALUES, "gp_medication_orders", "is_deleted", NO_MARKS[1::4], SET_ASIDE, "not_in_vocabulary")
    found += of_cells(VALUES, "gp_observations", "result_value", NUMBERS, EMPTIED, "unreadable_number")
    found += of_cells(VALUES, "gp_medication_orders", "quantity", ("½", "28 tabs", "2x14"), EMPTIED, "unreadable_number")
    found += of_cells(VALUES, "gp_medication_orders", "quantity", ("-28",), EMPTIED, "out_of_range")
    found += of_cells(
        VALUES, "patients", "birth_year", ("MCMLX", "1950-01-01", "1,950", "1950.5", "1.95e3"), SET_ASIDE, "unreadable_number"
    )
    found += of_cells(VALUES, "patients", "birth_year", ("50", "0"), SET_ASIDE, "out_of_range")
    found += of_cells(VALUES, "patients", "birth_month", ("Jan", "Ionawr", "1.5"), EMPTIED, "unreadable_number")
    return found


def _unusable_rows() -> list[Damage]:
    """Return good rows with a second one about the same person that cannot be used: what it states against the person counts all the same."""
    cells: list[tuple[str, str, dict[str, str], str]] = [
        ("a death", "death_date", {"death_date": "2024-02-03", "birth_year": "19x0"}, DIED),
        ("a death at no practice", "death_date", {"death_date": "2024-02-03", "practice_code": "?"}, DIED),
        ("a death and a test patient", "death_date", {"death_date": "2024-02-03", "is_test_patient": "1"}, CONFLICTING),
        ("a death that cannot be read", "death_date", {"death_date": "45325", "birth_year": ""}, DEATH_NOT_READABLE),
        ("a mark", "is_confidential", {"is_confidential": "1", "birth_year": "19x0"}, CONFLICTING),
        ("a mark at no practice", "is_spine_sensitive", {"is_spine_sensitive": "Y", "practice_code": ""}, CONFLICTING),
        ("a deletion", "is_deleted", {"is_deleted": "true", "birth_year": "?"}, CONFLICTING),
        ("a mark that cannot be read", "is_confidential", {"is_confidential": "?", "birth_year": "?"}, LOST_MARKS["is_confidential"]),
    ]  # fmt: skip
    found = [_second_row("patients", *one, first) for one in cells for first in (True, False)]
    ends: list[tuple[str, str, dict[str, str], str]] = [
        ("an end before the start", "end_date", {"end_date": "1890-01-01"}, END_NOT_READABLE),
        ("an end that is a placeholder", "end_date", {"end_date": "1900-01-01"}, END_NOT_READABLE),
    ]
    return found + [_second_row("registrations", *one, first) for one in ends for first in (True, False)]


def _second_row(feed: str, name: str, column: str, cells: dict[str, str], reason: str, first: bool) -> Damage:
    def damage(rows: Rows) -> list[Line]:
        other = changed(feed, rows, **cells)[-1]
        return [other, *rows] if first else [*rows, other]

    place = "before" if first else "after"
    return Damage(VALUES, f"{name} in a row that cannot be used, {place} the good one", feed, column, SUPPRESSED, reason, damage, same, lambda rows: len(rows) == 1)  # fmt: skip


def _identifiers() -> list[Damage]:
    feeds = (
        "admissions",
        "gp_observations",
        "outpatient_appointments",
        "gp_medication_orders",
        "patients",
        "emergency_attendances",
    )
    found = []
    for turn, value in enumerate(NO_PEOPLE):
        reason = "number_as_float" if "E+" in value else "placeholder_identifier"
        found += of_cells(IDENTIFIERS, feeds[turn % len(feeds)], "person_id", (value,), SET_ASIDE, reason)
    for turn, (value, reason) in enumerate(WRONG_CODES):
        feed = list(NO_CODES)[turn % 2]
        found += of_cells(IDENTIFIERS, feed, NO_CODES[feed], (value,), SET_ASIDE, reason)
    for value in ("RX1 01", "R-X", "RX1.", "Trusts Ltd", "RX10123"):
        found += of_cells(IDENTIFIERS, "admissions", "provider_code", (value,), SET_ASIDE, "not_in_vocabulary")
    return found


def _practices() -> list[Damage]:
    """Return rows at a code of the ODS that means no practice, or one that is not known: they register no one."""
    codes, reason = ("V81997", "v81998", "V81999"), "placeholder_identifier"
    found = []
    for feed in ("patients", "registrations", "gp_observations", "gp_medication_orders"):
        found += of_cells(IDENTIFIERS, feed, "practice_code", codes if feed == "registrations" else codes[2:], SET_ASIDE, reason)
    return found

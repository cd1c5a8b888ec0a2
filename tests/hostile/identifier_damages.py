"""Damages to identifiers and codes: Unicode blanks, full-width digits, spreadsheet forms, floats, placeholders, check digits, letter case."""

from __future__ import annotations

from collections.abc import Callable

from hostile.damages import Damage, Expected, changed, has_value, header_of, same, without
from hostile.lost_value_damages import DIED

KIND = "identifiers"
FULL_WIDTH = {
    ord(character): ord(character) + 0xFEE0 for character in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
}
FORMS: dict[str, Callable[[str], str]] = {  # another way to write the same identifier
    "a zero width space after it": lambda text: f"{text}\u200b", "a no-break space before it": lambda text: f"\u00a0{text}",
    "a byte order mark before it": lambda text: f"\ufeff{text}", "full-width characters": lambda text: text.translate(FULL_WIDTH),
    "an apostrophe before it": lambda text: f"'{text}", "as a formula": lambda text: f'="{text}"', "a soft hyphen inside": lambda text: f"{text[:4]}\u00ad{text[4:]}",
    "blanks around it": lambda text: f"  {text}\t", "an ideographic space after it": lambda text: f"{text}\u3000", "marks of direction": lambda text: f"\u2066{text}\u2069",
}  # fmt: skip
CODE_FORMS: dict[str, Callable[[str], str]] = {  # a code with what some systems write around it
    "as a decimal number": lambda text: f"{text}.0", "with its system": lambda text: f"SCTID {text}", "with a term": lambda text: f"{text}|Diabetes|",
}  # fmt: skip
NO_IDENTIFIERS = {
    "UNKNOWN": "placeholder_identifier", "n/a": "placeholder_identifier", "9999999999": "placeholder_identifier", "#N/A": "placeholder_identifier",
    "\u200bNone\u00a0": "placeholder_identifier", "00000000": "placeholder_identifier", "4.00E+09": "number_as_float", "1.2e+10": "number_as_float",
    "": "missing_value", "=1+1": "formula_person_id",
}  # fmt: skip
PEOPLE_FEEDS = ("patients", "registrations", "addresses", "admissions", "emergency_attendances", "outpatient_appointments", "gp_observations", "gp_medication_orders")  # fmt: skip
CODES = {
    ("gp_observations", "concept_code"): ("wrong_check_digit", "not_a_snomed_concept"),
    ("gp_medication_orders", "medicine_code"): ("wrong_check_digit", "not_a_snomed_concept"),
    ("gp_observations", "practice_code"): ("", ""), ("patients", "practice_code"): ("", ""), ("admissions", "provider_code"): ("", ""),
}  # fmt: skip


def identifiers() -> list[Damage]:
    """Return every damage of this kind."""
    return [*_people(), *_codes(), *_letter_case()]


def _people() -> list[Damage]:
    """Return half of the forms and of what is no identifier for each feed, in turn."""
    found = []
    for turn, feed in enumerate(PEOPLE_FEEDS):
        names = list(FORMS)[turn % 2 :: 2]
        found += [_written(feed, "person_id", name, FORMS[name]) for name in names]
        wrong = list(NO_IDENTIFIERS.items())[turn % 3 :: 3]
        found += [_no_identifier(feed, "person_id", value, reason) for value, reason in wrong]
    return found


def _written(feed: str, column: str, name: str, form: Callable[[str], str]) -> Damage:
    """Return a damage that writes an identifier or code of the latest row in another form."""
    header = header_of(feed, column)

    def damage(rows: list[dict[str, str]]) -> list[dict[str, str] | bytes]:
        latest = next(row for row in rows if row not in without(feed)(rows))
        return [*changed(feed, rows, **{column: form(latest[header])})]

    return Damage(KIND, name, feed, column, Expected.REPAIRED, "padding_or_case", damage, same, has_value(feed, column))


def _no_identifier(feed: str, column: str, value: str, reason: str) -> Damage:
    return Damage(
        KIND, repr(value), feed, column, Expected.SET_ASIDE, reason, lambda rows: [*changed(feed, rows, **{column: value})],
        without(feed), has_value(feed, column),
    )  # fmt: skip


def _codes() -> list[Damage]:
    found = []
    for turn, ((feed, column), reasons) in enumerate(CODES.items()):
        found += [_written(feed, column, name, FORMS[name]) for name in list(FORMS)[turn::4]]
        if "wrong_check_digit" in reasons:
            found += [_written(feed, column, name, form) for name, form in CODE_FORMS.items()]
            found += [
                _no_identifier(feed, column, value, reason)
                for value, reason in (("44054007", "wrong_check_digit"), ("101013", "not_a_snomed_concept"), ("4.4E+07", "number_as_float"),
                                      ("C10..", "not_in_vocabulary"), ("", "missing_value"))
            ]  # fmt: skip
        else:
            found.append(_written(feed, column, "in lower case", str.lower))
            found += [
                _no_identifier(feed, column, value, "not_in_vocabulary")
                for value in (("?", "Y1") if "practice" in column else ("?",))
            ]
    found.append(_no_identifier("admissions", "provider_code", "NONE", "placeholder_identifier"))
    found.append(_written("admissions", "primary_diagnosis", "in lower case", str.lower))
    return found


def _letter_case() -> list[Damage]:
    """Return rows that name the person in other letter case: what they record joins no one, but a death and a mark count."""
    rows_of_events = ("admissions", "gp_observations", "outpatient_appointments")
    found = [
        Damage(
            KIND, "in upper case", feed, "person_id", Expected.UNCHANGED, "",
            lambda rows, feed=feed: [*changed(feed, rows, person_id=rows[0][header_of(feed, "person_id")].upper())],
            without(feed), has_value(feed, "person_id"),
        )
        for feed in rows_of_events
    ]  # fmt: skip

    def another_row(cells: dict[str, str]) -> Callable[[list[dict[str, str]]], list[dict[str, str] | bytes]]:
        return lambda rows: [*rows, {**rows[0], "PERSON_ID": rows[0]["PERSON_ID"].upper(), **cells}]

    for name, cells, reason in (
        ("a row in upper case with a death", {"DEATH_DATE": "2024-02-03"}, DIED),
        ("a row in upper case that is confidential", {"IS_CONFIDENTIAL": "1"}, "not on the list"),
        ("a row in upper case that is confidential or not", {"IS_CONFIDENTIAL": "X"}, "confidentiality not readable"),
        ("a row in upper case with a death that cannot be read", {"DEATH_DATE": "Y"}, "date of death not readable"),
    ):
        found.append(
            Damage(
                KIND, name, "patients", "person_id", Expected.SUPPRESSED, reason, another_row(cells), same, bool, counted=False
            )
        )
    return found

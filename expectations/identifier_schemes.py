"""Whether a value is the identifier or code that its column declares: NHS number, SNOMED CT concept, ODS code, pseudonym or record key.

`reason_against` returns why a value in plain form (`identifier_text.py`) cannot be one. Validation asks for the distinct values of a
column. NHS numbers are checked when a file is read, before they are hashed (`pipelines/extracts/clear_people.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum

from expectations.sql_values import quote, quote_all

WRONG_CHECK_DIGIT, NOT_AN_NHS_NUMBER, NOT_A_CONCEPT = "wrong_check_digit", "not_an_nhs_number", "not_a_snomed_concept"
PLACEHOLDER, NUMBER_AS_FLOAT, TEST_IDENTIFIER = "placeholder_identifier", "number_as_float", "test_identifier"

WITHHELD = "(withheld)"  # replaces a clear identifier in a raw table, which has its own rule

# The reasons, with their text. Each has the number 13 in the list of known defects.
REASONS = {
    PLACEHOLDER: "The value is what systems write for an identifier that is not known, such as UNKNOWN or ten equal digits.",
    NUMBER_AS_FLOAT: "The identifier was written as a decimal number, such as 4.00E+09, and its digits are lost. Have it sent as text.",
    NOT_AN_NHS_NUMBER: "The value is not an NHS number. The value was not stored. If the feed has other identifiers, set `identifiers: local`.",
    WRONG_CHECK_DIGIT: "The check digit is wrong: modulus 11 of an NHS number, Verhoeff of a SNOMED CT code. A digit was mistyped or lost.",
    NOT_A_CONCEPT: "The number identifies a SNOMED CT description, relationship or nothing, and not a concept.",
    TEST_IDENTIFIER: "The NHS number is in a range that the settings declare as test patients (`test_nhs_numbers`).",
}


class Scheme(StrEnum):
    """What the values of a column identify."""

    NONE = ""
    PERSON = "person"  # an NHS number before it is hashed, otherwise a pseudonym of any form
    HOUSEHOLD = "household"  # a pseudonym of any form
    RECORD = "record"  # a sender's number of a record, of any form
    SNOMED_CONCEPT = "snomed_concept"  # dm+d codes are SNOMED CT concepts
    ODS = "ods"
    ICD10 = "icd10"  # has no check digit: the pattern of the column decides


# Codes with a form and no check digit, by what they identify.
ODS_PRACTICE = r"[A-Z][0-9]{5}"
ODS_PROVIDER = r"[A-Z0-9]{3,6}"
ODS_SITE = r"[A-Z0-9]{2,9}"  # HES has the last two characters alone
LSOA = r"[EWSN][0-9]{8}"

_WORDS = (
    "UNKNOWN", "UNKNOW", "UNKN", "UNK", "NOT KNOWN", "NOT_KNOWN", "NOTKNOWN", "NULL", "(NULL)", "<NULL>", "\\N", "NONE", "NIL", "NAN", "NA",
    "N/A", "N.A.", "#N/A", "#NA", "<NA>", "#REF!", "#VALUE!", "#NAME?", "#NULL!", "#NUM!", "#DIV/0!", "MISSING", "BLANK", "EMPTY", "UNDEFINED",
    "NOT AVAILABLE", "NOT RECORDED", "NOT APPLICABLE", "NOT STATED", "NOT PROVIDED", "NOT SUPPLIED", "NO NHS NUMBER", "NONHSNUMBER", "NO NUMBER",
    "ANONYMOUS", "REDACTED", "WITHHELD", "DUMMY", "TEST", "TBC", "TBA", "INVALID", "ERROR", "PATIENT", "NK", "N/K", "NR", "N/R", "NAT", "NOT FOUND",
    "NO VALUE", "NO RECORD", "SPILL", "UNREGISTERED", "UNIDENTIFIED", "UNAVAILABLE", "NOT COLLECTED", "NOT HELD", "NO ID",
)  # fmt: skip
_MARKS = tuple(mark * count for mark in "-.?*#_X" for count in range(1, 15) if (mark, count) not in (("X", 1), ("X", 2)))
# Ten equal digits pass modulus 11. Runs of digits are what people type to get past a form.
_DIGITS = (*(digit * 10 for digit in "123456789"), "0123456789", "1234567890", "9876543210", "0987654321")
_ZEROS = tuple("0" * count for count in (1, *range(6, 15)))
PLACEHOLDERS = frozenset((*_WORDS, *_MARKS, *_DIGITS, *_ZEROS, "-1"))
# ODS default codes: no registered GP practice, not applicable, and not known (NHS Data Dictionary, ODS default codes).
_NO_PRACTICE = ("V81997", "V81998", "V81999")
_PLACEHOLDER_CODES = frozenset((*_WORDS, *_MARKS, *_NO_PRACTICE))  # of organisations: ODS has codes of digits alone
# People write the same word with other punctuation, such as (null), N\A and not-known. Punctuation alone identifies no one.
_PUNCTUATION = " !#$%&()*+,-./:;<=>?@[]\\^_`{|}~\"'"
_WITHOUT_PUNCTUATION = str.maketrans("", "", _PUNCTUATION)
_SHORTEST_BARE = 2  # \N without its punctuation is a letter
_bare_words = (word.translate(_WITHOUT_PUNCTUATION) for word in _WORDS)
_BARE = frozenset(
    ("", *("X" * count for count in range(1, 15)), *_DIGITS, *_ZEROS[1:], *(w for w in _bare_words if len(w) >= _SHORTEST_BARE))
)
_BARE_WORDS = frozenset(word for word in _BARE if not word[:1].isdigit())  # a sender's number of a record may be any number
LONGEST_PLACEHOLDER = 16  # with its punctuation; most pseudonyms are longer, and cost nothing
LONGEST_FLOAT = 24  # longer values are no numbers that a spreadsheet wrote as decimals

_FLOAT = re.compile(r"[+-]?(?:[0-9]+[.,][0-9]*[eE][+-]?[0-9]{1,3}|[0-9]+[eE]\+[0-9]{1,3})")
_SEPARATORS = re.compile(r"[ .,/_-]")
_WEIGHTS = range(10, 1, -1)
# Verhoeff's dihedral multiplication and permutations: SNOMED CT Release File Specification, check digit.
_PRODUCTS = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678", "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_PERMUTATIONS = ("0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258")
# Of a core concept and of an extension's, with the shortest and the longest code. A longer core code is one of an extension that was rounded.
_CONCEPT_PARTITIONS = {"00": (6, 15), "10": (11, 18)}


def nhs_digits(text: str) -> str:
    """Return an identifier in plain form without the separators that people write in NHS numbers."""
    return _SEPARATORS.sub("", text)


def passes_modulus_11(digits: str) -> bool:
    """Return whether ten digits have the check digit of an NHS number (NHS Data Dictionary, NHS NUMBER)."""
    total = sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=False))
    return (11 - total % 11) % 11 == int(digits[9])


def passes_verhoeff(digits: str) -> bool:
    """Return whether the last digit is the Verhoeff check digit of the others."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = int(_PRODUCTS[check][int(_PERMUTATIONS[place % 8][int(digit)])])
    return check == 0


def against_nhs_number(text: str) -> str:
    """Return why a value in plain form is not an NHS number; '' if it is one."""
    digits = nhs_digits(text)
    if _is_placeholder(text) or digits in PLACEHOLDERS:
        return PLACEHOLDER
    if _FLOAT.fullmatch(text):
        return NUMBER_AS_FLOAT
    if not re.fullmatch("[0-9]{10}", digits):
        return NOT_AN_NHS_NUMBER
    return "" if passes_modulus_11(digits) else WRONG_CHECK_DIGIT


def against_pseudonym(text: str) -> str:
    """Return why a value in plain form is not a pseudonym or local identifier; '' if it may be one."""
    if _is_placeholder(text):
        return PLACEHOLDER
    return NUMBER_AS_FLOAT if _FLOAT.fullmatch(text) else ""


def _against_record(text: str) -> str:
    if len(text) <= LONGEST_PLACEHOLDER and text.upper().translate(_WITHOUT_PUNCTUATION) in _BARE_WORDS:
        return PLACEHOLDER
    return NUMBER_AS_FLOAT if _FLOAT.fullmatch(text) else ""


def _against_concept(code: str) -> str:
    if _FLOAT.fullmatch(code):
        return NUMBER_AS_FLOAT
    if not re.fullmatch("[0-9]{6,18}", code):
        return ""  # not in the vocabulary of the column
    if not passes_verhoeff(code):
        return WRONG_CHECK_DIGIT
    shortest, longest = _CONCEPT_PARTITIONS.get(code[-3:-1], (19, 18))
    return NOT_A_CONCEPT if code.startswith("0") or not shortest <= len(code) <= longest else ""


def _against_organisation(code: str) -> str:
    return PLACEHOLDER if code.upper() in _PLACEHOLDER_CODES else ""


def is_placeholder_sql(value: str) -> str:
    """Return the SQL that is true for a value in plain form that systems write for an identifier that is not known."""
    bare = f"translate(upper({value}), {quote(_PUNCTUATION)}, '') IN ({quote_all(sorted(_BARE))})"
    exact = f"upper({value}) IN ({quote_all(sorted(PLACEHOLDERS))})"
    return f"CASE WHEN strlen({value}) <= {LONGEST_PLACEHOLDER} THEN {exact} OR {bare} ELSE false END"


def _is_word_sql(value: str) -> str:
    """Return fast SQL that is true for a value in plain form that does not begin with a digit and is a placeholder."""
    bare = f"translate(upper({value}), {quote(_PUNCTUATION)}, '') IN ({quote_all(sorted(_BARE_WORDS))})"
    return f"CASE WHEN strlen({value}) <= {LONGEST_PLACEHOLDER} AND {value} NOT BETWEEN '0' AND ':' THEN {bare} ELSE false END"


def _is_placeholder(text: str) -> bool:
    upper = text.upper()
    return upper in PLACEHOLDERS or (len(text) <= LONGEST_PLACEHOLDER and upper.translate(_WITHOUT_PUNCTUATION) in _BARE)


_AGAINST: dict[Scheme, Callable[[str], str]] = {
    Scheme.PERSON: against_pseudonym,
    Scheme.HOUSEHOLD: against_pseudonym,
    Scheme.RECORD: _against_record,
    Scheme.SNOMED_CONCEPT: _against_concept,
    Scheme.ODS: _against_organisation,
    Scheme.ICD10: lambda _: "",
}
# The reasons that validation can find in a column of a scheme. Those of NHS numbers are found by ingest, which marks the value.
REASONS_OF: dict[Scheme, tuple[str, ...]] = {
    Scheme.NONE: (),
    Scheme.PERSON: (PLACEHOLDER, NUMBER_AS_FLOAT, NOT_AN_NHS_NUMBER, WRONG_CHECK_DIGIT, TEST_IDENTIFIER),
    Scheme.HOUSEHOLD: (PLACEHOLDER, NUMBER_AS_FLOAT),
    Scheme.RECORD: (PLACEHOLDER, NUMBER_AS_FLOAT),
    Scheme.SNOMED_CONCEPT: (NUMBER_AS_FLOAT, WRONG_CHECK_DIGIT, NOT_A_CONCEPT),
    Scheme.ODS: (PLACEHOLDER,),
    Scheme.ICD10: (),
}
# Schemes whose values may have any form: a fast test finds the few that may be wrong. Of the others every distinct value is checked.
IS_LOOSE = {scheme: scheme in (Scheme.PERSON, Scheme.HOUSEHOLD, Scheme.RECORD) for scheme in Scheme}


def marker(reason: str) -> str:
    """Return what a raw table stores in place of an identifier that cannot be one."""
    return f"({reason})"


_MARKERS = {marker(reason): reason for reason in REASONS}


def may_be_wrong_sql(scheme: Scheme, value: str) -> str:
    """Return fast SQL that is true for every value in plain form with a reason against it, and for a few others."""
    if not IS_LOOSE[scheme]:
        return "true"
    decimal = f"contains({value}, '+') OR contains({value}, '.') OR contains({value}, ',')"
    found = [f"CASE WHEN strlen({value}) <= {LONGEST_FLOAT} THEN {decimal} OR {value} BETWEEN '(' AND ')' ELSE false END"]
    if PLACEHOLDER in REASONS_OF[scheme]:
        found.append(_is_word_sql(value) if scheme is Scheme.RECORD else is_placeholder_sql(value))
    return f"({' OR '.join(found)})"


def reason_against(scheme: Scheme, text: str) -> str:
    """Return why a value in plain form cannot be what the scheme says; '' if it can."""
    return "" if text == WITHHELD else _MARKERS.get(text) or _AGAINST[scheme](text)

"""ICD-10 codes as senders write them, alone and in a list, and the plain form that Strata compares with its code lists.

A list is read code by code: a code that cannot be used does not affect the others. Declared once, as patterns for RE2 and Python and as
SQL.
"""

from __future__ import annotations

import re

from expectations.sql_values import quote

# What may be between two codes: anything but letters, digits, a dot, a dash of a filler or a range, and a question mark, which may mean a
# digit. A dagger (+ or †) or an asterisk follows its code, so it also ends it.
_OF_A_CODE = "A-Za-z0-9.?\\-–"
SEPARATOR = f"[^{_OF_A_CODE}]"
# What some systems write before each code of a list: its number, or P and S of the primary and the secondary codes.
_NUMBER = "(?:(?:[0-9]{1,2}|[PS])-)?"
# A letter and two digits, a dot or none, a fourth and a fifth character, then the filler X, A for an asterisk or D for a dagger,
# and the dashes with which HES fills a short code.
ICD10 = r"[A-Z][0-9]{2}[.]?(?:[0-9X][0-9A-Z]?)?X*[AD]?[.-]*"
# Two codes of one condition in one value: the dagger code of its cause, which is the main one, and the asterisk code of its manifestation.
# At least one of them has its mark, or the letter D or A in place of it.
_BODY = r"[A-Z][0-9]{2}[.]?(?:[0-9X][0-9A-Z]?)?X*"
_END = r"[ \xa0,;|\x22\x27()\[\]{}]*"
_BETWEEN = f"[^{_OF_A_CODE}*+†‡]"
_AFTER_DAGGER = rf"(?:D[.-]*{SEPARATOR}+|D?[.-]* *[+†‡]{SEPARATOR}*)"
_AFTER_ASTERISK = rf"(?:A[.-]*{SEPARATOR}+|A?[.-]* *[*]{SEPARATOR}*)"
DAGGER_FIRST = rf"{_END}({_BODY})(?:{_AFTER_DAGGER}{_BODY}A?[.-]* *[*]?|[.-]*{_BETWEEN}+{_BODY}(?:A[.-]*|A?[.-]* *[*])){_END}"
ASTERISK_FIRST = rf"{_END}{_BODY}{_AFTER_ASTERISK}({_BODY})D?[.-]* *[+†‡]?{_END}"
NO_CODE = "-+|NULL"  # in HES a dash means 'no further code'


def alone(code: str) -> str:
    """Return the pattern of a value with one code, perhaps with marks around it."""
    return f"{SEPARATOR}*{code}{SEPARATOR}*"


def main_code(code: str) -> str:
    """Return the pattern of a value with one code, or with the dagger code and the asterisk code of one condition."""
    return f"{alone(code)}|{DAGGER_FIRST}|{ASTERISK_FIRST}"


def list_with_a_code(code: str) -> str:
    """Return the pattern of a list with at least one code that can be used, or with no code at all."""
    return f"(?:(?s:.*{SEPARATOR})?{_NUMBER}{code}(?:{SEPARATOR}(?s:.*))?|(?:{SEPARATOR}|{NO_CODE})*)"


def list_of_codes(code: str) -> str:
    """Return the pattern of a list in which every code can be used."""
    entry = f"{_NUMBER}(?:{code}|{NO_CODE})"
    return f"{SEPARATOR}*(?:{entry}(?:{SEPARATOR}+{entry})*{SEPARATOR}*)?"


def entries_sql(value: str) -> str:
    """Return the SQL of the entries of a list, as written and without the number of each. Some may be empty."""
    numbered = f"(?i)(^|{SEPARATOR}){_NUMBER.removesuffix('?')}([A-Z][0-9])"
    bare = f"CASE WHEN contains({value}, '-') THEN regexp_replace({value}, {quote(numbered)}, '\\1\\2', 'g') ELSE {value} END"
    return f"regexp_split_to_array({bare}, {quote(SEPARATOR + '+')})"


def usable_codes_sql(value: str, code: str) -> str:
    """Return the SQL of a list with the codes that can be used alone, as written; null if there is none."""
    usable = f"list_filter({entries_sql(value)}, lambda entry: regexp_full_match(entry, {quote(code)}))"
    complete = f"regexp_full_match({value}, {quote(list_of_codes(code))})"
    return f"CASE WHEN {complete} THEN {value} ELSE nullif(array_to_string({usable}, ','), '') END"


def plain_icd10_sql(code: str) -> str:
    """Return the SQL of the plain form of an ICD-10 code: upper case, without dots, marks and fillers; null if nothing is left."""
    letters = f"regexp_replace(upper({code}), '[^A-Z0-9]', '', 'g')"
    return f"nullif(nullif(regexp_replace({letters}, 'X*[AD]?$', ''), ''), 'NULL')"


def plain_main_icd10_sql(value: str) -> str:
    """Return the SQL of the plain main code of a value: of two codes of one condition the dagger code."""
    cases = " ".join(
        f"WHEN strlen({value}) > 6 AND regexp_full_match(upper({value}), {quote(pattern)}) "
        f"THEN {plain_icd10_sql(f'regexp_extract(upper({value}), {quote(pattern)}, 1)')}"
        for pattern in (ASTERISK_FIRST, DAGGER_FIRST)
    )
    return f"CASE {cases} ELSE {plain_icd10_sql(value)} END"


def plain_icd10(code: str) -> str | None:
    """Return the plain form of one ICD-10 code as `plain_icd10_sql` writes it; None if the text is not one code that can be used."""
    if not re.fullmatch(alone(ICD10), code.upper()):
        return None
    return re.sub("X*[AD]?$", "", re.sub("[^A-Z0-9]", "", code.upper()), count=1)


def plain_icd10_list_sql(value: str) -> str:
    """Return the SQL of the distinct plain codes of a list, sorted and joined by commas; null if there is none."""
    codes = f"list_transform({entries_sql(value)}, lambda entry: {plain_icd10_sql('entry')})"
    return f"nullif(array_to_string(list_sort(list_distinct({codes})), ','), '')"

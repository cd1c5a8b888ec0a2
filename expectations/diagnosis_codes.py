"""ICD-10 codes as senders write them, alone and in a list, and the plain form that Strata compares with its code lists.

A list is read code by code: a code that cannot be used does not affect the others. Declared once, as patterns for RE2 and Python and as
SQL.
"""

from __future__ import annotations

import re

from expectations.sql_values import quote

# What may be between two codes. A dagger (+ or †) or an asterisk follows its code, so it also ends it.
SEPARATOR = r"[ \t\r\n,;:|/\x5c~^&\x22()\[\]*+†]"
# A letter and two digits, a dot or none, a fourth and a fifth character, then the filler X, A for an asterisk or D for a dagger,
# and the dashes with which HES fills a short code.
ICD10 = r"[A-Z][0-9]{2}[.]?(?:[0-9X][0-9A-Z]?)?X*[AD]?[.-]*"
NO_CODE = "-+|NULL"  # in HES a dash means 'no further code'


def alone(code: str) -> str:
    """Return the pattern of a value with one code, perhaps with marks around it."""
    return f"{SEPARATOR}*{code}{SEPARATOR}*"


def list_with_a_code(code: str) -> str:
    """Return the pattern of a list with at least one code that can be used, or with no code at all."""
    return f"(?:(?s:.*{SEPARATOR})?{code}(?:{SEPARATOR}(?s:.*))?|(?:{SEPARATOR}|{NO_CODE})*)"


def list_of_codes(code: str) -> str:
    """Return the pattern of a list in which every code can be used."""
    entry = f"(?:{code}|{NO_CODE})"
    return f"{SEPARATOR}*(?:{entry}(?:{SEPARATOR}+{entry})*{SEPARATOR}*)?"


def entries_sql(value: str) -> str:
    """Return the SQL of the entries of a list, as written. Some may be empty."""
    return f"regexp_split_to_array({value}, {quote(SEPARATOR + '+')})"


def usable_codes_sql(value: str, code: str) -> str:
    """Return the SQL of a list with the codes that can be used alone, as written; null if there is none."""
    usable = f"list_filter({entries_sql(value)}, lambda entry: regexp_full_match(entry, {quote(code)}))"
    complete = f"regexp_full_match({value}, {quote(list_of_codes(code))})"
    return f"CASE WHEN {complete} THEN {value} ELSE nullif(array_to_string({usable}, ','), '') END"


def plain_icd10_sql(code: str) -> str:
    """Return the SQL of the plain form of an ICD-10 code: upper case, without dots, marks and fillers; null if nothing is left."""
    letters = f"regexp_replace(upper({code}), '[^A-Z0-9]', '', 'g')"
    return f"nullif(nullif(regexp_replace({letters}, 'X*[AD]?$', ''), ''), 'NULL')"


def plain_icd10(code: str) -> str | None:
    """Return the plain form of one ICD-10 code as `plain_icd10_sql` writes it; None if the text is not one code that can be used."""
    if not re.fullmatch(alone(ICD10), code.upper()):
        return None
    return re.sub("X*[AD]?$", "", re.sub("[^A-Z0-9]", "", code.upper()), count=1)


def plain_icd10_list_sql(value: str) -> str:
    """Return the SQL of the distinct plain codes of a list, sorted and joined by commas; null if there is none."""
    codes = f"list_transform({entries_sql(value)}, lambda entry: {plain_icd10_sql('entry')})"
    return f"nullif(array_to_string(list_sort(list_distinct({codes})), ','), '')"

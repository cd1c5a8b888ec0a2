"""The code in a value that has more than a code: a term, the name of its system, a web address, spaces, or a number as a spreadsheet writes it.

A value is read only where it has one meaning. SNOMED CT and dm+d codes are checked by their check digit afterwards (`identifier_schemes.py`).
Any other value stays as it is, and validation refuses it with its reason. Values are in plain form (`identifier_text.py`).

* A number in scientific notation is read if it has every digit: `1.62660004E8`, with 15 digits at most. `4.41E+07` lost its digits.
* Digits in groups are one code only where no group could be a code: `162 660 004`.
* A term begins with a word. What begins with a code or a digit may be a second code.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from expectations.diagnosis_codes import ICD10
from expectations.identifier_schemes import Scheme
from expectations.sql_values import quote

_EVERY_DIGIT = r"^([1-9])[.,]([0-9]{5,14})[eE][+]?([0-9]{1,3})$"
_GROUPS = r"^[0-9]{1,5}( +[0-9]{1,5})+$|^[0-9]{1,3}(,[0-9]{3})+$"
_CONCEPT = r"([0-9]{6,18})"
_WORD = r"[(\[]?[a-z]{3,}"
_BEFORE_TERM = r"(?: *[|^] *| +[-:] +| *: +)"
# A term may have digits, but no more than five in a row, which could be a code.
_CONCEPT_TERM = rf"(?:{_BEFORE_TERM}| +){_WORD}(?:[0-9]{{0,5}}[^0-9|])*[0-9]{{0,5}} *[|]?"
_CONCEPT_FORMS = (
    rf"(?i)^(?:sctid|conceptid|concept id|snomed ?ct|snomed|sct) *[:=|]? *{_CONCEPT}$",
    rf"(?i)^https?://(?:www[.])?snomed[.]info/(?:id/|sct[|]){_CONCEPT}/?$",
    rf"(?i)^(?:sctid *[:=]? *)?{_CONCEPT}{_CONCEPT_TERM}$",
    rf"^{_CONCEPT} *[|] *[|]?$",
)
# Without a mark before the term, the term has no letter with digits after it, which could be another code.
_ICD10_FORMS = (
    rf"(?i)^(?:icd-?10 *[:=]? *)?({ICD10}){_BEFORE_TERM}{_WORD}(?:[^a-z0-9|][^|]*)?[|]?$",
    rf"(?i)^(?:icd-?10 *[:=]? *)?({ICD10}) +{_WORD}(?:[^0-9|]|[^a-z0-9|][0-9]+)*$",
    rf"(?i)^icd-?10 *[:=]? *({ICD10})$",
)
# After a term: a separator and another code.
_SECOND_ICD10 = rf"(?i)[;,/+&\n] *(?:and +)?{ICD10}(?:[^a-z0-9]|$)"
SHORTEST = 6  # digits of a SNOMED CT code. Fewer are a national code, which has no check digit


@dataclass(frozen=True)
class _CodeForm:
    """How the values of a scheme are read: `may_have_more` is fast SQL that is true for every value that is not a code alone."""

    macro: str
    read: Callable[[str], str]
    may_have_more: str


def concept_code(text: str) -> str:
    """Return the SNOMED CT code of a text in plain form; the text itself where no code is certain."""
    if (number := re.fullmatch(_EVERY_DIGIT, text)) and len(number[2]) == int(number[3]):
        return number[1] + number[2]
    if re.fullmatch(_GROUPS, text) and len(joined := re.sub("[ ,]", "", text)) >= SHORTEST:
        return joined
    return _first_group(_CONCEPT_FORMS, text)


def icd10_code(text: str) -> str:
    """Return the ICD-10 code of a text in plain form; the text itself where no code is certain."""
    return text if re.search(_SECOND_ICD10, text) else _first_group(_ICD10_FORMS, text)


def _first_group(patterns: tuple[str, ...], text: str) -> str:
    return next((found[1] for pattern in patterns if (found := re.fullmatch(pattern, text))), text)


def _first_group_sql(patterns: tuple[str, ...], value: str) -> str:
    found = ", ".join(f"nullif(regexp_extract({value}, {quote(pattern)}, 1), '')" for pattern in patterns)
    return f"coalesce({found}, {value})"


def _concept_macro() -> str:
    parts = [f"regexp_extract(v, {quote(_EVERY_DIGIT)}, {group})" for group in (1, 2, 3)]
    return f"""CREATE MACRO concept_code(v) AS CASE
        WHEN length({parts[1]}) = try_cast({parts[2]} AS INTEGER) THEN {parts[0]} || {parts[1]}
        WHEN regexp_matches(v, {quote(_GROUPS)}) AND length(regexp_replace(v, '[ ,]', '', 'g')) >= {SHORTEST} THEN regexp_replace(v, '[ ,]', '', 'g')
        ELSE {_first_group_sql(_CONCEPT_FORMS, "v")} END"""


def _icd10_macro() -> str:
    return f"CREATE MACRO icd10_code(v) AS CASE WHEN regexp_matches(v, {quote(_SECOND_ICD10)}) THEN v ELSE {_first_group_sql(_ICD10_FORMS, 'v')} END"


# Every connection has these macros, because their text is long.
CODE_MACROS = (_concept_macro(), _icd10_macro())
_FORMS = {
    Scheme.SNOMED_CONCEPT: _CodeForm(
        "concept_code", concept_code, "coalesce(CAST(try_cast({0} AS BIGINT) AS VARCHAR) <> {0}, {0} IS NOT NULL)"
    ),
    Scheme.ICD10: _CodeForm("icd10_code", icd10_code, "strlen({0}) > 6"),
}


def may_have_more_sql(scheme: Scheme, value: str) -> str:
    """Return fast SQL that is true for every value with more than a code of the scheme, and for some others; '' for other schemes."""
    return _FORMS[scheme].may_have_more.format(value) if scheme in _FORMS else ""


def code_sql(scheme: Scheme, value: str) -> str:
    """Return the SQL of the code in a value in plain form, for a connection with CODE_MACROS."""
    if scheme not in _FORMS:
        return value
    return f"CASE WHEN {may_have_more_sql(scheme, value)} THEN {_FORMS[scheme].macro}({value}) ELSE {value} END"


def code_of(scheme: Scheme, text: str) -> str:
    """Return the code in a text in plain form, as `code_sql` does."""
    return _FORMS[scheme].read(text) if scheme in _FORMS else text

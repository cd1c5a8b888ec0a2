"""From stored text to typed values, in SQL derived from the declaration of a table. Unusable values become null.

Nothing is guessed: a date is read in the main format of its column in the file, and a number must be written without
separators. The literal NULL and empty text are missing values. The rules that name what became null are in `row_flags.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from expectations.code_text import code_sql
from expectations.date_formats import DETECTED, FORMAT_OF, DateFormat, local_day_sql
from expectations.diagnosis_codes import list_of_codes, usable_codes_sql
from expectations.identifier_text import plain_sql
from expectations.row_checks import PROVENANCE_COLUMNS, sender_columns
from expectations.sql_values import quote, quote_all
from expectations.table import Action, Column, Kind, RowRule, Table
from expectations.tables.raw_common import NEVER_DATES

PLAIN_KINDS = (Kind.IDENTIFIER, Kind.CODE)
BLANKS = "' ' || chr(9) || chr(10) || chr(13) || chr(160)"
SENT = "organisation_sent"  # the code of the sending organisation as it was sent
RECORDED = "recorded_date"  # the column that limits an imprecise date


@dataclass(frozen=True)
class Reading:
    """How an extract's text is read.

    It has the main format of each date column, the columns in which a value is padded or otherwise not plain, and for each column with a
    scheme the values that cannot be its identifiers, by reason. `lines` is SQL of code and line of the organisations that have had several
    codes, '' where none has; it is no property of the extract and is not stored with it.
    """

    dates: dict[str, str] = field(default_factory=dict)
    padded: frozenset[str] = frozenset()
    wrong: Mapping[str, Mapping[str, list[str]]] = field(default_factory=dict)
    lines: str = ""

    def as_json(self) -> str:
        return json.dumps({"dates": self.dates, "padded": sorted(self.padded), "wrong": self.wrong})

    @staticmethod
    def from_json(text: str) -> Reading:
        stored = json.loads(text)
        return Reading(stored["dates"], frozenset(stored["padded"]), stored.get("wrong", {}))

    def is_wrong(self, column: str, *reasons: str) -> str:
        """Return the SQL that is true for a value that cannot be an identifier, for any or some reasons; '' if no value is."""
        found = self.wrong.get(column, {})
        values = [value for reason in reasons or found for value in found.get(reason, [])]
        return f"{column} IN ({quote_all(values)})" if values else ""

    def date_format(self, column: str) -> DateFormat:
        return FORMAT_OF[self.dates.get(column, DETECTED[0].name)]


IMPRECISE = r"[0-9]{4}(-(0[1-9]|1[0-2]))?"
LONGEST_IMPRECISE = 7  # every other way to write a day is longer

# Patterns cost most of what reading costs. Text that a cast gives back as it was is known to match without one; a file's
# repeated values are cast once each.
PLAIN_DAY = "strlen({0}) = 10 AND CAST(try_cast({0} AS DATE) AS VARCHAR) = {0}"
PLAIN_WHOLE = "CAST(try_cast({0} AS BIGINT) AS VARCHAR) = {0}"
SHOWN_BY_CAST = {r"-?[0-9]{1,19}": PLAIN_WHOLE, DETECTED[0].pattern: PLAIN_DAY}


def text_sql(value: str, padded: bool = True) -> str:
    """Return the SQL of a value without its padding; empty text and the literal NULL are null."""
    return f"nullif(nullif({f'trim({value}, {BLANKS})' if padded else value}, ''), 'NULL')"


def column_text_sql(column: Column, padded: bool = True) -> str:
    """Return the SQL of a column's value without its padding. Identifiers and codes are read in plain form (`identifier_text.py`)."""
    plain = in_plain_form_sql(column) if padded and column.kind in PLAIN_KINDS else column.name
    return text_sql(plain, padded and column.kind not in PLAIN_KINDS)


def in_plain_form_sql(column: Column) -> str:
    """Return the SQL of an identifier or code in plain form, without what a code has around it (`code_text.py`)."""
    plain = plain_sql(column.name)
    code = code_sql(column.scheme, "plain")
    return plain if code == "plain" else f"list_transform([{plain}], lambda plain: {code})[1]"


def cased_sql(column: Column, text: str) -> str:
    """Return the SQL of a value with the letter case that counts: codes in upper case."""
    if column.kind is Kind.CODE:
        return _code_at_start(column, f"upper({text})") if column.begins_with_code else f"upper({text})"
    return f"lower({text})" if column.ignores_case else text


def _code_at_start(column: Column, code: str) -> str:
    """Return the SQL of the code with which a value begins, such as 4 of `04` and `4 - DIED`; other values as they are."""
    pattern = f"^0*({'|'.join(column.allowed)})([^0-9A-Z].*)?$"
    begins = f"regexp_extract({code}, {quote(pattern)}, 1)"
    return f"CASE WHEN {code} IN ({quote_all(column.allowed)}) THEN {code} ELSE coalesce(nullif({begins}, ''), {code}) END"


def is_padded_sql(value: str) -> str:
    """Return the SQL that is true for a value that begins or ends with a blank."""
    blanks = ", ".join(BLANKS.split(" || "))
    return f"(left({value}, 1) IN ({blanks}) OR right({value}, 1) IN ({blanks}))"


def may_be_padded_sql(value: str) -> str:
    """Return faster SQL that is true for every padded value, and for a few others.

    It is true for a value that begins or ends with a character other than a plain one.
    """
    return f"(NOT {value} BETWEEN '!' AND '~' OR NOT reverse({value}) BETWEEN '!' AND '~')"


def matches(value: str, pattern: str) -> str:
    """Return the SQL that is true if the complete value matches a pattern."""
    matched = f"regexp_full_match({value}, {quote(pattern)})"
    plain = SHOWN_BY_CAST.get(pattern)
    return f"CASE WHEN {plain.format(value)} THEN true ELSE {matched} END" if plain else matched


def read_sql(column: Column, reading: Reading) -> str:
    """Return the SQL that reads `text_<column>` as its kind; null where it cannot be read."""
    text = f"text_{column.name}"
    if column.kind in PLAIN_KINDS:
        return cased_sql(column, text)
    if column.kind is Kind.INTEGER:
        kind = "BIGINT" if column.arrow == "int64" else "INTEGER"
        written = matches(text, "[+-]?[0-9]{1,18}([.]0*)?")
        return (
            f"CASE WHEN strlen({text}) <= 18 AND {PLAIN_WHOLE.format(text)} THEN try_cast({text} AS {kind}) "
            f"WHEN {written} THEN try_cast(split_part({text}, '.', 1) AS {kind}) END"
        )
    if column.kind is Kind.NUMBER:
        text = _without_limit_sign(text) if column.reads_limits else text
        number = f"try_cast({text} AS DOUBLE)"
        written = matches(text, "[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?")
        return (
            f"CASE WHEN {number} IS NULL OR NOT isfinite({number}) THEN NULL WHEN {PLAIN_WHOLE.format(text)} THEN {number} "
            f"WHEN CAST({number} AS VARCHAR) = {text} THEN {number} WHEN {written} THEN {number} END"
        )
    if column.kind is Kind.DATE:
        return _date_sql(column, reading)
    return text


def is_limit_sql(text: str) -> str:
    """Return the SQL that is true for text that begins like a limit of measurement, such as >90 or <= 5."""
    return f"left({text}, 1) IN ({quote_all('<>≤≥')})"


def _without_limit_sign(text: str) -> str:
    return f"CASE WHEN {is_limit_sql(text)} THEN regexp_replace({text}, '^([<>]=?|[≤≥]) *', '') ELSE {text} END"


def _date_sql(column: Column, reading: Reading) -> str:
    """Return the SQL that reads a date in its main format.

    A year or month alone is read as its last day, but not after the day on which it was recorded or delivered. A death or an end, without
    which something is granted, is read as its first day.
    """
    name = column.name
    text, form = f"text_{name}", reading.date_format(name)
    first = f"try_cast({text} || CASE WHEN length({text}) = 4 THEN '-01-01' ELSE '-01' END AS DATE)"
    last = f"CASE WHEN length({text}) = 4 THEN make_date(year({first}), 12, 31) ELSE last_day({first}) END"
    caps = ["extract_date"]
    if RECORDED in reading.dates and name != RECORDED:
        recorded = reading.date_format(RECORDED)
        caps.append(
            f"CASE WHEN {matches('text_' + RECORDED, recorded.pattern)} THEN {_day_sql(recorded, 'text_' + RECORDED)} END"
        )
    # A limit before the period is ignored: it would date the fact earlier than stated.
    capped = ", ".join([last, *(f"CASE WHEN {cap} >= {first} THEN {cap} END" for cap in caps)])
    plain = f"WHEN {PLAIN_DAY.format(text)} THEN try_cast({text} AS DATE) " if form is DETECTED[0] else ""
    return (
        f"CASE {plain}WHEN {matches(text, form.pattern)} THEN {_day_sql(form, text)} "
        f"WHEN {matches(text, IMPRECISE)} THEN {first if column.earliest_day else f'least({capped})'} END"
    )


def _day_sql(form: DateFormat, text: str) -> str:
    day = form.read.format(text)
    return local_day_sql(text, day) if form.has_time else day


def is_outside(column: Column, value: str) -> str:
    """Return the SQL that is true where a read value is outside the column's vocabulary; empty without one."""
    if column.allowed:
        return f"{value} NOT IN ({quote_all(column.allowed)})"
    return f"NOT {matches(value, column.pattern)}" if column.pattern else ""


def has_unknown_code(column: Column, value: str) -> str:
    """Return the SQL that is true where a list has codes that can be used and others that cannot."""
    complete = matches(value, list_of_codes(column.code_pattern))
    return f"CASE WHEN NOT {complete} THEN {matches(value, column.pattern)} END"


def is_out_of_range(column: Column, value: str) -> str:
    """Return the SQL that is true where a read value is below the column's minimum or above its maximum; empty without."""
    sides = [f"{value} < {column.minimum:.15g}"] if column.minimum is not None else []
    sides += [f"{value} > {column.maximum:.15g}"] if column.maximum is not None else []
    return f"({' OR '.join(sides)})" if sides else ""


def text_rows_sql(table: Table, source: str, padded: frozenset[str]) -> str:
    """Return the rows of a raw table with every declared column as delivered (`raw_x`) and without padding (`text_x`)."""
    columns = sender_columns(table)
    came = ", ".join(
        f"{column.name} AS raw_{column.name}, {column_text_sql(column, column.name in padded)} AS text_{column.name}"
        for column in columns
    )
    return f"(SELECT {came}, extract_date, file_name, row_number FROM {source})"


def read_rows_sql(table: Table, source: str, reading: Reading) -> str:
    """Return `text_rows_sql` with every declared column read, whatever its value."""
    read = ", ".join(f"{read_sql(column, reading)} AS {column.name}" for column in sender_columns(table))
    return f"(SELECT *, {read} FROM {text_rows_sql(table, source, reading.padded)})"


def usable_sql(column: Column, reading: Reading) -> str:
    """Return the SQL of a read value, null if a rule of its column makes it unusable. A flagged value stays, and so do a list's other codes."""
    if column.code_pattern:
        return usable_codes_sql(column.name, column.code_pattern)
    wrong = reading.is_wrong(column.name) if column.nullable else ""  # in other columns it sets the row aside
    broken = [rule for rule in (is_outside(column, column.name), is_out_of_range(column, column.name), wrong) if rule]
    if not broken or column.on_violation is Action.FLAGGED:
        return column.name
    return f"CASE WHEN {' OR '.join(broken)} THEN NULL ELSE {column.name} END"


def corrections(table: Table) -> dict[str, list[RowRule]]:
    """Return, by column, the row rules that null or repair it. They may depend only on the row itself."""
    found: dict[str, list[RowRule]] = {}
    for rule in table.row_rules:
        if rule.action is Action.NULLED or (rule.action is Action.REPAIRED and rule.repair):
            for name in rule.columns:
                found.setdefault(name, []).append(rule)
    return found


def corrected_sql(column: Column, rules: list[RowRule]) -> str:
    """Return the SQL of a usable value after the row rules that null or repair it."""
    value = column.name
    for rule in rules:
        value = f"CASE WHEN {rule.broken_when} THEN {rule.repair or 'NULL'} ELSE {value} END"
    return value


def typed_rows_sql(
    table: Table, source: str, reading: Reading, keep: tuple[str, ...] = ("extract_date", "row_number"), stated: str = ""
) -> str:
    """Return all rows of a raw table as typed values, with nulling and repairing row rules applied.

    `stated` names a date column. `is_stated`, to be named in `keep`, is then true if the row has a value there, readable or
    not. A day that systems write for 'never', in any format, is no value. `is_a_day` is true if the value is a day, possible or not.
    The sending organisation is the one that names its line of succession. `SENT`, for `keep`, is its code as sent.
    """
    columns, corrected = sender_columns(table), corrections(table)
    usable = ", ".join(f"{usable_sql(column, reading)} AS {column.name}" for column in columns)
    if stated:
        usable += f", {_is_stated_sql(stated)} AS is_stated, {stated} IS NOT NULL AS is_a_day"
    organisation = organisation_column(table)
    if organisation:
        usable += f", {organisation} AS {SENT}"
    rows = f"(SELECT {usable}, extract_date, file_name, row_number FROM {read_rows_sql(table, source, reading)})"
    final = ", ".join(f"{corrected_sql(column, corrected.get(column.name, []))} AS {column.name}" for column in columns)
    typed = f"(SELECT {final}, {', '.join(keep)} FROM {rows})"
    return (
        f"(SELECT {_by_line(organisation)} FROM {typed} AS typed LEFT JOIN {reading.lines} AS of_code ON of_code.code = {organisation})"
        if organisation and reading.lines
        else typed
    )


def organisation_column(table: Table) -> str:
    """Return the column of the sending organisation; empty if there is none."""
    names = {column.name for column in table.columns}
    return next((name for name in (table.provider, "practice_code") if name in names), "")


def _by_line(organisation: str) -> str:
    return f"typed.* REPLACE (coalesce(of_code.line, {organisation}) AS {organisation})"


def narrowed(table: Table, *names: str) -> Table:
    """Return a raw table with only some of its sender's columns, or its key without any, and those that their values depend on.

    SQL of all columns costs more to plan than to run where the rows are few.
    """
    rules, wanted = corrections(table), [name for name in names if name] or table.key
    read = " ".join(f"{rule.broken_when} {rule.repair}" for name in wanted for rule in rules.get(name, []))
    needed = {*wanted, *re.findall(r"\w+", read), RECORDED}
    columns = tuple(column for column in table.columns if column.name in needed or column.name in PROVENANCE_COLUMNS)
    return replace(table, columns=columns, key=tuple(name for name in table.key if name in needed))


def _is_stated_sql(column: str) -> str:
    days, text = ", ".join(f"DATE {quote(day)}" for day in NEVER_DATES), f"text_{column}"
    day_of_text = f"upper(regexp_extract({text}, '^[^ T]+'))"
    return f"{text} IS NOT NULL AND coalesce({column} NOT IN ({days}), {day_of_text} NOT IN ({NEVER_TEXTS}))"


def _ways_to_write(day: date) -> list[str]:
    return [day.strftime(form) for form in ("%Y-%m-%d", "%d/%m/%Y", "%Y%m%d", "%d-%m-%Y", "%d.%m.%Y", "%Y/%m/%d")] + [
        f"{day:%d-%b-%Y}".upper(),
        f"{day:%d%b%Y}".upper(),
    ]


# The ways to write the days that mean 'never', as SQL literals.
NEVER_TEXTS = quote_all(sorted({form for day in NEVER_DATES for form in _ways_to_write(date.fromisoformat(day))}))

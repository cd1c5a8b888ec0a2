"""Find clear identifiers (NHS numbers, full postcodes, names) in place of pseudonyms or codes, before anything is stored."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import duckdb

from expectations.diagnosis_codes import list_of_codes
from expectations.identifier_schemes import Scheme
from expectations.identifier_text import normal_sql
from expectations.sql_values import quote
from expectations.table import Column, Kind, Table
from expectations.tables.raw_common import WITHHELD as WITHHELD
from pipelines.errors import ExtractError

PERSON_COLUMNS = ("person_id", "household_id")
POSTCODE_COLUMN = "postcode_status"

# One in eleven random numbers of ten digits passes the modulus-11 check.
CHANCE = 1 / 11
TELLING_SAMPLE = 100
RECORD_NUMBER_SHARE = 0.5  # record and spell numbers may have any form, so refuse only far above chance
A_HANDFUL = 3  # withheld row by row, however small the file

_SHAPE = "[0-9]{10}|[0-9]{3}[ -][0-9]{3}[ -][0-9]{4}"
_POSTCODE = "(?i)(GIR ?0AA|[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2})"
_NAME = "(?i)[A-Z][A-Z'’-]+,? +[A-Z][A-Z'’-]+( +[A-Z][A-Z'’-]+)*|[A-Z][A-Z'’-]+, ?[A-Z]\\.?"


@dataclass(frozen=True)
class Sightings:
    """Counts in a column: values, values in the form of NHS numbers, valid NHS numbers, full postcodes, names."""

    values: int
    shaped: int
    numbers: int
    postcodes: int
    names: int

    @property
    def credible_numbers(self) -> int:
        """Return the count of valid NHS numbers; 0 if as many random numbers would have as many."""
        most_by_chance = self.shaped * CHANCE + 4 * sqrt(self.shaped * CHANCE * (1 - CHANCE))
        return 0 if self.shaped >= TELLING_SAMPLE and self.numbers <= most_by_chance else self.numbers


# CASE puts a fast test before a pattern. With AND, both sides are evaluated for every row.
def is_shaped_sql(value: str) -> str:
    """Return the SQL that is true for ten digits, with or without spaces.

    `trim` with a space removes spaces only. Without it DuckDB also removes other blanks, which would then be hashed.
    """
    return f"CASE WHEN strlen({value}) BETWEEN 10 AND 16 AND {value} < ':' THEN regexp_full_match(trim({value}, ' '), {quote(_SHAPE)}) ELSE false END"


def digits_sql(value: str) -> str:
    """Return the SQL of the ten digits of a value shaped as an NHS number, as a number; null for any other."""
    return f"CASE WHEN {is_shaped_sql(value)} THEN CAST(replace(replace(trim({value}, ' '), ' ', ''), '-', '') AS BIGINT) END"


def passes_check_sql(digits: str) -> str:
    """Return the SQL that is true for ten digits that are a valid NHS number.

    Ten equal digits are a placeholder and do not count. Source: NHS Data Dictionary, NHS NUMBER, modulus 11 with weights 10 to
    2.
    """
    total = " + ".join(f"({digits} // {10**place} % 10) * {place + 1}" for place in range(1, 10))
    return f"coalesce((11 - ({total}) % 11) % 11 = {digits} % 10 AND {digits} % 1111111111 <> 0, false)"


def is_postcode_sql(value: str) -> str:
    """Return the SQL that is true for a full UK postcode. Length and first character decide for most values."""
    maybe = f"strlen({value}) BETWEEN 5 AND 12 AND ({value} >= 'A' OR {value} < '0')"
    return f"CASE WHEN {maybe} THEN regexp_full_match(trim({value}), {quote(_POSTCODE)}) ELSE false END"


def _code_form(column: Column) -> str:
    """Return the pattern of the values that are codes of the column's scheme, whatever else they look like; '' if no code is like a postcode."""
    if column.code_pattern:
        return list_of_codes(column.code_pattern)
    return column.code_form or (column.pattern if column.scheme is Scheme.ICD10 else "")


def is_postcode_in_sql(column: Column, value: str) -> str:
    """Return the SQL that is true for a full UK postcode that is no code of the column: `J44XX` has the form of both."""
    is_postcode, code = is_postcode_sql(value), _code_form(column)
    if not code:
        return is_postcode
    return f"CASE WHEN {is_postcode} THEN NOT regexp_full_match(upper(trim({value})), {quote(code)}) ELSE false END"


def is_name_sql(value: str) -> str:
    """Return the SQL that is true for two or more words of letters, or a surname and an initial."""
    maybe = f"({value} >= 'A' OR {value} < '0') AND (contains({value}, ' ') OR contains({value}, ','))"
    return f"CASE WHEN {maybe} THEN regexp_full_match(trim({value}), {quote(_NAME)}) ELSE false END"


def watched_columns(table: Table, hashed: bool) -> list[Column]:
    """List the columns that are checked for clear identifiers; hashed columns need no check."""
    texts = [column for column in table.columns if column.kind in (Kind.IDENTIFIER, Kind.CODE, Kind.TEXT)]
    safe = {"extract_id", "file_name", POSTCODE_COLUMN, *(PERSON_COLUMNS if hashed else ())}
    return [column for column in texts if column.name not in safe]


def _is_disguised_sql(value: str) -> str:
    """Return fast SQL that is true for an identifier in a form that hides a clear one: full width, quoted, or written as 1.0."""
    quoted = f"{value} < '(' OR {value} BETWEEN '=' AND '>' OR contains({value}, '.0')"
    return f"(strlen({value}) <> length({value}) OR {quoted})"


def clear_sql(column: Column, value: str, numbers: bool) -> str:
    """Return the SQL that is true if a column has a clear identifier; `numbers` says whether NHS numbers count in it."""
    as_written = _plain_clear_sql(column, value, numbers)
    if column.kind is not Kind.IDENTIFIER:
        return as_written
    disguised = f"list_transform([{normal_sql(value)}], lambda plain: {_plain_clear_sql(column, 'plain', numbers)})[1]"
    return f"CASE WHEN {_is_disguised_sql(value)} THEN {disguised} ELSE {as_written} END"


def _plain_clear_sql(column: Column, value: str, numbers: bool) -> str:
    kinds = [is_postcode_in_sql(column, value)]
    if column.kind is Kind.IDENTIFIER:
        kinds.append(is_name_sql(value))
    if numbers:
        kinds.append(f"CASE WHEN {is_shaped_sql(value)} THEN {passes_check_sql(digits_sql(value))} ELSE false END")
    return f"({' OR '.join(kinds)})"


def suspect_sql(column: Column, value: str) -> str:
    """Return the SQL that is true for everything that `look_for` could count as a clear identifier, and for disguised identifiers."""
    if column.kind is not Kind.IDENTIFIER:
        return _plain_clear_sql(column, value, numbers=False)
    return f"({_is_disguised_sql(value)} OR {_plain_clear_sql(column, value, numbers=True)})"


def look_for(con: duckdb.DuckDBPyConnection, source: str, values: dict[str, str], columns: list[Column]) -> dict[str, Sightings]:
    """Count the clear identifiers in every checked column of a file, in one pass; `values` has the SQL of each column."""
    watched = [column for column in columns if column.name in values]
    if not watched:
        return {}
    plain = [f"{_undisguised(column, values[column.name])} AS v_{column.name}" for column in watched]
    seen = [f"v_{column.name}, {_digits(column, f'v_{column.name}')} AS d_{column.name}" for column in watched]
    counts = [f"count(*) FILTER ({condition})" for column in watched for condition in _conditions(column)]
    found = con.execute(
        f"SELECT {', '.join(counts)} FROM (SELECT {', '.join(seen)} FROM (SELECT {', '.join(plain)} FROM {source}))"
    ).fetchall()[0]
    return {column.name: Sightings(*found[5 * place : 5 * place + 5]) for place, column in enumerate(watched)}


def _undisguised(column: Column, value: str) -> str:
    return (
        f"CASE WHEN {_is_disguised_sql(value)} THEN {normal_sql(value)} ELSE {value} END"
        if column.kind is Kind.IDENTIFIER
        else value
    )


def _digits(column: Column, value: str) -> str:
    return digits_sql(value) if column.kind is Kind.IDENTIFIER else "CAST(NULL AS BIGINT)"


def _conditions(column: Column) -> tuple[str, ...]:
    value, digits, numbered = f"v_{column.name}", f"d_{column.name}", column.kind is Kind.IDENTIFIER
    return (
        f"{value} IS NOT NULL",
        f"{digits} IS NOT NULL",
        passes_check_sql(digits) if numbered else "false",
        is_postcode_in_sql(column, value),
        is_name_sql(value) if numbered else "false",
    )


def columns_to_withhold(file_name: str, sightings: dict[str, Sightings], limit: float) -> dict[str, bool]:
    """Return the columns whose clear identifiers are withheld row by row, and whether NHS numbers are among them.

    An ExtractError refuses a file with more clear identifiers than the limit.
    """
    withheld = {}
    for column, seen in sightings.items():
        person, numbers = column in PERSON_COLUMNS, seen.credible_numbers
        hits = seen.postcodes + seen.names + (numbers if person else 0)
        flooded = not person and numbers >= TELLING_SAMPLE and numbers > RECORD_NUMBER_SHARE * seen.values
        if flooded or hits > max(A_HANDFUL, limit * seen.values) or 2 * hits > seen.values:
            raise ExtractError(_refusal(file_name, column, seen, limit))
        if hits:
            withheld[column] = person and numbers > 0
    return withheld


def _refusal(file_name: str, column: str, seen: Sightings, limit: float) -> str:
    kinds = {"NHS numbers": seen.credible_numbers, "full postcodes": seen.postcodes, "names": seen.names}
    found = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items() if count)
    return (
        f"{file_name}: the column {column} holds clear identifiers ({found} in {seen.values:,} values; the limit is {limit:.1%}). "
        "Nothing of the file was stored. Have it sent with pseudonyms, or set `pseudonymised: false` for the feed with a key; "
        "a column that is meant to hold such values must be left out"
    )

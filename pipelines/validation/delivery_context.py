"""What row rules need beyond the row: date formats, dummy pseudonyms, duplicates, overlapping spells and birth dates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from expectations.age import earliest_birth_sql
from expectations.code_text import may_have_more_sql
from expectations.date_formats import DETECTED
from expectations.granting_columns import granting_columns
from expectations.identifier_schemes import REASONS_OF, may_be_wrong_sql, reason_against
from expectations.identifier_text import may_change_sql
from expectations.row_checks import RowCheck, mark_checks, sender_columns
from expectations.sql_values import quote
from expectations.table import Action, Column, Kind, Table
from expectations.tables.raw_common import CONFLICTING_ROWS
from pipelines.extracts.clear_identifiers import WITHHELD
from pipelines.extracts.extract_records import Extract
from pipelines.lake.storage import Lake
from pipelines.validation.row_flags import (
    BIRTHS,
    DUMMIES,
    DUPLICATES,
    OVERLAPS,
    REPEATED_ROWS,
    flagged_rows_sql,
    of_repeated_keys,
    reads_context,
)
from pipelines.validation.typed_rows import (
    PLAIN_KINDS,
    Reading,
    cased_sql,
    column_text_sql,
    in_plain_form_sql,
    is_padded_sql,
    matches,
    may_be_padded_sql,
    narrowed,
    text_rows_sql,
    text_sql,
    typed_rows_sql,
)
from pipelines.validation.valid_extracts import lines_sql
from pipelines.validation.validation_settings import ValidationSettings

_NO_ROWS = "SELECT '' AS extract_id, 0::BIGINT AS row_number WHERE false"
MOST_ROWS = 1 << 40  # of an extract
LONGEST_STAY_NIGHTS = 730  # an overlap of longer stays is an error of dates, which another rule reports


@dataclass(frozen=True)
class Profile:
    """Figures of an extract: its rows, the values per column, and how its text is read."""

    extract: Extract
    source: str
    rows: int
    values: dict[str, int]
    reading: Reading


def profile_extract(
    con: duckdb.DuckDBPyConnection, lake: Lake, table: Table, extract: Extract, stated_formats: Mapping[str, str] | None = None
) -> Profile:
    """Count the values of an extract, and find the main format of each date column, the padded columns and the wrong identifiers.

    `stated_formats` are those of the settings.
    """
    source = lake.scan(table.name, {"extract_id": extract.extract_id})
    names = [column.name for column in sender_columns(table)]
    dates = [name for name in names if table.column(name).kind is Kind.DATE]
    rows, *found = con.execute(_counts_sql(table, source, names, dates)).fetchall()[0]
    width = len(names)
    values = dict(zip(names, found[:width], strict=True))
    suspects = [table.column(name) for name, count in zip(names, found[width : 2 * width], strict=True) if count]
    padded = _padded(con, source, suspects)
    present = [table.column(name) for name, count in values.items() if count]
    wrong = _wrong_by_column(con, source, present, padded)
    formats = {name: _main_format(by_format) for name, by_format in zip(dates, found[2 * width :], strict=True)}
    reading = Reading({**formats, **(stated_formats or {})}, padded, wrong, lines_sql(lake))
    return Profile(extract, source, rows, values, reading)


def _counts_sql(table: Table, source: str, names: list[str], dates: list[str]) -> str:
    """Return the SQL of an extract's rows, then by column its values and those that may be padded, then each date's formats."""
    answers = granting_columns(table)  # what is read as empty is no value of these
    counts = [f"count({text_sql(f'raw_{name}') if name in answers else f'raw_{name}'})" for name in names]
    counts += [f"count(*) FILTER ({_may_be_padded(table.column(name))})" for name in names]
    counts += map(_format_counts, dates)
    forms = "".join(f", {_format_number(name)} AS format_{name}" for name in dates)
    inner = f"SELECT *{forms} FROM {text_rows_sql(table, source, frozenset(dates))}"
    return f"SELECT count(*), {', '.join(counts)} FROM ({inner})"


def _wrong_by_column(
    con: duckdb.DuckDBPyConnection, source: str, columns: list[Column], padded: frozenset[str]
) -> dict[str, dict[str, list[str]]]:
    distinct = {column.name: _wrong_values(con, source, column, column.name in padded) for column in columns}
    return {name: by_reason for name, by_reason in distinct.items() if by_reason}


def _may_be_padded(column: Column) -> str:
    raw = f"raw_{column.name}"
    return _may_not_be_plain(column, raw) if column.kind in PLAIN_KINDS else may_be_padded_sql(raw)


def _may_not_be_plain(column: Column, value: str) -> str:
    return " OR ".join(filter(None, (may_change_sql(value), may_have_more_sql(column.scheme, value))))


def _padded(con: duckdb.DuckDBPyConnection, source: str, columns: list[Column]) -> frozenset[str]:
    """Return the columns in which a value is padded, or an identifier or code is not in plain form."""
    if not columns:
        return frozenset()
    counts = ", ".join(f"count(*) FILTER ({_is_padded(column)})" for column in columns)
    found = con.execute(f"SELECT {counts} FROM {source}").fetchall()[0]
    return frozenset(column.name for column, count in zip(columns, found, strict=True) if count)


def _is_padded(column: Column) -> str:
    if column.kind in PLAIN_KINDS:
        return f"CASE WHEN {_may_not_be_plain(column, column.name)} THEN {column.name} <> {in_plain_form_sql(column)} END"
    return is_padded_sql(column.name)


def _wrong_values(con: duckdb.DuckDBPyConnection, source: str, column: Column, padded: bool) -> dict[str, list[str]]:
    """Return, by reason, the distinct values of a column, as they are read, that cannot be what its scheme says."""
    if not REASONS_OF[column.scheme]:
        return {}
    value = cased_sql(column, column_text_sql(column, padded))
    sent = (
        f"(SELECT DISTINCT {column.name} FROM {source} WHERE {may_be_wrong_sql(column.scheme, column_text_sql(column, padded))})"
    )
    found: dict[str, list[str]] = {}
    for (distinct,) in con.execute(f"SELECT DISTINCT {value} FROM {sent}").fetchall():
        if distinct is not None and (reason := reason_against(column.scheme, distinct)):
            found.setdefault(reason, []).append(distinct)
    return {reason: sorted(values) for reason, values in found.items()}


def _format_number(name: str) -> str:
    cases = " ".join(f"WHEN {matches('text_' + name, form.pattern)} THEN {number}" for number, form in enumerate(DETECTED))
    return f"CASE {cases} END"


def _format_counts(name: str) -> str:
    """Return the SQL of a list of the values in each date format."""
    return f"[{', '.join(f'count(*) FILTER (format_{name} = {number})' for number in range(len(DETECTED)))}]"


def _main_format(counts: list[int]) -> str:
    return DETECTED[max(range(len(counts)), key=lambda place: (counts[place], -place))].name


def prepare_context(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    delivery: list[Profile],
    checks: dict[str, list[RowCheck]],
    settings: ValidationSettings,
    patients: str | None,
) -> None:
    """Create the temporary tables that row rules of a delivery read; `patients` is SQL of the validated patients."""
    if reads_context(table.row_rules, "birth_date"):
        con.execute(f"CREATE OR REPLACE TEMP TABLE {BIRTHS} AS {_births(patients)}")
    if reads_context(table.row_rules, "dummy_person_id"):
        _find_dummies(con, table, delivery, settings)
    if reads_context(table.row_rules, "duplicate_row"):
        _find_duplicates(con, table, delivery, checks)
    if reads_context(table.row_rules, "overlapping_spells"):
        con.execute(f"CREATE OR REPLACE TEMP TABLE {OVERLAPS} AS {_overlaps(table, delivery)}")


def _births(patients: str | None) -> str:
    """Return the first day of each person's month of birth, or of the year if the month is not known."""
    if patients is None:
        return "SELECT CAST(NULL AS VARCHAR) AS person_id, CAST(NULL AS DATE) AS birth_date WHERE false"
    born = earliest_birth_sql("birth_year", "birth_month")
    return f"SELECT person_id, min({born}) AS birth_date FROM {patients} GROUP BY person_id"


def _typed(table: Table, profile: Profile, source: str = "") -> str:
    rows = typed_rows_sql(table, source or profile.source, profile.reading, keep=("extract_date", "file_name", "row_number"))
    return f"(SELECT *, {quote(profile.extract.extract_id)} AS extract_id FROM {rows})"


def _person_sql(table: Table, profile: Profile) -> str:
    column = table.column(table.person)
    return cased_sql(column, column_text_sql(column, column.name in profile.reading.padded))


def _find_dummies(con: duckdb.DuckDBPyConnection, table: Table, delivery: list[Profile], settings: ValidationSettings) -> None:
    """Find dummy pseudonyms: they are on more rows than a person could have, and several rows share a day.

    The rows of a dialysis patient are many as well, but on different days.
    """
    day = table.event_date or "extract_date"
    rows = " UNION ALL ".join(
        f"SELECT {_person_sql(table, profile)} AS person_id, {day} AS day FROM {profile.source}" for profile in delivery
    )
    many = f"SELECT person_id FROM ({rows}) WHERE person_id IS NOT NULL GROUP BY 1 HAVING count(*) > {settings.dummy_rows(table.feed)}"
    con.execute(f"CREATE OR REPLACE TEMP TABLE frequent_people AS {many}")
    shared = f"count(*) - count(DISTINCT day) >= {settings.dummy_shared_days} * count(*)"
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE {DUMMIES} AS SELECT person_id FROM ({rows})
        WHERE person_id IN (SELECT person_id FROM frequent_people) GROUP BY 1 HAVING {shared}"""
    )


def _find_duplicates(
    con: duckdb.DuckDBPyConnection, table: Table, delivery: list[Profile], checks: dict[str, list[RowCheck]]
) -> None:
    """Find every row whose key an earlier row has; a row that is kept goes before one that another rule sets aside.

    `differs` is true where the table distinguishes conflicting rows from duplicates and the row differs from the one that stays.
    An entry that its sender marked in one row, as deleted or confidential, is not kept in another. Of a person one row stays: conform
    reads the marks of the others. Few rows share a digest of their key. Only those are compared.
    """
    key, content = ", ".join(table.key), ", ".join(column.name for column in sender_columns(table))
    if _is_numbered(con, table, delivery) or not _find_repeated(con, table, delivery):
        con.execute(f"CREATE OR REPLACE TEMP TABLE {REPEATED_ROWS} AS {_NO_ROWS}")
        con.execute(f"CREATE OR REPLACE TEMP TABLE {DUPLICATES} AS SELECT *, false AS differs FROM ({_NO_ROWS})")
        return
    repeated = " UNION ALL ".join(
        f"SELECT extract_id, file_name, row_number, {key}, hash({content}) AS content FROM {_typed(table, profile, of_repeated_keys(profile.source, profile.extract.extract_id))}"
        for profile in delivery
    )
    con.execute(f"CREATE OR REPLACE TEMP TABLE repeated_rows AS {repeated}")
    broken = " UNION ALL ".join(_set_aside_otherwise(table, profile, checks[profile.extract.extract_id]) for profile in delivery)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE {DUPLICATES} AS
        SELECT extract_id, row_number, {_differs(table)} AS differs
        FROM (SELECT *, row_number() OVER ordered AS place, content <> first_value(content) OVER ordered AS is_other,
                bool_or(coalesce(marked, false)) OVER (PARTITION BY {key}) AND NOT coalesce(marked, false) AS marked_elsewhere
            FROM repeated_rows LEFT JOIN ({broken}) USING (extract_id, row_number)
            WINDOW ordered AS (PARTITION BY {key} ORDER BY coalesce(broken, false), file_name, row_number, extract_id))
        WHERE place > 1{"" if _one_row_stays(table) else " OR marked_elsewhere"}"""
    )


def _find_repeated(con: duckdb.DuckDBPyConnection, table: Table, delivery: list[Profile]) -> bool:
    """List the rows whose key has the digest of another row's key, and return whether there are any.

    The rows are read once: the first and the last row of a digest are all where it is on two. Only digests on more rows need a second reading.
    """
    digest, known = f"hash({', '.join(table.key)})", " AND ".join(f"{column} IS NOT NULL" for column in table.key)
    rows = " UNION ALL ".join(
        f"SELECT {digest} AS digest, {number * MOST_ROWS} + row_number AS place FROM {_typed(narrowed(table, *table.key), profile)} WHERE {known}"
        for number, profile in enumerate(delivery)
    )
    groups = (
        f"SELECT digest, count(*) AS rows, min(place) AS first, max(place) AS last FROM ({rows}) GROUP BY 1 HAVING count(*) > 1"
    )
    con.execute(f"CREATE OR REPLACE TEMP TABLE repeated_digests AS {groups}")
    most = con.execute("SELECT max(rows) FROM repeated_digests").fetchall()[0][0] or 0
    places = "SELECT unnest([first, last]) AS place FROM repeated_digests WHERE rows = 2"
    if most > 2:
        places += (
            f" UNION ALL SELECT place FROM ({rows}) SEMI JOIN (SELECT digest FROM repeated_digests WHERE rows > 2) USING (digest)"
        )
    ids = ", ".join(quote(profile.extract.extract_id) for profile in delivery)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE {REPEATED_ROWS} AS
        SELECT [{ids}][place // {MOST_ROWS} + 1] AS extract_id, place % {MOST_ROWS} AS row_number FROM ({places})"""
    )
    return most > 0


def _differs(table: Table) -> str:
    if not reads_context(table.row_rules, CONFLICTING_ROWS):
        return "false"
    if table.person in table.key:  # a withheld identifier is no key
        return f"is_other AND {table.person} <> {quote(WITHHELD)}"
    return "(is_other OR marked_elsewhere)"


def _one_row_stays(table: Table) -> bool:
    """Return whether a person has one row in the table, so that the rows of a key are about that person and not an entry."""
    return table.key == (table.person,)


def _is_numbered(con: duckdb.DuckDBPyConnection, table: Table, delivery: list[Profile]) -> bool:
    """Return whether the rows are in rising order of a numeric key, so that no key is repeated. Most record keys are."""
    if len(table.key) > 1 or len(delivery) > 1:
        return False
    numbers = f"SELECT try_cast({table.key[0]} AS BIGINT) AS number FROM {_typed(narrowed(table, *table.key), delivery[0])}"
    steps = f"SELECT number > lag(number, 1, -1) OVER () AS rises FROM ({numbers})"
    return not con.execute(f"SELECT 1 FROM ({steps}) WHERE NOT coalesce(rises, false) LIMIT 1").fetchall()


def _set_aside_otherwise(table: Table, profile: Profile, checks: list[RowCheck]) -> str:
    extract_id = profile.extract.extract_id
    of_keys = ("duplicate_row", CONFLICTING_ROWS)
    telling = [check for check in checks if check.action is Action.SET_ASIDE and check.reason not in of_keys]
    flagged = flagged_rows_sql(
        table, of_repeated_keys(profile.source, profile.extract.extract_id), profile.reading, telling, [], extract_id
    )
    any_flag = " OR ".join(check.name for check in telling) or "false"
    marks = mark_checks(table)
    any_mark = " OR ".join(check.name for check in telling if check.name in marks) or "false"
    return f"SELECT {quote(extract_id)} AS extract_id, row_number, {any_flag} AS broken, {any_mark} AS marked FROM ({flagged})"


def _overlaps(table: Table, delivery: list[Profile]) -> str:
    """Return both spells of every pair in which a person was in beds of two providers on the same night."""
    columns = ("person_id", "provider_code", "admission_date", "discharge_date")
    rows = " UNION ALL ".join(
        f"SELECT extract_id, row_number, {', '.join(columns)} FROM {_typed(narrowed(table, *columns), profile)}"
        for profile in delivery
    )
    stays = f"""(SELECT * FROM ({rows}) ANTI JOIN {DUPLICATES} USING (extract_id, row_number)
        WHERE discharge_date > admission_date AND discharge_date - admission_date <= {LONGEST_STAY_NIGHTS}
        AND person_id NOT IN (SELECT person_id FROM {DUMMIES}))"""
    return f"""WITH stays AS {stays}
        SELECT DISTINCT a.extract_id, a.row_number FROM stays a JOIN stays b ON a.person_id = b.person_id AND a.provider_code <> b.provider_code
        AND a.admission_date < b.discharge_date AND b.admission_date < a.discharge_date"""

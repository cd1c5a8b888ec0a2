"""Columns and rules of all raw tables, and functions that declare common columns and rules."""

from __future__ import annotations

from expectations.identifier_schemes import Scheme
from expectations.sql_values import quote
from expectations.table import Action, Column, Kind, Lost, RowRule, Severity, Table, TableRule

PROVENANCE = (
    Column("extract_id", Kind.IDENTIFIER, "The extract of the row: a digest of the content of the file.", nullable=False),
    Column("extract_date", Kind.DATE, "Day that the extract was delivered.", nullable=False),
    Column("file_name", Kind.TEXT, "Name of the file, without its folder.", nullable=False),
    Column("row_number", Kind.INTEGER, "Number of the row in its file; the first data row is 1.", nullable=False, arrow="int64"),
)

SEX_CODES = ("1", "2", "9", "0")
ETHNIC_CATEGORIES = (*"ABCDEFGHJKLMNPRSZ", "99")
YES = ("1", "Y", "TRUE", "YES", "T")
NO = ("0", "N", "FALSE", "NO", "F")
YES_NO = (*YES, *NO)
EARLIEST_BIRTH_YEAR = 1880
# What systems write as the end of what has not ended: a date column that holds it holds no date.
NEVER_DATES = (
    "2099-12-31", "2100-01-01", "2199-12-31", "2299-12-31", "2999-12-31", "3000-01-01", "3000-12-31", "4000-01-01", "4712-12-31",
    "9000-01-01", "9999-01-01", "9999-12-30", "9999-12-31",
)  # fmt: skip
PLACEHOLDER_DATES = ("1800-01-01", "1801-01-01", "1900-01-01", "1901-01-01", "2099-12-31", "9999-12-31")


def person(source: str) -> Column:
    """Return the pseudonym column of a feed."""
    return Column(
        "person_id",
        Kind.IDENTIFIER,
        "The person's pseudonym.",
        nullable=False,
        on_violation=Action.SET_ASIDE,
        source=source,
        required_in_file=True,
        scheme=Scheme.PERSON,
    )


def event_date(name: str, source: str, description: str) -> Column:
    """Return the date column of a feed; a row without this date is set aside."""
    return Column(
        name, Kind.DATE, description, nullable=False, on_violation=Action.SET_ASIDE, source=source, required_in_file=True
    )


def code(name: str, source: str, description: str, allowed: tuple[str, ...] = (), **more: object) -> Column:
    """Return a coded column; an unknown code becomes null and is counted."""
    return Column(name, Kind.CODE, description, allowed=allowed, source=source, **more)  # type: ignore[arg-type]


def date_rules(column: str, *, born: bool = True, action: Action = Action.SET_ASIDE) -> tuple[RowRule, ...]:
    """Return the rules of a date column: no placeholder, not before 1880, not after the extract and not before birth."""
    born_first = quote(f"{EARLIEST_BIRTH_YEAR}-01-01")
    placeholders = ", ".join(f"DATE {quote(day)}" for day in PLACEHOLDER_DATES)
    rules = [
        RowRule(
            "placeholder_date",
            f"{column} IN ({placeholders})",
            action,
            f"{column} is a placeholder that systems write for an unknown date.",
            (column,),
            defect=8,
        ),
        RowRule(
            "date_before_anyone",
            f"{column} < DATE {born_first} AND {column} NOT IN ({placeholders})",
            action,
            f"{column} is before {EARLIEST_BIRTH_YEAR}, when no person on a registered list was born.",
            (column,),
            defect=8,
        ),
        RowRule(
            "date_after_extract",
            f"{column} > extract_date AND {column} NOT IN ({placeholders})",
            action,
            f"{column} is after the day that the extract was delivered.",
            (column,),
            defect=8,
        ),
    ]
    if born:
        rules.append(
            RowRule(
                "date_before_birth",
                f"{column} < birth_date AND {column} NOT IN ({placeholders})",
                action,
                f"{column} is before the person's month of birth.",
                (column,),
                defect=8,
            )
        )
    return tuple(rules)


WITHHELD = "(withheld)"  # replaces a clear identifier in a raw table


def clear_identifier_rules(is_objection: bool) -> tuple[RowRule, ...]:
    """Return the rules for clear identifiers; ingest finds them and never stores the value.

    An objection is lost only with the person's own identifier. A clear value elsewhere in the row becomes a lost value.
    """
    where = "A clear NHS number, postcode or name was in the place of a pseudonym{}. The value was not stored."
    of_person = f"person_id IS NOT DISTINCT FROM {quote(WITHHELD)}"
    if not is_objection:
        return (RowRule("clear_identifier", "clear_identifier", Action.SET_ASIDE, where.format(" or code"), defect=14),)
    return (
        RowRule("clear_identifier", f"clear_identifier AND {of_person}", Action.SET_ASIDE, where.format(""), defect=14),
        RowRule(
            "clear_value",
            f"clear_identifier AND NOT ({of_person})",
            Action.FLAGGED,
            "A clear NHS number, postcode or name was in the place of a code. The value was not stored and is read as one that cannot be read.",
            defect=14,
        ),
    )


# Review lists are opened in spreadsheets, which run such a cell as a formula. Negative numbers are not formulas.
FORMULA_PERSON = RowRule(
    "formula_person_id",
    "CASE WHEN left(person_id, 1) IN ('=', '+', '@', '-') THEN NOT regexp_full_match(person_id, '-[0-9]+') ELSE false END",
    Action.SET_ASIDE,
    "The pseudonym starts like a spreadsheet formula.",
    ("person_id",),
)


CONFLICTING_ROWS = "conflicting_rows"


def conflict_rule(key: tuple[str, ...]) -> RowRule:
    """Return the rule for rows of one key that differ. The first stays, and what the cautious one states counts."""
    return RowRule(
        CONFLICTING_ROWS,
        CONFLICTING_ROWS,
        Action.SET_ASIDE,
        f"Another row of the delivery has the same {', '.join(key)} and other values. What the more cautious row states counts.",
        key,
        defect=6,
    )


def duplicate_rule(key: tuple[str, ...]) -> RowRule:
    """Return the rule for duplicates: a key occurs once in a delivery, and the first row by file and row number stays."""
    return RowRule(
        "duplicate_row",
        "duplicate_row",
        Action.SET_ASIDE,
        f"An earlier row of the delivery has the same {', '.join(key)}.",
        key,
        defect=6,
    )


DUMMY_PERSON = RowRule(
    "dummy_person_id",
    "dummy_person_id",
    Action.SET_ASIDE,
    "The pseudonym is on more rows than any person could have, so the sender uses it for 'number missing'.",
    ("person_id",),
    defect=3,
)

NOT_EMPTY = TableRule("not_empty", "not_empty", Severity.STOP, "An extract has at least one row.")
COLUMNS_PRESENT = TableRule(
    "columns_present",
    "columns_present",
    Severity.STOP,
    "Every required column is in the file, and every column that the previous delivery had.",
)
ANSWERS_DELIVERED = TableRule(
    "answers_delivered",
    "answers_delivered",
    Severity.WARN,
    "The file has every date and mark whose absence would grant something to everyone, or the feed's `not_delivered` names it.",
)
SHARE_SET_ASIDE = TableRule(
    "share_set_aside", "share_set_aside", Severity.STOP, "The share of rows set aside stays below its limit.", limit=0.2
)
KEYS_UNIQUE = TableRule("keys_unique", "keys_unique", Severity.STOP, "No key occurs twice after duplicates were set aside.")
FEED_COLLAPSED = TableRule(
    "feed_collapsed",
    "feed_collapsed",
    Severity.STOP,
    "The delivery as a whole, and each month of it, has at least this share of the rows that the last delivery had.",
    limit=0.6,
    defect=1,
)

FEED_FELL = TableRule(
    "feed_fell",
    "feed_fell",
    Severity.WARN,
    "The delivery as a whole has at least this share of the rows that the last delivery had. A fall that stops nothing, because the feed is small, is named.",
    limit=0.6,
    defect=1,
)

OBJECTIONS_LOST = TableRule(
    "objections_lost",
    "objections_lost",
    Severity.STOP,
    "No row of a feed of objections is set aside with the person who objects: at most this share of the rows.",
    limit=0.0,
    defect=11,
)

DAY_AND_MONTH = TableRule(
    "day_and_month_known",
    "day_and_month_known",
    Severity.STOP,
    "The values of a date column that is written with a day and a month as numbers show which of them is first, and it is the day, "
    "or the feed's `dates` say it. Up to this share of the values that show an order may show the other.",
    limit=0.01,
    defect=13,
)


def volume_rules(provider: str) -> tuple[TableRule, ...]:
    """Return the rules on the rows of each organisation and month, compared with the last delivery and with other months."""
    return (
        TableRule(
            "month_collapsed",
            "month_collapsed",
            Severity.STOP,
            f"No {provider} and month has less than this share of its rows in the last delivery.",
            limit=0.5,
            columns=(provider,),
            defect=1,
        ),
        TableRule(
            "month_gap",
            "month_gap",
            Severity.WARN,
            f"No month of a {provider} between active months has less than this share of the rows of its median month.",
            limit=0.2,
            columns=(provider,),
            defect=1,
        ),
    )


def varying_rule(columns: tuple[Column, ...]) -> tuple[TableRule, ...]:
    """Return the rule that columns which usually vary do not have a single value."""
    names = tuple(column.name for column in columns if column.varies)
    description = "No column that had several values in the last delivery has a single value in this one."
    return (TableRule("single_value", "single_value", Severity.STOP, description, columns=names, defect=10),) if names else ()


def unknown_code_rule(columns: tuple[Column, ...]) -> tuple[TableRule, ...]:
    """Return the rule on the share of values of coded columns outside their vocabulary."""
    names = tuple(column.name for column in columns if column.allowed or column.pattern)
    description = "The share of a coded column's values outside its vocabulary stays below its limit."
    return (TableRule("unknown_codes", "unknown_codes", Severity.STOP, description, 0.3, names, 11),) if names else ()


def lost_value_rules(columns: tuple[Column, ...]) -> tuple[TableRule, ...]:
    """Return the rules on the share of lost values of each column: its limit, its rise since the previous delivery, and values that are gone."""
    names = tuple(column.name for column in columns)
    identifiers = tuple(column.name for column in columns if column.kind is Kind.IDENTIFIER)
    may_be_empty = tuple(column.name for column in columns if column.nullable and column.empty_is_an_answer)
    return (
        TableRule(
            "values_emptied",
            "values_emptied",
            Severity.STOP,
            "A column that may be empty has a value in at least this share of the rows in which the previous delivery leads to expect one, "
            "in the delivery and from each organisation.",
            limit=0.5,
            columns=may_be_empty,
            defect=8,
        ),
        TableRule(
            "values_lost",
            "values_lost",
            Severity.STOP,
            "The share of a column's values that are lost stays below its limit, in the delivery and from each organisation.",
            limit=0.5,
            columns=names,
            defect=8,
        ),
        TableRule(
            "values_lost_more",
            "values_lost_more",
            Severity.STOP,
            "The share of a column's values that are lost is not higher than in the previous delivery by more than this share.",
            limit=0.2,
            columns=names,
            defect=8,
        ),
        TableRule(
            "identifiers_lost_more",
            "values_lost_more",
            Severity.STOP,
            "The share of identifiers in a column that cannot be one is not higher than in the previous delivery by more than this share.",
            limit=0.05,
            columns=identifiers,
            defect=13,
        ),
    )


def raw_table(
    feed: str,
    description: str,
    columns: tuple[Column, ...],
    key: tuple[str, ...],
    *,
    event_date: str,
    available: str,
    provider: str = "",
    row_rules: tuple[RowRule, ...] = (),
    table_rules: tuple[TableRule, ...] = (),
    born: bool = True,
    duplicates: bool = True,
    conflicts: bool = False,
    strange_date: Action = Action.SET_ASIDE,
    is_objection: bool = False,
) -> Table:
    """Return the raw table of a feed with the rules of all feeds; with `conflicts`, rows of a key that differ are no duplicates.

    Of a feed of objections (`is_objection`), no row may be lost without a stop.
    """
    dated = date_rules(event_date, born=born, action=strange_date) if event_date else ()
    repeated = (duplicate_rule(key), *((conflict_rule(key),) if conflicts else ())) if duplicates else ()
    dates_that_suppress = [column for column in columns if column.kind is Kind.DATE and column.lost is Lost.SUPPRESSES]
    grants = bool(dates_that_suppress) or any(rule.is_mark for rule in row_rules)
    return Table(
        name=f"raw__{feed}",
        description=description,
        columns=(*columns, *PROVENANCE),
        key=key,
        partitioned_by=("extract_id",),
        row_rules=(*clear_identifier_rules(is_objection), DUMMY_PERSON, FORMULA_PERSON, *dated, *row_rules, *repeated),
        table_rules=(
            NOT_EMPTY,
            COLUMNS_PRESENT,
            *((ANSWERS_DELIVERED,) if grants else ()),
            SHARE_SET_ASIDE,
            KEYS_UNIQUE,
            FEED_COLLAPSED,
            FEED_FELL,
            DAY_AND_MONTH,
            *(volume_rules(provider) if provider else ()),
            *varying_rule(columns),
            *unknown_code_rule(columns),
            *lost_value_rules(columns),
            *((OBJECTIONS_LOST,) if is_objection else ()),
            *table_rules,
        ),
        feed=feed,
        event_date=event_date,
        available=available,
        provider=provider,
    )

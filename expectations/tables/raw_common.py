"""Columns and row rules of all raw tables, and functions that declare common columns and rules."""

from __future__ import annotations

from expectations.identifier_schemes import WITHHELD, Scheme
from expectations.sql_values import quote
from expectations.table import Action, Column, Kind, RowRule, Table, TableRule
from expectations.tables.raw_table_rules import OBJECTIONS_LOST, delivery_rules

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
    return Table(
        name=f"raw__{feed}",
        description=description,
        columns=(*columns, *PROVENANCE),
        key=key,
        partitioned_by=("extract_id",),
        row_rules=(*clear_identifier_rules(is_objection), DUMMY_PERSON, FORMULA_PERSON, *dated, *row_rules, *repeated),
        table_rules=(
            *delivery_rules(columns, row_rules, provider),
            *((OBJECTIONS_LOST,) if is_objection else ()),
            *table_rules,
        ),
        feed=feed,
        event_date=event_date,
        available=available,
        provider=provider,
    )

"""What every raw table has: provenance columns, and the column and rule makers its declaration is written with."""

from __future__ import annotations

from expectations.table import Action, Column, Kind, RowRule, Severity, Table, TableRule

PROVENANCE = (
    Column("extract_id", Kind.IDENTIFIER, "The extract the row came in: a digest of the file's content.", nullable=False),
    Column("extract_date", Kind.DATE, "The day the extract was delivered.", nullable=False),
    Column("file_name", Kind.TEXT, "The file's name, without its folder.", nullable=False),
    Column("row_number", Kind.INTEGER, "The row's number in its file; the first data row is 1.", nullable=False, arrow="int64"),
)

SEX_CODES = ("1", "2", "9", "0")
ETHNIC_CATEGORIES = (*"ABCDEFGHJKLMNPRSZ", "99")
EARLIEST_BIRTH_YEAR = 1880
NEVER_DATES = ("2099-12-31", "9999-12-31")  # what systems write as the end of what has not ended
PLACEHOLDER_DATES = ("1800-01-01", "1801-01-01", "1900-01-01", "1901-01-01", *NEVER_DATES)


def person(source: str) -> Column:
    """Declare the pseudonym column of a feed."""
    return Column(
        "person_id",
        Kind.IDENTIFIER,
        "The person's pseudonym.",
        nullable=False,
        on_violation=Action.SET_ASIDE,
        source=source,
        required_in_file=True,
    )


def event_date(name: str, source: str, description: str) -> Column:
    """Declare the date that places a row in time: without it the row cannot be used."""
    return Column(
        name, Kind.DATE, description, nullable=False, on_violation=Action.SET_ASIDE, source=source, required_in_file=True
    )


def code(name: str, source: str, description: str, allowed: tuple[str, ...] = (), **more: object) -> Column:
    """Declare a coded column; an unknown code becomes null and is counted."""
    return Column(name, Kind.CODE, description, allowed=allowed, source=source, **more)  # type: ignore[arg-type]


def date_rules(column: str, *, born: bool = True, action: Action = Action.SET_ASIDE) -> tuple[RowRule, ...]:
    """Declare what a date that places a row may not be, and what follows: a placeholder, before anyone, after its extract, or before birth."""
    placeholders = ", ".join(f"DATE '{day}'" for day in PLACEHOLDER_DATES)
    rules = [
        RowRule(
            "placeholder_date",
            f"{column} IN ({placeholders})",
            action,
            f"{column} is a date that systems write for 'unknown'.",
            (column,),
            defect=8,
        ),
        RowRule(
            "date_before_anyone",
            f"{column} < DATE '{EARLIEST_BIRTH_YEAR}-01-01' AND {column} NOT IN ({placeholders})",
            action,
            f"{column} lies before anyone on a list was born.",
            (column,),
            defect=8,
        ),
        RowRule(
            "date_after_extract",
            f"{column} > extract_date AND {column} NOT IN ({placeholders})",
            action,
            f"{column} lies after the day the extract was delivered.",
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
                f"{column} lies before the person's month of birth.",
                (column,),
                defect=8,
            )
        )
    return tuple(rules)


def clear_identifier_rule() -> RowRule:
    """Declare that a pseudonym is not a clear NHS number; ingest finds it and never stores the value."""
    return RowRule(
        "clear_identifier",
        "clear_identifier",
        Action.SET_ASIDE,
        "A clear NHS number, postcode or name stood where a pseudonym or code belongs; the value was not stored.",
        defect=14,
    )


# A list of people is opened in a spreadsheet sooner or later, and a spreadsheet runs such a cell. Signed numbers are none.
FORMULA_PERSON = RowRule(
    "formula_person_id",
    "CASE WHEN left(person_id, 1) IN ('=', '+', '@', '-') THEN NOT regexp_full_match(person_id, '-[0-9]+') ELSE false END",
    Action.SET_ASIDE,
    "The pseudonym begins as a spreadsheet's formula does.",
    ("person_id",),
)


def duplicate_rule(key: tuple[str, ...]) -> RowRule:
    """Declare that a key stands once in a delivery; the first row by file and row number stays."""
    return RowRule(
        "duplicate_row",
        "duplicate_row",
        Action.SET_ASIDE,
        f"The same {', '.join(key)} stands earlier in the same delivery.",
        key,
        defect=6,
    )


DUMMY_PERSON = RowRule(
    "dummy_person_id",
    "dummy_person_id",
    Action.SET_ASIDE,
    "The pseudonym stands on more rows than any person could have: it is a sender's mark for 'number missing'.",
    ("person_id",),
    defect=3,
)

NOT_EMPTY = TableRule("not_empty", "not_empty", Severity.STOP, "An extract holds at least one row.")
COLUMNS_PRESENT = TableRule("columns_present", "columns_present", Severity.STOP, "Every required column is in the file.")
SHARE_SET_ASIDE = TableRule(
    "share_set_aside", "share_set_aside", Severity.STOP, "The share of rows set aside stays below its limit.", limit=0.2
)
KEYS_UNIQUE = TableRule("keys_unique", "keys_unique", Severity.STOP, "No key is left twice once duplicates are set aside.")


def volume_rules(provider: str) -> tuple[TableRule, ...]:
    """Declare the rules on rows by organisation and month, against the last extract and against neighbours."""
    return (
        TableRule(
            "month_collapsed",
            "month_collapsed",
            Severity.STOP,
            f"No {provider} and month holds less than this share of the rows the last extract held for it.",
            limit=0.5,
            columns=(provider,),
            defect=1,
        ),
        TableRule(
            "month_gap",
            "month_gap",
            Severity.WARN,
            f"No {provider} falls, between active months, below this share of its own median month.",
            limit=0.2,
            columns=(provider,),
            defect=1,
        ),
    )


def varying_rule(columns: tuple[Column, ...]) -> tuple[TableRule, ...]:
    """Declare that columns which vary have more than one value in an extract."""
    names = tuple(column.name for column in columns if column.varies)
    description = "No column that varied in the last extract has a single value in this one."
    return (TableRule("single_value", "single_value", Severity.STOP, description, columns=names, defect=10),) if names else ()


def unknown_code_rule(columns: tuple[Column, ...]) -> tuple[TableRule, ...]:
    """Declare the highest share of a coded column's values that may fall outside its vocabulary."""
    names = tuple(column.name for column in columns if column.allowed or column.pattern)
    description = "The share of a coded column's values outside its vocabulary stays below its limit."
    return (TableRule("unknown_codes", "unknown_codes", Severity.STOP, description, 0.3, names, 11),) if names else ()


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
    strange_date: Action = Action.SET_ASIDE,
) -> Table:
    """Declare the raw table of a feed with the rules that every feed has."""
    dated = date_rules(event_date, born=born, action=strange_date) if event_date else ()
    repeated = (duplicate_rule(key),) if duplicates else ()
    return Table(
        name=f"raw__{feed}",
        description=description,
        columns=(*columns, *PROVENANCE),
        key=key,
        partitioned_by=("extract_id",),
        row_rules=(clear_identifier_rule(), DUMMY_PERSON, FORMULA_PERSON, *dated, *row_rules, *repeated),
        table_rules=(
            NOT_EMPTY,
            COLUMNS_PRESENT,
            SHARE_SET_ASIDE,
            KEYS_UNIQUE,
            *(volume_rules(provider) if provider else ()),
            *varying_rule(columns),
            *unknown_code_rule(columns),
            *table_rules,
        ),
        feed=feed,
        event_date=event_date,
        available=available,
        provider=provider,
    )

"""Rules of raw tables as a whole: on a delivery, its columns and its rows compared with the delivery before."""

from __future__ import annotations

from expectations.table import Column, Kind, Lost, RowRule, Severity, TableRule

NOT_EMPTY = TableRule("not_empty", "not_empty", Severity.STOP, "An extract has at least one row.")
COLUMNS_PRESENT = TableRule(
    "columns_present",
    "columns_present",
    Severity.STOP,
    "Every required column is in the file, and every column that the previous delivery had. No column whose empty value grants something is "
    "empty next to an unused header that may be that column.",
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


def unknown_codes_in_lists_rule(columns: tuple[Column, ...]) -> tuple[TableRule, ...]:
    """Return the rule on the share of lists of codes that lost some of their codes."""
    names = tuple(column.name for column in columns if column.code_pattern)
    description = "The share of lists of codes in which some codes are outside the vocabulary stays below its limit."
    return (
        (TableRule("unknown_codes_in_lists", "unknown_codes_in_lists", Severity.WARN, description, 0.1, names, 11),)
        if names
        else ()
    )


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


def delivery_rules(columns: tuple[Column, ...], row_rules: tuple[RowRule, ...], provider: str) -> tuple[TableRule, ...]:
    """Return the rules of every feed on a delivery as a whole."""
    return (
        NOT_EMPTY,
        COLUMNS_PRESENT,
        *((ANSWERS_DELIVERED,) if _may_grant(columns, row_rules) else ()),
        SHARE_SET_ASIDE,
        KEYS_UNIQUE,
        FEED_COLLAPSED,
        FEED_FELL,
        DAY_AND_MONTH,
        *(volume_rules(provider) if provider else ()),
        *varying_rule(columns),
        *unknown_code_rule(columns),
        *unknown_codes_in_lists_rule(columns),
        *lost_value_rules(columns),
    )


def _may_grant(columns: tuple[Column, ...], row_rules: tuple[RowRule, ...]) -> bool:
    """Return whether a date or mark that a file lacks would grant something to everyone."""
    suppresses = any(column.kind is Kind.DATE and column.lost is Lost.SUPPRESSES for column in columns)
    return suppresses or any(rule.is_mark for rule in row_rules)

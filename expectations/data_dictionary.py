"""Write docs/data-dictionary.md from the declarations: `python -m expectations.data_dictionary`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from expectations.catalogue import TABLES
from expectations.date_formats import FORMATS, LOCAL_ZONE
from expectations.row_checks import COLUMN_REASONS, PARSING_DESCRIPTIONS, row_checks, unusable_action
from expectations.table import Column, Table

FILE = Path(__file__).parents[1] / "docs" / "data-dictionary.md"
LAYERS = {
    "raw": "Extracts as they were delivered, with identifiers pseudonymised. Every declared column is stored as text.",
    "core": "Validated and conformed tables, with the same structure for every source.",
    "features": "One row per person and index date.",
    "risk": "Labels, models, runs, scores, drivers and review lists.",
    "equity": "Rates of the outcomes by group, and the audit of the models.",
    "monitoring": "Volumes, validation results, drift, calibration, alerts and stages.",
}
KNOWN_DEFECTS = (
    "The rows of a provider and month fell sharply compared with the last delivery.",
    "A practice has far fewer patients than its published list.",
    "A dummy pseudonym is used for 'number missing'.",
    "Sex is not 1, 2, 9 or 0. An age is 7000 or more (codes for babies), 999 or over 120.",
    "A length of stay is over 730 days and the spell has few episodes.",
    "A discharge is before the admission, a person is in two places at once, or rows are duplicates.",
    "Rows are of test patients, confidential or deleted.",
    "Dates are before birth, after the extract, placeholders or imprecise.",
    "The registration history before the first load is missing.",
    "A column suddenly has a single value.",
    "Codes are outside their vocabulary, or the vocabulary changed.",
    "Ethnicity is often not stated, not known or empty.",
    "Codes have blanks or lower case, dates have two formats, numbers have thousands separators, rows have too many fields, or the encoding is not UTF-8.",
    "A clear NHS number, a full postcode or a name is in the place of a pseudonym.",
)


def data_dictionary(tables: Iterable[Table]) -> str:
    """Return the dictionary as Markdown."""
    declared = list(tables)
    lines = [
        "# Data dictionary",
        "",
        "`python -m expectations.data_dictionary` writes this page from the declarations in `expectations/tables/`: do not edit it. "
        "The [glossary](glossary.md) explains the terms.",
    ]
    defects = [(number, defect, _rules_for(number, declared)) for number, defect in enumerate(KNOWN_DEFECTS, start=1)]
    lines += ["", "## Known defects and the rules that find them", *_grid(("no.", "defect", "rules"), defects)]
    reasons = {**{reason: (meaning, 13) for reason, meaning in PARSING_DESCRIPTIONS.items()}, **COLUMN_REASONS}
    rows = [(f"`{reason}`", meaning, defect or "") for reason, (meaning, defect) in reasons.items()]
    lines += ["", "## Reasons that apply to every feed", *_grid(("reason", "meaning", "defect"), rows)]
    lines += _date_formats()
    for layer, description in LAYERS.items():
        own = [table for table in declared if table.layer == layer]
        lines += ["", f"## {layer}", "", description] if own else []
        for table in own:
            lines += _table(table)
    return "\n".join(lines) + "\n"


def _date_formats() -> list[str]:
    """Return the section on how a date may be written."""
    return [
        "",
        "## How a date may be written",
        "",
        "Each date column of a file is read in the format of most of its values, or in the one that the feed's `dates` set. A value in another "
        "format is not read. A time may follow the day after a blank or a T: `23:30`, `23:30:00`, `23:30:00.123`. With a time zone (`Z`, `UTC`, "
        f"`+01:00`, `+0100`, `+01`) the day is the local day in {LOCAL_ZONE}: 2025-06-30T23:30:00Z is 1 July. Without one the time is not used. "
        "A year or a year and month (2024, 2024-05) is read as its last day. Where a day and a month are both written as numbers before the "
        "year, the values must show which is first (see `day_and_month_known`), or the feed's `dates` must say it.",
        *_grid(("format", "note"), [(f"`{form.name}`", form.note) for form in FORMATS]),
    ]


def _rules_for(defect: int, tables: list[Table]) -> str:
    names = {check.reason for table in tables if table.feed for check in row_checks(table) if check.defect == defect}
    names |= {rule.name for table in tables for rule in table.table_rules if rule.defect == defect}
    names |= set(PARSING_DESCRIPTIONS) if defect == 13 else set()
    return ", ".join(f"`{name}`" for name in sorted(names))


def _table(table: Table) -> Iterator[str]:
    yield from ("", f"### {table.name}", "", table.description, "")
    partition = f" Partitioned by {_names(table.partitioned_by)}." if table.partitioned_by else ""
    purpose = f" Purpose: {table.purpose}." if table.purpose else ""
    yield f"Key: {_names(table.key)}.{partition}{purpose}"
    titles = ("column", "type", "description", "allowed values", "column in the sender's file")
    columns = [
        (f"`{column.name}`", column.arrow_type, column.description, _domain(column, table), _source(column))
        for column in table.columns
    ]
    width = len(titles) if table.feed else len(titles) - 1
    yield from _grid(titles[:width], [cells[:width] for cells in columns])
    yield from _rule_grids(table)


def _rule_grids(table: Table) -> Iterator[str]:
    """Yield the tables of the rules on rows and on the table as a whole."""
    rules: list[tuple[object, ...]] = [
        (f"`{rule.reason}`", rule.action.replace("_", " "), rule.description, rule.defect or "") for rule in table.row_rules
    ]
    yield from _grid(("row rule", "action", "a row breaks the rule if", "defect"), rules)
    rules = [
        (f"`{rule.name}`", rule.severity, rule.description, "" if rule.limit is None else f"{rule.limit:g}", rule.defect or "")
        for rule in table.table_rules
    ]
    yield from _grid(("table rule", "severity", "rule", "limit", "defect"), rules)


def _domain(column: Column, table: Table) -> str:
    bounds = [f"at least {column.minimum:g}"] if column.minimum is not None else []
    bounds += [f"at most {column.maximum:g}"] if column.maximum is not None else []
    restrictions = [*column.allowed, *_pattern(column), *bounds]
    parts = ["" if column.nullable else "never empty", column.unit, *restrictions]
    domain = ", ".join(part for part in parts if part)
    checked = table.feed and restrictions
    return f"{domain} (otherwise {unusable_action(column, table).replace('_', ' ')})" if checked else domain


def _pattern(column: Column) -> list[str]:
    if column.code_pattern:
        return [f"codes, each `{column.code_pattern}`; other codes are removed, and a value without any such code is no list"]
    return [f"`{column.pattern}`"] if column.pattern else []


def _source(column: Column) -> str:
    return f"{column.source_name} (required)" if column.required_in_file else column.source_name


def _names(columns: Iterable[str]) -> str:
    return ", ".join(f"`{column}`" for column in columns)


def _grid(titles: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> Iterator[str]:
    """Yield a blank line and a Markdown table; nothing if it has no rows."""
    if rows:
        yield from ("", f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}")
    for row in rows:
        cells = [str(cell).replace("|", "\\|").replace("\n", " ") for cell in row]
        yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(data_dictionary(TABLES.values()), encoding="utf-8")

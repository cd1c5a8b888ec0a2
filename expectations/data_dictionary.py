"""The data dictionary, written from the declarations: `python -m expectations.data_dictionary` writes docs/data-dictionary.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from expectations.catalogue import TABLES
from expectations.row_checks import COLUMN_REASONS, PARSING_DESCRIPTIONS, row_checks, unusable_action
from expectations.table import Column, Table

FILE = Path(__file__).parents[1] / "docs" / "data-dictionary.md"
LAYERS = {
    "raw": "Extracts as they came, identifiers apart; every declared column is stored as text.",
    "core": "Validated and conformed; the same whatever the source.",
    "features": "One row per person and index date.",
    "risk": "Labels, runs, scores and drivers.",
    "equity": "Rates by group and the models' audit.",
    "monitoring": "Volumes, validation results and drift.",
}
KNOWN_DEFECTS = (
    "A provider-month whose rows fell sharply against the last extract.",
    "A practice whose patients fell far below its published list.",
    "A dummy pseudonym standing for 'number missing'.",
    "Sex outside 1, 2, 9, 0; ages of 7000 and over (babies), 999, over 120.",
    "A length of stay over 730 days with few episodes.",
    "Discharge before admission; one person in two places at once; duplicates.",
    "Test patients, confidential and deleted rows.",
    "Dates before birth, after the extract, placeholders; imprecise dates.",
    "Registration history missing before the first load.",
    "A column that suddenly has one value.",
    "Codes that map to nothing; vocabularies that drift.",
    "The share of ethnicity not stated, not known or empty.",
    "Padding and case in codes; two date formats; thousands separators; a field too many; an encoding that is not UTF-8.",
    "A clear NHS number, a full postcode or a name where a pseudonym belongs.",
)


def data_dictionary(tables: Iterable[Table]) -> str:
    """Give the dictionary as Markdown."""
    found = list(tables)
    lines = [
        "# Data dictionary",
        "",
        "Written from the declarations in `expectations/tables/` by `python -m expectations.data_dictionary`; do not edit it.",
    ]
    lines += ["", "## Known defects and the rules that find them", "", "| no. | defect | rules |", "|---|---|---|"]
    lines += [f"| {number} | {defect} | {_rules_for(number, found)} |" for number, defect in enumerate(KNOWN_DEFECTS, start=1)]
    lines += ["", "## Reasons that every feed can give", "", "| reason | meaning | defect |", "|---|---|---|"]
    lines += [f"| `{reason}` | {words} | 13 |" for reason, words in PARSING_DESCRIPTIONS.items()]
    lines += [f"| `{reason}` | {words} | {defect or ''} |" for reason, (words, defect) in COLUMN_REASONS.items()]
    for layer, words in LAYERS.items():
        own = [table for table in found if table.layer == layer]
        lines += ["", f"## {layer}", "", words] if own else []
        lines += [line for table in own for line in _table(table)]
    return "\n".join(lines) + "\n"


def _rules_for(defect: int, tables: list[Table]) -> str:
    names = {check.reason for table in tables if table.feed for check in row_checks(table) if check.defect == defect}
    names |= {rule.name for table in tables for rule in table.table_rules if rule.defect == defect}
    names |= set(PARSING_DESCRIPTIONS) if defect == 13 else set()
    return ", ".join(f"`{name}`" for name in sorted(names))


def _table(table: Table) -> Iterator[str]:
    yield from ("", f"### {table.name}", "", table.description, "")
    partition = f" Partitioned by {_names(table.partitioned_by)}." if table.partitioned_by else ""
    yield f"Key: {_names(table.key)}.{partition}"
    yield from (
        "",
        "| column | type | holds | may hold | in the sender's file |" if table.feed else "| column | type | holds | may hold |",
    )
    yield "|---|---|---|---|---|" if table.feed else "|---|---|---|---|"
    for column in table.columns:
        cells = [f"`{column.name}`", column.arrow_type, _cell(column.description), _cell(_domain(column, table))]
        yield f"| {' | '.join([*cells, _cell(_source(column))] if table.feed else cells)} |"
    if table.row_rules:
        yield from ("", "| row rule | action | broken when | defect |", "|---|---|---|---|")
        yield from (
            f"| `{rule.reason}` | {rule.action} | {_cell(rule.description)} | {rule.defect or ''} |" for rule in table.row_rules
        )
    if table.table_rules:
        yield from ("", "| table rule | when broken | must hold | limit | defect |", "|---|---|---|---|---|")
        for rule in table.table_rules:
            limit = "" if rule.limit is None else f"{rule.limit:g}"
            yield f"| `{rule.name}` | {rule.severity} | {_cell(rule.description)} | {limit} | {rule.defect or ''} |"


def _domain(column: Column, table: Table) -> str:
    bounds = [f"at least {column.minimum:g}"] if column.minimum is not None else []
    bounds += [f"at most {column.maximum:g}"] if column.maximum is not None else []
    parts = [
        "" if column.nullable else "never empty",
        column.unit,
        ", ".join(column.allowed),
        f"`{column.pattern}`" if column.pattern else "",
        *bounds,
    ]
    said = "; ".join(part for part in parts if part)
    judged = table.feed and (column.allowed or column.pattern or bounds)
    return f"{said}; otherwise {unusable_action(column, table)}" if judged else said


def _source(column: Column) -> str:
    return f"{column.source_name} (required)" if column.required_in_file else column.source_name


def _names(columns: Iterable[str]) -> str:
    return ", ".join(f"`{column}`" for column in columns)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(data_dictionary(TABLES.values()), encoding="utf-8")

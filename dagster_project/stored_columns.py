"""The columns of a table as it is stored: the declared ones, and the features that the catalogue describes."""

from __future__ import annotations

from expectations.table import Column, Kind, Table
from expectations.tables.features import CATALOGUE, PERSON_FEATURES
from pipelines.lake.storage import Lake


def stored_columns(lake: Lake, table: Table) -> tuple[Column, ...]:
    """Return the columns a table has; features__person has those of its declaration and one for each computed feature."""
    if table.name != PERSON_FEATURES.name or not (lake.exists(table.name) and lake.exists(CATALOGUE.name)):
        return table.columns
    declared = {column.name for column in table.columns}
    described = {row["name"]: row for row in lake.read(CATALOGUE.name, "name, label, description, unit, kind").to_pylist()}
    features = [name for name in lake.schema(table.name).names if name not in declared and name in described]
    return (*table.columns, *(_column(described[name]) for name in features))


def _column(feature: dict[str, str]) -> Column:
    label, description = feature["label"].rstrip("."), feature["description"]
    words = f"{label}." if description.rstrip(".") in ("", label) else f"{label}. {description}"
    if feature["kind"] == "category":
        return Column(feature["name"], Kind.TEXT, words)
    return Column(feature["name"], Kind.NUMBER, words, unit=feature["unit"], arrow="float32")

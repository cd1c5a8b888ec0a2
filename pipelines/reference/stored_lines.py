"""The lines of succession as stored in the lake."""

from __future__ import annotations

from expectations.tables.core_places import ORGANISATION_LINE
from features.organisation_lines import Lines, lines_of_table
from pipelines.lake.storage import Lake


def stored_lines(lake: Lake) -> Lines:
    """Return the lines of core__organisation_line; none in a lake without the table."""
    return lines_of_table(lake.read_or_empty(ORGANISATION_LINE))

"""How tables with index dates are cut into files: by date where one date stands for everyone, else not by date.

A cohort whose people have index dates of their own has thousands of days; a file for each would cost more than its rows.
"""

from __future__ import annotations

from expectations.table import Table

INDEX_DATE = "index_date"


def file_columns(table: Table, own_dates: bool) -> tuple[str, ...]:
    """Give the columns by whose values the files of a table are kept apart."""
    return tuple(name for name in table.partitioned_by if not (own_dates and name == INDEX_DATE))

"""How tables with index dates are split into files: by date, unless people have individual index dates.

A cohort with individual index dates has thousands of days, and a file for each day would cost more than its rows.
"""

from __future__ import annotations

from expectations.table import Table

INDEX_DATE = "index_date"


def file_columns(table: Table, own_dates: bool) -> tuple[str, ...]:
    """Return the columns by whose values a table is split into files."""
    return tuple(name for name in table.partitioned_by if not (own_dates and name == INDEX_DATE))

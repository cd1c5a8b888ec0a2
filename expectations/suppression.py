"""Why a person is in no cohort and on no review list although nothing certain excludes them: the reasons of `core__person.suppression`.

A lost value of a column that suppresses is one (`Column.lost_reason`). So are rows about a person that contradict each other, and a
death that was stated once and is in doubt. The end of a registration is flagged in `core__registration`, which has a row for each period.
"""

from __future__ import annotations

from expectations.table import Lost, Table
from expectations.tables.raw_gp import DEATH_NOT_READABLE, END_NOT_READABLE, PATIENTS
from expectations.tables.raw_hospital import DISCHARGE_NOT_READABLE as DISCHARGE_NOT_READABLE

LINE_NOT_READABLE = "a line about the person cannot be read, and may state a death, an end or confidentiality"
CONFLICTING = "rows about the person conflict"
DEATH_WITHDRAWN = "death withdrawn by its sender, in review"
DEATH_CONTRADICTED = "registered again after the date of death, in review"
ADMITTED_AGAIN = "admitted again after a death in hospital, in review"
IN_REVIEW = (DEATH_WITHDRAWN, DEATH_CONTRADICTED, ADMITTED_AGAIN)  # until a recorded decision accepts that the person is alive


def lost_reasons(table: Table) -> dict[str, str]:
    """Return the reason of each column of a table whose lost value suppresses the person."""
    return {column.name: column.lost_reason for column in table.columns if column.lost is Lost.SUPPRESSES}


# A lost date of death has its own flag in core__person, which is older than the column `suppression`.
LOST_MARKS = {name: reason for name, reason in lost_reasons(PATIENTS).items() if reason != DEATH_NOT_READABLE}
SUPPRESSIONS = (
    *LOST_MARKS.values(),
    CONFLICTING,
    DISCHARGE_NOT_READABLE,
    *IN_REVIEW,
    LINE_NOT_READABLE,
)  # in order: the first that applies is stored
NOT_READABLE = (DEATH_NOT_READABLE, END_NOT_READABLE)

"""Rows of an extract that cannot be read: a file of mostly such rows is refused, and fewer are set aside and counted."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from expectations.row_checks import IDENTIFIER_KEPT
from expectations.table import Action, Table
from expectations.tables.core import QUARANTINE
from pipelines.errors import ExtractError
from pipelines.extracts.extract_reader import OpenedExtract
from pipelines.lake.storage import Lake
from pipelines.sources.extract_files import ExtractFile

MOST_UNREADABLE = 0.5


def refuse_mostly_unreadable(file: ExtractFile, opened: OpenedExtract) -> None:
    """Raise an ExtractError that names the file if more than half of its rows cannot be read."""
    unread = {**opened.unreadable, IDENTIFIER_KEPT: opened.repaired.get(IDENTIFIER_KEPT, np.empty(0, np.int64))}
    share = (sum(numbers.size for numbers in unread.values()) + opened.hidden) / max(1, opened.rows + opened.rows_unreadable)
    if share > MOST_UNREADABLE:
        counts = ", ".join(f"{numbers.size:,} {reason}" for reason, numbers in unread.items() if numbers.size)
        counts += f", with up to {opened.hidden:,} more rows in these lines" if opened.hidden else ""
        raise ExtractError(
            f"{file.path}: {share:.0%} of its rows cannot be read ({counts}); the header has {len(opened.header)} fields. "
            "Check the feed's `delimiter`, `quote` and `encoding`"
        )


def quarantine_unreadable(
    lake: Lake,
    table: Table,
    file: ExtractFile,
    extract_id: str,
    unreadable: Mapping[str, np.ndarray],
    repaired: Mapping[tuple[str, str], np.ndarray],
) -> None:
    """Record the rows of an extract that were unreadable or repaired, in place of those recorded before.

    `unreadable` has row numbers by reason, `repaired` by reason and column.
    """
    parts = [_quarantine_rows(file, numbers, reason, "", Action.SET_ASIDE) for reason, numbers in unreadable.items()]
    parts += [_quarantine_rows(file, numbers, reason, column, Action.REPAIRED) for (reason, column), numbers in repaired.items()]
    rows = pa.concat_tables([_quarantine_rows(file, np.empty(0, np.int64), "", "", Action.SET_ASIDE), *parts])
    lake.write(QUARANTINE, rows, {"table_name": table.name, "extract_id": extract_id})


def _quarantine_rows(file: ExtractFile, numbers: np.ndarray, reason: str, column: str, action: Action) -> pa.Table:
    texts = {"file_name": file.file.name, "column_name": column, "action": action.value, "reason": reason}
    columns = {name: pa.array([value] * numbers.size, pa.string()) for name, value in texts.items()}
    return pa.table({**columns, "row_number": pa.array(numbers, pa.int64())})

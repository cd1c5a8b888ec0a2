from datetime import date
from pathlib import Path

import numpy as np
import pytest

from expectations.row_checks import IDENTIFIER_KEPT, IDENTIFIER_REPAIRED
from expectations.tables.core import QUARANTINE
from expectations.tables.raw_gp import OPT_OUTS
from pipelines.errors import ExtractError
from pipelines.extracts.extract_reader import OpenedExtract
from pipelines.extracts.unreadable_rows import quarantine_unreadable, refuse_mostly_unreadable
from pipelines.lake.storage import Lake
from pipelines.sources.extract_files import ExtractFile

FILE = ExtractFile("opt_outs", Path("opt_outs_2026-01-01.csv"), "opt_outs/opt_outs_2026-01-01.csv", date(2026, 1, 1))


def numbers(*rows: int) -> np.ndarray:
    return np.array(rows, np.int64)


def opened(rows: int, hidden: int = 0, kept: int = 0, **unreadable: np.ndarray) -> OpenedExtract:
    repaired = {IDENTIFIER_KEPT: numbers(*range(kept))}
    return OpenedExtract(FILE.path, ("PERSON_ID",), ("person_id",), "", rows, unreadable, repaired, hidden)


@pytest.mark.parametrize(
    "extract",
    [
        opened(0),
        opened(4),
        opened(2, too_few_fields=numbers(1, 2)),  # half of the rows
        opened(2, hidden=1, too_few_fields=numbers(1)),
        opened(4, kept=2),
    ],
)
def test_a_file_with_up_to_half_of_its_rows_unreadable_is_read(extract: OpenedExtract) -> None:
    refuse_mostly_unreadable(FILE, extract)


@pytest.mark.parametrize(
    ("extract", "words"),
    [
        (opened(0, too_few_fields=numbers(1)), "100% of its rows cannot be read (1 too_few_fields); the header has 1 fields"),
        (opened(1, too_few_fields=numbers(1), stray_quote=numbers(2)), "67% of its rows cannot be read (1 too_few_fields, 1 stray_"),
        (opened(2, hidden=3, stray_quote=numbers(1)), "67% of its rows cannot be read (1 stray_quote, with up to 3 more rows"),
        (opened(4, kept=3), "75% of its rows"),  # a row of which only the identifier is known
    ],
)  # fmt: skip
def test_a_file_of_mostly_unreadable_rows_is_refused_with_what_to_check(extract: OpenedExtract, words: str) -> None:
    with pytest.raises(ExtractError) as refused:
        refuse_mostly_unreadable(FILE, extract)
    assert str(refused.value).startswith(f"{FILE.path}: ") and words in str(refused.value)
    assert "`delimiter`, `quote` and `encoding`" in str(refused.value)


def test_unreadable_and_repaired_rows_are_recorded_in_place_of_earlier_ones(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    repaired = {(IDENTIFIER_REPAIRED, "person_id"): numbers(7), ("stray_quote", ""): numbers(8)}
    quarantine_unreadable(lake, OPT_OUTS, FILE, "one", {"too_few_fields": numbers(3, 5)}, repaired)
    quarantine_unreadable(lake, OPT_OUTS, FILE, "two", {}, {})
    columns = "extract_id, row_number, column_name, action, reason, file_name"
    rows = [tuple(row.values()) for row in lake.read(QUARANTINE.name, columns, order="row_number").to_pylist()]
    assert rows == [
        ("one", 3, "", "set_aside", "too_few_fields", FILE.file.name),
        ("one", 5, "", "set_aside", "too_few_fields", FILE.file.name),
        ("one", 7, "person_id", "repaired", IDENTIFIER_REPAIRED, FILE.file.name),
        ("one", 8, "", "repaired", "stray_quote", FILE.file.name),
    ]
    quarantine_unreadable(lake, OPT_OUTS, FILE, "one", {}, {})
    assert lake.read(QUARANTINE.name, "row_number").num_rows == 0

"""The content of a table holds the number of its rows, whatever its columns are called."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from regression.comparison import differences
from regression.content import Content, content_of

from pipelines.lake.storage import Lake


def lake_with(folder: Path, column: str, values: list[int]) -> Lake:
    lake, rows = Lake(folder), pa.table({"key": [f"k{place}" for place in range(len(values))], column: pa.array(values)})
    lake.commit("core__example", [lake.write_arrow("core__example", rows)], rows.schema)
    return lake


@pytest.mark.parametrize(("column", "count"), [("value", "rows"), ("rows", "number of rows")])
def test_a_column_called_rows_does_not_replace_the_number_of_rows(tmp_path: Path, column: str, count: str) -> None:
    before = content_of(lake_with(tmp_path / "before", column, [7, 9]))
    assert before.exact["core__example"].keys() == {count, "key", column}
    assert before.exact["core__example"][count] == "2"
    after = content_of(lake_with(tmp_path / "after", column, [7, 9, 1]))
    assert f"core__example.{count}: 2 before, 3 now" in differences(before, after)
    assert f"core__example.{column}: other values" in differences(before, after)


def test_results_that_were_kept_without_the_number_of_rows_can_still_be_compared(tmp_path: Path) -> None:
    found = content_of(lake_with(tmp_path, "rows", [7, 9]))
    kept = Content(
        {"core__example": {name: digest for name, digest in found.exact["core__example"].items() if name != "number of rows"}}, {}
    )
    assert differences(kept, found) == []

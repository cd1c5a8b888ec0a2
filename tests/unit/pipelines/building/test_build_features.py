from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.building.event_reader import SCHEMA, read_event_arrays, read_events
from pipelines.building.range_workers import over_ranges
from pipelines.errors import StrataError


def events(*people: int) -> pa.Table:
    rows = [{"person_key": person, "event_date": date(2024, 1, 1), "available_date": date(2024, 1, 2), "event_type": 1, "code": 0,
             "value": None, "provider": 0} for person in people]  # fmt: skip
    return pa.Table.from_pylist(rows, SCHEMA)


def test_only_the_events_of_the_range_are_read_whatever_the_files_layout(tmp_path: Path) -> None:
    for name, people in {"a": (1, 1, 2, 3, 3, 4), "b": (4, 5, 6), "c": (3, 9)}.items():
        pq.write_table(events(*people), tmp_path / f"{name}.parquet", row_group_size=2)
    files = [str(tmp_path / f"{name}.parquet") for name in "abc"]
    assert read_events(files, 3, 5)["person_key"].to_pylist() == [3, 3, 4, 4, 3]
    assert read_events(files, 100, 200).num_rows == 0
    assert read_events([], 0, 10).schema == SCHEMA


def test_the_arrays_have_the_same_events_in_order_with_nan_for_no_value(tmp_path: Path) -> None:
    with_values = events(5, 4, 4, 6).set_column(5, "value", pa.array([1.5, None, 2.5, 9.0], pa.float32()))
    pq.write_table(with_values, tmp_path / "a.parquet", row_group_size=3)
    pq.write_table(events(1, 2), tmp_path / "b.parquet")
    arrays = read_event_arrays([str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet")], 2, 6)
    assert arrays.person.tolist() == [2, 4, 4, 5]
    assert [None if value != value else value for value in arrays.value.tolist()] == [None, None, 2.5, 1.5]
    assert arrays.event_day.tolist() == [(date(2024, 1, 1) - date(1970, 1, 1)).days] * 4


def test_several_processes_return_results_in_the_order_of_the_ranges() -> None:
    assert over_ranges(divmod, [(7, 2), (9, 4), (5, 5)], workers=2) == [(3, 1), (2, 1), (1, 0)]
    assert over_ranges(divmod, [(7, 2)], workers=2) == [(3, 1)]


def test_an_error_in_a_worker_is_raised_here() -> None:
    with pytest.raises(ZeroDivisionError):
        over_ranges(divmod, [(1, 0), (2, 1)], workers=2)


def test_a_worker_process_that_dies_is_an_error_with_its_exit_code() -> None:
    with pytest.raises(StrataError, match="a worker process that builds features ended with code"):
        over_ranges(_die, [(1, 3), (2, 4)], workers=2)


def _die(first: int, last: int) -> None:
    raise SystemExit(last)

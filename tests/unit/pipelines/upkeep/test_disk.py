from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.errors import RefusalError
from pipelines.lake.storage import Lake
from pipelines.upkeep.disk import bytes_needed, check_room


def test_a_run_needs_room_for_new_extracts_and_for_every_table_once_more(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert bytes_needed(lake, 1000) == 350
    file = lake.write_arrow("notes", pa.table({"number": [1]}))
    lake.commit("notes", [file], pa.schema([("number", pa.int64())]))
    assert bytes_needed(lake, 1000) == 350 + file.size


def test_a_run_that_would_not_fit_is_refused_with_what_to_do(tmp_path: Path) -> None:
    check_room(tmp_path, 0, 0.0)
    with pytest.raises(RefusalError, match=r"A run may write \d+\.0 GB, and 1 GB must stay free .*strata tidy"):
        check_room(tmp_path, 5 * 10**18, 1.0)

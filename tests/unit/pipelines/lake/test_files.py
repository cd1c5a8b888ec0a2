from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.lake.files import PastLake, compact, drop_versions, without_partition, without_rows
from pipelines.lake.rows import StorageError
from pipelines.lake.storage import Lake

SCHEMA = pa.schema([("place", pa.string()), ("person_id", pa.string()), ("day", pa.date32())])
KEPT = pa.schema([field for field in SCHEMA if field.name != "place"])


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Return a lake with a table of two places and two files each, whose rows are not sorted."""
    lake = Lake(tmp_path / "lake")
    for place, people in (("a b/%", "zax"), ("a b/%", "mqc"), ("other", "wxy"), ("other", "nop")):
        rows = pa.table({"person_id": list(people), "day": [date(2026, 1, 1)] * 3}, KEPT)
        file = lake.write_arrow("visits", rows, {"place": place})
        lake.commit("visits", [file], SCHEMA, partition_by=("place",))
    return lake


def people(lake: Lake) -> set[str]:
    return {"".join(part["person_id"].to_pylist()) for file in lake.files("visits") for part in [read(file)]}


def read(file: str) -> pa.Table:
    return pa.parquet.read_table(file, partitioning=None)


def test_rows_are_removed_and_the_others_keep_their_order_and_their_files(lake: Lake) -> None:
    before = set(lake.files("visits"))
    assert without_rows(lake, "visits", "person_id = 'x'") == 2
    assert people(lake) == {"za", "mqc", "wy", "nop"}
    assert len(before & set(lake.files("visits"))) == 2  # files without such a row are not rewritten
    assert lake.rows("visits", {"place": "a b/%"}) == 5
    assert without_rows(lake, "visits", "person_id = 'x'") == 0


def test_a_partition_is_removed(lake: Lake) -> None:
    assert without_partition(lake, "visits", {"place": "a b/%"}) == 6
    assert people(lake) == {"wxy", "nop"}
    assert without_partition(lake, "nowhere", {"place": "a"}) == 0


def test_a_past_version_can_be_read_and_not_written(lake: Lake) -> None:
    version = lake.version("visits")
    assert version is not None
    without_rows(lake, "visits", "person_id = 'x'")
    past = PastLake(lake.root, {"visits": version})
    assert past.read("visits", "count(*) AS n")["n"].to_pylist() == [12]
    assert (past.rows("visits"), lake.rows("visits")) == (12, 10)
    with pytest.raises(TypeError, match="past"):
        without_rows(past, "visits", "person_id = 'z'")


def test_a_table_without_a_recorded_version_does_not_exist_in_the_past(lake: Lake) -> None:
    past = PastLake(lake.root, {})
    assert not past.exists("visits")
    with pytest.raises(StorageError, match="no table visits"):
        past.read("visits")


def test_old_versions_are_deleted_and_kept_ones_are_not(lake: Lake) -> None:
    first = lake.version("visits")
    assert first is not None
    without_rows(lake, "visits", "person_id = 'x'")
    without_rows(lake, "visits", "person_id = 'z'")
    orphan = lake.write_arrow("visits", pa.table({"person_id": ["k"], "day": [date(2026, 1, 1)]}, KEPT), {"place": "other"})
    assert drop_versions(lake, "visits", days=7) == 0  # all files are too young
    assert (
        drop_versions(lake, "visits", days=0, kept=[first]) == 2
    )  # the file of the version in between, and the file that was never committed
    assert not (lake.folder("visits") / orphan.path).exists()
    assert PastLake(lake.root, {"visits": first}).read("visits", "count(*) AS n")["n"].to_pylist() == [12]
    assert drop_versions(lake, "visits", days=0) == 2
    assert lake.read("visits", "count(*) AS n")["n"].to_pylist() == [9]


def test_many_small_files_are_merged_without_loss(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    for number in range(13):
        file = lake.write_arrow("notes", pa.table({"number": [number]}))
        lake.commit("notes", [file], pa.schema([("number", pa.int64())]))
    assert compact(lake, "notes") == 13
    assert len(lake.files("notes")) == 1
    assert lake.read("notes", order="number")["number"].to_pylist() == list(range(13))
    assert compact(lake, "notes") == 0

"""The lake: committed files are read, others are invisible, and rows keep their order."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expectations.tables.core import CODE, EVENT
from expectations.tables.risk import COHORT_FLOW
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.rows import Rows, StorageError, arrow_schema
from pipelines.lake.storage import Lake

FLOW = pa.table({"step": [1, 2], "reason": ["died", "in cohort"], "people": [3, 4]})


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def test_a_partition_is_replaced_and_the_others_stay(lake: Lake) -> None:
    lake.write(COHORT_FLOW, FLOW, {"index_date": "2024-10-01"})
    lake.write(COHORT_FLOW, FLOW, {"index_date": "2025-10-01"})
    lake.write(COHORT_FLOW, FLOW.slice(1), {"index_date": "2024-10-01"})
    rows = lake.read("risk__cohort_flow", "index_date::VARCHAR AS day, reason, people", order="index_date, step").to_pylist()
    assert rows == [
        {"day": "2024-10-01", "reason": "in cohort", "people": 4},
        {"day": "2025-10-01", "reason": "died", "people": 3},
        {"day": "2025-10-01", "reason": "in cohort", "people": 4},
    ]
    assert lake.rows("risk__cohort_flow", {"index_date": "2025-10-01"}) == 2
    assert lake.partitions("risk__cohort_flow", "index_date") == ["2024-10-01", "2025-10-01"]


def test_a_file_that_is_not_committed_is_not_read(lake: Lake) -> None:
    lake.write(COHORT_FLOW, FLOW, {"index_date": "2024-10-01"})
    lake.write_arrow("risk__cohort_flow", FLOW, {"index_date": "2025-10-01"})
    assert lake.rows("risk__cohort_flow") == 2
    assert lake.read("risk__cohort_flow").num_rows == 2


def test_a_folder_with_a_blank_and_a_link_to_it_hold_tables_that_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "our lake")
    Lake(tmp_path / "our lake").write(COHORT_FLOW, FLOW, {"index_date": "2024-10-01"})
    for name in ("our lake", "link"):
        assert Lake(tmp_path / name).read("risk__cohort_flow", "people")["people"].to_pylist() == [3, 4]


def test_an_old_version_stays_readable(lake: Lake) -> None:
    with connect() as con:
        lake.replace_sql(CODE, con, "SELECT 1 AS code, 'icd10' AS code_system, 'I50' AS source_code")
        lake.replace_sql(CODE, con, "SELECT 2 AS code, 'icd10' AS code_system, 'J44' AS source_code")
        first = con.sql(f"SELECT source_code FROM {lake.scan('core__code', version=0)}").fetchall()
    assert first == [("I50",)]
    assert lake.version("core__code") == 1


def test_rows_keep_their_order_on_disk(lake: Lake) -> None:
    with connect() as con:
        query = "SELECT (i // 7)::INTEGER AS code, 'icd10' AS code_system, i::VARCHAR AS source_code FROM range(500000) t(i) ORDER BY i DESC"
        file = lake.write_sql("core__code", con, query)
        lake.commit("core__code", [file], arrow_schema(CODE))
    stored = pq.read_table(lake.files("core__code")[0])["code"].to_numpy()
    assert (stored[1:] <= stored[:-1]).all()


def test_a_partition_without_files_reads_as_no_rows(lake: Lake) -> None:
    lake.write(COHORT_FLOW, FLOW, {"index_date": "2024-10-01"})
    with connect() as con:
        assert con.sql(f"SELECT * FROM {lake.scan('risk__cohort_flow', {'index_date': '1999-01-01'})}").fetchall() == []


@pytest.mark.parametrize("rows", [FLOW, FLOW.to_pandas(), FLOW.to_pylist()], ids=["arrow", "pandas", "dictionaries"])
def test_arrow_pandas_and_dictionaries_are_stored_alike(lake: Lake, rows: Rows) -> None:
    assert lake.write(COHORT_FLOW, rows, {"index_date": "2024-10-01"}) == 2
    assert lake.append(COHORT_FLOW, rows, {"index_date": "2024-10-01"}) == 2
    assert lake.schema(COHORT_FLOW.name) == arrow_schema(COHORT_FLOW)
    contents = {Path(file).read_bytes() for file in lake.files(COHORT_FLOW.name)}
    lake.write(COHORT_FLOW, FLOW, {"index_date": "2024-10-01"})
    assert contents == {Path(file).read_bytes() for file in lake.files(COHORT_FLOW.name)}


def test_appended_rows_are_added_and_written_rows_replace(lake: Lake) -> None:
    code = {"code": 1, "code_system": "icd10", "source_code": "I50"}
    lake.append(CODE, [code])
    lake.append(CODE, [code | {"code": 2}])
    assert lake.read(CODE.name, "code", order="code")["code"].to_pylist() == [1, 2]
    lake.write(CODE, [code | {"code": 3}])
    assert lake.read(CODE.name, "code")["code"].to_pylist() == [3]
    lake.write(CODE, [])
    assert (lake.exists(CODE.name), lake.rows(CODE.name)) == (True, 0)


def test_a_table_that_was_never_written_reads_as_no_rows(lake: Lake) -> None:
    read = lake.read_or_empty(COHORT_FLOW, partition={"index_date": "2024-10-01"})
    assert (read.num_rows, read.schema.names) == (0, arrow_schema(COHORT_FLOW).names)
    assert lake.read_or_empty(COHORT_FLOW, "count(*) AS steps, sum(people) AS people").to_pylist() == [
        {"steps": 0, "people": None}
    ]
    assert lake.records(COHORT_FLOW).equals(arrow_schema(COHORT_FLOW).empty_table())
    assert lake.live_files(COHORT_FLOW.name) == []
    with connect() as con:
        joined = con.sql(f"SELECT reason FROM {lake.scan_or_empty(COHORT_FLOW)} JOIN {lake.scan_or_empty(CODE)} ON step = code")
        assert joined.fetchall() == []
    assert not lake.exists(COHORT_FLOW.name)


def test_a_declared_column_that_a_stored_table_lacks_reads_as_null(lake: Lake) -> None:
    earlier = replace(COHORT_FLOW, columns=tuple(column for column in COHORT_FLOW.columns if column.name != "people"))
    lake.write(earlier, FLOW, {"index_date": "2024-10-01"})
    lake.write(earlier, FLOW.slice(1), {"index_date": "2025-10-01"})
    read = lake.read_or_empty(COHORT_FLOW, "reason, people", order="step", partition={"index_date": "2024-10-01"})
    assert read.to_pylist() == [{"reason": "died", "people": None}, {"reason": "in cohort", "people": None}]
    assert read.schema.field("people").type == arrow_schema(COHORT_FLOW).field("people").type
    assert lake.records(COHORT_FLOW)["people"].null_count == 3


def test_records_are_read_again_once_they_have_changed(lake: Lake) -> None:
    code = {"code": 1, "code_system": "icd10", "source_code": "I50"}
    lake.append(CODE, [code])
    first = lake.records(CODE)
    assert lake.records(CODE) is first
    lake.append(CODE, [code | {"code": 2}])
    assert sorted(lake.records(CODE)["code"].to_pylist()) == [1, 2]


def test_a_table_is_created_without_rows_once(lake: Lake) -> None:
    lake.create_if_absent(COHORT_FLOW)
    assert (lake.rows(COHORT_FLOW.name), lake.partitioned_by(COHORT_FLOW.name)) == (0, COHORT_FLOW.partitioned_by)
    lake.write(COHORT_FLOW, FLOW, {"index_date": "2024-10-01"})
    lake.create_if_absent(COHORT_FLOW)
    assert lake.rows(COHORT_FLOW.name) == 2


def test_rows_that_lack_a_declared_column_are_refused(lake: Lake) -> None:
    with pytest.raises(StorageError, match=r"risk__cohort_flow.*people"):
        lake.write(COHORT_FLOW, FLOW.drop_columns(["people"]), {"index_date": "2024-10-01"})


def test_a_missing_table_is_named(lake: Lake) -> None:
    with pytest.raises(StorageError, match="core__event"):
        lake.scan(EVENT.name)
    assert lake.rows(EVENT.name) == 0
    assert lake.version(EVENT.name) is None


def test_a_commit_by_another_lake_object_is_seen(lake: Lake) -> None:
    other = Lake(lake.root)
    lake.write(COHORT_FLOW, FLOW, {"index_date": "2024-10-01"})
    assert (lake.rows("risk__cohort_flow"), other.rows("risk__cohort_flow")) == (2, 2)
    other.write(COHORT_FLOW, FLOW, {"index_date": "2025-10-01"})
    assert lake.rows("risk__cohort_flow") == 4
    shutil.rmtree(lake.folder("risk__cohort_flow"))
    other.write(COHORT_FLOW, FLOW.slice(1), {"index_date": "2024-10-01"})
    assert lake.rows("risk__cohort_flow") == 1


def test_rows_that_fail_while_they_are_written_leave_no_file(lake: Lake) -> None:
    with connect() as con, pytest.raises(OSError, match="7"):
        lake.write_sql(
            "core__code", con, "SELECT CASE WHEN i = 400000 THEN error('7') ELSE i END AS code FROM range(500000) t(i)"
        )
    assert not list(lake.root.rglob("*.parquet"))


def test_rows_with_a_value_are_found_with_and_without_partitions(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    rows = pa.table({"day": ["b", "a", "b'", "a"], "number": [1, 2, 3, 4]})
    lake.commit("raw__days", [lake.write_arrow("raw__days", rows)], rows.schema)
    assert lake.partitions("raw__days", "day") == ["a", "b", "b'"]
    assert [lake.rows("raw__days", {"day": day}) for day in ("a", "b'", "c")] == [2, 1, 0]
    assert lake.read("raw__days", "number", partition={"day": "a"})["number"].to_pylist() == [2, 4]


def test_a_table_that_is_replaced_may_be_partitioned_differently(lake: Lake) -> None:
    rows = FLOW.append_column("index_date", pa.array([date(2024, 10, 1), date(2024, 11, 5)]))
    lake.write(COHORT_FLOW, FLOW, {"index_date": "2024-10-01"})
    own = lake.write_arrow(COHORT_FLOW.name, rows)
    with pytest.raises(StorageError, match="partitioned differently"):
        lake.commit(COHORT_FLOW.name, [own], rows.schema)
    lake.commit(COHORT_FLOW.name, [own], rows.schema, replace="all")
    assert lake.partitioned_by(COHORT_FLOW.name) == ()
    assert lake.read(COHORT_FLOW.name, "people", partition={"index_date": "2024-11-05"}).num_rows == 1
    assert lake.rows(COHORT_FLOW.name) == 2
    before = lake.scan(COHORT_FLOW.name, {"index_date": "2024-10-01"}, version=0)
    with connect() as con:
        assert con.sql(f"SELECT count(*) FROM {before}").fetchall() == [(2,)]

"""Parquet numbers as text: one that a float cannot hold exactly is never an identifier."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expectations.tables.raw_gp import OPT_OUTS
from pipelines.extracts.extract_reader import open_extract
from pipelines.extracts.file_blocks import hold
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.extract_files import ExtractFile
from pipelines.sources.nhs import FeedSettings, NhsSettings
from pipelines.validation.validate import ValidationSettings, validate_feed

DAY = date(2026, 1, 1)


def texts(folder: Path, values: pa.Array) -> list[str | None]:
    """Return a Parquet column as ingest reads it."""
    file = folder / "opt_outs_2026-01-01.parquet"
    pq.write_table(pa.table({"PERSON_ID": values}), file)
    extract = ExtractFile("opt_outs", file, file.name, DAY)
    with hold(file) as held, duckdb.connect() as con, open_extract(con, extract, held, FeedSettings()) as opened:
        return [value for (value,) in con.execute(f"SELECT {opened.values[0]} FROM {opened.source}").fetchall()]


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (pa.float16(), np.float16(2047), "2047"),
        (pa.float16(), np.float16(2049), "2.0480000000000000e+03"),
        (pa.float32(), 2**24 - 1, "16777215"),
        (pa.float32(), 2**24, "1.6777216000000000e+07"),
        (pa.float32(), -(2**24), "-1.6777216000000000e+07"),
        (pa.float32(), 401234567.0, "4.0123456000000000e+08"),
        (pa.float32(), 1.5, "1.5"),
        (pa.float64(), 9434765919, "9434765919"),
        (pa.float64(), 2**53 - 1, "9007199254740991"),
        (pa.float64(), float(2**53), "9.0071992547409920e+15"),
        (pa.float64(), float("nan"), None),
        (pa.int64(), 2**53 + 1, "9007199254740993"),
    ],
)
def test_a_whole_number_is_exact_or_written_as_a_float(tmp_path: Path, kind: pa.DataType, value: float, text: str | None) -> None:
    assert texts(tmp_path, pa.array([value], kind)) == [text]


@pytest.mark.parametrize("pseudonymised", [True, False])
def test_people_whose_identifiers_are_no_longer_distinct_are_set_aside(
    tmp_path: Path, pseudonymised: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRATA_PSEUDONYM_KEY", "a key of the tests that is long enough to be one")
    people = [float(401234567 + number) for number in range(6)] + [7.0]
    columns = {"OPT_OUT_TYPE": ["TYPE_1"] * 7, "STATUS": ["1"] * 7, "EFFECTIVE_DATE": ["2025-01-01"] * 7}
    (tmp_path / "opt_outs").mkdir()
    table = pa.table({"PERSON_ID": pa.array(people, pa.float32()), **columns})
    pq.write_table(table, tmp_path / "opt_outs" / "opt_outs_2026-01-01.parquet")
    lake = Lake(tmp_path / "lake")
    nhs = NhsSettings(feeds={"opt_outs": FeedSettings(pseudonymised=pseudonymised)})
    with connect() as con:
        ingest_feed(lake, con, OPT_OUTS, nhs, tmp_path)
        settings = ValidationSettings(limits={"share_set_aside": 1, "values_lost": 1, "single_value": 0, "objections_lost": 1})
        validate_feed(lake, con, OPT_OUTS, nhs, settings)
    found = lake.read("core__quarantine", "row_number", "reason = 'number_as_float' AND column_name = 'person_id'")["row_number"]
    assert found.to_pylist() == [1, 2, 3, 4, 5, 6]

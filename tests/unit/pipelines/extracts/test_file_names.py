"""File names are names: brackets, stars and question marks in a name or a folder are never a pattern."""

from __future__ import annotations

import gzip
import os
import re
from datetime import date
from pathlib import Path

import pytest

from expectations.sql_values import quote, quote_path, quote_paths
from expectations.tables.raw_gp import OPT_OUTS
from pipelines.extracts.ingest import ingest_feed
from pipelines.extracts.postcodes import AREAS, load_postcode_areas
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.extract_files import find_extracts
from pipelines.sources.nhs import FeedSettings, NhsSettings

ROOT = Path(__file__).resolve().parents[4]
# Each name read as a pattern is another name here: obs[1] is obs1, and so on.
NAMES = (
    "obs1",
    "obs[1]",
    "obs[[]1]",
    "obs2",
    "obs[!1]",
    "obs?",
    "obs*",
    "obs{1,2}",
    "o'bs",
    'o"bs',
    "o bs %5B1%5D",
    "**",
    "[a-z]bs1",
    "ob\\[s",
)
READ_AS_PATTERN = re.compile(r"read_(?:parquet|csv)\(\[?\{(?!quote_paths?\()")


def row(person: str) -> str:
    return f"PERSON_ID,OPT_OUT_TYPE,STATUS,EFFECTIVE_DATE\n{person},TYPE_1,1,2020-01-01\n"


def land(folder: Path, name: str, ending: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}_2026-01-01.{ending}"
    if ending == "parquet":
        with connect() as con:
            values = f"{quote(name)} AS PERSON_ID, 'TYPE_1' AS OPT_OUT_TYPE, '1' AS STATUS, '2020-01-01' AS EFFECTIVE_DATE"
            con.execute(f"COPY (SELECT {values}) TO {quote(file)} (FORMAT parquet)")
    else:
        text = row('"' + name.replace('"', '""') + '"').encode()
        file.write_bytes(gzip.compress(text) if ending.endswith("gz") else text)
    os.utime(file, (1_000_000_000, 1_000_000_000))


@pytest.mark.parametrize("folder", ["plain", "board[1]", "board?*", "[ab]"])
@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet", "CSV", "txt"])
def test_each_file_is_read_once_whatever_its_name_and_folder(ending: str, folder: str, tmp_path: Path) -> None:
    for decoy in ("board1", "a"):
        land(tmp_path / decoy / "opt_outs", "decoy", ending)
    # Delta takes no "?" in the name of a home.
    landing, lake = tmp_path / folder, Lake(tmp_path / folder.replace("?", "[a]") / "lake")
    for name in NAMES:
        land(landing / "opt_outs", name, ending)
    with connect() as con:
        taken = ingest_feed(lake, con, OPT_OUTS, NhsSettings(), landing)
    assert (taken.files, taken.rows) == (len(NAMES), len(NAMES))
    found = lake.read(OPT_OUTS.name, "person_id, file_name").to_pylist()
    assert {(one["person_id"], one["file_name"]) for one in found} == {(name, f"{name}_2026-01-01.{ending}") for name in NAMES}


def test_an_entry_of_files_that_is_a_name_is_that_file(tmp_path: Path) -> None:
    for name in ("obs[1]_2026-01-01.csv", "obs1_2026-01-01.csv", "obs*_2026-01-01.csv"):
        (tmp_path / name).write_text(row("p"))

    def found(*entries: str) -> list[str]:
        return [file.path for file in find_extracts("opt_outs", FeedSettings(files=entries), tmp_path)]

    assert found("obs[1]_2026-01-01.csv") == ["obs[1]_2026-01-01.csv"]
    assert found("obs*_2026-01-01.csv") == ["obs*_2026-01-01.csv"]
    assert found("obs?_2026-01-01.csv") == ["obs*_2026-01-01.csv", "obs1_2026-01-01.csv"]
    assert found("obs[[]1]_2026-01-01.csv", "obs[1]_2026-01-01.csv") == ["obs[1]_2026-01-01.csv"]
    assert find_extracts("opt_outs", FeedSettings(files=("*.csv",)), tmp_path)[0].extract_date == date(2026, 1, 1)


@pytest.mark.parametrize(
    "name", ["postcodes[1].csv", "postcodes?.csv", "postcodes[1].csv.gz", "[p]ostcodes1.parquet", "p[1]/a.PARQUET"]
)
def test_the_postcode_lookup_is_the_file_of_its_name(name: str, tmp_path: Path) -> None:
    for file, lsoa in ((name, "E01000001"), (re.sub(r"\[(.)\]", r"\1", name).replace("?", "1"), "E01000002")):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        with connect() as con:
            kind = "parquet" if name.lower().endswith("parquet") else "csv"
            packing = "gzip" if name.endswith("gz") or kind == "parquet" else "none"
            con.execute(
                f"COPY (SELECT 'BS1 4ND' AS postcode, {quote(lsoa)} AS lsoa) TO {quote(tmp_path / file)} (FORMAT {kind}, COMPRESSION {packing})"
            )
    with connect() as con:
        load_postcode_areas(con, tmp_path / name)
        assert con.execute(f"SELECT * FROM {AREAS}").fetchall() == [("BS14ND", "E01000001")]


@pytest.mark.parametrize("name", [name for name in NAMES if "\\" not in name])  # which DuckDB takes for the end of a folder
def test_a_quoted_path_is_one_file(name: str, tmp_path: Path) -> None:
    for other in NAMES:
        (tmp_path / f"{other}.csv").write_text("name\n" + other.replace('"', "") + "\n")
    with connect() as con:
        read = f"read_csv([{quote_paths([tmp_path / f'{name}.csv'])}], header=true, all_varchar=true, delim='|')"
        assert con.execute(f"SELECT * FROM {read}").fetchall() == [(name.replace('"', ""),)]
        assert con.execute(f"SELECT count(*) FROM glob({quote_path(tmp_path / f'{name}.csv')})").fetchall() == [(1,)]


def test_every_file_name_that_reaches_duckdb_is_quoted_as_a_path() -> None:
    files = [file for package in ("expectations", "features", "pipelines") for file in (ROOT / package).rglob("*.py")]
    assert [file.name for file in files if READ_AS_PATTERN.search(file.read_text(encoding="utf-8"))] == []
    assert READ_AS_PATTERN.search('f"SELECT * FROM read_parquet([{quote_all(files)}])"')

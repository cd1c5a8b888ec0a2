"""Headers, file names, constants and codes come from outside: none of them is ever read as SQL."""

from pathlib import Path

import pytest

from expectations.tables.raw_gp import OPT_OUTS
from pipelines.errors import ExtractError
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import NhsSettings

HOSTILE = "x') FROM t; DROP TABLE kept; --"
QUOTED = '"; DROP TABLE kept; --'


@pytest.mark.parametrize("name", [HOSTILE, QUOTED, "a''b", 'a""b', "${x}", "PERSON ID\t"])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_name_from_outside_is_a_name_alone(name: str, ending: str, tmp_path: Path) -> None:
    file = tmp_path / "opt_outs" / f"it's; DROP TABLE kept_2026-01-01.{ending}"
    file.parent.mkdir()
    with connect() as con:
        con.execute("CREATE TABLE kept AS SELECT 1 AS one")
        header = '"' + name.replace('"', '""') + '"'
        con.execute(
            f'CREATE TABLE sent ({header} VARCHAR, OPT_OUT_TYPE VARCHAR, EFFECTIVE_DATE VARCHAR, {header[:-1]}2" VARCHAR)'
        )
        con.execute("INSERT INTO sent VALUES ('p1', 'TYPE_1', '2020-01-01', '; DROP TABLE kept')")
        con.execute(f"COPY sent TO '{str(file).replace(chr(39), chr(39) * 2)}'")
        nhs = NhsSettings.model_validate(
            {"feeds": {"opt_outs": {"delimiter": ",", "columns": {"person_id": name}, "constants": {"status": HOSTILE}}}}
        )
        taken = ingest_feed(Lake(tmp_path / "lake"), con, OPT_OUTS, nhs, tmp_path)
        assert con.execute("SELECT one FROM kept").fetchall() == [(1,)]
    assert taken.rows == 1
    rows = Lake(tmp_path / "lake").read(OPT_OUTS.name, "person_id, status, file_name").to_pylist()
    assert rows == [{"person_id": "p1", "status": HOSTILE, "file_name": file.name}]


def test_a_file_without_its_header_does_not_tell_its_first_person(tmp_path: Path) -> None:
    file = tmp_path / "opt_outs" / "opt_outs_2026-01-01.csv"
    file.parent.mkdir()
    nhs = NhsSettings.model_validate({"feeds": {"opt_outs": {"columns": {"person_id": "NHS_NUMBER"}}}})
    for lines, shown, withheld in (
        ("9990000018,Quillfeather,1\n9990000026,Other,1\n", "is the header missing", "Quillfeather"),
        ("NHS_NO,OPT_OUT_TYPE,STATUS\n9990000026,Other,1\n", "NHS_NO", "Other"),
    ):
        file.write_text(lines)
        with connect() as con, pytest.raises(ExtractError, match=shown) as refused:
            ingest_feed(Lake(tmp_path / "lake"), con, OPT_OUTS, nhs, tmp_path)
        assert withheld not in str(refused.value)

from pathlib import Path

import pytest

from pipelines.errors import SettingsError
from pipelines.extracts.postcodes import load_postcode_areas, status_sql
from pipelines.lake.duckdb_connection import connect


@pytest.mark.parametrize(
    ("postcode", "lsoa", "matched", "status"),
    [
        ("ZZ99 3VZ", None, None, "no_fixed_abode"),
        ("zz993wz", None, None, "postcode_unknown"),
        ("ZZ99 3CZ", None, None, "postcode_unknown"),
        ("ZZ99 1WZ", None, None, "outside_england"),
        ("BS1 4ND", None, "E01000001", "resolved"),
        ("BS1 4ND", "E01000001", None, "resolved"),
        ("BS1 4ND", None, None, "unmatched"),
        (None, "E01000001", None, "resolved"),
        (" ", None, None, None),
    ],
)
def test_what_a_postcode_tells(postcode: str | None, lsoa: str | None, matched: str | None, status: str | None) -> None:
    with connect() as con:
        found = con.execute(
            f"SELECT {status_sql('p', 'l', 'm')} FROM (SELECT ?::VARCHAR AS p, ?::VARCHAR AS l, ?::VARCHAR AS m)",
            [postcode, lsoa, matched],
        )
        assert found.fetchall() == [(status,)]


def test_a_lookup_without_its_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lookup.csv").write_text("pcds,lsoa21\nBS1 4ND,E01000001\n")
    with connect() as con, pytest.raises(SettingsError, match="columns postcode and lsoa"):
        load_postcode_areas(con, tmp_path / "lookup.csv")

"""Lines read from the lake are those of the file of successions."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pipelines.conform.areas_and_organisations import conform_organisations
from pipelines.lake.storage import Lake
from pipelines.reference.files import Reference, ReferenceSettings
from pipelines.reference.stored_lines import stored_lines

ROWS = "A,C,merger,1,2024-04-01\nB,C,merger,1,2024-04-01\nS,T,acquisition,1,2025-04-01\nM,N,split,0.5,2025-04-01\nM,O,split,0.5,2025-04-01\n"


def test_stored_lines_are_those_of_the_file(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    assert stored_lines(lake).codes == ()
    (tmp_path / "s.csv").write_text("from_code,to_code,kind,share,effective_date\n" + ROWS, encoding="utf-8")
    settings = ReferenceSettings(organisation_succession="s.csv")
    conform_organisations(lake, Reference(settings, tmp_path, tmp_path))
    lines = stored_lines(lake)
    assert {code: lines.first_code(code) for code in "ABCSTMN"} == {
        "A": "A",
        "B": "A",
        "C": "A",
        "S": "T",
        "T": "T",
        "M": "M",
        "N": "N",
    }
    assert lines.code_on("B", date(2024, 4, 1)) == "C"
    assert lines.code_on("S", date(2025, 3, 31)) == "S"
    stored = {row["code"]: (row["valid_from"], row["valid_to"]) for row in lake.read("core__organisation_line").to_pylist()}
    assert stored["C"] == (date(2024, 4, 1), None)
    assert stored["A"] == (None, date(2024, 3, 31))

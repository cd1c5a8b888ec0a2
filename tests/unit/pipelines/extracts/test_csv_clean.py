"""The copy for a strict parser has every row, and an empty row for each line that is no row."""

import io
from pathlib import Path

import pytest

from pipelines.extracts.csv_clean import write_clean
from pipelines.extracts.csv_survey import Layout, survey_csv


def write(folder: Path, content: bytes) -> Path:
    path = folder / "a.csv"
    path.write_bytes(content)
    return path


def test_line_ends_of_two_kinds_are_made_one(tmp_path: Path) -> None:
    file = write(tmp_path, b"\xef\xbb\xbfa,b\r\n1,2\n3\r\n4,5\r\n")
    survey, clean = survey_csv(file, Layout()), io.BytesIO()
    write_clean(file, Layout(), survey, clean)
    assert not survey.as_it_stands
    assert clean.getvalue() == b'a,b\n1,2\n"",\n4,5\n'


def test_numbers_hold_across_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.extracts.file_blocks.CHUNK_BYTES", 7)
    rows = [b"%d,a" % number for number in range(1, 101)]
    rows[36], rows[98] = b"37,a,b", b"99"
    file = write(tmp_path, b"id,name\n" + b"\n".join(rows) + b"\n")
    survey, clean = survey_csv(file, Layout()), io.BytesIO()
    write_clean(file, Layout(), survey, clean)
    assert survey.no_rows.tolist() == [37, 99]
    assert clean.getvalue().split(b"\n")[37:39] == [b'"",', b"38,a"]


def test_a_text_with_line_breaks_stays_one_row(tmp_path: Path) -> None:
    file = write(tmp_path, b'a,b\n1,"x\ny"\n2,z,\n')
    survey, clean = survey_csv(file, Layout()), io.BytesIO()
    write_clean(file, Layout(), survey, clean)
    assert clean.getvalue() == b'a,b\n1,"x\ny"\n2,z\n'

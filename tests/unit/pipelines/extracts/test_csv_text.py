"""The text of a file is UTF-8 in complete lines, however its lines end and whatever its encoding is."""

from pathlib import Path

import pytest

from pipelines.errors import ExtractError
from pipelines.extracts import csv_text
from pipelines.extracts.csv_text import ends_in_returns, read_lines


def write(folder: Path, content: bytes) -> Path:
    path = folder / "a.csv"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "returns"),
    [(b"a,b\r1,2\r", True), (b"a,b\r\n1,2\r\n", False), (b"a,b\n1,2\n", False), (b"a,b", False), (b"a,b\r", False), (b"", False)],
)
def test_lines_end_in_returns_only_if_no_line_feed_is_there(tmp_path: Path, content: bytes, returns: bool) -> None:
    assert ends_in_returns(write(tmp_path, content), "utf-8") is returns


def test_lines_are_complete_and_without_a_byte_order_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.extracts.file_blocks.CHUNK_BYTES", 5)
    file = write(tmp_path, b"\xef\xbb\xbfab,cd\r\n12,34\r\n5,6")
    chunks = list(read_lines(file, "utf-8"))
    assert b"".join(chunks) == b"ab,cd\r\n12,34\r\n5,6\r\n"
    assert all(chunk.endswith(b"\n") for chunk in chunks)
    assert b"".join(read_lines(write(tmp_path, b"a,b\r1,2\r"), "utf-8", returns=True)) == b"a,b\n1,2\n"


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_another_encoding_becomes_utf_8(tmp_path: Path, encoding: str) -> None:
    assert b"".join(read_lines(write(tmp_path, "a,£\n".encode(encoding)), encoding)) == "a,£\n".encode()


def test_a_wrong_encoding_and_a_file_without_lines_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ExtractError, match=r"a\.csv: not written in utf-16; set the feed's `encoding`"):
        list(read_lines(write(tmp_path, b"\xff\xfea\x00\x00\xd8a\x00"), "utf-16"))
    monkeypatch.setattr(csv_text, "LONGEST_LINE_BYTES", 10)
    with pytest.raises(ExtractError, match=r"a\.csv: .*without a line end; this is not a CSV file"):
        list(read_lines(write(tmp_path, b"x" * 20), "utf-8"))

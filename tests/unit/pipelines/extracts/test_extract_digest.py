"""The id of an extract is that of its rows: other line ends, another name or another packing is the same delivery."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest

from expectations.tables.raw_gp import OPT_OUTS
from pipelines.errors import ExtractError
from pipelines.extracts import ingest
from pipelines.extracts.extract_digest import extract_digest
from pipelines.extracts.extract_records import current_extracts, read_extracts
from pipelines.extracts.file_blocks import hold
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import NhsSettings

TEXT = 'PERSON_ID,OPT_OUT_TYPE,STATUS,EFFECTIVE_DATE\np1,TYPE_1,1,2020-01-01\np2,"TYPE_1",0,2020-01-02\n'
PLAIN = TEXT.encode()


def digest(folder: Path, content: bytes, name: str = "a.csv", encoding: str = "utf-8", stored: tuple[str, ...] = ()) -> str:
    file = folder / name
    file.write_bytes(content)
    with hold(file) as held:
        return extract_digest("opt_outs", held, encoding, stored)


def of_bytes(content: bytes) -> str:
    """Return the id that earlier versions gave."""
    return hashlib.sha256(b"opt_outs\0" + content).hexdigest()[:16]


@pytest.mark.parametrize(
    ("content", "name", "encoding"),
    [
        (PLAIN, "b.txt", "utf-8"),
        (PLAIN.replace(b"\n", b"\r\n"), "a.csv", "utf-8"),
        (PLAIN.replace(b"\n", b"\r"), "a.csv", "utf-8"),
        (PLAIN.removesuffix(b"\n"), "a.csv", "utf-8"),
        (PLAIN + b"\n\r\n", "a.csv", "utf-8"),
        (b"\xef\xbb\xbf" + PLAIN, "a.csv", "utf-8"),
        (b"\xef\xbb\xbf" + PLAIN.replace(b"\n", b"\r\n").removesuffix(b"\r\n"), "a.csv", "utf-8"),
        (gzip.compress(PLAIN, mtime=0), "a.csv.gz", "utf-8"),
        (gzip.compress(PLAIN.replace(b"\n", b"\r\n"), 1, mtime=0), "A.CSV.GZ", "utf-8"),
        (TEXT.encode("utf-16"), "a.csv", "utf-16"),
        (TEXT.replace("\n", "\r\n").encode("utf-16"), "a.csv", "utf-16"),
        (TEXT.encode("cp1252"), "a.csv", "cp1252"),
    ],
)
@pytest.mark.parametrize("block", [5, 64, 4 << 20])
def test_the_same_rows_have_the_same_id(
    content: bytes, name: str, encoding: str, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.extracts.file_blocks.CHUNK_BYTES", block)
    assert digest(tmp_path, content, name, encoding) == of_bytes(PLAIN)


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.replace(b"p2", b"p3"),
        PLAIN.replace(b"p1,", b"p1 ,"),
        PLAIN.replace(b"\np2", b"\n\np2"),
        PLAIN.replace(b",0,", b",\r,"),
        PLAIN.replace(b'"TYPE_1"', b"TYPE_1\r"),
        PLAIN + b"p3,TYPE_1,1,2020-01-01\n",
        PLAIN[: PLAIN.rindex(b"p2")],
    ],
)
def test_other_rows_have_another_id(content: bytes, tmp_path: Path) -> None:
    assert digest(tmp_path, content) != of_bytes(PLAIN)


@pytest.mark.parametrize("content", [PLAIN.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + PLAIN, PLAIN.strip()])
def test_an_id_of_an_earlier_version_stays_that_of_its_file(content: bytes, tmp_path: Path) -> None:
    assert digest(tmp_path, content, stored=(of_bytes(content),)) == of_bytes(content)
    assert digest(tmp_path, content, stored=("0" * 16,)) == of_bytes(PLAIN)


class Bench:
    """A landing folder and a lake."""

    def __init__(self, folder: Path) -> None:
        self.landing, self.lake = folder / "landing", Lake(folder / "lake")
        (self.landing / "opt_outs").mkdir(parents=True)

    def land(self, content: bytes, name: str) -> Path:
        file = self.landing / "opt_outs" / name
        file.write_bytes(content)
        return file

    def take(self) -> int:
        with connect() as con:
            return len(ingest_feed(self.lake, con, OPT_OUTS, NhsSettings(), self.landing).new)


def test_a_delivery_sent_twice_with_other_line_ends_and_another_name_counts_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.land(PLAIN, "opt_outs_2026-01-01.csv")
    bench.land(PLAIN.replace(b"\n", b"\r\n"), "opt_outs_again_2026-01-01.csv")
    bench.take()
    assert len(current_extracts(bench.lake, "opt_outs")) == 1
    assert bench.lake.rows(OPT_OUTS.name) == 2
    bench.land(PLAIN.replace(b"\n", b"\r\n").strip(), "opt_outs_2026-01-01.csv")
    assert bench.take() == 0


def test_a_file_stored_by_an_earlier_version_is_not_stored_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench, content = Bench(tmp_path), b"\xef\xbb\xbf" + PLAIN.replace(b"\n", b"\r\n")
    bench.land(content, "opt_outs_2026-01-01.csv")
    monkeypatch.setattr(ingest, "extract_digest", lambda *_: of_bytes(content))
    bench.take()
    monkeypatch.undo()
    assert bench.take() == 0
    bench.land(content, "opt_outs_renamed_2026-01-01.csv")
    bench.take()
    assert {row.extract_id for row in read_extracts(bench.lake, "opt_outs")} == {of_bytes(content)}


def test_a_file_that_is_replaced_while_it_is_held_is_still_the_same(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(PLAIN)
    with hold(file) as held:
        other = tmp_path / "other.csv"
        other.write_bytes(b"x")
        other.replace(file)
        assert extract_digest("opt_outs", held, "utf-8") == of_bytes(PLAIN)
        assert held.path.read_bytes() == PLAIN


@pytest.mark.parametrize("moment", ["extract_digest", "guarded_rows_sql"])
def test_a_file_that_is_written_to_while_it_is_read_is_refused(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path)
    file, usual = bench.land(PLAIN, "opt_outs_2026-01-01.csv"), getattr(ingest, moment)

    def and_write(*given: object) -> object:
        answer = usual(*given)
        with file.open("ab") as more:
            more.write(b"p3,TYPE_1,1,2020-01-01\n")
        return answer

    monkeypatch.setattr(ingest, moment, and_write)
    with pytest.raises(
        ExtractError, match=r"opt_outs_2026-01-01\.csv: (the file changed while it was read|.* rows were counted)"
    ):
        bench.take()
    assert not bench.lake.exists(OPT_OUTS.name)

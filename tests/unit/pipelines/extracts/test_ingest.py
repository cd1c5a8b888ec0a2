import gzip
import hashlib
import hmac
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from expectations.table import Table
from expectations.tables.raw_gp import OPT_OUTS, PATIENTS
from expectations.tables.raw_hospital import ADMISSIONS
from pipelines.errors import ExtractError, StrataError
from pipelines.extracts import ingest
from pipelines.extracts.extract_records import current_extracts, read_extracts
from pipelines.extracts.ingest import IngestSummary, ingest_feed
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import FeedSettings, NhsSettings

HEADER = "PERSON_ID,OPT_OUT_TYPE,STATUS,EFFECTIVE_DATE\n"
FIVE = (
    HEADER
    + "p1,TYPE_1,1,2020-01-01\np2,TYPE_1,0,2020-01-02\np3,NATIONAL,1,2020-01-03\np4,NATIONAL,0,2020-01-04\np5,TYPE_1,1,2020-01-05\n"
)


class Bench:
    """A landing folder, a lake and a way to take a feed in."""

    def __init__(self, folder: Path) -> None:
        self.landing, self.lake = folder / "landing", Lake(folder / "lake")

    def land(self, content: str | bytes, name: str = "opt_outs/opt_outs_2026-01-01.csv") -> Path:
        file = self.landing / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def take(self, nhs: NhsSettings | None = None, table: Table = OPT_OUTS) -> IngestSummary:
        with connect() as con:
            return ingest_feed(self.lake, con, table, nhs or NhsSettings(), self.landing)

    def rows(self, columns: str, table: str = "raw__opt_outs") -> list[tuple]:
        with connect() as con:
            return con.execute(f"SELECT {columns} FROM {self.lake.scan(table)} ORDER BY file_name, row_number").fetchall()

    def unreadable(self) -> list[tuple]:
        return self.rows("row_number, reason", "core__quarantine")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def one(**settings: object) -> NhsSettings:
    return NhsSettings(feeds={"opt_outs": FeedSettings(**settings)})


def test_rows_are_kept_as_they_came(bench: Bench) -> None:
    bench.land(
        "person_id , Opt_Out_Type,STATUS,EFFECTIVE_DATE,SURNAME\r\n p1,type_1,1,01/02/2020,Smith\r\np2,,X,,\r\n".encode(
            "utf-8-sig"
        )
    )
    taken = bench.take()
    assert bench.rows("person_id, opt_out_type, status, effective_date, row_number, file_name") == [
        (" p1", "type_1", "1", "01/02/2020", 1, "opt_outs_2026-01-01.csv"),
        ("p2", None, "X", None, 2, "opt_outs_2026-01-01.csv"),
    ]
    assert (taken.new[0].columns_ignored, taken.new[0].columns_missing) == ('["SURNAME"]', "[]")


def test_rows_around_a_broken_one_keep_their_numbers(bench: Bench) -> None:
    lines = [
        HEADER.strip(),
        "p1,TYPE_1,1,2020-01-01,extra",
        "p2,TYPE_1,0,2020-01-02",
        '"p3,NATIONAL,1,2020-01-03',
        "",
        "p5,TYPE_1,1,2020-01-05",
        "p6,TYPE_1",
    ]
    bench.land("\n".join(lines).encode() + b"\np7,\xa3,1,2020-01-07\np8,TYPE_1,1,2020-01-08\np9,TYPE_1,1,2020-01-08")
    taken = bench.take()
    assert bench.rows("person_id, status, row_number") == [
        ("p1", None, 1), ("p2", "0", 2), ("p3", None, 3), ("p5", "1", 5), ("p6", None, 6), ("p7", None, 7), ("p8", "1", 8), ("p9", "1", 9),
    ]  # fmt: skip
    assert bench.unreadable() == [
        (1, "identifier_kept"), (3, "identifier_kept"), (6, "fields_missing"), (7, "identifier_kept"),
    ]  # fmt: skip
    assert (taken.rows, taken.rows_unreadable) == (8, 0)


def test_rows_of_a_feed_that_are_no_objections_are_set_aside(bench: Bench) -> None:
    rows = [
        b"p1,1,RX1,2020-01-01,extra",
        b"p2,2,RX1,2020-01-02",
        b'"p3,3,RX1,2020-01-03',
        b"",
        b"p5,5,RX1,2020-01-05",
        b"p6,6",
        b"p7,\xa3,RX1,2020-01-07",
        b"p8,8,RX1,2020-01-08",
    ]
    header = b"Der_Pseudo_NHS_Number,Hospital_Spell_No,Der_Provider_Code,Admission_Date"
    bench.land(b"\n".join([header, *rows, b"p9,9,RX1,2020-01-09"]), "admissions/admissions_2026-01-01.csv")
    taken = bench.take(table=ADMISSIONS)
    assert bench.rows("person_id, row_number", "raw__admissions") == [("p2", 2), ("p5", 5), ("p8", 8), ("p9", 9)]
    assert bench.unreadable() == [(1, "too_many_fields"), (3, "unterminated_quote"), (6, "too_few_fields"), (7, "not_utf8")]
    assert (taken.rows, taken.rows_unreadable) == (4, 4)


def test_row_numbers_hold_in_a_large_file(bench: Bench) -> None:
    rows = [f"p{number},TYPE_1,1,2020-01-01" for number in range(1, 300_001)]
    rows[149_999] += ",extra"
    bench.land(HEADER + "\n".join(rows))
    bench.take()
    with connect() as con:
        scan = bench.lake.scan("raw__opt_outs")
        assert con.execute(f"SELECT count(*), count(*) FILTER (person_id <> 'p' || row_number) FROM {scan}").fetchall() == [
            (300_000, 0)
        ]


def test_the_same_content_is_one_extract_whatever_its_name(bench: Bench) -> None:
    bench.land(FIVE)
    first = bench.take()
    assert bench.take().new == []
    bench.land(gzip.compress(FIVE.encode()), "opt_outs/copy_2026-01-01.csv.gz")
    bench.take()
    assert len(bench.rows("person_id")) == 5
    assert [extract.extract_id for extract in current_extracts(bench.lake, "opt_outs")] == [first.new[0].extract_id]


def test_the_same_content_delivered_later_is_a_delivery_of_its_own(bench: Bench) -> None:
    bench.land(FIVE)
    bench.land(FIVE, "opt_outs/opt_outs_2026-02-01.csv")
    bench.take()
    assert len(bench.rows("person_id")) == 5
    assert [str(extract.extract_date) for extract in current_extracts(bench.lake, "opt_outs")] == ["2026-01-01", "2026-02-01"]


def test_a_corrected_file_replaces_its_forerunner_which_stays_readable(bench: Bench) -> None:
    bench.land(FIVE)
    bench.take()
    bench.land(FIVE.replace("p5", "p6"))
    corrected = bench.take().new[0]
    assert [extract.extract_id for extract in current_extracts(bench.lake, "opt_outs")] == [corrected.extract_id]
    assert len(bench.lake.partitions("raw__opt_outs", "extract_id")) == 2
    assert len(read_extracts(bench.lake, "opt_outs")) == 2


def test_a_file_that_left_the_landing_folder_stays_an_extract(bench: Bench) -> None:
    file = bench.land(FIVE)
    bench.take()
    file.unlink()
    assert bench.take().files == 0
    assert len(current_extracts(bench.lake, "opt_outs")) == 1


def test_a_killed_ingest_leaves_nothing_to_be_seen(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.land(FIVE)
    monkeypatch.setattr(bench.lake, "append", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        bench.take()
    assert current_extracts(bench.lake, "opt_outs") == []
    monkeypatch.undo()
    bench.take()
    assert len(bench.rows("person_id")) == 5


def test_parquet_is_kept_as_text(bench: Bench) -> None:
    frame = pd.DataFrame(
        {
            "person_id": ["p1", "p2"],
            "OPT_OUT_TYPE": ["TYPE_1", None],
            "STATUS": [1.0, None],
            "EFFECTIVE_DATE": pd.to_datetime(["2020-01-01", None]),
        }
    )
    (bench.landing / "opt_outs").mkdir(parents=True)
    frame.to_parquet(bench.landing / "opt_outs" / "opt_outs_2026-01-01.parquet")
    bench.take()
    assert bench.rows("person_id, opt_out_type, status, effective_date") == [
        ("p1", "TYPE_1", "1", "2020-01-01 00:00:00"),
        ("p2", None, None, None),
    ]


def test_columns_are_renamed_and_made_as_the_settings_say(bench: Bench) -> None:
    bench.land("pseudo|state|OPT_OUT_TYPE\np1|1|TYPE_1\n")
    bench.take(one(columns={"person_id": "Pseudo", "status": "STATE"}, constants={"effective_date": "2020-01-01"}))
    assert bench.rows("person_id, opt_out_type, status, effective_date") == [("p1", "TYPE_1", "1", "2020-01-01")]


def test_clear_identifiers_are_hashed_and_stored_nowhere(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "k" * 40
    monkeypatch.setenv("STRATA_PSEUDONYM_KEY", key)
    bench.land(HEADER + "943 476 5919,TYPE_1,1,2020-01-01\n")
    bench.take(one(pseudonymised=False))
    assert bench.rows("person_id") == [(hmac.new(key.encode(), b"9434765919", hashlib.sha256).hexdigest()[:32],)]
    stored = b"".join(file.read_bytes() for file in bench.lake.root.rglob("*") if file.is_file())
    assert b"4765919" not in stored
    assert key.encode() not in stored


def test_an_isolated_clear_number_is_withheld(bench: Bench) -> None:
    bench.land(FIVE.replace("p3", "9434765919"))
    bench.take()
    assert bench.rows("person_id") == [("p1",), ("p2",), ("(withheld)",), ("p4",), ("p5",)]


def test_a_clear_number_beyond_the_sample_is_withheld_from_every_file(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "SAMPLE_ROWS", 2)
    bench.land(FIVE.replace("p4", "9434765919"))
    bench.take()
    assert [person for (person,) in bench.rows("person_id")] == ["p1", "p2", "p3", "(withheld)", "p5"]
    written = list((bench.lake.root / "raw__opt_outs").rglob("*.parquet"))
    assert len(written) == 1 and b"9434765919" not in written[0].read_bytes()


def test_a_clear_number_and_a_line_too_wide_in_one_file_are_both_found(bench: Bench) -> None:
    rows = [f"p{number},TYPE_1,1,2020-01-01" for number in range(1, 300_001)]
    rows[9], rows[299_989] = "9434765919,TYPE_1,1,2020-01-01", rows[299_989] + ",extra"
    bench.land(HEADER + "\n".join(rows))
    assert bench.take().rows == 300_000
    assert bench.unreadable() == [(299_990, "identifier_kept")]
    assert ("(withheld)",) in bench.rows("person_id")


def test_a_file_of_clear_numbers_is_refused(bench: Bench) -> None:
    bench.land(HEADER + "".join(f"{number},TYPE_1,1,2020-01-01\n" for number in ("9434765919", "9434765870", "9434765838")))
    with pytest.raises(
        ExtractError, match=r"opt_outs_2026-01-01\.csv: the column person_id holds clear identifiers \(3 NHS numbers"
    ):
        bench.take()
    assert not bench.lake.exists("raw__opt_outs")


def test_a_postcode_is_looked_up_and_dropped(bench: Bench) -> None:
    bench.land("postcode,lsoa\nBS1 4ND,E01000001\n", "lookup.csv")
    people = ["p1,Y00001,1950,bs1 4nd,", "p2,Y00001,1950,ZZ99 3VZ,", "p3,Y00001,1950,BS1 4XX,", "p4,Y00001,1950,, E01000009"]
    bench.land(
        "PERSON_ID,REGISTERED_PRACTICE_ORGANISATION_ID,BIRTH_YEAR,POSTCODE,LSOA_CODE\n" + "\n".join(people),
        "patients/patients_2026-01-01.csv",
    )
    bench.take(NhsSettings(postcode_lookup=Path("lookup.csv")), PATIENTS)
    assert bench.rows("postcode_status, lsoa_code", "raw__patients") == [
        ("resolved", "E01000001"), ("no_fixed_abode", None), ("unmatched", None), ("resolved", " E01000009"),
    ]  # fmt: skip


def test_other_settings_read_the_file_again(bench: Bench) -> None:
    bench.land(FIVE.replace("PERSON_ID", "PSEUDO"))
    bench.take(one(columns={"person_id": "PSEUDO"}))
    again = bench.take(one(columns={"person_id": "PSEUDO"}, constants={"status": "1"}))
    assert len(again.new) == 1
    assert len(bench.rows("person_id")) == 5


def test_a_header_without_rows_is_an_extract_without_rows(bench: Bench) -> None:
    bench.land(HEADER)
    assert bench.take().new[0].rows == 0


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "a_2026-01-01.csv", "empty"),
        (b"PAR1xxxx", "a_2026-01-01.csv", "this is a Parquet file"),
        (b"PK\x03\x04xx", "a_2026-01-01.csv", "zip archive or Excel"),
        (b"a,b\n", "a_2026-01-01.csv.gz", "Not a gzipped file"),
        (gzip.compress(FIVE.encode() * 99, mtime=0)[:-20], "a_2026-01-01.csv.gz", "truncated"),
        (b"a,b\n", "a_2026-01-01.parquet", "not a Parquet file"),
        ("PERSON_ID,STATUS,person_id \n1,2,3\n", "a_2026-01-01.csv", "names 'PERSON_ID' 2 times"),
        ("p1,TYPE_1,1,2020-01-01\np2,TYPE_1,1,2020-01-01\n", "a_2026-01-01.csv", "names none of the columns"),
        (HEADER + "p1\np2\np3,TYPE_1,1,2020-01-01\n", "a_2026-01-01.csv", "67% of its rows cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_what_to_do(bench: Bench, content: str | bytes, name: str, words: str) -> None:
    bench.land(content, f"opt_outs/{name}")
    with pytest.raises(StrataError, match=words) as refused:
        bench.take()
    assert name in str(refused.value)
    assert current_extracts(bench.lake, "opt_outs") == []


def test_a_read_error_never_shows_a_line(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.land(FIVE)

    def fail(*_: object) -> None:
        raise duckdb.InvalidInputException("CSV Error on Line: 3\nOriginal Line: p2,secret")

    monkeypatch.setattr(bench.lake, "write_sql", fail)
    with pytest.raises(ExtractError, match="near line 3") as refused:
        bench.take()
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_feed_without_files_has_no_extracts(bench: Bench) -> None:
    assert (bench.take(table=ADMISSIONS).files, current_extracts(bench.lake, "admissions")) == (0, [])

"""Line breaks in quoted text: the rows are those of the csv module, and a quote that is wrong never makes a row."""

from __future__ import annotations

import csv
import gzip
import io
import random
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pytest

from expectations.tables.raw_gp import GP_OBSERVATIONS
from pipelines.extracts.csv_quotes import MOST_BYTES, MOST_LINES, UNDOUBTED_ROWS
from pipelines.extracts.csv_survey import Layout, survey_csv
from pipelines.extracts.extract_reader import open_extract, unbroken_headers
from pipelines.extracts.file_blocks import hold
from pipelines.sources.extract_files import ExtractFile
from pipelines.sources.nhs import FeedSettings

CASES = Path(__file__).resolve().parents[5] / "shared" / "cases"
Row = tuple[int, tuple[str | None, ...]]


def write(folder: Path, content: bytes, name: str = "a.csv") -> Path:
    file = folder / name
    file.write_bytes(content)
    return file


def read(file: Path, unbroken: frozenset[str] = frozenset(), **settings: str) -> tuple[list[Row], dict[str, list[int]]]:
    """Return the numbered rows of a file as DuckDB reads them, and the numbers that are no rows by reason."""
    extract = ExtractFile("opt_outs", file, file.name, date(2026, 1, 1))
    with hold(file) as held, duckdb.connect() as con:
        con.execute("SET threads = 2")
        with open_extract(con, extract, held, FeedSettings(**settings), unbroken=unbroken) as opened:  # type: ignore[arg-type]
            query = f"SELECT row_number, {', '.join(opened.values)} FROM {opened.source} ORDER BY row_number"
            rows = [(number, tuple(fields)) for number, *fields in con.execute(query).fetchall()]
            assert len(rows) == opened.rows
            return rows, {reason: numbers.tolist() for reason, numbers in opened.unreadable.items()}


def kept(file: Path, **settings: str) -> list[str | None]:
    return [fields[0] for _, fields in read(file, **settings)[0]]


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        (b'"one\ntwo"', "one\ntwo"),
        (b'"one\r\ntwo"', "one\ntwo"),
        (b'"one\rtwo"', "one\ntwo"),
        (b'"\none"', "\none"),
        (b'"one\n"', "one\n"),
        (b'"\n"', "\n"),
        (b'"one\n\n\ntwo"', "one\n\n\ntwo"),
        (b'"say ""hi""\n""bye"""', 'say "hi"\n"bye"'),
        (b'"one""\n""two"', 'one"\n"two'),
        (b'"a,b\nc,d,e,f"', "a,b\nc,d,e,f"),
        (b'"copied:\np9,x,1\nend"', "copied:\np9,x,1\nend"),
        (b'"copied:\n""p9"",""x"",1\nend"', 'copied:\n"p9","x",1\nend'),
        (b'"id,text,n\nagain"', "id,text,n\nagain"),
        ('"é\n東京 🙂"'.encode(), "é\n東京 🙂"),
        (b'"' + b"x\n" * 999 + b'"', "x\n" * 999),
    ],
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_line_break_in_quotes_is_part_of_the_field(text: bytes, stored: str, end: bytes, tmp_path: Path) -> None:
    lines = [b"id,text,n", b"p1,a,1", b"p2," + text + b",2", b"p3,b,3"]
    rows, unreadable = read(write(tmp_path, end.join(lines) + end))
    assert rows == [(1, ("p1", "a", "1")), (2, ("p2", stored, "2")), (3, ("p3", "b", "3"))]
    assert not unreadable


@pytest.mark.skipif(not CASES.is_dir(), reason="the case files are not beside the project")
def test_a_line_that_looks_like_a_row_in_copied_text_is_no_admission() -> None:
    rows, unreadable = read(CASES / "admissions_quoted_line_break_2026-01-01.csv")
    assert [(number, fields[0][-1:], fields[1], fields[3]) for number, fields in rows if fields[0]] == [
        (1, "1", "S1", "2025-03-01"), (2, "2", "S2", "2025-03-02"), (3, "3", "S3", "2025-06-01"),
    ]  # fmt: skip
    assert not unreadable


@pytest.mark.parametrize("place", ["first", "last"])
def test_the_first_and_the_last_field_may_have_line_breaks(place: str, tmp_path: Path) -> None:
    lines = ['"p\n1",a', "p2,b"] if place == "first" else ['p1,"a\nb"', "p2,b"]
    rows, _ = read(write(tmp_path, ("id,text\n" + "\n".join(lines)).encode()))
    assert [fields for _, fields in rows] == [("p\n1", "a") if place == "first" else ("p1", "a\nb"), ("p2", "b")]


@pytest.mark.parametrize(
    ("encoding", "name"), [("cp1252", "a.csv"), ("utf-16", "a.csv"), ("latin-1", "a.csv"), ("utf-8", "a.csv.gz")]
)
def test_other_encodings_and_gzip_may_have_line_breaks(encoding: str, name: str, tmp_path: Path) -> None:
    content = 'id;text\np1;"£ one\r\ntwo"\np2;b\n'.encode(encoding)
    file = write(tmp_path, gzip.compress(content) if name.endswith("gz") else content, name)
    assert read(file, encoding=encoding)[0] == [(1, ("p1", "£ one\ntwo")), (2, ("p2", "b"))]


def test_another_quote_and_no_quote_are_as_the_settings_say(tmp_path: Path) -> None:
    file = write(tmp_path, b"id|text\np1|'one\ntwo'\np2|\"b\n")
    assert read(file, quote="'")[0] == [(1, ("p1", "one\ntwo")), (2, ("p2", '"b'))]
    assert kept(write(tmp_path, b'id,text\np1,"one\np2,two"\n', "b.csv"), quote="") == ["p1", "p2"]


def test_a_header_may_have_a_line_break(tmp_path: Path) -> None:
    file = write(tmp_path, b'id,"free\r\ntext",n\r\np1,a,1\r\n"p2","b\r\nc",2\r\nbad\r\n')
    assert survey_csv(file, Layout()).header == ("id", "free text", "n")
    assert read(file) == ([(1, ("p1", "a", "1")), (2, ("p2", "b\nc", "2"))], {"too_few_fields": [3]})


def test_a_row_with_a_line_break_has_one_number_and_one_reason(tmp_path: Path) -> None:
    lines = [b"id,text", b'p1,"a', b'b"', b'p2,"a', b'\xff"', b'p3,"\0', b'b"', b"", b"p4,c", b"p5", b'p6,"', b'"']
    rows, unreadable = read(write(tmp_path, b"\n".join(lines)))
    assert [(number, fields[0]) for number, fields in rows] == [(1, "p1"), (5, "p4"), (7, "p6")]
    assert unreadable == {"not_utf8": [2], "control_character": [3], "too_few_fields": [6]}


@pytest.mark.parametrize(
    ("lines", "expected", "aside"),
    [
        # A quote that nothing could close concerns its own line.
        (['p1,"a,1', "p2,b,2", "p3,c,3"], ["p2", "p3"], {"unterminated_quote": [1]}),
        (['"p1,a,1', "p2,b,2"], ["p2"], {"unterminated_quote": [1]}),
        (["p1,a,1", 'p2,b,"2'], ["p1"], {"unterminated_quote": [2]}),
        (['p1,5" pipe,1', "p2,b,2"], ["p2"], {"unterminated_quote": [1]}),
        (['p1,a",1', "p2,b,2"], ["p2"], {"unterminated_quote": [1]}),
        (['p1,"a"b",1', 'p2,"b",2'], ["p2"], {"unterminated_quote": [1]}),
        (['p1,"a" b,1', 'p2,"b",2'], ["p2"], {"stray_quote": [1]}),
        (['"p1","a"b","1"', '"p2","b","2"'], ["p2"], {"unterminated_quote": [1]}),
        (['p1,"a,1', 'p2,"b, c",2', "p3,c,3"], ["p2", "p3"], {"unterminated_quote": [1]}),
        (['p1,"a,1', 'p2,"b', 'c",2', "p3,c,3"], ["p2", "p3"], {"unterminated_quote": [1]}),
        (['p1,"a,1', 'p2,"",2', "p3,c,3"], ["p2", "p3"], {"unterminated_quote": [1]}),
        # A quote that a later one could close, but not into a row: all between may be text.
        (['p1,"a', "p2,b,2", 'end",x,1', "p3,c,3"], ["p3"], {"unterminated_quote": [1], "inside_quote": [2, 3]}),
        (['p1,a,"text', "p2,b,2", 'end"', 'p3,c,"more', 'text"'], ["p1", "p3"], {}),
        (['p1,"a ""text', "p2,b,2", 'end",1,2,3', "p3,c,3"], ["p3"], {"unterminated_quote": [1], "inside_quote": [2, 3]}),
        (['p1,"he said "hi" and', "p2,b,2", 'end",1', "p3,c,3"], ["p3"], {"unterminated_quote": [1], "inside_quote": [2, 3]}),
        (['p1,"he said "hi there" and', "p2,b,2", 'end",1', "p3,c,3"], ["p3"], {"unterminated_quote": [1], "inside_quote": [2, 3]}),
        (['p1,"text', 'he "said"', "p2,b,2", 'end",1', "p3,c,3"], ["p3"], {"unterminated_quote": [1], "inside_quote": [2, 3, 4]}),
        (['p1,ab"c,"text', "p2,b,2", 'end"', "p3,c,3"], ["p3"], {"stray_quote": [1], "inside_quote": [2, 3]}),
        (['p1,"text', "p2,b,2", 'a","b', "p8,x,1", 'c",1', "p3,c,3"], ["p3"], {"unterminated_quote": [1], "inside_quote": [2, 3, 4, 5]}),
        # Rows with quotes may be in a text whose quotes are not doubled: a quote that only closes shows it.
        (['p1,x,"copied text:', 'p2,"b, c",2', 'end of text"', "p3,c,3"], ["p3"], {"unterminated_quote": [1], "inside_quote": [2, 3]}),
        (['p1,x,"copied text:', 'p2,"b, c",2', '"p4","d",4', 'end",1', "p3,c,3"], ["p3"], {"unterminated_quote": [1], "inside_quote": [2, 3, 4]}),
        (['p1,"a,1', 'p2,"b, c",2', *["p3,c,3"] * 20, 'p4,d",4'], ["p2", *["p3"] * 20], {"unterminated_quote": [1, 23]}),
        # The last quote of a text was lost: prose shows where it was.
        (['p1,x,"copied text:', "p2,b,2", "end of text", "p3,c,3"], ["p3"], {"unterminated_quote": [1], "inside_quote": [2, 3]}),
        (['p1,x,"text:', "p2,b,2", "prose", "", "p9,b,2", "prose", "p3,c,3"], ["p3"],
         {"unterminated_quote": [1], "inside_quote": [2, 3, 5, 6]}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_quote_that_is_wrong_sets_its_line_aside_and_what_may_be_its_text(
    lines: list[str], expected: list[str], aside: dict[str, list[int]], end: str, tmp_path: Path
) -> None:
    rows, unreadable = read(write(tmp_path, (end.join(["id,text,n", *lines]) + end).encode()))
    assert [fields[0] for _, fields in rows] == expected
    assert unreadable == aside


@pytest.mark.parametrize(
    ("line", "stored"),
    [
        ('="9434001307",a,1', ("9434001307", "a", "1")),
        ('p1,="0012",="3"', ("p1", "0012", "3")),
        ('="p1","say ""hi""",="1"', ("p1", 'say "hi"', "1")),
        ('p1,="a,b",1', ("p1", "a,b", "1")),
        ('="p1",="",1', ("p1", None, "1")),
        ('p1,"a\nb",="1"', ("p1", "a\nb", "1")),
        ("p1,=1,2", ("p1", "=1", "2")),
        ('"=""p1""",a,1', ('="p1"', "a", "1")),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_field_that_a_spreadsheet_wrote_as_a_formula_is_its_text(
    line: str, stored: tuple[str, ...], end: str, tmp_path: Path
) -> None:
    file = write(tmp_path, end.join(["id,text,n", "p0,x,0", line.replace("\n", end), "p9,x,9", ""]).encode())
    rows, unreadable = read(file)
    assert [fields for _, fields in rows] == [("p0", "x", "0"), stored, ("p9", "x", "9")]
    assert not unreadable


@pytest.mark.parametrize("line", ['="p1,a,1', '="p1"x,a,1', 'p1,x="a",1'])
def test_a_formula_that_does_not_close_is_no_row(line: str, tmp_path: Path) -> None:
    rows, unreadable = read(write(tmp_path, f"id,text,n\np0,x,0\n{line}\np9,x,9\n".encode()))
    assert [fields[0] for _, fields in rows] == ["p0", "p9"]
    assert list(unreadable.values()) == [[2]]


CODED = frozenset({"id", "code"})


@pytest.mark.parametrize(
    ("lines", "expected", "aside"),
    [
        # A break in an identifier or code: its line and the lines to the next quote are no rows.
        (['"p1,a,x,1', "p2,b,y,2", "p3,c,z,3", 'p4",d,w,4', "p5,e,v,5"], ["p5"], {"unterminated_quote": [1], "inside_quote": [2, 3, 4]}),
        (['p1,"a,x,1', "p2,b,y,2", "p3,c,z,3", 'p4,d",w,4', "p5,e,v,5"], ["p5"], {"unterminated_quote": [1], "inside_quote": [2, 3, 4]}),
        (['"p', '1",a,x,1', "p2,b,y,2"], ["p2"], {"unterminated_quote": [1], "inside_quote": [2]}),
        (['p1,"a', '",x,1', "p2,b,y,2"], ["p2"], {"unterminated_quote": [1], "inside_quote": [2]}),
        (['p1,a,"x', 'y","1"', "p2,b,y,2"], ["p1", "p2"], {}),  # free text
        (['p1,a,x,"1', '2"', "p2,b,y,2"], ["p1", "p2"], {}),  # a column that is not declared may have breaks as well
        (['"p1","a","x', 'y","1"', '"p2","b","y","2"'], ["p1", "p2"], {}),
        (['"p1","a', 'b","x","1"', '"p2","b","y","2"'], ["p2"], {"unterminated_quote": [1], "inside_quote": [2]}),
        # Several breaks in one record: each must be in free text.
        (['p1,a,"x', 'y","1', '2"', "p2,b,y,2"], ["p1", "p2"], {}),
        (['"p1","a', 'b","x', 'y","1"', "p2,b,y,2"], ["p2"], {"unterminated_quote": [1], "inside_quote": [2, 3]}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_break_in_an_identifier_or_code_sets_its_record_aside(
    lines: list[str], expected: list[str], aside: dict[str, list[int]], end: str, tmp_path: Path
) -> None:
    file = write(tmp_path, (end.join(["ID,code,text,n", *lines]) + end).encode())
    rows, unreadable = read(file, CODED)
    assert [fields[0] for _, fields in rows] == expected
    assert unreadable == aside


def test_only_free_text_and_columns_that_are_not_declared_may_have_line_breaks() -> None:
    headers = unbroken_headers(GP_OBSERVATIONS, FeedSettings(columns={"record_id": " Row "}))
    assert {"row", "person_id", "clinical_effective_date", "effective_date", "result_value", "is_deleted"} <= headers
    assert not {"id", "record_id", "result_value_units", "result_unit", "notes"} & headers


@pytest.mark.parametrize("name", ["ID", "\ufeffid", "i\u200bd", " I D", "ｉｄ"])
def test_a_header_in_any_form_is_that_of_its_column(name: str, tmp_path: Path) -> None:
    lines = [f"{name},code,text,n", '"p1,a,x,1', 'p2",b,y,2', "p3,c,z,3", ""]
    file = write(tmp_path, b"\xef\xbb\xbf" + "\n".join(lines).encode())
    assert read(file, CODED) == ([(3, ("p3", "c", "z", "3"))], {"unterminated_quote": [1], "inside_quote": [2]})


@pytest.mark.parametrize("seed", range(3))
def test_two_quotes_in_identifiers_swallow_no_row_uncounted(seed: int, tmp_path: Path) -> None:
    """Each row is kept as it was, or it is set aside and counted."""
    chance, total = random.Random(seed), 500
    lines = [f"p{number},c{number},text,{number}" for number in range(total)]
    for at in range(0, total, 50):
        first = at + chance.randrange(20)
        last = first + chance.randrange(1, 20)
        lines[first] = lines[first].replace(",c", ',"c') if chance.random() < 0.5 else '"' + lines[first]
        lines[last] = lines[last].replace(",text", '",text') if chance.random() < 0.5 else lines[last].replace(",c", '",c')
    rows, unreadable = read(write(tmp_path, "\n".join(["id,code,text,n", *lines, ""]).encode()), CODED)
    assert all(fields == tuple(lines[number - 1].split(",")) for number, fields in rows)
    assert len(rows) + sum(map(len, unreadable.values())) == total


@pytest.mark.parametrize(("lines", "joined"), [(MOST_LINES, True), (MOST_LINES + 1, False)])
def test_a_text_of_too_many_lines_is_none(lines: int, joined: bool, tmp_path: Path) -> None:
    text = "\n".join(f"q{number},x" for number in range(1, lines))
    file = write(tmp_path, f'id,text\np1,"a\n{text}\nb"\np2,b\n'.encode())
    assert kept(file) == (["p1", "p2"] if joined else ["p2"])


@pytest.mark.parametrize("closing", ['end of text"', 'end, of text" here', 'en"d', 'end,more"', '"'])
@pytest.mark.parametrize(
    ("lines", "size", "most"),
    [(5, 1, 0), (1_000, 1, 0), (1_500, 1, 500), (2_000, 30, 1_000), (1_200, 1_000, 250), (30, 60_000, 15)],
)
def test_row_like_lines_inside_a_quote_within_the_limits_are_never_rows(
    closing: str, lines: int, size: int, most: int, tmp_path: Path
) -> None:
    """Reading resumes after 1,000 lines and 1 MB, so at most the lines beyond that are rows."""
    text = "\n".join(f"q{number},{'x' * size}" for number in range(lines))
    rows = [f"p{number},a" for number in range(2, 60)]
    file = write(tmp_path, "\n".join(["id,text", "p0,a", f'p1,"copied\n{text}\n{closing}', *rows, ""]).encode())
    found = kept(file)
    assert len([name for name in found if name and name.startswith("q")]) <= most
    assert [name for name in found if name and name.startswith("p") and name != "p1"] == [
        "p0",
        *(row.split(",")[0] for row in rows),
    ]


def test_a_text_of_too_many_bytes_is_none(tmp_path: Path) -> None:
    line = "x" * 99_999 + "\n"
    for times, people in ((9, ["p1", "p2"]), (MOST_BYTES // len(line) + 1, ["p2"])):
        file = write(tmp_path, f'id,text\np1,"{line * times}"\np2,b\n'.encode())
        assert kept(file) == people


def test_reading_resumes_after_rows_without_doubt(tmp_path: Path) -> None:
    rows = [f"p{number},b" for number in range(2, 3 + UNDOUBTED_ROWS)]
    file = write(tmp_path, "\n".join(["id,text", 'p1,"text', *rows, "prose", ""]).encode())
    assert len(kept(file)) == len(rows)


def random_field(chance: random.Random, delimiter: str) -> str:
    pieces = ["a", "word", delimiter, '"', '""', "\n", "\r\n", " ", "p1,x,y", "\n\n", "é£", ""]
    return "".join(chance.choices(pieces, k=chance.randrange(5)))


@pytest.mark.parametrize("seed", range(40))
def test_a_well_formed_file_is_read_as_the_csv_module_reads_it(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    delimiter, end = chance.choice(",|;\t"), chance.choice(["\n", "\r\n"])
    encoding, packed = chance.choice(["utf-8", "utf-8-sig", "cp1252", "utf-16"]), chance.random() < 0.3
    monkeypatch.setattr("pipelines.extracts.file_blocks.CHUNK_BYTES", chance.choice([64, 1024, 4 << 20]))
    rows = [[f"p{number}", *(random_field(chance, delimiter) for _ in range(3))] for number in range(200)]
    buffer = io.StringIO(newline="")
    quoting = chance.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerows([["id", "one", "two", "three"], *rows])
    content = buffer.getvalue().encode(encoding)
    file = write(tmp_path, gzip.compress(content) if packed else content, "a.csv.gz" if packed else "a.csv")
    expected = [tuple(value.replace("\r\n", "\n") or None for value in row) for row in rows]
    found, unreadable = read(file, delimiter=delimiter, encoding=encoding.removesuffix("-sig"))
    assert (found, unreadable) == (list(enumerate(expected, start=1)), {})


@pytest.mark.parametrize("seed", range(12))
def test_the_blocks_in_which_a_file_is_read_do_not_matter(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)
    lines = [f'p{n},"{random_field(chance, ",").replace(chr(34), chr(34) * 2)}",{n}' for n in range(400)]
    text = bytearray("\n".join(["id,text,n", *lines, ""]).encode())
    for _ in range(chance.randrange(1, 60)):
        text[chance.randrange(10, len(text) - 1)] = chance.choice(b'"",\n\r\0a')
    file, surveys = write(tmp_path, bytes(text)), []
    for size in (97, 1021, 16_384, 4 << 20):
        monkeypatch.setattr("pipelines.extracts.file_blocks.CHUNK_BYTES", size)
        survey = survey_csv(file, Layout())
        reasons = {reason: survey.numbers(reason).tolist() for reason in survey.unreadable}
        surveys.append((survey.numbered, survey.lines, survey.rows, survey.blank_lines.tolist(), reasons))
    assert surveys.count(surveys[0]) == len(surveys)
    assert len(read(file)[0]) == surveys[0][2]


@pytest.mark.parametrize(
    ("seed", "strays", "quoted"), [(1, 1, False), (2, 7, False), (3, 300, False), (4, 1, True), (5, 300, True)]
)
def test_stray_quotes_never_add_a_row(seed: int, strays: int, quoted: bool, tmp_path: Path) -> None:
    """Each kept row is a row of the file as it was, or the first of several that a quoted text joins."""
    total, chance = 200_000, np.random.default_rng(seed)
    form = '"p{0}","t{0}",{0}\n' if quoted else "p{0},t{0},{0}\n"
    text = np.frombuffer("".join(form.format(number) for number in range(1, total + 1)).encode(), np.uint8)
    places = np.sort(chance.integers(0, text.size, strays))
    damaged = np.insert(text, places, ord('"'))
    hit = np.unique(np.searchsorted(np.flatnonzero(text == 10), places)) + 1
    rows, unreadable = read(write(tmp_path, b"id,text,n\n" + damaged.tobytes()))
    assert len(rows) <= total
    people = [int(fields[0][1:]) for _, fields in rows if fields == (f"p{fields[0][1:]}", f"t{fields[0][1:]}", fields[0][1:])]
    assert len(set(people)) == len(people) >= total - sum(map(len, unreadable.values())) - strays * (MOST_LINES + 1)
    assert len(rows) - len(people) <= strays, "a row that differs had a stray quote"
    if strays == 1:
        assert set(range(1, total + 1)) - set(people) <= set(hit.tolist())


def test_a_long_file_of_texts_is_read_in_order(tmp_path: Path) -> None:
    """The text of each row looks like rows of others, wherever a thread of the parser would begin."""
    filler = "".join(f"q{number},look,{number}\n" for number in range(20))
    content = "id,text,n\n" + "".join(f'p{number},"{filler}",{number}\n' for number in range(150_000))
    rows, unreadable = read(write(tmp_path, content.encode()))
    assert [fields[0] for _, fields in rows] == [f"p{number}" for number in range(150_000)]
    assert rows[-1] == (150_000, ("p149999", filler, "149999"))
    assert not unreadable

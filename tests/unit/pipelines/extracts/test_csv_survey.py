import gzip
import io
from pathlib import Path

import pytest

from pipelines.errors import ExtractError
from pipelines.extracts.csv_clean import write_clean
from pipelines.extracts.csv_survey import Layout, survey_csv
from pipelines.extracts.file_blocks import read_blocks


def write(folder: Path, content: bytes, name: str = "a.csv") -> Path:
    file = folder / name
    file.write_bytes(content)
    return file


def reasons(file: Path, layout: Layout = Layout()) -> dict[str, list[int]]:  # noqa: B008 - frozen
    survey = survey_csv(file, layout)
    return {reason: survey.numbers(reason).tolist() for reason in survey.unreadable}


def test_a_tidy_file_is_read_as_it_stands(tmp_path: Path) -> None:
    survey = survey_csv(write(tmp_path, b"id,name\r\n1,a\r\n2,b"), Layout())
    assert (survey.header, survey.rows, survey.as_it_stands) == (("id", "name"), 2, True)


def test_each_bad_line_has_its_number_and_reason(tmp_path: Path) -> None:
    lines = [
        b"id,name,n",
        b"1,a,1",
        b"2,b,2,x",
        b"3,c",
        b"4,\xff,4",
        b'5,"open,5',
        b'6,"x"y,6',
        b"id,name,n",
        b"8,\0,8",
        b'9,"a,""b""",9',
        b"",
    ]
    assert reasons(write(tmp_path, b"\n".join(lines))) == {
        "control_character": [8],
        "not_utf8": [4],
        "unterminated_quote": [5],
        "stray_quote": [6],
        "repeated_header": [7],
        "too_many_fields": [2],
        "too_few_fields": [3],
    }


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize(
    ("line", "kept"),
    [(b"1,a,1,", b"1,a,1"), (b"1,a,1,,,", b"1,a,1"), (b"1,a,,", b"1,a,"), (b'1,"a,",1,', b'1,"a,",1'), (b",,,", b",,")],
)
def test_empty_fields_after_those_of_the_header_are_removed_and_counted(
    tmp_path: Path, ending: bytes, line: bytes, kept: bytes
) -> None:
    file = write(tmp_path, ending.join([b"id,name,n", b"0,z,0", line, b"2,b,2", b""]))
    survey, target = survey_csv(file, Layout()), io.BytesIO()
    assert (survey.rows, survey.unreadable_rows, list(survey.trailing), survey.as_it_stands) == (3, 0, [2], False)
    write_clean(file, Layout(), survey, target)
    assert target.getvalue() == b"\n".join([b"id,name,n", b"0,z,0", kept, b"2,b,2", b""])


@pytest.mark.parametrize("line", [b"1,a,1,x", b"1,a,1,,x", b'1,a,1,""', b"1,a,1, ", b"1,a,1" + b"," * 9])
def test_a_line_with_content_after_the_fields_of_the_header_is_no_row(tmp_path: Path, line: bytes) -> None:
    assert reasons(write(tmp_path, b"\n".join([b"id,name,n", line, b"2,b,2", b""]))) == {"too_many_fields": [1]}


def test_fields_that_are_not_counted_are_left_to_the_parser_and_all_else_is_found(tmp_path: Path) -> None:
    file = write(tmp_path, b"a,b,c\n1,2,3\n4,5\n6,7,8,9\n1,2,3\n")
    assert survey_csv(file, Layout(), count_fields=False).rows == 4
    assert survey_csv(file, Layout()).rows == 2
    odd = write(tmp_path, b"a,b\n1,2\n3,\0\n", "b.csv")
    assert survey_csv(odd, Layout(), count_fields=False).numbers("control_character").tolist() == [2]


def test_a_blank_line_is_no_row_and_keeps_its_number(tmp_path: Path) -> None:
    survey = survey_csv(write(tmp_path, b"a,b\n1,2\n\n3\n"), Layout())
    assert (survey.blank_lines.tolist(), survey.numbers("too_few_fields").tolist(), survey.rows) == ([2], [3], 1)


def test_blank_lines_at_the_end_are_no_matter(tmp_path: Path) -> None:
    assert survey_csv(write(tmp_path, b"a,b\n1,2\n\n\n"), Layout()).as_it_stands


def test_a_row_beyond_the_longest_is_left_out(tmp_path: Path) -> None:
    assert reasons(write(tmp_path, b"a,b\n1," + b"x" * 1_000_001 + b"\n2,b\n")) == {"row_too_long": [1]}


def test_the_delimiter_is_found_in_the_header(tmp_path: Path) -> None:
    assert survey_csv(write(tmp_path, b"a|b|c\n1|2,5|3\n"), Layout()).rows == 1


def test_another_encoding_is_read_as_it_is_set(tmp_path: Path) -> None:
    file = write(tmp_path, "a,b\n1,£\n".encode("cp1252"))
    assert reasons(file) == {"not_utf8": [1]}
    assert reasons(file, Layout(encoding="cp1252")) == {}


@pytest.mark.parametrize(
    ("content", "words"), [(b"", "empty"), (b"a\rb\nc", "two kinds"), ("a,b\n1,2\n".encode("utf-16"), "UTF-16|utf-8|UTF-8")]
)
def test_a_file_without_a_usable_header_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(ExtractError, match=rf"a\.csv.*({words})"):
        survey_csv(write(tmp_path, content), Layout())


def test_a_truncated_gzip_file_is_named(tmp_path: Path) -> None:
    packed = gzip.compress(b"a,b\n" + b"1,2\n" * 9999)
    with pytest.raises(ExtractError, match=r"a\.csv\.gz: .*truncated"):
        survey_csv(write(tmp_path, packed[: len(packed) // 2], "a.csv.gz"), Layout())


def test_a_small_gzip_that_swells_without_measure_is_refused_before_it_is_read(tmp_path: Path) -> None:
    bomb = write(tmp_path, gzip.compress(b"id,name\n" + b"1,a\n" * (20 << 20)), "a.csv.gz")
    with pytest.raises(ExtractError, match=r"a\.csv\.gz: the gzip file unpacks to more than 100 times its size"):
        sum(map(len, read_blocks(bomb)))
    small = write(tmp_path, gzip.compress(b"1,a\n" * 100_000), "b.csv.gz")
    assert sum(map(len, read_blocks(small))) == 400_000


def test_lines_of_objections_are_repaired_and_other_rows_keep_their_numbers(tmp_path: Path) -> None:
    lines = [b"PERSON_ID,KIND,DAY", b"a,1,x", b"few,1", b'q"x,1,y', b"no one", b"PERSON_ID,KIND,DAY", b"b,1,z,,", b"c,1,z"]
    file, layout = write(tmp_path, b"\n".join(lines) + b"\n"), Layout(identifier=("PERSON_ID", "person_id"))
    survey, target = survey_csv(file, layout), io.BytesIO()
    write_clean(file, layout, survey, target)
    assert target.getvalue().split(b"\n")[1:-1] == [b"a,1,x", b"few,1,", b"qx,,", b'"",,', b'"",,', b"b,1,z", b"c,1,z"]
    assert {reason: numbers.tolist() for reason, numbers in survey.repaired.items()} == {
        "trailing_delimiter": [6], "fields_missing": [2], "identifier_kept": [3],
    }  # fmt: skip
    assert {reason: survey.numbers(reason).tolist() for reason in survey.unreadable} == {
        "repeated_header": [5], "too_few_fields": [4],
    }  # fmt: skip
    assert (survey.rows, survey.as_it_stands) == (5, False)


@pytest.mark.parametrize(
    ("line", "hidden"),
    [
        (b"1,a,x2,b,y", 1),
        (b"1,a,x\r2,b,y\r3,c,z", 2),
        (b"1,a,x,y", 0),
        (b"1,a", 0),
        (b'1,"a\0,b,c,d,e",x', 0),
        (b"1,a,x\0", 0),
        (b'1,"a,x\r2,b,y\r3,c,z', 2),
    ],
)
def test_rows_whose_line_ends_are_lost_are_counted(line: bytes, hidden: int, tmp_path: Path) -> None:
    survey = survey_csv(write(tmp_path, b"id,name,kind\n" + line + b"\n8,h,x\n"), Layout())
    assert (survey.rows, survey.unreadable_rows, survey.hidden) == (1, 1, hidden)

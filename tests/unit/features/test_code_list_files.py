from pathlib import Path

import pytest

from expectations.diagnosis_codes import plain_icd10
from features.code_list_files import INDEX, INDEX_COLUMNS, checked_code, fault_of_code, plain_code, read_rows, read_strata_halves
from features.code_lists import CodeEntry, CodeListError

HEADER = ",".join(INDEX_COLUMNS) + "\n"


def folder(root: Path, index: str, files: dict[str, str]) -> Path:
    (root / INDEX).write_text(HEADER + index)
    for name, text in files.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    return root


def test_a_half_has_its_codes_and_where_they_come_from(tmp_path: Path) -> None:
    root = folder(
        tmp_path,
        "gout,icd10,Gout,,,A source,2,2024-01-02,OGL-3.0,a note\ngout,snomed,Gout,,GOUT_COD,Another,,,MIT,\nscore,icd10,Score,,,A paper,,,facts,\n",
        {"icd10/gout.csv": "code,label\nM10,Gouty arthritis\n", "snomed/gout.csv": "code\n90560007\n", "icd10/score.csv": "code,label,points\nF00,Dementia,7.1\n"},
    )  # fmt: skip
    halves = read_strata_halves.__wrapped__(root)
    icd10, snomed, score = halves["gout", "icd10"], halves["gout", "snomed"], halves["score", "icd10"]
    assert [tuple(entry) for entry in icd10.entries] == [("icd10", "M10", "prefix", "Gouty arthritis", "A source", None)]
    assert [tuple(entry) for entry in snomed.entries] == [("snomed", "90560007", "exact", "Gout", "Another", None)]
    assert [(entry.code, entry.points) for entry in score.entries] == [("F00", 7.1)]
    assert (icd10.version, icd10.date, icd10.licence, icd10.note, snomed.cluster) == (
        "2",
        "2024-01-02",
        "OGL-3.0",
        "a note",
        "GOUT_COD",
    )


@pytest.mark.parametrize(
    ("index", "files", "fault"),
    [
        ("gout,icd10,Gout,,,S,,,L,\ngout,icd10,Gout,,,S,,,L,\n", {"icd10/gout.csv": "code\nM10\n"}, r"index.csv, line 3: the list 'gout' already"),
        ("gout,readv2,Gout,,,S,,,L,\n", {}, r"index.csv, line 2: a row needs a list and a system"),
        ("gout,icd10,Gout,,,S,,,L,\n", {}, r"index.csv, line 2: .*no file icd10/gout.csv"),
        ("gout,icd10,Gout,,,S,,,L,\n", {"icd10/gout.csv": "codes\nM10\n"}, r"gout.csv: columns are missing: code"),
        ("gout,icd10,Gout,,,S,,,L,\n", {"icd10/gout.csv": "code,points\nM10,many\n"}, r"gout.csv, line 2: the points 'many' are not a number"),
        ("gout,icd10,Gout,,,S,,,L,\n", {"icd10/gout.csv": "code,match\nM10,like\n"}, r"gout.csv, line 2: the match 'like'"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_with_file_line_and_rule(tmp_path: Path, index: str, files: dict[str, str], fault: str) -> None:
    with pytest.raises(CodeListError, match=fault):
        read_strata_halves.__wrapped__(folder(tmp_path, index, files))


@pytest.mark.parametrize(
    ("system", "code", "right"),
    [
        ("icd10", "E11", True), ("icd10", "J459", True), ("icd10", "E1", True), ("icd10", "44054006", False), ("icd10", "E", False),
        ("snomed", "44054006", True), ("snomed", "44054007", False), ("snomed", "4405", False), ("snomed", "E11", False),
        ("dmd", "774656009", True), ("dmd", "774656008", False), ("department_type", "01", True),
    ],
)  # fmt: skip
def test_a_code_has_the_form_and_the_check_digit_of_its_system(system: str, code: str, right: bool) -> None:
    assert (fault_of_code(system, code) == "") is right


def test_a_code_is_stored_in_plain_form_or_refused_with_its_place() -> None:
    assert checked_code("icd10", " j45.9 ", "own.csv, line 2") == "J459"
    with pytest.raises(
        CodeListError, match=r"own.csv, line 2: '44054007' is not a code of the system snomed: The check digit is wrong"
    ):
        checked_code("snomed", "44054007", "own.csv, line 2")


@pytest.mark.parametrize("match", ["prefix", "exact"])
@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("I10X", "I10"), ("J46.X", "J46"), ("J46XX", "J46"), ("e11.9d", "E119"), ("G63.2A", "G632"), ("G63.2*", "G632"), ("E11.9\u2020", "E119"),
        ("I10-", "I10"), ("E11.9XD", "E119"), ("M45X6", "M45X6"), ("M45.X", "M45"), ("S72.00", "S7200"), ("J45", "J45"), ("J459", "J459"), ("E1", "E1"),
    ],
)  # fmt: skip
def test_an_icd10_code_of_a_list_has_the_form_of_stored_diagnoses(written: str, plain: str, match: str) -> None:
    assert checked_code("icd10", written, "own.csv, line 2") == plain
    entry = CodeEntry("icd10", plain, match, "", "")
    assert entry.covers("icd10", plain_icd10(written) or plain)


@pytest.mark.parametrize("written", ["I50,N18", "I50-I52", "I50 N18", "E11+N08", "J4", "X", "44054006"])
def test_text_that_is_not_one_icd10_code_is_read_as_before(written: str) -> None:
    assert plain_code("icd10", written) == written


def test_only_an_icd10_code_has_fillers() -> None:
    assert plain_code("treatment_function", "A1X") == "A1X"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('code,term\nJ45,"Asthma\nJ44,COPD\nI10,Hypertension\n', 2),
        ('code,term\nJ45,"Asthma\nJ44,COPD", and\nI10,Hypertension\n', 2),
        ('code,term\n\nI10,Hypertension\nJ45,"Asthma\n', 4),
        ('code,term\r\nI10,Hypertension\r\nJ45,"Asthma\r\nJ44,COPD\r\n', 3),
        ('code,term\nJ45,Asthma,"more\nJ44,COPD\n', 2),
        ('code,"term\nJ45,Asthma\nJ44,"COPD"\n', 1),
        ('code,term\nJ45,"Asthma\n' + "J44,COPD\n" * 20_000, 2),
        ('code,term\nJ45,"Asthma\n\n\n', 2),
    ],
)  # fmt: skip
@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_a_term_whose_quote_is_not_closed_takes_no_code_of_the_next_lines(
    tmp_path: Path, text: str, line: int, delimiter: str
) -> None:
    path = tmp_path / "own.csv"
    path.write_bytes(text.replace(",", delimiter).encode())
    with pytest.raises(
        CodeListError, match=rf"own.csv, line {line}: a value begins with a double quote .*Close the quote, or remove it"
    ):
        list(read_rows(path, ("code",)))


def test_quotes_within_a_line_are_read_as_before(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text('code,term,\n\n J45 ,"Asthma, ""acute""",x,y\nI10,5" lesion\nJ44\nI48,"AF')
    assert list(read_rows(path, ("code",))) == [
        ("own.csv, line 3", {"code": "J45", "term": 'Asthma, "acute"'}), ("own.csv, line 4", {"code": "I10", "term": '5" lesion'}),
        ("own.csv, line 5", {"code": "J44", "term": ""}), ("own.csv, line 6", {"code": "I48", "term": "AF"}),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "Code,TERM\nJ45,Asthma\n", "\ufeffcode,term\nJ45,Asthma\n", "code;term\r\nJ45;Asthma\r\n", '"Code";"Term"\n"J45";"Asthma"\n',
        "CODE\tTerm\nJ45\tAsthma\n", " code , Term \n J45 , Asthma \n", "code,term\n,\nJ45,Asthma\n , \n,\n",
    ],
)  # fmt: skip
def test_a_file_is_read_whatever_its_letter_case_delimiter_and_blank_lines(tmp_path: Path, text: str) -> None:
    path = tmp_path / "own.csv"
    path.write_text(text, encoding="utf-8")
    assert [row for _, row in read_rows(path, ("code", "term"))] == [{"code": "J45", "term": "Asthma"}]


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("Code,code,term\nJ45,J44,Asthma\n")
    with pytest.raises(CodeListError, match=r"own.csv: the column code is in the header twice.*Remove or rename one"):
        list(read_rows(path, ("code",)))

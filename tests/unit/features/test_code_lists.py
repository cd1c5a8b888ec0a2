from pathlib import Path

import pytest

from features.code_lists import CodeListError, code_members, load_code_lists

HEADER = "list,system,code,match,description,source\n"
MULTIPLY = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678", "5987604321", "6598710432", "7659821043", "8765932104",
    "9876543210",
)  # fmt: skip
PERMUTE = ("0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258")


def has_right_check_digit(code: str) -> bool:
    check = 0
    for place, digit in enumerate(reversed(code)):
        check = int(MULTIPLY[check][int(PERMUTE[place % 8][int(digit)])])
    return check == 0


def test_every_snomed_and_dmd_code_has_its_right_check_digit() -> None:
    codes = {
        (entry.code, name)
        for name, code_list in load_code_lists().items()
        for entry in code_list.entries
        if entry.system in ("snomed", "dmd")
    }
    assert codes
    assert not [code for code in sorted(codes) if not has_right_check_digit(code[0])]


def test_every_line_names_its_source_and_stands_once() -> None:
    for name, code_list in load_code_lists().items():
        lines = [(entry.system, entry.code) for entry in code_list.entries]
        assert len(lines) == len(set(lines)), name
        assert all(entry.source and entry.description for entry in code_list.entries), name


def test_the_frailty_score_has_its_109_codes_with_points_and_no_blanks() -> None:
    entries = load_code_lists()["hospital_frailty_risk_score"].entries
    assert len(entries) == 109
    assert all(len(entry.code) == 3 and entry.points for entry in entries)
    assert {entry.code: entry.points for entry in entries}["F00"] == 7.1


def test_prefixes_and_whole_codes_are_matched_within_their_system() -> None:
    codes = [
        (1, "icd10", "E11"),
        (2, "icd10", "E119"),
        (3, "icd10", "E10"),
        (4, "snomed", "44054006"),
        (5, "snomed", "440540061"),
    ]
    assert code_members(load_code_lists()["type_2_diabetes"], codes) == [1, 2, 4]


def test_a_team_s_own_list_replaces_the_one_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text(
        HEADER + "asthma,icd10,j45.9,exact,Asthma,Our team\nnew_list,icd10,Z00,prefix,Check-up,Our team\n"
    )
    lists = load_code_lists(tmp_path)
    assert lists["asthma"].codes("icd10") == ("J459",)
    assert "new_list" in lists
    assert "copd" in lists


def test_a_wrong_line_is_refused_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text(HEADER + "asthma,readv2,H33,exact,Asthma,Our team\n")
    with pytest.raises(CodeListError, match=r"own.csv, line 2: .*system"):
        load_code_lists(tmp_path)


def test_a_list_has_another_version_whenever_what_it_covers_changes(tmp_path: Path) -> None:
    def version(codes: str, folder: str) -> str:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "own.csv").write_text(HEADER + codes)
        return load_code_lists(tmp_path / folder)["gout"].version

    one = version("gout,icd10,M10,prefix,Gout,board\n", "one")
    assert version("gout,icd10,M10,prefix,Gout as we call it,another source\n", "same") == one
    assert version("gout,icd10,M10,prefix,Gout,board\ngout,icd10,M11,prefix,Other,board\n", "more") != one
    assert load_code_lists()["gout"].version != one

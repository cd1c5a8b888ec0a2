from pathlib import Path

import pytest

from expectations.identifier_schemes import passes_verhoeff
from features.catalogue import build_catalogue
from features.code_lists import CodeListError, load_code_lists

ATORVASTATIN_MOIETY, ATORVASTATIN = "773455007", "134489001"
INDEX = "list,system,file\nmedicines,dmd,map.csv\n"


def concept(body: str) -> str:
    """Return a made-up dm+d code: the body with the check digit that makes it a concept of an extension."""
    return next(body + digit for digit in "0123456789" if passes_verhoeff(body + digit))


NEW, OWN = concept("100000000000110"), concept("200000000000110")


def mapped(folder: Path, rows: str, header: str = "product,moiety,moiety_name,previous") -> Path:
    (folder / "index.csv").write_text(INDEX)
    (folder / "map.csv").write_text(f"{header}\n{rows}\n")
    return folder


def test_a_product_of_a_listed_moiety_is_on_the_list(tmp_path: Path) -> None:
    lists = load_code_lists(mapped(tmp_path, f"{OWN},{ATORVASTATIN_MOIETY},Atorvastatin,"))
    assert OWN in lists["statins"].codes("dmd")
    assert OWN not in lists["opioids"].codes("dmd")
    assert not load_code_lists()["statins"].covers("dmd", OWN)


def test_every_product_of_a_listed_moiety_is_on_the_list_also_under_its_new_codes(tmp_path: Path) -> None:
    vmp, amp, new_moiety, later = (concept(f"{first}00000000000110") for first in "3456")
    rows = f"{vmp},{ATORVASTATIN_MOIETY},Atorvastatin,\n{amp},{new_moiety},Atorvastatin,\n{later},,,{amp}\n{new_moiety},,,{ATORVASTATIN_MOIETY}"
    lists = load_code_lists(mapped(tmp_path, rows))
    assert {vmp, amp, later, new_moiety} <= set(lists["statins"].codes("dmd"))


def test_a_list_of_products_alone_gets_no_product_by_its_moiety(tmp_path: Path) -> None:
    lists = load_code_lists(mapped(tmp_path, f"{ATORVASTATIN},{NEW},Atorvastatin,\n{OWN},{NEW},Atorvastatin,"))
    assert lists["statins"].covers("dmd", ATORVASTATIN)
    assert not lists["statins"].covers("dmd", OWN)


def test_a_product_that_was_renumbered_stays_on_its_lists_under_every_code(tmp_path: Path) -> None:
    lists = load_code_lists(mapped(tmp_path, f"{NEW},,,{ATORVASTATIN}\n{OWN},,,{NEW}"))
    assert {ATORVASTATIN, NEW, OWN} <= set(lists["statins"].codes("dmd"))
    assert {ATORVASTATIN, NEW, OWN} <= set(lists["high_intensity_atorvastatin"].codes("dmd"))


def test_an_old_list_of_a_team_has_the_codes_of_products_that_were_renumbered(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text(
        "list,system,code,match,description,source\nacamprosate,dmd,323342002,exact,Acamprosate,Our list of 2023\n"
    )
    assert set(load_code_lists(tmp_path)["acamprosate"].codes("dmd")) >= {"323342002", "42483911000001103", "42267511000001104"}


def test_different_medicines_are_the_moieties_of_the_map(tmp_path: Path) -> None:
    same = build_catalogue(load_code_lists(mapped(tmp_path, f"{OWN},{ATORVASTATIN_MOIETY},Atorvastatin,")), 2025).substances()
    assert same[OWN] == same[ATORVASTATIN] == same[ATORVASTATIN_MOIETY]
    assert same[OWN] != same["319996000"]


@pytest.mark.parametrize(
    ("rows", "header", "fault"),
    [
        ("1,773455007,Atorvastatin,", "product,moiety,moiety_name,previous", r"map.csv, line 2: '1' is not a code"),
        ("1,2", "product,moiety", r"map.csv: .*no column"),
    ],
)
def test_a_wrong_map_is_refused(tmp_path: Path, rows: str, header: str, fault: str) -> None:
    with pytest.raises(CodeListError, match=fault):
        load_code_lists(mapped(tmp_path, rows, header))

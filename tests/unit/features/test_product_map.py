import subprocess
import sys
from pathlib import Path

import pytest

from expectations.identifier_schemes import passes_verhoeff
from features.catalogue import build_catalogue
from features.code_lists import CodeListError, load_code_lists
from features.undecided_products import undecided_products

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


LISTS = load_code_lists()
KNOWN = LISTS["medicines"]
PREDNISOLONE = [code for code in KNOWN.codes("dmd") if KNOWN.meaning("dmd", code) == "Prednisolone"]
TABLETS = [code for code in PREDNISOLONE if LISTS["oral_corticosteroids"].covers("dmd", code)]
OTHER_FORMS = [code for code in PREDNISOLONE if code not in TABLETS]
MOIETY = "52388000"  # on no list


def rows_of(codes: list[str], form: str) -> str:
    return "\n".join(f"{code},{MOIETY},Prednisolone,{form}" for code in codes)


def on_list(folder: Path, *rows: str) -> tuple[bool, list[str]]:
    """Return whether the new product is on the list of corticosteroids by mouth, and the undecided products of the list."""
    lists = load_code_lists(mapped(folder, "\n".join(rows), "product,moiety,moiety_name,form"))
    of_list = [product for name, product, _ in undecided_products(lists) if name == "oral_corticosteroids"]
    return NEW in lists["oral_corticosteroids"].codes("dmd"), of_list


def test_a_new_product_is_on_a_list_if_every_known_product_of_its_moiety_is(tmp_path: Path) -> None:
    assert not LISTS["oral_corticosteroids"].covers("dmd", MOIETY)
    assert len(TABLETS) > 200 and len(OTHER_FORMS) > 10
    assert on_list(tmp_path, rows_of([*TABLETS, NEW], "")) == (True, [])


def test_a_new_product_is_undecided_if_only_some_products_of_its_moiety_are_on_the_list(tmp_path: Path) -> None:
    assert on_list(tmp_path, rows_of([*TABLETS, OTHER_FORMS[0], NEW], "")) == (False, [NEW])
    lists = load_code_lists(tmp_path)
    assert ("oral_corticosteroids", NEW, "Prednisolone") in undecided_products(lists)
    assert undecided_products(LISTS) == []


def test_the_form_of_a_product_decides_where_its_moiety_does_not(tmp_path: Path) -> None:
    known = rows_of(TABLETS, "tablet.oral"), rows_of(OTHER_FORMS, "drops.ophthalmic")
    assert on_list(tmp_path, *known, rows_of([NEW], "Tablet.Oral")) == (True, [])
    assert on_list(tmp_path, *known, rows_of([NEW], "drops.ophthalmic")) == (False, [])
    assert on_list(tmp_path, *known, rows_of([NEW], "foam.rectal")) == (False, [NEW])
    assert on_list(tmp_path, *known, rows_of([NEW], "")) == (False, [NEW])


def test_new_products_that_outnumber_the_known_ones_are_undecided(tmp_path: Path) -> None:
    assert on_list(tmp_path, rows_of([TABLETS[0], NEW, OWN], "")) == (False, [NEW, OWN])
    assert on_list(tmp_path, rows_of([*TABLETS[:2], NEW, OWN], "")) == (True, [])


def test_a_list_that_includes_others_follows_a_moiety_whose_products_are_on_any_of_them(tmp_path: Path) -> None:
    included = LISTS["oral_nsaids"].codes("dmd")[:3]
    rows = "\n".join(f"{code},{NEW},Medicine" for code in [*included, OWN])
    lists = load_code_lists(mapped(tmp_path, rows, "product,moiety,moiety_name"))
    assert lists["nsaids"].covers("dmd", OWN) and lists["oral_nsaids"].covers("dmd", OWN)


def test_the_command_writes_undecided_products(tmp_path: Path) -> None:
    mapped(tmp_path, rows_of([*TABLETS, OTHER_FORMS[0], NEW], ""), "product,moiety,moiety_name,form")
    command = [sys.executable, "-m", "features.undecided_products", str(tmp_path)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert lines[0] == "list,product,moiety_name"
    assert f"oral_corticosteroids,{NEW},Prednisolone" in lines


def test_a_product_that_was_renumbered_stays_on_its_lists_under_every_code(tmp_path: Path) -> None:
    lists = load_code_lists(mapped(tmp_path, f"{NEW},,,{ATORVASTATIN}\n{OWN},,,{NEW}"))
    assert {ATORVASTATIN, NEW, OWN} <= set(lists["statins"].codes("dmd"))
    assert {ATORVASTATIN, NEW, OWN} <= set(lists["high_intensity_atorvastatin"].codes("dmd"))


def test_an_old_list_of_a_team_has_the_codes_of_products_that_were_renumbered(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text(
        "list,system,code,match,description,source,new\nacamprosate,dmd,323342002,exact,Acamprosate,Our list of 2023,yes\n"
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

from features.catalogue import build_catalogue
from features.code_list_page import FILE, code_list_page
from features.code_lists import load_code_lists

CATALOGUE = build_catalogue(load_code_lists(), 2025)


def test_the_page_of_the_code_lists_is_current() -> None:
    assert FILE.read_text(encoding="utf-8") == code_list_page(CATALOGUE), "run: make docs"


def test_every_half_is_on_the_page_with_its_size_source_version_and_licence() -> None:
    table = code_list_page(CATALOGUE).partition("## Every list")[2]
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith(("| `", "| **`"))]
    halves = [(name, half) for name in sorted(CATALOGUE.code_lists) for half in CATALOGUE.code_lists[name].halves]
    assert len(rows) == len(halves)
    for row, (name, half) in zip(rows, halves, strict=True):
        assert f"`{name}`" in row[0]
        assert row[3].split(" ")[0] == f"{len(CATALOGUE.code_lists[name].codes(half.system)):,}"
        assert row[5:9] == [half.source, half.version or "not stated", half.date or "not stated", half.licence]

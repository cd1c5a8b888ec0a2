import pytest

from features.code_halves import CodeEntry, CodeList, CodeListError, Half, NumberedCodes, assemble, code_members
from features.code_lists import load_code_lists

LISTS = load_code_lists()


def test_prefixes_and_whole_codes_are_matched_within_their_system() -> None:
    codes = [
        (1, "icd10", "E11"), (2, "icd10", "E119"), (3, "icd10", "E10"), (4, "snomed", "44054006"), (5, "snomed", "440540061"),
        (6, "icd10", "E1"), (7, "dmd", "44054006"),
    ]  # fmt: skip
    assert code_members(LISTS["type_2_diabetes"], codes) == [1, 2, 4]
    assert NumberedCodes(reversed(codes)).members(LISTS["type_2_diabetes"]) == [1, 2, 4]


@pytest.mark.parametrize("name", ["asthma", "charlson_cancer", "statins", "hospital_frailty_risk_score"])
def test_many_codes_are_matched_as_one_by_one(name: str) -> None:
    listed = sorted(
        {
            (entry.system, entry.code + more)
            for found in list(LISTS.values())[::7]
            for entry in found.entries
            for more in ("", "1")
        }
    )
    codes = [(number, system, code) for number, (system, code) in enumerate(listed)]
    found = LISTS[name]
    one_by_one = [number for number, system, code in codes if any(entry.covers(system, code) for entry in found.entries)]
    assert NumberedCodes(codes).members(found) == code_members(found, codes) == one_by_one


def test_the_meaning_of_a_code_is_its_label_or_that_of_its_list() -> None:
    assert LISTS["type_2_diabetes"].meaning("icd10", "E119") == "Non-insulin-dependent diabetes mellitus"
    assert LISTS["type_2_diabetes"].meaning("snomed", "44054006") == "Type 2 diabetes"
    assert LISTS["type_2_diabetes"].meaning("snomed", "1") == ""


@pytest.mark.parametrize(
    ("includes", "fault"), [(("other",), "includes the list 'other', which has no snomed codes"), (("one",), "includes itself")]
)
def test_an_inclusion_that_cannot_be_is_refused(includes: tuple[str, ...], fault: str) -> None:
    with pytest.raises(CodeListError, match=fault):
        assemble({("one", "snomed"): Half("one", "snomed", includes=includes)})


def test_a_list_has_another_version_whenever_what_it_covers_changes() -> None:
    def version(*codes: str, label: str = "Gout") -> str:
        return CodeList("gout", tuple(CodeEntry("icd10", code, "prefix", label, "a source") for code in codes)).version

    assert version("M10") == version("M10", label="Gout as we call it")
    assert version("M10", "M11") == version("M11", "M10") != version("M10")

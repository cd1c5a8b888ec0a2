"""The codes that the synthetic ICB records for each condition: those of its whole list that belong to no other condition."""

from __future__ import annotations

from functools import cache

from features.code_lists import CodeList, load_code_lists
from features.long_term_conditions import resolved_list
from pipelines.sources.synthetic.conditions import NAMES

WITHOUT_TYPE = "diabetes"
TYPED = ("type_1_diabetes", "type_2_diabetes")  # conditions that some entries record without the type
# ICD-10 categories without subdivisions, whose fourth character is X.
UNDIVIDED = frozenset(
    [
        "B20",
        "B24",
        "C01",
        "C07",
        "C12",
        "C19",
        "C20",
        "C23",
        "C33",
        "C37",
        "C52",
        "C55",
        "C56",
        "C58",
        "C61",
        "C64",
        "C65",
        "C66",
        "C73",
        "C97",
        "F03",
        "F21",
        "F99",
        "G20",
        "G35",
        "I10",
        "I64",
        "J22",
        "J40",
        "J46",
        "J47",
        "N40",
        "R54",
        "R55",
    ]
)


def complete_code(prefix: str) -> str:
    """Return a code with four characters: X fills a code without subdivisions, 9 means unspecified."""
    if len(prefix) > 3:
        return prefix
    return prefix + ("X" if prefix in UNDIVIDED else "9")


@cache
def codes_of_conditions(system: str) -> dict[str, tuple[str, ...]]:
    """Return the codes of each condition in a system: a code that another condition's list covers would record both."""
    lists = load_code_lists()
    return {name: _own_codes(name, lists, system) for name in NAMES}


def _own_codes(name: str, lists: dict[str, CodeList], system: str) -> tuple[str, ...]:
    others = [lists[other] for other in NAMES if other != name]
    written = tuple(complete_code(code) if system == "icd10" else code for code in lists[name].codes(system))
    own = tuple(code for code in written if not any(other.covers(system, code) for other in others))
    return own or written


@cache
def codes_without_type(system: str) -> tuple[str, ...]:
    """Return the codes of diabetes that are on the list of no type and of no other condition."""
    return _own_codes(WITHOUT_TYPE, load_code_lists(), system)


@cache
def resolved_codes() -> dict[str, tuple[str, ...]]:
    """Return the codes that end each condition that can end."""
    lists = load_code_lists()
    return {name: lists[resolved_list(name)].codes("snomed") for name in NAMES if resolved_list(name) in lists}

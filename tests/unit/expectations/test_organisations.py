"""The closed lists of organisation data agree with each other."""

from __future__ import annotations

from expectations.organisations import AREA, CONTINUES, KINDS, LEVELS, RELATIONS, relation_name


def test_relations_are_named_by_their_levels_and_have_no_circle() -> None:
    assert RELATIONS["practice_pcn"] == ("practice", "pcn")
    assert all(name == relation_name(part, whole) for name, (part, whole) in RELATIONS.items())
    assert {level for pair in RELATIONS.values() for level in pair} - {AREA} <= set(LEVELS)
    assert not {(whole, part) for part, whole in RELATIONS.values()} & set(RELATIONS.values())


def test_an_organisation_continues_after_some_kinds_of_succession() -> None:
    assert set(CONTINUES) < set(KINDS)

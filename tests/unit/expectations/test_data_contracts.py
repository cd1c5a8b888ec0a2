"""Contracts: what readers rely on cannot change behind their backs."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from expectations.catalogue import TABLES
from expectations.contract_terms import CONTRACTS
from expectations.data_contracts import FOLDER, breaking_changes, contracts, text_of, version_problem

Contract = dict[str, Any]
WRITTEN = {name: yaml.safe_load((FOLDER / f"{name}.odcs.yaml").read_text(encoding="utf-8")) for name in CONTRACTS}


def column(contract: Contract, name: str) -> Contract:
    return next(found for found in contract["schema"][0]["properties"] if found["name"] == name)


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_contract_is_what_its_declaration_says(name: str) -> None:
    written, declared = WRITTEN[name], contracts()[name]
    assert version_problem(written, declared) == "", "the declaration changed"
    assert text_of(written) == text_of(declared), "run `make docs`"


def test_every_table_that_leaves_has_a_contract() -> None:
    leaving = {name for name in TABLES if name.startswith(("equity__", "monitoring__"))}
    leaving |= {"risk__scores", "risk__current", "risk__drivers", "risk__labels", "risk__runs"}
    assert leaving - set(CONTRACTS) == set()
    assert sorted(file.name for file in FOLDER.glob("*")) == sorted(f"{name}.odcs.yaml" for name in CONTRACTS)


def _drop(contract: Contract) -> None:
    contract["schema"][0]["properties"].remove(column(contract, "risk"))


def _add(contract: Contract) -> None:
    contract["schema"][0]["properties"].append(
        {"name": "extra", "logicalType": "string", "physicalType": "string", "required": False}
    )


BREAKING: dict[str, Callable[[Contract], None]] = {
    "a column gone": _drop,
    "another type": lambda contract: column(contract, "risk").update(physicalType="float32"),
    "may now be null": lambda contract: column(contract, "risk").update(required=False),
    "another key": lambda contract: column(contract, "person_id").update(primaryKeyPosition=1),
    "another unit": lambda contract: column(contract, "horizon_days").update(
        customProperties=[{"property": "unit", "value": "months"}]
    ),
}


@pytest.mark.parametrize("change", BREAKING.values(), ids=BREAKING)
def test_a_change_that_readers_would_trip_over_needs_a_major_version(change: Callable[[Contract], None]) -> None:
    before = WRITTEN["risk__scores"]
    after = copy.deepcopy(before)
    change(after)
    assert len(breaking_changes(before, after)) == 1
    for version, refused in {"1.0.0": True, "1.9.0": True, "2.0.0": False}.items():
        after["version"] = version
        assert bool(version_problem(before, after)) == refused


def test_a_new_value_of_a_closed_list_needs_a_major_version() -> None:
    before = WRITTEN["risk__drivers"]
    after = copy.deepcopy(before)
    column(after, "direction")["quality"][0]["arguments"]["validValues"].append("sideways")
    assert breaking_changes(before, after) == ["direction may now have sideways"]


def test_a_column_more_needs_a_minor_version_and_other_words_a_patch() -> None:
    before = WRITTEN["risk__scores"] | {"version": "1.0.0"}
    more, reworded = copy.deepcopy(before), copy.deepcopy(before)
    _add(more)
    reworded["description"]["usage"] = "Read it."
    for changed, allowed, refused in ((more, "1.1.0", "1.0.1"), (reworded, "1.0.1", "1.0.0")):
        changed["version"] = refused
        assert version_problem(before, changed)
        changed["version"] = allowed
        assert not version_problem(before, changed)

"""Every shipped list: its form, its codes, and that it equals its source without the changes that are written down."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from features.catalogue import build_catalogue
from features.code_halves import PRODUCTS, SYSTEMS
from features.code_list_files import CHANGES, INDEX, OWN_FOLDER, RENUMBERED, fault_of_code, plain_code, read_rows
from features.code_lists import load_code_lists
from features.feature_page import EDITION

SOURCES = Path(__file__).parents[4] / "shared" / "data" / "codelists" / "snomed"
NEEDS_SOURCES = pytest.mark.skipif(not SOURCES.is_dir(), reason="the open code lists are not beside the project")
LISTS = load_code_lists()
HALVES = {(half.name, half.system): half for found in LISTS.values() for half in found.halves}
MOST_BYTES = 3_000_000
# Lists whose source has another name, or whose codes were chosen from a source by the names of their terms.
RENAMED = {"systemic_antimicrobials": "antibiotics"}
CHOSEN_BY_TERM = {
    "atrial_fibrillation_resolved": ("clinical/atrial_fibrillation_bristol", ("resolved",)),
    "bronchiectasis": ("clinical/chronic_respiratory_disease_at_risk", ("bronchiectasis",)),
    "ppis": ("medicines/gastroprotection", ("omeprazole", "lansoprazole", "pantoprazole", "rabeprazole")),
    "hypnotics": ("medicines/benzodiazepines", ("zopiclone", "zolpidem", "zaleplon")),
}


def codes_of(path: Path) -> set[str]:
    with path.open(newline="", encoding="utf-8") as file:
        return {row["code"] for row in csv.DictReader(file)}


def written_changes(kind: str) -> dict[tuple[str, str], set[str]]:
    changed: dict[tuple[str, str], set[str]] = {}
    for _, row in read_rows(OWN_FOLDER / CHANGES, ("list", "system", "code", "change", "reason")):
        if row["change"] == kind:
            changed.setdefault((row["list"], row["system"]), set()).add(row["code"])
    return changed


def test_every_code_of_every_list_is_a_code_of_its_system_and_is_in_it_once() -> None:
    for (name, system), half in HALVES.items():
        codes = [entry.code for entry in half.entries]
        assert [code for code in codes if plain_code(system, code) != code or fault_of_code(system, code)] == [], (name, system)
        assert [code for code, number in Counter(codes).items() if number > 1] == [], (name, system)


def test_every_half_has_label_source_and_licence_and_every_file_a_row() -> None:
    for half in HALVES.values():
        assert half.label and half.source and half.licence, half.name
        assert half.version and half.date, f"{half.name}: write the version and date, or: not stated"
        assert half.entries or half.includes, half.name
    files = {(path.stem, path.parent.name) for path in OWN_FOLDER.glob("*/*.csv")}
    assert files == {key for key, half in HALVES.items() if half.entries}
    assert {path.name for path in OWN_FOLDER.glob("*.csv")} == {INDEX, CHANGES, RENUMBERED}
    assert {system for _, system in HALVES} <= set(SYSTEMS)


def test_the_lists_are_small_enough_for_the_repository() -> None:
    assert sum(path.stat().st_size for path in OWN_FOLDER.rglob("*.csv")) < MOST_BYTES


def test_nearly_every_listed_product_has_a_substance() -> None:
    listed = {entry.code for found in LISTS.values() for entry in found.entries if entry.system == "dmd"}
    without = listed - set(LISTS[PRODUCTS].codes("dmd"))  # the sources have no name of these codes
    assert len(without) < 0.01 * len(listed)


def test_every_change_is_written_with_a_reason_and_is_true_of_the_files() -> None:
    rows = [row for _, row in read_rows(OWN_FOLDER / CHANGES, ("list", "system", "code", "change", "reason"))]
    assert {row["change"] for row in rows} == {"added", "removed"}
    for row in rows:
        present = row["code"] in {entry.code for entry in HALVES[row["list"], row["system"]].entries}
        assert row["reason"] and present == (row["change"] == "added"), row


@NEEDS_SOURCES
def test_every_list_equals_its_source_without_the_codes_that_were_removed() -> None:
    removed, added = written_changes("removed"), written_changes("added")
    compared = 0
    for folder, system in (("clinical", "snomed"), ("medicines", "dmd")):
        for path in sorted((SOURCES / folder).glob("*.csv")):
            name = next((own for own, source in RENAMED.items() if (source, system) == (path.stem, "dmd")), path.stem)
            if path.stem in ("anticholinergic_burden_scores", "dmd_same_name_2023_2025"):
                continue  # these are no lists
            shipped = {entry.code for entry in HALVES[name, system].entries}
            assert shipped == codes_of(path) - removed.get((name, system), set()) | added.get((name, system), set()), name
            compared += 1
    assert compared == 178


@NEEDS_SOURCES
def test_the_renumbered_products_are_those_of_the_source() -> None:
    with (SOURCES / "medicines" / "dmd_same_name_2023_2025.csv").open(newline="", encoding="utf-8") as file:
        pairs = {(row["code_2025"], row["code_2023"]) for row in csv.DictReader(file)}
    shipped = [(row["code"], row["previous"]) for _, row in read_rows(OWN_FOLDER / RENUMBERED, ("code", "previous"))]
    assert set(shipped) == pairs
    assert len(shipped) == len(pairs)
    assert not [code for pair in shipped for code in pair if fault_of_code("dmd", code)]


@NEEDS_SOURCES
@pytest.mark.parametrize("name", CHOSEN_BY_TERM)
def test_a_list_chosen_by_its_terms_has_every_code_with_the_term_and_no_other(name: str) -> None:
    source, words = CHOSEN_BY_TERM[name]
    system = "snomed" if source.startswith("clinical") else "dmd"
    with (SOURCES / f"{source}.csv").open(newline="", encoding="utf-8") as file:
        terms = {row["code"]: row["term"].lower() for row in csv.DictReader(file)}
    shipped = {entry.code for entry in HALVES[name, system].entries} - written_changes("added").get((name, system), set())
    assert shipped <= set(terms)
    assert {code for code, term in terms.items() if any(word in term for word in words)} <= shipped


NO_READING = re.compile("normal|increased|decreased|abnormal|minimum|maximum", re.IGNORECASE)


@NEEDS_SOURCES
@pytest.mark.parametrize(
    ("name", "wider", "words"),
    [
        ("systolic_blood_pressure", "blood_pressure_any", "systolic"), ("diastolic_blood_pressure", "blood_pressure_any", "diastolic"),
        ("egfr", "egfr_tests", "estimated glomerular filtration rate"),
    ],
)  # fmt: skip
def test_a_list_of_values_has_every_reading_of_a_wider_list(name: str, wider: str, words: str) -> None:
    with (SOURCES / "clinical" / f"{wider}.csv").open(newline="", encoding="utf-8") as file:
        readings = {
            row["code"] for row in csv.DictReader(file) if words in row["term"].lower() and not NO_READING.search(row["term"])
        }
    assert readings
    assert readings <= set(LISTS[name].codes("snomed"))


@pytest.mark.parametrize(
    "code", ["163030003", "163020007", "75367002", "271649006", "163031004", "1162737008", "2181381000000109"]
)
def test_every_reading_of_a_blood_pressure_counts_as_recorded(code: str) -> None:
    catalogue = build_catalogue(LISTS, EDITION)
    concept = catalogue.concepts[catalogue.by_name["blood_pressure_455d"].concept]
    assert any(LISTS[name].covers("snomed", code) for name in concept.code_lists)


def test_the_frailty_score_has_its_109_codes_with_points_and_no_blanks() -> None:
    entries = LISTS["hospital_frailty_risk_score"].entries
    assert len(entries) == 109
    assert all(len(entry.code) == 3 and entry.points for entry in entries)
    assert {entry.code: entry.points for entry in entries}["F00"] == 7.1


def test_a_list_has_the_codes_of_the_lists_it_includes_once() -> None:
    codes = LISTS["stroke_tia"].codes("snomed")
    assert set(codes) == {*LISTS["stroke"].codes("snomed"), *LISTS["transient_ischaemic_attack"].codes("snomed")}
    assert len(codes) == len(set(codes))
    assert "G454" not in LISTS["stroke_tia"].codes("icd10")

from features import definition_lines
from features.catalogue import build_catalogue
from features.code_lists import load_code_lists
from features.declaration import Statistic
from features.events import EVENT_TYPES
from features.feature_page import EDITION, FILE, feature_page
from features.periods import MOVE_GAP_DAYS
from pipelines.conform.clinical_rules import ClinicalRules

CATALOGUE = build_catalogue(load_code_lists(), EDITION)


def test_the_page_of_the_features_is_current():
    assert FILE.read_text(encoding="utf-8") == feature_page(CATALOGUE), "run: make docs"


def test_every_feature_stands_on_the_page():
    page = feature_page(CATALOGUE)
    for feature in CATALOGUE.features:
        over_windows = feature.name.replace(f"_{feature.window_days}d", "_<days>d")
        assert f"`{feature.name}`" in page or f"`{over_windows}`" in page, feature.name


def test_features_that_differ_in_their_window_alone_share_a_line():
    lines = [line for line in feature_page(CATALOGUE).splitlines() if line.startswith("| `emergency_spells_<")]
    assert len(lines) == 1
    assert "| 30, 90, 180, 365, 730, 1,095 |" in lines[0]


def rows_of(section: str) -> dict[str, list[str]]:
    """Return the rows of a section's table by their first cell."""
    _, _, text = feature_page(CATALOGUE).partition(f"\n## {section}\n")
    lines = [line.strip("| ").split(" | ") for line in text.partition("\n## ")[0].splitlines() if line.startswith("| ")]
    return {cells[0].strip("`"): cells for cells in lines[1:]}


def test_every_event_that_a_feature_counts_has_the_column_with_its_day():
    rows = rows_of("Events and their days")
    counted = {name for concept in CATALOGUE.concepts.values() for name in concept.event_types}
    assert set(rows) == counted
    assert {kind.name: rows[kind.name][2] for kind in EVENT_TYPES if kind.day and kind.name in counted} == {
        kind.name: f"`{kind.day}` of `{kind.feed}`" for kind in EVENT_TYPES if kind.day and kind.name in counted
    }
    assert rows["emergency_admission"][2] == "`admission_date` of `admissions`"
    assert rows["hospital_diagnosis"][2] == "`discharge_date` of `admissions`"


def test_a_concept_of_several_events_and_the_usable_range_of_a_measurement_are_on_the_page():
    rows = rows_of("Concepts")
    assert rows["hospital_contact"][1] == ", ".join(CATALOGUE.concepts["hospital_contact"].event_types)
    ranges = {
        name: (concept.minimum, concept.maximum) for name, concept in CATALOGUE.concepts.items() if concept.minimum is not None
    }
    assert {name: rows[name][2].rstrip(" |") for name in ranges} == {
        name: f"{low:g} to {high:g}" for name, (low, high) in ranges.items()
    }


def test_every_statistic_and_the_rules_of_the_settings_are_on_the_page():
    assert set(rows_of("Statistics")) == {statistic.replace("_", " ") for statistic in Statistic}
    page, rules = feature_page(CATALOGUE), ClinicalRules()
    assert f"from {rules.out_of_hours_from} to {rules.out_of_hours_to}" in page
    assert f"{rules.transfer_gap_days} days after the discharge" in page
    assert f"A gap of up to {MOVE_GAP_DAYS} days between registrations" in page
    assert definition_lines.RULES_OF_TIES in page
    assert definition_lines.RULES_OF_SPELLS in page

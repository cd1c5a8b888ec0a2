"""Settings: an error names the full path of a wrong setting and the allowed values, before any work."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pipelines.errors import SettingsError
from pipelines.run.settings import read_settings

GOOD = """
deployment: example
purpose: {use: planning, approval: Register entry 12, approval_expires: 2030-01-31}
source:
  kind: synthetic
  synthetic: {people: 1000}
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "example.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_configuration_is_read(tmp_path: Path) -> None:
    settings = read_settings(written(tmp_path, GOOD))
    assert settings.deployment == "example"
    assert settings.purpose.approval_expires == date(2030, 1, 31)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("people: 1000", "peple: 1000"), r"source\.synthetic\.peple: there is no such key; did you mean 'people'\?"),
        (("people: 1000", "people: many"), r"source\.synthetic\.people: .*integer.*'many'"),
        (("2030-01-31", "2030-02-31"), r"purpose\.approval_expires: .*'2030-02-31'"),
        (("use: planning", "use: research"), r"purpose\.use: .*'finding_people_for_care' or 'planning'"),
        (("kind: synthetic", "kind: omop"), r"source: the section 'omop' is missing"),
        (("deployment: example", "deployment: example\ndeployment: other"), "a section has these keys twice: deployment"),
        (("deployment: example", "deployment: [example"), "not readable YAML"),
    ],
)
def test_a_wrong_setting_is_named_with_its_path(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read_settings(written(tmp_path, GOOD.replace(*change)))


def test_the_error_of_a_missing_configuration_names_the_existing_ones(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    with pytest.raises(SettingsError, match=r"no configuration .*other\.yaml.*example\.yaml"):
        read_settings(tmp_path / "other.yaml")


FURTHER = """
study:
  gates: {auroc_alarm: 0.9}
  approval: {role: Approver, reason: Reviewed, day: 2026-01-05}
  also:
    - name: composite
      outcome: {name: admission_or_death, defined_as: emergency_admission_overnight, on_death: counts}
      bands: {names: [low, high], cuts: [0.2]}
"""


def test_a_further_outcome_has_the_settings_of_the_first_unless_it_sets_them(tmp_path: Path) -> None:
    first, other = read_settings(written(tmp_path, GOOD + FURTHER)).study.each
    assert (first.name, first.also, other.also) == ("emergency_admission", (), ())
    assert other.outcome.definition is first.outcome.definition
    assert (other.outcome.name, other.outcome.on_death) == ("admission_or_death", "counts")
    assert other.gates == first.gates
    assert (first.approval is None, other.approval) == (False, None)  # an approval is for one model
    assert len(other.bands.names) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("name: composite", "name: emergency_admission"), "two studies have the name 'emergency_admission'"),
        (("name: admission_or_death, defined_as: ", "name: "), "two studies have the outcome 'emergency_admission_overnight'"),
        (("name: admission_or_death", "name: death"), "the name 'death' belongs to another outcome"),
        (("defined_as: emergency_admission_overnight", "defined_as: falls"), "there is no outcome 'falls'"),
        (("  also:", "  drivers_not_shown: [hiv, gp_observation]\n  also:"), "gp_observation; did you mean gp_observations"),
    ],
)
def test_outcomes_that_cannot_be_distinguished_are_refused(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read_settings(written(tmp_path, GOOD + FURTHER.replace(*change)))


def test_only_a_source_that_defines_its_outcome_may_name_an_unknown_one(tmp_path: Path) -> None:
    named = "study:\n  name: of_a_test\n  outcome: {name: moved_out}\n"
    purpose = "purpose: {use: planning, approval: A test, approval_expires: 2099-12-31}\n"
    table = (
        "{file: rows.csv, delivered: 2025-01-01, person: p, label: {column: y, positive: ['1'], negative: ['0']}, numbers: [x]}"
    )
    own_outcome = f"deployment: a\nsource: {{kind: feature_table, feature_table: {table}}}\n{purpose}{named}  validation: {{kind: person_folds}}\n"
    study = read_settings(written(tmp_path, own_outcome)).study
    assert (study.gates.auroc_alarm, study.gates_in_force.auroc_alarm) == (0.88, 0.98)
    board = f"deployment: a\nsource: {{kind: synthetic, synthetic: {{people: 500}}}}\n{purpose}{named}"
    with pytest.raises(SettingsError, match="no outcome 'moved_out'; the outcomes are"):
        read_settings(written(tmp_path, board))


def test_only_a_feature_table_is_split_by_a_column(tmp_path: Path) -> None:
    split = "study: {validation: {kind: column, split_column: part}}\n"
    purpose = "purpose: {use: planning, approval: A test, approval_expires: 2099-12-31}\n"
    board = f"deployment: a\nsource: {{kind: synthetic, synthetic: {{people: 500}}}}\n{purpose}{split}"
    with pytest.raises(SettingsError, match="kind 'column' needs a source of kind 'feature_table', whose column 'part' splits"):
        read_settings(written(tmp_path, board))
    table = "{file: rows.csv, delivered: 2025-01-01, person: p, label: {column: y}, numbers: [x, part]}"
    own_outcome = f"deployment: a\nsource: {{kind: feature_table, feature_table: {table}}}\n{purpose}{split}"
    with pytest.raises(SettingsError, match=r"'part' is also listed under source\.feature_table\.numbers"):
        read_settings(written(tmp_path, own_outcome))
    assert read_settings(written(tmp_path, own_outcome.replace(", part", ""))).study.validation.split_column == "part"


def test_the_auroc_alarm_is_that_of_the_outcome_unless_it_is_set(tmp_path: Path) -> None:
    study = read_settings(written(tmp_path, GOOD)).study
    assert study.gates_in_force.auroc_alarm == 0.88
    looser = study.model_copy(update={"gates": study.gates.model_validate({"auroc_alarm": 0.9})})
    assert looser.gates_in_force.auroc_alarm == 0.9

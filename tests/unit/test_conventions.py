"""Conventions of the project: every module has a test, and the documents name what exists and all that they must."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from dagster_project.command_line import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("expectations", "features", "models", "pipelines", "dagster_project")
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
PATH = re.compile(r"`((?:expectations|features|models|pipelines|dagster_project|tests|docs|config|benchmarks)/[\w./*-]*)`")
COMMAND = re.compile(r"\bstrata ([a-z][a-z-]+)")
FILES_TO_WRITE = re.compile(r"NAME|^config/mine\.yaml$")  # a document asks the reader to write these

# Modules without a unit test of their folder that imports them, by the test that covers them and why it is that test.
# A name ending in / is a folder. A module that gets a test must leave this list.
COVERED_ELSEWHERE = {
    "tests/unit/expectations/test_validation_engine.py": ("parts of one validation", "expectations/cheap_expectations.py expectations/data_docs.py expectations/documented.py"),
    "tests/unit/expectations/test_catalogue_of_tables.py": ("declarations, checked together", "expectations/tables/"),
    "tests/unit/features/test_feature_catalogue.py": ("text of features", "expectations/time_window.py"),
    "tests/unit/features/test_code_level.py": ("names of code-level columns", "expectations/code_column.py"),
    "tests/recount/test_every_feature.py": (
        "each feature is counted again in SQL",
        "features/frailty.py features/geography.py features/measurements.py features/medicines.py "
        "features/other_sources.py features/selected_events.py features/utilisation.py "
        "features/window_statistics.py pipelines/building/area_context.py pipelines/building/people_reader.py "
    ),
    "tests/recount/test_deliveries.py": ("events that later deliveries correct", "pipelines/building/superseded_events.py"),
    "tests/unit/models/test_training.py": (
        "solvers of the candidates", "models/blas.py models/ridge_solver.py models/small_logistic.py models/sparse_logistic.py"
    ),
    "tests/unit/models/test_gate_declarations.py": ("answers and names of gates", "models/gate_answers.py models/group_labels.py"),
    "tests/unit/models/test_fairness.py": ("parts of the audit by group", "models/group_gaps.py models/measures_from_totals.py"),
    "tests/unit/pipelines/training/test_recalibration.py": ("needs a champion", "models/recalibration.py"),
    "tests/unit/pipelines/training/test_tuning.py": ("needs candidates", "models/tuning.py"),
    "tests/unit/pipelines/training/test_promotion.py": ("parts of one training", "pipelines/training/model_example.py"),
    "tests/unit/pipelines/training/test_incumbent.py": (
        "needs a champion and a challenger", "pipelines/scoring/shadow_scores.py pipelines/reports/model/page.py"
    ),
    "tests/unit/pipelines/alerts/test_alert_rules.py": ("rows that the rules read", "pipelines/alerts/watched_rows.py"),
    "tests/integration/test_code_level_run.py": ("needs events of a run", "pipelines/building/code_level_features.py"),
    "tests/unit/pipelines/sources/test_feature_table.py": ("needs a feature table", "pipelines/building/load_feature_table.py"),
    "tests/unit/pipelines/caseloads/test_run_lists.py": (
        "parts of the lists of a run", "pipelines/caseloads/contacts.py pipelines/study/caseload_settings.py"
    ),
    "tests/integration/test_caseloads.py": ("needs a published run", "pipelines/caseloads/place_caseloads.py pipelines/stages/caseloads.py"),
    "tests/integration/test_conform.py": (
        "steps from validated rows to core tables, in order",
        "pipelines/conform/by_source.py pipelines/conform/code_vocabulary.py pipelines/conform/feeds.py pipelines/conform/settings.py "
        "pipelines/conform/superseded.py",
    ),
    "tests/unit/pipelines/reference/test_organisation.py": ("needs reference files", "pipelines/conform/areas_and_organisations.py"),
    "tests/unit/pipelines/conform/omop/test_omop.py": (
        "needs OMOP files", "pipelines/conform/omop/coverage.py pipelines/sources/omop/files.py pipelines/sources/omop/settings.py"
    ),
    "tests/unit/pipelines/sources/test_sources.py": (
        "what every source answers",
        "pipelines/sources/deliveries.py pipelines/sources/header.py pipelines/sources/omop/source.py pipelines/sources/synthetic/source.py",
    ),
    "tests/unit/pipelines/sources/synthetic/test_synthetic_landing_files.py": ("parts of one generator", "pipelines/sources/synthetic/"),
    "tests/unit/pipelines/reference/test_reference.py": ("needs reference files", "pipelines/sources/synthetic/real_areas.py"),
    "tests/unit/pipelines/extracts/test_ingest.py": (
        "parts of the ingest of one delivery",
        "pipelines/extracts/pseudonym_keys.py "
        "pipelines/extracts/raw_columns.py pipelines/extracts/retained.py",
    ),
    "tests/unit/pipelines/validation/test_validate.py": (
        "parts of the validation of one delivery",
        "pipelines/validation/delivery_context.py pipelines/validation/row_validation.py "
        "pipelines/validation/table_validation.py pipelines/validation/validation_settings.py",
    ),
    "tests/integration/test_ingest_validate.py": (
        "needs a synthetic extract", "pipelines/validation/defects.py pipelines/validation/volumes.py pipelines/reports/validation_page.py"
    ),
    "tests/integration/test_missing_and_broken_input.py": ("an exception without code, raised by every step", "pipelines/errors.py"),
    "tests/unit/pipelines/lake/test_storage.py": ("parts of the lake", "pipelines/lake/data_files.py"),
    "tests/integration/publishing/test_migrations.py": ("needs a server", "pipelines/postgres/migrations/ pipelines/postgres/schema.py"),
    "tests/integration/publishing/test_postgres_target.py": (
        "needs a server", "pipelines/postgres/follow.py pipelines/postgres/settings.py pipelines/postgres/tables.py"
    ),
    "tests/integration/publishing/test_equity_for_readers.py": ("needs a server", "pipelines/training/audit_for_readers.py"),
    "tests/integration/test_model_report.py": (
        "pages and the served model of a complete run",
        "pipelines/reports/model/content.py pipelines/reports/model/drawn.py pipelines/reports/model/group_tables.py "
        "pipelines/reports/model/tripod.py pipelines/reports/pictures.py pipelines/reports/numbers.py pipelines/reports/model/reported.py "
        "pipelines/tracking/served_model.py",
    ),
    "tests/unit/pipelines/reports/caseload/test_caseload_page.py": ("parts of one page", "pipelines/reports/caseload/page.py"),
    "tests/unit/pipelines/reports/monitoring/test_monitoring_page.py": (
        "parts of one page",
        "pipelines/reports/monitoring/alert_part.py pipelines/reports/monitoring/drift_part.py pipelines/reports/monitoring/figures.py "
        "pipelines/reports/monitoring/list_part.py pipelines/reports/monitoring/matured_part.py",
    ),
    "tests/unit/pipelines/reports/test_command_summaries.py": ("parts of one summary", "pipelines/reports/data_lines.py pipelines/reports/run_lines.py"),
    "tests/old_homes/test_old_homes.py": ("needs the home of an earlier version", "pipelines/run/home_format.py pipelines/run/upgrade.py"),
    "tests/unit/pipelines/run/test_settings.py": (
        "sections of the settings", "pipelines/run/schedule.py pipelines/study/purpose.py"
    ),
    "tests/integration/test_whole_run.py": (
        "calls of each step in a complete run",
        "pipelines/run/deployment.py pipelines/stages/by_study.py "
        "pipelines/stages/modelling.py pipelines/stages/monitoring.py pipelines/stages/publishing.py pipelines/stages/recalibrating.py "
        "pipelines/stages/presence.py pipelines/lake/recording.py",
    ),
    "tests/unit/pipelines/upkeep/test_reidentification.py": ("needs scores", "pipelines/stages/privacy.py"),
    "tests/integration/test_upkeep_of_a_run.py": ("needs a published run", "pipelines/upkeep/reproduction.py"),
    "tests/unit/pipelines/why/test_answer.py": ("parts of one answer", "pipelines/why/cohort_absence.py"),
    "tests/integration/test_dagster_definitions.py": (
        "definitions, loaded together",
        "dagster_project/defs/ dagster_project/assembly.py dagster_project/definitions.py dagster_project/partitions.py "
        "dagster_project/stored_columns.py dagster_project/stage_assets.py",
    ),
}  # fmt: skip
# Modules that no import statement names: what loads them.
LOADED_BY_NAME = {
    "dagster_project/defs/": "dagster_project.assembly",
    "dagster_project/definitions.py": "dagster_project.assembly",
    "pipelines/postgres/migrations/": "pipelines.postgres.schema",
    "pipelines/tracking/served_model.py": "pipelines.tracking.tracker",
}


def name_of(module: Path) -> str:
    """Return the dotted name of a module's file."""
    return ".".join(module.with_suffix("").parts)


@cache
def modules() -> dict[str, Path]:
    """Return the file of each module by its dotted name."""
    files = (file.relative_to(ROOT) for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py")))
    return {name_of(file): file for file in files if file.name != "__init__.py"}


@cache
def imported_by(file: Path) -> frozenset[str]:
    """Return the modules of the project that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(names & modules().keys())


def reached_from(test: Path) -> set[str]:
    """Return the modules that a test or its fixtures import, directly or through other modules."""
    fixtures = [parent / "conftest.py" for parent in test.parents if ROOT in parent.parents]
    files = [test, *(file for file in fixtures if file.exists()), *test.parent.glob("[!t]*.py")]
    waiting = {name for file in files for name in imported_by(file)}
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        reached.add(name)
        loaded = {other for other, file in modules().items() for place in LOADED_BY_NAME
                  if LOADED_BY_NAME[place] == name and is_in(file, place)}  # fmt: skip
        waiting |= (imported_by(ROOT / modules()[name]) | loaded) - reached
    return reached


def is_in(module: Path, place: str) -> bool:
    """Return whether a module is a place, or is in it where the place is a folder."""
    return module.as_posix().startswith(place) if place.endswith("/") else module.as_posix() == place


def has_mirrored_test(module: Path) -> bool:
    """Return whether the mirrored folder has the module's own test, or a test that imports the module."""
    folder = ROOT / "tests" / "unit" / module.parent
    own = folder / f"test_{module.name}"
    return own.exists() or any(name_of(module) in imported_by(test) for test in folder.glob("test_*.py"))


PLACES = {place: test for test, (_, places) in COVERED_ELSEWHERE.items() for place in places.split()}


def test_every_module_has_a_mirrored_test_or_a_reason() -> None:
    untested = [module for module in modules().values() if not has_mirrored_test(module)]
    missing = [str(module) for module in untested if not any(is_in(module, place) for place in PLACES)]
    assert not missing, f"write a test in the same folder of tests/unit: {', '.join(missing)}"


@pytest.mark.parametrize("test", COVERED_ELSEWHERE)
def test_a_module_covered_elsewhere_needs_it_and_is_reached(test: str) -> None:
    reason, places = COVERED_ELSEWHERE[test]
    assert reason and (ROOT / test).is_file(), f"there is no {test}"
    reached = reached_from(ROOT / test)
    for place in places.split():
        untested = [module for module in modules().values() if is_in(module, place) and not has_mirrored_test(module)]
        untested = [module for module in untested if module.as_posix() == place or module.as_posix() not in PLACES]
        assert untested, f"remove {place}: it is gone or has a test in its folder"
        unreached = [str(module) for module in untested if name_of(module) not in reached]
        assert not unreached, f"{test} imports no module that imports {', '.join(unreached)}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_that_a_document_names_exists(document: Path) -> None:
    paths = {path.rstrip(".") for path in PATH.findall(document.read_text(encoding="utf-8"))}
    missing = sorted(path for path in paths if not FILES_TO_WRITE.search(path) and not any(ROOT.glob(path.rstrip("/"))))
    assert not missing, f"{document.relative_to(ROOT)} names {', '.join(missing)}"


def test_the_architecture_names_every_package() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    packages = sorted(path.name for path in (ROOT / "pipelines").iterdir() if (path / "__init__.py").exists())
    missing = [name for name in packages if not re.search(rf"(?:^|pipelines/|  ){name}/", text, re.MULTILINE)]
    assert packages and not missing, f"docs/architecture.md does not name {', '.join(missing)}"


def commands() -> set[str]:
    """Return the names of the commands of `strata`."""
    return {command.__name__.replace("_", "-") for command in COMMANDS}


def test_every_command_is_documented_and_every_documented_command_exists() -> None:
    texts = [document.read_text(encoding="utf-8") for document in DOCUMENTS]
    documented = {name for text in texts for span in re.findall(r"`[^`]+`", text) for name in COMMAND.findall(span)}
    missing, unknown = sorted(commands() - documented), sorted(documented - commands())
    assert not missing, f"add to docs/operations.md: {', '.join(missing)}"
    assert not unknown, f"the documents name commands that do not exist: {', '.join(unknown)}"

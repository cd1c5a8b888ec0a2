"""The results of the small ICB are those that are kept, and any change of them is noticed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from regression.__main__ import REFERENCE, record_reason
from regression.cases import run_case
from regression.comparison import differences
from regression.content import Content, content_of, read_reference

from expectations.tables import risk
from pipelines.lake.storage import Lake

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return run_case("small_icb", tmp_path_factory.mktemp("small_icb"))


@pytest.fixture(scope="module")
def found(lake: Lake) -> Content:
    return content_of(lake)


@pytest.fixture
def changed(lake: Lake, tmp_path: Path) -> Lake:
    """Copy the tables that a test changes."""
    for name in ("risk__scores", "risk__runs", "risk__models", "features__person", "raw__extracts"):
        shutil.copytree(lake.folder(name), tmp_path / name)
    return Lake(tmp_path)


def of_the_copy(content: Content, copy: Lake) -> Content:
    names = {*copy.tables(), "gates of risk__models"}
    exact = {name: columns for name, columns in content.exact.items() if name in names}
    return Content(exact, {name: rows for name, rows in content.learnt.items() if name in names})


def test_the_results_are_those_that_are_kept(found: Content) -> None:
    assert differences(read_reference(REFERENCE / "small_icb"), found) == []


def test_two_people_with_each_others_risk_are_noticed(found: Content, changed: Lake) -> None:
    run = changed.partitions("risk__scores", "run_id")[0]
    rows = changed.read("risk__scores", order="person_id", partition={"run_id": run}).to_pylist()
    first, second = rows[0], next(row for row in rows if abs(row["risk"] - rows[0]["risk"]) > 1e-3)
    first["risk"], second["risk"] = second["risk"], first["risk"]
    changed.write(risk.SCORES, rows, {"run_id": run})
    lines = differences(of_the_copy(found, changed), content_of(changed))
    assert len(lines) == 1
    assert lines[0].startswith("risk__scores.risk: 2 of ")


def test_one_changed_feature_value_is_noticed(found: Content, changed: Lake) -> None:
    day = changed.partitions("features__person", "index_date")[0]
    part = {"index_date": day}
    rows = changed.read("features__person", order="person_key", partition=part)
    ages = rows["age_years"].to_pylist()
    ages[0] += 1
    schema = changed.schema("features__person")
    rows = rows.set_column(rows.column_names.index("age_years"), "age_years", pa.array(ages, schema.field("age_years").type))
    stored = rows.drop_columns(["index_date"]) if "index_date" in rows.column_names else rows
    file = changed.write_arrow("features__person", stored, part)
    by = changed.partitioned_by("features__person")
    changed.commit("features__person", [file], schema, partition_by=by, replace=part)
    assert differences(of_the_copy(found, changed), content_of(changed)) == ["features__person.age_years: other values"]


def test_a_missing_table_and_a_missing_row_are_noticed(found: Content, changed: Lake) -> None:
    run = changed.partitions("risk__scores", "run_id")[0]
    rows = changed.read("risk__scores", order="person_id", partition={"run_id": run})
    changed.write(risk.SCORES, rows.slice(1), {"run_id": run})
    shutil.rmtree(changed.folder("features__person"))
    lines = differences(of_the_copy(found, Lake(changed.root)), content_of(changed))
    assert any(line.startswith("risk__scores.rows: ") for line in lines)
    kept = Content({**of_the_copy(found, changed).exact, "features__person": {"rows": "1"}}, {})
    assert "features__person: the table is no longer written" in differences(kept, content_of(changed))


def test_a_reason_is_written_to_the_changelog(tmp_path: Path) -> None:
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text("# Changelog\n\n## [Unreleased]\n### Added\n- A thing.\n\n## [0.1.0]\n### Added\n- The first.\n")
    record_reason(changelog, "Age is counted in whole years", ["small_icb"])
    record_reason(changelog, "Birthdays count.", ["mimic_demo"])
    text = changelog.read_text()
    assert text.count("### Changed results") == 1
    assert text.index("Birthdays count.") < text.index("Age is counted") < text.index("### Added")

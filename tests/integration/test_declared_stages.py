"""What every stage reads, writes and receives is what it declares: seen in runs of small configurations of each kind of source.

That nothing undeclared is used is checked in every test (STRATA_STRICT_STAGES in tests/conftest.py). Here each declared use is seen.
"""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from regression import cases
from regression.small_icb import CONFIG, FIRST, SECOND, deliver, write_deliveries

from expectations.tables.features import PERSON_FEATURES
from expectations.tables.monitoring import CALIBRATION
from expectations.tables.risk import LABELS, SCORES
from pipelines.lake.files import without_partition
from pipelines.run.deployment import Deployment, open_deployment
from pipelines.stages import landing, publishing, run_plan, stage_log
from pipelines.stages.context import Uses
from pipelines.stages.declared import FIRST as FIRST_STAGES
from pipelines.stages.declared import STAGES, perform_all
from pipelines.stages.outside import OutsideInput
from pipelines.stages.results import StageResult, Status
from pipelines.stages.stage import Stage

pytestmark = pytest.mark.slow

PAST = "2024-05-01"  # a scoring date whose outcomes are known
QUICK = {"minimum_events": 1, "allow_too_few_events": True, "logistic": {"prior_variances": [0.01], "spline_knots": 3}}
CODES = {"names": ["age_sex", "logistic", "logistic_code_level"], **QUICK}
# Seen by other means: ingest and the source read them, and not the stage's function.
OF_THE_SOURCE = {"study.validation.split_column"}
READ_BY_INGEST = {OutsideInput.LANDED_EXTRACTS, OutsideInput.PSEUDONYM_KEYS}


class Seen:
    """The uses of every stage over all runs, and the results of the last run."""

    def __init__(self) -> None:
        self.uses: dict[str, Uses] = defaultdict(Uses)
        self.declared: dict[str, Stage] = {}
        self.second_run: dict[str, dict[str, Status]] = {}

    def add(self, stage: Stage, uses: Uses) -> None:
        kind = kind_of(stage)
        self.declared[kind] = stage
        self.uses[kind].add(uses)


def kind_of(stage: Stage) -> str:
    """Return a stage's name: those of the feeds have one name, but for the list's suite."""
    if not stage.feed or stage.feed == landing.LIST_FEED:
        return f"{stage.name} {'ready-made' if stage.feeds == ('feature_table',) else ''}".strip()
    return (
        f"{stage.feed.partition('_')[0] if stage.feed.startswith('omop') else ''} feed{'' if stage.writes else ' suite'}".strip()
    )


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    found, traced = Seen(), Stage.traced

    def noted(stage: Stage, deployment: Deployment, index_date: Any = None) -> tuple[StageResult, Uses]:
        if stage.name == CALIBRATION.name:  # as if the scoring date had matured since
            without_partition(deployment.lake, LABELS.name, {"index_date": PAST})
        if stage.name == SCORES.name and deployment.lake.rows(SCORES.name):  # as if the catalogue had changed since the last run
            without_partition(deployment.lake, PERSON_FEATURES.name, {"index_date": PAST})
        result, uses = traced(stage, deployment, index_date)
        found.add(stage, uses)
        return result, uses

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stage, "traced", noted)
        run_icb(tmp_path_factory.mktemp("icb"))
        run_omop(tmp_path_factory.mktemp("omop"), found)
        run_feature_table(tmp_path_factory.mktemp("feature_table"))
        run_board(tmp_path_factory.mktemp("board"))
    yield found


def opened(folder: Path, settings: dict[str, Any]) -> Deployment:
    config = folder / f"{len(list(folder.glob('*.yaml')))}.yaml"
    config.write_text(yaml.safe_dump({**settings, "home": str(folder / "home")}))
    return open_deployment(config)


def run(deployment: Deployment, last: str = "") -> dict[str, Status]:
    """Run the stages up to one of them, and return how each ended."""
    statuses = {}
    with deployment.alone():
        run_plan.prepare(deployment)
        for stage, day, result in perform_all(deployment):
            assert not (stage.check and stage.check.blocking and result.broken), result.broken
            statuses[f"{stage.name} {day or ''}".strip()] = result.status
            if stage.name == last:
                break
    return statuses


def run_icb(folder: Path) -> None:
    """Run two deliveries of clear identifiers, the first for a scoring date in the past; then validate a feed that has nothing new."""
    write_deliveries(folder, clear=True)
    (folder / "pseudonym.key").write_text("a key of more than thirty-two bytes, for tests")
    (folder / "pseudonym.key").chmod(0o600)
    settings = yaml.safe_load(CONFIG.format(deployment="small_icb", pseudonymised="false"))
    study = settings["study"]
    study["candidates"], study["caseloads"] = CODES, {"write_pages": True}
    study["index_dates"] = {"train": ["2022-12-01"], "test": "2024-09-01"}
    study["also"][0]["outcome"] = {"name": "first_type_2_diabetes"}
    past = {**settings, "study": {**study, "index_dates": {**study["index_dates"], "score": PAST}}}
    deliver(folder, FIRST)
    run(opened(folder, past))
    deliver(folder, SECOND)
    deployment = opened(folder, settings)
    run(deployment)
    table = run_plan.raw_tables(deployment)
    for suite in (landing.suite_stage(table[0]), landing.suite_stage(table[-1])):
        suite.traced(deployment)


def run_omop(folder: Path, found: Seen) -> None:
    """Run the MIMIC demo twice, with candidates that learn from the ancestors of codes."""
    changes = {"study": {"candidates": CODES, "code_level": {"groups": "omop_ancestors"}}}
    config = cases._configured(folder, "mimic_demo.yaml", changes)
    settings = yaml.safe_load(config.read_text())
    settings["source"]["omop"]["folder"] = str(_with_ancestors(Path(settings["source"]["omop"]["folder"]), folder / "cdm"))
    run(opened(folder, settings))
    found.second_run["omop"] = run(opened(folder, settings))


def _with_ancestors(demo: Path, folder: Path) -> Path:
    """Copy the files of the MIMIC demo and add the table that it lacks: one ancestor for every condition."""
    folder.mkdir()
    for file in demo.glob("*.csv"):
        shutil.copy(file, folder / file.name)
    conditions = pd.read_csv(demo / "condition_occurrence.csv", usecols=["condition_concept_id"], dtype=str)
    ancestors = conditions.drop_duplicates().rename(columns={"condition_concept_id": "descendant_concept_id"})
    ancestors = ancestors.assign(ancestor_concept_id="441840", min_levels_of_separation="1", max_levels_of_separation="1")
    ancestors.to_csv(folder / "concept_ancestor.csv", index=False)
    return folder


def run_feature_table(folder: Path) -> None:
    config = cases._configured(folder, "diabetes130.yaml", {})
    run(opened(folder, yaml.safe_load(config.read_text())), PERSON_FEATURES.name)


def run_board(folder: Path) -> None:
    """Write a synthetic ICB in real areas, and nothing else."""
    changes = {"source": {"synthetic": {"people": 1000}}}
    config = cases._configured(folder, "real_areas.yaml", changes)
    deployment = opened(folder, yaml.safe_load(config.read_text()))
    landing.write_synthetic_board.traced(deployment)


def test_each_declared_table_is_read_or_written_in_one_of_the_runs(seen: Seen) -> None:
    unseen = {}
    for kind, stage in seen.declared.items():
        uses = seen.uses[kind]
        unread = {table.name for table in (*stage.reads, *stage.reads_earlier)} - uses.tables_read
        unwritten = {table.name for table in (*stage.writes, *stage.records, *stage.adds_to)} - uses.tables_written
        if unread or unwritten:
            unseen[kind] = (unread, unwritten)
    assert unseen == {}


def test_each_declared_setting_is_read_in_one_of_the_runs(seen: Seen) -> None:
    unread = {kind: set(stage.settings) - seen.uses[kind].settings - OF_THE_SOURCE for kind, stage in seen.declared.items()}
    assert {kind: paths for kind, paths in unread.items() if paths} == {}


def test_each_declared_outside_input_is_read_in_one_of_the_runs(seen: Seen) -> None:
    unread = {kind: set(stage.outside) - seen.uses[kind].outside - READ_BY_INGEST for kind, stage in seen.declared.items()}
    assert {kind: inputs for kind, inputs in unread.items() if inputs} == {}


def test_the_same_run_again_skips_every_stage(seen: Seen) -> None:
    assert {name for name, status in seen.second_run["omop"].items() if status == Status.DONE} == set()
    assert Status.UNCHANGED in seen.second_run["omop"].values()


def test_every_stage_was_seen_and_would_have_failed_on_an_undeclared_table(seen: Seen) -> None:
    assert os.environ[stage_log.STRICT]
    every = {kind_of(stage) for stage in (*FIRST_STAGES, *STAGES)} | {"feed", "feed suite", "omop feed", "omop feed suite"}
    assert every - set(seen.declared) == {publishing.DATABASE}  # it has a database in tests/integration/publishing

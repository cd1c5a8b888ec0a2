"""What every stage reads, writes and receives is what it declares: seen in runs of every configuration of the project.

A stage that uses an undeclared table, setting or outside input fails in every test (STRATA_STRICT_STAGES in tests/conftest.py). Here each
declared use must occur in at least one run, and a run with nothing new must do nothing. Boards and models are small.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from regression import cases
from regression.small_icb import CONFIG, FIRST, SECOND, deliver, write_deliveries

from expectations.feeds import OBJECTION_FEEDS
from expectations.table import Table
from expectations.tables.decisions import DECISION
from expectations.tables.monitoring import STAGES as LOG
from pipelines.lake.storage import Lake
from pipelines.run.deployment import Deployment
from pipelines.stages import landing, publishing
from pipelines.stages.context import Uses
from pipelines.stages.declared import FIRST as FIRST_STAGES
from pipelines.stages.declared import STAGES
from pipelines.stages.outside import OutsideInput
from pipelines.stages.presence import has_ready_table
from pipelines.stages.results import StageResult, Status
from pipelines.stages.stage import ALL_FEEDS, Stage

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not cases.DATA.is_dir(), reason="the open data are not next to the project"),
]
RAW, SUITE, LIST_SUITE = "raw__<feed>", "raw__<feed> suite", f"raw__{landing.LIST_FEED} suite"
CANDIDATES = {
    "names": ["age_sex", "logistic"], "minimum_events": 1, "allow_too_few_events": True,
    "logistic": {"prior_variances": [0.01], "spline_knots": 3, "code_prior_variances": [0.01]},
}  # fmt: skip
OWN = yaml.safe_load(CONFIG.format(deployment="small_icb", pseudonymised="false"))
OBJECTIONS = {feed.name: {"load": "snapshot", "pseudonymised": False} for feed in OBJECTION_FEEDS}
FEEDS = {**OWN["source"]["nhs"]["feeds"], **OBJECTIONS}
WITH_CODES = {
    **CANDIDATES, "names": ["age_sex", "logistic_code_level"],
    "logistic": {**CANDIDATES["logistic"], "code_prior_variances": [1.0]},  # so weak a penalty keeps groups of codes in the model
}  # fmt: skip
PEOPLE = 1_000
SMALL_BOARD = {
    "source": {"synthetic": {"people": PEOPLE, "start_date": date(2022, 1, 1), "defects": {"least_dummy_rows": 20}}},
    "study": {
        "candidates": CANDIDATES, "validation": {"folds": 2}, "index_dates": {"train": ["2023-07-01"], "test": "2024-10-01"},
        "gates": {"minimum_events": 5000, "minimum_slope_events": 5000},  # so few events decide no gate, and an approval is enough
    },
}  # fmt: skip
NOT_YET_MATURED = "2024-09-15"  # its outcomes are known after the first delivery and before the second
# Declared uses that the record of a stage's function cannot show, with the reason.
EXEMPT: Mapping[tuple[str, str], str] = {
    ("core__quarantine", "reads every feed"): "it counts what the suites of the feeds set aside, and so comes after all of them",
    ("core__quarantine", "writes core__quarantine"): "the suites add its rows; a table is an asset once",
    ("core__quarantine", "writes monitoring__validation"): "the suites add its rows; a table is an asset once",
    **{
        (kind, "study.validation.split_column"): "the source is opened with it, before the stage"
        for kind in (RAW, SUITE, LIST_SUITE)
    },
    (RAW, OutsideInput.LANDED_EXTRACTS.name): "ingest reads the files of the opened source",
    (RAW, OutsideInput.PSEUDONYM_KEYS.name): "ingest reads the keys of the opened source",
    ("core__code_name", OutsideInput.LANDED_EXTRACTS.name): "the opened source lists the files of CONCEPT_ANCESTOR",
}


def kind_of(stage: Stage) -> str:
    """Return a stage's name; the stages of the feeds have one name, but for the suite of the list."""
    if not stage.feed:
        return f"{stage.name} (ready-made)" if stage.exists is has_ready_table else stage.name
    return RAW if stage.writes else stage.name if stage.feed == landing.LIST_FEED else SUITE


def declared_uses(stage: Stage) -> set[str]:
    """Return all that a stage declares: tables read and written, feeds, decisions, settings and outside inputs."""
    read = (*stage.reads, *stage.reads_earlier, *((DECISION,) if stage.decisions else ()))
    written = (*stage.writes, *stage.records, *stage.adds_to)
    feeds = (f"raw__{feed}" if stage.feeds != ALL_FEEDS else feed for feed in stage.feeds)
    tables = {f"reads {table.name}" for table in read} | {f"writes {table.name}" for table in written}
    return {*tables, *(f"reads {feed}" for feed in feeds), *stage.settings, *(which.name for which in stage.outside)}


class Runs:
    """Runs of the `strata` command in one process, with the declarations and the uses of every stage over all of them."""

    def __init__(self, strata: Callable[..., int]) -> None:
        self._strata = strata
        self.declared: dict[str, set[str]] = defaultdict(set)
        self.used: dict[str, set[str]] = defaultdict(set)
        self.done: dict[str, set[str]] = {}  # by what changed since the run before: the stages that were not skipped

    def note(self, stage: Stage, uses: Uses, raw_tables: Iterable[Table]) -> None:
        """Note what a stage declares and what it used; `raw_tables` are those of the feeds whose validated rows it reads."""
        self.declared[kind_of(stage)] |= declared_uses(stage)
        raw = {f"reads {feed}" for feed in ALL_FEEDS if {table.name for table in raw_tables} <= uses.tables_read}
        read, written = (
            {f"{verb} {name}" for name in names} for verb, names in (("reads", uses.tables_read), ("writes", uses.tables_written))
        )
        self.used[kind_of(stage)] |= {*raw, *read, *written, *uses.settings, *(which.name for which in uses.outside)}

    def decide(self, folder: Path, settings: Mapping[str, Any], *decision: str) -> None:
        config = _written(folder, settings)
        assert self._strata(folder / "home", "decide", str(config), *decision, "--role", "Approver", "--reason", "A test") == 0

    def run(self, folder: Path, settings: Mapping[str, Any]) -> set[str]:
        """Run a configuration in the home of a folder, and return the stages that were done and not skipped."""
        home, config = folder / "home", _written(folder, settings)
        lake, before = Lake(home / "lake"), Lake(home / "lake").rows(LOG.name)
        assert self._strata(home, "run", str(config)) == 0
        rows = lake.read(LOG.name, "stage, status", order="started_at").to_pylist()[before:]
        return {row["stage"] for row in rows if row["status"] == Status.DONE}


def _written(folder: Path, settings: Mapping[str, Any]) -> Path:
    config = folder / f"run{len(list(folder.glob('run*.yaml')))}.yaml"  # a process opens a configuration once
    config.write_text(yaml.safe_dump(dict(settings)))
    return config


@pytest.fixture(scope="module")
def runs(strata: Callable[..., int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    found, traced = Runs(strata), Stage.traced

    def noted(stage: Stage, deployment: Deployment, index_date: date | None = None) -> tuple[StageResult, Uses]:
        result, uses = traced(stage, deployment, index_date)
        found.note(stage, uses, stage.raw_tables(deployment))
        return result, uses

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stage, "traced", noted)
        for name, scenario in SCENARIOS.items():
            scenario(found, tmp_path_factory.mktemp(name.removesuffix(".yaml")), name)
    yield found


def settings_of(folder: Path, name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    return yaml.safe_load(cases.configured(folder, name, changes).read_text(encoding="utf-8"))


def run_twice(runs: Runs, folder: Path, name: str, changes: Mapping[str, Any]) -> None:
    """Run a configuration, and again with nothing changed."""
    settings = settings_of(folder, name, changes)
    runs.run(folder, settings)
    runs.done[f"nothing, in {name}"] = runs.run(folder, settings)


def run_extracts(runs: Runs, folder: Path, name: str) -> None:
    """Run two deliveries with clear identifiers and the caseload pages.

    The scores of the first delivery mature before the second. So monitoring, the last step, builds labels that earlier steps read next time.
    """
    write_deliveries(folder, clear=True, people=PEOPLE)
    add_objections_by_kind(folder)
    (folder / "pseudonym.key").write_text("a key of more than thirty-two bytes, for tests")
    (folder / "pseudonym.key").chmod(0o600)
    study = {
        **OWN["study"], "candidates": CANDIDATES, "caseloads": {"write_pages": True},
        "index_dates": {"train": ["2022-12-01"], "test": "2024-09-01"}, "validation": {"folds": 2},
    }  # fmt: skip
    study["also"] = [{**study["also"][0], "outcome": {"name": "first_type_2_diabetes", "washout_days": 365}}]
    source = cases.merged(OWN["source"], {"nhs": {"feeds": OBJECTIONS}})
    settings = settings_of(folder, name, {**OWN, "source": source, "study": study, "upkeep": {"extract_months": 240}})
    earlier = {"feature_families": ["demographics", "utilisation", "deprivation"]}
    dates = {"index_dates": {**study["index_dates"], "score": NOT_YET_MATURED}}
    runs.decide(
        folder, settings, "national_opt_out", "planning: does not apply", "--expires", "2099-12-31"
    )  # the lists have expired
    deliver(folder, FIRST)
    runs.run(folder, cases.merged(settings, {"study": {**earlier, **dates}}))
    deliver(folder, SECOND)
    runs.run(folder, settings)
    runs.done["labels that monitoring built"] = runs.run(folder, settings)
    breach = {"feed": "patients", "rule": "below_published_list", "delivery": SECOND, "reason": "The practice has confirmed it"}
    runs.done["an accepted breach"] = runs.run(folder, cases.merged(settings, {"validation": {"accepted": [breach]}}))


def add_objections_by_kind(folder: Path) -> None:
    """Add to each delivery the feeds of objections by kind: the first ten people of the list object to one of them each."""
    for day in (FIRST, SECOND):
        delivery = folder / "deliveries" / day
        listed = pd.read_csv(delivery / "patients" / f"patients_{day}.csv", dtype=str).drop_duplicates("PERSON_ID").head(10)
        practices = listed["REGISTERED_PRACTICE_ORGANISATION_ID"]
        type_1 = listed[["PERSON_ID"]].assign(ORGANISATION_ID=practices, STATUS="1", EFFECTIVE_DATE="2020-01-01")
        for feed, rows in {
            "type_1_objections": type_1[:5],
            "national_opt_outs": listed[["PERSON_ID"]][5:].assign(LIST="OPTED_OUT"),
        }.items():
            (delivery / feed).mkdir()
            rows.to_csv(delivery / feed / f"{feed}_{day}.csv", index=False)


def run_board(runs: Runs, folder: Path, name: str) -> None:
    """Run the synthetic board of the demonstration, then approve its model again and renew the purpose."""
    settings = settings_of(folder, name, SMALL_BOARD)
    runs.run(folder, settings)
    approval = {"role": "Another approver", "reason": "Reviewed again", "day": date(2026, 2, 1)}
    renewed = {"approval": "A later register entry", "approval_expires": date(2100, 12, 31)}
    runs.done["approvals"] = runs.run(folder, cases.merged(settings, {"study": {"approval": approval}, "purpose": renewed}))


def run_real_areas(runs: Runs, folder: Path, name: str) -> None:
    """Run a synthetic board in real areas twice."""
    run_twice(runs, folder, name, SMALL_BOARD)


def run_omop(runs: Runs, folder: Path, name: str) -> None:
    """Run the MIMIC demo twice, with a candidate that learns from the ancestors of codes."""
    study = {"candidates": WITH_CODES, "code_level": {"groups": "omop_ancestors"}, "validation": {"folds": 2}}
    cdm = with_ancestors(cases.DATA_OF["mimic_demo"] / "1_omop_data_csv", folder / "cdm")
    run_twice(runs, folder, name, {"source": {"omop": {"folder": str(cdm)}}, "study": study})


def with_ancestors(demo: Path, folder: Path) -> Path:
    """Copy the files of the MIMIC demo and add the table that it lacks: one of ten ancestors for every condition."""
    folder.mkdir()
    for file in demo.glob("*.csv"):
        shutil.copy(file, folder / file.name)
    conditions = pd.read_csv(demo / "condition_occurrence.csv", usecols=["condition_concept_id"], dtype=str)
    ancestors = conditions.drop_duplicates().rename(columns={"condition_concept_id": "descendant_concept_id"})
    ancestors["ancestor_concept_id"] = "44184" + ancestors["descendant_concept_id"].str[-1]
    ancestors = ancestors.assign(min_levels_of_separation="1", max_levels_of_separation="1")
    ancestors.to_csv(folder / "concept_ancestor.csv", index=False)
    return folder


def run_feature_table(runs: Runs, folder: Path, name: str) -> None:
    """Run the encounters of some people of diabetes130 twice."""
    file = str(cases.sample_of_diabetes130(folder, 1_000))
    study = {"candidates": CANDIDATES, "validation": {"folds": 2}}
    run_twice(runs, folder, name, {"source": {"feature_table": {"file": file}}, "study": study})


SCENARIOS: Mapping[str, Callable[[Runs, Path, str], None]] = {
    "nhs_example.yaml": run_extracts,
    "demo.yaml": run_board,
    "real_areas.yaml": run_real_areas,
    "mimic_demo.yaml": run_omop,
    "diabetes130.yaml": run_feature_table,
    "artificial_hes.yaml": lambda runs, folder, name: run_twice(runs, folder, name, {}),
}


def test_every_configuration_is_run() -> None:
    assert set(SCENARIOS) == {file.name for file in (cases.ROOT / "config").glob("*.yaml")}


def test_every_stage_is_seen(runs: Runs) -> None:
    every = {kind_of(stage) for stage in with_first_steps((*FIRST_STAGES, *STAGES))} | {RAW, SUITE, LIST_SUITE}
    assert every - set(runs.declared) == {publishing.DATABASE}  # it has a database in tests/integration/publishing


def with_first_steps(stages: Iterable[Stage]) -> Iterator[Stage]:
    for stage in stages:
        yield from (stage.first, stage) if stage.first else (stage,)


def test_each_declared_use_occurs_in_a_run(runs: Runs) -> None:
    unused = {(kind, use) for kind, declared in runs.declared.items() for use in declared - runs.used[kind]}
    assert unused - set(EXEMPT) == set()
    assert set(EXEMPT) - unused == set(), "these uses occur: they need no exemption"


def test_a_run_with_nothing_new_skips_every_stage(runs: Runs) -> None:
    again = {what: done for what, done in runs.done.items() if what.startswith("nothing")}
    assert len(again) == 4
    assert [what for what, done in again.items() if done] == []


def test_approving_a_model_and_renewing_the_purpose_runs_nothing_again(runs: Runs) -> None:
    assert runs.done["approvals"] == set()


def test_labels_that_monitoring_built_make_their_readers_run_again(runs: Runs) -> None:
    assert runs.done["labels that monitoring built"] == {
        "equity__planning_population", "equity__outcome_rates", "risk__models", "risk__scores",
    }  # fmt: skip


def test_an_accepted_breach_runs_again_what_applies_it_and_nothing_else(runs: Runs) -> None:
    assert runs.done["an accepted breach"] == {*(f"raw__{feed} suite" for feed in FEEDS), "core__objection"}

"""The declarations of all stages together: each asset is written once, and each stage comes after what it reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from expectations.catalogue import TABLES
from expectations.tables.core import PERSON
from expectations.tables.monitoring import STAGES as LOG
from pipelines.errors import ValidationStop
from pipelines.run.deployment import Deployment
from pipelines.run.settings import Settings
from pipelines.stages.declared import FIRST, STAGES, shared_tables, stages_of
from pipelines.stages.results import StageResult
from pipelines.stages.stage import Check, Stage, stage
from pipelines.stages.stages_page import FILE, stages_page

PURPOSE = {"use": "planning", "approval": "DSA 12", "approval_expires": "2099-12-31"}
NHS = {"kind": "nhs", "nhs": {"landing": "landing", "feeds": {"patients": {}, "registrations": {}, "admissions": {}}}}
READY_MADE = {
    "kind": "feature_table",
    "feature_table": {
        "file": "rows.csv", "delivered": "2025-01-01", "person": "person", "index_event": "event",
        "label": {"column": "outcome", "positive": ["1"], "negative": ["0"]}, "numbers": ["visits"],
    },
}  # fmt: skip
SOURCES: dict[str, dict[str, Any]] = {
    "synthetic": {"source": {"kind": "synthetic", "synthetic": {"people": 500}}},
    "nhs": {"source": NHS},
    "feature table": {"source": READY_MADE, "study": {"name": "one", "validation": {"kind": "person_folds"}}},
}


@pytest.fixture(params=SOURCES)
def deployment(request: pytest.FixtureRequest, tmp_path: Path) -> Deployment:
    (tmp_path / "rows.csv").write_text("person,event,outcome,visits\n1,1,0,2\n")
    settings = Settings.model_validate({"deployment": "a_board", "purpose": PURPOSE, **SOURCES[request.param]})
    return Deployment(settings, tmp_path, tmp_path / "home")


def test_each_table_is_the_asset_of_one_stage(deployment: Deployment) -> None:
    written = [table.name for stage in stages_of(deployment) for table in stage.writes]
    assert sorted(written) == sorted(set(written))
    names = [stage.name for stage in stages_of(deployment)]
    assert sorted(names) == sorted(set(names))


def test_each_stage_comes_after_what_it_reads(deployment: Deployment) -> None:
    stages = stages_of(deployment)
    place = {table.name: number for number, stage in enumerate(stages) for table in stage.writes}
    place |= {stage.name: number for number, stage in enumerate(stages) if not stage.writes}
    early = {
        (stage.name, name)
        for number, stage in enumerate(stages)
        for name in (*(table.name for table in stage.tables_read(deployment)), *stage.follows)
        if place.get(name, -1) > number and name not in {table.name for table in stage.adds_to}
    }
    assert early == set()


def test_what_is_added_to_a_table_of_another_stage_is_shared(deployment: Deployment) -> None:
    shared = shared_tables(deployment)
    assert {"core__quarantine", "monitoring__validation"} <= shared
    assert ("risk__models" in shared) == any(stage.name == "risk__scores" for stage in stages_of(deployment))


def test_every_table_but_the_records_is_written_by_a_stage() -> None:
    written = {table.name for stage in (*FIRST, *STAGES) for table in stage.tables_written}
    declared = {name for name, table in TABLES.items() if not table.feed and not name.startswith("raw__")}
    by_commands = {"monitoring__access", "monitoring__decision"}
    assert declared - written == {LOG.name, "core__validated_extracts", "core__unread_line", *by_commands}


def test_the_page_of_stages_is_current() -> None:
    assert FILE.read_text(encoding="utf-8") == stages_page(), "run `make docs`"


@pytest.mark.parametrize("path", ["study", "study.cohorts", "purpose", "validation"])
def test_a_declaration_with_a_wrong_path_is_refused(path: str) -> None:
    def work(context: object) -> StageResult:
        """Do nothing."""
        return StageResult()

    with pytest.raises(ValueError, match=path):
        stage([PERSON], settings=(path,))(work)


def test_rows_of_a_date_are_of_a_table_that_is_read() -> None:
    with pytest.raises(ValueError, match="core__person"):
        Stage(lambda context: StageResult(), "one", "One.", of_date=(PERSON,))


def _stopped(context: object) -> StageResult:
    raise ValidationStop("too few rows")


def test_what_stops_a_check_is_its_answer_and_what_stops_another_stage_is_raised(tmp_path: Path) -> None:
    settings = Settings.model_validate({"deployment": "a_board", "purpose": PURPOSE, "source": NHS})
    deployment = Deployment(settings, tmp_path, tmp_path / "home")
    check = Stage(_stopped, "rows", "Check the rows.", check=Check("rows", PERSON, "Refuse too few rows."))
    assert check(deployment).broken == "too few rows"
    with pytest.raises(ValidationStop, match="too few rows"):
        replace(check, check=None)(deployment)

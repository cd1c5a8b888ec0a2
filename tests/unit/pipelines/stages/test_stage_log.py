"""A stage that uses what it does not declare: it fails in the tests, and it is never skipped elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from expectations.tables.core import LINKAGE, PERSON
from expectations.tables.monitoring import STAGES as LOG
from pipelines.run.deployment import Deployment
from pipelines.run.settings import Settings
from pipelines.stages.context import StageContext, UndeclaredSettingError
from pipelines.stages.outside import OutsideInput, UndeclaredInputError
from pipelines.stages.results import StageResult, Status
from pipelines.stages.stage import Stage
from pipelines.stages.stage_log import STRICT, UndeclaredTableError, run_stage

SETTINGS = {
    "deployment": "a_board",
    "purpose": {"use": "planning", "approval": "DSA 12", "approval_expires": "2099-12-31"},
    "source": {"kind": "synthetic", "synthetic": {"people": 500}},
}
USES: dict[str, tuple[Callable[[StageContext], object], dict[str, Any], type[Exception]]] = {
    "a table that it reads": (lambda context: context.lake.rows(PERSON.name), {"reads": (PERSON,)}, UndeclaredTableError),
    "a table that it writes": (
        lambda context: context.lake.write(LINKAGE, []), {"writes": (LINKAGE,)}, UndeclaredTableError,
    ),
    "a setting": (lambda context: context.settings.study.seed, {"settings": ("study.seed",)}, UndeclaredSettingError),
    "an outside input": (lambda context: context.outside.today, {"outside": (OutsideInput.TODAY,)}, UndeclaredInputError),
}  # fmt: skip


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment(Settings.model_validate(SETTINGS), tmp_path, tmp_path / "home")


def stage_that(use: Callable[[StageContext], object], **declared: Any) -> Stage:
    def work(context: StageContext) -> StageResult:
        use(context)
        return StageResult()

    return Stage(work, "a stage", "Use something.", **declared)


@pytest.mark.parametrize("what", USES)
def test_a_stage_that_uses_what_it_does_not_declare_fails(what: str, deployment: Deployment) -> None:
    use, declared, error = USES[what]
    with pytest.raises(error):
        run_stage(deployment, stage_that(use))
    assert deployment.lake.rows(LOG.name) == 0
    assert run_stage(deployment, stage_that(use, **declared)).status == Status.DONE


def test_elsewhere_such_a_stage_is_never_skipped(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(STRICT)
    use, declared, _ = USES["a table that it reads"]
    surprising, correct = stage_that(use), stage_that(use, **declared)
    assert [run_stage(deployment, surprising).status for _ in range(2)] == [Status.DONE, Status.DONE]
    assert [run_stage(deployment, correct).status for _ in range(2)] == [Status.DONE, Status.UNCHANGED]


def test_a_first_step_is_checked_as_well(deployment: Deployment) -> None:
    first = stage_that(USES["a table that it reads"][0])
    with pytest.raises(UndeclaredTableError, match=PERSON.name):
        run_stage(deployment, stage_that(lambda _: None, first=first))

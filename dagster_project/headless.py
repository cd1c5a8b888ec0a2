"""The same assets without a browser: one run in this process, told as it goes."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from pipelines.errors import StrataError

INSTANCE_SETTINGS = """# Written by Strata; Dagster's own storage is SQLite in this folder.
telemetry:
  enabled: false
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config:
    max_concurrent_runs: 1
"""
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def open_instance(home: Path) -> dg.DagsterInstance:
    """Open Dagster's storage in a home; a first call makes it, with telemetry off."""
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "dagster.yaml"
    if not settings.exists():
        settings.write_text(INSTANCE_SETTINGS, encoding="utf-8")
    os.environ["DAGSTER_HOME"] = str(folder)
    return dg.DagsterInstance.get()


def run_job(job: dg.JobDefinition, instance: dg.DagsterInstance, tags: Mapping[str, str], log: Path) -> None:
    """Run a job in this process; raise what stopped it.

    A StrataError is raised as it is. Anything else is a fault of Strata: its traceback goes to `log`.
    """
    result = job.execute_in_process(instance=instance, raise_on_error=False, tags=dict(tags), run_config=QUIET)
    if not result.success:
        raise _cause(result, log)
    executed = {event.step_key for event in result.all_events if event.is_step_success}
    if not executed:
        raise StrataError(f"the job {job.name} had nothing to run: no asset was selected")


def _cause(result: dg.ExecuteInProcessResult, log: Path) -> Exception:
    for evaluation in result.get_asset_check_evaluations():
        if not evaluation.passed and evaluation.blocking:
            return StrataError(str(evaluation.description or f"the check {evaluation.check_name} failed"))
    for event in result.all_events:
        if event.is_step_failure:
            chain = list(_chain(event.step_failure_data.error))
            meant = [error for error in chain if error.cls_name in _strata_errors()]
            if meant:
                return StrataError(meant[0].message.split(": ", 1)[-1].strip())
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text(chain[0].to_string() if chain else "", encoding="utf-8")
            name = chain[-1].cls_name if chain else "unknown error"
            return StrataError(f"{event.step_key} failed with {name}; this is a fault of Strata, its details are in {log}")
    return StrataError(f"the run did not succeed; see {log}")


def _chain(error: Any) -> Iterator[Any]:
    """Give an error and what caused it, outermost first: the first StrataError is the one that was meant for the reader."""
    while error is not None:
        yield error
        error = error.cause


def _strata_errors() -> set[str]:
    kinds = [StrataError]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
    return {kind.__name__ for kind in kinds}


def explain(error: BaseException, log: Path) -> str:
    """Give the words for an error that stopped a command."""
    if isinstance(error, StrataError):
        return str(error)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    return f"{type(error).__name__}: this is a fault of Strata, its details are in {log}"


def say(text: str) -> None:
    """Tell the person who watches."""
    print(text, file=sys.stderr, flush=True)

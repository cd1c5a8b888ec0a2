"""The same assets without a browser: one run in this process, told as it goes."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import dagster as dg

from dagster_project.faults import OF_THE_DISK, OWN_PACKAGES, is_own, without_values
from pipelines.errors import StrataError
from pipelines.run.deployment import write_whole

INSTANCE_SETTINGS = """# Written by Strata; Dagster's own storage is SQLite in this folder.
telemetry:
  enabled: false
nux:
  enabled: false
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config:
    max_concurrent_runs: 1
"""
WORKSPACE = """# Written by Strata: what Dagster's pages load.
load_from:
  - python_module:
      module_name: dagster_project.definitions
      location_name: strata
"""
HEADLESS = "strata/headless"
UNDER_WAY = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
NAMED_ERROR = re.compile(r"(?P<package>\w+)\.[\w.]+: (?P<words>.*)", re.DOTALL)  # as Python prints an error that is not built in
INTERRUPTS = ("KeyboardInterrupt", "DagsterExecutionInterruptedError")
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def open_instance(home: Path) -> dg.DagsterInstance:
    """Open Dagster's storage in a home; a first call makes it, with telemetry off."""
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "dagster.yaml"
    if not settings.exists():
        write_whole(settings, INSTANCE_SETTINGS)
    os.environ["DAGSTER_HOME"] = str(folder)
    return dg.DagsterInstance.get()


def write_workspace(home: Path) -> Path:
    """Write the file that tells Dagster's pages what to load, and give its path."""
    open_instance(home)
    workspace = home / "dagster" / "workspace.yaml"
    write_whole(workspace, WORKSPACE)
    return workspace


def end_killed_runs(instance: dg.DagsterInstance) -> None:
    """Mark what killed processes left as running; whoever calls holds the home, so no run of this kind is alive."""
    for run in instance.get_runs(dg.RunsFilter(tags={HEADLESS: "true"}, statuses=UNDER_WAY)):
        instance.report_run_failed(run, "The process ended before the run did.")


def run_job(job: dg.JobDefinition, instance: dg.DagsterInstance, tags: Mapping[str, str], log: Path) -> list[str]:
    """Run a job in this process and give the words of checks that failed without stopping it; raise what stopped it, KeyboardInterrupt where
    a person did.

    An error of Strata's own is raised as its words. Anything else is a fault of Strata: its traceback goes to `log`.
    """
    told = {**tags, HEADLESS: "true"}
    result = job.execute_in_process(instance=instance, raise_on_error=False, tags=told, run_config=QUIET)
    if not result.success:
        raise KeyboardInterrupt if _interrupted(result) else _cause(result, log)
    executed = {event.step_key for event in result.all_events if event.is_step_success}
    if not executed:
        raise StrataError(f"the job {job.name} had nothing to run: no asset was selected")
    return _failed_checks(result, blocking=False)


def _interrupted(result: dg.ExecuteInProcessResult) -> bool:
    """Say whether a person stopped the run, within a step or between two."""
    steps = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
    whole = [event.job_failure_data.error for event in result.all_events if event.is_job_failure]
    return any(error.cls_name in INTERRUPTS for found in (*steps, *whole) for error in _chain(found))


def _cause(result: dg.ExecuteInProcessResult, log: Path) -> StrataError:
    """Give everything that stopped a run, each thing once: what is independent runs on after a failure."""
    broken = _failed_checks(result, blocking=True)
    failed = [_words(event, log) for event in result.all_events if event.is_step_failure and not _by_check(event)]
    return StrataError("\n".join(dict.fromkeys([*broken, *failed])) or f"the run did not succeed; see {log}")


def _failed_checks(result: dg.ExecuteInProcessResult, blocking: bool) -> list[str]:
    failed = [
        str(evaluation.description or f"the check {evaluation.check_name} failed")
        for evaluation in result.get_asset_check_evaluations()
        if not evaluation.passed and evaluation.blocking == blocking
    ]
    return list(dict.fromkeys(failed))


def _by_check(event: dg.DagsterEvent) -> bool:
    """Say whether a step failed because a check inside it did."""
    return any(error.cls_name == "DagsterAssetCheckFailedError" for error in _chain(event.step_failure_data.error))


def _words(event: dg.DagsterEvent, log: Path) -> str:
    chain = list(_chain(event.step_failure_data.error))
    for error in chain:
        named = NAMED_ERROR.match(error.message)
        if named and named["package"] in OWN_PACKAGES:
            return str(named["words"]).strip()
    details = chain[0].to_string() if chain else ""
    _keep(details, log)
    if refused := _of_the_disk(" ".join(error.message for error in chain), log):
        return refused
    name = chain[-1].cls_name if chain else "unknown error"
    return f"{event.step_key} failed with {name}; this is a fault of Strata, its details are in {log}"


def _chain(error: Any) -> Iterator[Any]:
    """Give an error and what caused it, outermost first: the first of Strata's own is the one meant for the reader."""
    while error is not None:
        yield error
        error = error.cause


def explain(error: BaseException, log: Path) -> str:
    """Give the words for an error that stopped a command."""
    if is_own(error):
        return str(error)
    _keep("".join(traceback.format_exception(without_values(error))), log)
    if refused := _of_the_disk(str(error), log):
        return refused
    return f"{type(error).__name__}: this is a fault of Strata, its details are in {log}"


def _of_the_disk(message: str, log: Path) -> str | None:
    """Give the words for what a disk refused; None for any other error. Its details stand in `log`, if it could be written."""
    words = next((words for pattern, words in OF_THE_DISK.items() if pattern.search(message)), None)
    return f"{words.format(home=log.parent.parent)}. What was committed stays; run the command again to go on" if words else None


def _keep(details: str, log: Path) -> None:
    with suppress(OSError):  # on a full disk the words to the reader matter more
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(details, encoding="utf-8")


def say(text: str) -> None:
    """Tell the person who watches."""
    print(text, file=sys.stderr, flush=True)

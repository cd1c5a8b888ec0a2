"""The assets without a browser: one run in this process, which prints its progress."""

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
from pipelines.lake.whole_files import write_whole

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
NAMED_ERROR = re.compile(
    r"(?P<package>\w+)\.[\w.]+: (?P<message>.*)", re.DOTALL
)  # as Python prints an error that is not built in
INTERRUPTS = ("KeyboardInterrupt", "DagsterExecutionInterruptedError")
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def open_instance(home: Path) -> dg.DagsterInstance:
    """Open Dagster's storage in a home, for a `with` block; the first call creates it, with telemetry off.

    Within the block, definitions are loaded with the state that this storage has of them.
    """
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "dagster.yaml"
    if not settings.exists():
        write_whole(settings, INSTANCE_SETTINGS)
    os.environ["DAGSTER_HOME"] = str(folder)
    return dg.DagsterInstance.get()


def write_workspace(home: Path) -> Path:
    """Write the file that lists what Dagster's pages load, and return its path."""
    open_instance(home).dispose()
    workspace = home / "dagster" / "workspace.yaml"
    write_whole(workspace, WORKSPACE)
    return workspace


def end_killed_runs(instance: dg.DagsterInstance) -> None:
    """Record the runs of killed processes as failed; the caller has locked the home, so no run of this kind is alive."""
    for run in instance.get_runs(dg.RunsFilter(tags={HEADLESS: "true"}, statuses=UNDER_WAY)):
        instance.report_run_failed(run, "The process ended before the run did.")


def run_job(job: dg.JobDefinition, instance: dg.DagsterInstance, tags: Mapping[str, str], log: Path) -> list[str]:
    """Run a job in this process and return the messages of checks that failed without stopping it.

    Raise KeyboardInterrupt where a person stopped the run, and StrataError where anything else did. An error that Strata declares
    is raised with its message. Anything else is a bug in Strata, and its traceback goes to `log`.
    """
    all_tags = {**tags, HEADLESS: "true"}
    result = job.execute_in_process(instance=instance, raise_on_error=False, tags=all_tags, run_config=QUIET)
    if not result.success:
        raise KeyboardInterrupt if _interrupted(result) else _cause(result, log)
    executed = {event.step_key for event in result.all_events if event.is_step_success}
    if not executed:
        raise StrataError(f"the job {job.name} had nothing to run: no asset was selected")
    return _failed_checks(result, blocking=False)


def _interrupted(result: dg.ExecuteInProcessResult) -> bool:
    """Return whether a person stopped the run, within a step or between two."""
    steps = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
    jobs = [event.job_failure_data.error for event in result.all_events if event.is_job_failure]
    return any(error.cls_name in INTERRUPTS for raised in (*steps, *jobs) for error in _chain(raised))


def _cause(result: dg.ExecuteInProcessResult, log: Path) -> StrataError:
    """Return everything that stopped a run, each message once: independent steps continue after a failure."""
    broken = _failed_checks(result, blocking=True)
    failed = [_message(event, log) for event in result.all_events if event.is_step_failure and not _by_check(event)]
    return StrataError("\n".join(dict.fromkeys([*broken, *failed])) or f"the run did not succeed; see {log}")


def _failed_checks(result: dg.ExecuteInProcessResult, blocking: bool) -> list[str]:
    failed = [
        str(evaluation.description or f"the check {evaluation.check_name} failed")
        for evaluation in result.get_asset_check_evaluations()
        if not evaluation.passed and evaluation.blocking == blocking
    ]
    return list(dict.fromkeys(failed))


def _by_check(event: dg.DagsterEvent) -> bool:
    """Return whether a step failed because a check inside it failed."""
    return any(error.cls_name == "DagsterAssetCheckFailedError" for error in _chain(event.step_failure_data.error))


def _message(event: dg.DagsterEvent, log: Path) -> str:
    chain = list(_chain(event.step_failure_data.error))
    for error in chain:
        named = NAMED_ERROR.match(error.message)
        if named and named["package"] in OWN_PACKAGES:
            return str(named["message"]).strip()
    details = chain[0].to_string() if chain else ""
    _keep(details, log)
    if refused := _of_the_disk(" ".join(error.message for error in chain), log):
        return refused
    name = chain[-1].cls_name if chain else "unknown error"
    return f"{event.step_key} failed with {name}: this is a bug in Strata. Its details are in {log}"


def _chain(error: Any) -> Iterator[Any]:
    """Yield an error and its causes, outermost first: the first that Strata declares is meant for the reader."""
    while error is not None:
        yield error
        error = error.cause


def explain(error: BaseException, log: Path) -> str:
    """Return the message for an error that stopped a command."""
    if is_own(error):
        return str(error)
    _keep("".join(traceback.format_exception(without_values(error))), log)
    if refused := _of_the_disk(str(error), log):
        return refused
    return f"{type(error).__name__}: this is a bug in Strata. Its details are in {log}"


def _of_the_disk(message: str, log: Path) -> str | None:
    """Return the message for an operation that a disk refused; None for any other error. `log` has its details."""
    reason = next((reason for pattern, reason in OF_THE_DISK.items() if pattern.search(message)), None)
    return (
        f"{reason.format(home=log.parent.parent)}. What was committed stays. Run the command again to continue"
        if reason
        else None
    )


def _keep(details: str, log: Path) -> None:
    with suppress(OSError):  # on a full disk the message to the reader matters more
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(details, encoding="utf-8")


def say(text: str) -> None:
    """Print a message on stderr."""
    print(text, file=sys.stderr, flush=True)

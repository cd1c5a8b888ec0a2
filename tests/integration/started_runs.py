"""Runs in processes of their own, started by a server that has loaded the libraries: each loads them once, and not every run."""

from __future__ import annotations

import multiprocessing
import os
import sys
from multiprocessing.context import ForkServerProcess
from pathlib import Path

LIBRARIES = (
    "dagster_project.headless", "expectations.validation", "pipelines.tracking.tracker", "pipelines.training.train", "models.plots",
)  # fmt: skip


def start_run(config: Path, home: Path, output: Path) -> ForkServerProcess:
    """Start a run of a configuration in a home. What it prints is added to a file."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(LIBRARIES))
    process = context.Process(target=_run, args=(config, home, output))
    process.start()
    return process


def _run(config: Path, home: Path, output: Path) -> None:
    from dagster_project.command_line import main

    with output.open("ab") as opened:
        os.dup2(opened.fileno(), 1)
        os.dup2(opened.fileno(), 2)
    os.environ["STRATA_HOME"] = str(home)
    sys.exit(main(["run", str(config)]))

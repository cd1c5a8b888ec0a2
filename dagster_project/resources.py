"""The one resource: the deployment that every asset works on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import dagster as dg

from pipelines.lake.file_modes import for_this_account
from pipelines.run.deployment import Deployment, open_deployment
from pipelines.stages import preparation

DEFAULT_CONFIG = "config/demo.yaml"
WATCHING = "strata/watching"  # tag of a run that looks or makes room: it begins whatever keeps others from beginning


class StrataResource(dg.ConfigurableResource):  # type: ignore[misc]
    """Hold the deployment of a configuration file for a run, however the run was launched."""

    config: str

    @property
    def deployment(self) -> Deployment:
        return opened(self.config)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[StrataResource]:
        """Refuse a run that must not begin, and one beside another in the same home."""
        with for_this_account(), self.deployment.alone():
            if context.run is None or WATCHING not in context.run.tags:
                preparation.prepare(self.deployment)
            yield self


@cache
def opened(config: str) -> Deployment:
    """Open a configuration once in a process."""
    return open_deployment(Path(config))


def chosen_config() -> str:
    """Return the configuration of this process: STRATA_CONFIG, else the demo configuration."""
    return os.environ.get("STRATA_CONFIG", DEFAULT_CONFIG)

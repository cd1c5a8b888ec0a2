"""Upgrade a home of an earlier format, or one that was moved, so that this version of Strata can read and write it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipelines.lake.whole_files import write_whole
from pipelines.run.deployment import Deployment
from pipelines.run.home_format import CURRENT_FORMAT, FIRST_FORMAT, FORMAT_FILE, format_of

Summary = dict[str, Any]


@dataclass(frozen=True)
class Migration:
    """One step from a format to the next; it can be repeated after an interruption."""

    to: int
    description: str
    apply: Callable[[Deployment], Summary]


def _record_format(deployment: Deployment) -> Summary:
    return {}


MIGRATIONS = (Migration(2, "the home records its format", _record_format),)


def upgrade(deployment: Deployment) -> Summary:
    """Apply every missing migration in order, and return a summary of each.

    The format is recorded after each migration, so that an interrupted upgrade can continue.
    """
    summary: Summary = {}
    home_format = format_of(deployment.home)
    for migration in MIGRATIONS:
        if home_format is not None and home_format < migration.to:
            summary |= {migration.description: "done", **migration.apply(deployment)}
            write_whole(deployment.home / FORMAT_FILE, f"{migration.to}\n")
    if (deployment.home / "mlflow.db").is_file() and (moved := deployment.tracker.correct_addresses()):
        summary["addresses of artifacts corrected"] = moved
    return {"format": f"{home_format or FIRST_FORMAT} before, {CURRENT_FORMAT} now", **summary}

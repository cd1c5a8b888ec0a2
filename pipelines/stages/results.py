"""What a stage reports: its facts, and whether it was done, unchanged, skipped, refused or broken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """How a stage ended."""

    DONE = "done"
    UNCHANGED = "unchanged"  # nothing it reads is new, so it was not run
    SKIPPED = "skipped"  # there was nothing to do: not a date of this stage


@dataclass(frozen=True)
class StageResult:
    """The result of a stage.

    `facts` are shown in the progress line and in Dagster. `message` says the same in a sentence, such as why nothing was done.
    `refused` holds the reason for each study that was refused while others went on. `broken` names the rules that stop
    everything downstream. A stage with `is_unfinished` runs again next time, even if nothing it reads is new.
    """

    facts: Mapping[str, Any] = field(default_factory=dict)
    status: Status = Status.DONE
    message: str = ""
    refused: Mapping[str, str] = field(default_factory=dict)
    broken: str = ""
    is_unfinished: bool = False

    @property
    def runs_again(self) -> bool:
        """Return whether the stage must run next time whatever it reads: it was refused, broken or not finished."""
        return self.is_unfinished or bool(self.refused) or bool(self.broken)

    @property
    def refusals(self) -> str:
        """Return a line for each study that was refused."""
        return "\n".join(f"{name}: {reason}" for name, reason in self.refused.items())

    @property
    def summary(self) -> dict[str, Any]:
        """Return what is shown to a person: the message, the facts and the refusals."""
        message = {"status": self.message} if self.message else {}
        return {**message, **self.facts, **({"refused": self.refusals} if self.refused else {})}


def skipped(message: str) -> StageResult:
    """Return the result of a stage that had nothing to do."""
    return StageResult(status=Status.SKIPPED, message=message)

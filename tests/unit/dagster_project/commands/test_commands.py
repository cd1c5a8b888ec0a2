from collections.abc import Callable
from pathlib import Path

import pytest

from dagster_project.command_line import main
from dagster_project.commands import privacy, publishing, reading, running, upkeep

REFUSALS: list[tuple[Callable[..., None], list[str], str]] = [
    (running.backfill, ["2024-13-01"], "'2024-13-01' is not a date. Write it as 2025-01-31"),
    (publishing.publish, [], "no database is configured"),
    (publishing.withdraw, ["a-run"], "add --reason"),
    (publishing.decide, ["approval", "emergency_admission version 3"], "a decision needs the role"),
    (upkeep.reproduce, ["a-run"], "there is no run 'a-run' in risk__runs"),
    (upkeep.tidy, [], "there is no extract of any feed"),
    (privacy.erase, ["a-pseudonym"], "Add --reason"),
    (privacy.reidentify, [], "re-identification needs three options"),
    (privacy.rotate_key, [], "Strata has no key to them"),
    (reading.caseload, [], "there is no caseload yet"),
    (reading.why, ["a-pseudonym", "2026-01-01"], "there are no people yet"),
]


@pytest.mark.parametrize(("command", "arguments", "reason"), REFUSALS, ids=lambda value: getattr(value, "__name__", None))
def test_a_command_on_an_empty_home_ends_with_its_reason(
    command: Callable[..., None], arguments: list[str], reason: str, config: Path, message: Callable[[], str]
) -> None:
    assert main([command.__name__.replace("_", "-"), str(config), *arguments]) == 1
    assert reason in message()

from collections.abc import Callable
from pathlib import Path

import pytest

from dagster_project.command_line import main
from dagster_project.commands import running
from pipelines.run.deployment import open_deployment
from pipelines.run.home_format import CURRENT_FORMAT


@pytest.mark.parametrize("command", ["run", "check-extract", "score", "defects"])
def test_a_wrong_key_stops_before_any_work(command: str, config: Path, message: Callable[[], str]) -> None:
    config.write_text(config.read_text() + "study: {sed: 1}\n")
    assert main([command, str(config)]) == 1
    text = message()
    assert "study.sed: there is no such key; did you mean 'seed'?" in text
    assert not (config.parent / "home").exists()


def test_a_configuration_that_is_not_there_is_named(config: Path, message: Callable[[], str]) -> None:
    assert main(["run", str(config.parent / "mine.yaml")]) == 1
    text = message()
    assert "mine.yaml" in text
    assert "a_board.yaml" in text


def test_the_home_of_another_deployment_is_refused(config: Path, message: Callable[[], str]) -> None:
    home = config.parent / "home"
    home.mkdir()
    (home / "deployment").write_text("another_board\n")
    (home / "format").write_text(f"{CURRENT_FORMAT}\n")
    assert main(["run", str(config)]) == 1
    assert "belongs to the deployment 'another_board', this is 'a_board'" in message()


def test_the_details_of_a_fault_are_in_the_home(config: Path, message: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    def breaks(*_: object) -> None:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(running, "_execute", breaks)
    assert main(["run", str(config)]) == 1
    log = config.parent / "home" / "reports" / "last_error.log"
    assert f"ZeroDivisionError: this is a bug in Strata. Its details are in {log}" in message()
    assert "a fault" in log.read_text()


def test_an_interrupt_is_no_fault(config: Path, message: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "_execute", interrupted)
    assert main(["run", str(config)]) == 130
    assert "Run the command again to continue" in message()


def test_a_claim_is_written_whole(config: Path) -> None:
    deployment = open_deployment(config)
    with deployment.alone():
        assert (deployment.home / "deployment").read_text() == "a_board\n"
    assert [path.name for path in deployment.home.glob("*.partial")] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["backfill", "2024-01-01"],
        ["why", "a-pseudonym", "2024-01-01"],
        ["withdraw", "a-run", "--reason", "wrong"],
        ["caseload", "--practice", "Y00001"],
    ],
)
def test_the_configuration_may_be_left_out_before_other_arguments(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, message: Callable[[], str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STRATA_CONFIG", "")
    assert main(arguments) == 1
    assert "config/demo.yaml" in message()

import subprocess
import sys
from pathlib import Path

import pytest

from dagster_project import command_line, resources
from dagster_project.command_line import main
from pipelines.run.deployment import open_deployment
from pipelines.run.home_format import CURRENT_FORMAT

CONFIG = """
deployment: a_board
purpose: {{use: planning, approval: DSA 12, approval_expires: {expires}}}
source: {{kind: nhs, nhs: {{}}}}
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("STRATA_CONFIG", "DAGSTER_HOME"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("STRATA_HOME", str(tmp_path / "home"))
    path = tmp_path / "a_board.yaml"
    path.write_text(CONFIG.format(expires="2099-12-31"))
    return path


def words(capsys: pytest.CaptureFixture[str]) -> str:
    told = capsys.readouterr().err
    assert "Traceback" not in told
    return told


@pytest.mark.parametrize("command", ["run", "check-extract", "score", "defects"])
def test_a_wrong_key_stops_before_any_work(command: str, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(CONFIG.format(expires="2099-12-31") + "study: {sed: 1}\n")
    assert main([command, str(config)]) == 1
    told = words(capsys)
    assert "study.sed: there is no such key; did you mean 'seed'?" in told
    assert not (config.parent / "home").exists()


def test_a_configuration_that_is_not_there_is_named(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(config.parent / "mine.yaml")]) == 1
    told = words(capsys)
    assert "mine.yaml" in told
    assert "a_board.yaml" in told


def test_an_expired_approval_refuses_before_any_work(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(CONFIG.format(expires="2020-01-31"))
    assert main(["run", str(config)]) == 1
    assert "the approval 'DSA 12' expired on 2020-01-31: nothing was run" in words(capsys)
    assert not (config.parent / "home" / "lake").exists()
    assert not (config.parent / "home" / "dagster").exists()


@pytest.mark.parametrize(
    "command", [["run"], ["check-extract"], ["score"], ["recalibrate"], ["backfill"]], ids=lambda given: given[0]
)
def test_a_delivery_dated_after_today_refuses_before_any_work(
    command: list[str], config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = config.parent / "home" / "landing" / "emergency_attendances"
    folder.mkdir(parents=True)
    (folder / "emergency_attendances_2062-01-01.csv").write_text("PERSON_ID\n1\n")
    day = ["2025-01-01"] if command == ["backfill"] else []
    assert main([*command, str(config), *day]) == 1
    told = words(capsys)
    assert "emergency_attendances/emergency_attendances_2062-01-01.csv: delivery date 2062-01-01" in told
    assert "nothing was taken in" in told
    assert not (config.parent / "home" / "lake").exists()


def test_a_second_run_at_once_is_refused(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import fcntl

    home = config.parent / "home"
    home.mkdir()
    with (home / "run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert main(["run", str(config)]) == 1
    assert f"another run is writing to {home}" in words(capsys)


def test_the_home_of_another_deployment_is_refused(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = config.parent / "home"
    home.mkdir()
    (home / "deployment").write_text("another_board\n")
    (home / "format").write_text(f"{CURRENT_FORMAT}\n")
    assert main(["run", str(config)]) == 1
    assert "belongs to the deployment 'another_board', this is 'a_board'" in words(capsys)


def test_a_home_without_extracts_says_where_to_put_them(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(config)]) == 1
    assert str(config.parent / "home" / "landing") in words(capsys)


def test_the_details_of_a_fault_are_in_the_home(config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    def breaks(*_: object) -> None:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(command_line, "_execute", breaks)
    assert main(["run", str(config)]) == 1
    log = config.parent / "home" / "reports" / "last_error.log"
    assert f"ZeroDivisionError: this is a bug in Strata. Its details are in {log}" in words(capsys)
    assert "a fault" in log.read_text()


def test_an_interrupt_is_no_fault(config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "_execute", interrupted)
    assert main(["run", str(config)]) == 130
    assert "Run the command again to continue" in words(capsys)


def test_a_claim_is_written_whole(config: Path) -> None:
    deployment = open_deployment(config)
    with deployment.alone():
        assert (deployment.home / "deployment").read_text() == "a_board\n"
    assert [path.name for path in deployment.home.glob("*.partial")] == []


def test_the_chosen_configuration_is_the_one_that_was_given(config: Path) -> None:
    main(["check-extract", str(config)])
    assert resources.chosen_config() == str(config)


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
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STRATA_CONFIG", "")
    assert main(arguments) == 1
    assert "config/demo.yaml" in words(capsys)


def test_wrong_usage_and_help_end_with_their_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why", "a-pseudonym"]) == 2
    assert main(["no-such-command"]) == 2
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert "rotate-key" in shown and "\x1b" not in shown


def test_help_needs_none_of_the_heavy_libraries() -> None:
    heavy = "{'dagster', 'pandas', 'duckdb', 'mlflow', 'pyarrow'} & set(sys.modules)"
    code = f"import sys; from dagster_project.command_line import main; main(['--help']); sys.exit(len({heavy}))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60).returncode == 0

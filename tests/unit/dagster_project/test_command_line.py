import subprocess
import sys

import pytest

from dagster_project.command_line import main


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

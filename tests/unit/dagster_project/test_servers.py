from ipaddress import ip_address
from pathlib import Path

from dagster_project.servers import commands


def test_every_page_is_for_this_machine_alone() -> None:
    started = commands(Path("workspace.yaml"), "sqlite:///mlflow.db", "file:///artifacts")
    assert set(started) == {"dagster", "mlflow"}
    for command in started.values():
        assert ip_address(command[command.index("--host") + 1]).is_loopback

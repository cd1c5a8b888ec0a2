from collections.abc import Callable
from pathlib import Path

import pytest

from dagster_project.command_line import main


def test_an_expired_approval_refuses_before_any_work(config: Path, message: Callable[[], str]) -> None:
    config.write_text(config.read_text().replace("2099-12-31", "2020-01-31"))
    assert main(["run", str(config)]) == 1
    assert "the approval 'DSA 12' expired on 2020-01-31: nothing was run" in message()
    assert not (config.parent / "home" / "lake").exists()
    assert not (config.parent / "home" / "dagster").exists()


@pytest.mark.parametrize(
    "command", [["run"], ["check-extract"], ["score"], ["recalibrate"], ["backfill"]], ids=lambda given: given[0]
)
def test_a_delivery_dated_after_today_refuses_before_any_work(
    command: list[str], config: Path, message: Callable[[], str]
) -> None:
    folder = config.parent / "home" / "landing" / "emergency_attendances"
    folder.mkdir(parents=True)
    (folder / "emergency_attendances_2062-01-01.csv").write_text("PERSON_ID\n1\n")
    day = ["2025-01-01"] if command == ["backfill"] else []
    assert main([*command, str(config), *day]) == 1
    text = message()
    assert "emergency_attendances/emergency_attendances_2062-01-01.csv: delivery date 2062-01-01" in text
    assert "nothing was taken in" in text
    assert not (config.parent / "home" / "lake").exists()


def test_a_second_run_at_once_is_refused(config: Path, message: Callable[[], str]) -> None:
    import fcntl

    home = config.parent / "home"
    home.mkdir()
    with (home / "run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert main(["run", str(config)]) == 1
    assert f"another run is writing to {home}" in message()


def test_a_home_without_extracts_says_where_to_put_them(config: Path, message: Callable[[], str]) -> None:
    assert main(["run", str(config)]) == 1
    assert str(config.parent / "home" / "landing") in message()

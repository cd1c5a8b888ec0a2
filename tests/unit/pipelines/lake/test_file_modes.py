import os
import stat
from pathlib import Path

from pipelines.lake.file_modes import close_to_others, for_this_account


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_files_made_in_the_block_are_for_this_account_and_the_umask_is_restored(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with for_this_account():
            (tmp_path / "made").mkdir()
            (tmp_path / "made" / "file").touch()
        (tmp_path / "after").touch()
    finally:
        os.umask(before)
    assert (mode(tmp_path / "made"), mode(tmp_path / "made" / "file"), mode(tmp_path / "after")) == (0o700, 0o600, 0o644)


def test_a_home_that_other_accounts_can_read_is_closed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "lake").mkdir(parents=True)
    (home / "mlflow.db").touch()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (home / "linked").symlink_to(elsewhere)
    for path in (home, home / "lake", elsewhere):
        path.chmod(0o755)
    (home / "mlflow.db").chmod(0o644)
    close_to_others(home)
    assert [mode(path) for path in (home, home / "lake", home / "mlflow.db", elsewhere)] == [0o700, 0o700, 0o600, 0o755]

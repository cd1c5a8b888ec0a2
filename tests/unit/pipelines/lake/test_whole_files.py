from pathlib import Path

import pytest

from pipelines.lake.whole_files import write_whole


def test_a_file_is_written_for_this_account_alone_and_leaves_no_draft(tmp_path: Path) -> None:
    file = write_whole(tmp_path / "reports" / "page.html", "first")
    assert write_whole(file, "second").read_text() == "second"
    assert file.stat().st_mode & 0o077 == 0
    assert [path.name for path in file.parent.iterdir()] == ["page.html"]


def test_a_draft_of_an_interrupted_process_does_not_open_the_file_to_others(tmp_path: Path) -> None:
    draft = tmp_path / "page.html.partial"
    draft.touch()
    draft.chmod(0o644)
    assert write_whole(tmp_path / "page.html", "text").stat().st_mode & 0o077 == 0


def test_the_old_file_stays_where_the_new_one_cannot_be_written(tmp_path: Path) -> None:
    file = write_whole(tmp_path / "page.html", "old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(file, "\ud800")
    assert file.read_text() == "old"

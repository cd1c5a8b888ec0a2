from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipelines.errors import RefusalError
from pipelines.extracts.pseudonyms import pseudonym_of
from pipelines.upkeep import key_rotation
from pipelines.upkeep.erasure import erase_person
from pipelines.upkeep.key_rotation import rotate


def people_of(home: Any, name: str, column: str = "person_id") -> list[str]:
    return home.lake.read(name, column)[column].to_pylist()


def files_that_name(home: Any, person: str) -> list[str]:
    return [
        str(path) for path in (home.path / "lake").rglob("*.parquet") if person in str(pq.read_table(path, partitioning=None))
    ]


def test_everyone_has_the_pseudonym_of_the_whole_chain_everywhere(home: Any, numbers: Any, keys: Any) -> None:
    old, new = ([pseudonym_of(number, keys[:links]) for number in numbers] for links in (1, 2))
    page = home.path / "reports" / "caseloads" / "A81001.csv"
    page.parent.mkdir(parents=True)
    page.write_text(old[0])
    counts = rotate(home.lake, keys[:2], home.path / "reports")
    assert counts == {"tables": 6, "rows": 18, "pages_deleted": 1, "keys": 2}
    for name in ("raw__opt_outs", "core__person", "risk__scores", "risk__current", "risk__drivers"):
        assert people_of(home, name) == new, name
    assert people_of(home, "core__residence", "household_id") == [None, new[0], new[0]]
    assert [files_that_name(home, person) for person in old] == [[], [], []]


def test_what_is_delivered_later_comes_to_the_same_people(home: Any, numbers: Any, keys: Any) -> None:
    with pytest.raises(RefusalError, match="rotate-key"):
        home.deliver("2026-02-01", links=2)
    rotate(home.lake, keys[:2], home.path / "reports")
    assert home.deliver("2026-02-01", links=2) == people_of(home, "core__person")
    rotate(home.lake, keys, home.path / "reports")
    assert home.deliver("2026-03-01", links=3) == people_of(home, "core__person")
    with pytest.raises(RefusalError, match="not the one"):
        home.deliver("2026-04-01")


@pytest.mark.parametrize("survived", [0, 2, 5])
def test_a_rotation_that_was_cut_short_is_completed(
    home: Any, numbers: Any, keys: Any, survived: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def killed(*given: Any, **options: Any) -> None:
        calls.append(given)
        if len(calls) > survived:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        exchange = key_rotation.exchange
        patch.setattr(key_rotation, "exchange", lambda *given: (killed(), exchange(*given)))
        with pytest.raises(KeyboardInterrupt):
            rotate(home.lake, keys[:2], home.path / "reports")
    with pytest.raises(RefusalError, match="was interrupted"):
        home.deliver("2026-02-01", links=2)
    assert rotate(home.lake, keys[:2], home.path / "reports")["rows"] == 3 * (6 - survived)
    new = [pseudonym_of(number, keys[:2]) for number in numbers]
    assert people_of(home, "risk__scores") == people_of(home, "raw__opt_outs") == new
    assert not files_that_name(home, pseudonym_of(numbers[0], keys[:1]))


def test_it_counts_as_cut_short_until_other_targets_have_followed(home: Any, keys: Any) -> None:
    def database_is_away() -> None:
        raise RefusalError("mend the database")

    with pytest.raises(RefusalError, match="mend"):
        rotate(home.lake, keys[:2], home.path / "reports", database_is_away)
    followed = []
    assert rotate(home.lake, keys[:2], home.path / "reports", lambda: followed.append(1))["rows"] == 0
    assert followed == [1]


def test_an_erased_person_stays_away_through_every_rotation(home: Any, numbers: Any, keys: Any) -> None:
    lake, reports = home.lake, home.path / "reports"
    erase_person(lake, reports, pseudonym_of(numbers[0], keys[:1]), "article 17")
    rotate(lake, keys[:2], reports)
    assert home.deliver("2026-02-01", links=2) == [pseudonym_of(number, keys[:2]) for number in numbers[1:]]
    erase_person(lake, reports, pseudonym_of(numbers[1], keys[:2]), "article 17")
    rotate(lake, keys, reports)
    assert home.deliver("2026-03-01", links=3) == [pseudonym_of(numbers[2], keys)]


def test_without_a_new_key_or_with_another_first_one_nothing_is_rotated(home: Any, keys: Any, tmp_path: Path) -> None:
    for chain, words in ((keys[:1], "no new key"), (keys[1:], "are not the keys")):
        with pytest.raises(RefusalError, match=words):
            rotate(home.lake, chain, tmp_path)

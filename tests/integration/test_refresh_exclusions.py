"""Between two runs, people who died, objected, became confidential or left disappear from everything that readers see."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipelines.lake.storage import Lake

pytestmark = pytest.mark.slow

BEFORE, AFTER, LATER = "2026-01-01", "2026-01-15", "2026-01-20"
SEEN = ("risk__current", "risk__caseload", "risk__drivers", "risk__rising")
KEPT = ("risk__scores", "risk__models", "risk__runs", "features__person", "monitoring__exclusions")


@pytest.fixture(scope="module")
def board(strata: Callable[..., int], small_board: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the configuration and home of a small ICB with a published run and its pages."""
    folder = tmp_path_factory.mktemp("board")
    config, home = folder / "board.yaml", folder / "home"
    text = small_board.replace("people: 2500", "people: 900").replace("minimum_events: 20", "minimum_events: 5")
    config.write_text(text + "  caseloads: {write_pages: true, people: 6}\n")
    assert strata(home, "run", str(config)) == 0
    return config, home


def deliver(landing: Path, feed: str, day: str, change: Callable[[list[dict[str, str]]], None]) -> None:
    """Write a new delivery of a feed: the rows of the latest one, changed."""
    latest = sorted(path for path in landing.glob(f"{feed}/*.csv"))[-1]
    rows = list(csv.DictReader(latest.open(encoding="utf-8")))
    names = list(rows[0])
    change(rows)
    with (landing / feed / f"{feed}_{day}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def set_all(people: list[str], **values: str) -> Callable[[list[dict[str, str]]], None]:
    def change(rows: list[dict[str, str]]) -> None:
        for row in rows:
            if row["PERSON_ID"].strip() in people:
                row.update(values)

    return change


def frames(lake: Lake, names: tuple[str, ...]) -> dict[str, pd.DataFrame]:
    return {name: lake.read(name).to_pandas() for name in names if lake.exists(name)}


def files_of(lake: Lake) -> dict[str, Any]:
    return {name: lake.live_files(name) for name in KEPT}


def pages(home: Path) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in sorted((home / "reports" / "caseloads").iterdir()))


def test_people_who_died_objected_or_left_disappear_everywhere_and_others_stay_as_they_are(
    board: tuple[Path, Path], strata: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    config, home = board
    lake, landing = Lake(home / "lake"), home / "landing"
    before, kept, text = frames(lake, SEEN), files_of(lake), pages(home)
    listed = before["risk__caseload"].query("listed")["person_id"].tolist()
    assert "Deaths and objections known to 1 January 2026." in text
    dead, hidden, objecting, left = listed[:3], listed[3:4], listed[4:6], listed[6:7]
    gone = [*dead, *hidden, *objecting, *left]

    def list_changes(rows: list[dict[str, str]]) -> None:
        set_all(dead, DEATH_DATE="2026-01-10")(rows)
        set_all(hidden, IS_CONFIDENTIAL="1")(rows)

    def objections(rows: list[dict[str, str]]) -> None:
        new = dict.fromkeys(rows[0], "") | {"OPT_OUT_TYPE": "TYPE_1", "STATUS": "1", "EFFECTIVE_DATE": AFTER}
        rows += [{name: value for name, value in {**new, "PERSON_ID": person}.items() if name in rows[0]} for person in objecting]

    deliver(landing, "patients", AFTER, list_changes)
    deliver(landing, "registrations", AFTER, set_all(left, END_DATE="2026-01-12"))
    deliver(landing, "opt_outs", AFTER, objections)
    assert strata(home, "refresh-exclusions", str(config)) == 0, capsys.readouterr().err

    counts = lake.read("risk__removals", "reason, people", "reason <> ''", "reason").to_pylist()
    assert {row["reason"]: row["people"] for row in counts} == {
        "confidential, sensitive or deleted": 1, "died": 3, "left the list": 1, "type 1 objection": 2,
    }  # fmt: skip
    for name, rows in before.items():
        expected = rows[~rows["person_id"].isin(gone)].reset_index(drop=True)
        pd.testing.assert_frame_equal(lake.read(name).to_pandas(), expected, check_exact=True)
    assert files_of(lake) == kept
    text = pages(home)
    assert not [person for person in gone if person in text]
    assert "Deaths and objections known to 15 January 2026." in text

    after = frames(lake, SEEN)
    assert strata(home, "refresh-exclusions", str(config)) == 0
    assert frames(lake, SEEN).keys() == after.keys()
    assert all(rows.equals(lake.read(name).to_pandas()) for name, rows in after.items())
    assert lake.read("risk__removals", "reason", "reason <> ''").num_rows == len(counts)


def test_a_delivery_that_is_stopped_removes_no_one_and_the_others_still_apply(
    board: tuple[Path, Path], strata: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    config, home = board
    lake, landing = Lake(home / "lake"), home / "landing"
    before = frames(lake, SEEN)
    listed = before["risk__caseload"].query("listed")["person_id"].tolist()

    def cut(rows: list[dict[str, str]]) -> None:
        del rows[len(rows) // 20 :]

    deliver(landing, "patients", LATER, cut)
    deliver(landing, "registrations", LATER, set_all(listed[:1], END_DATE="2026-01-12"))
    assert strata(home, "refresh-exclusions", str(config)) == 1
    assert "patients" in capsys.readouterr().err
    for name, rows in before.items():
        expected = rows[rows["person_id"] != listed[0]].reset_index(drop=True)
        pd.testing.assert_frame_equal(lake.read(name).to_pandas(), expected, check_exact=True)
    text = pages(home)
    assert listed[0] not in text and "Deaths and objections known to 15 January 2026." in text

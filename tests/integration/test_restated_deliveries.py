"""A later delivery changes, adds and withdraws events: the features of an earlier index date do not change in any row."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from integration.taken_in import conform, take_in, write_delivery

from expectations.tables import core
from features.cohort import CohortSettings
from features.events import NUMBER_OF
from pipelines.building.build_features import FeatureRequest, build_features
from pipelines.lake.storage import Lake
from pipelines.run.deployment import Deployment
from pipelines.stages import building

CONFIG = """
deployment: a_board
purpose: {use: planning, approval: DSA 12, approval_expires: 2099-12-31}
source:
  kind: nhs
  nhs:
    landing: landing
    feeds:
      patients: {not_delivered: [death_date, is_confidential, is_deleted, is_spine_sensitive, is_test_patient]}
      registrations: {}
      admissions: {load: {replaces_months: 12}}
      emergency_attendances: {load: append}
      outpatient_appointments: {load: snapshot}
      gp_observations: {load: {replaces_months: 12}, not_delivered: [is_confidential, is_deleted]}
validation:
  limits: {feed_collapsed: 0, month_collapsed: 0, month_gap: 0, single_value: 0, share_set_aside: 1, unknown_codes: 1}
"""
PEOPLE = ("ann", "bob", "cat", "dan", "eve", "fay", "gus", "hal", "ivy", "jan")
LEFT_BEFORE_SEEN = "1066301000000103"
# One row of a feed over three deliveries; '' if a delivery does not have it.
ADMISSIONS = (
    # open, then discharged, then coded again
    ("ann,1,RX1,2025-02-20,,21,,19,,,1", "ann,1,RX1,2025-02-20,2025-03-05,21,19,19,I219,,1", "ann,1,RX1,2025-02-20,2025-03-05,21,19,19,I500,E119,1"),
    # only a second diagnosis changes, then the spell is withdrawn
    ("bob,2,RX1,2025-01-10,2025-01-12,22,19,19,J440,,2", "bob,2,RX1,2025-01-10,2025-01-12,22,19,19,J440,E119,2", ""),
    # two stays, of which the second arrives later and is joined to the same spell; then it ends on another day
    ("cat,3,RX1,2025-01-01,2025-01-05,21,51,19,S720,,2", "cat,3,RX1,2025-01-01,2025-01-05,21,51,19,S720,,2", "cat,3,RX1,2025-01-01,2025-01-05,21,51,19,S720,,2"),
    ("", "cat,4,RX2,2025-01-05,2025-01-20,81,19,51,S720,,2", "cat,4,RX2,2025-01-05,2025-01-22,81,19,51,S720,,2"),
    # an elective spell that is corrected to an emergency
    ("dan,5,RX1,2025-01-07,2025-01-08,11,19,19,K400,,1", "dan,5,RX1,2025-01-07,2025-01-08,21,19,19,K400,,1", "dan,5,RX1,2025-01-07,2025-01-08,21,19,19,K400,,1"),
    # never changed, with two equal rows on one day
    ("eve,6,RX1,2024-12-01,2024-12-04,21,19,19,J180,,2",) * 3,
    ("eve,7,RX2,2025-02-01,2025-02-01,21,19,19,R074,,2",) * 3,
    # two planned stays that are one spell, until an emergency inside the first arrives: the second belongs to the emergency
    ("gus,8,RX1,2025-01-01,2025-01-10,11,19,19,K400,,1",) * 3,
    ("gus,9,RX3,2025-01-08,2025-01-20,11,19,19,K400,,1",) * 3,
    ("", "gus,10,RX2,2025-01-05,2025-01-30,21,19,19,I219,,1", "gus,10,RX2,2025-01-05,2025-01-30,21,19,19,I219,,1"),
    # a planned stay, inside which an emergency arrives, and then ends on another day
    ("hal,11,RX1,2025-01-01,2025-01-10,11,19,19,K400,,1",) * 3,
    ("", "hal,12,RX2,2025-01-05,2025-01-08,21,19,19,I219,,1", "hal,12,RX2,2025-01-05,2025-01-07,21,19,19,I219,,1"),
    # a planned stay and an emergency inside it that is open, then ends after it, then before it
    ("ivy,13,RX1,2025-01-01,2025-01-20,11,19,19,K400,,1",) * 3,
    ("ivy,14,RX2,2025-01-05,,21,,19,,,1", "ivy,14,RX2,2025-01-05,2025-02-10,21,19,19,I219,,1", "ivy,14,RX2,2025-01-05,2025-01-09,21,19,19,I219,,1"),
    # the emergency inside a planned stay is withdrawn
    ("jan,15,RX1,2025-01-01,2025-01-10,11,19,19,K400,,1",) * 3,
    ("jan,16,RX2,2025-01-05,2025-01-08,21,19,19,I219,,1", "jan,16,RX2,2025-01-05,2025-01-08,21,19,19,I219,,1", ""),
)  # fmt: skip
ATTENDANCES = (
    ("bob,1,RX1,2025-02-01,01,,1", f"bob,1,RX1,2025-02-01,01,{LEFT_BEFORE_SEEN},1", f"bob,1,RX1,2025-02-01,05,{LEFT_BEFORE_SEEN},1"),
    ("cat,2,RX1,2025-02-03,01,,2",) * 3,
    ("cat,3,RX1,2025-02-03,01,,2", "cat,3,RX1,2025-02-03,03,,2", "cat,3,RX1,2025-02-04,03,,2"),
    ("", "", "fay,4,RX1,2025-01-15,01,,2"),
)  # fmt: skip
APPOINTMENTS = (
    ("ann,1,RX1,2025-02-11,5", "ann,1,RX1,2025-02-11,3", "ann,1,RX1,2025-02-12,3"),
    ("bob,2,RX1,2025-02-12,5", "", ""),
    ("cat,3,RX1,2025-02-13,5", "cat,3,RX1,2025-02-13,5", "cat,3,RX1,2025-02-13,7"),
    ("eve,4,RX1,2025-02-14,5",) * 3,
)
OBSERVATIONS = (
    ("1,ann,Y00001,2025-01-20,1091811000000102,150", "1,ann,Y00001,2025-01-20,1091811000000102,140", "1,ann,Y00001,2025-01-20,1091811000000102,140"),
    ("2,bob,Y00001,2025-01-21,185349003,", "", ""),
    ("3,cat,Y00001,2025-01-22,185349003,", "3,cat,Y00001,2025-01-22,185349003,", "3,dan,Y00001,2025-01-22,185349003,"),
    ("", "4,dan,Y00001,2025-01-23,185349003,", "4,dan,Y00001,2025-01-23,185349003,"),
)  # fmt: skip
RESTATED = {
    "admissions": ADMISSIONS, "emergency_attendances": ATTENDANCES, "outpatient_appointments": APPOINTMENTS, "gp_observations": OBSERVATIONS,
}  # fmt: skip
DELIVERIES = ("2025-03-01", "2025-05-01", "2025-07-01")
INDEX_DATES = ((date(2025, 4, 15),), (date(2025, 5, 1), date(2025, 6, 30)), ())  # by delivery: a day before the next delivery
NOW = date(2025, 8, 1)


def deliver(folder: Path, number: int) -> Deployment:
    """Write and ingest a delivery (the first has the registered list) and conform all feeds; every month counts as covered."""
    if number == 0:
        listed = [f"{name},Y00001,19{40 + 5 * place},{1 + place},{1 + place % 2},A" for place, name in enumerate(PEOPLE)]
        registered = [f"{name},Y00001,20{10 + place}-01-01," for place, name in enumerate(PEOPLE)]
        write_delivery(folder, "patients", DELIVERIES[0], listed)
        write_delivery(folder, "registrations", DELIVERIES[0], registered)
    for feed, restated in RESTATED.items():
        write_delivery(folder, feed, DELIVERIES[number], [row[number] for row in restated if row[number]])
    deployment = conform(take_in(folder, CONFIG))
    months = [date(2020 + month // 12, month % 12 + 1, 1) for month in range(72)]
    covered = [
        {"feed": feed, "organisation_role": "practice", "organisation_code": "Y00001", "month": month, "rows": 1, "expected_rows": 1.0,
         "status": "covered", "known_since": None}
        for feed in RESTATED for month in months
    ]  # fmt: skip
    deployment.lake.write(core.COVERAGE, pa.Table.from_pylist(covered))
    return deployment


def features(deployment: Deployment, day: date) -> list[dict[str, object]]:
    building.build_features(deployment, day)
    partition = {"index_date": day.isoformat()}
    return list(deployment.lake.read("features__person", order="person_id", partition=partition).to_pylist())


def differing(one: list[dict[str, object]], other: list[dict[str, object]]) -> list[tuple[object, str, object, object]]:
    assert [row["person_id"] for row in one] == [row["person_id"] for row in other]
    return [
        (mine["person_id"], name, mine[name], theirs[name])
        for mine, theirs in zip(one, other, strict=True)
        for name in mine
        if mine[name] != theirs[name]
    ]


@dataclass(frozen=True)
class Board:
    """An ICB after its last delivery, and the features built after each, by number of the delivery and index date."""

    deployment: Deployment
    built: Mapping[tuple[int, date], list[dict[str, object]]]


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    folder, built = tmp_path_factory.mktemp("board"), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRATA_HOME", str(folder / "home"))
        for number in range(3):
            deployment = deliver(folder, number)
            built |= {(number, day): features(deployment, day) for day in (*INDEX_DATES[number], NOW)}
        yield Board(deployment, built)


def test_features_of_a_past_date_are_those_built_from_the_deliveries_of_its_time(board: Board) -> None:
    for number, days in enumerate(INDEX_DATES):
        for day in days:
            assert differing(board.built[number, day], features(board.deployment, day)) == [], (number, day)


def test_every_delivery_changes_the_features_of_a_later_date(board: Board) -> None:
    """Check that the deliveries differ, so that the test above can fail."""
    changed = {
        (person, name)
        for number in (0, 1)
        for person, name, *_ in differing(board.built[number, NOW], board.built[number + 1, NOW])
    }
    assert {
        ("ann", "emergency_overnight_spells_365d"), ("bob", "left_before_seen_365d"), ("bob", "outpatient_attended_365d"),
        ("dan", "emergency_spells_365d"), ("cat", "emergency_bed_days_365d"), ("fay", "ae_attendances_365d"),
    } <= changed  # fmt: skip


def test_an_event_to_which_a_later_delivery_only_adds_is_not_superseded(board: Board) -> None:
    lake = board.deployment.lake
    people = {row["person_key"]: row["person_id"] for row in lake.read("core__person").to_pylist()}
    rows = lake.read("core__event_superseded", "person_key, event_type").to_pylist()
    superseded = {(people[row["person_key"]], row["event_type"]) for row in rows}
    assert ("ann", NUMBER_OF["emergency_admission"]) not in superseded  # every delivery has it
    assert "eve" not in {person for person, _ in superseded}
    assert ("ann", NUMBER_OF["emergency_discharge_overnight"]) in superseded  # with another main condition


def test_individual_index_dates_count_the_events_reported_by_then(board: Board, tmp_path: Path) -> None:
    lake = board.deployment.lake
    keys = {row["person_id"]: row["person_key"] for row in lake.read("core__person").to_pylist()}
    entries = [(name, day) for name in ("bob", "eve") for day in (INDEX_DATES[0][0], INDEX_DATES[1][1])]
    given = pa.table({
        "person_key": [keys[name] for name, _ in entries], "index_date": [day for _, day in entries],
        "index_event_id": [str(number) for number in range(len(entries))],
    })  # fmt: skip
    request = FeatureRequest(CohortSettings(kind="given"), "planning", 2025)
    copied = Lake(Path(shutil.copytree(lake.root, tmp_path / "lake")))
    build_features(copied, request, NOW, given=given)
    features = ("ae_attendances_365d", "left_before_seen_365d", "emergency_overnight_spells_365d", "outpatient_attended_365d")
    for place, (name, day) in enumerate(entries):
        row = copied.read("features__person", where=f"index_event_id = '{place}'").to_pylist()[0]
        same = next(row for row in board.built[place % 2, day] if row["person_id"] == name)
        assert [row[feature] for feature in features] == [same[feature] for feature in features], (name, day)

"""Who is registered on an index date, who lives in a household then, and which look-back of a recency feature is covered."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from recount.board import CATALOGUE, GIVEN, PRACTICES, REGISTERED, Board
from recount.comparison import built_rows

from expectations.suppression import CONFLICTING, DEATH_WITHDRAWN
from features.declaration import Statistic
from features.events import NUMBER_OF
from features.outcomes import OutcomeSettings
from pipelines.building.build_features import build_features
from pipelines.building.build_labels import build_labels

INDEX = date(2025, 1, 1)
OLD, NEW = PRACTICES[0], PRACTICES[1]
Period = tuple[int, int | None]  # first and last day, counted from the index date


def on(days: int | None) -> date | None:
    return None if days is None else INDEX + timedelta(days=days)


def add_person(board: Board, name: str, *registered: Period, home: str | None = None, **person: object) -> None:
    """Add a person of 50 years with registrations at the practices in turn, and one address."""
    key = len(board.people) + 1
    board.people.append(
        {"person_key": key, "person_id": name, "birth_date": on(-18_300), "assumed_birth_date": on(-18_300), "death_date": None,
         "death_not_readable": False, "sex": "1", "ethnic_category": "A", "type_1_opt_out": False, "national_data_opt_out": False, "on_list": True}
        | person
    )  # fmt: skip
    for (start, end), practice in zip(registered, (OLD, NEW, OLD), strict=False):
        board.registrations.append(
            {"person_key": key, "practice_code": practice, "start_date": on(start), "end_date": on(end), "start_is_load_date": False,
             "end_not_readable": False}
        )  # fmt: skip
    board.residences.append(
        {"person_key": key, "start_date": on(-4000), "end_date": None, "residence_status": "resolved", "household_id": home,
         "lsoa_code": "E01000000"}
    )  # fmt: skip


def rows_of(board: Board, folder: Path) -> pd.DataFrame:
    lake = board.store(folder)
    build_features(
        lake, GIVEN if board.given else REGISTERED, board.index_date, given=board.given_table() if board.given else None
    )
    return built_rows(lake).set_index("person_id")


@pytest.mark.parametrize(
    ("registered", "practice"),
    [
        (((-3000, -1), (30, None)), OLD),  # 30 days without a registration, all of them on or after the index date
        (((-3000, -30), (1, None)), OLD),
        (((-3000, -31), (0, None)), NEW),  # the new registration has begun
        (((-3000, -1), (31, None)), None),  # 31 days are too many
        (((-3000, -31), (1, None)), None),
        (((-3000, -1),), None),  # no later registration: the person left
        (((-3000, -400), (-390, -10), (5, None)), NEW),  # the practice of the last registration before the index date
        (((3, None),), None),  # not yet registered
    ],
)
def test_a_person_who_moves_between_practices_is_in_the_cohort(
    registered: tuple[Period, ...], practice: str | None, tmp_path: Path
) -> None:
    board = Board(INDEX)
    add_person(board, "stays", (-3000, None))
    add_person(board, "moves", *registered)
    rows = rows_of(board, tmp_path)
    assert dict(rows["practice_code"]) == {"stays": OLD} | ({"moves": practice} if practice else {})


def test_the_features_and_the_label_of_a_person_who_moves_are_known(tmp_path: Path) -> None:
    board = Board(INDEX)
    add_person(board, "moves", (-3000, -5), (20, None))
    board.events.append(
        {"person_key": 1, "event_date": on(-40), "available_date": on(-39), "event_type": NUMBER_OF["ae_attendance"], "code": 0,
         "value": None, "provider": 0, "feed": 1}
    )  # fmt: skip
    board.spells.append(
        {"person_key": 1, "admission_date": on(10), "discharge_date": on(12), "nights": 2, "spell_class": "emergency", "died": False,
         "admission_available_date": on(10)}
    )  # fmt: skip
    lake = board.store(tmp_path)
    build_features(lake, REGISTERED, INDEX)
    row = lake.read("features__person", "ae_attendances_365d, years_on_list").to_pylist()[0]
    assert (row["ae_attendances_365d"], round(row["years_on_list"], 1)) == (1, 8.2)
    build_labels(lake, OutcomeSettings(), INDEX, date(2026, 12, 31))
    label = lake.read("risk__labels", "label, outcome_date, follow_up_days, left_list").to_pylist()
    assert label == [{"label": 1, "outcome_date": on(10), "follow_up_days": 10, "left_list": False}]


DOUBTS: dict[str, dict[str, object]] = {
    "died on no known day": {"death_not_readable": True},
    "death withdrawn": {"suppression": DEATH_WITHDRAWN},
    "rows that conflict": {"suppression": CONFLICTING},
    "left on no known day": {"end_not_readable": True},
}


def households(own_dates: bool) -> Board:
    board = Board(INDEX)
    add_person(board, "ann", (-3000, None), home="H1")
    add_person(board, "lives", (-3000, 1), home="H1")
    add_person(board, "moves", (-3000, -5), (20, None), home="H1")
    add_person(board, "dies tomorrow", (-3000, None), home="H1", death_date=on(1))
    add_person(board, "died today", (-3000, None), home="H1", death_date=on(0))
    add_person(board, "died long ago", (-3000, None), home="H1", death_date=on(-900))
    add_person(board, "left", (-3000, -5), home="H1")
    add_person(board, "left long ago", (-3000, -600), (-560, -300), home="H1")
    add_person(board, "left, and rows conflict", (-3000, -600), home="H1", suppression=CONFLICTING)
    add_person(board, "comes tomorrow", (1, None), home="H1")
    add_person(board, "never on the list", home="H1", on_list=False)
    add_person(board, "elsewhere", (-3000, None), home="H2")
    for number, (doubt, marks) in enumerate(DOUBTS.items()):
        add_person(board, f"beside: {doubt}", (-3000, None), home=f"D{number}")
        add_person(
            board,
            doubt,
            (-3000, None),
            home=f"D{number}",
            **{name: value for name, value in marks.items() if name != "end_not_readable"},
        )
        board.registrations[-1]["end_not_readable"] = "end_not_readable" in marks
    add_person(board, "beside: no registration", (-3000, None), home="N")
    add_person(board, "no registration", home="N")
    if own_dates:
        board.given = [(key, INDEX, f"C{key}") for key in range(1, len(board.people) + 1)]
    return board


@pytest.mark.parametrize("own_dates", [False, True])
def test_only_people_registered_and_alive_on_the_index_date_are_in_a_household(own_dates: bool, tmp_path: Path) -> None:
    rows = rows_of(households(own_dates), tmp_path).filter(regex="^(?!beside)", axis="index")
    assert dict(rows["household_size"]) == {"ann": 4, "lives": 4, "moves": 4, "dies tomorrow": 4, "elsewhere": 1}
    assert dict(rows["lives_alone"]) == {"ann": 0, "lives": 0, "moves": 0, "dies tomorrow": 0, "elsewhere": 1}


@pytest.mark.parametrize("own_dates", [False, True])
def test_the_size_of_a_household_is_not_known_where_it_is_not_known_of_someone_in_it(own_dates: bool, tmp_path: Path) -> None:
    rows = rows_of(households(own_dates), tmp_path).filter(regex="^beside", axis="index")
    assert set(rows.index) == {f"beside: {name}" for name in (*DOUBTS, "no registration")}
    assert rows[["household_size", "lives_alone"]].isna().all(axis=None)


@pytest.mark.parametrize(("months", "is_known"), [(40, True), (36, True), (35, False), (14, False), (12, False), (3, False)])
def test_days_since_the_last_event_are_null_where_the_feeds_do_not_cover_three_years(
    months: int, is_known: bool, tmp_path: Path
) -> None:
    first = date(INDEX.year - (months + 11) // 12, 1 + -months % 12, 1)
    board = Board(INDEX, first_month=first)
    add_person(board, "ann", (-3000, None))
    board.events += [
        {"person_key": 1, "event_date": on(-50), "available_date": on(-49), "event_type": kind, "code": 0, "value": None, "provider": 0,
         "feed": 1}
        for kind in (NUMBER_OF["ae_attendance"], NUMBER_OF["emergency_discharge_overnight"], NUMBER_OF["gp_observation"])
    ]  # fmt: skip
    row = rows_of(board, tmp_path).loc["ann"]
    seen = ("days_since_ae_attendance", "days_since_emergency_overnight_spell", "days_since_gp_record_entry")
    assert [row[name] for name in seen] == pytest.approx([50 if is_known else float("nan")] * 3, nan_ok=True)
    assert row["ae_attendances_30d"] == 0


def test_every_feature_of_days_since_an_event_needs_its_window() -> None:
    found = [feature for feature in CATALOGUE.features if feature.statistic is Statistic.DAYS_SINCE_LAST]
    assert len(found) > 15
    assert {feature.covered_days == feature.window_days for feature in found} == {True}

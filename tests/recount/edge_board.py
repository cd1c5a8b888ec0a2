"""A board written to a rule: for every concept, people with one event on each side of each window's edge.

Every line of every code list has a person, too, once with its code and once with a code that goes on after it; and some
people carry a great deal at once. All live through the year at practices that are covered, so that nothing hides a value.
"""

from __future__ import annotations

from datetime import date, timedelta
from itertools import cycle

import numpy as np
from recount.board import AREAS, Board, Row
from recount.code_pool import OF_NO_LIST, lines, number_of, pool

from features.catalogue import Catalogue
from features.declaration import Concept
from features.events import EVENT_TYPES, NUMBER_OF

INDEX = date(2024, 3, 1)  # the day after a leap day
SYSTEM = {kind.name: kind.code_system for kind in EVENT_TYPES}
OF_LINES = ("hospital_diagnosis", "gp_observation", "gp_medication", "ae_attendance")
PEOPLE_WITH_MUCH = 200
PEOPLE_IN_ONE_AREA = 400
BIRTHS = (date(1934, 5, 1), date(1964, 3, 1), date(1964, 4, 1), date(1990, 1, 1), date(2008, 3, 1), date(2008, 4, 1))
VALUES = cycle((55.0, 48.5, 61.0, 88.0, 14.5, 70.25, 250.5))
PROVIDERS = cycle(tuple(number_of(system, code) for system, code in OF_NO_LIST if system == "ods"))


def edge_board(catalogue: Catalogue) -> Board:
    """Return the board; it is the same every time."""
    board = Board(INDEX)
    _add_edges(board, catalogue)
    _add_every_line(board)
    _add_scores(board, catalogue)
    for number in (7, 8, 9, 10, 14, 15, 19, 20, 21):  # distinct medicines
        _person(board, [_event("gp_medication", code, 20, 0) for code in pool("dmd")[1:][: number + 1]])
    for number in range(PEOPLE_IN_ONE_AREA):  # one area has more stays than chance explains, so that areas have different rates
        here = (len(board.people) + 1) // 5 % len(AREAS) == 1
        _person(board, [_event("emergency_discharge_overnight", 0, 100 + number % 90, 0)] * 3 * here)
    rng = np.random.default_rng(7)
    for _ in range(PEOPLE_WITH_MUCH):
        _person(board, [_any_event(rng) for _ in range(int(rng.integers(20, 120)))])
    _add_ends(board, catalogue)
    return board


def _add_edges(board: Board, catalogue: Catalogue) -> None:
    """Add people with one event on each side of each window's edge, and others with several on one day."""
    for concept in catalogue.concepts.values():
        for name in concept.event_types:
            code = _code(catalogue, concept, name)
            for days, lag in _edges(catalogue, concept):
                _person(board, [_event(name, code, days, lag)])
            for days in (29, 30, 31, 400):  # two on one day and one on another
                _person(board, [_event(name, code, day, 0) for day in (days, days, 1)])


def _add_every_line(board: Board) -> None:
    """Add a person for each line of the code lists, every other one also with a code that goes on after it."""
    for kind in EVENT_TYPES:
        if kind.name not in OF_LINES:
            continue
        for line in lines():
            if line.system == kind.code_system:
                more = ("", "9")[: 1 + (len(board.people) % 2)]
                _person(board, [_event(kind.name, number_of(line.system, line.code + end), 17, 0) for end in more])


def _add_scores(board: Board, catalogue: Catalogue) -> None:
    """Add people with a milder and a graver condition, each alone, and both: the graver one alone scores."""
    for feature in catalogue.features:
        for milder, graver in feature.replaced_by:
            for names in ((milder,), (graver,), (milder, graver)):
                _person(board, [_first_event(catalogue, name, 40) for name in (feature.after, *names)])


def _add_ends(board: Board, catalogue: Catalogue) -> None:
    """Add people whose condition ended the day before, on the day of and the day after a diagnosis, and others in whom it came back."""
    for condition, ends in dict.fromkeys((one.concept, one.after) for one in catalogue.features if one.concept and one.after):
        for days in ((40, 41), (40, 40), (40, 39), (500, 40), (800, 500)):
            for later in ((), (20,)):
                diagnosed, ended = days
                events = [_first_event(catalogue, condition, day) for day in (diagnosed, *later)]
                _person(board, [*events, _first_event(catalogue, ends, ended)])


def _edges(catalogue: Catalogue, concept: Concept) -> list[tuple[int, int]]:
    """Yield days before the index date, each with a lag, for an event of a concept."""
    windows = {
        days for feature in catalogue.features if concept.name in feature.concepts and feature.window_days
        for days in (feature.window_days, 2 * feature.window_days)
    }  # fmt: skip
    at = sorted({days + side for days in windows for side in (-1, 0, 1)} | {0, 1, 2, 2600})
    return [*((days, 0) for days in at), (5, 4), (5, 5), (5, 6), (-3, 0)]


def _code(catalogue: Catalogue, concept: Concept, kind: str) -> int:
    listed = [entry for entry in catalogue.entries(concept) if entry.system == SYSTEM[kind]]
    if listed:
        return number_of(listed[0].system, listed[0].code)
    return pool(SYSTEM[kind])[-1]


def _first_event(catalogue: Catalogue, concept: str, days: int) -> Row:
    kind = catalogue.concepts[concept].event_types[0]
    return _event(kind, _code(catalogue, catalogue.concepts[concept], kind), days, 0)


def _event(kind: str, code: int, days: int, lag: int) -> Row:
    day = INDEX - timedelta(days=days)
    return {"event_date": day, "available_date": day + timedelta(days=lag), "event_type": NUMBER_OF[kind], "code": code,
            "value": next(VALUES), "provider": next(PROVIDERS), "feed": 1}  # fmt: skip


def _any_event(rng: np.random.Generator) -> Row:
    kind = EVENT_TYPES[int(rng.integers(len(EVENT_TYPES)))]
    lag = int(rng.choice([0, 0, 0, 1, 45]))
    return _event(
        kind.name, int(rng.choice(pool(kind.code_system))), int(rng.choice([3, 31, 200, 700, int(rng.integers(0, 1400))])), lag
    )


def _person(board: Board, events: list[Row]) -> None:
    """Add someone who has been on the list for long, with these events; every third has each of them twice."""
    key = len(board.people) + 1
    start = date(2015, 1, 1) + timedelta(days=key % 2000)
    board.people.append(
        {"person_key": key, "person_id": f"P{key:06d}", "birth_date": BIRTHS[key % len(BIRTHS)],
         "assumed_birth_date": BIRTHS[key % len(BIRTHS)], "sex": str(key % 3),
         "ethnic_category": "ABHMRZ"[key % 6], "type_1_opt_out": False, "national_data_opt_out": False, "on_list": True}
    )  # fmt: skip
    board.registrations.append(
        {"person_key": key, "practice_code": f"Y0000{key % 4 + 1}", "start_date": start, "start_is_load_date": key % 5 == 0}
    )
    status = ("resolved", "resolved", "no_fixed_abode", "postcode_unknown", "outside_england")[key % 5]
    board.residences.append(
        {"person_key": key, "start_date": start, "residence_status": status, "household_id": f"H{key // 2}" if key % 7 else None,
         "lsoa_code": AREAS[key // 5 % len(AREAS)] if status == "resolved" else None}
    )  # fmt: skip
    if key % 11 == 0:  # moved house and practice
        moved = INDEX - timedelta(days=1094 + key % 3)
        board.registrations[-1]["end_date"] = board.residences[-1]["end_date"] = moved - timedelta(days=1)
        board.registrations.append(
            {**board.registrations[-1], "start_date": moved, "end_date": None, "start_is_load_date": False}
        )
        board.residences.append({**board.residences[-1], "start_date": moved, "end_date": None})
    board.events += [{"person_key": key, **event} for event in events for _ in range(2 if key % 3 == 0 else 1)]

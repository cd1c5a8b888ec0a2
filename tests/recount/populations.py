"""Hypothesis strategies for boards full of awkward cases, and the one profile that all recounts run under."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from itertools import accumulate
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from recount.board import AREAS, FEEDS, PRACTICES, Board, Row
from recount.code_pool import lines, number_of, pool

from features.events import EVENT_TYPES, NUMBER_OF

INDEX_DATES = (
    date(2024, 2, 29), date(2024, 3, 1), date(2025, 3, 1), date(2024, 12, 31), date(2025, 1, 1), date(2023, 4, 1), date(2024, 7, 15), date(2025, 1, 30),
)  # fmt: skip
EDGES = (0, 1, 2, 29, 30, 31, 89, 90, 91, 179, 180, 181, 359, 360, 361, 364, 365, 366, 455, 456, 729, 730, 731, 1094, 1095, 1096)
AROUND = (-1, 0, 1)
_LOOKED_BACK = (-40, 1, 30, 90, 180, 360, 365, 365, 365, 455, 730, 730, 1095)
PEOPLE = 50
KINDS = tuple(kind for kind in EVENT_TYPES for _ in range(3 if kind.number in (1, 5, 6, 8, 20, 40, 41) else 1))
DRAWS = {kind.number: pool(kind.code_system) for kind in EVENT_TYPES}
VALUES = (None, 0.0, 1.0, 14.5, 50.0, 61.0, 90.0, 200.0, 200.5)
SENDERS = (0, number_of("ods", "RX1"), number_of("ods", "RX2"))
Draw = Callable[[st.SearchStrategy[Any]], Any]


def examples(number: int) -> settings:
    """Return the profile: the same examples on every machine, no deadline, nothing stored between runs.

    A failing example is not made smaller, which would build hundreds of boards: the message names the row and its events.
    """
    return settings(
        max_examples=number, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate), report_multiple_bugs=False,
    )  # fmt: skip


@st.composite
def boards(draw: Draw) -> Board:
    """Draw a board: dense in events on window edges, around birth, death and registration, and in late and double rows."""
    index = draw(st.sampled_from(INDEX_DATES))
    board = Board(
        index,
        last_month=draw(st.sampled_from(_last_months(index))),
        first_month=draw(st.sampled_from((date(2012, 1, 1), date(2022, 3, 1)))),
    )
    for key in range(1, PEOPLE + 1):
        _draw_person(draw, board, key)
    templates = st.tuples(
        st.integers(0, PEOPLE - 1),
        st.sampled_from(KINDS),
        st.sampled_from(_days()),
        st.integers(0, 10**4),
        st.sampled_from(_LATENESS),
    )
    for start, kind, (anchor, days), choice, late in draw(st.lists(templates, min_size=120, max_size=260)):
        # One drawn event is three: of three people, on three days in a row.
        for person, side in zip(range(start, start + 3), AROUND, strict=True):
            board.events += _events(board, board.people[person % PEOPLE], kind, anchor, days + side, choice, late)
    taken_back = st.tuples(st.integers(0, 10**4), st.sampled_from((-200, -20, -10, -1, 0, 1, 2, 200)))
    for choice, after in draw(st.lists(taken_back, min_size=20, max_size=60)):
        event = board.events[choice % len(board.events)]
        board.superseded.append({**event, "superseded_date": board.index_date + timedelta(days=after)})
    gaps = st.tuples(st.sampled_from(FEEDS), st.sampled_from(PRACTICES[1:]), st.sampled_from(_LOOKED_BACK), st.booleans())
    for feed, practice, days, before in draw(st.lists(gaps, min_size=2, max_size=8)):
        # The month that a window begins in, or the one before it, which the window does not touch.
        board.gaps.add((feed, practice, _month(index - timedelta(days=days), int(before))))
    return board


@st.composite
def boards_with_dates_of_their_own(draw: Draw) -> Board:
    """Draw a board whose cohort gives people index dates of their own, several to some."""
    board = draw(boards())
    rows = st.tuples(st.integers(1, PEOPLE), st.sampled_from((0, 1, 29, 30, 31, 90, 365, 366, 700)))
    chosen = sorted(draw(st.lists(rows, min_size=20, max_size=60)))
    board.given = [(key, board.index_date - timedelta(days=back), f"C{number:03d}") for number, (key, back) in enumerate(chosen)]
    return board


@st.composite
def boards_with_a_future(draw: Draw) -> Board:
    """Draw a board with spells before and after its index date, five attendances here and there, and ends of registration."""
    board = draw(boards())
    last = {row["person_key"]: row for row in board.registrations}
    for key, after, apart in draw(
        st.lists(st.tuples(st.integers(1, PEOPLE), st.sampled_from(_AFTER), st.sampled_from((None, *_APART))), max_size=12)
    ):
        end = board.index_date + timedelta(days=after)
        if last[key]["end_date"] is None and last[key]["start_date"] <= end:
            last[key]["end_date"] = end
            if apart is not None:
                board.registrations.append({**last[key], "start_date": end + timedelta(days=apart), "end_date": None})
    stays = st.tuples(st.integers(1, PEOPLE), st.sampled_from(_AFTER), st.sampled_from((None, 0, 1, 5)), st.sampled_from(_CLASSES), st.booleans(),
                      st.sampled_from(_PRIMARY), st.sampled_from(_BESIDE))  # fmt: skip
    for key, after, nights, kind, died, primary, beside in draw(st.lists(stays, min_size=60, max_size=120)):
        board.spells.append(_spell(board, key, after, nights, kind, died and after % 5 == 0, primary, beside))
    for key, after in draw(st.lists(st.tuples(st.integers(1, PEOPLE), st.sampled_from(_AFTER)), min_size=8, max_size=20)):
        days = (after, after, after + 1, after + 2, after + 2)
        board.events += [_plain_event(board, key, NUMBER_OF["ae_attendance"], 0, day) for day in days]
    diagnoses = st.tuples(st.integers(1, PEOPLE), st.sampled_from(_AFTER), st.sampled_from(_FIRSTS))
    for key, after, (kind, code) in draw(st.lists(diagnoses, min_size=30, max_size=60)):
        board.events.append(_plain_event(board, key, NUMBER_OF[kind], code, after))
    return board


_AFTER = (-400, -30, -1, 0, 1, 2, 28, 29, 30, 31, 100, 200, 363, 364, 365, 366, 400)
_CLASSES = ("emergency", "emergency", "emergency", "elective", "maternity")
_PRIMARY = ("J440", "J20", "J209", "E119", "I500", "Z999", None)
_BESIDE = (None, "J20,J44", "J449", "I10,Z999")
_FIRSTS = tuple(
    (kind, number_of(line.system, line.code)) for kind, system in (("hospital_diagnosis", "icd10"), ("gp_observation", "snomed"))
    for line in lines() if line.system == system and line.list in ("type_2_diabetes", "copd", "heart_failure")
)  # fmt: skip


def _spell(
    board: Board, key: int, after: int, nights: int | None, kind: str, died: bool, primary: str | None, beside: str | None
) -> Row:
    day = board.index_date + timedelta(days=after)
    return {"person_key": key, "admission_date": day, "discharge_date": None if nights is None else day + timedelta(days=nights),
            "nights": nights, "spell_class": kind, "died": died, "primary_diagnosis": primary,
            "diagnoses": ",".join(filter(None, (primary, beside))) or None, "admission_available_date": day}  # fmt: skip


def _plain_event(board: Board, key: int, kind: int, code: int, after: int) -> Row:
    day = board.index_date + timedelta(days=after)
    return {"person_key": key, "event_date": day, "available_date": day, "event_type": kind, "code": code, "value": None,
            "provider": 0, "feed": 1}  # fmt: skip


# --- people ---------------------------------------------------------------------------------------------------------

_AGES: tuple[int | tuple[int, int] | date | None, ...] = (
    None,
    -10,
    0,
    1,
    29,
    30,
    31,
    364,
    365,
    1095,
    5843,
    5844,
    5845,
    9000,
    15000,
    21914,
    21915,
    21916,
    24000,
    29000,
    33000,
)
# Days old, or years with days around the birthday, or a day of birth: the edges of bands of age, and leap days.
_AGES += tuple((years, days) for years in (5, 16, 18, 30, 40, 50, 60, 65, 70, 75, 80, 85, 90, 100) for days in (-1, 0, 1))
_AGES += (date(1924, 2, 29), date(1960, 2, 29), date(2008, 2, 29))
_UNREADABLE = 10_000  # days until a death whose day cannot be read
_DEATHS = (*(None,) * 16, _UNREADABLE, -1, 0, 1, 2, 30, 100, 364, 365, 366, 400)
_BEGUN = (4000, 4000, 4000, 4000, 4000, 3000, 2500, 1096, 1095, 1094, 731, 365, 30, 1, 0, -1)
_LENGTHS = (None, None, None, None, None, None, 4600, 0, 29, 364, 365, 1096, 2600, 4100)
_APART = (1, 2, 30, 31, 32, 200)
_STATUS = ("resolved", "resolved", "resolved", "no_fixed_abode", "postcode_unknown", "outside_england")


def _draw_person(draw: Draw, board: Board, key: int) -> None:
    age, death = draw(st.sampled_from(_AGES)), draw(st.sampled_from(_DEATHS))
    board.people.append(
        {"person_key": key, "person_id": f"P{key:03d}", **_birth(board, age, draw(st.booleans())),
         "death_date": None if death in (None, _UNREADABLE) else board.index_date + timedelta(days=death),
         "death_not_readable": death == _UNREADABLE, "sex": draw(st.sampled_from("1290")),
         "ethnic_category": draw(st.sampled_from((None, "A", "H", "R", "Z", "99"))),
         **dict(zip(("type_1_opt_out", "national_data_opt_out", "on_list"), draw(st.sampled_from(_OPTED)), strict=True))}
    )  # fmt: skip
    held = st.tuples(st.sampled_from(PRACTICES), st.booleans(), st.integers(0, 9))
    for (start, end), (practice, loaded, chance) in zip(
        _draw_periods(draw, board), draw(st.lists(held, min_size=3, max_size=3)), strict=False
    ):
        board.registrations.append(
            {
                "person_key": key,
                "practice_code": practice,
                "start_date": start,
                "end_date": end,
                "start_is_load_date": loaded,
                "end_not_readable": end is None and chance == 9,
            }
        )
    home = st.tuples(
        st.sampled_from(_STATUS), st.integers(0, len(AREAS)), st.sampled_from((None, "H1", "H2", "H3", "H4", "H5", "H6"))
    )
    for (start, end), (status, area, household) in zip(
        _draw_periods(draw, board), draw(st.lists(home, min_size=3, max_size=3)), strict=False
    ):
        board.residences.append(
            {"person_key": key, "start_date": start, "end_date": end, "residence_status": status, "household_id": household,
             "lsoa_code": f"E0100000{area}" if status == "resolved" else None}
        )  # fmt: skip


def _birth(board: Board, age: int | tuple[int, int] | date | None, only_year: bool) -> Row:
    """Return the earliest possible day of birth and the day from which age counts."""
    if age is None:
        return {"birth_date": None, "assumed_birth_date": None}
    if isinstance(age, tuple):
        years, days = age
        birthday = date(board.index_date.year - years, board.index_date.month, min(board.index_date.day, 28))
        born = birthday + timedelta(days=days + board.index_date.day - min(board.index_date.day, 28))
    else:
        born = age if isinstance(age, date) else board.index_date - timedelta(days=age)
    return {"birth_date": born, "assumed_birth_date": born + timedelta(days=181 if only_year else 0)}


_OPTED = (*((False, False, True),) * 12, (True, False, True), (False, True, True), (False, False, False))


def _draw_periods(draw: Draw, board: Board) -> list[tuple[date, date | None]]:
    """Draw up to three periods that do not overlap; the last may last."""
    begun = board.index_date - timedelta(days=draw(st.sampled_from(_BEGUN)))
    steps = draw(st.lists(st.tuples(st.sampled_from(_LENGTHS), st.sampled_from(_APART)), min_size=1, max_size=3))
    starts = accumulate(steps[:-1], lambda day, step: day + timedelta(days=(step[0] or 0) + step[1]), initial=begun)
    last = len(steps) - 1
    return [
        (start, None if length is None and place == last else start + timedelta(days=length or 0))
        for place, (start, (length, _)) in enumerate(zip(starts, steps, strict=True))
    ]


# --- events ---------------------------------------------------------------------------------------------------------

_LATENESS = (*(("after", days) for days in (0, 0, 0, 0, 1, 30, 60)), *(("known", days) for days in (-1, 0, 1)))


def _days() -> tuple[tuple[str, int], ...]:
    edges = tuple(("index", days) for days in EDGES[::3])  # with their neighbours: a template has three days
    return (*(edges * 2), ("index", -30), ("index", 200), ("index", 600), ("index", 2200), ("birth", 0), ("death", 0), ("start", 0), ("event", 0),
            ("event", 0), ("event", 1), ("event", 30))  # fmt: skip


def _events(board: Board, person: Row, kind: Any, anchor: str, days: int, choice: int, late: tuple[str, int]) -> list[Row]:
    day = _anchor(board, person, anchor) - timedelta(days=days)
    how, lag = late
    known = day + timedelta(days=lag) if how == "after" else max(day, board.index_date + timedelta(days=lag))
    codes = DRAWS[kind.number]
    event = {
        "person_key": person["person_key"], "event_date": day, "available_date": known, "event_type": kind.number,
        "code": codes[choice % len(codes)], "value": VALUES[choice % len(VALUES)], "provider": SENDERS[choice % len(SENDERS)], "feed": 1,
    }  # fmt: skip
    return [event] * (2 if choice % 10 == 0 else 1)


def _anchor(board: Board, person: Row, anchor: str) -> date:
    """Return the day from which an event's days count: the index date where the person has no such day."""
    own = {
        "birth": lambda: person["birth_date"], "death": lambda: person["death_date"],
        "start": lambda: next((row["start_date"] for row in board.registrations if row["person_key"] == person["person_key"]), None),
        "event": lambda: next((row["event_date"] for row in reversed(board.events) if row["person_key"] == person["person_key"]), None),
        "index": lambda: None,
    }  # fmt: skip
    return own[anchor]() or board.index_date


def _last_months(index: date) -> tuple[date, ...]:
    """Return possible latest months of coverage: the one before the index date, its neighbours, and a year later."""
    return _month(index, 1), _month(index, 0), _month(index, 2), _month(index, -12)


def _month(day: date, back: int) -> date:
    number = day.year * 12 + day.month - 1 - back
    return date(number // 12, number % 12 + 1, 1)

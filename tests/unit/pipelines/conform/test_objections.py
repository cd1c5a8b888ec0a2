"""core__objection by its rules: states, absences, other forms of a pseudonym, national lists, and what stops the run."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from expectations.tables import core
from expectations.tables.raw_gp import LOST_SUBMISSION
from pipelines.conform.national_list import check_national_list, national_list_expired
from pipelines.conform.objection_inputs import STATED_COLUMNS, ObjectionInputs
from pipelines.conform.objection_states import Snapshot, follow_absences
from pipelines.conform.objections import ObjectionSettings, check_objections, conform_objections
from pipelines.conform.withdrawals import lasting_sql
from pipelines.errors import RefusalError, ValidationStop
from pipelines.extracts.pseudonym_keys import record_chain
from pipelines.extracts.pseudonyms import pseudonym_of
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.upkeep.erasure import erase_person
from pipelines.upkeep.key_rotation import rotate

A, B = "A00001", "B00002"
JANUARY, FEBRUARY, MARCH, APRIL = (f"2026-0{month}-01" for month in range(1, 5))
PEOPLE = [f"p{number:03d}" for number in range(200)]
TYPE_1, COMBINED, NATIONAL = "type_1_objections", "opt_outs", "national_opt_outs"
UNDATED = "1900-01-01"  # what validation reads a withdrawal without a day as


class Board:
    """A board with a registered list and deliveries of objections, as validation returns them."""

    def __init__(self, folder: Path) -> None:
        self.lake = Lake(folder / "lake")
        self.rows: list[dict[str, object]] = []
        self.snapshots = frozenset({TYPE_1, COMBINED, NATIONAL})
        self.incomplete: set[tuple[str, date]] = set()
        self.late: set[tuple[str, date]] = set()
        self.accepted: set[tuple[str, str, date, str]] = set()
        self.register(dict.fromkeys(PEOPLE[:100], A) | dict.fromkeys(PEOPLE[100:], B))

    def register(self, homes: dict[str, str], left: Sequence[str] = (), died: Sequence[str] = ()) -> Board:
        listed = ", ".join(f"('{who}', '{place}', {_ended(who in died)})" for who, place in homes.items())
        periods = ", ".join(
            f"('{who}', '{place}', DATE '2015-01-01', {_ended(who in left)}, DATE '{JANUARY}')" for who, place in homes.items()
        )
        self.sources = {
            "patients": f"(SELECT * FROM (VALUES {listed}) AS t(person_id, practice_code, death_date))",
            "registrations": f"(SELECT * FROM (VALUES {periods}) AS t(person_id, practice_code, start_date, end_date, extract_date))",
        }
        return self

    def deliver(self, day: str, *people: str, feed: str = TYPE_1, **row: object) -> Board:
        """Add rows, by default of objections of practice A; the feeds that name no practice have none."""
        usual = {
            "feed": feed, "kind": "national" if feed == NATIONAL else "type_1", "practice_code": A if feed == TYPE_1 else None, "status": "1",
            "effective_date": "2024-05-01", "list_part": "OPTED_OUT", "submission_date": None, "extract_date": day, "extract_id": f"{feed} {day}",
        }  # fmt: skip
        self.rows += [usual | {"person_id": person} | row for person in people]
        return self

    def remove(self, *days: str) -> Board:
        self.rows = [row for row in self.rows if row["extract_date"] not in days]
        return self

    def accept(self, feed: str, rule: str, day: str, organisation: str = "") -> Board:
        self.accepted.add((feed, rule, date.fromisoformat(day), organisation))
        return self

    def inputs(self) -> ObjectionInputs:
        days: dict[str, set[date]] = {}
        for row in self.rows:
            days.setdefault(str(row["feed"]), set()).add(date.fromisoformat(str(row["extract_date"])))
        values = ", ".join("(" + ", ".join(_sql(row[name]) for name in STATED_COLUMNS) + ")" for row in self.rows)
        read = ", ".join(
            f"CAST({name} AS {'DATE' if name.endswith('_date') else 'VARCHAR'}) AS {name}" for name in STATED_COLUMNS
        )
        rows = f"(SELECT {read} FROM (VALUES {values}) AS t({', '.join(STATED_COLUMNS)}))" if self.rows else ""
        by_feed = {feed: tuple(sorted(found)) for feed, found in days.items()}
        return ObjectionInputs(
            rows,
            by_feed,
            self.snapshots,
            frozenset({TYPE_1}),
            frozenset(self.incomplete),
            frozenset(self.late),
            frozenset(self.accepted),
        )

    def conform(self) -> dict[str, object]:
        with connect() as con:
            return conform_objections(self.lake, con, self.sources, self.inputs(), ObjectionSettings())

    def states(self, kind: str = "type_1") -> dict[str, str]:
        self.conform()
        rows = self.lake.read(core.OBJECTION.name, "person_id, state", f"kind = '{kind}'", "person_id").to_pylist()
        return {row["person_id"]: row["state"] for row in rows}

    def practices(self) -> dict[str, str]:
        rows = self.lake.read(core.OBJECTION_DELIVERY.name, "practice_code, status", "kind = 'type_1'").to_pylist()
        return {row["practice_code"]: row["status"] for row in rows}

    def check(self) -> None:
        self.conform()
        check_objections(self.lake.read(core.OBJECTION_DELIVERY.name).to_pandas(), ObjectionSettings())


def _ended(is_over: bool) -> str:
    return "DATE '2025-06-01'" if is_over else "CAST(NULL AS DATE)"


def _sql(value: object) -> str:
    return "NULL" if value is None else f"'{value}'"


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path)


@pytest.mark.parametrize("again", [[], ["2026-02-01"]])
def test_a_corrected_national_list_is_compared_with_the_list_that_it_replaced(board: Board, again: list[str]) -> None:
    old = {"feed": NATIONAL, "kind": "replaced", "extract_id": "first version"}
    board.deliver(JANUARY, *PEOPLE[:20], **old).deliver(JANUARY, PEOPLE[0], feed=NATIONAL)
    for day in again:
        board.deliver(day, PEOPLE[0], feed=NATIONAL)
    with pytest.raises(ValidationStop, match=r"19 fewer of the people .* than the 20 before"):
        board.check()
    board.accept(NATIONAL, "national_opt_outs_fell", JANUARY).check()
    assert board.states("national") == {PEOPLE[0]: "in_force"}


def test_a_corrected_national_list_that_a_later_one_completes_or_that_hardly_falls_is_accepted(board: Board) -> None:
    board.deliver(JANUARY, *PEOPLE[:20], feed=NATIONAL, kind="replaced", extract_id="first version")
    board.deliver(JANUARY, *PEOPLE[1:20], feed=NATIONAL).check()
    board.remove(JANUARY).deliver(FEBRUARY, *PEOPLE[:20], feed=NATIONAL, kind="replaced", extract_id="of February")
    board.deliver(FEBRUARY, PEOPLE[0], feed=NATIONAL).deliver(MARCH, *PEOPLE[:20], feed=NATIONAL).check()


def test_an_absent_objection_ends_after_two_consecutive_complete_snapshots_and_is_counted(board: Board) -> None:
    board.deliver(JANUARY, *PEOPLE[:60]).deliver(FEBRUARY, *PEOPLE[1:60])
    assert (board.conform()["absent_from_the_latest_delivery"], board.states()["p000"]) == (1, "in_force")
    board.check()  # 1 of 60 is below the limit of 2%
    assert board.deliver(MARCH, *PEOPLE[1:60]).states()["p000"] == "ended_by_absence"
    assert board.conform()["type_1_ended_by_absence"] == 1
    assert board.deliver(APRIL, *PEOPLE[:60]).states()["p000"] == "in_force"


def test_a_gap_in_the_absences_begins_the_count_again(board: Board) -> None:
    for day, first in ((JANUARY, 0), (FEBRUARY, 1), (MARCH, 0), (APRIL, 1)):
        board.deliver(day, *PEOPLE[first:60])
    assert board.states()["p000"] == "in_force"


@pytest.mark.parametrize("incomplete", [(FEBRUARY,), (MARCH,), (FEBRUARY, MARCH)])
def test_a_snapshot_with_rows_set_aside_is_not_complete(board: Board, incomplete: tuple[str, ...]) -> None:
    board.deliver(JANUARY, *PEOPLE[:60]).deliver(FEBRUARY, *PEOPLE[1:60]).deliver(MARCH, *PEOPLE[1:60])
    board.incomplete = {(TYPE_1, date.fromisoformat(day)) for day in incomplete}
    assert board.states()["p000"] == "in_force"
    assert board.practices()[A] == ("not complete" if MARCH in incomplete else "complete")


def test_additions_are_no_snapshots_and_no_absence_counts(board: Board) -> None:
    board.snapshots = frozenset()
    board.deliver(JANUARY, *PEOPLE[:60])
    for day in (FEBRUARY, MARCH, APRIL):
        board.deliver(day, *PEOPLE[60:62])
    assert set(board.states().values()) == {"in_force"}
    board.check()


@pytest.mark.parametrize("change", ["left", "died", "moved"])
def test_absence_counts_only_for_people_who_are_still_registered_there(board: Board, change: str) -> None:
    homes, gone = dict.fromkeys(PEOPLE[:100], A) | dict.fromkeys(PEOPLE[100:], B), PEOPLE[:30]
    if change == "moved":
        board.register(homes | dict.fromkeys(gone, B))
    else:
        board.register(homes, **{change: gone})
    for day, first in ((JANUARY, 0), (FEBRUARY, 30), (MARCH, 30)):
        board.deliver(day, *PEOPLE[first:60]).deliver(day, *PEOPLE[100:150], practice_code=B)
    assert set(board.states().values()) == {"in_force"}
    board.check()


@pytest.mark.parametrize("feed", [TYPE_1, COMBINED])
def test_objections_lost_in_transit_stop_the_run_and_stay_in_force(board: Board, feed: str) -> None:
    board.deliver(JANUARY, *PEOPLE[:100], feed=feed).deliver(
        JANUARY, *PEOPLE[100:139], feed=feed, practice_code=B if feed == TYPE_1 else None
    )
    for day in (FEBRUARY, MARCH, APRIL):
        board.deliver(day, *PEOPLE[:7], feed=feed)
        with pytest.raises(
            ValidationStop, match=f"practice {A}: 93 of 100 objections .* of {feed} of {day} .*93.0%; the limit is 2%"
        ) as stop:
            board.check()
        assert f"accepted_breach '{feed} objections_absent {day} {A}'" in str(stop.value)
        assert list(board.states().values()).count("in_force") == 139
    if feed == COMBINED:  # a delivery that names no practice is of all practices
        assert f"practice {B}: 39 of 39" in str(stop.value)
    else:
        assert board.practices()[B] == "objections not known"


def test_an_extract_silently_half_as_large_stops_and_a_complete_one_lets_the_next_run_go_on(board: Board) -> None:
    board.deliver(JANUARY, *PEOPLE[:80]).deliver(FEBRUARY, *PEOPLE[:40])
    with pytest.raises(ValidationStop, match="40 of 80"):
        board.check()
    board.deliver(MARCH, *PEOPLE[:80]).check()


@pytest.mark.parametrize("absent", [2, 3])
def test_the_limit_is_exceeded_and_not_reached(board: Board, absent: int) -> None:
    board.deliver(JANUARY, *PEOPLE[:100]).deliver(FEBRUARY, *PEOPLE[absent:100])
    if absent == 2:
        board.check()
    else:
        with pytest.raises(ValidationStop, match="3 of 100"):
            board.check()


@pytest.mark.parametrize("organisation", [A, ""])
def test_an_accepted_delivery_does_not_stop_and_counts_as_complete(board: Board, organisation: str) -> None:
    board.deliver(JANUARY, *PEOPLE[:60]).deliver(FEBRUARY, *PEOPLE[:50]).accept(
        TYPE_1, "objections_absent", FEBRUARY, organisation
    ).check()
    board.deliver(MARCH, *PEOPLE[:50])
    with pytest.raises(ValidationStop, match=f"10 of 60 objections .* {MARCH}"):
        board.check()
    board.accept(TYPE_1, "objections_absent", MARCH, organisation).check()
    assert list(board.states().values()) == ["in_force"] * 50 + ["ended_by_absence"] * 10


def test_a_practice_without_a_delivery_is_reported_as_not_known_and_its_objections_hold(board: Board) -> None:
    board.deliver(JANUARY, *PEOPLE[:60])
    assert board.conform()["practices_with_objections_not_known"] == B
    board.deliver(FEBRUARY, *PEOPLE[:60]).deliver(FEBRUARY, *PEOPLE[100:150], practice_code=B)
    assert board.conform()["practices_with_objections_not_known"] == ""
    board.deliver(MARCH, *PEOPLE[:60])
    assert (board.conform()["practices_with_objections_not_known"], board.states()["p100"]) == (B, "in_force")


@pytest.mark.parametrize(
    ("objected", "withdrew"), [("2024-05-01", "2024-05-01"), (JANUARY, UNDATED), ("2024-05-01", UNDATED), (JANUARY, "2025-05-01")]
)
def test_rows_of_one_day_or_without_a_day_conflict_and_the_objection_wins(board: Board, objected: str, withdrew: str) -> None:
    board.deliver(JANUARY, "p000", effective_date=objected).deliver(JANUARY, "p000", status="0", effective_date=withdrew)
    board.deliver(JANUARY, "p001").deliver(JANUARY, "p001", status="0", effective_date="2025-05-01")
    assert board.states() == {"p000": "in_force", "p001": "withdrawn"}
    assert board.conform()["people_with_conflicting_rows"] == 1


SAME_OR_NO_DAY = [
    ("2024-05-01", "2024-05-01"), ("2024-05-01", UNDATED), (JANUARY, UNDATED), (JANUARY, JANUARY), (JANUARY, "2025-05-01"), ("2024-05-01", "2023-05-01"),
]  # fmt: skip


@pytest.mark.parametrize(("objected", "withdrew"), SAME_OR_NO_DAY)
@pytest.mark.parametrize("feed", [TYPE_1, COMBINED])
def test_a_withdrawal_of_a_later_delivery_without_a_later_day_ends_nothing(
    board: Board, feed: str, objected: str, withdrew: str
) -> None:
    board.snapshots = frozenset()
    board.deliver(JANUARY, "p000", feed=feed, effective_date=objected)
    for day in (FEBRUARY, MARCH, APRIL):
        board.deliver(day, "p000", feed=feed, status="0", effective_date=withdrew)
    assert board.states() == {"p000": "in_force"}
    assert board.conform()["people_with_conflicting_rows"] == (0 if withdrew == "2023-05-01" else 1)
    board.deliver(APRIL, "p000", feed=feed, status="0", effective_date="2026-01-02")
    assert board.states() == {"p000": "withdrawn"}


@pytest.mark.parametrize(("objected", "withdrew"), SAME_OR_NO_DAY)
def test_two_complete_snapshots_with_such_a_withdrawal_end_the_objection_as_an_absence_does(
    board: Board, objected: str, withdrew: str
) -> None:
    board.deliver(JANUARY, "p000", effective_date=objected).deliver(JANUARY, *PEOPLE[1:60])
    for day, state in ((FEBRUARY, "in_force"), (MARCH, "ended_by_absence")):
        board.deliver(day, *PEOPLE[1:60]).deliver(day, "p000", status="0", effective_date=withdrew)
        assert board.conform()["absent_from_the_latest_delivery"] == 1
        assert board.states()["p000"] == state
    board.deliver(APRIL, "p000", effective_date=objected)
    assert board.states()["p000"] == "in_force"


def test_a_withdrawal_that_is_not_in_force_yet_is_no_absence(board: Board) -> None:
    board.deliver(JANUARY, *PEOPLE[:60])
    for day in (FEBRUARY, MARCH):
        board.deliver(day, *PEOPLE[1:60]).deliver(day, "p000", status="0", effective_date="2026-12-01")
    assert board.states()["p000"] == "in_force"


def test_withdrawals_of_most_objections_with_their_own_days_stop_the_run(board: Board) -> None:
    board.deliver(JANUARY, *PEOPLE[:60]).deliver(FEBRUARY, *PEOPLE[:10]).deliver(FEBRUARY, *PEOPLE[10:60], status="0")
    with pytest.raises(ValidationStop, match="50 of 60 objections"):
        board.check()


FORMS = (
    "P000",
    "p\u200b000",
    "\ufeffp000",
    "p0\u00a000",
    "p000\u2060",
    "P\u200d000",
    "p000\u00ad",
    "\u2007p000",
    "p 000",
    "p000\u3000",
    "\u202ap000",
)


@pytest.mark.parametrize("form", FORMS)
def test_another_form_of_the_pseudonym_does_not_lose_the_objection(board: Board, form: str) -> None:
    assert board.deliver(JANUARY, form).states() == {"p000": "in_force"}
    assert board.conform()["found_on_the_list_in_another_form"] == 1


@pytest.mark.parametrize("form", ["p000;", "p000,", "p000.", "{P000}", "(p000)", "p-000", "p000`"])
def test_a_pseudonym_with_other_punctuation_counts_as_it_is_and_for_the_person_on_the_list(board: Board, form: str) -> None:
    assert board.deliver(JANUARY, form).states() == {"p000": "in_force", form: "in_force"}
    board.remove(JANUARY).register({form: A})
    assert board.states()[form] == "in_force"


def test_a_pseudonym_that_the_list_has_is_not_one_in_another_letter_case(board: Board) -> None:
    board.register({"aB": A, "Ab": A, "cD": A, "Cd": A}).deliver(JANUARY, "aB", "CD")
    assert board.states() == {"aB": "in_force", "cD": "in_force", "Cd": "in_force"}  # CD may be either


def test_a_jump_of_the_share_that_matches_no_one_stops_the_run(board: Board) -> None:
    strangers = [f"x{number}" for number in range(30)]
    board.deliver(JANUARY, *PEOPLE[:60]).deliver(FEBRUARY, *PEOPLE[:60], *strangers)
    with pytest.raises(
        ValidationStop,
        match=r"type_1: 33.3% of the people who object .* match no one on the registered list, 0.0% in the one before",
    ):
        board.check()
    board.accept(TYPE_1, "objections_not_on_list", FEBRUARY).check()
    board.deliver(MARCH, *PEOPLE[:60], *strangers).check()  # a list that normally names people of other ICBs


def test_objections_outlive_their_deliveries_and_the_removal_of_their_feed(board: Board) -> None:
    board.deliver(JANUARY, *PEOPLE[:60]).deliver(FEBRUARY, *PEOPLE[:60]).deliver(
        FEBRUARY, "p000", status="0", effective_date="2026-01-20"
    )
    before = board.states()
    assert before == {**dict.fromkeys(PEOPLE[1:60], "in_force"), "p000": "withdrawn"}
    assert board.remove(JANUARY).states() == before
    assert board.remove(FEBRUARY).states() == before
    assert board.practices()[A] == "objections not known"


def test_an_objection_of_a_removed_delivery_is_ended_by_a_later_withdrawal(board: Board) -> None:
    board.deliver(JANUARY, *PEOPLE[:60]).conform()
    board.remove(JANUARY).deliver(FEBRUARY, *PEOPLE[1:60]).deliver(FEBRUARY, "p000", status="0", effective_date="2026-01-20")
    assert board.states()["p000"] == "withdrawn"


@pytest.mark.parametrize("removed", [(FEBRUARY, MARCH), (FEBRUARY,), (JANUARY, FEBRUARY, MARCH)])
def test_an_ended_objection_stays_ended_without_the_deliveries_that_ended_it(board: Board, removed: tuple[str, ...]) -> None:
    for day, first in ((JANUARY, 0), (FEBRUARY, 1), (MARCH, 1)):
        board.deliver(day, *PEOPLE[first:60])
    assert board.states()["p000"] == "ended_by_absence"
    assert board.remove(*removed).states()["p000"] == "ended_by_absence"


def test_an_erasure_keeps_the_objections_of_everyone_else(board: Board, tmp_path: Path) -> None:
    board.deliver(JANUARY, *PEOPLE[:60]).conform()
    assert erase_person(board.lake, tmp_path, "p000", "article 17")[core.OBJECTION.name] == 1
    assert board.remove(JANUARY).states() == dict.fromkeys(PEOPLE[1:60], "in_force")


def test_a_rotation_of_the_keys_keeps_every_objection_under_its_new_pseudonym(board: Board, tmp_path: Path) -> None:
    keys = (b"first" * 8, b"second" * 8)
    before, expected = ([pseudonym_of(person, chain) for person in PEOPLE[:60]] for chain in (keys[:1], keys))
    board.register(dict.fromkeys(before, A)).deliver(JANUARY, *before).conform()
    record_chain(board.lake, keys[:1], 1)
    rotate(board.lake, keys, tmp_path)
    assert board.register(dict.fromkeys(expected, A)).remove(JANUARY).states() == dict.fromkeys(sorted(expected), "in_force")


def test_one_feed_may_follow_the_other(board: Board) -> None:
    board.deliver(JANUARY, *PEOPLE[:60], feed=COMBINED).conform()
    board.deliver(FEBRUARY, *PEOPLE[:59]).deliver(FEBRUARY, "p059", status="0", effective_date="2026-01-20")
    assert board.states() == {**dict.fromkeys(PEOPLE[:59], "in_force"), "p059": "withdrawn"}


@pytest.mark.parametrize("kind", ["type_1", "national"])
def test_the_order_of_rows_changes_no_byte(board: Board, kind: str) -> None:
    own = TYPE_1 if kind == "type_1" else NATIONAL
    for feed, since in ((own, "2020-01-01"), (COMBINED, "2024-05-01")):  # both name the same people on the same day
        for day in (JANUARY, FEBRUARY):
            board.deliver(day, *PEOPLE[:20], feed=feed, kind=kind, effective_date=since)
    board.conform()
    first = board.lake.live_files(core.OBJECTION.name)
    board.rows.reverse()
    board.conform()
    assert board.lake.live_files(core.OBJECTION.name) == first


def test_a_national_list_replaces_the_one_before_it(board: Board) -> None:
    board.deliver(JANUARY, *PEOPLE[:60], feed=NATIONAL).deliver(FEBRUARY, *PEOPLE[2:62], feed=NATIONAL)
    assert board.states("national") == dict.fromkeys(PEOPLE[2:62], "in_force")
    board.check()


def test_the_last_national_list_stays_in_force_when_its_feed_is_removed(board: Board) -> None:
    board.deliver(JANUARY, "p000", feed=NATIONAL, submission_date=JANUARY).conform()
    assert board.remove(JANUARY).states("national") == {"p000": "in_force"}
    assert national_list_expired(board.lake, date(2026, 2, 1))


def test_a_national_list_expires_and_planning_is_refused(board: Board) -> None:
    board.deliver(JANUARY, "p000", feed=NATIONAL, submission_date="2025-12-30").conform()
    check_national_list(board.lake, date(2026, 1, 20))
    with pytest.raises(ValidationStop, match="valid until 2026-01-20"):
        check_national_list(board.lake, date(2026, 1, 21))


def test_the_list_of_a_combined_feed_expires_after_its_delivery_and_a_board_without_a_list_has_none(board: Board) -> None:
    board.deliver(JANUARY, "p000", feed=COMBINED).conform()
    assert not national_list_expired(board.lake, date(2030, 1, 1))
    board.deliver(JANUARY, "p000", feed=COMBINED, kind="national").deliver(FEBRUARY, "p000", feed=COMBINED).conform()
    assert [national_list_expired(board.lake, date(2026, 1, day)) for day in (22, 23)] == [False, True]
    rows = board.lake.read(core.OBJECTION_DELIVERY.name, "submitted, valid_until", "kind = 'national'").to_pylist()
    assert rows == [{"submitted": None, "valid_until": date(2026, 1, 22)}]


@pytest.mark.parametrize("days", [(LOST_SUBMISSION,), (LOST_SUBMISSION, "2025-12-30"), (LOST_SUBMISSION, None)])
def test_a_list_with_a_submission_date_that_cannot_be_read_is_not_valid(board: Board, days: tuple[str | None, ...]) -> None:
    for person, day in zip(PEOPLE, days, strict=False):
        board.deliver(JANUARY, person, feed=NATIONAL, submission_date=day)
    board.conform()
    assert national_list_expired(board.lake, date(2026, 1, 1))
    assert board.lake.read(core.OBJECTION_DELIVERY.name, "submitted", "kind = 'national'")["submitted"].to_pylist() == [None]


@pytest.mark.parametrize(
    ("days", "last"), [(("2025-12-20", "2025-12-30"), 10), (("2025-12-20", None), 10), (("2027-01-01", None), 22), ((None,), 22)]
)
def test_the_earliest_submission_date_of_a_list_counts(board: Board, days: tuple[str | None, ...], last: int) -> None:
    for person, day in zip(PEOPLE, days, strict=False):
        board.deliver(JANUARY, person, feed=NATIONAL, submission_date=day)
    board.conform()
    assert [national_list_expired(board.lake, date(2026, 1, day)) for day in (last, last + 1)] == [False, True]


def test_the_same_national_list_with_a_later_date_is_valid_no_longer(board: Board) -> None:
    for feed, kind in ((NATIONAL, "national"), (COMBINED, "national")):
        for day in (JANUARY, FEBRUARY):
            board.remove(JANUARY, FEBRUARY) if day == JANUARY else None
            board.deliver(JANUARY, "p000", feed=feed, kind=kind, extract_id="one").deliver(
                FEBRUARY, "p000", feed=feed, kind=kind, extract_id="one"
            )
        board.conform()
        assert [national_list_expired(board.lake, date(2026, 1, day)) for day in (22, 23)] == [False, True]


def test_the_same_snapshot_with_a_later_date_ends_no_objection_and_begins_no_count_again(board: Board) -> None:
    board.deliver(JANUARY, *PEOPLE[:100]).deliver(FEBRUARY, *PEOPLE[1:100], extract_id="cut").deliver(
        MARCH, *PEOPLE[1:100], extract_id="cut"
    )
    assert board.states()["p000"] == "in_force"
    assert board.practices()[A] == "sent before"
    board.deliver(APRIL, *PEOPLE[2:100])  # the second snapshot without p000, and the first without p001
    assert {who: board.states()[who] for who in ("p000", "p001")} == {"p000": "ended_by_absence", "p001": "in_force"}


def test_the_same_snapshot_counts_where_a_decision_accepts_it(board: Board) -> None:
    board.deliver(JANUARY, *PEOPLE[:100]).deliver(FEBRUARY, *PEOPLE[1:100], extract_id="cut").deliver(
        MARCH, *PEOPLE[1:100], extract_id="cut"
    )
    assert board.accept(TYPE_1, "objections_absent", MARCH, A).states()["p000"] == "ended_by_absence"


def test_an_unchanged_file_of_one_practice_and_a_new_one_of_another_are_distinguished(board: Board) -> None:
    board.deliver(JANUARY, *PEOPLE[:99], extract_id="a1").deliver(JANUARY, *PEOPLE[100:], practice_code=B, extract_id="b1")
    for day, of_b in ((FEBRUARY, "b2"), (MARCH, "b3")):
        board.deliver(day, *PEOPLE[1:99], extract_id="a2").deliver(day, *PEOPLE[101:], practice_code=B, extract_id=of_b)
    states = board.states()
    assert (states["p000"], states["p100"]) == ("in_force", "ended_by_absence")


def test_a_withdrawal_counts_for_the_same_practice_and_for_all_from_the_practice_of_the_registration(board: Board) -> None:
    """p000 to p003 are registered with A, p100 with B."""
    board.deliver(JANUARY, "p000", "p001", "p002").deliver(JANUARY, "p003", "p100", practice_code=B)
    withdraws = {"status": "0", "effective_date": "2024-06-01"}
    board.deliver(FEBRUARY, "p000", practice_code=B, **withdraws).deliver(FEBRUARY, "p001", practice_code=A, **withdraws)
    board.deliver(FEBRUARY, "p003", practice_code=A, **withdraws).deliver(FEBRUARY, "p100", practice_code=A, **withdraws)
    board.snapshots = frozenset()
    assert board.states() == {
        "p000": "in_force", "p001": "withdrawn", "p002": "in_force", "p003": "withdrawn", "p100": "in_force",
    }  # fmt: skip


def test_rows_of_two_practices_with_the_same_day_are_both_read(board: Board) -> None:
    board.deliver(JANUARY, "p000").deliver(JANUARY, "p000", practice_code=B)
    board.deliver(FEBRUARY, "p000", practice_code=B, status="0", effective_date="2024-06-01")
    board.snapshots = frozenset()
    assert board.states() == {"p000": "in_force"}


def test_a_jump_in_a_delivery_that_is_not_the_latest_stops_the_run_until_it_is_accepted(board: Board) -> None:
    board.deliver(JANUARY, *PEOPLE[:60]).deliver(FEBRUARY, *PEOPLE[:60], *(f"x{n}" for n in range(30))).deliver(
        MARCH, *PEOPLE[:60]
    )
    for _ in range(2):
        with pytest.raises(
            ValidationStop, match=r"33.3% of the people who object in the delivery of type_1_objections of 2026-02-01"
        ):
            board.check()
    board.accept(TYPE_1, "objections_not_on_list", FEBRUARY).check()


def test_a_jump_in_a_delivery_that_came_late_stops_the_run(board: Board) -> None:
    board.deliver(JANUARY, *PEOPLE[:60]).deliver(MARCH, *PEOPLE[:60]).check()
    board.deliver(FEBRUARY, *PEOPLE[:60], *(f"x{n}" for n in range(30)))
    board.late = {(TYPE_1, date.fromisoformat(FEBRUARY))}
    with pytest.raises(
        ValidationStop, match=r"33.3% of the people who object in the delivery of type_1_objections of 2026-02-01"
    ):
        board.check()
    board.accept(TYPE_1, "objections_not_on_list", FEBRUARY).check()


def test_a_jump_is_found_in_each_feed_of_a_kind(board: Board) -> None:
    board.deliver(JANUARY, *PEOPLE[:60]).deliver(JANUARY, *PEOPLE[:30], feed=COMBINED)
    board.deliver(FEBRUARY, *PEOPLE[:60]).deliver(FEBRUARY, *PEOPLE[:20], *(f"x{n}" for n in range(10)), feed=COMBINED)
    with pytest.raises(ValidationStop, match=r"33.3% of the people who object in the delivery of opt_outs of 2026-02-01"):
        board.check()


def test_a_home_that_is_restored_from_a_copy_keeps_every_objection(board: Board, tmp_path: Path) -> None:
    board.deliver(JANUARY, *PEOPLE[:60]).deliver(JANUARY, *PEOPLE[:5], feed=NATIONAL).conform()
    expected = board.states()
    shutil.copytree(tmp_path / "lake", tmp_path / "restored")
    board.remove(JANUARY).lake = Lake(tmp_path / "restored")  # and the old deliveries are gone
    assert board.states() == expected == dict.fromkeys(PEOPLE[:60], "in_force")
    assert board.states("national") == dict.fromkeys(PEOPLE[:5], "in_force")
    board.deliver(FEBRUARY, *PEOPLE[1:60])
    assert board.states()["p000"] == "in_force"


def test_a_person_who_was_submitted_and_is_not_returned_has_opted_out(board: Board) -> None:
    board.register(dict.fromkeys(PEOPLE[:5], A)).deliver(
        JANUARY, *PEOPLE[:4], feed=NATIONAL, list_part="SUBMITTED", submission_date="2025-12-30"
    )
    board.deliver(JANUARY, "p000", "p001", feed=NATIONAL, list_part="RETURNED")
    assert board.states("national") == {"p002": "in_force", "p003": "in_force", "p004": "not_known"}
    lists = board.lake.read(core.OBJECTION_DELIVERY.name, "submitted, valid_until", "kind = 'national'").to_pylist()
    assert lists == [{"submitted": date(2025, 12, 30), "valid_until": date(2026, 1, 20)}]


def test_an_identifier_returned_in_another_form_than_it_was_submitted_permits_nothing(board: Board) -> None:
    board.register(dict.fromkeys(PEOPLE[:3], A)).deliver(JANUARY, "p000", "P001", "p002", feed=NATIONAL, list_part="SUBMITTED")
    board.deliver(JANUARY, "P000", "P001", "p002;", feed=NATIONAL, list_part="RETURNED")
    assert board.states("national") == {"p000": "in_force", "p002": "in_force"}


@pytest.mark.parametrize(
    ("submitted", "returned"), [(("0012", "12"), ("12",)), (("0012", "12"), ("0012",)), (("P1",), ("p1",)), (("p1",), ("P1",))]
)
def test_what_was_returned_for_another_form_permits_nothing(
    board: Board, submitted: tuple[str, ...], returned: tuple[str, ...]
) -> None:
    (listed,) = {person for person in ("0012", "p1") if person.lower() in {form.lower() for form in submitted}}
    board.register({listed: A}).deliver(JANUARY, *submitted, feed=NATIONAL, list_part="SUBMITTED")
    board.deliver(JANUARY, *returned, feed=NATIONAL, list_part="RETURNED")
    assert board.states("national")[listed] == "in_force"


def test_an_identifier_returned_in_an_earlier_list_permits_nothing_in_a_later_one(board: Board) -> None:
    board.register({"p1": A}).deliver(JANUARY, "P1", feed=NATIONAL, list_part="SUBMITTED").deliver(
        JANUARY, "P1", feed=NATIONAL, list_part="RETURNED"
    )
    assert board.states("national") == {}
    board.deliver(FEBRUARY, "p1", feed=NATIONAL, list_part="SUBMITTED").deliver(
        FEBRUARY, "P1", feed=NATIONAL, list_part="RETURNED"
    )
    assert board.states("national") == {"p1": "in_force"}


@pytest.mark.parametrize(("listed", "sent"), [("00012", "12"), ("{6f9619ff-8b86}", "6F9619FF8B86"), ("0", "000")])
def test_leading_zeros_and_punctuation_that_were_lost_do_not_lose_the_objection(board: Board, listed: str, sent: str) -> None:
    assert board.register({listed: A, "00120": A}).deliver(JANUARY, sent).states() == {listed: "in_force", sent: "in_force"}


@pytest.mark.parametrize("sent", ["-", "...", "00000", "p00", "p0000"])
def test_what_is_no_form_of_a_pseudonym_matches_no_one(board: Board, sent: str) -> None:
    assert board.register(dict.fromkeys([*PEOPLE, "--"], A)).deliver(JANUARY, sent).states() == {sent: "in_force"}


def test_a_national_list_that_lost_people_stops_the_run(board: Board) -> None:
    board.deliver(JANUARY, *PEOPLE[:139], feed=NATIONAL).deliver(FEBRUARY, *PEOPLE[:7], feed=NATIONAL)
    for _ in range(2):  # a second run stops as well
        with pytest.raises(ValidationStop, match=r"132 fewer of the people on the registered list .* than the 139 before"):
            board.check()
    board.accept(NATIONAL, "national_opt_outs_fell", FEBRUARY).check()


@pytest.mark.parametrize("runs", [1, 2])
def test_a_fall_of_a_national_list_is_made_good_only_by_a_complete_one(board: Board, runs: int) -> None:
    board.deliver(JANUARY, *PEOPLE[:100], feed=NATIONAL).deliver(FEBRUARY, *PEOPLE[:7], feed=NATIONAL)
    if runs == 2:
        with pytest.raises(ValidationStop):
            board.check()
    board.deliver(MARCH, *PEOPLE[:9], feed=NATIONAL)
    for _ in range(2):
        with pytest.raises(
            ValidationStop, match=r"91 fewer .* since the delivery of national_opt_outs of 2026-02-01 than the 100 before"
        ):
            board.check()
    board.deliver(APRIL, *PEOPLE[:98], feed=NATIONAL).check()


def test_a_fall_before_a_jump_is_not_lost_when_the_jump_is_accepted(board: Board) -> None:
    board.deliver(JANUARY, *PEOPLE[:100], feed=NATIONAL).deliver(FEBRUARY, *PEOPLE[:7], feed=NATIONAL)
    board.deliver(MARCH, *PEOPLE[:9], *(f"x{n}" for n in range(10)), feed=NATIONAL)
    with pytest.raises(ValidationStop, match=r"91 fewer"):
        board.check()
    board.accept(NATIONAL, "national_opt_outs_fell", FEBRUARY)
    with pytest.raises(
        ValidationStop, match=r"52.6% of the people who object in the delivery of national_opt_outs of 2026-03-01"
    ):
        board.check()
    board.accept(NATIONAL, "objections_not_on_list", MARCH).check()


def test_a_jump_before_a_fall_is_not_lost_when_the_fall_is_accepted(board: Board) -> None:
    board.deliver(JANUARY, *PEOPLE[:60], feed=NATIONAL).deliver(
        FEBRUARY, *PEOPLE[:60], *(f"x{n}" for n in range(30)), feed=NATIONAL
    )
    board.deliver(MARCH, *PEOPLE[:9], feed=NATIONAL)
    for rule, day, words in (("objections_not_on_list", FEBRUARY, "33.3% of"), ("national_opt_outs_fell", MARCH, "51 fewer")):
        with pytest.raises(ValidationStop, match=words):
            board.check()
        board.accept(NATIONAL, rule, day)
    board.check()


@pytest.mark.parametrize("feed", [COMBINED, NATIONAL])
def test_national_opt_outs_in_a_feed_of_additions_are_refused(board: Board, feed: str) -> None:
    board.snapshots = frozenset()
    board.deliver(JANUARY, *PEOPLE[:50], feed=feed, kind="national")
    with pytest.raises(RefusalError, match=rf"source\.nhs\.feeds\.{feed}\.load to snapshot"):
        board.conform()


def test_withdrawals_of_most_people_are_a_fall(board: Board) -> None:
    board.deliver(JANUARY, *PEOPLE[:50], feed=COMBINED, kind="national")
    board.deliver(FEBRUARY, *PEOPLE[:45], feed=COMBINED, kind="national", status="0", effective_date="2026-01-15")
    with pytest.raises(ValidationStop, match=r"50 fewer .* than the 50 before"):
        board.check()


def test_a_fall_is_found_in_each_feed_of_national_opt_outs(board: Board) -> None:
    board.deliver(JANUARY, *PEOPLE[:50], feed=NATIONAL).deliver(JANUARY, *PEOPLE[:50], feed=COMBINED, kind="national")
    board.deliver(FEBRUARY, *PEOPLE[:3], feed=NATIONAL)
    with pytest.raises(ValidationStop, match=r"47 fewer .* since the delivery of national_opt_outs of 2026-02-01"):
        board.check()
    assert len(board.states("national")) == 50


def test_an_objection_without_a_practice_is_of_the_practice_of_the_registration(board: Board) -> None:
    board.deliver(JANUARY, "p100", practice_code=None).conform()
    assert board.lake.read(core.OBJECTION.name, "practice_code")["practice_code"].to_pylist() == [B]


def test_a_snapshot_of_another_practice_changes_no_count() -> None:
    objections = pd.DataFrame({"practice_code": [A, B, None], "home": [A, B, A], "first_stated": [date(2025, 1, 1)] * 3})
    days = [date(2026, month, 1) for month in (1, 2, 3)]
    snapshots = [Snapshot(day, TYPE_1, frozenset({A}), accepted=frozenset({A})) for day in days]
    no_one = {day: np.empty(0, np.int64) for day in days}
    found = follow_absences(objections, snapshots, no_one, no_one, 0.02)
    assert (found.consecutive.tolist(), found.ended) == ([2, 0, 0], [days[1], None, None])


def test_a_withdrawal_dated_after_its_own_delivery_ends_nothing() -> None:
    rows = ", ".join(
        f"('', '{who}', NULL, '{status}', DATE '{day}', 'OPTED_OUT', DATE '2026-01-01', '')"
        for who, status, day in (
            ("ann", "1", "2024-05-01"),
            ("ann", "0", "2027-01-01"),
            ("bob", "1", "2024-05-01"),
            ("bob", "0", "2025-01-01"),
        )
    )
    columns = "feed, person_id, practice_code, status, effective_date, list_part, extract_date, extract_id"
    with connect() as con:
        found = con.sql(
            f"SELECT person_id, lasts FROM ({lasting_sql(f'(SELECT * FROM (VALUES {rows}) AS t({columns}))')}) ORDER BY ALL"
        ).fetchall()
    assert found == [("ann", True), ("bob", False)]

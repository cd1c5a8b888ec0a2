"""From files of the three feeds of objections to core__objection: states, absences, other forms of a pseudonym, and stops."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import pytest

from expectations.catalogue import RAW_TABLES
from expectations.feeds import OBJECTION_FEEDS
from expectations.tables import core
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.core_tables import conform_people
from pipelines.conform.national_list import national_list_expired
from pipelines.conform.objection_inputs import read_objection_inputs
from pipelines.conform.objections import ObjectionSettings, check_objections, conform_objections
from pipelines.errors import ValidationStop
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.decision_record import ACCEPTED_BREACH, Decision, record_decision
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.files import without_rows
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import FeedSettings, NhsSettings
from pipelines.validation.validate import ValidationSettings, validate_feed

LENIENT = ValidationSettings(limits={"share_set_aside": 1, "unknown_codes": 1, "single_value": 0})
HEADERS = {
    "opt_outs": "PERSON_ID,OPT_OUT_TYPE,STATUS,EFFECTIVE_DATE",
    "type_1_objections": "PERSON_ID,ORGANISATION_ID,STATUS,EFFECTIVE_DATE",
    "national_opt_outs": "PERSON_ID,LIST,SUBMISSION_DATE",
}
CASES = Path(__file__).parents[5] / "shared" / "cases"
A, B = "A00001", "B00002"
JANUARY, FEBRUARY, MARCH, APRIL = (f"2026-0{month}-01" for month in range(1, 5))
PEOPLE = [f"p{number:03d}" for number in range(200)]


class Board:
    """A board with a registered list and feeds of objections."""

    def __init__(self, folder: Path, feed_rows: Callable[..., str], feeds: Sequence[str] = ("type_1_objections",)) -> None:
        self.folder, self.lake, self.rows_of = folder, Lake(folder / "lake"), feed_rows
        self.configure(*feeds)
        self.register({person: A for person in PEOPLE[:100]} | {person: B for person in PEOPLE[100:]})

    def configure(self, *feeds: str, load: str = "snapshot") -> Board:
        self.feeds, self.nhs = feeds, NhsSettings(feeds={feed: FeedSettings(load=load) for feed in feeds or ("admissions",)})
        return self

    def register(self, homes: dict[str, str], left: Sequence[str] = (), died: Sequence[str] = ()) -> Board:
        ended = date(2025, 6, 1)
        self.sources = {
            "patients": self.rows_of("patients", *(
                {"person_id": who, "practice_code": place, "death_date": ended if who in died else None} for who, place in homes.items()
            )),
            "registrations": self.rows_of("registrations", *(
                {"person_id": who, "practice_code": place, "start_date": date(2015, 1, 1), "end_date": ended if who in left else None}
                for who, place in homes.items()
            )),
        }  # fmt: skip
        return self

    def deliver(self, day: str, *rows: str, feed: str = "type_1_objections", name: str = "") -> Board:
        file = self.folder / feed / f"{feed}{name}_{day}.csv"
        file.parent.mkdir(exist_ok=True)
        file.write_text("\n".join([HEADERS[feed], *rows, ""]))
        self.take_in(feed)
        return self

    def take_in(self, feed: str) -> None:
        with connect() as con:
            ingest_feed(self.lake, con, RAW_TABLES[feed], self.nhs, self.folder)
            validate_feed(self.lake, con, RAW_TABLES[feed], self.nhs, LENIENT)

    def conform(self) -> dict[str, object]:
        tables = [RAW_TABLES[feed.name] for feed in OBJECTION_FEEDS if feed.name in self.feeds]
        with connect() as con:
            inputs = read_objection_inputs(self.lake, tables, self.nhs)
            return conform_objections(self.lake, con, self.sources, inputs, ObjectionSettings())

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

    def accept(self, subject: str) -> Board:
        record_decision(self.lake, Decision(ACCEPTED_BREACH, subject, "Data manager", "The practice confirmed it", date(2026, 3, 1)))
        return self


@pytest.fixture
def board(tmp_path: Path, feed_rows: Callable[..., str]) -> Board:
    return Board(tmp_path, feed_rows)


def objects(people: Sequence[str], practice: str = A) -> list[str]:
    return [f"{person},{practice},1,2024-05-01" for person in people]


def combined(people: Sequence[str], kind: str = "type_1") -> list[str]:
    return [f"{person},{kind},1,2024-05-01" for person in people]


def test_an_absent_objection_ends_after_two_consecutive_complete_snapshots_and_is_counted(board: Board) -> None:
    board.deliver(JANUARY, *objects(PEOPLE[:60])).deliver(FEBRUARY, *objects(PEOPLE[1:60]))
    assert (board.conform()["absent_from_the_latest_delivery"], board.states()["p000"]) == (1, "in_force")
    board.check()  # 1 of 60 is below the limit of 2%
    assert board.deliver(MARCH, *objects(PEOPLE[1:60])).states()["p000"] == "ended_by_absence"
    assert board.conform()["type_1_ended_by_absence"] == 1
    assert board.deliver(APRIL, *objects(PEOPLE[:60])).states()["p000"] == "in_force"


def test_a_gap_in_the_absences_begins_the_count_again(board: Board) -> None:
    for day, first in ((JANUARY, 0), (FEBRUARY, 1), (MARCH, 0), (APRIL, 1)):
        board.deliver(day, *objects(PEOPLE[first:60]))
    assert board.states()["p000"] == "in_force"


@pytest.mark.parametrize("damage", [",A00001,1,2024-05-01", "=x,A00001,1,2024-05-01", "p000,A00001,1"])
def test_a_snapshot_with_a_row_that_cannot_be_used_is_not_complete(board: Board, damage: str) -> None:
    board.deliver(JANUARY, *objects(PEOPLE[:60]))
    for day in (FEBRUARY, MARCH):
        board.deliver(day, *objects(PEOPLE[1:60]), damage)
    assert (board.states()["p000"], board.practices()[A]) == ("in_force", "not complete")


def test_additions_are_no_snapshots_and_no_absence_counts(board: Board) -> None:
    board.configure("type_1_objections", load="append").deliver(JANUARY, *objects(PEOPLE[:60]))
    for day in (FEBRUARY, MARCH, APRIL):
        board.deliver(day, *objects(PEOPLE[60:62]))
    assert set(board.states().values()) == {"in_force"}
    board.check()


@pytest.mark.parametrize("change", ["left", "died", "moved"])
def test_absence_counts_only_for_people_who_are_still_registered_there(board: Board, change: str) -> None:
    homes = dict.fromkeys(PEOPLE[:100], A) | dict.fromkeys(PEOPLE[100:], B)
    gone = PEOPLE[:30]
    board.deliver(JANUARY, *objects(PEOPLE[:60]), *objects(PEOPLE[100:150], B))
    if change == "moved":
        board.register(homes | dict.fromkeys(gone, B))
    else:
        board.register(homes, **{change: gone})
    for day in (FEBRUARY, MARCH):
        board.deliver(day, *objects(PEOPLE[30:60]), *objects(PEOPLE[100:150], B))
    assert {board.states()[person] for person in gone} == {"in_force"}
    board.check()


@pytest.mark.parametrize("feed", ["type_1_objections", "opt_outs"])
def test_objections_lost_in_transit_stop_the_run_and_stay_in_force(board: Board, feed: str) -> None:
    rows = objects if feed == "type_1_objections" else combined
    board.configure(feed).deliver(JANUARY, *rows(PEOPLE[:100]), *rows(PEOPLE[100:139], **({"practice": B} if rows is objects else {})), feed=feed)
    for day in (FEBRUARY, MARCH, APRIL):
        board.deliver(day, *rows(PEOPLE[:7]), feed=feed)
        with pytest.raises(ValidationStop, match=f"practice {A}: 93 of 100 objections .* of {feed} of {day} .*93.0%; the limit is 2%") as stop:
            board.check()
        assert f"accepted_breach '{feed} objections_absent {day} {A}'" in str(stop.value)
        assert len([state for state in board.states().values() if state == "in_force"]) == 139
    if feed == "opt_outs":  # a delivery that names no practice is of all practices
        assert f"practice {B}: 39 of 39" in str(stop.value)
    else:
        assert board.practices()[B] == "objections not known"


def test_an_extract_silently_half_as_large_stops_and_a_complete_one_lets_the_next_run_go_on(board: Board) -> None:
    board.deliver(JANUARY, *objects(PEOPLE[:80])).deliver(FEBRUARY, *objects(PEOPLE[:40]))
    with pytest.raises(ValidationStop, match="40 of 80"):
        board.check()
    board.deliver(MARCH, *objects(PEOPLE[:80])).check()


def test_an_accepted_delivery_does_not_stop_and_counts_as_complete(board: Board) -> None:
    board.deliver(JANUARY, *objects(PEOPLE[:60])).deliver(FEBRUARY, *objects(PEOPLE[:50]))
    board.accept(f"type_1_objections objections_absent {FEBRUARY} {A}").check()
    board.deliver(MARCH, *objects(PEOPLE[:50]))
    with pytest.raises(ValidationStop, match=f"10 of 60 objections .* {MARCH}"):
        board.check()
    board.accept(f"type_1_objections objections_absent {MARCH} {A}").check()
    assert {board.states()[person] for person in PEOPLE[50:60]} == {"ended_by_absence"}


def test_a_practice_without_a_delivery_is_reported_as_not_known_and_its_objections_hold(board: Board) -> None:
    board.deliver(JANUARY, *objects(PEOPLE[:60]))
    assert board.conform()["practices_with_objections_not_known"] == B
    board.deliver(FEBRUARY, *objects(PEOPLE[:60]), *objects(PEOPLE[100:150], B))
    assert board.conform()["practices_with_objections_not_known"] == ""
    board.deliver(MARCH, *objects(PEOPLE[:60])).deliver(APRIL, *objects(PEOPLE[:60]))
    assert (board.conform()["practices_with_objections_not_known"], board.states()["p100"]) == (B, "in_force")


@pytest.mark.parametrize("day", ["2024-05-01", "", "soon"])
def test_rows_of_one_day_or_without_a_day_conflict_and_the_objection_wins(board: Board, day: str) -> None:
    board.deliver(JANUARY, f"p000,{A},1,{day}", f"p000,{A},0,{day}", f"p001,{A},1,2024-05-01", f"p001,{A},0,2025-05-01")
    assert board.states() == {"p000": "in_force", "p001": "withdrawn"}
    assert board.conform()["people_with_conflicting_rows"] == 1


@pytest.mark.parametrize(
    "form", ["P000", "p000 ", "p\u200b000", "\ufeffp000", "p0\u00a000", "p000\u2060", "P\u200d000", "p000\u00ad", "\u2007p000", "P000,"]
)
def test_another_form_of_the_pseudonym_does_not_lose_the_objection(board: Board, form: str) -> None:
    board.deliver(JANUARY, f"{form.rstrip(',')},{A},1,2024-05-01" + ("," if form.endswith(",") else ""))
    assert board.states() == {"p000": "in_force"}


def test_a_pseudonym_that_the_list_has_is_not_one_in_another_letter_case(board: Board) -> None:
    board.register({"aB": A, "Ab": A, "cD": A, "Cd": A}).deliver(JANUARY, *objects(["aB", "CD"]))
    assert board.states() == {"aB": "in_force", "cD": "in_force", "Cd": "in_force"}  # CD may be either
    assert board.conform()["found_on_the_list_in_another_form"] == 1


def test_the_published_rows_of_other_shapes_hold_and_their_repairs_are_counted(board: Board) -> None:
    file = CASES / "opt_outs_shape_2026-01-01.csv"
    if not file.is_file():
        pytest.skip("the published cases are not next to the project")
    people = [f"P8db4af50f22db2{end}" for end in ("3a", "4b", "5c")]
    board.configure("opt_outs").register(dict.fromkeys(people, A))
    (board.folder / "opt_outs").mkdir()
    shutil.copy(file, board.folder / "opt_outs" / file.name)
    board.take_in("opt_outs")
    assert board.states() == dict.fromkeys(people, "in_force")
    assert board.lake.read("core__quarantine", "action, row_number", "reason = 'trailing_delimiter'").to_pylist() == [
        {"action": "repaired", "row_number": 1}
    ]
    with connect() as con:
        conform_people(board.lake, con, board.sources, ClinicalRules())
    assert board.lake.read("core__person", "person_id", "type_1_opt_out", "person_id")["person_id"].to_pylist() == people


def test_a_jump_of_the_share_that_matches_no_one_stops_the_run(board: Board) -> None:
    strangers = [f"x{number}" for number in range(30)]
    board.deliver(JANUARY, *objects(PEOPLE[:60])).deliver(FEBRUARY, *objects(PEOPLE[:60]), *objects(strangers))
    with pytest.raises(ValidationStop, match="type_1: 33.3% of the people who object .* match no one on the registered list, 0.0% in the one before"):
        board.check()
    board.accept(f"type_1_objections objections_not_on_list {FEBRUARY}").check()
    board.deliver(MARCH, *objects(PEOPLE[:60]), *objects(strangers)).check()  # a list that normally names people of other ICBs


def test_objections_outlive_their_deliveries_and_the_removal_of_their_feed(board: Board) -> None:
    board.deliver(JANUARY, *objects(PEOPLE[:60])).deliver(FEBRUARY, *objects(PEOPLE[:60]), f"p000,{A},0,2026-01-20")
    before = board.states()
    for table in ("raw__type_1_objections", "raw__extracts"):
        without_rows(board.lake, table, "extract_date = DATE '2026-01-01'")
    assert board.states() == before == {**dict.fromkeys(PEOPLE[1:60], "in_force"), "p000": "withdrawn"}
    board.configure()
    assert board.states() == before
    assert board.practices()[A] == "objections not known"


def test_an_ended_objection_stays_ended_without_the_deliveries_that_ended_it(board: Board) -> None:
    for day, first in ((JANUARY, 0), (FEBRUARY, 1), (MARCH, 1)):
        board.deliver(day, *objects(PEOPLE[first:60]))
    assert board.states()["p000"] == "ended_by_absence"
    for table in ("raw__type_1_objections", "raw__extracts"):
        without_rows(board.lake, table, "extract_date IN (DATE '2026-02-01', DATE '2026-03-01')")
    assert board.states()["p000"] == "ended_by_absence"


def test_a_restored_table_keeps_objections_in_force_without_any_delivery(board: Board, tmp_path: Path) -> None:
    board.deliver(JANUARY, *objects(PEOPLE[:60])).conform()
    shutil.copytree(board.folder / "lake", tmp_path / "restored")
    board.lake = Lake(tmp_path / "restored")
    for name in ("raw__type_1_objections", "raw__extracts", "core__validated_extracts"):
        shutil.rmtree(tmp_path / "restored" / name)
    assert len(board.states()) == 60


def test_one_feed_may_follow_the_other(board: Board) -> None:
    board.configure("opt_outs").deliver(JANUARY, *combined(PEOPLE[:60]), feed="opt_outs").conform()
    board.configure("opt_outs", "type_1_objections").deliver(FEBRUARY, *objects(PEOPLE[:59]), f"p059,{A},0,2026-01-20")
    assert board.states() == {**dict.fromkeys(PEOPLE[:59], "in_force"), "p059": "withdrawn"}


def test_a_national_list_replaces_the_one_before_it(board: Board) -> None:
    board.configure("national_opt_outs")
    for day, people in ((JANUARY, PEOPLE[:60]), (FEBRUARY, PEOPLE[2:62])):
        board.deliver(day, *(f"{person},," for person in people), feed="national_opt_outs")
    assert board.states("national") == dict.fromkeys(PEOPLE[2:62], "in_force")
    board.check()


def test_the_last_national_list_stays_in_force_when_its_feed_is_removed(board: Board) -> None:
    board.configure("national_opt_outs").deliver(JANUARY, "p000,,2026-01-01", feed="national_opt_outs").conform()
    assert board.configure().states("national") == {"p000": "in_force"}
    assert national_list_expired(board.lake, date(2026, 2, 1))


def test_a_person_who_was_submitted_and_is_not_returned_has_opted_out(board: Board) -> None:
    board.configure("national_opt_outs").register(dict.fromkeys(PEOPLE[:5], A))
    rows = [f"{person},SUBMITTED,2025-12-30" for person in PEOPLE[:4]] + [f"{person},RETURNED," for person in ("P000", "p001", "p001\u200b")]
    board.deliver(JANUARY, *rows, feed="national_opt_outs")
    assert board.states("national") == {"p002": "in_force", "p003": "in_force", "p004": "not_known"}
    lists = board.lake.read(core.OBJECTION_DELIVERY.name, "submitted, valid_until", "kind = 'national'").to_pylist()
    assert lists == [{"submitted": date(2025, 12, 30), "valid_until": date(2026, 1, 20)}]


def test_a_row_of_an_unknown_part_of_the_list_is_an_opt_out(board: Board) -> None:
    board.configure("national_opt_outs").deliver(JANUARY, "p000,yes,", "p001,SUBMITTED,", "p001,RETURNED,", feed="national_opt_outs")
    assert board.states("national")["p000"] == "in_force"


def test_a_national_list_that_lost_people_stops_the_run(board: Board) -> None:
    board.configure("national_opt_outs").deliver(JANUARY, *(f"{person},," for person in PEOPLE[:139]), feed="national_opt_outs")
    board.deliver(FEBRUARY, *(f"{person},," for person in PEOPLE[:7]), feed="national_opt_outs")
    for _ in range(2):  # a second run stops as well
        with pytest.raises(ValidationStop, match="132 fewer of the people on the registered list .* than the 139 before"):
            board.check()
    board.accept(f"national_opt_outs national_opt_outs_fell {FEBRUARY}").check()


def test_an_unreadable_status_is_an_objection(board: Board) -> None:
    board.deliver(JANUARY, *(f"{person},{A},{status},2024-05-01" for person, status in zip(PEOPLE, ("X", "", "yes", "2", "NULL", "01"), strict=False)))
    assert board.states() == dict.fromkeys(PEOPLE[:6], "in_force")


@pytest.mark.parametrize("practice", ["", "unknown", "A0001"])
def test_an_objection_without_a_readable_practice_is_of_the_practice_of_the_registration(board: Board, practice: str) -> None:
    board.deliver(JANUARY, f"p100,{practice},1,2024-05-01").conform()
    assert board.lake.read(core.OBJECTION.name, "practice_code")["practice_code"].to_pylist() == [B]

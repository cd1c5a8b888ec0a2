"""A date of death or an end of registration that is there and cannot be read: from files to core__person and core__registration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

import pytest

from expectations.suppression import CONFLICTING, DEATH_CONTRADICTED, DEATH_WITHDRAWN, LOST_MARKS
from expectations.table import Table
from expectations.tables import core
from expectations.tables.raw_gp import PATIENTS, REGISTRATIONS
from expectations.tables.raw_omop import DEATH
from expectations.tables.raw_omop import PERSON as OMOP_PERSON
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.core_tables import StatedFacts, conform_people, conform_registrations
from pipelines.conform.deaths import alive_sql, review_digest
from pipelines.conform.omop.feed_rows import omop_sources
from pipelines.conform.registration import RegistrationSettings
from pipelines.extracts.extract_records import current_extracts
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import FeedSettings, NhsSettings
from pipelines.sources.omop.settings import OmopSettings
from pipelines.validation.stated_dates import named_people_sql, stated_dates_sql, suppressing_marks_sql
from pipelines.validation.validate import ValidationSettings, validate_feed
from pipelines.validation.validated_rows import validated_rows_sql

PATIENT = "PERSON_ID,REGISTERED_PRACTICE_ORGANISATION_ID,BIRTH_YEAR,BIRTH_MONTH,DEATH_DATE,IS_DELETED\n"
REGISTERED = "PERSON_ID,ORGANISATION_ID,START_DATE,END_DATE\n"
LENIENT = ValidationSettings(
    limits={"share_set_aside": 1, "unknown_codes": 1, "single_value": 0, "feed_collapsed": 0, "values_emptied": 0}
)
DIED = date(2024, 2, 3)
Periods = list[tuple[str, date | None, bool]]  # practice, end and whether the end cannot be read


class Board:
    """A list in files, taken in and conformed."""

    def __init__(self, folder: Path) -> None:
        self.landing, self.lake = folder, Lake(folder / "lake")
        self.nhs = NhsSettings(feeds={"patients": FeedSettings(not_delivered=tuple(LOST_MARKS)), "registrations": FeedSettings()})
        self.accepted: list[tuple[int, str]] = []

    def deliver(self, table: Table, header: str, rows: str, day: str = "2026-01-01", part: str = "") -> Board:
        (self.landing / table.feed).mkdir(exist_ok=True)
        (self.landing / table.feed / f"{part}{table.feed}_{day}.csv").write_text(header + rows)
        with connect() as con:
            ingest_feed(self.lake, con, table, self.nhs, self.landing)
            validate_feed(self.lake, con, table, self.nhs, LENIENT)
        return self

    def people(self) -> dict[str, object]:
        with connect() as con:
            feeds = [feed for feed in self.nhs.feeds if current_extracts(self.lake, feed)]
            rows = {feed: validated_rows_sql(self.lake, self.nhs, feed) for feed in feeds}
            marks = suppressing_marks_sql(self.lake, self.nhs)
            deaths = stated_dates_sql(self.lake, self.nhs, "patients", "death_date")
            stated = StatedFacts(deaths, marks=marks, alive=alive_sql(self.accepted))
            return conform_people(self.lake, con, rows, ClinicalRules(), stated)

    def deaths(self) -> dict[str, tuple[date | None, bool]]:
        self.people()
        rows = self.lake.read("core__person", "person_id, death_date, death_not_readable").to_pylist()
        return {row["person_id"]: (row["death_date"], row["death_not_readable"]) for row in rows}

    def suppressed(self) -> dict[str, str]:
        """Conform the people, and return the reason of everyone who is suppressed."""
        self.people()
        return self.suppressions()

    def suppressions(self) -> dict[str, str]:
        """Return the reason of everyone who is suppressed, as last conformed."""
        rows = self.lake.read("core__person", "person_id, suppression", "suppression IS NOT NULL", "1").to_pylist()
        return {row["person_id"]: row["suppression"] for row in rows}

    def ends(self) -> dict[str, Periods]:
        """Return the periods of everyone who is registered."""
        with connect() as con:
            rows = {feed: validated_rows_sql(self.lake, self.nhs, feed) for feed in ("patients", "registrations")}
            stated = stated_dates_sql(self.lake, self.nhs, "registrations", "end_date")
            self.people()
            found = conform_registrations(self.lake, con, rows, RegistrationSettings(), stated)
        periods = self.lake.read("core__registration", order="start_date").to_pylist()
        self.withdrawn_ends = found["registration_end_withdrawn_by_its_sender"]
        assert found["registration_end_not_readable"] == sum(row["end_not_readable"] for row in periods)
        names = {
            row["person_key"]: row["person_id"] for row in self.lake.read("core__person", "person_key, person_id").to_pylist()
        }
        ends: dict[str, Periods] = {}
        for row in periods:
            ends.setdefault(names[row["person_key"]], []).append((row["practice_code"], row["end_date"], row["end_not_readable"]))
        return ends


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path)


def patient(name: str, died: str, deleted: str = "", birth_year: str = "1940") -> str:
    return f"{name},Y00001,{birth_year},5,{died},{deleted}\n"


def test_a_death_that_is_stated_and_unreadable_is_no_life(board: Board) -> None:
    stated = {
        "serial": "45421", "word": "Y", "no_such_day": "31/02/2024", "no_such_iso_day": "2024-02-31", "other_format": "03/02/2024",
        "month_first": "02/24/2024", "before_birth": "1939-05-01", "after_extract": "2026-03-01", "no_day": "1900-01-01", "mark": "?",
    }  # fmt: skip
    answers = {"alive": ("", None), "blanks_alone": ("  ", None), "null_word": ("NULL", None), "never": ("9999-12-31", None),
               "dead": ("2024-02-03", DIED), "dead_too": ("2024-02-03 00:00:00", DIED), "year": ("2024", date(2024, 1, 1)),
               "month": ("2024-02", date(2024, 2, 1))}  # fmt: skip
    rows = [patient(name, value) for name, value in stated.items()] + [
        patient(name, value) for name, (value, _) in answers.items()
    ]
    board.deliver(PATIENTS, PATIENT, "".join(rows + [patient(f"other{number}", "2023-01-01") for number in range(5)]))
    found = board.deaths()
    assert {name: found[name] for name in stated} == dict.fromkeys(stated, (None, True))
    assert {name: found[name] for name in answers} == {name: (day, False) for name, (_, day) in answers.items()}
    assert board.people()["death_date_not_readable"] == len(stated)


def test_of_two_rows_of_a_person_the_death_counts_and_a_readable_day_goes_first(board: Board) -> None:
    pairs = {
        "alive_dead": ("", "2024-02-03"), "dead_alive": ("2024-02-03", ""), "word_dead": ("Y", "2024-02-03"), "dead_word": ("2024-02-03", "Y"),
        "alive_word": ("", "Y"), "word_alive": ("Y", ""), "alive_alive": ("", ""),
    }  # fmt: skip
    rows = [patient(name, value) for name, values in pairs.items() for value in values]
    assert board.deliver(PATIENTS, PATIENT, "".join(rows)).deaths() == {
        **dict.fromkeys(("alive_dead", "dead_alive", "word_dead", "dead_word"), (DIED, False)),
        **dict.fromkeys(("alive_word", "word_alive"), (None, True)),
        "alive_alive": (None, False),
    }
    assert board.people()["died_by_a_repeated_row"] == 2


def test_a_row_that_its_sender_took_back_says_nothing_of_a_death_and_one_without_birth_year_does(board: Board) -> None:
    rows = (
        patient("ann", "")
        + patient("ann", "2024-02-03", deleted="1")
        + patient("bob", "")
        + patient("bob", "2024-02-03", birth_year="")
    )
    assert board.deliver(PATIENTS, PATIENT, rows).deaths() == {"ann": (None, False), "bob": (DIED, False)}


def test_two_files_of_one_delivery_are_read_together_and_an_earlier_delivery_is_not(board: Board) -> None:
    board.deliver(PATIENTS, PATIENT, patient("ann", "Y") + patient("bob", "Y"), day="2025-12-01")
    board.deliver(PATIENTS, PATIENT, patient("ann", "") + patient("bob", ""))
    board.deliver(PATIENTS, PATIENT, patient("bob", "2024-02-03"), part="more_")
    assert board.deaths() == {"ann": (None, False), "bob": (DIED, False)}


def register(board: Board, cases: Iterable[str], *files: Mapping[str, str], day: str = "2026-01-01") -> Board:
    """List the people of some cases, and deliver files of their registrations, of which each replaces the one before.

    A file has the rows of each case, whose person is called {0} there. Others give the columns their main format.
    """
    board.deliver(PATIENTS, PATIENT, "".join(patient(name, "") for name in cases), day=day)
    others = "".join(f"other{number},Y00009,2010-01-01,2012-01-01\n" for number in range(20))
    for file in files:
        rows = "".join(row.replace("{0}", name) + "\n" for name, lines in file.items() for row in lines.split("|"))
        board.deliver(REGISTRATIONS, REGISTERED, rows + others, day=day)
    return board


def test_an_end_that_is_stated_and_unreadable_leaves_open_whether_the_person_is_registered(board: Board) -> None:
    goes_on, ended, unknown = ("Y00001", None, False), ("Y00001", date(2025, 6, 1), False), ("Y00001", None, True)
    without, closed, later = "{0},Y00001,2015-01-01,", ("Y00001", date(2019, 12, 31), False), ("Y00002", None, False)
    cases: dict[str, tuple[str, Periods]] = {
        "serial": (f"{without}45421", [unknown]),
        "word": (f"{without}Y", [unknown]),
        "no_such_day": (f"{without}31/02/2024", [unknown]),
        "no_such_iso_day": (f"{without}2024-02-30", [unknown]),
        "open": (without, [goes_on]),
        "open_in_a_corrected_file": (without, [goes_on]),
        "never": (f"{without}9999-12-31", [("Y00001", date(9999, 12, 31), False)]),
        # a second row of the same registration: readable goes first, and unreadable before none
        "second_row": (f"{without}|{without}Y", [unknown]),
        "another_start": (f"{without}|{{0}},?,2014-01-01,2014-06-01", [goes_on]),
        "another_person": (f"{without}|bob,?,2015-01-01,2025-06-01", [goes_on]),
        # a later registration shows that the earlier one ended
        "moved": (f"{without}Y|{{0}},Y00002,2020-01-01,", [closed, later]),
        # and where the later one ended itself, the earlier one may or may not go on
        "moved_and_left": (f"{without}Y|{{0}},Y00002,2020-01-01,2021-06-30", [closed, ("Y00002", date(2021, 6, 30), False), unknown]),
        # of two registrations that began on one day the one that can be read counts
        "two_of_a_day": (f"{without}Y|{{0}},Y00002,2015-01-01,", [later]),
    }  # fmt: skip
    for name, practice in {"mark": "?", "blank": "", "text": "nowhere"}.items():  # also if its practice cannot be read
        cases |= {
            f"{name}_for_a_practice": (f"{without}|{{0}},{practice},2015-01-01,2025-06-01", [ended]),
            f"{name}_for_a_practice_first": (f"{{0}},{practice},2015-01-01,2025-06-01|{without}", [ended]),
            f"{name}_for_a_practice_and_word": (f"{without}|{{0}},{practice},2015-01-01,Y", [unknown]),
        }
    rows = {name: row for name, (row, _) in cases.items()}
    rows["another_practice"] = f"{without}|{{0}},Y00009,2015-01-01,2025-06-01"
    found = register(board, rows, {"open_in_a_corrected_file": f"{without}Y"}, rows).ends()
    assert goes_on in found.pop("another_practice")
    assert found == {name: periods for name, (_, periods) in cases.items()}


MARKED = f"PERSON_ID,REGISTERED_PRACTICE_ORGANISATION_ID,BIRTH_YEAR,DEATH_DATE,{','.join(LOST_MARKS).upper()}\n"


def mark(name: str, column: str, value: str) -> str:
    """Return a row of the list with a value in one of the columns of MARKED."""
    return f"{name},Y00001,1940,,{','.join(value if each == column else '' for each in LOST_MARKS)}\n"


def test_a_mark_that_is_neither_yes_nor_no_suppresses_the_person(board: Board) -> None:
    lost = ("X", "2", "ja", "?", "-1", "1.5", "yes please", "0/1", "null?", "unknown", "Confidential")
    clean = ("0", "N", "no", "F", "false", "", "NULL", " n ")
    yes = ("1", "y", "T", "yes", "TRUE", "true ")
    kinds = {"lost": lost, "clean": clean, "yes": yes}
    people = {f"{kind}{n}_{column}": (column, value) for column in LOST_MARKS for kind, values in kinds.items() for n, value in enumerate(values)}  # fmt: skip
    board.deliver(PATIENTS, MARKED, "".join(mark(name, *stated) for name, stated in people.items()))
    assert board.suppressed() == {name: LOST_MARKS[column] for name, (column, _) in people.items() if name.startswith("lost")}
    on_list = board.lake.read("core__person", "person_id", "on_list")["person_id"].to_pylist()
    assert sorted(on_list) == sorted(name for name in people if not name.startswith("yes"))


def test_of_rows_that_differ_the_cautious_one_wins_and_the_conflict_is_counted(board: Board) -> None:
    pairs = {
        ("0", "1"): CONFLICTING, ("1", "0"): CONFLICTING, ("", "Y"): CONFLICTING, ("0", "X"): "lost", ("X", "0"): "lost", ("X", "1"): "lost",
    }  # fmt: skip
    cases = {f"{column}_{first}_then_{second}": (column, (first, second)) for column in LOST_MARKS for first, second in pairs}
    same = {f"same_{column}": (column, ("0", "0")) for column in LOST_MARKS}
    stated = [(name, column, value) for name, (column, pair) in (cases | same).items() for value in pair]
    board.deliver(PATIENTS, MARKED, "".join(mark(*row) for row in stated))
    reasons = {name: LOST_MARKS[column] if pairs[pair] == "lost" else pairs[pair] for name, (column, pair) in cases.items()}
    assert board.suppressed() == reasons
    for reason, people in (("conflicting_rows", reasons), ("duplicate_row", same)):
        rows = board.lake.read("core__quarantine", "row_number", f"reason = '{reason}'")["row_number"].to_pylist()
        assert sorted(stated[row - 1][0] for row in rows) == sorted(people)


def test_a_death_that_a_later_delivery_withdraws_is_in_review_until_a_decision(board: Board) -> None:
    board.deliver(PATIENTS, PATIENT, patient("ann", "2024-02-03") + patient("bob", "Y") + patient("cat", "1939-01-01") + patient("dan", "2024-01-01"), "2025-11-01")  # fmt: skip
    board.deliver(PATIENTS, PATIENT, patient("ann", "") + patient("bob", "") + patient("cat", "") + patient("dan", "2024-01-02"), "2025-12-01")  # fmt: skip
    assert board.suppressed() == {"ann": DEATH_WITHDRAWN, "bob": DEATH_WITHDRAWN}
    board.deliver(PATIENTS, PATIENT, patient("ann", "") + patient("bob", "") + patient("dan", "2024-01-02"))
    assert board.suppressed() == {"ann": DEATH_WITHDRAWN, "bob": DEATH_WITHDRAWN}
    keys = dict(zip(*board.lake.read("core__person", "person_id, person_key").to_pydict().values(), strict=True))
    board.accepted = [(keys["ann"], review_digest(keys["ann"], date(2024, 2, 4)))]  # of another day
    assert board.suppressed() == {"ann": DEATH_WITHDRAWN, "bob": DEATH_WITHDRAWN}
    board.accepted = [(keys["ann"], review_digest(keys["ann"], DIED)), (keys["bob"], review_digest(keys["bob"], None))]
    assert board.suppressed() == {}
    assert board.deaths()["ann"] == (None, False)
    board.deliver(PATIENTS, PATIENT, patient("ann", "2025-12-24"), day="2026-02-01")  # another death needs another decision
    assert board.deaths()["ann"] == (date(2025, 12, 24), False)


def test_a_death_that_a_later_registration_contradicts_is_in_review_until_a_decision(board: Board) -> None:
    people = {"late": "2024-02-10", "again": "2025-01-01", "before": "2015-01-01"}
    board.deliver(PATIENTS, PATIENT, "".join(patient(name, "2024-02-03") for name in people) + patient("alive", ""))
    board.deliver(
        REGISTRATIONS,
        REGISTERED,
        "".join(f"{name},Y00001,{start},\n" for name, start in {**people, "alive": "2025-01-01"}.items()),
    )
    assert board.suppressed() == {"again": DEATH_CONTRADICTED}
    assert board.deaths()["again"] == (DIED, False)
    key = board.lake.read("core__person", "person_key", "person_id = 'again'")["person_key"][0].as_py()
    board.accepted = [(key, review_digest(key, DIED))]
    assert board.suppressed() == {}
    assert board.deaths()["again"] == (None, False)


def test_of_two_rows_of_a_registration_the_end_counts(board: Board) -> None:
    cases: dict[str, tuple[str, str, tuple[date | None, bool]]] = {
        name: (first, second, (date(2020, 1, 1), False))
        for name, first, second in (
            ("open_then_ended", "", "2020-01-01"), ("ended_then_open", "2020-01-01", ""),
            ("never_then_ended", "9999-12-31", "2020-01-01"), ("word_then_ended", "Y", "2020-01-01"),
        )
    }  # fmt: skip
    cases["impossible"] = cases["impossible_in_a_corrected_file"] = ("", "2014-01-01", (None, True))  # before the start
    for first, second in (("2028-01-01", "2025-01-01"), ("2025-01-01", "2028-01-01"), ("2026-06-01", "2025-01-01")):
        cases[f"{first}_or_{second}"] = (first, second, (date(2025, 1, 1), False))  # of two ends the earlier one
    rows = {
        name: f"{{0}},Y00001,2015-01-01,{first}|{{0}},Y00001,2015-01-01,{second}" for name, (first, second, _) in cases.items()
    }
    before = {"impossible_in_a_corrected_file": "{0},Y00001,2015-01-01,2020-01-01"}
    assert register(board, cases, before, rows).ends() == {name: [("Y00001", *end)] for name, (_, _, end) in cases.items()}


def test_a_day_that_systems_write_for_never_is_no_death_in_any_format(board: Board) -> None:
    days = ("9999-12-31", "31/12/9999", "31-DEC-2099", "99991231", "2999-12-31", "31.12.9999", "3000-01-01 00:00:00")
    never = {f"never_{day}": day for day in days}
    others = "".join(patient(f"other{number}", "2023-01-01") for number in range(20))
    found = board.deliver(PATIENTS, PATIENT, "".join(map(patient, never, days)) + others).deaths()
    assert {name: found[name] for name in never} == dict.fromkeys(never, (None, False))


def test_a_stay_that_ended_in_death_on_no_readable_day_is_a_death(tmp_path: Path) -> None:
    def stay(name: str, admitted: str, discharged: str, method: str) -> str:
        day = f"DATE '{discharged}'" if discharged else "CAST(NULL AS DATE)"
        return f"SELECT '{name}' AS person_id, DATE '{admitted}' AS admission_date, {day} AS discharge_date, '{method}' AS discharge_method, '1' AS sex, NULL AS ethnic_category"

    stays = [
        stay("ann", "2024-01-01", "", "4"),
        stay("bob", "2024-01-01", "", "4"), stay("bob", "2024-03-01", "2024-03-02", "1"),  # came again
        stay("cat", "2024-01-01", "2024-01-09", "1"), stay("dan", "2024-01-01", "", "1"),
        stay("eve", "2024-01-01", "", "4"), stay("eve", "2024-01-01", "2024-02-03", "4"),
    ]  # fmt: skip
    lake = Lake(tmp_path)
    with connect() as con:
        conform_people(lake, con, {"admissions": f"({' UNION ALL '.join(stays)})"}, ClinicalRules())
    rows = lake.read("core__person", "person_id, death_date, death_not_readable").to_pylist()
    assert {row["person_id"]: (row["death_date"], row["death_not_readable"]) for row in rows} == {
        "ann": (None, True), "bob": (None, False), "cat": (None, False), "dan": (None, False), "eve": (DIED, False),
    }  # fmt: skip


def test_a_death_that_an_omop_source_no_longer_has_is_in_review(tmp_path: Path) -> None:
    settings, lake = OmopSettings(folder=tmp_path, extract_date=date(2026, 1, 1)), Lake(tmp_path / "lake")
    (tmp_path / "omop_person.csv").write_text("person_id,gender_concept_id,year_of_birth\nann,8507,1940\nbob,8507,1940\n")
    for day, dead in ((date(2025, 12, 1), "ann,2024-02-03\nbob,2024-02-03\n"), (date(2026, 1, 1), "bob,2024-02-03\n")):
        (tmp_path / "omop_death.csv").write_text("person_id,death_date\n" + dead)
        feeds = {feed: FeedSettings(files=(f"{feed}.csv",), delivery_date=day) for feed in ("omop_person", "omop_death")}
        nhs = NhsSettings.model_construct(feeds=feeds)
        with connect() as con:
            for table in (OMOP_PERSON, DEATH):
                ingest_feed(lake, con, table, nhs, tmp_path)
                validate_feed(lake, con, table, nhs, LENIENT)
            cdm = {
                table.feed.removeprefix("omop_"): validated_rows_sql(lake, nhs, table.feed, table)
                for table in (OMOP_PERSON, DEATH)
            }
            cdm |= {"visit_occurrence": "nothing", "observation_period": "nothing"}
            sources = {"patients": omop_sources(cdm, settings)["patients"]}
            conform_people(lake, con, sources, ClinicalRules(), StatedFacts(named_people_sql(lake, nhs, DEATH)))
    rows = lake.read(core.PERSON.name, "person_id, death_date, suppression").to_pylist()
    assert {row["person_id"]: (row["death_date"], row["suppression"]) for row in rows} == {
        "ann": (None, DEATH_WITHDRAWN),
        "bob": (DIED, None),
    }


def test_everyone_whom_death_of_an_omop_source_names_is_dead(tmp_path: Path) -> None:
    settings = OmopSettings(folder=tmp_path, extract_date=date(2026, 1, 1))
    feeds = {feed: FeedSettings(files=(f"{feed}.csv",), delivery_date=date(2026, 1, 1)) for feed in ("omop_person", "omop_death")}
    nhs = NhsSettings.model_construct(feeds=feeds)
    people = ("read", "word", "undated", "placeholder", "after", "alive")
    (tmp_path / "omop_person.csv").write_text(
        "person_id,gender_concept_id,year_of_birth\n" + "".join(f"{name},8507,1940\n" for name in people)
    )
    (tmp_path / "omop_death.csv").write_text(
        "person_id,death_date\nread,2024-02-03\nword,Y\nundated,\nplaceholder,1900-01-01\nafter,2026-05-01\nstranger,2024-02-03\n"
    )
    lake = Lake(tmp_path / "lake")
    with connect() as con:
        cdm = {}
        for table in (OMOP_PERSON, DEATH):
            ingest_feed(lake, con, table, nhs, tmp_path)
            validate_feed(lake, con, table, nhs, LENIENT)
            cdm[table.feed.removeprefix("omop_")] = validated_rows_sql(lake, nhs, table.feed, table)
        cdm["visit_occurrence"] = cdm["observation_period"] = "nothing"
        sources = {"patients": omop_sources(cdm, settings)["patients"]}
        conform_people(lake, con, sources, ClinicalRules(), StatedFacts(named_people_sql(lake, nhs, DEATH)))
    rows = lake.read(core.PERSON.name, "person_id, death_date, death_not_readable").to_pylist()
    assert {row["person_id"]: (row["death_date"], row["death_not_readable"]) for row in rows} == {
        "read": (DIED, False), **dict.fromkeys(("word", "undated", "placeholder", "after"), (None, True)), "alive": (None, False),
    }  # fmt: skip


NO_ONE_MARKED = patient("well", "")


def test_a_later_row_that_cannot_be_used_still_states_a_death_or_a_mark(board: Board) -> None:
    lost, died = LOST_MARKS["is_deleted"], (date(2025, 12, 20), False)
    cases: dict[str, tuple[str, tuple[date | None, bool], str | None]] = {
        "birth": ("Y00001,195O,5,2025-12-20,", died, None), "practice": ("Y0001,1940,5,2025-12-20,", died, None),
        "word": ("Y00001,195O,5,Y,", (None, True), None), "mark": ("Y00001,195O,5,,maybe", (None, False), lost),
        "both": ("Y00001,195O,5,2025-12-20,maybe", died, lost), "alive": ("Y00001,195O,5,,", (None, False), None),
    }  # fmt: skip
    deaths = {name: death for name, (_, death, _) in cases.items()}

    def deliver(rows: str, day: str) -> tuple[dict[str, tuple[date | None, bool]], dict[str, str]]:
        board.deliver(PATIENTS, PATIENT, NO_ONE_MARKED + rows, day=day)
        found = board.deaths()
        return {name: found[name] for name in cases}, board.suppressions()

    good = "".join(patient(name, "") for name in cases)
    board.deliver(PATIENTS, PATIENT, NO_ONE_MARKED + good, day="2025-11-01")
    again = "".join(f"{name},{row}\n" for name, (row, _, _) in cases.items())
    for day in ("2025-12-25", "2026-01-01"):
        marked = {name: reason for name, (_, _, reason) in cases.items() if reason}
        assert deliver(again + patient(f"new on {day}", ""), day) == (deaths, marked)
    unusable = "".join(f"{name},Y00001,195O,5,,\n" for name in cases)
    assert deliver(unusable, "2026-02-01")[0] == deaths  # it cannot take anything back either
    in_review = {name: DEATH_WITHDRAWN for name, death in deaths.items() if death != (None, False)}
    assert deliver(good + patient("new", ""), "2026-03-01")[1] == in_review


def test_a_corrected_file_of_the_same_name_that_takes_a_death_back_is_in_review(board: Board) -> None:
    board.deliver(
        PATIENTS, PATIENT, NO_ONE_MARKED + patient("ann", "2024-02-03") + patient("bob", "") + patient("cat", "2024-02-03")
    )
    board.deliver(PATIENTS, PATIENT, NO_ONE_MARKED + patient("ann", "") + patient("bob", "") + patient("cat", "2024-02-04"))
    assert board.suppressed() == {"ann": DEATH_WITHDRAWN}
    assert board.deaths()["cat"] == (date(2024, 2, 4), False)


def test_a_pseudonym_that_differs_in_case_has_the_same_death_review_and_mark(board: Board) -> None:
    both = patient("dead", "2024-02-03") + patient("DEAD", "") + patient("pabc", "{}") + patient("PABC", "")
    marked = "mark,Y00001,1940,5,,maybe\n" + patient("MARK", "")
    board.deliver(PATIENTS, PATIENT, NO_ONE_MARKED + both.format("2024-02-03"), day="2025-12-01")
    assert board.deaths()["PABC"] == board.deaths()["DEAD"] == (DIED, False)
    board.deliver(PATIENTS, PATIENT, NO_ONE_MARKED + both.format("") + marked)
    lost = LOST_MARKS["is_deleted"]
    assert board.suppressed() == {"MARK": lost, "PABC": DEATH_WITHDRAWN, "mark": lost, "pabc": DEATH_WITHDRAWN}


def test_an_end_that_is_no_plausible_day_or_no_day_at_all_is_read_with_caution(board: Board) -> None:
    read = {
        "2028-01-01": (date(2028, 1, 1), False), "2206-01-05": (None, True), "2028-01-02": (None, True), "2099-12-31": (date(2099, 12, 31), False),
        "2026": (date(2026, 1, 1), False), "2026-01": (date(2026, 1, 1), False), "2025": (date(2025, 1, 1), False), "2014": (None, True),
    }  # fmt: skip
    other = "other,Y00009,2010-01-01,2012-01-01\n"
    board.deliver(PATIENTS, PATIENT, "".join(patient(f"left {value}", "") for value in read))
    for day, ends in (("2025-12-01", dict.fromkeys(read, "")), ("2026-01-01", {value: value for value in read})):
        rows = "".join(f"left {value},Y00001,2015-01-01,{end}\n" for value, end in ends.items())
        board.deliver(REGISTRATIONS, REGISTERED, rows + other, day=day)
    assert board.ends() == {f"left {value}": [("Y00001", *expected)] for value, expected in read.items()}


def test_an_end_that_its_sender_takes_back_still_counts_and_is_counted(board: Board) -> None:
    ended, cases = "{0},Y00001,2015-01-01,2020-01-01", ("in_an_earlier_delivery", "in_a_file_that_is_replaced")
    register(board, cases, {cases[0]: ended}, day="2025-12-01")
    register(board, cases, {cases[1]: ended}, dict.fromkeys(cases, "{0},Y00001,2015-01-01,"))
    assert board.ends() == {name: [("Y00001", date(2020, 1, 1), False)] for name in cases}
    assert board.withdrawn_ends == 2
    # another day is a correction
    register(board, cases, dict.fromkeys(cases, "{0},Y00001,2015-01-01,2021-01-01"), day="2026-02-01")
    assert board.ends() == {name: [("Y00001", date(2021, 1, 1), False)] for name in cases}
    assert board.withdrawn_ends == 0


def test_a_later_row_that_cannot_be_used_still_states_an_end(board: Board) -> None:
    cases: dict[str, tuple[str, tuple[date | None, bool] | None]] = {
        "before_the_start": ("{0},Y00001,2015-01-01,2005-12-20", (None, True)),
        "practice": ("{0},Y0001,2015-01-01,2025-12-20", (date(2025, 12, 20), False)),
        "start": ("{0},Y00001,01/0x/2015,2025-12-20", (date(2025, 12, 20), False)),
        "word": ("{0},Y00001,,left", (None, True)),
        "no_end": ("{0},Y00001,,", (None, False)),
        "no_longer_delivered": ("bob,Y00001,,2025-12-20", None),  # the row is about another person
    }
    register(board, cases, dict.fromkeys(cases, "{0},Y00001,2015-01-01,"), day="2025-12-01")
    register(board, cases, {name: row for name, (row, _) in cases.items()})
    assert board.ends() == {name: [("Y00001", *end)] for name, (_, end) in cases.items() if end}


def test_a_line_that_cannot_be_read_may_state_the_death_or_end_of_someone_it_leaves_out(board: Board) -> None:
    first = NO_ONE_MARKED + patient("ann", "")
    board.deliver(PATIENTS, PATIENT, first, day="2025-11-01")
    board.deliver(REGISTRATIONS, REGISTERED, "ann,Y00001,2015-01-01,\nwell,Y00001,2010-01-01,\n", day="2025-11-01")
    board.deliver(PATIENTS, PATIENT, NO_ONE_MARKED + "ann,Y00001,1940,5,2025-11-20,,x,y\n", day="2025-12-01")
    assert board.deaths() == {"ann": (None, True), "well": (None, False)}
    board.deliver(REGISTRATIONS, REGISTERED, "ann,Y00001,2015-01-01,2025-11-20,x,y\nwell,Y00001,2010-01-01,\n", day="2025-12-01")
    ends = {"ann": [("Y00001", None, True)], "well": [("Y00001", None, False)]}
    assert board.ends() == ends
    board.deliver(PATIENTS, PATIENT, first + patient("new", ""), day="2026-01-01")  # the next delivery answers both
    board.deliver(
        REGISTRATIONS, REGISTERED, "ann,Y00001,2015-01-01,\nwell,Y00001,2010-01-01,\nnew,Y00001,2010-01-01,\n", day="2026-01-01"
    )
    assert board.ends()["ann"] == [("Y00001", None, False)]
    assert board.deaths()["ann"] == (None, False)
    assert board.suppressions() == {}


def test_a_clear_identifier_elsewhere_in_the_row_hides_no_death(board: Board) -> None:
    header, people = PATIENT.replace("IS_DELETED", "HOUSEHOLD_ID"), [f"p{number}" for number in range(20)]
    board.nhs = NhsSettings(feeds={"patients": FeedSettings(not_delivered=tuple(LOST_MARKS))})

    def rows(death: str, household: str) -> str:
        return "".join(patient(name, "", f"H{name}") for name in people) + patient("ann", death, household)

    board.deliver(PATIENTS, header, rows("", "Hann"), day="2025-12-01")
    board.deliver(PATIENTS, header, rows("2025-12-20", "SW1A 1AA"))
    assert board.deaths()["ann"] == (date(2025, 12, 20), False)

"""A line that is no row and names a person: from files to core__person. It may state a death, an end or confidentiality."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from expectations.suppression import DISCHARGE_NOT_READABLE, LINE_NOT_READABLE, LOST_MARKS
from expectations.tables import core
from expectations.tables.raw_gp import PATIENTS, REGISTRATIONS
from expectations.tables.raw_omop import DEATH
from expectations.tables.raw_omop import PERSON as OMOP_PERSON
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.core_tables import StatedFacts, conform_people
from pipelines.conform.omop.feed_rows import omop_sources
from pipelines.errors import ExtractError
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import FeedSettings, NhsSettings
from pipelines.sources.omop.settings import OmopSettings
from pipelines.validation.stated_dates import named_people_sql
from pipelines.validation.validate import validate_feed
from pipelines.validation.validated_rows import validated_rows_sql
from tests.unit.pipelines.validation.test_stated_dates import LENIENT, REGISTERED, Board
from tests.unit.pipelines.validation.test_stated_stays import people, stay

LIST = "PERSON_ID,REGISTERED_PRACTICE_ORGANISATION_ID,BIRTH_YEAR,DEATH_DATE,IS_CONFIDENTIAL,COMMENT\n"
ALIVE = "{0},Y00001,1940,,0,"
LINES = {
    "death": '{0},Y00001,1940,2025-12-01,0,5" by 6" tall',
    "mark": '{0},Y00001,1940,,1,5" by 6" tall',
    "extra": "{0},Y00001,1940,2025-12-01,0,a,b",
    "extra_early": "{0},Y00001,West,1940,2025-12-01,0,b",
    "cut": "{0},Y00001,1940,2025-12",
    "cut_early": "{0},Y000",
    "latin": "{0},Y00001,1940,2025-12-01,0,caf\udce9",
    "nul": "{0},Y00001,1940,2025-12-01,0,a\0b",
    "quoted": '"{0}","Y00001","1940","2025-12-01","0","5" tall"',
    "escaped": '{0},Y00001,1940,2025-12-01,0,"say \\"aah\\""',
}


def write(board: Board, feed: str, text: str, day: str) -> None:
    (board.landing / feed).mkdir(exist_ok=True)
    (board.landing / feed / f"{feed}_{day}.csv").write_bytes(text.encode("utf-8", "surrogateescape"))


def deliver(board: Board, rows: list[str], day: str) -> dict[str, str]:
    """Deliver a list, and return the suppressed people with their reasons."""
    write(board, "patients", LIST + "".join(f"{row}\n" for row in rows), day)
    with connect() as con:
        ingest_feed(board.lake, con, PATIENTS, board.nhs, board.landing)
        validate_feed(board.lake, con, PATIENTS, board.nhs, LENIENT)
    board.people()
    rows_of = board.lake.read("core__person", "person_id, suppression", "suppression IS NOT NULL").to_pylist()
    return {row["person_id"]: row["suppression"] for row in rows_of}


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path)


GOOD = [ALIVE.format(name) for name in (*LINES, "well")]
BROKEN = [line.format(name) for name, line in LINES.items()]
SUPPRESSED = dict.fromkeys(LINES, LINE_NOT_READABLE)


@pytest.mark.parametrize("rows", [[*GOOD, *BROKEN], [*BROKEN, *GOOD]])
def test_a_second_line_that_is_no_row_suppresses_the_person_until_a_delivery_without_it(board: Board, rows: list[str]) -> None:
    assert deliver(board, rows, "2025-12-01") == SUPPRESSED
    assert deliver(board, GOOD, "2026-01-01") == {}


def test_such_a_line_of_a_later_addition_suppresses_the_person(tmp_path: Path) -> None:
    board = Board(tmp_path)
    board.nhs = NhsSettings(feeds={"patients": FeedSettings(not_delivered=tuple(LOST_MARKS), load="append")})
    assert deliver(board, GOOD, "2025-12-01") == {}
    assert (
        deliver(board, [ALIVE.format("new"), ALIVE.format("newer"), *BROKEN, *map(ALIVE.format, "abcdefghijk")], "2025-12-15")
        == SUPPRESSED
    )
    assert deliver(board, [*GOOD, ALIVE.format("last")], "2026-01-01") == {}


def test_such_a_line_of_a_registration_may_state_an_end(board: Board) -> None:
    lines = ['{0},Y00001,2015-01-01,2025-06-01,"a" b', "{0},Y00001,2015-01-01,2025", "{0},Y00001,2015-01-01,2025-06-01,x,y"]
    names = [f"left{number}" for number in range(len(lines))]
    header = REGISTERED.strip() + ",COMMENT\n"
    good = [f"{name},Y00001,2015-01-01,,\n" for name in (*names, "well")]
    for day, rows in (
        ("2025-12-01", good + [line.format(name) + "\n" for name, line in zip(names, lines, strict=True)]),
        ("2026-01-01", good),
    ):
        write(board, "registrations", header + "".join(rows), day)
        with connect() as con:
            ingest_feed(board.lake, con, REGISTRATIONS, board.nhs, board.landing)
            validate_feed(board.lake, con, REGISTRATIONS, board.nhs, LENIENT)
        listed = [ALIVE.format(name) for name in (*names, "well")]
        found = deliver(board, listed, "2025-12-01" if day == "2025-12-01" else "2026-01-02")
        assert found == (dict.fromkeys(names, LINE_NOT_READABLE) if day == "2025-12-01" else {})


def test_a_line_of_a_stay_counts_as_a_death_unless_it_is_certain_that_it_states_none(tmp_path: Path) -> None:
    lines = {
        "last": 'last,1,RX1,2025-02-20,2025-03-05,21,4"', "died": "died,1,RX1,2025-02-20,2025\0-03-05,21,4", "quoted": '"quoted",1,RX1,2025-02-20,2025-03-05,21,"4" died',
        "unsure": "unsure,1,RX1,2025-02-20,2025-03-05,2", "more": "more,1,RX1,2025-02-20,2025-03-05,21,4,x",
        "home": 'home,1,"RX"1,2025-02-20,2025-03-05,21,1', "alive": "alive,1,RX1,2025-02-20,20\0" + "25-03-05,21,1",
        "open": "open,1,RX1,2025-02-20,,2\0" + "1,",
    }  # fmt: skip
    rows = "".join(f"{line}\n" for name, line in lines.items() if name != "last") + lines["last"] + "\n"
    found = people(tmp_path, ("2025-12-01", rows))
    assert found["died"] == (None, True, None)
    assert {found[name] for name in ("quoted", "unsure", "more", "last", "home")} == {(None, False, DISCHARGE_NOT_READABLE)}
    assert {found[name] for name in ("alive", "open")} == {(None, False, None)}


def test_a_delivery_that_restates_the_stays_ends_what_the_line_left_open(tmp_path: Path) -> None:
    good = "".join(stay(name, number, "1") for number, name in enumerate(("ann", "bob")))
    broken = "ann,1,RX1,2025-02-20,2025-03-05,21,4\0\nbob,2,RX1,2025-02-20,2025-03-05\n"
    assert people(tmp_path, ("2025-12-01", broken), ("2026-01-01", good)) == dict.fromkeys(("ann", "bob"), (None, False, None))


DEATHS = [
    'k1,2025-12-01,5" by 6" tall',
    "k2,2025-12-01,a,b",
    "k3,2025-12-01,caf\udce9",
    'k4,2025"-12"-01,',
    "k5,2025-12-01,a\0b",
    "k6,2025-12-01",
]


def omop(folder: Path, *deaths: str) -> dict[str, tuple[date | None, bool]]:
    """Return date of death, and whether its day is not known, of the people of an OMOP source."""
    feeds = {feed: FeedSettings(files=(f"{feed}.csv",), delivery_date=date(2026, 1, 1)) for feed in ("omop_person", "omop_death")}
    nhs, lake = NhsSettings.model_construct(feeds=feeds), Lake(folder / "lake")
    (folder / "omop_person.csv").write_text(
        "person_id,gender_concept_id,year_of_birth\n" + "".join(f"k{n},8507,1940\n" for n in range(8))
    )
    read = "".join(f"z{number},2025-12-01,\n" for number in range(9))
    text = "person_id,death_date,comment\n" + read + "".join(f"{line}\n" for line in deaths)
    (folder / "omop_death.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
    settings, cdm = OmopSettings(folder=folder, extract_date=date(2026, 1, 1)), {}
    with connect() as con:
        for table in (OMOP_PERSON, DEATH):
            ingest_feed(lake, con, table, nhs, folder)
            validate_feed(lake, con, table, nhs, LENIENT)
            cdm[table.feed.removeprefix("omop_")] = validated_rows_sql(lake, nhs, table.feed, table)
        cdm["visit_occurrence"] = cdm["observation_period"] = "nothing"
        sources = {"patients": omop_sources(cdm, settings)["patients"]}
        conform_people(lake, con, sources, ClinicalRules(), StatedFacts(named_people_sql(lake, nhs, DEATH)))
    rows = lake.read(core.PERSON.name, "person_id, death_date, death_not_readable").to_pylist()
    return {row["person_id"]: (row["death_date"], row["death_not_readable"]) for row in rows}


def test_a_line_of_death_that_is_no_row_is_a_death_on_an_unknown_day(tmp_path: Path) -> None:
    found = omop(tmp_path, *DEATHS)
    assert found == {"k0": (None, False), "k7": (None, False), **{f"k{number}": (None, True) for number in range(1, 7)}}


@pytest.mark.parametrize("line", ["k5", "\0", "k\udce95,2025-12-01,x,y", "k5,2025-12-01,k6,2025-12-01,"])
def test_a_line_of_death_that_names_no_one_for_certain_stops_the_delivery(tmp_path: Path, line: str) -> None:
    with pytest.raises(ExtractError, match=r"omop_death\.csv: .* whose death"):
        omop(tmp_path, line)


def test_a_person_of_such_a_line_is_known_by_the_pseudonym_alone(board: Board) -> None:
    deliver(board, [*GOOD, *BROKEN, "9434765919,Y00001,1940,2025-12-01,0,a,b"], "2025-12-01")
    stored = board.lake.read(core.UNREAD_LINE.name, "person_id")["person_id"].to_pylist()
    assert sorted(stored) == sorted(LINES)

"""A row that was sent again and cannot be used leaves the good one that came before; only what the sender says takes it back."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest

from expectations.catalogue import RAW_TABLES
from pipelines.errors import ValidationStop
from pipelines.extracts.extract_records import current_extracts, read_extracts
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import FeedSettings, NhsSettings, ReplacesMonths
from pipelines.validation.validate import ValidationSettings, validate_feed
from pipelines.validation.validated_rows import superseded_rows_sql, validated_rows_sql

LENIENT = ValidationSettings(limits={"share_set_aside": 1, "unknown_codes": 1, "feed_collapsed": 0, "values_emptied": 0})
HEADERS = {
    "gp_observations": "ID,PERSON_ID,ORGANISATION_ID,CLINICAL_EFFECTIVE_DATE,OBSERVATION_SOURCE_CONCEPT_ID,IS_DELETED,IS_CONFIDENTIAL",
    "gp_medication_orders": "ID,PERSON_ID,ORGANISATION_ID,CLINICAL_EFFECTIVE_DATE,MEDICATION_ORDER_SOURCE_CONCEPT_ID,IS_DELETED",
    "admissions": "Der_Pseudo_NHS_Number,Hospital_Spell_No,Der_Provider_Code,Admission_Date,Discharge_Date,Admission_Method",
    "emergency_attendances": "Der_Pseudo_NHS_Number,EC_Ident,Der_Provider_Code,Arrival_Date,EC_Department_Type,Der_Dupe_Flag",
    "patients": "PERSON_ID,REGISTERED_PRACTICE_ORGANISATION_ID,BIRTH_YEAR,SEX,IS_DELETED,IS_CONFIDENTIAL,IS_TEST_PATIENT,IS_SPINE_SENSITIVE",
    "registrations": "PERSON_ID,ORGANISATION_ID,START_DATE,END_DATE",
}
# A usable row of each feed, whose record and person have the number #.
ROW = {
    "gp_observations": "#,p#,A81001,2024-12-02,44054006,0,0",
    "gp_medication_orders": "#,p#,A81001,2024-12-02,39113711000001106,0",
    "admissions": "p#,S#,RX1,2024-12-02,2024-12-04,21",
    "emergency_attendances": "p#,#,RX1,2024-12-02,01,0",
    "patients": "p#,A81001,1950,1,0,0,0,0",
    "registrations": "p#,A81001,2010-04-01,",
}
OTHER = {
    "gp_observations": "1,p1,A81001,2024-12-01,44054006,0,0",
    "gp_medication_orders": "1,p1,A81001,2024-12-01,39113711000001106,0",
    "admissions": "p1,S1,RX1,2024-12-01,2024-12-03,21",
    "emergency_attendances": "p1,1,RX1,2024-12-01,01,0",
    "patients": "p1,A81001,1960,2,0,0,0,0",
    "registrations": "p1,A81001,2011-04-01,",
}
LOADS = {
    "gp_observations": "append", "gp_medication_orders": "append", "patients": "snapshot", "registrations": "snapshot",
    "admissions": ReplacesMonths(replaces_months=12), "emergency_attendances": ReplacesMonths(replaces_months=12),
}  # fmt: skip
ABSENT = {"patients": ("death_date",)}
DAYS = ("2025-01-10", "2025-02-10", "2025-03-10", "2025-04-10")


def numbered(row: str, number: int) -> str:
    return row.replace("#", str(number))


def all_numbered(rows: Iterable[str], first: int = 10) -> str:
    """Return rows as those of different people, numbered from the first number."""
    return "|".join(numbered(row, number) for number, row in enumerate(rows, first))


GOOD = {feed: numbered(row, 7) for feed, row in ROW.items()}
NEW = {feed: numbered(row, 9) for feed, row in ROW.items()}


def deliver(
    folder: Path, feed: str, *deliveries: str, late: str = "", arrived: date | None = None, validated: bool = True
) -> tuple[Lake, NhsSettings]:
    """Take in and validate deliveries of a feed, one a month. The delivery of `late` arrives after the others."""
    lake, nhs = (
        Lake(folder / "lake"),
        NhsSettings(feeds={feed: FeedSettings(load=LOADS[feed], not_delivered=ABSENT.get(feed, ()))}),
    )
    (folder / feed).mkdir(exist_ok=True)
    by_day = dict(zip(DAYS, deliveries, strict=False))
    with connect() as con:
        for days in ([day for day in by_day if day != late], [late] if late else []):
            for day in days:
                (folder / feed / f"{day}.csv").write_text("\n".join([HEADERS[feed], *by_day[day].split("|"), ""]))
            accepted = {date.fromisoformat(late): arrived} if late and arrived else {}
            ingest_feed(lake, con, RAW_TABLES[feed], nhs, folder, late=accepted)
        if validated:
            validate_feed(lake, con, RAW_TABLES[feed], nhs, LENIENT)
    return lake, nhs


def held(lake: Lake, nhs: NhsSettings, feed: str) -> list[tuple[str, str]]:
    """Return person and delivery of every row that holds."""
    with connect() as con:
        rows = validated_rows_sql(lake, nhs, feed)
        return con.execute(f"SELECT person_id, CAST(extract_date AS VARCHAR) FROM {rows} ORDER BY ALL").fetchall()


def superseded(lake: Lake, nhs: NhsSettings, feed: str) -> list[tuple[str, date]]:
    with connect() as con:
        rows = superseded_rows_sql(lake, nhs, feed)
        return con.execute(f"SELECT person_id, superseded_date FROM {rows} ORDER BY ALL").fetchall() if rows else []


UNUSABLE = {
    "gp_observations": (
        "#,p#,A81001,soon,44054006,0,0", "#,p#,A81001,2024-12-02,diabetes,0,0", "#,,A81001,2024-12-02,44054006,0,0",
        "#,p#,,2024-12-02,44054006,0,0", "#,p#,A81001,1900-01-01,44054006,0,0", "#,p#,A81001,2031-12-02,44054006,0,0",
    ),
    "gp_medication_orders": (
        "#,p#,A81001,2024-12-02,aspirin,0", "#,p#,A81001,,39113711000001106,0", "#,=p#,A81001,2024-12-02,39113711000001106,0",
    ),
    "admissions": (
        "p#,S#,RX1,2024-12-02,2024-12-01,21", "p#,S#,RX1,2024-12-02,sometime,21", "p#,S#,RX1,not known,2024-12-04,21",
        "p#,S#,RX1,1900-01-01,2024-12-04,21", "p#,S#,RX1,2062-12-02,2024-12-04,21", ",S#,RX1,2024-12-02,2024-12-04,21",
        "p#,S#,???,2024-12-02,2024-12-04,21",
    ),
    "emergency_attendances": ("p#,#,RX1,yesterday,01,0", "p#,#,,2024-12-02,01,0", "p#,#,RX1,2024-12-02,01,?"),
    "patients": ("p#,A81001,nineteen fifty,1,0,0,0,0", "p#,A81001,2050,1,0,0,0,0", "p#,practice,1950,1,0,0,0,0"),
    "registrations": ("p#,A81001,01/04,", "p#,A81001,2010-04-01,2009-04-01", "p#,nowhere,2010-04-01,"),
}  # fmt: skip


@pytest.mark.parametrize("feed", UNUSABLE)
def test_a_row_that_cannot_be_used_leaves_the_good_one_that_came_before(tmp_path: Path, feed: str) -> None:
    """Each unusable row is about another person. p8 has a usable row again in the third delivery, and p9 is only in the first."""
    other, row, bad = OTHER[feed], ROW[feed], UNUSABLE[feed]
    people, omitted = [f"p{number}" for number in range(10, 10 + len(bad))], LOADS[feed] != "append"
    good, again, first = all_numbered([row] * len(bad)), all_numbered(bad), numbered(bad[0], 8)
    deliveries = [
        f"{other}|{numbered(row, 8)}|{numbered(row, 9)}|{good}",
        f"{other}|{first}|{again}",
        f"{numbered(row, 8)}|{other}|{again}",
        f"{other}|{numbered(row, 8)}",
    ]

    def expected(last: str, people_since: dict[str, str]) -> list[tuple[str, str]]:
        return sorted({"p1": last, **people_since, **({} if omitted else {"p9": DAYS[0]})}.items())

    gone = [("p9", date(2025, 2, 10))] if omitted and RAW_TABLES[feed].event_date else []
    lake, nhs = deliver(tmp_path, feed, *deliveries[:2])
    assert held(lake, nhs, feed) == expected(DAYS[1], {"p8": DAYS[0], **dict.fromkeys(people, DAYS[0])})
    assert superseded(lake, nhs, feed) == gone
    deliver(tmp_path, feed, *deliveries[:3])  # the next usable row takes its place
    assert held(lake, nhs, feed) == expected(DAYS[2], {"p8": DAYS[2], **dict.fromkeys(people, DAYS[0])})
    assert superseded(lake, nhs, feed) == gone
    deliver(tmp_path, feed, *deliveries)  # it goes with the sender
    assert held(lake, nhs, feed) == expected(DAYS[3], {"p8": DAYS[3], **({} if omitted else dict.fromkeys(people, DAYS[0]))})
    if RAW_TABLES[feed].event_date:
        assert superseded(lake, nhs, feed) == sorted([*gone, *((name, date(2025, 4, 10)) for name in people if omitted)])


def test_an_attendance_whose_mark_of_a_duplicate_is_not_readable_does_not_count(tmp_path: Path) -> None:
    feed, counting, others = "emergency_attendances", ("0", "", "N"), ("1", "Y", "?", "2", "dupe")
    rows = [f"{ROW[feed][:-1]}{mark}" for mark in (*counting, *others)]
    lake, nhs = deliver(tmp_path, feed, f"{OTHER[feed]}|{all_numbered(rows)}")
    assert held(lake, nhs, feed) == [("p1", DAYS[0]), *((f"p{number}", DAYS[0]) for number in range(10, 10 + len(counting)))]
    found = lake.read("core__quarantine", "row_number", "action = 'set_aside'", "1")["row_number"].to_pylist()
    assert found == list(range(2 + len(counting), 2 + len(rows)))


WITHDRAWN = {
    "gp_observations": (
        "#,p#,A81001,2024-12-02,44054006,1,0", "#,p#,A81001,2024-12-02,44054006,Y,0", "#,p#,A81001,2024-12-02,44054006,X,0",
        "#,p#,A81001,2024-12-02,44054006,0,Yess", "#,p#,A81001,soon,44054006,maybe,0", "#,p#,A81001,2024-12-02,44054006,0,true",
        "#,p#,A81001,,,1,0", "#,,A81001,soon,diabetes,1,0",
    ),
    "gp_medication_orders": (
        "#,p#,A81001,2024-12-02,39113711000001106,deleted", "#,p#,A81001,2024-12-02,39113711000001106,1",
    ),
    "emergency_attendances": ("p#,#,RX1,2024-12-02,01,1",),
    "patients": (
        "p#,A81001,1950,1,1,0,0,0", "p#,A81001,1950,1,0,1,0,0", "p#,A81001,1950,1,0,0,1,0", "p#,A81001,1950,1,0,0,0,1",
        "p#,A81001,unreadable,1,0,1,0,0",
    ),
}  # fmt: skip


@pytest.mark.parametrize("feed", WITHDRAWN)
def test_what_the_sender_takes_back_is_gone(tmp_path: Path, feed: str) -> None:
    rows = WITHDRAWN[feed]
    good = all_numbered([ROW[feed]] * len(rows))
    lake, nhs = deliver(tmp_path, feed, f"{OTHER[feed]}|{good}", f"{OTHER[feed]}|{all_numbered(rows)}")
    assert held(lake, nhs, feed) == [("p1", "2025-02-10")]
    if RAW_TABLES[feed].event_date:
        assert superseded(lake, nhs, feed) == [(f"p{number}", date(2025, 2, 10)) for number in range(10, 10 + len(rows))]


UNPARSED = [
    ("admissions", "p7,S7,RX1,2024-12-02,2024-12-04,21,x"),
    ("admissions", "p7,S7,RX1,2024-12-02,2024-12-04"),
    ("admissions", 'p7,S7,RX1,2024-12-02,"2024-12-04,21'),
    ("admissions", 'p7,S"7,RX1,2024-12-02,2024-12-04,21'),
    ("admissions", "p7,S7,RX1,2024-12-02,2024-12-04,\0"),
    ("emergency_attendances", "p7,7,RX1,2024-12-02,01"),
    ("patients", "p7,A81001,1950,1,0,0,0,0,0,x"),
    ("registrations", "p7,A81001,2010-04-01"),
]


def presumed(lake: Lake) -> list[int]:
    return lake.read("core__restated_rows", "row_number", "kept_for_unparsed")["row_number"].to_pylist()


@pytest.mark.parametrize(("feed", "again"), UNPARSED)
def test_a_line_that_cannot_be_parsed_deletes_no_row(tmp_path: Path, feed: str, again: str) -> None:
    lake, nhs = deliver(tmp_path, feed, f"{OTHER[feed]}|{GOOD[feed]}", f"{OTHER[feed]}|{again}")
    assert held(lake, nhs, feed) == [("p1", "2025-02-10"), ("p7", "2025-01-10")]
    assert superseded(lake, nhs, feed) == []
    assert presumed(lake) == [2]


@pytest.mark.parametrize(("feed", "again"), [UNPARSED[0], UNPARSED[-2]])
def test_a_line_spares_the_row_in_its_own_delivery_alone(tmp_path: Path, feed: str, again: str) -> None:
    lake, nhs = deliver(
        tmp_path, feed, f"{OTHER[feed]}|{GOOD[feed]}", f"{OTHER[feed]}|{again}", f"{OTHER[feed]}|{again}", OTHER[feed]
    )
    assert held(lake, nhs, feed) == [("p1", "2025-04-10")]
    assert presumed(lake) == []


def test_the_row_of_a_line_that_was_sent_again_and_read_takes_its_place(tmp_path: Path) -> None:
    feed, again = UNPARSED[0]
    lake, nhs = deliver(tmp_path, feed, f"{OTHER[feed]}|{GOOD[feed]}", f"{OTHER[feed]}|{again}", f"{GOOD[feed]}|{OTHER[feed]}")
    assert held(lake, nhs, feed) == [("p1", "2025-03-10"), ("p7", "2025-03-10")]
    assert superseded(lake, nhs, feed) == []


def test_one_line_spares_one_row_the_most_recent(tmp_path: Path) -> None:
    more = "p8,S8,RX1,2024-12-20,2024-12-21,21|p9,S9,RX1,2024-12-10,2024-12-11,21"
    first = f"{OTHER['admissions']}|{GOOD['admissions']}|{more}"
    lake, nhs = deliver(tmp_path, "admissions", first, f"{OTHER['admissions']}|p8,S8,RX1,2024-12-20,2024-12-21")
    assert held(lake, nhs, "admissions") == [("p1", "2025-02-10"), ("p8", "2025-01-10")]
    assert superseded(lake, nhs, "admissions") == [("p7", date(2025, 2, 10)), ("p9", date(2025, 2, 10))]


@pytest.mark.parametrize("lost", ["", "\r"])
@pytest.mark.parametrize("feed", ["admissions", "patients", "registrations"])
def test_a_line_that_may_hold_several_rows_spares_as_many(tmp_path: Path, feed: str, lost: str) -> None:
    one, two, *rest = (numbered(ROW[feed], number) for number in (7, 8, 9, 6))
    lake, nhs = deliver(tmp_path, feed, "|".join([one, two, *rest]), "|".join([f"{one}{lost}{two}", *rest]))
    assert held(lake, nhs, feed) == [("p6", "2025-02-10"), ("p7", "2025-01-10"), ("p8", "2025-01-10"), ("p9", "2025-02-10")]
    assert presumed(lake) == [1, 2]


def test_a_row_before_the_restated_months_needs_no_line(tmp_path: Path) -> None:
    old = "p6,S6,RX1,2020-12-20,2020-12-21,21"
    lake, nhs = deliver(
        tmp_path, "admissions", f"{OTHER['admissions']}|{old}|{GOOD['admissions']}", f"{OTHER['admissions']}|{UNPARSED[0][1]}"
    )
    assert held(lake, nhs, "admissions") == [("p1", "2025-02-10"), ("p6", "2025-01-10"), ("p7", "2025-01-10")]
    assert presumed(lake) == [3]


def test_a_repeated_header_spares_no_row(tmp_path: Path) -> None:
    lake, nhs = deliver(
        tmp_path, "admissions", f"{OTHER['admissions']}|{GOOD['admissions']}", f"{OTHER['admissions']}|{HEADERS['admissions']}"
    )
    assert held(lake, nhs, "admissions") == [("p1", "2025-02-10")]


def test_only_the_key_of_the_unusable_row_is_spared(tmp_path: Path) -> None:
    first = f"{GOOD['admissions']}|p7,S8,RX1,2024-12-20,2024-12-21,21|p7,S7,RX2,2024-11-20,2024-11-21,21"
    again = "p7,S7,RX1,not known,2024-12-04,21"
    lake, nhs = deliver(tmp_path, "admissions", f"{OTHER['admissions']}|{first}", f"{OTHER['admissions']}|{again}")
    with connect() as con:
        rows = validated_rows_sql(lake, nhs, "admissions")
        assert con.execute(f"SELECT provider_code, spell_number FROM {rows} WHERE person_id = 'p7'").fetchall() == [("RX1", "S7")]


ARRIVED = date(2025, 5, 1)


def known(lake: Lake, nhs: NhsSettings, feed: str) -> dict[str, tuple[date, date, bool]]:
    """Return, by person, delivery, day since which the row is known, and whether it came with the first delivery."""
    with connect() as con:
        rows = validated_rows_sql(lake, nhs, feed)
        found = con.execute(f"SELECT person_id, extract_date, first_extract_date, is_first_delivery FROM {rows}").fetchall()
    return {person: tuple(rest) for person, *rest in found}


@pytest.mark.parametrize("feed", GOOD)
def test_a_delivery_that_came_after_later_ones_is_held_without_a_decision(tmp_path: Path, feed: str) -> None:
    lake, _ = deliver(
        tmp_path, feed, OTHER[feed], f"{OTHER[feed]}|{GOOD[feed]}", f"{OTHER[feed]}|{NEW[feed]}", late=DAYS[1], validated=False
    )
    assert [str(one.extract_date) for one in current_extracts(lake, feed)] == [DAYS[0], DAYS[2]]


@pytest.mark.parametrize("feed", ["gp_observations", "admissions"])
def test_an_accepted_delivery_is_placed_by_its_date_and_known_since_it_arrived(tmp_path: Path, feed: str) -> None:
    days = [date.fromisoformat(day) for day in DAYS]
    deliveries = [OTHER[feed], f"{OTHER[feed]}|{GOOD[feed]}|{NEW[feed]}", f"{OTHER[feed]}|{GOOD[feed]}"]
    lake, nhs = deliver(tmp_path, feed, *deliveries, late=DAYS[1], arrived=ARRIVED)
    assert [one.arrived_date for one in read_extracts(lake, feed)] == [None, None, ARRIVED]
    found = known(lake, nhs, feed)
    assert found["p1"] == (days[2], days[0], True)
    assert found["p7"] == (days[2], days[2], False)  # the later delivery came first and says the same
    if feed == "gp_observations":
        assert found["p9"] == (days[1], ARRIVED, False)
    else:
        assert set(found) == {"p1", "p7"} and superseded(lake, nhs, feed) == [("p9", days[2])]


@pytest.mark.parametrize("feed", ["gp_observations", "admissions"])
def test_a_delivery_before_the_first_makes_nothing_known_earlier(tmp_path: Path, feed: str) -> None:
    days = [date.fromisoformat(day) for day in DAYS]
    deliveries = [f"{GOOD[feed]}|{NEW[feed]}", f"{OTHER[feed]}|{GOOD[feed]}"]
    lake, nhs = deliver(tmp_path, feed, *deliveries, late=DAYS[0], arrived=ARRIVED)
    found = known(lake, nhs, feed)
    assert found["p1"] == found["p7"] == (days[1], days[1], True)
    assert found.get("p9") == ((days[0], ARRIVED, False) if feed == "gp_observations" else None)


def test_what_a_late_delivery_takes_back_was_known_until_it_arrived(tmp_path: Path) -> None:
    deleted = GOOD["gp_observations"].replace(",0,0", ",1,0")
    deliveries = [f"{OTHER['gp_observations']}|{GOOD['gp_observations']}", deleted, NEW["gp_observations"]]
    lake, nhs = deliver(tmp_path, "gp_observations", *deliveries, late=DAYS[1], arrived=ARRIVED)
    assert sorted(known(lake, nhs, "gp_observations")) == ["p1", "p9"]
    assert superseded(lake, nhs, "gp_observations") == [("p7", ARRIVED)]


def observations(first: int, rows: int, day: str, deleted: int = 0) -> str:
    return "".join(f"{n},p{n},A8100{n % 9},{day},44054006,{deleted},0\n" for n in range(first, first + rows))


@pytest.mark.parametrize(
    ("second", "stops"),
    [
        (observations(0, 60, "2025-01-02", deleted=1), False),  # deletions alone
        (observations(200, 50, "2025-02-02"), True),  # half as many as usual
        (observations(200, 95, "2025-02-02"), False),
        (observations(200, 60, "2025-02-02") + observations(0, 40, "2025-01-02", deleted=1), False),
    ],
)
def test_half_an_extract_stops_and_deletions_alone_do_not(tmp_path: Path, second: str, stops: bool) -> None:
    lake, nhs = Lake(tmp_path / "lake"), NhsSettings(feeds={"gp_observations": FeedSettings(load="append")})
    (tmp_path / "gp_observations").mkdir()
    for day, rows in zip(DAYS, (observations(0, 100, "2025-01-02"), second), strict=False):
        (tmp_path / "gp_observations" / f"{day}.csv").write_text(f"{HEADERS['gp_observations']}\n{rows}")
    settings = ValidationSettings(limits={"single_value": 0})
    with connect() as con:
        ingest_feed(lake, con, RAW_TABLES["gp_observations"], nhs, tmp_path)
        if stops:
            with pytest.raises(ValidationStop, match=r"feed_collapsed.*50 rows, 100 in the previous delivery \(50%\)"):
                validate_feed(lake, con, RAW_TABLES["gp_observations"], nhs, settings)
        else:
            validate_feed(lake, con, RAW_TABLES["gp_observations"], nhs, settings)

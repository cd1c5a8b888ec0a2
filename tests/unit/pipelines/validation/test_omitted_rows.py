"""A row that was sent again without its identifier deletes no good row that agrees with it; absence alone still does."""

from datetime import date
from pathlib import Path

import pytest

from tests.unit.pipelines.validation.test_restated_rows import GOOD, OTHER, deliver, held, presumed, superseded

UNNAMED = [
    ("admissions", "p7,,RX1,2024-12-02,2024-12-04,21"),
    ("admissions", "p7,UNKNOWN,RX1,2024-12-02,2024-12-04,21"),
    ("admissions", "p7,(null),RX1,2024-12-02,2024-12-05,21"),
    ("emergency_attendances", "p7,,RX1,2024-12-02,01,0"),
    ("patients", ",A81001,1950,1,0,0,0,0"),
    ("patients", "UNKNOWN,A81001,1950,2,0,0,0,0"),
    ("patients", "9434765919,A81001,1950,1,0,0,0,0"),
    ("registrations", ",A81001,2010-04-01,"),
    ("registrations", "9999999999,A81001,2010-04-01,2025-01-20"),
]  # fmt: skip


@pytest.mark.parametrize(("feed", "again"), UNNAMED)
def test_a_row_that_lost_its_identifier_deletes_no_row_that_agrees_with_it(tmp_path: Path, feed: str, again: str) -> None:
    lake, nhs = deliver(tmp_path, feed, f"{OTHER[feed]}|{GOOD[feed]}", f"{OTHER[feed]}|{again}")
    assert held(lake, nhs, feed) == [("p1", "2025-02-10"), ("p7", "2025-01-10")]
    assert superseded(lake, nhs, feed) == []
    assert presumed(lake) == [2]


@pytest.mark.parametrize(
    ("feed", "again"),
    [
        ("admissions", "p8,,RX1,2024-12-02,2024-12-04,21"),
        ("admissions", "p7,,RX1,2024-12-03,2024-12-04,21"),
        ("admissions", "p7,,RX2,2024-12-02,2024-12-04,21"),
        ("emergency_attendances", "p7,,RX1,2024-12-02,01,1"),  # a duplicate, which the sender takes back
        ("patients", ",A81001,1951,1,0,0,0,0"),
        ("patients", ",A81001,1950,1,1,0,0,0"),  # deleted
        ("registrations", ",A81001,2010-04-02,"),
    ],
)
def test_a_row_that_disagrees_or_takes_something_back_spares_none(tmp_path: Path, feed: str, again: str) -> None:
    lake, nhs = deliver(tmp_path, feed, f"{OTHER[feed]}|{GOOD[feed]}", f"{OTHER[feed]}|{again}")
    assert held(lake, nhs, feed) == [("p1", "2025-02-10")]
    assert presumed(lake) == []


def test_each_row_spares_one(tmp_path: Path) -> None:
    feed, again = UNNAMED[4]
    alike = [GOOD[feed].replace("p7", person) for person in ("p7", "p8", "p9")]
    lake, nhs = deliver(tmp_path, feed, "|".join([OTHER[feed], *alike]), f"{OTHER[feed]}|{again}|{again}")
    assert len(held(lake, nhs, feed)) == 3
    assert len(presumed(lake)) == 2


def test_it_goes_when_the_sender_omits_it(tmp_path: Path) -> None:
    feed, again = UNNAMED[0]
    lake, nhs = deliver(tmp_path, feed, f"{OTHER[feed]}|{GOOD[feed]}", f"{OTHER[feed]}|{again}", OTHER[feed])
    assert held(lake, nhs, feed) == [("p1", "2025-03-10")]
    assert superseded(lake, nhs, feed) == [("p7", date(2025, 3, 10))]

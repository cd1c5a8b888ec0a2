"""An ICB in which organisations change their codes has the features of its twin in which they do not, except for the codes themselves.

Every case changes the files of the same synthetic ICB as senders do, and declares the succession.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from recount.delivered_board import conform, features_on, validated
from recount.raw_files import Row

from expectations.catalogue import RAW_TABLES
from pipelines.run.deployment import Deployment
from pipelines.sources.synthetic.landing_files import write_board
from pipelines.sources.synthetic.settings import SyntheticSettings
from pipelines.stages.organisations import check_organisations

pytestmark = pytest.mark.slow

DELIVERIES = (date(2024, 7, 1), date(2025, 1, 1))
CHANGED = date(2024, 8, 15)  # between the two deliveries
DAYS = (date(2024, 1, 1), DELIVERIES[-1])
BOARD = SyntheticSettings(
    people=800, seed=5, start_date=date(2021, 1, 1), data_cut_date=DELIVERIES[-1], delivery_dates=DELIVERIES, defects={"enabled": False}
)  # fmt: skip
PROVIDER_FEEDS = ("admissions", "emergency_attendances", "outpatient_appointments")
GP_FEEDS = ("gp_observations", "gp_medication_orders")
LISTS = ("patients", "registrations")
CODES = ("practice_code", "pcn_code", "sub_icb_code", "icb_code")
Change = Callable[[Row, str, date], Row]  # of a row, its feed and the day of its delivery


@pytest.fixture(scope="module")
def extracts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("extracts")
    write_board(BOARD, folder)
    shutil.rmtree(folder / "actions", ignore_errors=True)
    return folder


def taken_in(extracts: Path, home: Path) -> Deployment:
    return conform(validated(extracts, home, lambda _: True))


def changed(extracts: Path, folder: Path, change: Change, successions: str) -> Path:
    """Copy an ICB, change each row of its feeds, and declare successions (`FROM,TO,kind,share,day` in lines)."""
    shutil.copytree(extracts, folder)
    for file in folder.glob("*/*.csv"):
        if file.parent.name == "reference":
            continue
        delivered = next(day for day in DELIVERIES if str(day) in file.name)
        with file.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            header, rows = list(reader.fieldnames or ()), [change(row, file.parent.name, delivered) for row in reader]
        with file.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, header)
            writer.writeheader()
            writer.writerows(rows)
    (folder / "reference" / "organisation_successions.csv").write_text(
        f"from_code,to_code,kind,share,effective_date\n{successions}\n", encoding="utf-8"
    )
    return folder


def header_of(feed: str, column: str) -> str:
    return RAW_TABLES[feed].column(column).source_name


def with_code(row: Row, codes: Mapping[str, str]) -> Row:
    return {name: codes.get(value, value) for name, value in row.items()}


def sent_since(codes: Mapping[str, str], feeds: tuple[str, ...]) -> Change:
    """Return a change: deliveries since `CHANGED` have the new codes in every row, whatever its day."""
    return lambda row, feed, delivered: with_code(row, codes) if feed in feeds and delivered >= CHANGED else row


def happened_since(codes: Mapping[str, str], feeds: tuple[str, ...]) -> Change:
    """Return a change: rows of events since `CHANGED` have the new codes."""
    return lambda row, feed, _: (
        with_code(row, codes) if feed in feeds and row[header_of(feed, RAW_TABLES[feed].event_date)][:10] >= str(CHANGED) else row
    )


def registered_again(codes: Mapping[str, str]) -> Change:
    """Return a change: the registrations of a practice end, and go on under its new code as registrations of the day."""

    def change(row: Row, feed: str, delivered: date) -> Row:
        if feed not in LISTS or delivered < CHANGED:
            return row
        started = row.get(header_of("registrations", "start_date"), "")
        return with_code(row, codes) if not started or started >= str(CHANGED) else row

    return change


@pytest.fixture(scope="module")
def twin(extracts: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[date, pd.DataFrame]:
    """Return the features of the ICB in which no code changes."""
    deployment = taken_in(extracts, tmp_path_factory.mktemp("twin"))
    return {day: features_on(deployment, day) for day in DAYS}


def largest(extracts: Path, feed: str, column: str) -> str:
    """Return the code with most rows in the last delivery of a feed."""
    with next((extracts / feed).glob(f"*{DELIVERIES[-1]}*.csv")).open(newline="", encoding="utf-8") as stream:
        return pd.Series([row[header_of(feed, column)] for row in csv.DictReader(stream)]).value_counts().index[0]


def assert_same(deployment: Deployment, twin: dict[date, pd.DataFrame]) -> None:
    assert not check_organisations(deployment).broken
    for day in DAYS:
        found, expected = features_on(deployment, day), twin[day]
        codes = [name for name in CODES if name in expected]
        pd.testing.assert_frame_equal(found.drop(columns=codes), expected.drop(columns=codes), check_exact=True, obj=str(day))


@pytest.mark.parametrize("way", ["sent since", "happened since"])
def test_a_trust_that_changes_its_code(extracts: Path, twin: dict[date, pd.DataFrame], tmp_path: Path, way: str) -> None:
    old, new = largest(extracts, "admissions", "provider_code"), "RX9"
    change = (sent_since if way == "sent since" else happened_since)({old: new}, PROVIDER_FEEDS)
    folder = changed(extracts, tmp_path / "changed", change, f"{old},{new},rename,1,{CHANGED}")
    assert_same(taken_in(folder, tmp_path / "home"), twin)


def test_a_trust_that_changes_its_code_undeclared_stops_the_run(extracts: Path, tmp_path: Path) -> None:
    old, new = largest(extracts, "admissions", "provider_code"), "RX9"
    folder = changed(extracts, tmp_path / "changed", happened_since({old: new}, PROVIDER_FEEDS), "")
    broken = check_organisations(taken_in(folder, tmp_path / "home")).broken
    assert f"{old},{new},rename,1," in broken
    assert f"{old} had " in broken and "until July 2024" in broken


@pytest.mark.parametrize("feeds", [(*LISTS, *GP_FEEDS), LISTS, GP_FEEDS], ids=["both", "the list alone", "the GP record alone"])
def test_a_practice_that_changes_its_code(
    extracts: Path, twin: dict[date, pd.DataFrame], tmp_path: Path, feeds: tuple[str, ...]
) -> None:
    old, new = largest(extracts, "patients", "practice_code"), "Y99999"
    folder = changed(extracts, tmp_path / "changed", sent_since({old: new}, feeds), f"{old},{new},rename,1,{CHANGED}")
    deployment = taken_in(folder, tmp_path / "home")
    assert_same(deployment, twin)
    for day in DAYS:
        codes = set(features_on(deployment, day)["practice_code"])
        assert (old in codes, new in codes) == (day < CHANGED, day >= CHANGED)

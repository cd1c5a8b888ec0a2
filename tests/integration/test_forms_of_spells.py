"""On every past date the events of hospital stays are those that the deliveries of that date show.

A board with all deliveries is compared with boards that have only what was delivered by a date. A date before the first delivery is compared
with a delivery of that date, which has the stays that had begun by then, without discharges that were still to come.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from integration.taken_in import conform, take_in, write_delivery

from features.cohort import CohortSettings
from features.person_features import IndexEvents
from pipelines.run.deployment import Deployment

CONFIG = """
deployment: a_board
purpose: {use: planning, approval: DSA 12, approval_expires: 2099-12-31}
source:
  kind: nhs
  nhs:
    landing: landing
    feeds:
      patients: {not_delivered: [death_date, is_confidential, is_deleted, is_spine_sensitive, is_test_patient]}
      registrations: {}
      admissions: {load: {replaces_months: 12}, lag_days: LAG}
validation:
  limits: {feed_collapsed: 0, month_collapsed: 0, month_gap: 0, single_value: 0, share_set_aside: 1, unknown_codes: 1, feed_fell: 0}
"""
DELIVERIES = (date(2025, 3, 1), date(2025, 4, 1), date(2025, 5, 1))


@dataclass(frozen=True)
class Stay:
    """One row of admissions."""

    person: str
    number: str
    provider: str
    admitted: date
    discharged: date | None
    method: str
    destination: str = "19"
    source: str = "19"
    diagnosis: str = "K400"

    def line(self) -> str:
        ended = self.discharged is not None
        cells = (
            self.person, self.number, self.provider, str(self.admitted), str(self.discharged or ""), self.method,
            self.destination if ended else "", self.source, self.diagnosis if ended else "", "", "1",
        )  # fmt: skip
        return ",".join(cells)

    def as_on(self, day: date) -> Stay:
        """Return the stay as a delivery of a day shows it."""
        ended = self.discharged is not None and self.discharged < day
        return (
            self if ended else Stay(self.person, self.number, self.provider, self.admitted, None, self.method, source=self.source)
        )


Delivery = tuple[date, Sequence[Stay]]


def board(folder: Path, deliveries: Sequence[Delivery], people: Sequence[str], lag: int = 0) -> Deployment:
    """Take deliveries of admissions through ingest, validation and conform."""
    write_delivery(folder, "patients", deliveries[0][0], [f"{name},Y00001,1950,1,1,A" for name in people])
    write_delivery(folder, "registrations", deliveries[0][0], [f"{name},Y00001,2010-01-01," for name in people])
    for day, stays in deliveries:
        write_delivery(folder, "admissions", day, [stay.line() for stay in stays])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRATA_HOME", str(folder / "home"))
        return conform(take_in(folder, CONFIG.replace("LAG", str(lag))))


def known_events(deployment: Deployment, day: date) -> Counter[tuple[object, ...]]:
    """Count the events that features of an index date use, by person, day, type, code and value."""
    lake = deployment.lake
    with deployment.duckdb() as con:
        rows = con.execute(
            f"""SELECT person_id, event_date, type.name, code.source_code, value, provider.source_code
            FROM (SELECT *, CAST(NULL AS DATE) AS superseded_date FROM {lake.scan("core__event")}
                UNION ALL BY NAME FROM {lake.scan("core__event_superseded")}) AS event
            JOIN {lake.scan("core__person")} USING (person_key) JOIN {lake.scan("core__event_type")} AS type USING (event_type)
            LEFT JOIN {lake.scan("core__code")} AS code ON code.code = event.code
            LEFT JOIN {lake.scan("core__code")} AS provider ON provider.code = event.provider
            WHERE event_date < DATE '{day}' AND available_date < DATE '{day}' AND coalesce(superseded_date > DATE '{day}', true)"""
        ).fetchall()
    return Counter(rows)


def of_chance(numbers: random.Random, person: str) -> list[Stay]:
    """Return a person's stays, of which many overlap or follow each other."""
    stays, day = [], date(2025, 1, 1) + timedelta(days=numbers.randint(0, 20))
    for number in range(numbers.randint(1, 4)):
        length = numbers.choice((0, 1, 3, 6, 12))
        stays.append(
            Stay(
                person, f"{person}{number}", numbers.choice(("RX1", "RX2")), day, numbers.choice((day + timedelta(days=length),) * 6 + (None,)),
                numbers.choice(("21", "11", "81", "31", "82")), numbers.choice(("19", "51")), numbers.choice(("19", "51")),
                numbers.choice(("K400", "I219")),
            )
        )  # fmt: skip
        day += timedelta(days=numbers.choice((0, 1, 2, 4, length, length + 1)))
    return stays


def deliveries_of_chance(numbers: random.Random, people: int) -> Iterator[Delivery]:
    """Yield deliveries, in each of which some stays are absent or have another end."""
    stays = [stay for number in range(people) for stay in of_chance(numbers, f"p{number:03}")]
    for day in DELIVERIES:
        sent = []
        for stay in stays:
            turn = numbers.random()
            if turn < 0.2:
                continue
            if turn < 0.35:
                ended = numbers.choice((None, stay.admitted + timedelta(days=numbers.choice((0, 2, 9)))))
                stay = Stay(
                    stay.person, stay.number, stay.provider, stay.admitted, ended, stay.method, stay.destination, stay.source
                )
            sent.append(stay)
        yield day, sent


def january(day: int) -> date:
    return date(2025, 1, day)


SENDER = Stay("", "1", "RX1", january(1), january(10), "21", destination="51")
RECEIVER = Stay("", "2", "RX2", january(10), january(20), "81", source="51")
LONGER = replace(RECEIVER, discharged=january(25))
# Two planned stays that are one spell, until an emergency inside the first has ended: then the second belongs to the emergency.
PLANNED = Stay("", "3", "RX1", january(1), january(10), "11")
NEXT = Stay("", "4", "RX3", january(8), january(20), "11")
EMERGENCY = Stay("", "5", "RX2", january(5), january(30), "21", diagnosis="I219")
OTHER = Stay("", "9", "RX1", january(2), january(3), "21")
# By person: the stays in each of three deliveries.
CASES = {
    "never_changed": ([OTHER], [OTHER], [OTHER]),
    "in_one_delivery": ([PLANNED, NEXT, EMERGENCY],) * 3,
    "sender_withdrawn": ([SENDER, RECEIVER], [RECEIVER], [RECEIVER]),
    "receiver_withdrawn": ([SENDER, RECEIVER], [SENDER], [SENDER]),
    "receiver_late_and_withdrawn": ([SENDER], [SENDER, RECEIVER], [SENDER]),
    "receiver_withdrawn_and_stated_again": ([SENDER, RECEIVER], [SENDER], [SENDER, RECEIVER]),
    "receiver_withdrawn_and_stated_otherwise": ([SENDER, RECEIVER], [SENDER], [SENDER, LONGER]),
    "receiver_changed_and_changed_back": ([SENDER, RECEIVER], [SENDER, LONGER], [SENDER, RECEIVER]),
    "emergency_withdrawn_and_stated_again": ([PLANNED, NEXT, EMERGENCY], [PLANNED, NEXT], [PLANNED, NEXT, EMERGENCY]),
    "emergency_late_and_withdrawn": ([PLANNED, NEXT], [PLANNED, NEXT, EMERGENCY], [PLANNED, NEXT]),
    "stay_alone_withdrawn_and_stated_again": ([SENDER], [], [SENDER]),
}  # fmt: skip


@dataclass(frozen=True)
class Board:
    """A board with all deliveries, those deliveries, and a folder for the boards of past dates."""

    deployment: Deployment
    deliveries: Sequence[Delivery]
    people: Sequence[str]
    lag: int
    folder: Path
    past: dict[tuple[date, ...], Deployment] = field(default_factory=dict)

    def as_on(self, day: date) -> Deployment:
        """Return the board with the deliveries of a date, or with a delivery of that date where there was none."""
        stays = self.deliveries[0][1]
        before = [one for one in self.deliveries if one[0] <= day]
        sent = before or [(day, [stay.as_on(day) for stay in stays if stay.admitted < day])]
        days = tuple(delivered for delivered, _ in sent)
        if days not in self.past:
            self.past[days] = board(self.folder / f"{len(before)}_until_{days[-1]}", sent, self.people, self.lag)
        return self.past[days]


def build(folder: Path, lag: int) -> Board:
    deliveries = list(deliveries_of_chance(random.Random(7), 150))
    written = [
        (
            day,
            [
                *stays,
                *(replace(stay, person=name, number=f"{name}{stay.number}") for name, by in CASES.items() for stay in by[turn]),
            ],
        )
        for turn, (day, stays) in enumerate(deliveries)
    ]
    people = sorted({stay.person for _, stays in written for stay in stays})
    return Board(board(folder / "all", written, people, lag), written, people, lag, folder)


@pytest.fixture(scope="module")
def without_lag(tmp_path_factory: pytest.TempPathFactory) -> Board:
    return build(tmp_path_factory.mktemp("without_lag"), 0)


@pytest.fixture(scope="module")
def with_lag(tmp_path_factory: pytest.TempPathFactory) -> Board:
    return build(tmp_path_factory.mktemp("with_lag"), 75)  # to a day between the second delivery and the third


def differing(whole: Board, day: date) -> tuple[Counter[tuple[object, ...]], Counter[tuple[object, ...]]]:
    """Return the events that the board shows too much for a date, and those that it lacks."""
    now, then = known_events(whole.deployment, day), known_events(whole.as_on(day), day)
    assert now
    return now - then, then - now


BETWEEN = (date(2025, 3, 15), date(2025, 4, 1), date(2025, 4, 15), date(2025, 4, 30))


@pytest.mark.parametrize("day", BETWEEN, ids=str)
def test_on_a_date_between_deliveries_a_spell_has_the_form_that_was_known(without_lag: Board, day: date) -> None:
    assert differing(without_lag, day) == (Counter(), Counter())


@pytest.mark.parametrize("day", [january(7), january(15), january(25), january(31)], ids=str)
def test_within_the_first_delivery_a_spell_has_no_stay_that_was_not_known(without_lag: Board, day: date) -> None:
    assert differing(without_lag, day) == (Counter(), Counter())


@pytest.mark.parametrize("day", [date(2025, 3, 25), date(2025, 4, 15)], ids=str)
def test_a_form_counts_only_after_the_lag_of_its_stays(with_lag: Board, day: date) -> None:
    assert differing(with_lag, day) == (Counter(), Counter())


def test_the_spell_itself_is_known_since_it_has_this_form(without_lag: Board) -> None:
    """Read core__spell, whose days are those of the events."""
    lake = without_lag.deployment.lake
    keys = {row["person_id"]: row["person_key"] for row in lake.read("core__person").to_pylist()}
    known = "admission_available_date, discharge_available_date"

    def since(name: str) -> list[tuple[date, date]]:
        rows = lake.read("core__spell", known, f"person_key = {keys[name]}", "admission_date").to_pylist()
        return [(row["admission_available_date"], row["discharge_available_date"]) for row in rows]

    april, may = date(2025, 3, 31), date(2025, 4, 30)  # the days before the second and the third delivery
    assert since("never_changed") == [(january(2), january(3))]
    assert since("sender_withdrawn") == [(april, april)]  # until then the stay was the second of a transfer
    assert since("receiver_withdrawn") == [(january(1), april)]
    assert since("receiver_withdrawn_and_stated_again") == [(january(1), may)]
    assert since("stay_alone_withdrawn_and_stated_again") == [(may, may)]


def test_a_transfer_has_one_index_discharge_and_an_emergency_inside_a_longer_stay_has_none(tmp_path: Path) -> None:
    stays = {
        "ann": (SENDER, RECEIVER), "bob": (OTHER,),
        "cat": (Stay("", "6", "RX2", january(3), january(6), "21"), Stay("", "7", "RX1", january(1), january(10), "11")),
    }  # fmt: skip
    sent = [replace(stay, person=name, number=f"{name}{stay.number}") for name, of_person in stays.items() for stay in of_person]
    deployment = board(tmp_path, [(DELIVERIES[0], sent)], list(stays))
    found = IndexEvents.at_discharges(deployment.lake.read("core__spell"), date(2025, 2, 1), CohortSettings(kind="discharges"))
    names = {row["person_key"]: row["person_id"] for row in deployment.lake.read("core__person").to_pylist()}
    index_days = pa.array(found.index_day).cast(pa.date32()).to_pylist()
    assert [(names[key], day) for key, day in zip(found.person.tolist(), index_days, strict=True)] == [
        ("ann", january(20)), ("bob", january(3)),
    ]  # fmt: skip

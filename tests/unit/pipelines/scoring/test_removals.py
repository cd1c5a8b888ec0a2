"""Who is removed from what readers see, from which tables, and how an interrupted removal is completed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from expectations.suppression import SUPPRESSIONS
from expectations.table import Kind, Table
from expectations.tables import core, risk
from expectations.tables.caseload import CASELOAD, REMOVALS, REMOVED
from expectations.tables.records import EXTRACTS, VALIDATED_EXTRACTS
from pipelines.caseloads.place_caseloads import place_caseloads
from pipelines.lake import files
from pipelines.lake.data_files import DataFile
from pipelines.lake.decision_record import NATIONAL_OPT_OUT, WITHDRAWAL, Decision, record
from pipelines.lake.files import exchange
from pipelines.lake.storage import Lake
from pipelines.scoring import removals
from pipelines.scoring.publication import refresh_current, withdraw

DAY = date(2026, 1, 15)
OUTCOME = "emergency_admission"
PLAIN = {Kind.DATE: DAY, Kind.INTEGER: 1, Kind.NUMBER: 0.5, Kind.BOOLEAN: True}
# person -> what core__person and core__registration say of them, and the reason for which they are removed
CASES: dict[str, tuple[dict[str, object], dict[str, object] | None, str]] = {
    "alive": ({}, {}, ""),
    "died": ({"death_date": DAY}, {}, "died"),
    "died_unreadable": ({"death_not_readable": True}, {}, "date of death not readable"),
    "type_1": ({"type_1_opt_out": True}, {}, "type 1 objection"),
    "national": ({"national_data_opt_out": True}, {}, "national data opt-out"),
    "off_list": ({"on_list": False}, {}, "left the list"),
    "ended": ({}, {"end_date": date(2026, 1, 14)}, "left the list"),
    "ends_later": ({}, {"end_date": date(2026, 1, 16)}, ""),
    "not_registered": ({}, None, "left the list"),
    "end_unreadable": ({}, {"end_not_readable": True}, "end of registration not readable"),
    "died_and_objects": ({"death_date": DAY, "type_1_opt_out": True}, {}, "died"),
    **{f"suppressed_{number}": ({"suppression": reason}, {}, reason) for number, reason in enumerate(SUPPRESSIONS)},
    "died_and_in_review": ({"death_date": DAY, "suppression": SUPPRESSIONS[-1]}, {}, "died"),
    "suppressed_and_ended": ({"suppression": SUPPRESSIONS[0]}, {"end_date": date(2026, 1, 2)}, SUPPRESSIONS[0]),
    "national_and_ended": ({"national_data_opt_out": True}, {"end_date": date(2026, 1, 2)}, "left the list"),
}


def row_of(table: Table, **values: object) -> dict[str, object]:
    def plain(name: str) -> object:
        column = table.column(name)
        return None if column.nullable else PLAIN.get(column.kind, column.allowed[0] if column.allowed else name)

    return {column.name: values.get(column.name, plain(column.name)) for column in table.columns}


def put_people(lake: Lake, cases: dict[str, tuple[dict[str, object], dict[str, object] | None, str]]) -> None:
    facts = {"death_not_readable": False, "type_1_opt_out": False, "national_data_opt_out": False, "on_list": True}
    people = [
        row_of(core.PERSON, **{**facts, "person_key": key, "person_id": person, **said})
        for key, (person, (said, _, _)) in enumerate(cases.items())
    ]
    registered = [
        row_of(core.REGISTRATION, **{"person_key": key, "start_date": date(2000, 1, 1), "end_not_readable": False, **said})
        for key, (_, said, _) in enumerate(cases.values())
        if said is not None
    ]
    lake.write(core.PERSON, people)
    lake.write(core.REGISTRATION, registered)


def put_run(lake: Lake, run_id: str, purpose: str, day: date) -> None:
    ids = {"run_id": run_id, "outcome": OUTCOME, "purpose": purpose, "index_date": day, "place_kind": "practice_code"}
    for table in (risk.SCORES, CASELOAD):
        lake.write(table, [row_of(table, **ids, person_id=person) for person in CASES], {"run_id": run_id})
    recorded = f"{day}T00:00:00.000000+00:00"
    lake.append(risk.RUNS, [row_of(risk.RUNS, **ids, status="published", recorded_at=recorded)])


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path)
    for feed, day in (("patients", DAY), ("type_1_objections", date(2026, 1, 10)), ("admissions", date(2026, 2, 1))):
        lake.append(EXTRACTS, [row_of(EXTRACTS, feed=feed, extract_id=feed, extract_date=day)])
        of_feed = {"feed": feed, "extract_id": feed}
        lake.write(VALIDATED_EXTRACTS, [row_of(VALIDATED_EXTRACTS, **of_feed, status="passed")], of_feed)
    put_people(lake, CASES)
    return lake


def seen(lake: Lake, name: str = risk.CURRENT.name) -> set[str]:
    return {str(person) for person in lake.read(name, "person_id")["person_id"].to_pylist()}


@pytest.mark.parametrize("purpose", ["finding_people_for_care", "planning"])
def test_everyone_with_a_reason_is_removed_and_counted_and_the_scores_stay(lake: Lake, purpose: str) -> None:
    put_run(lake, "a" * 8, purpose, date(2026, 1, 1))
    refresh_current(lake, OUTCOME)
    assert seen(lake) == set(CASES)  # without a refresh a run is as it was published
    scores = lake.live_files(risk.SCORES.name)
    expected = {
        person: reason for person, (*_, reason) in CASES.items() if reason and (reason != "national data opt-out" or purpose == "planning")
    }  # fmt: skip
    counts = removals.record_removals(lake)
    refresh_current(lake, OUTCOME)
    assert counts == {reason: list(expected.values()).count(reason) for reason in expected.values()}
    assert seen(lake) == seen(lake, CASELOAD.name) == set(CASES) - set(expected)
    assert lake.live_files(risk.SCORES.name) == scores
    removals.record_known(lake, removals.applied_deliveries(lake))
    assert removals.known_to(lake) == removals.KnownTo(DAY, date(2026, 1, 10))
    assert lake.read(REMOVALS.name, "sum(people) AS people")["people"].to_pylist() == [len(expected)]
    assert removals.record_removals(lake) == {}


def test_only_the_run_of_one_outcome_is_checked_where_it_is_named(lake: Lake) -> None:
    put_run(lake, "a" * 8, "finding_people_for_care", date(2026, 1, 1))
    assert removals.record_removals(lake, "another_outcome") == {}
    assert removals.record_removals(lake, OUTCOME)["died"] == 3
    refresh_current(lake, OUTCOME)  # as a run does when it is published
    assert not {"died", "suppressed_0"} & (seen(lake) | seen(lake, CASELOAD.name))


def test_a_removal_that_ended_after_its_record_is_completed_and_counted_once(lake: Lake) -> None:
    put_run(lake, "a" * 8, "finding_people_for_care", date(2026, 1, 1))
    refresh_current(lake, OUTCOME)
    first = removals.record_removals(lake)  # the process ends here
    assert removals.record_removals(lake) == {}
    refresh_current(lake, OUTCOME)
    removals.record_known(lake, removals.KnownTo(DAY, DAY))
    assert "died" not in seen(lake)
    assert lake.read(REMOVALS.name, "sum(people) AS people")["people"].to_pylist() == [sum(first.values())]


def test_a_later_run_has_a_removed_person_again_only_without_a_reason(lake: Lake) -> None:
    put_run(lake, "a" * 8, "finding_people_for_care", date(2026, 1, 1))
    removals.record_removals(lake)
    refresh_current(lake, OUTCOME)
    put_people(lake, {**CASES, "ended": CASES["alive"]})
    put_run(lake, "b" * 8, "finding_people_for_care", date(2026, 2, 1))
    refresh_current(lake, OUTCOME)
    assert {"ended", "alive"} <= seen(lake)
    assert not {"died", "type_1", "off_list"} & seen(lake)


def test_a_withdrawal_does_not_bring_back_people_who_died_since(lake: Lake) -> None:
    put_run(lake, "a" * 8, "finding_people_for_care", date(2026, 1, 1))
    put_run(lake, "b" * 8, "finding_people_for_care", date(2026, 2, 1))
    refresh_current(lake, OUTCOME)
    withdraw(lake, "b" * 8, "a mistake")
    assert seen(lake) == {person for person, (*_, reason) in CASES.items() if reason in ("", "national data opt-out")}
    assert lake.rows(REMOVED.name) == len(CASES) - len(seen(lake))


def test_a_run_for_planning_keeps_people_if_a_decision_states_that_the_national_opt_out_does_not_apply(lake: Lake) -> None:
    put_run(lake, "a" * 8, "planning", date(2026, 1, 1))
    decision = Decision(NATIONAL_OPT_OUT, "planning: does not apply", "Board", "CAG 12", DAY, expires=date(2099, 12, 31))
    recorded = record(lake, decision)
    assert "national data opt-out" not in removals.record_removals(lake)
    refresh_current(lake, OUTCOME)
    assert "national" in seen(lake)
    record(lake, Decision(WITHDRAWAL, f"decision {recorded.decision_id}", "Board", "a mistake", DAY), recorded.decision_id)
    assert removals.record_removals(lake) == {"national data opt-out": 1}


def test_between_the_commits_of_a_removal_every_reader_leaves_out_who_was_removed(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends after the first table was exchanged: the record already decides, and the next refresh completes the rest."""
    put_run(lake, "a" * 8, "finding_people_for_care", date(2026, 1, 1))
    refresh_current(lake, OUTCOME)
    removals.record_removals(lake)
    exchanged: list[str] = []

    def end_after_one(lake: Lake, name: str, gone: list[DataFile], fresh: list[DataFile]) -> None:
        if exchanged:
            raise KeyboardInterrupt
        exchanged.append(name)
        exchange(lake, name, gone, fresh)

    with monkeypatch.context() as patch:
        patch.setattr(files, "exchange", end_after_one)
        with pytest.raises(KeyboardInterrupt):
            refresh_current(lake, OUTCOME)
    assert exchanged == [CASELOAD.name] and "died" in seen(lake)
    run = {"run_id": "a" * 8}
    lake.write(risk.DRIVERS, [row_of(risk.DRIVERS, **run, person_id="alive")], run)
    listed = {person for page in place_caseloads(lake, run, ()) for person in page.rows["person_id"]}
    shown = lake.read(risk.CURRENT.name, "person_id", removals.shown_people_sql(lake))["person_id"].to_pylist()
    assert listed == set(shown) == {person for person, (*_, reason) in CASES.items() if reason in ("", "national data opt-out")}
    refresh_current(lake, OUTCOME)
    assert seen(lake) == seen(lake, CASELOAD.name) == listed


@pytest.mark.parametrize(
    ("days", "stopped", "expected"),
    [
        ({"opt_outs": 5}, (), 5), ({"type_1_objections": 5}, (), 5), ({"type_1_objections": 5, "national_opt_outs": 9}, (), 5),
        ({"type_1_objections": 9, "national_opt_outs": 5}, (), 5), ({"type_1_objections": 9, "national_opt_outs": 5}, ("national_opt_outs",), None),
        # The combined feed brings both kinds; the two feeds that follow it replace it.
        ({"opt_outs": 2, "type_1_objections": 9}, (), 2), ({"opt_outs": 2, "type_1_objections": 9, "national_opt_outs": 7}, (), 7), ({}, (), None),
    ],
)  # fmt: skip
def test_objections_are_known_to_the_earlier_of_the_latest_deliveries_of_both_kinds(
    tmp_path: Path, days: dict[str, int], stopped: tuple[str, ...], expected: int | None
) -> None:
    lake = Lake(tmp_path)
    lake.append(EXTRACTS, [row_of(EXTRACTS, feed="patients", extract_id="patients", extract_date=DAY)])
    for feed, day in days.items():
        for number in (1, day):
            extract = {"feed": feed, "extract_id": f"{feed} {number}"}
            lake.append(EXTRACTS, [row_of(EXTRACTS, **extract, extract_date=date(2026, 1, number))])
            status = "stopped" if feed in stopped else "passed"
            lake.write(VALIDATED_EXTRACTS, [row_of(VALIDATED_EXTRACTS, **extract, status=status)], extract)
    assert removals.applied_deliveries(lake).objections == (date(2026, 1, expected) if expected else None)


def test_content_that_is_sent_again_with_a_later_date_is_known_to_its_first_day(lake: Lake) -> None:
    again = row_of(EXTRACTS, feed="type_1_objections", extract_id="type_1_objections", extract_date=date(2026, 1, 30))
    lake.append(EXTRACTS, [again])
    assert removals.applied_deliveries(lake).objections == date(2026, 1, 10)
    lake.append(EXTRACTS, [again | {"arrived_date": date(2026, 2, 1)}])  # a decision accepted it
    assert removals.applied_deliveries(lake).objections == date(2026, 1, 30)

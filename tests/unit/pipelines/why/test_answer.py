from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from dagster_project.command_line import main
from expectations.table import Table
from expectations.tables import core, core_places, risk
from expectations.tables.raw_gp import REGISTRATIONS
from features.cohort import CohortSettings
from features.declaration import Statistic
from features.events import FEED_NUMBER, NUMBER_OF
from features.evidence import is_place_rate
from pipelines.building.build_features import FeatureRequest, build_features, person_rows
from pipelines.conform.codes import event_types
from pipelines.errors import RefusalError
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake
from pipelines.reports.terminal import as_text
from pipelines.why.answer import why
from pipelines.why.person_case import PersonCase, one_row

INDEX = date(2024, 3, 1)
REQUEST = FeatureRequest(CohortSettings(), "finding_people_for_care", 2025)
FEEDS = ("admissions", "emergency_attendances", "gp_observations")
OPEN_LIST = ("Y00001", date(2015, 1, 1), None, False)
# name: died, type 1 opt-out, on the list, registrations
PEOPLE: dict[str, tuple[date | None, bool, bool, list[tuple]]] = {
    "ann": (None, False, True, [OPEN_LIST]),
    "bob": (date(2024, 2, 20), False, True, [OPEN_LIST]),
    "cat": (None, False, True, [("Y00001", date(2015, 1, 1), date(2024, 2, 1), False)]),
    "dan": (None, True, True, [OPEN_LIST]),
    "eve": (None, False, False, []),
    "fay": (None, False, True, []),
    "gus": (None, False, True, [("Y00002", date(2014, 1, 1), None, False)]),
}
# of ann: type, code, day, days until it was known
EVENTS = [
    ("emergency_admission", "300", INDEX - timedelta(days=400), 0),
    ("emergency_admission", "300", INDEX - timedelta(days=365), 0),
    ("emergency_admission", "300", INDEX - timedelta(days=10), 0),
    ("emergency_admission", "300", INDEX - timedelta(days=5), 5),
    ("emergency_admission", "300", INDEX, 0),
    ("ae_attendance", "01", INDEX - timedelta(days=10), 0),
    ("gp_observation", "999", INDEX - timedelta(days=3), 0),
]
CODES = [(1, "department_type", "01"), (2, "ods", "RX1"), (3, "snomed", "999"), (4, "treatment_function", "300")]


def stored(lake: Lake, table: Table, rows: list[dict[str, object]], partition: dict[str, str] | None = None) -> None:
    schema = pa.schema([field for field in arrow_schema(table) if field.name not in table.partitioned_by])
    lake.write(table, pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema), partition)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A board of seven people, one of whom has events, with the features of the index date built."""
    lake = Lake(tmp_path_factory.mktemp("why") / "home" / "lake")
    keys = {name: key for key, name in enumerate(PEOPLE)}
    common = {"birth_date": date(1950, 1, 1), "sex": "2", "national_data_opt_out": False}
    stored(lake, core.PERSON, [
        {"person_key": keys[name], "person_id": name, "death_date": died, "type_1_opt_out": opted, "on_list": listed, **common}
        for name, (died, opted, listed, _) in PEOPLE.items()
    ])  # fmt: skip
    stored(lake, core.REGISTRATION, [
        dict(zip(("practice_code", "start_date", "end_date", "start_is_load_date"), held, strict=True)) | {"person_key": keys[name]}
        for name, (*_, periods) in PEOPLE.items() for held in periods
    ])  # fmt: skip
    numbers = {code: number for number, _, code in CODES}
    stored(lake, core.EVENT, [
        {"person_key": 0, "event_date": day, "available_date": day + timedelta(days=lag), "event_type": NUMBER_OF[kind],
         "code": numbers[code], "provider": 2, "feed": FEED_NUMBER["admissions"]}
        for kind, code, day, lag in sorted(EVENTS, key=lambda event: event[2])
    ])  # fmt: skip
    stored(lake, core.CODE, [dict(zip(("code", "code_system", "source_code"), code, strict=True)) for code in CODES])
    lake.write(core.EVENT_TYPE, event_types())
    months = [date(2018 + number // 12, number % 12 + 1, 1) for number in range(74)]
    stored(lake, core.COVERAGE, [
        {"feed": feed, "organisation_role": "practice", "organisation_code": practice, "month": month, "rows": 1,
         "status": "absent" if (feed, practice) == ("gp_observations", "Y00002") and month >= date(2023, 11, 1) else "covered"}
        for feed in FEEDS for practice in ("Y00001", "Y00002") for month in months
    ])  # fmt: skip
    for table in (core.RESIDENCE, core.SPELL, core_places.AREA, core_places.ORGANISATION_RELATION):
        stored(lake, table, [])
    build_features(lake, REQUEST, INDEX)
    washed_out = {"person_key": 0, "person_id": "ann", "index_event_id": INDEX.isoformat(),
                  "left_list": False, "not_at_risk_reason": "had the outcome before"}  # fmt: skip
    stored(lake, risk.LABELS, [washed_out], {"outcome": "an_outcome", "index_date": INDEX.isoformat()})
    return lake


@pytest.fixture(scope="module")
def show(lake: Lake) -> Callable[..., str]:
    """Return the answer as one line."""

    def ask(person: str, feature: str | None = None, *, day: date = INDEX, inside: bool = True) -> str:
        answer = why(lake, REQUEST, person, day, feature)
        assert answer.in_cohort is inside
        return " ".join(as_text(answer.content, 240).replace("─", " ").split())

    return ask


def test_a_feature_is_shown_with_the_events_that_count_and_those_that_do_not(show: Callable[..., str]) -> None:
    words = show("ann", "emergency_spells_365d")
    assert "the number of emergency_spell events" in words
    assert "window 2023-03-02 to 2024-02-29 (365 days) value 2 stored value 2" in words
    assert "2 of its events count: Date Available" in words
    assert "2023-03-02 2023-03-02 emergency_admission treatment_function 300 RX1" in words
    assert "3 do not:" in words
    for reason in (
        "before the window, which starts on 2023-03-02",
        "not known before the index date: available on 2024-03-01",
        "on the index date",
    ):
        assert reason in words
    assert "Label 'an_outcome': none: had the outcome before." in words


def test_a_null_is_shown_with_the_months_that_cause_it(show: Callable[..., str]) -> None:
    words = show("gus", "gp_contacts_180d")
    assert "value null stored value null" in words
    assert "null, because these months are missing: gp_observations 2023-11 to 2024-02 (absent)" in words
    assert "all months are there" in show("gus", "ae_attendances_180d")


def test_an_attribute_is_shown_with_the_records_it_is_read_from(show: Callable[..., str]) -> None:
    words = show("ann", "years_on_list")
    assert "the record on the registered list: Birth date" in words
    assert "Y00001 2015-01-01" in words


def test_all_features_are_shown_by_family_with_value_stored_value_and_number_of_events(show: Callable[..., str]) -> None:
    words = show("ann")
    assert "Utilisation Feature Value Stored Events emergency_spells_30d 1 1 1" in words
    assert "gp_record_days_90d 1 1 1" in words
    assert "Events on record: 7." in words


def test_the_events_said_to_count_are_as_many_as_the_kernel_counts(lake: Lake) -> None:
    person = one_row(lake, "core__person", "person_id = 'ann'")
    assert person is not None
    case = PersonCase(lake, person, INDEX, person_rows(lake, REQUEST, INDEX, 0))
    counts = [feature for feature in case.recomputed.recipe.computed if feature.statistic is Statistic.COUNT]
    assert {feature.name: case.evidence.counted(feature) for feature in counts} == {
        feature.name: case.row[feature.name] for feature in counts
    }
    assert case.stored is not None
    of_everyone = {feature.name for feature in case.recomputed.recipe.computed if is_place_rate(feature)}
    assert {name: case.stored[name] for name in case.row if name not in of_everyone} == {
        name: value for name, value in case.row.items() if name not in of_everyone
    }
    assert of_everyone


def test_a_day_without_stored_features_is_computed_all_the_same(show: Callable[..., str]) -> None:
    assert "value 2 stored value no partition" in show("ann", "emergency_spells_365d", day=date(2024, 2, 28))


@pytest.mark.parametrize(
    ("person", "reasons"),
    [
        ("bob", ["died on or before the index date", "died 2024-02-20"]),
        ("cat", ["not registered on the index date", "2024-02-01 no ended 29 days before it"]),
        ("dan", ["type 1 opt-out", "opted out type 1"]),
        ("eve", ["not on the registered list", "on the list no"]),
        (
            "fay",
            ["not registered on the index date", "rows of raw__registrations that were set aside", "fay.csv 7 end_before_start"],
        ),
        ("unknown", ["No feed has a person unknown"]),
    ],
)
def test_a_person_outside_the_cohort_gets_a_reason(lake: Lake, show: Callable[..., str], person: str, reasons: list[str]) -> None:
    part = {"extract_id": "e1"}
    stored(lake, REGISTRATIONS, [{"person_id": "fay", "row_number": 7, "extract_date": INDEX, "file_name": "fay.csv"}], part)
    broken = {"file_name": "fay.csv", "row_number": 7, "reason": "end_before_start", "column_name": "", "action": "set_aside"}
    stored(lake, core.QUARANTINE, [broken], {"table_name": "raw__registrations", "extract_id": "e1"})
    words = show(person, inside=False)
    assert [reason for reason in reasons if reason not in words] == [], words


def test_a_person_is_not_in_the_cohort_before_birth_or_without_an_index_event(lake: Lake, show: Callable[..., str]) -> None:
    assert "not born on the index date" in show("ann", day=date(1949, 1, 1), inside=False)
    discharges = FeatureRequest(CohortSettings(kind="discharges"), "planning", 2025)
    answer = why(lake, discharges, "ann", INDEX)
    assert not answer.in_cohort
    assert "the person has no index event (cohort of kind 'discharges')" in answer.text


def test_a_feature_that_is_not_there_or_not_computed_is_refused(lake: Lake) -> None:
    with pytest.raises(RefusalError, match=r"no feature 'emergency_spell_365d'\. Similar names: emergency_spells_365d"):
        why(lake, REQUEST, "ann", INDEX, "emergency_spell_365d")
    with pytest.raises(
        RefusalError, match="'outpatient_attended_365d' is not computed here: the feed outpatient_appointments is"
    ):
        why(lake, REQUEST, "ann", INDEX, "outpatient_attended_365d")
    with pytest.raises(RefusalError, match="there are no people yet"):
        why(Lake(lake.root / "nowhere"), REQUEST, "ann", INDEX)


def test_the_command_answers_by_its_exit_code_too(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "a_board.yaml"
    config.write_text(
        "deployment: a_board\npurpose: {use: finding_people_for_care, approval: DSA 12, approval_expires: 2099-12-31}\n"
        "source: {kind: nhs, nhs: {}}\n"
    )
    for name, value in {"STRATA_HOME": str(lake.root.parent), "STRATA_CONFIG": "", "DAGSTER_HOME": ""}.items():
        monkeypatch.setenv(name, value)
    assert main(["why", str(config), "ann", "2024-03-01", "emergency_spells_365d"]) == 0
    assert "stored value  2" in capsys.readouterr().out
    assert main(["why", str(config), "bob", "2024-03-01"]) == 1
    assert "died on or before the index date" in capsys.readouterr().out
    assert main(["why", str(config), "ann", "1.3.2024"]) == 1
    assert "'1.3.2024' is not a date" in capsys.readouterr().err

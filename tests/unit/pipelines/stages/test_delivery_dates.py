"""What the dates of deliveries say: which are refused before anything is taken in, and to which day the data reach (pipelines/run/data_cut.py)."""

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest
import yaml

from expectations.catalogue import RAW_TABLES
from expectations.tables.risk import RUNS
from pipelines.errors import RefusalError, SettingsError
from pipelines.extracts.extract_records import read_extracts
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.run_record import record_run
from pipelines.run.deployment import Deployment, open_deployment
from pipelines.sources.nhs import NhsSettings
from pipelines.stages import delivery_dates, landing, preparation, run_plan, upkeep
from pipelines.stages.deciding import DecisionRequest, decide

TODAY = date(2026, 3, 1)
LATER = date(2062, 1, 2)
PATIENTS = "patients/patients_2026-03-01.csv"
ATTENDANCES = "emergency_attendances/emergency_attendances_2062-01-01.csv"


def opened(folder: Path, source: dict, **more: object) -> Deployment:
    config = folder / "a_board.yaml"
    purpose = {"use": "planning", "approval": "DSA 12", "approval_expires": date(2099, 1, 1)}
    home = folder / "home"
    config.write_text(yaml.safe_dump({"deployment": "a_board", "home": str(home), "purpose": purpose, "source": source, **more}))
    return Deployment(open_deployment(config).settings, folder, home)


def nhs(folder: Path, *paths: str, feed: dict | None = None, **more: object) -> Deployment:
    for path in paths:
        file = folder / "extracts" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("PERSON_ID\n1\n")
    feeds = {"patients": {}, "emergency_attendances": feed or {}}
    study = {"outcome": {"name": "death"}}  # which needs no admissions
    return opened(folder, {"kind": "nhs", "nhs": {"landing": "extracts", "feeds": feeds}}, **{"study": study, **more})


def omop(folder: Path, **more: object) -> Deployment:
    cdm = folder / "cdm"
    cdm.mkdir()
    (cdm / "person.csv").write_text("person_id,gender_concept_id,year_of_birth\n1,8507,2080\n")
    (cdm / "observation_period.csv").write_text("observation_period_id,person_id\n")
    (cdm / "visit_occurrence.csv").write_text("visit_occurrence_id,person_id,visit_concept_id\n")
    return opened(folder, {"kind": "omop", "omop": {"folder": "cdm", "extract_date": date(2210, 1, 1), **more}})


def feature_table(folder: Path) -> Deployment:
    (folder / "rows.csv").write_text("person,outcome,visits\n1,0,2\n")
    table = {
        "file": "rows.csv",
        "delivered": date(2026, 3, 2),
        "person": "person",
        "label": {"column": "outcome"},
        "numbers": ["visits"],
    }
    study = {"outcome": {"name": "unplanned_readmission"}, "validation": {"kind": "person_folds"}}
    return opened(folder, {"kind": "feature_table", "feature_table": table}, study=study)


def test_a_file_dated_after_today_is_named_with_its_date_and_nothing_is_taken_in(tmp_path: Path) -> None:
    deployment = nhs(tmp_path, PATIENTS, ATTENDANCES)
    with pytest.raises(RefusalError) as refused:
        preparation.prepare(deployment, TODAY)
    assert str(refused.value).splitlines()[:2] == [
        "deliveries dated after today, 2026-03-01; nothing was taken in:",
        f"  {ATTENDANCES}: delivery date 2062-01-01",
    ]
    assert "Correct the date in the file's name" in str(refused.value)
    assert not (tmp_path / "home" / "lake").exists()


def test_today_is_not_the_future_and_tomorrow_is(tmp_path: Path) -> None:
    deployment = nhs(tmp_path, PATIENTS, "emergency_attendances/e_2026-02-01.csv")
    preparation.prepare(deployment, TODAY)
    assert run_plan.data_cut(deployment, TODAY) == TODAY
    with pytest.raises(RefusalError, match=r"today, 2026-02-28.*\n.*patients_2026-03-01\.csv: delivery date 2026-03-01"):
        preparation.prepare(deployment, date(2026, 2, 28))
    far = {"schedule": {"far_ahead_days": 20_000}}
    preparation.prepare(nhs(tmp_path, ATTENDANCES, **far), LATER)  # every check takes the day it is given as today


@pytest.mark.parametrize(
    "feed",
    [
        {"delivery_date": "2062-01-01", "files": ["ecds.csv"]},
        {"delivered": r"(?P<day>\d\d)\.(?P<month>\d\d)\.(?P<year>\d{4})", "files": ["ecds-01.01.2062.csv"]},
    ],
)
def test_a_date_from_the_settings_is_refused_like_one_from_the_name(tmp_path: Path, feed: dict) -> None:
    deployment = nhs(tmp_path, PATIENTS, feed["files"][0], feed=feed)
    with pytest.raises(RefusalError, match=r"ecds.*\.csv: delivery date 2062-01-01\n.*`delivery_date`"):
        preparation.prepare(deployment, TODAY)


def test_a_data_cut_after_today_is_refused(tmp_path: Path) -> None:
    deployment = nhs(tmp_path, PATIENTS, "emergency_attendances/e_2026-02-01.csv", data_cut_date=date(2062, 1, 1))
    for check in (preparation.prepare, run_plan.data_cut):
        with pytest.raises(RefusalError, match=r"data_cut_date is 2062-01-01, which is after today, 2026-03-01"):
            check(deployment, TODAY)


def test_a_feature_table_dated_after_today_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusalError, match=r"rows\.csv: delivery date 2026-03-02\nCorrect source\.feature_table\.delivered"):
        preparation.prepare(feature_table(tmp_path), TODAY)


def test_shifted_dates_need_the_setting_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    with pytest.raises(
        RefusalError, match=r"person\.csv: delivery date 2210-01-01(.|\n)*set source\.omop\.dates_shifted to true"
    ):
        preparation.prepare(omop(tmp_path / "plain"), TODAY)
    deployment = omop(tmp_path, dates_shifted=True)
    preparation.prepare(deployment, TODAY)
    assert run_plan.data_cut(deployment, TODAY) == date(2210, 1, 1)


def test_a_synthetic_board_is_dated_by_its_author(tmp_path: Path) -> None:
    deployment = opened(tmp_path, {"kind": "synthetic", "synthetic": {"people": 500, "data_cut_date": date(2030, 1, 1)}})
    preparation.prepare(deployment, TODAY)
    assert run_plan.data_cut(deployment, TODAY) == date(2030, 1, 1)


def test_the_example_with_shifted_dates_says_so() -> None:
    example = Path(__file__).parents[4] / "config" / "mimic_demo.yaml"
    settings = open_deployment(example).settings.source.omop
    assert settings is not None and settings.dates_shifted and settings.extract_date.year == 2210


def test_a_file_that_lands_after_the_run_has_begun_is_not_taken_in(tmp_path: Path) -> None:
    deployment = nhs(tmp_path, PATIENTS, "emergency_attendances/e_2026-02-01.csv")
    preparation.prepare(deployment)
    nhs(tmp_path, ATTENDANCES)
    with pytest.raises(RefusalError, match="delivery date 2062-01-01"):
        landing.ingest(deployment, RAW_TABLES["emergency_attendances"])
    assert not deployment.lake.exists("raw__extracts")


def test_old_deliveries_are_not_removed_for_one_dated_in_the_future(tmp_path: Path) -> None:
    deployment = nhs(tmp_path, PATIENTS, ATTENDANCES, upkeep={"extract_months": 12})
    with pytest.raises(RefusalError, match="delivery date 2062-01-01"):
        upkeep.tidy(deployment)


def test_the_watch_goes_on_without_what_is_dated_after_today(tmp_path: Path) -> None:
    deployment = nhs(tmp_path, PATIENTS, "emergency_attendances/e_2025-06-01.csv", ATTENDANCES)
    assert run_plan.data_cut_until(deployment, TODAY) == TODAY
    assert run_plan.late_feeds_of(deployment, TODAY) == {"emergency_attendances": date(2025, 6, 1)}


def test_a_delivery_that_was_taken_in_with_a_date_after_today_is_refused(tmp_path: Path) -> None:
    deployment = nhs(tmp_path, PATIENTS, "emergency_attendances/e_2026-02-01.csv")
    file = tmp_path / "before" / "opt_outs" / "opt_outs_2062-01-01.csv"
    file.parent.mkdir(parents=True)
    file.write_text("Pseudo_NHS_Number,Opt_Out_Type\np1,type_1\n")
    with duckdb.connect() as con:
        assert ingest_feed(deployment.lake, con, RAW_TABLES["opt_outs"], NhsSettings(), tmp_path / "before").rows == 1
    everything = opened(tmp_path, {"kind": "nhs", "nhs": {"landing": "extracts"}})
    with pytest.raises(RefusalError, match=r"opt_outs_2062-01-01\.csv: it was taken in before with the delivery date 2062-01-01"):
        preparation.prepare(everything, TODAY)


@pytest.mark.parametrize(
    ("instant", "expected"),
    [("2026-06-30T22:59:00+00:00", date(2026, 6, 30)), ("2026-06-30T23:01:00+00:00", date(2026, 7, 1))],
)
def test_today_is_londons(instant: str, expected: date, monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: ZoneInfo | None = None) -> datetime:
            return datetime.fromisoformat(instant).astimezone(tz)

    monkeypatch.setattr(delivery_dates, "datetime", Clock)
    assert delivery_dates.today_in_london() == expected


def landed(folder: Path, cuts: dict[str, str], **more: object) -> Deployment:
    """Land one file of each feed."""
    for feed, day in cuts.items():
        file = folder / "extracts" / feed / f"{feed}_{day}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("PERSON_ID\n1\n")
    return opened(folder, {"kind": "nhs", "nhs": {"landing": "extracts", "feeds": {feed: {} for feed in cuts}}}, **more)


def same(day: str, *feeds: str) -> dict[str, str]:
    return dict.fromkeys(feeds or ("patients", "registrations", "admissions", "emergency_attendances", "gp_observations"), day)


@pytest.mark.parametrize(
    ("cuts", "required", "ahead"),
    [
        ({**same("2025-11-01"), "emergency_attendances": "2026-03-01"}, None, ["emergency_attendances"]),
        ({**same("2025-11-01"), "patients": "2026-03-01"}, None, ["patients"]),
        ({**same("2025-11-01"), "patients": "2026-03-01", "admissions": "2026-03-01"}, None, ["admissions", "patients"]),
        ({**same("2025-11-01"), "patients": "2026-01-31", "admissions": "2026-03-01"}, None, ["admissions", "patients"]),
        ({**same("2025-11-01"), "emergency_attendances": "2026-01-02"}, None, []),
        ({**same("2025-11-01"), "emergency_attendances": "2026-01-03"}, None, ["emergency_attendances"]),
        ({**same("2026-03-01"), "emergency_attendances": "2020-01-01"}, None, []),
        ({**same("2026-03-01"), "emergency_attendances": "2020-01-01", "gp_observations": "2021-01-01"}, None, []),
        ({**same("2020-01-01"), "patients": "2026-03-01", "registrations": "2026-03-01", "admissions": "2026-03-01"}, None, []),
        # That all required feeds are ahead makes no date right, where there are more others.
        (
            {**same("2025-11-01"), "patients": "2026-03-01", "admissions": "2026-03-01"},
            ("patients", "admissions"),
            ["admissions", "patients"],
        ),
        ({**same("2025-11-01"), "patients": "2026-03-01"}, ("patients",), ["patients"]),
        (same("2026-03-01"), None, []),
        ({"patients": "2026-03-01"}, None, []),
        ({"patients": "2026-03-01", "gp_observations": "2025-03-01"}, None, []),
        ({"patients": "2026-03-01", "gp_observations": "2025-03-01"}, ("patients", "gp_observations"), ["patients"]),
        ({"patients": "2025-03-01", "gp_observations": "2026-03-01"}, None, ["gp_observations"]),
    ],
)
def test_a_delivery_far_ahead_of_the_other_feeds_is_refused(
    tmp_path: Path, cuts: dict, required: tuple | None, ahead: list
) -> None:
    schedule = {"schedule": {"required_feeds": required}} if required else {}
    deployment = landed(tmp_path, cuts, **schedule)
    if not ahead:
        run_plan.refuse_deliveries_far_ahead(deployment, TODAY)
        return
    with pytest.raises(RefusalError, match="more than 62 days ahead of every other feed") as refused:
        preparation.prepare(deployment, TODAY)
    named = [line for line in str(refused.value).splitlines() if line.startswith("  ")]
    assert named == [f"  {feed}/{feed}_{cuts[feed]}.csv: delivery date {cuts[feed]}, feed {feed}" for feed in ahead]
    assert not (tmp_path / "home" / "lake").exists()


def test_how_far_ahead_is_a_setting(tmp_path: Path) -> None:
    cuts = {**same("2025-11-01"), "emergency_attendances": "2026-03-01"}
    run_plan.refuse_deliveries_far_ahead(landed(tmp_path, cuts, schedule={"far_ahead_days": 120}), TODAY)
    with pytest.raises(RefusalError, match=r"set schedule\.far_ahead_days to more than 119"):
        run_plan.refuse_deliveries_far_ahead(landed(tmp_path, cuts, schedule={"far_ahead_days": 119}), TODAY)


@pytest.mark.parametrize(
    ("cuts", "schedule", "cut", "late"),
    [
        (same("2026-03-01"), {}, "2026-03-01", []),
        # One feed that is delivered a month later than the others changes nothing.
        ({**same("2026-02-01"), "emergency_attendances": "2026-03-01"}, {}, "2026-02-01", []),
        ({**same("2026-02-01"), "gp_observations": "2026-03-01"}, {}, "2026-02-01", []),
        ({**same("2026-02-01"), "patients": "2026-03-01"}, {}, "2026-02-01", []),
        ({**same("2026-03-01"), "admissions": "2026-02-01"}, {}, "2026-02-01", []),
        ({**same("2026-03-01"), "registrations": "2026-02-15"}, {}, "2026-02-15", []),
        ({**same("2026-03-01"), "emergency_attendances": "2026-02-01"}, {}, "2026-03-01", []),
        ({**same("2026-03-01"), "emergency_attendances": "2025-12-01"}, {}, "2026-03-01", ["emergency_attendances"]),
        # A required feed that is late is not waited for, unless the settings say so.
        ({**same("2026-03-01"), "admissions": "2025-12-01"}, {}, "2026-03-01", ["admissions"]),
        ({**same("2026-03-01"), "admissions": "2025-12-01"}, {"late_after_days": 100}, "2025-12-01", []),
        ({**same("2026-03-01"), "gp_observations": "2026-02-01"}, {"required_feeds": ["gp_observations"]}, "2026-02-01", []),
        ({**same("2026-03-01"), "admissions": "2026-02-01"}, {"required_feeds": ["patients"]}, "2026-03-01", []),
        (same("2026-03-01", "emergency_attendances") | same("2026-02-01", "gp_observations"), {}, "2026-03-01", []),
        (same("2026-01-01", "patients", "admissions") | same("2026-03-01", "gp_observations"), {}, "2026-01-01", ["admissions", "patients"]),
    ],
)  # fmt: skip
def test_the_data_reach_to_the_earliest_cut_of_the_required_feeds(
    tmp_path: Path, cuts: dict, schedule: dict, cut: str, late: list
) -> None:
    deployment = landed(tmp_path, cuts, schedule=schedule)
    assert run_plan.data_cut(deployment, TODAY) == date.fromisoformat(cut)
    assert run_plan.index_date_plan(deployment)["score"] == (date.fromisoformat(cut),)
    assert sorted(run_plan.late_feeds_of(deployment, TODAY)) == late


@pytest.mark.parametrize(
    ("feed", "waits"), [("admissions", True), ("patients", True), ("gp_observations", False), ("emergency_attendances", False)]
)
def test_only_a_required_feed_is_waited_for(tmp_path: Path, feed: str, waits: bool) -> None:
    deployment = landed(tmp_path, {**same("2026-03-01"), feed: "2025-12-01"}, schedule={"late_feed": "wait"})
    if waits:
        with pytest.raises(RefusalError, match=f"late feed {feed}: latest delivery 2025-12-01"):
            run_plan.refuse_late(deployment, TODAY)
    else:
        run_plan.refuse_late(deployment, TODAY)


@pytest.mark.parametrize(
    ("published", "withdrawn", "more", "refused"),
    [
        ("2026-02-15", False, {}, True), ("2026-02-01", False, {}, False), ("2026-01-01", False, {}, False), ("2062-01-01", False, {}, False),
        ("2026-02-15", True, {}, False), ("2026-02-15", False, {"data_cut_date": date(2026, 2, 1)}, False),
        ("2026-02-15", False, {"study": {"index_dates": {"score": date(2026, 2, 1)}}}, False),
    ],
)  # fmt: skip
def test_a_scoring_date_before_the_published_one_is_refused_unless_asked_for(
    tmp_path: Path, published: str, withdrawn: bool, more: dict, refused: bool
) -> None:
    deployment = landed(tmp_path, {**same("2026-03-01"), "admissions": "2026-02-01"}, **more)
    outcome = deployment.settings.study.outcome.name
    row = dict.fromkeys(column.name for column in RUNS.columns) | {
        "run_id": "r1", "outcome": outcome, "status": "published", "index_date": date.fromisoformat(published), "recorded_at": "2026-02-16T00:00:00",
    }  # fmt: skip
    record_run(deployment.lake, row)
    if withdrawn:
        record_run(deployment.lake, {**row, "status": "withdrawn", "recorded_at": "2026-02-17T00:00:00"})
    if refused:
        with pytest.raises(RefusalError, match=r"would be 2026-02-01, before 2026-02-15 of the published run r1"):
            preparation.prepare(deployment, TODAY)
    else:
        run_plan.refuse_earlier_date(deployment, TODAY)


@pytest.mark.parametrize(
    ("dates", "refused"),
    [
        ({"train": ["2024-12-01"]}, "the test date 2024-11-01 \\(from the data cut 2026-02-01\\) overlap"),
        ({"score": "2024-10-31"}, "study.index_dates.score 2024-10-31 is before the test date 2024-11-01"),
        ({"test": "2025-06-01"}, "study.index_dates.test 2025-06-01 and the data cut 2026-02-01"),
        ({"test": "2024-11-01"}, ""),
    ],
)
def test_dates_that_contradict_those_of_the_deliveries_are_refused_before_anything_is_taken_in(
    tmp_path: Path, dates: dict, refused: str
) -> None:
    deployment = landed(tmp_path, same("2026-02-01"), study={"index_dates": dates})
    if refused:
        with pytest.raises(SettingsError, match=refused):
            preparation.prepare(deployment, TODAY)
        assert [*deployment.lake.root.iterdir()] == []
    else:
        preparation.prepare(deployment, TODAY)


@pytest.mark.parametrize("feeds", [["visits"], [], ["patients", "ward"]])
def test_required_feeds_are_feeds(tmp_path: Path, feeds: list[str]) -> None:
    with pytest.raises(SettingsError, match="required_feeds"):
        landed(tmp_path, same("2026-03-01"), schedule={"required_feeds": feeds})


def test_a_held_delivery_is_taken_in_once_it_is_accepted(tmp_path: Path) -> None:
    deployment, table = landed(tmp_path, {"patients": "2026-02-01"}), RAW_TABLES["patients"]
    assert landing.ingest(deployment, table).facts["new_extracts"] == 1
    landed(tmp_path, {"patients": "2026-01-01"})
    (tmp_path / "extracts/patients/patients_2026-01-01.csv").write_text("PERSON_ID\n2\n")
    held = landing.ingest(deployment, table)
    assert held.facts["files_held"] == 1
    assert "strata decide CONFIG late_delivery 'patients 2026-01-01'" in str(held.facts["warned"])
    for subject in ("patients 2026-01-02", "patients", "visits 2026-01-01", "patients 2026-02-01"):
        with pytest.raises(RefusalError, match="names no delivery that is held"):
            decide(deployment, DecisionRequest("late_delivery", subject, "Analyst", "the sender was late"))
    decide(deployment, DecisionRequest("late_delivery", "patients 2026-01-01", "Analyst", "the sender was late"))
    (tmp_path / "extracts/patients/patients_2026-01-01.csv").write_text("PERSON_ID\n3\n")  # not what was accepted
    assert landing.ingest(deployment, table).facts["files_held"] == 1
    (tmp_path / "extracts/patients/patients_2026-01-01.csv").write_text("PERSON_ID\n2\n")
    assert landing.ingest(deployment, table).facts["new_extracts"] == 1
    days = {str(one.extract_date): one.arrived_date for one in read_extracts(deployment.lake, "patients")}
    assert days == {"2026-02-01": None, "2026-01-01": delivery_dates.today_in_london()}
    (tmp_path / "extracts/patients/patients_2026-02-01.csv").write_text("PERSON_ID\n4\n")  # a correction of the same date
    assert landing.ingest(deployment, table).facts["new_extracts"] == 1


def test_the_same_file_with_a_later_date_moves_no_date_before_it_is_accepted(tmp_path: Path) -> None:
    deployment, table = landed(tmp_path, {"patients": "2026-02-01"}), RAW_TABLES["patients"]
    landing.ingest(deployment, table)
    landed(tmp_path, {"patients": "2026-03-01"})
    held = landing.ingest(deployment, table)
    assert run_plan.data_cut(deployment, TODAY) == date(2026, 2, 1)
    for name in ("patients/patients_2026-03-01.csv", "that of patients/patients_2026-02-01.csv", "Correct the date in its name"):
        assert name in str(held.facts["warned"])
    decide(deployment, DecisionRequest("late_delivery", "patients 2026-03-01", "Analyst", "nothing has changed"))
    assert run_plan.data_cut(deployment, TODAY) == date(2026, 3, 1)
    assert landing.ingest(deployment, table).facts["new_extracts"] == 1
    assert run_plan.data_cut(deployment, TODAY) == date(2026, 3, 1)


def test_days_behind_are_those_of_the_late_feeds(tmp_path: Path) -> None:
    deployment = nhs(tmp_path, PATIENTS, "emergency_attendances/e_2025-06-01.csv")
    assert run_plan.days_behind_of(deployment, TODAY) == {"emergency_attendances": 273}

"""For each outside input, and for settings and decisions: which stages run again when it changes. Nothing is run: digests are compared."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.run.deployment import Deployment, open_deployment
from pipelines.stages import outside
from pipelines.stages.decisions_in_settings import IMPORTED_AS, import_decisions
from pipelines.stages.declared import stages_of
from pipelines.stages.outside import OutsideInput
from pipelines.stages.settings_view import DECISIONS
from pipelines.stages.stage_log import inputs_digest, outputs_digest
from pipelines.tracking.tracker import Tracker

DAY = date(2026, 1, 1)
KEY = "a key of more than thirty-two bytes, for tests"
PURPOSE = {"use": "planning", "approval": "DSA 12", "approval_expires": "2099-12-31"}
FEEDS = ("patients", "registrations", "admissions", "gp_observations", "actions")
CONFIG: dict[str, Any] = {
    "deployment": "a_board",
    "purpose": PURPOSE,
    "source": {
        "kind": "nhs",
        "nhs": {
            "landing": "landing",
            "pseudonyms": {"key_file": "key"},
            "feeds": {feed: {"load": "snapshot", "pseudonymised": feed != "patients"} for feed in FEEDS},
        },
    },
    "reference": {"rural_urban": "rural_urban.csv"},
    "publish": {"postgres": {"dsn_variable": "STRATA_TEST_DSN"}},
    "study": {"name": "of_a_test", "code_lists": "lists", "outcome": {"name": "death"}},
}
RAW = {f"raw__{feed}" for feed in FEEDS}
SUITES = {f"raw__{feed} suite" for feed in FEEDS}


@pytest.fixture(autouse=True)
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATA_TEST_DSN", "postgresql://no-one@127.0.0.1:9/none?connect_timeout=1")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of an empty registry of models, which takes seconds to make."""
    home = tmp_path_factory.mktemp("registry")
    Tracker(home)
    return home / "mlflow.db"


@pytest.fixture
def folder(tmp_path: Path, registry: Path) -> Path:
    for feed in FEEDS:
        (tmp_path / "landing" / feed).mkdir(parents=True)
        (tmp_path / "landing" / feed / f"{feed}_2026-01-01.csv").write_text("PERSON_ID\n1\n")
    key = tmp_path / "key"
    key.write_text(KEY)
    key.chmod(0o600)
    (tmp_path / "rural_urban.csv").write_text("lsoa,class\nE01000001,A1\n")
    write_code_list(tmp_path / "lists", "73211009")
    (tmp_path / "home").mkdir()
    shutil.copy(registry, tmp_path / "home" / registry.name)
    return tmp_path


def write_code_list(folder: Path, code: str, name: str = "my_list") -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.csv").write_text(
        f"list,system,code,match,description,source,new\n{name},snomed,{code},exact,A code,A test,yes\n"
    )


def deployment_of(folder: Path, changes: dict[str, Any] | None = None) -> Deployment:
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump({**CONFIG, "home": str(folder / "home"), **(changes or {})}))
    return open_deployment(config)


def digests(deployment: Deployment) -> dict[str, tuple[str, str]]:
    return {stage.name: (inputs_digest(deployment, stage), outputs_digest(deployment, stage)) for stage in stages_of(deployment)}


def changed(before: dict[str, tuple[str, str]], after: dict[str, tuple[str, str]]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


def later_delivery(folder: Path) -> None:
    (folder / "landing" / "admissions" / "admissions_2026-02-01.csv").write_text("PERSON_ID\n2\n")


def later_deliveries(folder: Path) -> None:
    for feed in (folder / "landing").iterdir():
        (feed / f"{feed.name}_2026-02-01.csv").write_text("PERSON_ID\n2\n")


def corrected_extract(folder: Path) -> None:
    (folder / "landing" / "admissions" / "admissions_2026-01-01.csv").write_text("PERSON_ID\n1\n2\n")


def new_reference(folder: Path) -> None:
    (folder / "rural_urban.csv").write_text("lsoa,class\nE01000001,B1\n")


def new_key(folder: Path) -> None:
    (folder / "key").write_text(f"{KEY}, another")


OF_THE_CUT = RAW | {
    "core__coverage", "organisations followed", "risk__labels", "risk__models", "risk__scores", "equity__outcome_rates", "monitoring__drift",
    "monitoring__calibration",
}  # fmt: skip
CHANGES: dict[str, tuple[Callable[[Path], None], set[str]]] = {
    "a corrected extract": (corrected_extract, {"raw__admissions", "core__code_name"}),
    "a later delivery of one feed": (later_delivery, {"raw__admissions", "core__code_name", "core__coverage", "risk__scores"}),
    "a later delivery of each feed": (later_deliveries, OF_THE_CUT | {"core__code_name"}),
    "a reference file": (new_reference, {"core__area", "core__organisation", "raw__patients suite"}),
    "a pseudonym key": (new_key, RAW),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_outside_makes_these_stages_run_again(what: str, folder: Path) -> None:
    change, expected = CHANGES[what]
    before = digests(deployment_of(folder))
    assert digests(deployment_of(folder)) == before
    change(folder)
    assert changed(before, digests(deployment_of(folder))) == expected


def test_a_code_list_of_the_team_makes_these_stages_run_again_wherever_it_is(folder: Path) -> None:
    before = digests(deployment_of(folder))
    shutil.copytree(folder / "lists", folder / "moved")
    assert digests(deployment_of(folder, {"study": {**STUDY, "code_lists": "moved"}})) == before
    write_code_list(folder / "corrected", "44054006")
    assert changed(before, digests(deployment_of(folder, {"study": {**STUDY, "code_lists": "corrected"}}))) == {
        "core__code_name", "monitoring__code_lists", "features__catalogue", "features__person", "risk__labels", "risk__scores",
        "equity__outcome_rates", "monitoring__calibration",
    }  # fmt: skip


def test_codes_of_a_measurement_of_the_team_make_events_and_counts_of_units_again(folder: Path) -> None:
    before = digests(deployment_of(folder))
    write_code_list(folder / "lists", "27113001", "weight")
    assert {"core__event", "monitoring__units"} <= changed(before, digests(deployment_of(folder)))


def test_feeds_that_become_late_make_these_stages_run_again(folder: Path) -> None:
    def looked_at(day: str) -> dict[str, tuple[str, str]]:
        return digests(deployment_of(folder, {"data_cut_date": day}))

    (folder / "landing" / "admissions" / "admissions_2026-05-01.csv").write_text("PERSON_ID\n1\n")
    late = changed(looked_at("2026-01-02"), looked_at("2026-05-01")) - changed(looked_at("2026-01-02"), looked_at("2026-01-03"))
    assert late == {"monitoring__alerts"}  # scores run again for the data cut as well


def test_another_day_makes_these_stages_run_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    for day in (date(2026, 3, 1), date(2026, 3, 2)):
        monkeypatch.setattr(outside, "today_in_london", lambda day=day: day)
        seen.append(digests(deployment_of(folder)))
    list_expires = {"national list valid", "national list valid for planning outputs"}
    assert changed(*seen) == {"monitoring__alerts", "risk__current fresh_enough", *list_expires}


@pytest.mark.parametrize(
    ("alias", "expected"),
    [
        ("champion", {"risk__models", "risk__scores", "monitoring__drift"}),
        ("challenger", {"risk__scores"}),
    ],
)
def test_another_model_in_the_registry_makes_these_stages_run_again(alias: str, expected: set[str], folder: Path) -> None:
    before = digests(deployment_of(folder))
    client = deployment_of(folder).tracker.client
    client.create_registered_model("of_a_test")
    client.create_model_version("of_a_test", source=f"file://{folder / 'model'}")
    client.set_registered_model_alias("of_a_test", alias, "1")
    assert changed(before, digests(deployment_of(folder))) == expected


TESTED: dict[OutsideInput, Callable[..., None] | str] = {
    OutsideInput.LANDED_EXTRACTS: test_a_change_outside_makes_these_stages_run_again,
    OutsideInput.DATA_CUT: test_a_change_outside_makes_these_stages_run_again,
    OutsideInput.FEED_CUTS: test_a_change_outside_makes_these_stages_run_again,
    OutsideInput.LATE_FEEDS: test_feeds_that_become_late_make_these_stages_run_again,
    OutsideInput.REFERENCE_FILES: test_a_change_outside_makes_these_stages_run_again,
    OutsideInput.CODE_LISTS: test_a_code_list_of_the_team_makes_these_stages_run_again_wherever_it_is,
    OutsideInput.EVENT_CODES: test_codes_of_a_measurement_of_the_team_make_events_and_counts_of_units_again,
    OutsideInput.PSEUDONYM_KEYS: test_a_change_outside_makes_these_stages_run_again,
    OutsideInput.INCUMBENT: test_another_model_in_the_registry_makes_these_stages_run_again,
    OutsideInput.CHAMPION: test_another_model_in_the_registry_makes_these_stages_run_again,
    OutsideInput.CHALLENGER: test_another_model_in_the_registry_makes_these_stages_run_again,
    OutsideInput.TODAY: test_another_day_makes_these_stages_run_again,
    OutsideInput.TARGET_DATABASE: "test_the_state_of_the_database_makes_this_stage_run_again_and_no_other",  # needs a server
}


def test_every_outside_input_is_changed_in_a_test() -> None:
    assert set(TESTED) == set(OutsideInput)
    elsewhere = (Path(__file__).parents[3] / "integration" / "publishing" / "test_postgres_stage.py").read_text(encoding="utf-8")
    assert f"def {TESTED[OutsideInput.TARGET_DATABASE]}(" in elsewhere


APPROVAL = {"role": "Approver", "reason": "Reviewed", "day": "2026-01-01"}
ACCEPTED = [{"feed": "patients", "rule": "unknown_codes", "delivery": "2026-01-01", "reason": "It is right so"}]
STUDY = CONFIG["study"]
SETTINGS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "study.approval": ({"study": {**STUDY, "approval": APPROVAL}}, set()),
    "purpose.approval_expires": ({"purpose": {**PURPOSE, "approval_expires": "2100-12-31"}}, set()),
    "purpose.approval": ({"purpose": {**PURPOSE, "approval": "DSA 13"}}, set()),
    "validation.accepted": ({"validation": {"accepted": ACCEPTED}}, set()),
    "engine": ({"engine": {"threads": 1}}, set()),
    "validation": ({"validation": {"least_month_rows": 30}}, SUITES),
    "alerts": ({"alerts": {"rules": {"feed_late": False}}}, {"monitoring__alerts"}),
    "conform.linkage": ({"conform": {"linkage": {"min_share": 0.5}}}, {"people found on the list"}),
    "conform.deaths": ({"conform": {"deaths": {"activity_share": 0.5}}}, {"core__person", "activity after death"}),
    "study.caseloads": ({"study": {**STUDY, "caseloads": {"write_pages": True}}}, {"risk__scores"}),
    "study.gates": ({"study": {**STUDY, "gates": {"minimum_events": 1000}}}, {"risk__models"}),
    "study.capacity": (
        {"study": {**STUDY, "capacity": {"shares": [0.02, 0.1], "deciding_share": 0.1}}},
        {"risk__models", "monitoring__scores", "monitoring__calibration"},
    ),
    "clinical": (
        {"clinical": {"version": "2025-2"}},
        {"core__person", "core__spell", "core__event", "risk__labels", "equity__outcome_rates", "monitoring__calibration"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("path", SETTINGS)
def test_a_setting_makes_these_stages_run_again(path: str, folder: Path) -> None:
    changes, expected = SETTINGS[path]
    before = digests(deployment_of(folder))
    assert changed(before, digests(deployment_of(folder, changes))) == expected


@pytest.mark.parametrize(
    ("changes", "kind"),
    [({"validation": {"accepted": ACCEPTED}}, "accepted_breach"), ({"study": {**STUDY, "approval": APPROVAL}}, "approval")],
)
def test_a_decision_of_the_settings_makes_the_stages_of_its_kind_run_again_once_it_is_recorded(
    changes: dict[str, Any], kind: str, folder: Path
) -> None:
    deployment = deployment_of(folder, changes)
    before = digests(deployment)
    assert import_decisions(deployment, DAY) == 1
    stages = stages_of(deployment)
    assert changed(before, digests(deployment)) == {stage.name for stage in stages if kind in stage.decisions}
    assert set(IMPORTED_AS) == {path for path in DECISIONS if not path.startswith("purpose.")}

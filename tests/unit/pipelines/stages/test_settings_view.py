"""A stage sees the settings that it declares and no others; decisions of people are in no digest."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipelines.run.settings import Settings
from pipelines.stages.settings_view import (
    DECISIONS,
    SettingsView,
    UndeclaredSettingError,
    check_paths_of_settings,
    settings_digest,
    settings_that_count,
)

PURPOSE = {"use": "planning", "approval": "DSA 12", "approval_expires": date(2099, 1, 1)}
BASE: dict[str, Any] = {
    "deployment": "a_board",
    "purpose": PURPOSE,
    "source": {"kind": "synthetic", "synthetic": {"people": 500}},
    "study": {"name": "one", "also": [{"name": "two", "outcome": {"name": "death"}}]},
}


def settings(**changes: Any) -> Settings:
    return Settings.model_validate({**BASE, **changes})


def view(*declared: str) -> tuple[Any, set[str]]:
    used: set[str] = set()
    return SettingsView(settings(), "", declared, used), used


def test_a_declared_path_is_the_real_object_and_is_noted() -> None:
    seen, used = view("study.outcome", "study.seed")
    assert seen.study.outcome == settings().study.outcome
    assert used == {"study.outcome"}
    assert seen.study.outcome.definition.auroc_alarm


@pytest.mark.parametrize("path", ["study.seed", "clinical", "study", "purpose.use", "deployment", "study.also"])
def test_what_is_not_declared_cannot_be_reached(path: str) -> None:
    seen, used = view("study.outcome")
    with pytest.raises(UndeclaredSettingError, match=r"does not declare"):
        for name in path.split("."):
            seen = getattr(seen, name)
        seen.name  # noqa: B018 - a view on the way is no setting
    assert used == set()


@pytest.mark.parametrize("way_round", ["model_dump", "model_copy", "model_fields_set", "nothing_like_it"])
def test_nothing_else_of_a_section_leads_to_what_is_not_declared(way_round: str) -> None:
    seen, _ = view("study.outcome")
    with pytest.raises(UndeclaredSettingError):
        getattr(seen.study, way_round)


def test_a_property_sees_what_the_stage_sees() -> None:
    seen, _ = view("study.gates", "study.outcome")
    assert seen.study.gates_in_force == settings().study.gates_in_force
    without, _ = view("study.gates")
    with pytest.raises(UndeclaredSettingError, match=r"study\.outcome"):
        without.study.gates_in_force  # noqa: B018


def test_one_setting_of_each_item_can_be_declared() -> None:
    seen, _ = view("study.also.*.outcome.name")
    assert [further.outcome.name for further in seen.study.also] == ["death"]
    with pytest.raises(UndeclaredSettingError, match=r"study\.also\.\*\.approval"):
        seen.study.also[0].approval  # noqa: B018


@pytest.mark.parametrize(
    ("path", "message"), [("study.cohorts", "no setting has"), ("study", "holds the decision"), ("purpose", "holds the decision")]
)
def test_a_path_that_does_not_exist_or_hides_a_decision_is_refused(path: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_paths_of_settings([path])


APPROVAL = {"role": "Approver", "reason": "Reviewed", "day": date(2026, 1, 1)}
ACCEPTED = [{"feed": "patients", "rule": "unknown_codes", "delivery": date(2026, 1, 1), "reason": "It is right so"}]
DECIDED = {
    "study.approval": {"study": {**BASE["study"], "approval": APPROVAL}},
    "study.also.*.approval": {"study": {"name": "one", "also": [{"name": "two", "outcome": {"name": "death"}, "approval": APPROVAL}]}},
    "purpose.approval": {"purpose": {**PURPOSE, "approval": "DSA 13"}},
    "purpose.approval_expires": {"purpose": {**PURPOSE, "approval_expires": date(2100, 1, 1)}},
    "validation.accepted": {"validation": {"accepted": ACCEPTED}},
}  # fmt: skip


@pytest.mark.parametrize("decision", sorted(DECISIONS))
def test_a_decision_is_in_no_digest(decision: str) -> None:
    decided = settings(**DECIDED[decision])
    assert decided != settings()
    assert settings_digest(decided, None) == settings_digest(settings(), None)
    whole = list(Settings.model_fields)
    assert settings_that_count(decided, whole) == settings_that_count(settings(), whole)
    assert settings_that_count(decided, [decision]) == settings_that_count(settings(), [decision])


@pytest.mark.parametrize(
    ("changes", "bears"),
    [
        ({"home": Path("elsewhere")}, False),
        ({"engine": {"threads": 1}}, False),
        ({"alerts": {"rules": {"feed_late": False}}}, False),
        ({"clinical": {"version": "2025-2"}}, True),
        ({"study": {**BASE["study"], "seed": 1}}, True),
        ({"source": {"kind": "synthetic", "synthetic": {"people": 501}}}, True),
    ],
)
def test_the_version_of_the_settings_is_of_what_bears_on_a_result(changes: dict[str, Any], bears: bool) -> None:
    assert (settings_digest(settings(**changes), None) != settings_digest(settings(), None)) == bears


def test_code_lists_count_by_their_versions() -> None:
    assert settings_digest(settings(), {"frailty": "a"}) != settings_digest(settings(), {"frailty": "b"})

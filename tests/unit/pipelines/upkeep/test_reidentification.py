import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from expectations.tables import core, risk
from pipelines.errors import RefusalError
from pipelines.extracts.pseudonyms import pseudonym_of
from pipelines.run.deployment import Deployment, open_deployment
from pipelines.stages.privacy import reidentify_practice, rotate_key
from pipelines.upkeep.reidentification import Request, is_nhs_number, read_identifiers, reidentify, write_private

ASKED = Request("A81001", "Practice pharmacist", "Structured medication review")


def access(home: Any) -> list[dict[str, Any]]:
    return home.lake.read("monitoring__access").to_pylist() if home.lake.exists("monitoring__access") else []


def test_a_practice_finds_its_own_people_and_the_use_is_recorded(home: Any, numbers: Any, keys: Any) -> None:
    found = reidentify(home.lake, keys[:1], ASKED, numbers)
    assert found[["nhs_number", "risk", "drivers"]].to_numpy().tolist() == [
        [numbers[1], 0.2, "Driver 1"],
        [numbers[0], 0.1, "Driver 0"],
    ]  # the third is another practice's
    (row,) = access(home)
    assert (row["role"], row["reason"], row["practice_code"]) == (ASKED.role, ASKED.reason, "A81001")
    assert (row["run_ids"], row["identifiers_given"], row["people_matched"]) == ("20260101abcd", 3, 2)
    text = str(row)
    assert not any(number in text or pseudonym_of(number, keys[:1]) in text for number in numbers)


def test_who_left_or_may_not_be_listed_is_not_answered(
    home: Any, numbers: Any, keys: Any, make_rows: Callable[..., pa.Table]
) -> None:
    left = [{"person_key": 0, "practice_code": "A81001"}, {"person_key": 1, "practice_code": "A81001", "end_date": None}]
    home.lake.write(core.REGISTRATION, make_rows(core.REGISTRATION, left))
    assert list(reidentify(home.lake, keys[:1], ASKED, numbers)["nhs_number"]) == [numbers[1]]
    people = [pseudonym_of(number, keys[:1]) for number in numbers]
    scores = [
        {"run_id": "20260101abcd", "outcome": "falls", "person_id": person, "practice_code": "A81001", "eligible": False}
        for person in people
    ]
    home.lake.write(risk.CURRENT, make_rows(risk.CURRENT, scores), {"outcome": "falls"})
    with pytest.raises(RefusalError, match="no person of the practice 'A81001'"):
        reidentify(home.lake, keys[:1], ASKED, numbers)


def test_another_key_a_missing_reason_and_another_practice_are_refused(home: Any, numbers: Any, keys: Any) -> None:
    for chain, asked, words in (
        (keys[1:2], ASKED, "not the one"),
        (keys[:1], Request("A81001", "GP", " "), "--reason"),
        (keys[:1], Request("X", "GP", "care"), "practice 'X'"),
    ):
        with pytest.raises(RefusalError, match=words):
            reidentify(home.lake, chain, asked, numbers)
    assert access(home) == []


def test_a_list_is_read_line_by_line_and_a_wrong_line_is_not_repeated(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("\ufeff999 000 0018\n\n9990000026,\n9990000018\n")
    assert read_identifiers(file) == ["9990000018", "9990000026"]
    file.write_text("9990000018\nSMITH Anna\n9990000019\n")
    with pytest.raises(RefusalError, match=r"2 lines have no valid NHS number \(such as lines 2, 3\)") as refused:
        read_identifiers(file)
    assert "SMITH" not in str(refused.value)
    assert not is_nhs_number("999000001")


def test_the_answer_is_for_who_asked_alone(home: Any, numbers: Any, keys: Any, tmp_path: Path) -> None:
    found = reidentify(home.lake, keys[:1], ASKED, numbers)
    out = tmp_path / "answer.csv"
    write_private(found, out, tmp_path / "home")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert out.read_text().splitlines()[1].startswith(f"{numbers[1]},falls,2026-01-01,")
    with pytest.raises(RefusalError, match="exists already"):
        write_private(found, out, tmp_path / "home")
    with pytest.raises(RefusalError, match="own folder"):
        write_private(found, tmp_path / "home" / "answer.csv", tmp_path / "home")


def deployment(home: Any, **changes: Any) -> Deployment:
    values = {
        "deployment": "board",
        "purpose": {"use": changes.get("use", "finding_people_for_care"), "approval": "none", "approval_expires": "2099-12-31"},
        "source": {"kind": "nhs", "nhs": {"feeds": {"patients": {"pseudonymised": changes.get("pseudonymised", False)}}}},
    }
    config = home.path / f"board_{len(changes)}_{'_'.join(map(str, changes.values()))}.yaml"
    config.write_text(yaml.safe_dump(values))
    opened = open_deployment(config)
    return Deployment(opened.settings, home.path, home.path)


def test_the_senders_own_pseudonyms_and_runs_for_planning_are_refused(home: Any, tmp_path: Path) -> None:
    theirs = deployment(home, pseudonymised=True)
    for work in (lambda: reidentify_practice(theirs, ASKED, tmp_path, tmp_path), lambda: rotate_key(theirs)):
        with pytest.raises(RefusalError, match="patients are the sender's own"):
            work()
    with pytest.raises(RefusalError, match="for planning"):
        reidentify_practice(deployment(home, use="planning"), ASKED, tmp_path, tmp_path)


def test_the_whole_of_it_from_file_to_file(home: Any, numbers: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("practice")
    (folder / "list.txt").write_text("\n".join(numbers))
    summary = reidentify_practice(deployment(home), ASKED, folder / "list.txt", folder / "answer.csv")
    assert summary == {"identifiers_given": 3, "people_matched": 2, "file": str(folder / "answer.csv")}
    assert len((folder / "answer.csv").read_text().splitlines()) == 3

"""Reference files of organisations that cannot be right are refused, with the line and the rule of each problem."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.errors import ExtractError
from pipelines.reference.files import Reference, ReferenceSettings
from pipelines.reference.organisation import organisation_frames

CASES = Path(__file__).parents[5] / "shared" / "cases"
SUCCESSION = "from_code,to_code,kind,share,effective_date\n"
RELATION = "child_code,parent_code,relation,valid_from,valid_to\n"
ORGANISATION = "code,role,name,valid_from,valid_to\n"
FILES = {
    "organisation_succession": SUCCESSION, "organisation_relations": RELATION, "organisations": ORGANISATION,
}  # fmt: skip


def refusal(folder: Path, setting: str, lines: str) -> str:
    """Return the message that refuses a file of these lines, '' if it is read."""
    (folder / "file.csv").write_text(FILES[setting] + lines + "\n", encoding="utf-8")
    try:
        organisation_frames(Reference(ReferenceSettings.model_validate({setting: "file.csv"}), folder, folder))
    except ExtractError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("lines", "line", "rule"),
    [
        ("RX1,RX9,merger,0.9,2025-04-01\nRX1,RX8,merger,0.6,2025-04-01", 3, "the shares of the code do not sum to 1"),
        ("RX1,RX9,split,0.4,2025-04-01", 2, "the shares of the code do not sum to 1"),
        ("RX1,RX9,merger,1.2,2025-04-01", 2, "the share is not above 0 and at most 1"),
        ("RX1,RX9,merger,0,2025-04-01", 2, "the share is not above 0 and at most 1"),
        ("RX1,RX9,merger,-1,2025-04-01", 2, "the share is not above 0 and at most 1"),
        ("RX1,RX9,merger,,2025-04-01", 2, "the share is not above 0 and at most 1"),
        ("RX1,RX9,merger,all,2025-04-01", 2, "the share is not above 0 and at most 1"),
        ("RX1,RX9,merger,1,2025-13-01", 2, "effective_date is no day"),
        ("RX1,RX9,merger,1,", 2, "effective_date is empty"),
        ("RX1,RX9,merger,1,1900-01-01", 2, "effective_date cannot be right"),
        ("RX1,RX9,takeover,1,2025-04-01", 2, "the kind is unknown"),
        ("RX1,RX9,,1,2025-04-01", 2, "the kind is unknown"),
        (",RX9,merger,1,2025-04-01", 2, "from_code is empty"),
        ("RX1,,merger,1,2025-04-01", 2, "to_code is empty"),
        ("RX1,RX9,closure,1,2025-04-01", 2, "a closure has a successor"),
        ("RX1,RX1,rename,1,2025-04-01", 2, "a code succeeds itself"),
        ("RX1,RX9,merger,1,2025-04-01\nRX1,RX9,merger,1,2025-04-01", 3, "the succession is stated twice"),
        ("RX1,RX9,merger,1,2025-04-01\nRX1,RX8,merger,1,2026-04-01", 2, "the code ends on several days"),
        ("RX5,RX6,merger,1,2025-04-01\nRX6,RX5,merger,1,2025-05-01", 3, "the successions form a circle"),
        ("A,B,rename,1,2023-04-01\nB,C,rename,1,2024-04-01\nC,A,rename,1,2025-04-01", 4, "the successions form a circle"),
        ("A,B,rename,1,2025-04-01\nB,C,rename,1,2024-04-01", 2, "the successor had already ended"),
    ],
)  # fmt: skip
def test_a_succession_that_cannot_be_right_is_refused(tmp_path: Path, lines: str, line: int, rule: str) -> None:
    message = refusal(tmp_path, "organisation_succession", lines)
    assert f"line {line}: {rule} (" in message
    assert message.startswith("file.csv is refused")


@pytest.mark.parametrize(
    "lines",
    [
        "RX1,RX9,merger,1,2025-04-01\nRX2,RX9,Merger,1.0,01/04/2025",
        "RX1,RX9,split,0.333,2025-04-01\nRX1,RX8,split,0.333,2025-04-01\nRX1,RX7,acquisition,0.333,2025-04-01",
        "RX1,,closure,,2025-04-01",
        "A,B,rename,1,2024-04-01\nB,C,rename,1,2025-04-01",
        "A,B,rename,1,2024-04-01\nB,C,rename,1,2030-04-01",
    ],
)
def test_a_succession_that_can_be_right_is_read(tmp_path: Path, lines: str) -> None:
    assert refusal(tmp_path, "organisation_succession", lines) == ""


@pytest.mark.parametrize(
    ("lines", "line", "rule"),
    [
        ("Y1,U1,practice_pcm,2024-04-01,", 2, "the relation is unknown"),
        ("Y1,U1,,2024-04-01,", 2, "the relation is unknown"),
        (",U1,practice_pcn,2024-04-01,", 2, "child_code is empty"),
        ("Y1,,practice_pcn,2024-04-01,", 2, "parent_code is empty"),
        ("U1,U1,practice_pcn,2024-04-01,", 2, "an organisation is part of itself"),
        ("Y1,U1,practice_pcn,,", 2, "valid_from is empty"),
        ("Y1,U1,practice_pcn,April,", 2, "valid_from is no day"),
        ("Y1,U1,practice_pcn,2024-04-01,2024-02-30", 2, "valid_to is no day"),
        ("Y1,U1,practice_pcn,2024-04-01,2024-03-31", 2, "valid_to is before valid_from"),
        ("Y1,U1,practice_pcn,2020-04-01,\nY1,U2,practice_pcn,2024-04-01,", 3, "two periods of the same part and relation overlap"),
        ("Y1,U1,practice_pcn,2020-04-01,2024-04-01\nY1,U2,practice_pcn,2024-04-01,", 3, "two periods of the same part and relation overlap"),
    ],
)  # fmt: skip
def test_a_relation_that_cannot_be_right_is_refused(tmp_path: Path, lines: str, line: int, rule: str) -> None:
    assert f"line {line}: {rule} (" in refusal(tmp_path, "organisation_relations", lines)


def test_relations_that_follow_each_other_or_are_of_several_kinds_are_read(tmp_path: Path) -> None:
    lines = "Y1,U1,practice_pcn,2020-04-01,2024-03-31\nY1,U2,practice_pcn,2024-04-01,\nY1,N1,practice_neighbourhood,2020-04-01,"
    assert refusal(tmp_path, "organisation_relations", lines) == ""


@pytest.mark.parametrize(
    ("lines", "line", "rule"),
    [
        ("RX1,hospital,One,2020-04-01,", 2, "the role is unknown"),
        ("RX1,provider,One,2020-04-01,2020-01-01", 2, "valid_to is before valid_from"),
        ("RX1,provider,One,soon,", 2, "valid_from is no day"),
        ("RX1,provider,One,2020-04-01,never", 2, "valid_to is no day"),
        ("RX1,provider,One,2020-04-01,\nRX1,provider,Two,2024-04-01,", 3, "two periods of the same code overlap"),
    ],
)
def test_an_organisation_that_cannot_be_right_is_refused(tmp_path: Path, lines: str, line: int, rule: str) -> None:
    assert f"line {line}: {rule} (" in refusal(tmp_path, "organisations", lines)


@pytest.mark.skipif(not CASES.is_dir(), reason="the published cases are not next to the project")
def test_the_published_bad_file_is_refused_with_every_line(tmp_path: Path) -> None:
    lines = (CASES / "organisation_succession_bad.csv").read_text(encoding="utf-8").split("\n", 1)[1].strip()
    message = refusal(tmp_path, "organisation_succession", lines)
    assert all(f"line {line}: " in message for line in (2, 3, 5, 6, 7))

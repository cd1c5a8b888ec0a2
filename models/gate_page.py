"""The page of the gates, written from their declarations: `python -m models.gate_page` writes docs/gates.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from models.gate_declaration import ANSWERS, KIND, Gate
from models.gate_settings import GateSettings
from models.gates import GATES
from models.group_labels import kind_label
from models.settings import CandidateSettings, CapacitySettings

FILE = Path(__file__).parents[1] / "docs" / "gates.md"
SECTIONS: dict[str, type[BaseModel]] = {"gates": GateSettings, "candidates": CandidateSettings, "capacity": CapacitySettings}
HEAD = """# Gates

Written from the declarations in `models/gates.py` by `make docs`; do not edit it.

A gate is one question that every model is asked before it may be used. Its limits are settings of the study. An answer is based on
95% intervals, because with few events a figure may lie outside a limit by chance.

| answer | stored as | what it means |
|---|---|---|
| passed | `pass` | The model keeps the limits. |
| failed | `fail` | The model does not keep them. It is not eligible and cannot be approved. |
| not enough data to decide | `cannot_tell` | The figures allow neither answer. The model is eligible, and the approver decides. |

The answers and their reasons are in the model report, in the tags of the run in MLflow, and in the column `gates` of `risk__models`.
A waiver records that an approver accepts a gate without enough data, or a leak alarm that was looked into
([operations](operations.md#decisions)). A waiver is shown with the model and changes no answer."""


def gate_page() -> str:
    """Return the page as Markdown: a list of the gates, then a section for each."""
    lines = [HEAD, "", f"There are {len(GATES)} gates:", ""]
    lines += [f"* [{_title(gate)}](#{_anchor(_title(gate))})" for gate in GATES]
    for gate in GATES:
        lines += ["", f"## {_title(gate)}", "", *_section(gate)]
    return "\n".join(lines) + "\n"


def template_lines() -> Iterator[str]:
    """Yield what config/nhs_example.yaml says of each setting of the gates: its default, and the labels of the gates that use it."""
    for key in GateSettings.model_fields:
        users = [_title(gate) for gate in GATES if f"gates.{key}" in (*gate.settings, gate.kinds)]
        yield f"{key}: {_as_yaml(GateSettings.model_fields[key].default)}  # {'; '.join(users)}"


def missing_settings() -> list[str]:
    """Return what the declarations lack: settings of gates that no gate names, and settings that they name and that do not exist."""
    named = {setting for gate in GATES for setting in (*gate.settings, gate.kinds) if setting}
    unused = [f"no gate names the setting gates.{key}" for key in GateSettings.model_fields if f"gates.{key}" not in named]
    unknown = [f"a gate names the setting {setting}, which does not exist" for setting in sorted(named) if not _exists(setting)]
    return unused + unknown


def _title(gate: Gate) -> str:
    return gate.label.replace(KIND, "group")


def _anchor(title: str) -> str:
    return "".join(character for character in title.lower().replace(" ", "-") if character.isalnum() or character == "-")


def _section(gate: Gate) -> Iterator[str]:
    yield gate.explanation
    yield ""
    yield f"It is asked of {gate.asked_of}, and stored as `{gate.name.replace(KIND, '<kind>')}`."
    if gate.kinds:
        kinds = ", ".join(kind_label(kind) for kind in _default(gate.kinds))
        yield f"It is asked once for each kind of groups in `study.{gate.kinds}`: {kinds} unless set."
    yield from ("", "| setting | default | what it limits |", "|---|---|---|")
    for setting in (*gate.settings, *([gate.kinds] if gate.kinds else ())):
        yield f"| `study.{setting}` | {_as_yaml(_default(setting))} | {_description(setting)} |"
    if not gate.settings:
        yield "| none | | It has no limit to set. |"
    meaning = gate.meaning
    yield ""
    for answer, text in zip(ANSWERS.values(), (meaning.passed, meaning.failed, meaning.undecided), strict=True):
        yield f"* **{answer.capitalize()}**: {text}"


def _exists(setting: str) -> bool:
    section, _, key = setting.partition(".")
    return section in SECTIONS and key in SECTIONS[section].model_fields


def _default(setting: str) -> Any:
    section, _, key = setting.partition(".")
    return SECTIONS[section].model_fields[key].default


def _description(setting: str) -> str:
    section, _, key = setting.partition(".")
    text = (SECTIONS[section].model_fields[key].description or "").replace("|", "/")
    return text[:1].upper() + text[1:]


def _as_yaml(value: object) -> str:
    return f"[{', '.join(_as_yaml(part) for part in value)}]" if isinstance(value, tuple) else f"{value}"


if __name__ == "__main__":
    FILE.write_text(gate_page(), encoding="utf-8")

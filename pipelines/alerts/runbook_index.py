"""The index of the runbooks, written from the alert rules: `python -m pipelines.alerts.runbook_index` writes docs/runbooks/README.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipelines.alerts.rule_declaration import RUNBOOKS, AlertRule
from pipelines.alerts.rules import RULES

ROOT = Path(__file__).parents[2]
FILE = ROOT / RUNBOOKS / "README.md"
HEAD = """# Runbooks

Written from the alert rules in `pipelines/alerts/rules.py` by `make docs`; do not edit it.

Each alert of `monitoring__alerts` names its rule and the page that says what to do. Limits are settings below `alerts.rules`. A rule
whose limit is null or false is off.

| alert | rule | what it means | setting | default |
|---|---|---|---|---|"""
PARTS = ("**What it means.**", "**Check first**", "**Then**")


def runbook_index(rules: Sequence[AlertRule] = RULES) -> str:
    """Return the index as Markdown."""
    rows = [
        f"| [{rule.label}]({rule.name}.md) | `{rule.name}` | {rule.explanation} | `alerts.rules.{rule.setting.name}` | {as_yaml(rule.setting.default)} |"
        for rule in rules
    ]
    return "\n".join([HEAD, *rows]) + "\n"


def template_line(rule: AlertRule) -> str:
    """Return what config/nhs_example.yaml says of a rule: its setting's default, and its label."""
    return f"{rule.setting.name}: {as_yaml(rule.setting.default)}  # {rule.label}: {rule.setting.description}"


def as_yaml(value: object) -> str:
    """Return a default as it is written in YAML."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"[{', '.join(as_yaml(part) for part in value)}]" if isinstance(value, tuple) else str(value)


if __name__ == "__main__":
    FILE.write_text(runbook_index(), encoding="utf-8")

"""Every gate is declared whole: it has an example in which it does not pass, lines in the configuration's template and an entry in the docs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.special import expit, logit

from models.copied_periods import LABEL, Copy, copied_period_gate
from models.gate_declaration import ANSWERS, GateResult, JudgedRows
from models.gate_page import FILE, gate_page, missing_settings, template_lines
from models.gate_settings import GateSettings
from models.gates import GATES, declaration_of, judge, label_of, line_of, worse_than_incumbent
from models.intervals import Estimate
from models.settings import CapacitySettings

TEMPLATE = (Path(__file__).parents[3] / "config" / "nhs_example.yaml").read_text(encoding="utf-8")
ROWS = 40_000


def board() -> JudgedRows:
    """Return people whose risks are right: age and illness drive the outcome, in five quintiles alike."""
    rng = np.random.default_rng(1)
    age, quintile = rng.uniform(0, 95, ROWS), rng.integers(1, 6, ROWS)
    illness = rng.poisson(1.0, ROWS)
    risk = expit(-3.2 + 0.03 * (age - 50) + 0.5 * illness)
    bands = np.array(["0-17", "18-64", "65-79", "80+"])[np.searchsorted([18, 65, 80], age, side="right")]
    groups = pd.DataFrame({"imd_quintile": quintile, "ethnic_group": "white", "age_band": bands})
    needs = pd.DataFrame({"long_term_conditions": illness.astype(float)})
    labels = (rng.random(ROWS) < risk).astype(int)
    return JudgedRows(risk, expit(-2.7 + 0.03 * (age - 50)), labels, np.arange(ROWS), groups, None, needs)


def changed(change: Callable[[JudgedRows, np.ndarray], np.ndarray]) -> list[GateResult]:
    """Return the answers after a change of the risks; the change is given the people of quintile 1."""
    fair = board()
    risk = change(fair, (fair.groups["imd_quintile"] == 1).to_numpy())
    return answers(JudgedRows(risk, fair.baseline_risk, fair.labels, fair.person, fair.groups, None, fair.needs))


def answers(judged: JudgedRows, features: float = 0.7, training_events: int = 1000) -> list[GateResult]:
    single = {"a_feature": Estimate(features, features - 0.01, features + 0.01, 0.005)}
    return list(judge(judged, single, training_events, 100, GateSettings(), CapacitySettings(), seed=1))


def iller() -> list[GateResult]:
    fair = board()
    needs = fair.needs + 2.0 * (fair.groups[["imd_quintile"]] == 1).to_numpy()
    return answers(JudgedRows(fair.risk, fair.baseline_risk, fair.labels, fair.person, fair.groups, None, needs))


def copied() -> list[GateResult]:
    return [copied_period_gate([Copy(LABEL, date(2023, 1, 1), date(2022, 1, 1), 400, True)], [])]


def worse() -> list[GateResult]:
    gate = "calibration_overall"
    return [worse_than_incumbent([GateResult(gate, "fail", "")], [GateResult(gate, "pass", "")])]


# An example for each gate in which it does not pass.
EXAMPLES: dict[str, Callable[[], list[GateResult]]] = {
    "discrimination_above_baseline": lambda: changed(lambda fair, _: np.full(ROWS, fair.labels.mean())),
    "calibration_overall": lambda: changed(lambda fair, _: fair.risk / 1.5),
    "calibration_slope": lambda: changed(lambda fair, _: expit(1.6 * logit(fair.risk))),
    "calibration_by_{kind}": lambda: changed(lambda fair, first: np.where(first, fair.risk / 1.5, fair.risk)),
    "calibration_slope_by_{kind}": lambda: changed(lambda fair, first: np.where(first, expit(2 * logit(fair.risk)), fair.risk)),
    "sensitivity_by_{kind}": lambda: changed(lambda fair, first: np.where(first, fair.risk / 6, fair.risk)),
    "need_within_score_by_{kind}": iller,
    "no_single_feature": lambda: answers(board(), features=0.97),
    "auroc_alarm": lambda: changed(lambda fair, _: 0.02 + 0.9 * fair.labels),
    "enough_events": lambda: answers(board(), training_events=40),
    "no_copied_period": copied,
    "no_worse_than_incumbent": worse,
}


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
def test_every_gate_has_an_example_in_which_it_does_not_pass(gate) -> None:
    assert gate.name in EXAMPLES, f"the gate '{gate.name}' has no test: add an example to EXAMPLES in {Path(__file__).name}"
    found = [result for result in EXAMPLES[gate.name]() if gate.kind_of(result.gate) is not None]
    assert found, f"the example of '{gate.name}' does not ask it"
    assert any(result.answer != "pass" for result in found), [result.reason for result in found]


@pytest.mark.parametrize("line", template_lines())
def test_every_setting_of_a_gate_has_a_line_in_the_template_with_its_default_and_the_gates_that_use_it(line: str) -> None:
    assert f"  #   {line}\n" in TEMPLATE, f"config/nhs_example.yaml lacks, below study.gates, the line '#   {line}'"
    assert yaml.safe_load(line)


def test_every_setting_belongs_to_a_gate_and_every_gate_names_settings_that_exist() -> None:
    assert missing_settings() == []


def test_the_page_of_the_gates_is_current_and_has_a_section_for_each() -> None:
    page = FILE.read_text(encoding="utf-8")
    for gate in GATES:
        assert f"`{gate.name.replace('{kind}', '<kind>')}`" in page, (
            f"docs/gates.md has no section for '{gate.name}': run make docs"
        )
        assert all(f"`study.{setting}`" in page for setting in gate.settings), f"docs/gates.md lacks a setting of '{gate.name}'"
    assert page == gate_page(), "run: make docs"


def test_every_stored_name_has_one_declaration_and_a_label_without_raw_names() -> None:
    stored = [name for gate in GATES for name, _ in gate.names(GateSettings())]
    assert len(stored) == len(set(stored))
    for name in stored:
        matching = [gate for gate in GATES if gate.kind_of(name) is not None]
        assert len(matching) == 1, name
        assert "_" not in label_of(name)
    assert label_of("calibration_slope_by_imd_quintile") == "Calibration slope by deprivation quintile"
    assert label_of("need_within_score_by_region_of_work") == "Need at the same score by region of work"


def test_an_answer_of_an_earlier_version_is_still_readable() -> None:
    assert declaration_of("a_gate_of_before") is None
    assert line_of("a_gate_of_before", "pass", "it was so").text == "a gate of before: passed. it was so"
    assert set(ANSWERS.values()) == {"passed", "failed", "not enough data to decide"}

"""Conditions from the files of a synthetic ICB of 10,000 people: who has them now, of whom they are planted, and an example to read."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from recount.landed_boards import take_in

from features.code_lists import load_code_lists
from features.long_term_conditions import CONDITIONS, current_name, lists_of
from features.registers import REGISTERS, Register
from models.disclosure_control import shown_share
from models.estimators import candidate_specs
from models.explanation import drivers
from models.fitting import Fitting
from models.predictors import Predictor, predictors_from_catalogue
from models.settings import BandSettings, CandidateSettings
from models.splitting import person_folds
from models.training import TrainingPlan, train_candidate
from models.training_data import training_data
from pipelines.lake.storage import Lake
from pipelines.reports.monitoring.register_part import register_part
from pipelines.sources.synthetic.areas_and_practices import made_up_places
from pipelines.sources.synthetic.block import Block, draw_block
from pipelines.sources.synthetic.conditions import NAMES, POSITION, RESOLVES
from pipelines.sources.synthetic.extracts import gp_pseudonyms
from pipelines.sources.synthetic.landing_files import write_board
from pipelines.sources.synthetic.settings import SyntheticSettings
from pipelines.stages import building, conforming

pytestmark = pytest.mark.slow
LISTS = load_code_lists()
SETTINGS = SyntheticSettings(people=10_000, start_date=date(2023, 1, 1), defects={"enabled": False})  # type: ignore[arg-type]
RESOLVED_DATE, LAST_DATE = date(2025, 1, 1), date(2026, 1, 1)
NEVER_CODED = 0.06  # share of conditions that no GP records
ASTHMA, ASTHMA_RESOLVED, DIABETES, TYPE_2 = "195967001", "162660004", "73211009", "44054006"
# People without any condition, and what is added to their GP records.
EXAMPLES = {
    "resolved and back": (("2023-03-01", ASTHMA), ("2024-06-01", ASTHMA_RESOLVED), ("2025-09-01", ASTHMA)),
    "diagnosed and resolved in a year": (("2024-03-01", ASTHMA), ("2024-06-01", ASTHMA_RESOLVED)),
    "not resolved": (("2024-03-01", ASTHMA),),
    "diabetes without a type": (("2024-03-01", DIABETES),),
    "diabetes with and without a type": (("2024-03-01", TYPE_2), ("2024-05-01", DIABETES)),
}


@dataclass(frozen=True)
class Icb:
    """The lake of the ICB, what was drawn for it, and the examples' pseudonyms."""

    lake: Lake
    block: Block
    example: dict[str, str]

    def rows(self, day: date) -> pd.DataFrame:
        """Return the features of an index date by pseudonym."""
        return self.lake.read("features__person", "*", f"index_date = '{day}'").to_pandas().set_index("person_id")


@pytest.fixture(scope="module")
def icb(tmp_path_factory: pytest.TempPathFactory) -> Icb:
    home = tmp_path_factory.mktemp("conditions")
    write_board(SETTINGS, home / "landing")
    block = draw_block(SETTINGS, made_up_places(SETTINGS), 0)
    example = _add_examples(home / "landing" / "gp_observations", block)
    deployment = take_in(home)
    conforming.write_code_list_use(deployment)
    building.build_catalogue(deployment)
    for day in (RESOLVED_DATE, LAST_DATE):
        building.build_features(deployment, day)
    return Icb(deployment.lake, block, example)


def _add_examples(folder: Path, block: Block) -> dict[str, str]:
    """Add entries to the GP records of people who never have a condition, and return their pseudonyms."""
    (file,) = folder.glob("*.csv")
    with file.open(encoding="utf-8", newline="") as lines:
        sent = list(csv.DictReader(lines))
    lives, last = block.lives, block.lives.month_starts[-1]
    start = lives.month_starts[0]
    healthy = (
        (lives.onset > last).all(axis=1) & (lives.first <= start) & (lives.last >= last) & (block.people.birth < last - 40 * 365)
    )
    ids = np.asarray(gp_pseudonyms(SETTINGS, block).to_pylist())
    template = {row["PERSON_ID"]: row for row in sent if not row["RESULT_VALUE"]}
    opted_out = set(ids[block.opt_outs.person])
    people = [one for one in ids[healthy] if one in template and one not in opted_out][: len(EXAMPLES)]
    example = dict(zip(EXAMPLES, people, strict=True))
    number = 0
    with file.open("a", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, list(sent[0]))
        for name, entries in EXAMPLES.items():
            for day, code in entries:
                number += 1
                writer.writerow(
                    template[example[name]] | {"ID": f"X{number:012d}", "CLINICAL_EFFECTIVE_DATE": day, "DATE_RECORDED": day,
                                               "OBSERVATION_SOURCE_CONCEPT_ID": code}
                )  # fmt: skip
    return example


def test_the_codes_of_the_examples_are_on_the_lists() -> None:
    assert ASTHMA_RESOLVED in LISTS["asthma_resolved"].codes("snomed")
    assert ASTHMA in LISTS["asthma"].codes("snomed")
    assert DIABETES in LISTS["diabetes"].codes("snomed")
    assert not any(LISTS[name].covers("snomed", DIABETES) for name in ("type_1_diabetes", "type_2_diabetes"))


def test_resolved_asthma_is_not_present_until_it_is_diagnosed_again(icb: Icb) -> None:
    names = [
        "asthma_ever",
        "asthma_current",
        "asthma_new_365d",
        "asthma_years",
        "long_term_conditions",
        "physical_conditions",
        "new_conditions_365d",
    ]

    def values(day: date, example: str) -> list[float | None]:
        found = icb.rows(day).loc[icb.example[example], names].astype(float).round(2)
        return [None if np.isnan(value) else value for value in found]

    assert values(RESOLVED_DATE, "resolved and back") == [1, 0, 0, None, 0, 0, 0]
    assert values(LAST_DATE, "resolved and back") == [1, 1, 0, 2.84, 1, 1, 0]
    assert values(RESOLVED_DATE, "diagnosed and resolved in a year") == [1, 0, 0, None, 0, 0, 0]
    assert values(RESOLVED_DATE, "not resolved") == [1, 1, 1, 0.84, 1, 1, 1]


def test_no_driver_of_resolved_asthma_is_named_asthma(icb: Icb) -> None:
    rows = icb.rows(RESOLVED_DATE)
    frame = rows[rows["gp_covered"]].reset_index()
    predictors = [
        one for one in predictors_from_catalogue(icb.lake.read("features__catalogue").to_pandas()) if one.concept == "asthma"
    ]
    assert {one.name for one in predictors} == {"asthma_current", "asthma_new_365d", "asthma_years"}
    named = _driver(frame, predictors)
    assert named[icb.example["resolved and back"]] == "Asthma, current: no"
    assert named[icb.example["diagnosed and resolved in a year"]] == "Asthma, current: no"
    assert named[icb.example["not resolved"]] == "Asthma, current"


def _driver(frame: pd.DataFrame, predictors: list[Predictor]) -> dict[str, str]:
    """Return each person's only driver of a model of a few predictors, whose outcome follows the first of them."""
    settings = CandidateSettings(names=("logistic",), minimum_events=20)
    labels = ((frame[predictors[0].name] > 0) ^ (np.arange(len(frame)) % 5 == 0)).astype(int).to_numpy()
    data = training_data(frame, tuple(predictors), labels, frame["person_id"].to_numpy())
    plan = TrainingPlan("admission", 365, settings, BandSettings(), Fitting(1))
    spec = candidate_specs(settings, data.predictors)[0][0]
    model = train_candidate(spec, data, person_folds(data.person, 3, 1), plan).model
    return drivers(model, frame, 1).set_index("person_id")["driver"].to_dict()


def test_diabetes_counts_once_with_and_without_a_type(icb: Icb) -> None:
    names = ["diabetes_current", "type_2_diabetes_current", "long_term_conditions", "physical_conditions", "conditions_for_review",
             "new_conditions_365d", "hba1c_overdue"]  # fmt: skip
    rows = icb.rows(RESOLVED_DATE)[[*names, "hba1c_455d"]]
    for example, of_type in (("diabetes without a type", 0), ("diabetes with and without a type", 1)):
        row = rows.loc[icb.example[example]]
        assert row[names].tolist() == [1, of_type, 1, 1, 1, 1, 1 - row["hba1c_455d"]]


def test_some_people_with_diabetes_have_no_type_recorded_and_they_count(icb: Icb) -> None:
    rows = icb.rows(LAST_DATE)
    untyped = rows[(rows["diabetes_current"] > 0) & (rows["type_1_diabetes_ever"] == 0) & (rows["type_2_diabetes_ever"] == 0)]
    assert 0.02 < len(untyped) / (rows["diabetes_current"] > 0).sum() < 0.15
    assert (untyped["conditions_for_review"] > 0).all()


@pytest.mark.parametrize("register", REGISTERS, ids=lambda register: register.code)
def test_the_prevalence_of_a_register_is_what_was_planted(register: Register, icb: Icb) -> None:
    rows = icb.rows(LAST_DATE)
    rows = rows[rows["gp_covered"] & (rows["age_years"] >= register.least_age)]
    counted, planted = (rows[register.feature(LISTS)] > 0).sum(), _planted(icb, register.condition).loc[rows.index].sum()
    assert planted >= 30
    assert _is_close(counted, planted)
    shown = {row["register"]: (row["share"], row["result"]) for row in register_part(icb.lake)["rows"]}[register.code]
    assert shown == (f"{shown_share(counted, len(rows)):.1%}", "as expected")


@pytest.mark.parametrize("condition", [name for name in CONDITIONS if name in NAMES and "_diabetes" not in name])
def test_the_prevalence_of_every_planted_condition_is_what_was_planted(condition: str, icb: Icb) -> None:
    rows = icb.rows(LAST_DATE)
    rows = rows[rows["gp_covered"]]
    counted, planted = (rows[current_name(condition, LISTS)] > 0).sum(), _planted(icb, condition).loc[rows.index].sum()
    assert planted > 0
    assert _is_close(counted, planted)


def _is_close(counted: int, planted: int) -> bool:
    """Return whether the people counted are 0.9 to 1.1 times those planted, from 100 people.

    Of fewer people, more or fewer may be without a code by chance: two standard deviations.
    """
    chance = 0 if planted >= 100 else 2 * np.sqrt(NEVER_CODED * (1 - NEVER_CODED) * planted)
    return bool(0.9 * planted - chance <= counted <= 1.1 * planted + chance)


def _planted(icb: Icb, condition: str) -> pd.Series:
    """Return by pseudonym whether a person has a condition on the last day, as drawn."""
    end = np.full(len(icb.block.people), icb.block.lives.month_starts[-1])
    has = icb.block.lives.has_each(np.arange(len(end)), end)
    of_types = [POSITION[name] for name in lists_of(condition) if name in POSITION]
    return pd.Series(has[:, of_types].any(axis=1), gp_pseudonyms(SETTINGS, icb.block).to_pylist())


def test_no_list_of_a_condition_is_far_from_what_is_published(icb: Icb) -> None:
    lists = icb.lake.read("monitoring__code_lists", "list, result", "expected_share IS NOT NULL").to_pylist()
    assert len(lists) > 25
    assert {row["list"]: row["result"] for row in lists if row["result"] not in ("matched", "few_people")} == {}


def test_a_feature_of_a_condition_that_can_end_is_empty_where_the_condition_is_not_current(icb: Icb) -> None:
    rows = icb.rows(LAST_DATE)
    for name in (*RESOLVES, "diabetes"):
        ended = rows[(rows[f"{name}_current"] == 0) & (rows[f"{name}_ever"] > 0)]
        assert len(ended) > 0 or name not in ("asthma", "depression", "epilepsy", "hypertension", "diabetes"), name
        assert ended[f"{name}_years"].isna().all() and (ended[f"{name}_new_365d"] == 0).all(), name
        assert rows.loc[rows[f"{name}_current"] > 0, f"{name}_years"].notna().all(), name

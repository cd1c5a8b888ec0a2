"""One run makes care and planning outputs: people with only a national data opt-out are on the lists, and in no rate.

The extracts of a small ICB come with a national list. The list has expired at the first run. It is valid at the second. Then recorded
decisions state that the opt-out does not apply to planning outputs, and that it applies to training.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from models.disclosure_control import rounded, shown_share, three_figures
from pipelines.lake.storage import Lake
from pipelines.sources.synthetic.landing_files import write_board
from pipelines.sources.synthetic.settings import SyntheticSettings
from pipelines.stages import outside

pytestmark = pytest.mark.slow

PEOPLE, DAY = 2_500, "2026-01-01"
VALID, EXPIRED = date(2026, 1, 20), date(2026, 1, 21)  # the list was submitted on 30 December and may be used for 21 days
FEEDS = (
    "patients", "registrations", "addresses", "type_1_objections", "national_opt_outs", "admissions", "emergency_attendances",
    "outpatient_appointments", "gp_observations", "gp_medication_orders",
)  # fmt: skip
CONFIG = """
deployment: a_board
purpose: {{use: finding_people_for_care, approval: Synthetic people; no approval needed, approval_expires: 2099-12-31}}
source: {{kind: nhs, nhs: {{landing: extracts, feeds: {{{feeds}}}}}}}
reference:
  deprivation:
    - {{edition: 2025, file: reference/File_7_IoD2025_All_Ranks_Scores_Deciles_Population_Denominators.csv}}
    - {{edition: 2019, file: reference/File_7_-_All_IoD2019_Scores__Ranks__Deciles_and_Population_Denominators_3.csv}}
  lsoa_changes: reference/LSOA11_LSOA21_lookup.csv
  lsoa_places: reference/LSOA21_SICBL_ICB_lookup.csv
  organisations: reference/organisations.csv
  organisation_relations: reference/organisation_relations.csv
  organisation_succession: reference/organisation_successions.csv
validation: {{limits: {{single_value: 0}}}}
study:
  name: small_study
  index_dates: {{train: [2023-07-01], test: 2024-10-01}}
  candidates: {{names: [age_sex, logistic], minimum_events: 20, logistic: {{prior_variances: [0.01], spline_knots: 3}}}}
  gates: {{minimum_events: 5000, minimum_slope_events: 5000}}
  bands: {{names: [low, moderate, high], cuts: [0.05, 0.15]}}
  driver_bands: 1
  approval: {{role: Test approver, reason: Synthetic people only, day: 2026-01-01}}
"""


@dataclass
class Board:
    """The files of the ICB, the commands, and who objects: pseudonyms with a national opt-out, and with a type 1 opt-out as well."""

    config: Path
    home: Path
    strata: Callable[..., int]
    national: frozenset[str]
    type_1: frozenset[str]

    @property
    def lake(self) -> Lake:
        return Lake(self.home / "lake")

    def listed(self) -> set[str]:
        return set(self.lake.read("risk__caseload", "person_id", "listed")["person_id"].to_pylist())

    def rates(self) -> pd.DataFrame:
        rates = self.lake.read("equity__outcome_rates", where="measure = 'crude_rate' AND outcome NOT LIKE '%death'").to_pandas()
        return rates.set_index(["period", "group_kind", "group_name"])[["people", "events", "suppressed"]]

    def labelled(self) -> pd.DataFrame:
        labels = self.lake.read("risk__labels", "person_id, index_date, label", "label IS NOT NULL").to_pandas()
        features = self.lake.read("features__person", "person_id, index_date, imd_quintile, sex_name").to_pandas()
        return labels.merge(features, on=["person_id", "index_date"], validate="one_to_one").assign(
            period=lambda rows: rows["index_date"].astype(str)
        )

    def decide(self, subject: str, *more: str) -> None:
        said = ("--role", "Caldicott Guardian", "--reason", "CAG 12 states it", *more)
        assert self.strata(self.home, "decide", str(self.config), "national_opt_out", subject, *said) == 0


@pytest.fixture(scope="module")
def board(strata: Callable[..., int], tmp_path_factory: pytest.TempPathFactory) -> Board:
    folder = tmp_path_factory.mktemp("purposes")
    settings: dict[str, Any] = {
        "people": PEOPLE,
        "start_date": "2022-01-01",
        "national_opt_out_share": 0,
        "type_1_opt_out_share": 0,
    }
    write_board(SyntheticSettings.model_validate({**settings, "defects": {"enabled": False}}), folder / "extracts")
    shutil.move(folder / "extracts" / "reference", folder / "reference")
    people = pd.read_csv(folder / "extracts" / "patients" / f"patients_{DAY}.csv", dtype=str)
    national, type_1 = people[::8], people[::80]
    rows = national["PERSON_ID"].map(lambda person: f"{person},OPTED_OUT,2025-12-30\n")
    write(folder, "national_opt_outs", "PERSON_ID,LIST,SUBMISSION_DATE\n" + "".join(rows))
    rows = type_1["PERSON_ID"] + "," + type_1["REGISTERED_PRACTICE_ORGANISATION_ID"] + ",1,2025-06-01\n"
    write(folder, "type_1_objections", "PERSON_ID,ORGANISATION_ID,STATUS,EFFECTIVE_DATE\n" + "".join(rows))
    feeds = ", ".join(f"{feed}: {{load: snapshot, pseudonymised: true}}" for feed in FEEDS)
    config = folder / "a_board.yaml"
    config.write_text(CONFIG.format(feeds=feeds))
    return Board(config, folder / "home", strata, frozenset(national["PERSON_ID"]), frozenset(type_1["PERSON_ID"]))


def write(folder: Path, feed: str, text: str) -> None:
    (folder / "extracts" / feed).mkdir(parents=True, exist_ok=True)
    (folder / "extracts" / feed / f"{feed}_{DAY}.csv").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def on(board: Board) -> Iterator[Callable[[date], int]]:
    """Return the function that runs the pipeline as on a day, with the exit code."""
    with pytest.MonkeyPatch.context() as patch:

        def run(day: date) -> int:
            patch.setattr(outside, "today_in_london", lambda: day)
            return board.strata(board.home, "run", str(board.config))

        yield run


def test_an_expired_list_stops_planning_outputs_and_not_the_lists(
    board: Board, on: Callable[[date], int], capfd: pytest.CaptureFixture[str]
) -> None:
    assert on(EXPIRED) == 1
    message = capfd.readouterr().err
    assert f"valid until {VALID}, so planning outputs must not be made on {EXPIRED}" in message
    assert not board.lake.exists("equity__outcome_rates")
    assert board.lake.exists("monitoring__scores")  # what is no planning output went on
    listed = board.listed()
    assert listed & (board.national - board.type_1), "people with only a national data opt-out are on the lists"
    assert not listed & board.type_1


def test_with_a_valid_list_rates_lack_exactly_those_who_opted_out(
    board: Board, on: Callable[[date], int], capfd: pytest.CaptureFixture[str]
) -> None:
    listed = board.listed()
    assert on(VALID) == 0
    printed = " ".join(capfd.readouterr().out.split())
    assert board.listed() == listed
    rows, rates = board.labelled(), board.rates()
    counted = rows[~rows["person_id"].isin(board.national)]
    assert len(counted) < len(rows) and counted["label"].sum() < rows["label"].sum()
    check(counted, rates)
    population = board.lake.read("equity__planning_population", order="period").to_pylist()
    cohorts = board.lake.read("features__person", "person_id, index_date").to_pandas().astype({"index_date": str})
    assert [row["period"] for row in population] == sorted(cohorts["index_date"].unique())
    for row in population:
        people = cohorts.loc[cohorts["index_date"] == row["period"], "person_id"]
        opted_out = int(people.isin(board.national).sum())
        assert (row["people"], row["people_excluded"]) == (rounded(len(people)), rounded(opted_out))
        assert row["share_excluded"] == three_figures(shown_share(opted_out, len(people)))
    shares = {row["period"]: row["share_excluded"] for row in population}
    latest = rates.index.get_level_values("period").max()
    assert f"{shares[latest]:.1%} of people are excluded because of the national data opt-out." in printed


def check(counted: pd.DataFrame, rates: pd.DataFrame) -> None:
    """Check the shown counts of everyone, of quintiles and of sexes against the rows that are counted."""
    seen = 0
    for kind, column in (("all", None), ("imd_quintile", "imd_quintile"), ("sex_name", "sex_name")):
        names = "all" if column is None else counted[column].fillna("not_known").astype(str).str.removesuffix(".0")
        for (period, name), of_group in counted.assign(name=names).groupby(["period", "name"]):
            row = rates.loc[(period, kind, name)]
            if not row["suppressed"]:
                assert (row["people"], row["events"]) == (rounded(len(of_group)), rounded(int(of_group["label"].sum())))
                seen += 1
    assert seen >= 8


def test_recorded_decisions_include_them_in_rates_and_exclude_them_from_training(
    board: Board, on: Callable[[date], int], capfd: pytest.CaptureFixture[str]
) -> None:
    before = board.lake.read("risk__models", "DISTINCT training_id")["training_id"].to_pylist()
    board.decide("planning: does not apply", "--expires", "2099-12-31")
    board.decide("training: applies")
    capfd.readouterr()
    assert on(EXPIRED) == 0  # no list is needed where the opt-out does not apply
    printed = " ".join(capfd.readouterr().out.split())
    check(board.labelled(), board.rates())
    (decision,) = set(board.lake.read("equity__planning_population", "decision_id")["decision_id"].to_pylist())
    assert f"it does not apply to planning outputs, by decision {decision} of" in printed
    assert "by Caldicott Guardian, until 2099-12-31." in printed
    trained = board.lake.read("risk__models", "training_id, mlflow_run_id", f"training_id <> '{before[0]}'").to_pylist()
    assert len(before) == 1 and len({row["training_id"] for row in trained}) == 1
    report = board.home / "mlartifacts" / trained[0]["mlflow_run_id"] / "artifacts" / "model_report.html"
    assert "People with a national data opt-out are not in the training data or the test set: decision" in report.read_text()
    audited = board.lake.read(
        "equity__model_audit",
        "DISTINCT people",
        f"training_id = '{trained[0]['training_id']}' AND group_kind = 'all' AND people IS NOT NULL",
    )["people"].to_pylist()
    tested = board.labelled().query("period == '2024-10-01'")
    assert max(audited) == len(tested[~tested["person_id"].isin(board.national)])


def test_without_the_decision_they_are_excluded_again(board: Board, on: Callable[[date], int]) -> None:
    (decision,) = set(board.lake.read("equity__planning_population", "decision_id")["decision_id"].to_pylist())
    said = ("--role", "Caldicott Guardian", "--reason", "The approval was withdrawn")
    assert board.strata(board.home, "decide", str(board.config), "withdrawal", decision, *said) == 0
    assert on(VALID) == 0
    rows = board.labelled()
    check(rows[~rows["person_id"].isin(board.national)], board.rates())

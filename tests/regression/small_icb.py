"""A small synthetic ICB whose extracts arrive in two monthly deliveries, as an ICB's own files do.

The synthetic source writes both deliveries at once. Here they become the files of an `nhs` source: lists are sent complete, hospital
activity restates twelve months, and the GP record arrives as additions.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest

from pipelines.sources.synthetic.identifiers import DUMMY_PSEUDONYM, nhs_numbers_for_tests
from pipelines.sources.synthetic.landing_files import write_board
from pipelines.sources.synthetic.settings import SyntheticSettings
from pipelines.stages import outside

PEOPLE = 2_000
FIRST, SECOND = "2025-12-01", "2026-01-01"
RESTATED_FROM = "2025-01-01"
# The column that dates a row of each feed that does not arrive complete.
DATE_COLUMNS = {
    "admissions": "Admission_Date", "emergency_attendances": "Arrival_Date", "outpatient_appointments": "Appointment_Date",
    "gp_observations": "CLINICAL_EFFECTIVE_DATE", "gp_medication_orders": "CLINICAL_EFFECTIVE_DATE",
}  # fmt: skip
PSEUDONYM = re.compile(r"P[0-9a-f]{16}")

CONFIG = """
deployment: {deployment}
home: home
purpose:
  use: finding_people_for_care
  approval: Synthetic people; no approval needed
  approval_expires: 2099-12-31
source:
  kind: nhs
  nhs:
    landing: extracts
    pseudonyms: {{key_file: pseudonym.key}}
    feeds:
      patients: {{load: snapshot, pseudonymised: {pseudonymised}}}
      registrations: {{load: snapshot, pseudonymised: {pseudonymised}}}
      addresses: {{load: snapshot, pseudonymised: {pseudonymised}}}
      opt_outs: {{load: snapshot, pseudonymised: {pseudonymised}}}
      admissions: {{load: {{replaces_months: 12}}, pseudonymised: {pseudonymised}}}
      emergency_attendances: {{load: {{replaces_months: 12}}, pseudonymised: {pseudonymised}}}
      outpatient_appointments: {{load: {{replaces_months: 12}}, pseudonymised: {pseudonymised}}}
      gp_observations: {{load: append, pseudonymised: {pseudonymised}}}
      gp_medication_orders: {{load: append, pseudonymised: {pseudonymised}}}
      actions: {{load: snapshot, pseudonymised: {pseudonymised}}}
reference:
  deprivation:
    - {{edition: 2025, file: reference/File_7_IoD2025_All_Ranks_Scores_Deciles_Population_Denominators.csv}}
    - {{edition: 2019, file: reference/File_7_-_All_IoD2019_Scores__Ranks__Deciles_and_Population_Denominators_3.csv}}
  lsoa_changes: reference/LSOA11_LSOA21_lookup.csv
  lsoa_places: reference/LSOA21_SICBL_ICB_lookup.csv
  rural_urban: reference/RUC21_LSOA21.csv
  organisations: reference/organisations.csv
  organisation_relations: reference/organisation_relations.csv
  organisation_succession: reference/organisation_successions.csv
  practice_list_sizes: reference/gp-reg-pat-prac-lsoa-all.csv
validation:
  least_month_rows: 60
study:
  name: emergency_admission
  index_dates: {{train: [2022-12-01, 2023-06-01], test: 2024-09-01}}
  candidates:
    names: [age_sex, logistic, lightgbm]
    minimum_events: 20
    logistic: {{prior_variances: [0.01], spline_knots: 3}}
    lightgbm: {{rounds: 30}}
  gates: {{minimum_events: 5000, minimum_slope_events: 5000}}
  bands: {{names: [low, moderate, high], cuts: [0.05, 0.15]}}
  driver_bands: 1
  approval: {{role: Test approver, reason: Synthetic people only, day: 2026-01-01}}
  also:
    - name: attendances
      outcome: {{name: ae_attendances_5, events: 2}}
      approval: {{role: Test approver, reason: Synthetic people only, day: 2026-01-01}}
"""


def write_deliveries(folder: Path, clear: bool = False, people: int = PEOPLE) -> None:
    """Write both deliveries below `folder/deliveries/<day>/` and the reference files below `folder/reference/`.

    With `clear`, each pseudonym is replaced by an NHS number of the range kept for tests.
    """
    board = folder / "board"
    settings = SyntheticSettings.model_validate(
        {"people": people, "start_date": "2021-01-01", "delivery_dates": [FIRST, SECOND], "defects": {"least_dummy_rows": 20}}
    )
    write_board(settings, board)
    numbers = _nhs_numbers(board) if clear else {}
    for file in sorted(file for file in board.glob("*/*.csv") if file.parent.name != "reference"):
        day = file.stem.rsplit("_", 1)[1]
        target = folder / "deliveries" / day / file.parent.name / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        text = _of_delivery(file, day) if file.parent.name in DATE_COLUMNS else file.read_bytes()
        target.write_bytes(_with_nhs_numbers(text, numbers))
    shutil.copytree(board / "reference", folder / "reference", dirs_exist_ok=True)
    shutil.rmtree(board)


@contextmanager
def as_on(day: str) -> Iterator[None]:
    """Let stages take a day as today: the national list of a delivery expires."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outside, "today_in_london", lambda: date.fromisoformat(day))
        yield


def deliver(folder: Path, day: str) -> None:
    """Copy one delivery into the landing folder."""
    shutil.copytree(folder / "deliveries" / day, folder / "extracts", dirs_exist_ok=True)


def _of_delivery(file: Path, day: str) -> bytes:
    """Return the lines of a feed that a delivery holds: those before the first delivery, or those restated or added by the second."""
    lines = file.read_bytes().splitlines(keepends=True)
    position = [name.strip(b'"\r\n') for name in lines[0].split(b",")].index(DATE_COLUMNS[file.parent.name].encode())
    since = (FIRST if file.parent.name.startswith("gp_") else RESTATED_FROM).encode()

    def is_held(line: bytes) -> bool:
        values = line.split(b",")
        value = values[position].strip(b'" \r\n') if len(values) > position else b""
        return value < FIRST.encode() if day == FIRST else value >= since

    return b"".join([lines[0], *(line for line in lines[1:] if is_held(line))])


def _nhs_numbers(board: Path) -> dict[str, str]:
    texts = (file.read_bytes().decode("latin-1") for file in sorted(board.glob("*/*.csv")))
    found = sorted({pseudonym for text in texts for pseudonym in PSEUDONYM.findall(text)} - {DUMMY_PSEUDONYM})
    return dict(zip(found, nhs_numbers_for_tests(len(found), 100_000), strict=True))


def _with_nhs_numbers(content: bytes, numbers: dict[str, str]) -> bytes:
    text = content.decode("latin-1")
    return PSEUDONYM.sub(lambda match: numbers.get(match[0], match[0]), text).encode("latin-1")

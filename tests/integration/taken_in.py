"""Small boards of files: written, taken in and validated by the stages, without the pages of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from pipelines.run.deployment import Deployment, open_deployment
from pipelines.stages import conforming, landing, organisations, run_plan
from pipelines.validation.validate import validate_feed

HEADERS = {
    "patients": "PERSON_ID,REGISTERED_PRACTICE_ORGANISATION_ID,BIRTH_YEAR,BIRTH_MONTH,SEX,ETHNIC_CATEGORY",
    "registrations": "PERSON_ID,ORGANISATION_ID,START_DATE,END_DATE",
    "admissions": "Der_Pseudo_NHS_Number,Hospital_Spell_No,Der_Provider_Code,Admission_Date,Discharge_Date,Admission_Method,"
    "Discharge_Destination,Source_of_Admission,Spell_Primary_Diagnosis,Der_Diagnosis_All,Sex",
    "emergency_attendances": "Der_Pseudo_NHS_Number,EC_Ident,Der_Provider_Code,Arrival_Date,EC_Department_Type,EC_Discharge_Status_SNOMED_CT,Sex",
    "outpatient_appointments": "Der_Pseudo_NHS_Number,OPA_Ident,Provider_Code,Appointment_Date,Attendance_Status",
    "gp_observations": "ID,PERSON_ID,ORGANISATION_ID,CLINICAL_EFFECTIVE_DATE,OBSERVATION_SOURCE_CONCEPT_ID,RESULT_VALUE",
}
CONFORM = (
    organisations.conform_organisations, conforming.conform_areas, conforming.conform_objections, conforming.conform_people, conforming.conform_registrations, conforming.conform_spells,
    conforming.conform_events,
)  # fmt: skip


def write_delivery(folder: Path, feed: str, day: date | str, lines: Sequence[str]) -> None:
    """Write a delivery of a feed, with the columns of HEADERS, to the landing folder of a board."""
    write_files(folder, {f"landing/{feed}/{feed}_{day}.csv": "\n".join([HEADERS[feed], *lines]) + "\n"})


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    for name, rows in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(rows)


def take_in(folder: Path, config: str) -> Deployment:
    """Open the board of a folder with a configuration, and take in and validate every feed. STRATA_HOME is its home."""
    (folder / "board.yaml").write_text(config)
    deployment = open_deployment(folder / "board.yaml")
    for table in run_plan.raw_tables(deployment):
        landing.ingest(deployment, table)
        with deployment.duckdb() as con:
            validate_feed(deployment.lake, con, table, run_plan.source(deployment).reading, deployment.settings.validation)
    return deployment


def conform(deployment: Deployment) -> Deployment:
    """Conform the people, spells and events of a board that was taken in."""
    for step in CONFORM:
        step(deployment)
    return deployment

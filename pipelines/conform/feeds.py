"""What conform needs to know of each feed: its declaration and which columns name the organisation, the day and the code."""

from __future__ import annotations

from collections.abc import Mapping

from expectations.catalogue import RAW_TABLES

Sources = Mapping[str, str]  # feed -> SQL, usable in FROM, of its validated rows

LIST_FEEDS = ("patients", "registrations", "addresses", "opt_outs")
HOSPITAL_FEEDS = ("admissions", "emergency_attendances", "outpatient_appointments")
GP_FEEDS = ("gp_observations", "gp_medication_orders")
EVENT_FEEDS = HOSPITAL_FEEDS + GP_FEEDS

DEPARTMENT = "lpad(department_type, 2, '0')"  # some senders write '1' for '01'
CODE_OF_FEED = {
    "emergency_attendances": ("department_type", DEPARTMENT),
    "outpatient_appointments": ("treatment_function", "treatment_function"),
    "gp_observations": ("snomed", "concept_code"),
    "gp_medication_orders": ("dmd", "medicine_code"),
}


def organisation_column(feed: str) -> str:
    """Name the column of a feed's sending organisation, or give '' where it has none."""
    table = RAW_TABLES[feed]
    return table.provider or ("practice_code" if any(column.name == "practice_code" for column in table.columns) else "")

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pipelines.conform.availability import AvailabilitySettings
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.core_tables import conform_events, conform_linkage, conform_people, conform_spells
from pipelines.conform.event import EventRequest
from pipelines.conform.linkage import LinkageSettings, check_linkage
from pipelines.errors import ValidationStop
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake


def test_a_list_of_patients_alone_is_a_list_on_which_no_one_may_be_missing(feed_rows, tmp_path: Path) -> None:
    rules, lags, lake = ClinicalRules(), AvailabilitySettings(), Lake(tmp_path / "o'lake")
    stay = {
        "provider_code": "RX1",
        "admission_date": date(2024, 1, 1),
        "discharge_date": date(2024, 1, 9),
        "admission_method": "21",
    }
    sources = {
        "patients": feed_rows("patients", *({"person_id": f"gp{n}", "practice_code": "Y00001", "birth_year": 1950} for n in range(3))),
        "admissions": feed_rows("admissions", *({"person_id": f"hospital{n}", "spell_number": str(n), **stay} for n in range(3))),
    }  # fmt: skip
    with connect() as con:
        conform_people(lake, con, sources, rules)
        conform_spells(lake, con, sources, rules, lags)
        conform_events(lake, con, sources, EventRequest(rules, lags, tmp_path / "o'work"))
        summary = conform_linkage(lake, con, sources)
    assert (summary["on_list_patients"], summary["on_list_admissions"]) == (1.0, 0.0)
    with pytest.raises(ValidationStop, match="admissions, ALL: 0 of 3 people"):
        check_linkage(lake.read("core__linkage").to_pandas(), LinkageSettings())

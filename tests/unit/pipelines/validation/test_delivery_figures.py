"""What one delivery's rows break: rules of the table that need no delivery before it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from unit.pipelines.validation.bench import PATIENT_HEADER, SPELL_HEADER, Bench, many, spell

from expectations.tables.raw_gp import PATIENTS
from expectations.tables.raw_hospital import ADMISSIONS
from pipelines.errors import ValidationStop
from pipelines.validation.validate import ValidationSettings

STRICT = ValidationSettings()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (SPELL_HEADER, "not_empty.* has no rows"),
        (SPELL_HEADER.replace("Admission_Method", "Method") + many(5), "columns_present.* has no column admission_method"),
        (SPELL_HEADER + many(30, method="ZZ"), "unknown_codes.*15 of 30 values of admission_method"),
        (SPELL_HEADER + many(10) + spell("p", "s", "RX1", "2025-01-03", "2025-01-01") * 5, r"share_set_aside.*5 of 15 rows"),
    ],
)
def test_a_broken_table_rule_stops(bench: Bench, content: str, words: str) -> None:
    bench.land("admissions", "2026-01-01", content)
    with pytest.raises(ValidationStop, match=words):
        bench.validate(STRICT, [ADMISSIONS])
    with pytest.raises(ValidationStop, match=words):
        bench.validate(STRICT, [ADMISSIONS])


def test_a_practice_below_its_published_list_is_a_warning(bench: Bench) -> None:
    people = "".join(f"p{n},Y00001,1950,6,{n % 2 + 1},0\n" for n in range(60))
    bench.land("patients", "2026-01-01", PATIENT_HEADER + people)
    lists = pd.DataFrame({"practice_code": ["Y00001"], "patients": [400]})
    found = bench.validate(STRICT, [PATIENTS], lists)["patients"]
    assert (
        found.warnings[0].words
        == "below_published_list, delivery of 2026-01-01: Y00001: 60 patients, 400 on the published list (15%) (limit 0.5)"
    )

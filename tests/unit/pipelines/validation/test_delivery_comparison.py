"""Deliveries that bring fewer rows than the one before, or the same value in every row."""

from __future__ import annotations

from pathlib import Path

import pytest
from unit.pipelines.validation.bench import SPELL_HEADER, Bench, many

from pipelines.errors import ValidationStop


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_collapsed_month_stops_and_says_where(bench: Bench) -> None:
    bench.land("admissions", "2025-03-01", SPELL_HEADER + many(60) + many(60, "2025-02"))
    bench.land("admissions", "2025-04-01", SPELL_HEADER + many(20) + many(60, "2025-02"))
    with pytest.raises(
        ValidationStop,
        match=r"month_collapsed, delivery of 2025-04-01: RX1 2025-01: 20 rows, 60 in the previous delivery \(33%\) \(limit 0\.5\)",
    ):
        bench.validate()
    with pytest.raises(ValidationStop, match=r"validation\.limits\.admissions\.month_collapsed"):
        bench.validate()


def test_a_column_that_froze_stops(bench: Bench) -> None:
    bench.land("admissions", "2025-03-01", SPELL_HEADER + many(60))
    bench.land("admissions", "2025-04-01", SPELL_HEADER + many(60).replace(",21\n", ",11\n"))
    with pytest.raises(ValidationStop, match=r"single_value.*admission_method has one value or none"):
        bench.validate()

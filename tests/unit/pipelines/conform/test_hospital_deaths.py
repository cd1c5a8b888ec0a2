"""Which statements of a death in hospital hold, which were taken back, and when the person was admitted again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.hospital_deaths import hospital_deaths_sql

DAY, LATER, DIED = date(2025, 2, 20), date(2025, 6, 1), date(2025, 3, 5)
BEFORE, NOW, AFTER = "2025-12-01", "2026-01-01", "2026-02-01"


def stated(
    delivered: str, *, day: str | None = "2025-03-05", died: bool = True, out: bool = False, replaced: bool = False
) -> str:
    """Return the SQL of a row that may state a death in stay S1 of ann."""
    discharged = f"DATE '{day}'" if day else "CAST(NULL AS DATE)"
    return f"""(SELECT 'ann' AS person_id, 'RX1' AS provider_code, 'S1' AS spell_number, DATE '{DAY}' AS admission_date, DATE '{delivered}' AS extract_date,
        {discharged} AS stated_date, {died} AS has_died, {out} AS is_set_aside, {replaced} AS is_replaced)"""


@pytest.mark.parametrize(
    ("method", "stay", "expected"),
    [
        ("1", "", "nothing"),
        ("4", "", "day"),
        ("1", stated(NOW, out=True), "day"),  # another row of the stay in the same delivery
        ("1", stated(AFTER, out=True), "day"),  # a later row that cannot be used
        ("1", stated(AFTER, day=None, out=True), "undated"),
        ("1", stated(BEFORE), "taken_back"),
        ("1", stated(BEFORE, day=None), "taken_back"),
        ("1", stated(NOW, replaced=True), "taken_back"),
        ("4", stated(BEFORE), "day"),
        (None, stated(NOW, out=True), "day"),  # no row of the stay can be used
        (None, stated(BEFORE), "taken_back"),  # a later delivery omits the stay
        ("1", stated(NOW, died=False, out=True), "not_readable"),
        ("1", stated(BEFORE, died=False), "nothing"),  # readable now
    ],
)
@pytest.mark.parametrize("again", [False, True])
def test_what_a_statement_of_a_death_means(
    feed_rows: Callable[..., str],
    table: Callable[[str], list[dict[str, object]]],
    method: str | None,
    stay: str,
    expected: str,
    again: bool,
) -> None:
    one = {"person_id": "ann", "provider_code": "RX1", "spell_number": "S1", "admission_date": DAY, "discharge_date": DIED}
    rows = [{**one, "discharge_method": method}] if method else []
    rows += (
        [{**one, "spell_number": "S2", "admission_date": LATER, "discharge_date": LATER, "discharge_method": "1"}]
        if again
        else []
    )
    found = table(hospital_deaths_sql(feed_rows("admissions", *rows), ClinicalRules(), stay))
    flags = ("undated", "admitted_again", "taken_back", "not_readable")
    seen = {name for row in found for name in flags if row[name]} | {"day" for row in found if row["day"] == DIED}
    if again and expected in ("day", "undated"):
        assert seen == {"admitted_again"}
    elif again and expected == "not_readable":
        assert seen == set()
    else:
        assert seen == {expected} - {"nothing"}

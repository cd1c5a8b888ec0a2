"""Same-day care that moves from one feed to the other, by quarter."""

from datetime import date, timedelta
from pathlib import Path

from expectations.table import Table
from expectations.tables import core
from features.events import NUMBER_OF
from pipelines.building.same_day_care import write_same_day_care
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake

COLUMNS = "provider_code, quarter, zero_day_share, zero_day_care, share_in_emergency_care, share_change, switched"


def store(lake: Lake, table: Table, rows: list[dict]) -> None:
    schema = arrow_schema(table)
    lake.write(table, [dict.fromkeys(schema.names) | row for row in rows])


def spells(provider: str, first: date, nights: list[int | None], spell_class: str = "emergency") -> list[dict]:
    return [
        {"person_key": 1, "spell_key": 1, "admission_date": first + timedelta(days=place), "provider_code": provider, "spell_class": spell_class,
         "nights": stay, "died": False, "stays_joined": 1, "admission_available_date": first}
        for place, stay in enumerate(nights)
    ]  # fmt: skip


def same_day(code: int, first: date, number: int) -> list[dict]:
    kind = NUMBER_OF["same_day_emergency_care"]
    return [
        {"person_key": 1, "event_date": first, "available_date": first, "event_type": kind, "code": 0, "provider": code, "feed": 1}
    ] * number  # fmt: skip


def test_a_switch_of_feed_changes_the_share_but_not_the_sum_of_both_feeds(tmp_path: Path) -> None:
    lake, spring, summer, winter = Lake(tmp_path), date(2024, 4, 1), date(2024, 7, 1), date(2025, 1, 1)
    store(
        lake,
        core.CODE,
        [{"code": 1, "code_system": "ods", "source_code": "RX1"}, {"code": 2, "code_system": "ods", "source_code": "RX2"}],
    )
    store(lake, core.SPELL, [
        *spells("RX1", spring, [0] * 20 + [3] * 20), *spells("RX1", summer, [0] * 5 + [3] * 20 + [None]),
        *spells("RX1", summer, [0] * 9, "elective"), *spells("RX2", summer, [0, 1]),
    ])  # fmt: skip
    store(lake, core.EVENT, [*same_day(1, summer, 15), *same_day(2, winter, 30)])

    assert write_same_day_care(lake) == {"rows": 4, "switches": 1}
    found = [tuple(row.values()) for row in lake.read("monitoring__same_day_emergency_care", COLUMNS, order="1, 2").to_pylist()]
    assert found == [
        ("RX1", spring, 0.5, 20, 0.0, None, False),
        ("RX1", summer, 0.2, 20, 0.75, 0.75, True),
        ("RX2", summer, 0.5, 1, 0.0, None, False),
        ("RX2", winter, None, 30, 1.0, None, False),  # the quarter before is missing, so there is no comparison
    ]

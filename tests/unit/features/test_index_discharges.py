"""Which discharges are index events: those after which the person is at home."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest

from features.cohort import CohortSettings
from features.person_features import IndexEvents

NOW = date(2025, 6, 1)
# Of each spell: person, class, first day and last day in May (None while open).
Spell = tuple[int, str, int, int | None]

CASES: dict[str, tuple[list[Spell], list[tuple[int, int]]]] = {
    "an emergency inside a planned stay": ([(1, "elective", 1, 20), (1, "emergency", 5, 8)], []),
    "an emergency inside a planned stay that is open": ([(1, "elective", 1, None), (1, "emergency", 5, 8)], []),
    "an emergency that ends with the stay around it": ([(1, "elective", 1, 8), (1, "emergency", 5, 8)], [(1, 8)]),
    "an emergency that outlasts the stay around it": ([(1, "elective", 1, 7), (1, "emergency", 5, 8)], [(1, 8)]),
    "an admission on the day of the discharge": ([(1, "emergency", 1, 5), (1, "elective", 5, 9)], []),
    "a day case on the day of the discharge": ([(1, "emergency", 1, 5), (1, "elective", 5, 5)], [(1, 5)]),
    "an admission on the next day": ([(1, "emergency", 1, 5), (1, "emergency", 6, 9)], [(1, 5), (1, 9)]),
    "a regular attendance around the discharge": ([(1, "emergency", 1, 5), (1, "regular_attender", 4, 6)], [(1, 5)]),
    "a stay of another person": ([(1, "emergency", 1, 5), (2, "elective", 1, 20)], [(1, 5)]),
    "a longer stay of the person before": ([(1, "elective", 1, 20), (2, "emergency", 1, 5)], [(2, 5)]),
    "a stay between the first and another inside": (
        [(1, "elective", 1, 20), (1, "elective", 3, 4), (1, "emergency", 5, 8)], [],
    ),
}  # fmt: skip


def may(day: int | None) -> date | None:
    return None if day is None else date(2025, 5, day)


def discharges(spells: list[Spell], first_day: date | None = None) -> list[tuple[int, date]]:
    rows = [
        {
            "person_key": person, "spell_key": number, "spell_class": name, "admission_date": first_day if first_day and last is None else may(first),
            "discharge_date": may(last), "nights": None if last is None else last - first, "died": False,
        }
        for number, (person, name, first, last) in enumerate(spells)
    ]  # fmt: skip
    schema = pa.schema([
        ("person_key", pa.int32()), ("spell_key", pa.int64()), ("spell_class", pa.string()), ("admission_date", pa.date32()),
        ("discharge_date", pa.date32()), ("nights", pa.int32()), ("died", pa.bool_()),
    ])  # fmt: skip
    found = IndexEvents.at_discharges(pa.Table.from_pylist(rows, schema), NOW, CohortSettings(kind="discharges"))
    return list(zip(found.person.tolist(), pa.array(found.index_day).cast(pa.date32()).to_pylist(), strict=True))


@pytest.mark.parametrize(("spells", "expected"), CASES.values(), ids=CASES)
def test_an_index_discharge_is_one_after_which_the_person_is_at_home(
    spells: list[Spell], expected: list[tuple[int, int]]
) -> None:
    assert discharges(spells) == [(person, may(day)) for person, day in expected]


def test_a_stay_that_its_sender_never_closed_hides_no_discharge() -> None:
    spells: list[Spell] = [(1, "elective", 1, None), (1, "emergency", 5, 8)]
    assert discharges(spells, first_day=date(2023, 5, 10)) == []
    assert discharges(spells, first_day=date(2023, 5, 9)) == [(1, may(8))]


def test_no_spells_have_no_index_discharge() -> None:
    assert discharges([]) == []

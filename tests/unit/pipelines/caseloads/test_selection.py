"""Who is listed: by place and age group, up to the capacity, marked and suppressed people left out."""

import numpy as np
import pandas as pd
import pytest

from pipelines.caseloads.selection import candidates, capacities, divide, with_listing
from pipelines.study.caseload_settings import CaseloadSettings

ALL_OLD = {"65+": 500.0}  # every second person


def scores(*rows: tuple[str, str, str | None, float], **given: list[object]) -> pd.DataFrame:
    """Return rows of risk__scores from person, practice, age group and risk, in order of person."""
    people, places, groups, risks = zip(*rows, strict=True)
    plain = {"suppression_reason": None, "end_of_life": False, "in_hospital_now": False, "care_home": None, "on_caseload": None}
    required = {"person_id": people, "practice_code": places, "age_group": groups, "risk": risks, "index_event_id": "2026-01-01"}
    return pd.DataFrame(required | {name: given.get(name, [value] * len(rows)) for name, value in plain.items()})


def places_and_reasons(rows: pd.DataFrame) -> list[tuple[object, ...]]:
    return [
        (row.person_id, None if pd.isna(row.list_rank) else int(row.list_rank), row.absent_reason)
        for row in rows.itertuples()
        if row.listed or row.absent_reason
    ]


def test_each_place_and_age_group_has_its_own_ranks_and_equal_risks_go_by_pseudonym() -> None:
    given = scores(
        ("a", "P1", "65+", 0.2),
        ("b", "P1", "65+", 0.2),
        ("c", "P2", "65+", 0.9),
        ("d", "P1", "18-64", 0.8),
        ("e", "P1", None, 0.7),
    )
    settings = CaseloadSettings(people_per_thousand={"65+": 500, "18-64": 1000, "not known": 1000})
    assert places_and_reasons(with_listing(candidates(given, settings), settings)) == [
        ("d", 1, ""),
        ("a", 1, ""),
        ("e", 1, ""),
        ("c", 1, ""),
    ]


def test_who_is_marked_or_suppressed_gives_way_and_the_absence_is_explained() -> None:
    given = scores(
        ("a", "P1", "65+", 0.9), ("b", "P1", "65+", 0.8), ("c", "P1", "65+", 0.7), ("d", "P1", "65+", 0.6), ("e", "P1", "65+", 0.1),
        suppression_reason=["died since", None, None, None, None], care_home=[None, True, False, None, True],
    )  # fmt: skip
    settings = CaseloadSettings(people=2, people_per_thousand=ALL_OLD)
    # e is marked too, yet her risk would not have put her on the list
    assert places_and_reasons(with_listing(candidates(given, settings), settings)) == [
        ("a", None, "died since"),
        ("b", None, "care home"),
        ("c", 1, ""),
        ("d", 2, ""),
    ]
    lenient = CaseloadSettings(people=2, people_per_thousand=ALL_OLD, leave_out=())
    assert places_and_reasons(with_listing(candidates(given, lenient), lenient)) == [
        ("a", None, "died since"),
        ("b", 1, ""),
        ("c", 2, ""),
    ]


def test_a_person_with_several_index_events_stands_once_with_the_highest_risk() -> None:
    given = scores(("a", "P1", "65+", 0.2), ("a", "P2", "65+", 0.6), ("b", "P1", "65+", 0.5))
    rows = candidates(given, CaseloadSettings())
    assert list(zip(rows["person_id"], rows["place_code"], rows["risk"], strict=True)) == [("b", "P1", 0.5), ("a", "P2", 0.6)]


def test_the_capacity_is_a_rate_or_a_number_and_a_place_may_have_its_own() -> None:
    given = scores(
        *((f"p{number:03}", "P1" if number < 60 else "P2", "65+" if number % 2 else "18-64", 0.5) for number in range(120))
    )
    rates = CaseloadSettings(people_per_thousand={"18-64": 50, "65+": 100})
    assert capacities(candidates(given, rates), rates).to_dict() == {
        ("P1", "18-64"): 2, ("P1", "65+"): 3, ("P2", "18-64"): 2, ("P2", "65+"): 3,
    }  # fmt: skip
    own = rates.model_copy(update={"people": 6, "places": {"P2": 0}})
    assert capacities(candidates(given, own), own).to_dict() == {
        ("P1", "18-64"): 2, ("P1", "65+"): 4, ("P2", "18-64"): 0, ("P2", "65+"): 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("total", "weights", "limits", "expected"),
    [
        (10, [1, 1, 2], [100, 100, 100], [3, 2, 5]),  # the remainder of the first equals that of the second
        (10, [1, 1, 2], [100, 100, 3], [4, 3, 3]),  # what the third cannot take goes to the others
        (10, [1, 0, 2], [2, 100, 3], [2, 0, 3]),  # a group without a weight gets no one
        (0, [1, 1], [5, 5], [0, 0]),
    ],
)
def test_a_number_is_divided_whole(total: int, weights: list[float], limits: list[int], expected: list[int]) -> None:
    assert divide(total, np.array(weights, dtype=float), np.array(limits)).tolist() == expected

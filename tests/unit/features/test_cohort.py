from datetime import date

import numpy as np
import pytest
from pydantic import ValidationError

from expectations.age import UNKNOWN_BIRTH
from expectations.suppression import SUPPRESSIONS
from features.cohort import DEATH_NOT_READABLE, END_NOT_READABLE, Candidates, CohortSettings, Use, add_flows, cohort_flow
from features.periods import OPEN

INDEX = (date(2024, 3, 1) - date(1970, 1, 1)).days


def candidates(**changes: list) -> Candidates:
    """Return five people who are all in the cohort, except for the changes."""
    same: dict[str, list] = {
        "birth_day": [INDEX - 20000] * 5, "death_day": [OPEN] * 5, "index_day": [INDEX] * 5, "on_list": [True] * 5,
        "registered": [True] * 5, "days_on_list": [1000] * 5, "type_1_opt_out": [False] * 5, "national_data_opt_out": [False] * 5,
        "death_not_readable": [False] * 5, "end_not_readable": [False] * 5, "suppressed": [0] * 5,
    }  # fmt: skip
    return Candidates(**{name: np.array(values) for name, values in (same | changes).items()})


def inside(given: Candidates, settings: CohortSettings | None = None, use: Use = "finding_people_for_care") -> list[bool]:
    return cohort_flow(given, settings or CohortSettings(), use)[0].tolist()


def test_everyone_with_a_reason_of_suppression_is_out_and_a_reason_of_no_one_is_not_listed() -> None:
    given = candidates(suppressed=[0, 1, len(SUPPRESSIONS), 1, 0], death_day=[OPEN, OPEN, INDEX - 9, OPEN, OPEN])
    kept, flow = cohort_flow(given, CohortSettings(), "finding_people_for_care")
    assert kept.tolist() == [True, False, False, False, True]
    counted = dict(add_flows([flow, flow]))
    assert {reason: counted.get(reason) for reason in SUPPRESSIONS} == {
        **dict.fromkeys(SUPPRESSIONS), SUPPRESSIONS[0]: 4, SUPPRESSIONS[-1]: 2,
    }  # fmt: skip


def test_who_died_left_or_is_not_yet_born_is_out() -> None:
    given = candidates(
        death_day=[INDEX, INDEX + 1, OPEN, OPEN, OPEN], registered=[True, True, False, True, True],
        birth_day=[0, 0, 0, INDEX + 1, INDEX],
    )  # fmt: skip
    assert inside(given) == [False, True, False, False, True]


def test_a_date_of_death_or_an_end_of_registration_that_cannot_be_read_has_its_own_step() -> None:
    given = candidates(
        death_day=[OPEN, INDEX, OPEN, OPEN, OPEN], death_not_readable=[True, True, False, False, False],
        registered=[True, True, True, False, True], end_not_readable=[False, False, True, False, False],
    )  # fmt: skip
    assert inside(given) == [False, False, False, False, True]
    flow = dict(cohort_flow(given, CohortSettings(), "planning")[1])
    reasons = ("died on or before the index date", DEATH_NOT_READABLE, "not registered on the index date", END_NOT_READABLE)
    assert [flow[reason] for reason in reasons] == [1, 1, 1, 1]


def test_the_national_data_opt_out_reaches_planning_and_not_the_finding_of_people_for_care() -> None:
    given = candidates(
        type_1_opt_out=[True, False, False, False, False], national_data_opt_out=[False, True, False, False, False]
    )
    assert inside(given) == [False, True, True, True, True]
    assert inside(given, use="planning") == [False, False, True, True, True]


@pytest.mark.parametrize("index", [date(2024, 3, 1), date(2024, 2, 29), date(2023, 2, 28), date(2025, 1, 1)])
def test_ages_from_18_to_64_begin_on_the_18th_birthday_and_end_before_the_65th(index: date) -> None:
    day = (index - date(1970, 1, 1)).days
    eighteen, sixty_five = ((date(index.year - age, index.month, min(index.day, 28)) - date(1970, 1, 1)).days for age in (18, 65))
    given = candidates(
        birth_day=[eighteen + 1, eighteen, sixty_five + 1, sixty_five, UNKNOWN_BIRTH], index_day=[day] * 5,
    )  # fmt: skip
    assert inside(given, CohortSettings(minimum_age=18, maximum_age=64)) == [False, True, True, False, False]
    _, flow = cohort_flow(given, CohortSettings(minimum_age=18, maximum_age=64), "finding_people_for_care")
    assert dict(flow) | {"younger than 18 years, or of unknown age": 2, "older than 64 years, or of unknown age": 1} == dict(flow)


def test_an_unknown_age_is_out_whichever_age_is_limited() -> None:
    given = candidates(birth_day=[UNKNOWN_BIRTH, INDEX, INDEX, INDEX, INDEX])
    assert inside(given, CohortSettings(maximum_age=17)) == [False, True, True, True, True]
    assert inside(given, CohortSettings(minimum_age=1)) == [False] * 5
    assert inside(given) == [True] * 5


def test_each_step_counts_those_still_there() -> None:
    given = candidates(on_list=[False, True, True, True, True], type_1_opt_out=[True, True, False, False, False])
    flow = dict(cohort_flow(given, CohortSettings(), "planning")[1])
    assert (flow["people the sources name"], flow["type 1 opt-out"], flow["in cohort"]) == (5, 1, 3)


def test_a_highest_age_below_the_lowest_is_refused() -> None:
    with pytest.raises(ValidationError, match="maximum_age 17 is below minimum_age 18"):
        CohortSettings(minimum_age=18, maximum_age=17)

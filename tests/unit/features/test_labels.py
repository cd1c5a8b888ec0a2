import numpy as np

from features.labels import HAD_IT, Labels, Occurrences, label_rows, reasons_not_at_risk, without_rows
from features.outcomes import EVER, OutcomeSettings
from features.periods import OPEN

YEAR = OutcomeSettings(horizon_days=365)


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int32)


def label(outcome: int, death: int, list_end: int, rules: OutcomeSettings = YEAR) -> tuple[int, int, int, int, int, bool]:
    """Label one row of index day 100: label, composite, outcome day, death day, days of follow-up, left."""
    found = label_rows(ints(outcome), ints(death), ints(list_end), ints(100), rules)
    return tuple(values.tolist()[0] for values in found.__dict__.values())  # type: ignore[return-value]


def test_the_index_day_belongs_to_neither_side() -> None:
    found = Occurrences.of(ints(1, 1, 2), ints(105, 100, 100))
    assert found.nth_after(ints(1, 2), ints(100, 100)).tolist() == [105, OPEN]


def test_the_fifth_event_is_found_by_its_turn() -> None:
    found = Occurrences.of(ints(*[1] * 5), ints(101, 102, 103, 104, 105))
    assert found.nth_after(ints(1), ints(100), 5).tolist() == [105]
    assert found.nth_after(ints(1), ints(101), 5).tolist() == [OPEN]


def test_a_washout_counts_what_came_before_the_index_day_and_on_it() -> None:
    found = Occurrences.of(ints(1, 2, 3, 3), ints(100, 101, 40, 10))
    who, day = ints(1, 2, 3), ints(100, 100, 100)
    assert found.number_before(who, day, EVER).tolist() == [1, 0, 2]
    assert found.number_before(who, day, 60).tolist() == [1, 0, 1]
    assert found.number_before(who, day, 59).tolist() == [1, 0, 0]


def test_labels_follow_the_rules_of_death_and_leaving() -> None:
    #            label, composite, outcome, death, follow-up, left
    assert label(150, 200, OPEN) == (1, 1, 150, 200, 50, False)  # the outcome, then death
    assert label(OPEN, 200, OPEN) == (0, 1, OPEN, 200, 100, False)  # death competes
    assert label(OPEN, OPEN, 180) == (-1, -1, OPEN, OPEN, 80, True)  # left
    assert label(500, OPEN, OPEN) == (0, 0, OPEN, OPEN, 365, False)  # after the horizon
    assert label(OPEN, OPEN, 466) == (0, 0, OPEN, OPEN, 365, False)  # left after it
    assert label(205, 210, 200) == (1, 1, 205, 210, 105, False)  # a death within 30 days ended the registration


def test_people_who_leave_are_treated_alike_with_the_outcome_and_without() -> None:
    assert label(180, OPEN, 180) == (1, 1, 180, OPEN, 80, False)  # on the last day of the list
    assert label(181, OPEN, 180) == label(OPEN, OPEN, 180) == (-1, -1, OPEN, OPEN, 80, True)
    assert label(OPEN, 211, 180) == (-1, -1, OPEN, OPEN, 80, True)  # died 31 days after leaving: not known to the board
    followed = OutcomeSettings(horizon_days=365, on_leaving="followed")
    assert label(181, OPEN, 180, followed) == (1, 1, 181, OPEN, 81, False)
    assert label(OPEN, 250, 180, followed) == (0, 1, OPEN, 250, 150, False)


def test_a_death_may_count_as_the_outcome() -> None:
    either = OutcomeSettings(horizon_days=365, on_death="counts")
    assert label(OPEN, 200, OPEN, either) == (1, 1, 200, 200, 100, False)
    assert label(150, 200, OPEN, either) == (1, 1, 150, 200, 50, False)
    assert label(OPEN, 300, 180, either) == (-1, -1, OPEN, OPEN, 80, True)


def test_who_is_not_at_risk_of_a_first_diagnosis_and_why() -> None:
    rules = OutcomeSettings(name="first_type_2_diabetes")
    covered = {"gp_observations": np.array([True, True, True, False])}
    reasons = reasons_not_at_risk(rules, np.array([0, 1, 0, 0]), ints(365, 10, 364, 900), covered).tolist()
    assert reasons == [
        "", HAD_IT, "on the list for fewer than 365 days", "gp_observations does not cover the year before the index date and the horizon",
    ]  # fmt: skip
    assert reasons_not_at_risk(YEAR, np.array([3]), ints(0), {}).tolist() == [""]


def test_rows_that_are_not_kept_have_no_values() -> None:
    labels = label_rows(ints(150, 150, OPEN), ints(200, 200, OPEN), ints(OPEN, OPEN, 120), ints(100, 100, 100), YEAR)
    kept = without_rows(labels, np.array([True, False, False]))
    assert kept.label.tolist() == kept.composite.tolist() == [1, -1, -1]
    assert (kept.outcome_day.tolist(), kept.death_day.tolist()) == ([150, OPEN, OPEN], [200, OPEN, OPEN])
    assert (kept.follow_up_days.tolist(), kept.left_list.tolist()) == ([50, -1, -1], [False, False, False])
    assert isinstance(kept, Labels)

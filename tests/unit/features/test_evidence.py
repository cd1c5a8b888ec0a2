from datetime import date

import pytest

from features.catalogue import Catalogue, build_catalogue
from features.code_lists import load_code_lists
from features.declaration import Statistic
from features.evidence import COUNTS, Evidence, PersonEvent, covered_window, definition, feature_and_inputs, meaning, window

WITHOUT_CONCEPT = (Statistic.SCORE, Statistic.ATTRIBUTE)
INDEX, BIRTH = date(2024, 3, 1), date(2020, 1, 1)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return build_catalogue(load_code_lists(), 2025)


def event(day: str, kind: str = "ae_attendance", system: str = "department_type", code: str = "01", *, available: str = "", value: float | None = None) -> PersonEvent:  # fmt: skip
    return PersonEvent(date.fromisoformat(day), date.fromisoformat(available or day), kind, system, code, value, "RX1")


def verdicts(catalogue: Catalogue, feature: str, *events: PersonEvent) -> list[str]:
    found = Evidence(catalogue, events, INDEX, BIRTH).checked_events(catalogue.by_name[feature])
    assert [one.event.event_date for one in found] == sorted(one.event.event_date for one in found)
    return [one.verdict for one in found]


def test_an_event_counts_or_the_reason_says_why_not(catalogue: Catalogue) -> None:
    assert verdicts(
        catalogue, "ae_attendances_365d",
        event("2019-12-31"), event("2023-02-28"), event("2023-03-02"), event("2024-02-29"), event("2024-02-20", available="2024-03-01"),
        event("2024-03-01"), event("2024-03-02"), event("2024-01-01", "outpatient_attended"),
    ) == [
        "before birth (2020-01-01)", "before the window, which starts on 2023-03-02", COUNTS,
        "not known before the index date: available on 2024-03-01", COUNTS, "on the index date", "after the index date",
    ]  # fmt: skip


def test_a_code_and_a_value_decide_where_the_concept_asks_for_them(catalogue: Catalogue) -> None:
    measured = next(feature for feature in catalogue.features if feature.statistic is Statistic.LATEST_VALUE)
    concept = catalogue.concepts[measured.concept]
    entry = catalogue.entries(concept)[0]
    assert concept.minimum is not None
    low = event("2024-01-01", "gp_observation", entry.system, entry.code, value=concept.minimum - 1)
    none = event("2024-01-02", "gp_observation", entry.system, entry.code)
    right = event("2024-01-03", "gp_observation", entry.system, entry.code, value=concept.minimum)
    other = event("2024-01-04", "gp_observation", entry.system, "1", value=concept.minimum)
    found = verdicts(catalogue, measured.name, low, none, right, other)
    assert found == [
        f"its value is below {concept.minimum:g}: it is not a plausible measurement",
        "it has no value, or its value was set aside because of its unit or size",
        COUNTS,
    ]
    assert entry.description in meaning(catalogue, entry.system, entry.code, concept.code_lists)
    assert meaning(catalogue, entry.system, "1", concept.code_lists) == ""


def test_a_trend_looks_at_two_windows_and_a_return_at_discharges_of_any_day(catalogue: Catalogue) -> None:
    assert verdicts(catalogue, "ae_attendances_trend_180d", event("2023-03-06"), event("2023-03-07"), event("2024-02-29")) == [
        "before the window, which starts on 2023-03-07", COUNTS, COUNTS,
    ]  # fmt: skip
    discharged = event("2021-01-01", "elective_discharge", "icd10", "I10")
    assert verdicts(catalogue, "readmissions_30d_365d", discharged, event("2021-01-10", "emergency_admission", "", "")) == [
        COUNTS, "before the window, which starts on 2023-03-02",
    ]  # fmt: skip


def test_what_is_derived_counts_the_events_of_its_inputs_once(catalogue: Catalogue) -> None:
    share = catalogue.by_name["out_of_hours_share_730d"]
    assert [part.name for part in feature_and_inputs(share, catalogue)] == [share.name, *share.inputs]
    events = [event("2024-01-01"), event("2024-01-01", "out_of_hours_attendance"), event("2024-02-01")]
    evidence = Evidence(catalogue, events, INDEX, None)
    assert evidence.counted(share) == 3
    assert evidence.counted(catalogue.by_name["ae_attendances_730d"]) == 2


def test_windows_are_shown_with_their_days(catalogue: Catalogue) -> None:
    trend = catalogue.by_name["ae_attendances_trend_180d"]
    assert window(trend, INDEX) == "2023-09-03 to 2024-02-29 (180 days), compared with 2023-03-07 to 2023-09-02"
    assert covered_window(trend, INDEX) == (date(2023, 3, 7), date(2024, 2, 29))
    assert window(catalogue.by_name["age_years"], INDEX) == "all known events up to 2024-02-29"


def test_every_feature_has_a_definition_that_names_what_it_reads(catalogue: Catalogue) -> None:
    for feature in catalogue.features:
        text = definition(feature)
        named = (feature.concept, feature.ended_by, *feature.inputs)
        assert all(name in text for name in named if feature.statistic not in WITHOUT_CONCEPT), text
        assert not {"{", "}"} & set(text)

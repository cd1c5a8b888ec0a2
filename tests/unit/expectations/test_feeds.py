"""Feeds: a declaration that lacks something is refused with the feed's name, and what derives from the feeds agrees with them."""

from dataclasses import replace

import pytest

from expectations import feeds
from expectations.catalogue import RAW_TABLES
from expectations.feeds import DECLARED, EVENT_FEEDS, EVENT_TYPES, FEEDS, EventType, Feed, by_name
from features.catalogue import build_catalogue
from features.code_lists import load_code_lists
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.event_rows import EVENT_SQL
from pipelines.sources.nhs import NhsSettings

GP = feeds.GP_OBSERVATIONS


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"number": 0}, "needs both `number`, its number in core__event, and `event_types`"),
        ({"legal_basis": ""}, "has event types and no `legal_basis`"),
        ({"event_types": (EventType(40, "gp_observation", "An entry.", "snomed"),)}, "has no event type with `is_record`"),
        ({"code_column": ""}, "has events with snomed codes and no `code_column`"),
        ({"code_column": "concept"}, "names columns that raw__gp_observations does not have: concept"),
        ({"columns_without_facts": ("colour",)}, "names columns that raw__gp_observations does not have: colour"),
        ({"table": feeds.PATIENTS.table}, "has the raw table of the feed patients"),
        ({"table": replace(RAW_TABLES["gp_observations"], event_date="")}, "needs `event_date` of raw__gp_observations"),
    ],
)
def test_a_declaration_that_lacks_something_is_refused_with_its_name(change, message):
    with pytest.raises(ValueError, match=r"the feed gp_observations \(expectations/feeds.py\)") as refusal:
        replace(GP, **change)
    assert message in str(refusal.value)


def test_coverage_needs_the_organisation_of_a_feed_with_events():
    addresses = replace(RAW_TABLES["addresses"], feed="visits")
    visit = EventType(90, "visit", "A visit.", is_record=True)
    with pytest.raises(ValueError, match="needs a provider or practice_code column in raw__addresses"):
        Feed("visits", feeds.Family.OTHER_CARE, addresses, legal_basis="Approval", number=16, event_types=(visit,))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"number": 5}, "the same number in core__event is declared twice: 5"),
        ({"event_types": feeds.ADMISSIONS.event_types[:1]}, "the same event type is declared twice: emergency_admission"),
        (
            {"event_types": (EventType(1, "entry", "An entry.", is_record=True),)},
            "the same event type number is declared twice: 1",
        ),
    ],
)
def test_two_feeds_do_not_share_a_number_or_an_event_type(change, message):
    with pytest.raises(ValueError, match=message):
        by_name((feeds.ADMISSIONS, replace(feeds.GP_MEDICATION_ORDERS, **change)))
    with pytest.raises(ValueError, match="the same feed is declared twice: gp_observations"):
        by_name((GP, GP))


def test_numbers_that_are_stored_stay_as_they_are():
    numbers = {
        "admissions": 5, "emergency_attendances": 6, "outpatient_appointments": 7, "gp_observations": 8, "gp_medication_orders": 9, "omop": 10,
        "omop_conditions": 11, "omop_drugs": 12, "omop_procedures": 13, "omop_measurements": 14, "omop_observations": 15,
    }  # fmt: skip
    assert {feed.name: feed.number for feed in DECLARED if feed.number} == numbers
    assert [kind.number for kind in EVENT_TYPES] == [*range(1, 12), *range(20, 26), 30, 31, 32, 40, 41, *range(60, 67)]


def test_the_usual_delivery_of_each_feed_is_the_declared_one():
    settings = NhsSettings()
    assert set(settings.feeds) == set(RAW_TABLES)
    for name, feed in settings.feeds.items():
        assert (feed.replaces_months or 0) == FEEDS[name].replaces_months
        assert settings.lag_days(name) == FEEDS[name].lag_days


@pytest.mark.parametrize("name", sorted(EVENT_SQL))
def test_the_sql_of_a_feed_makes_every_event_type_it_declares(name):
    sql = EVENT_SQL[name](FEEDS[name], ClinicalRules())
    words = sql.replace(",", " ").replace("[", " ").replace("]", " ").split()
    assert [kind.name for kind in FEEDS[name].event_types if str(kind.number) not in words] == []


def test_features_read_every_feed_with_events():
    read = {feed for feature in build_catalogue(load_code_lists(None), 2019).features for feed in feature.feeds}
    assert [feed for feed in EVENT_FEEDS if feed not in read] == []  # a feed that no feature reads is stored for nothing

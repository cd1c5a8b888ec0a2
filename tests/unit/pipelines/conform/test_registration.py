from __future__ import annotations

from datetime import date

from pipelines.conform.registration import RegistrationSettings, registration_sql, residence_sql


def start(name: str, practice: str, begins: str, ends: str | None = None) -> dict[str, object]:
    return {
        "person_id": name, "practice_code": practice, "start_date": date.fromisoformat(begins),
        "end_date": date.fromisoformat(ends) if ends else None,
    }  # fmt: skip


def test_a_later_start_closes_an_earlier_period_the_day_before(feed_rows, table, people):
    rows = [
        start("ann", "Y00001", "2010-01-01"),
        start("ann", "Y00002", "2015-06-01", "2016-01-31"),
        start("ann", "Y00003", "2016-01-15"),
        start("bob", "Y00001", "2012-01-01", "2013-01-01"),
        start("eve", "Y00001", "2012-01-01"),  # not on the list: her record was set aside
    ]
    found = table(
        registration_sql({"registrations": feed_rows("registrations", *rows)}, people, RegistrationSettings()) + " ORDER BY ALL"
    )
    assert [(row["person_key"], row["practice_code"], str(row["start_date"]), str(row["end_date"])) for row in found] == [
        (0, "Y00001", "2010-01-01", "2015-05-31"),
        (0, "Y00002", "2015-06-01", "2016-01-14"),
        (0, "Y00003", "2016-01-15", "None"),
        (1, "Y00001", "2012-01-01", "2013-01-01"),
    ]
    assert not any(row["start_is_load_date"] for row in found)


def test_a_registration_within_a_longer_one_does_not_close_it(feed_rows, table, people):
    rows = [
        start("ann", "Y00001", "2010-01-01"),
        start("ann", "Y00002", "2015-06-01", "2015-08-31"),  # a temporary resident: three months
        start("bob", "Y00001", "2010-01-01", "2019-12-31"),
        start("bob", "Y00002", "2012-01-01", "2013-12-31"),
        start("bob", "Y00003", "2012-06-01", "2012-12-31"),
        start("bob", "Y00004", "2019-01-01", "2021-12-31"),
        start("cat", "Y00001", "2010-01-01", "2010-02-01"),  # short, but within nothing
        start("cat", "Y00002", "2012-01-01"),
        start("dan", "Y00001", "2010-01-01", "2012-12-31"),
        start("dan", "Y00002", "2012-01-01", "2012-12-31"),  # both end on one day
    ]
    sources = {"registrations": feed_rows("registrations", *rows)}
    found = table(registration_sql(sources, people, RegistrationSettings()) + " ORDER BY ALL")
    residences = [
        (row["person_key"], row["practice_code"][-1], f"{row['start_date']} to {row['end_date']}", row["start_is_load_date"])
        for row in sorted(found, key=lambda row: (row["person_key"], row["start_date"]))
    ]
    assert residences == [
        (0, "1", "2010-01-01 to None", False),
        (1, "1", "2010-01-01 to 2011-12-31", False),
        (1, "2", "2012-01-01 to 2012-05-31", False),
        (1, "3", "2012-06-01 to 2012-12-31", False),
        (1, "2", "2013-01-01 to 2013-12-31", True),
        (1, "1", "2014-01-01 to 2018-12-31", True),
        (1, "4", "2019-01-01 to 2021-12-31", False),
        (2, "1", "2010-01-01 to 2010-02-01", False),
        (2, "2", "2012-01-01 to None", False),
        (3, "1", "2010-01-01 to 2011-12-31", False),
        (3, "2", "2012-01-01 to 2012-12-31", False),
    ]


def test_of_two_starts_on_one_day_the_period_that_lasts_longest_holds(feed_rows, table, people):
    rows = [
        start("ann", "Y00001", "2020-01-01", "2021-01-01"),
        start("ann", "Y00002", "2020-01-01"),
        start("ann", "Y00003", "2020-01-01"),
    ]
    (found,) = table(registration_sql({"registrations": feed_rows("registrations", *rows)}, people, RegistrationSettings()))
    assert (found["practice_code"], found["end_date"]) == ("Y00002", None)


def test_a_day_on_which_too_many_of_a_practice_start_is_the_day_it_was_loaded(feed_rows, table, people):
    rows = [start("ann", "Y00001", "2019-04-01"), start("bob", "Y00001", "2019-04-01"), start("cat", "Y00001", "2020-05-01"),
            start("dan", "Y00002", "2019-04-01")]  # fmt: skip
    settings = RegistrationSettings(load_day_share=0.5, load_day_min_registrations=3)
    found = table(
        registration_sql({"registrations": feed_rows("registrations", *rows)}, people, settings) + " ORDER BY person_key"
    )
    assert [row["start_is_load_date"] for row in found] == [True, True, False, False]


def test_without_the_feed_everyone_on_the_list_has_one_open_period_from_the_delivery(feed_rows, table, people):
    patients = feed_rows("patients", {"person_id": "ann", "practice_code": "Y00001"})
    found = table(registration_sql({"patients": patients}, people, RegistrationSettings()))
    assert found == [
        {"person_key": 0, "practice_code": "Y00001", "practice_sent": "Y00001", "start_date": date(2026, 1, 1), "end_date": None, "start_is_load_date": True,
         "end_not_readable": False}
    ]  # fmt: skip
    assert table(registration_sql({}, people, RegistrationSettings())) == []


def test_residence_comes_from_the_addresses_and_else_from_the_list(feed_rows, table, people):
    def lived(name: str, lsoa: str | None, begins: str, status: str = "RESOLVED") -> dict[str, object]:
        return {"person_id": name, "lsoa_code": lsoa, "postcode_status": status, "start_date": date.fromisoformat(begins)}

    sources = {
        "addresses": feed_rows("addresses", lived("ann", "E01000001", "2015-01-01"), lived("ann", None, "2020-01-01", "NO_FIXED_ABODE")),
        "patients": feed_rows("patients", {"person_id": "ann", "lsoa_code": "E01000009"}, {"person_id": "bob", "lsoa_code": "E01000002"},
                              {"person_id": "cat", "lsoa_code": "W01000001"}, {"person_id": "dan", "lsoa_code": "E99999999"}),
    }  # fmt: skip
    found = table(residence_sql(sources, people) + " ORDER BY person_key, start_date")
    assert [
        (row["person_key"], row["lsoa_code"], row["residence_status"], str(row["start_date"]), str(row["end_date"]))
        for row in found
    ] == [
        (0, "E01000001", "resolved", "2015-01-01", "2019-12-31"),
        (0, None, "no_fixed_abode", "2020-01-01", "None"),
        (1, "E01000002", "resolved", "1950-03-01", "None"),
        (2, None, "outside_england", "1950-03-01", "None"),
        (3, None, "unmatched", "1950-03-01", "None"),
    ]

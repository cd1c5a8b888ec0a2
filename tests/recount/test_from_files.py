"""Ages, coverage and availability of random ICBs, recounted from their files: another reader and other formulas, without Strata's tables."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from recount.availability_recount import known_events, known_stays
from recount.board import CATALOGUE
from recount.calendar_age import birthdays_reached
from recount.code_pool import make_entries
from recount.comparison import built_rows
from recount.coverage_recount import Registration, Status, covered_days, practice_status, registrations
from recount.landed_boards import NOW, Plan, build, landed_board
from recount.raw_files import RULES, latest

from features.declaration import EVER_NEEDS_DAYS, Feature, Statistic
from features.events import FEED_NUMBER
from pipelines.run.deployment import Deployment

pytestmark = pytest.mark.slow

PLANS = (
    Plan(11, date(2024, 7, 1)),
    Plan(29, date(2024, 7, 10), behind="outpatient_appointments"),
    Plan(47, date(2024, 6, 20), behind="gp_medication_orders"),
)
INDEX_DATES = (date(2024, 2, 29), date(2024, 7, 15), date(2025, 1, 1))
BANDS = (0, 5, 18, 30, 40, 50, 60, 65, 70, 75, 80, 85, 90)
GP = ("gp_observations", "gp_medication_orders")
RECORDS = (20, 21, 25, 30, 31, 32, 40, 41)  # one event for each row of a feed


@pytest.fixture(scope="module", params=PLANS, ids=lambda plan: f"seed {plan.seed}")
def landed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return landed_board(request.param, tmp_path_factory.mktemp("landed"))


def landing_of(deployment: Deployment) -> Path:
    return deployment.home / "landing"


def test_ages_are_the_birthdays_by_the_file(landed: Deployment) -> None:
    people = {row["PERSON_ID"]: row for row in latest(landing_of(landed), "patients")}
    only_year = 0
    for index in INDEX_DATES:
        for row in rows_of(landed, index).itertuples():
            born = people[row.person_id]
            only_year += not born["BIRTH_MONTH"]
            since = date(int(born["BIRTH_YEAR"]), int(born["BIRTH_MONTH"] or 7), 1)
            age = birthdays_reached(min(since, index), index)
            assert row.age_years == age, (born, index)
            low = max(bound for bound in BANDS if bound <= age)
            assert row.age_band.removesuffix("+").partition("-")[0] == str(low)
    assert only_year > 20


def rows_of(deployment: Deployment, index: date) -> pd.DataFrame:
    build(deployment, index)
    rows = built_rows(deployment.lake)
    return rows[rows["index_date"] == index]


def test_the_status_of_every_month_of_a_practice_is_that_of_its_rows(landed: Deployment) -> None:
    expected = {
        (feed, practice, month): status
        for feed, months in practice_status(landing_of(landed), NOW).items()
        for (practice, month), status in months.items()
    }
    columns = "feed, organisation_code, month, status"
    stored = landed.lake.read("core__coverage", columns, "organisation_role = 'practice'").to_pylist()
    found = {(row["feed"], row["organisation_code"], row["month"]): row["status"] for row in stored}
    assert found == expected
    assert {"covered", "partial", "absent"} <= Counter(expected.values()).keys()


def test_a_feature_is_null_where_its_feed_covers_less_than_its_window(landed: Deployment) -> None:
    spans, held = practice_status(landing_of(landed), NOW), registrations(landing_of(landed))
    counts = [feature for feature in CATALOGUE.features if feature.statistic is Statistic.COUNT and len(feature.feeds) == 1]
    nulls = 0
    for index in INDEX_DATES:
        rows = rows_of(landed, index)
        days = days_covered(spans, held, rows["person_id"].tolist(), index)
        for feature in (feature for feature in counts if feature.name in rows and feature.feeds[0] in days):
            is_null = days[feature.feeds[0]] < needed(feature)
            assert (rows[feature.name].isna().to_numpy() == is_null).all(), (feature.name, index)
            nulls += int(is_null.sum())
        lacking = {feed: days[feed] < EVER_NEEDS_DAYS for feed in RULES}
        texts = [{feed for feed in RULES if lacking[feed][place]} or {"full"} for place in range(len(rows))]
        assert [set(text.split(",")) for text in rows["coverage"]] == texts
        assert (rows["gp_covered"].to_numpy() == ~(lacking[GP[0]] | lacking[GP[1]])).all()
    assert nulls > 1_000


def days_covered(spans: dict[str, Status], held: list[Registration], people: list[str], index: date) -> dict[str, np.ndarray]:
    """Return the days before an index date that each feed covers, by person."""
    last = max(month for months in spans.values() for _, month in months)
    practice = {one.person: one.practice for one in held if one.holds(index)}
    return {feed: np.array([covered_days(spans[feed], practice[person], index, last) for person in people]) for feed in RULES}


def needed(feature: Feature) -> int:
    """Return the days that must be covered for a count of a window."""
    assert feature.window_days is not None
    return feature.window_days


@pytest.mark.parametrize("feed", [feed for feed in RULES if feed != "admissions"])
def test_a_record_is_known_since_the_delivery_that_first_stated_it(landed: Deployment, feed: str) -> None:
    kinds = ", ".join(str(number) for number in RECORDS)
    with landed.duckdb() as con:
        found = con.execute(
            f"SELECT person_id, event_date, available_date, count(*) FROM {landed.lake.scan('core__event')} "
            f"JOIN {landed.lake.scan('core__person')} USING (person_key) WHERE feed = ? AND event_type IN ({kinds}) GROUP BY ALL",
            [FEED_NUMBER[feed]],
        ).fetchall()
    expected = known_events(landing_of(landed), feed)
    assert {(person, day, known): count for person, day, known, count in found} == dict(expected)
    assert sum(expected.values()) > 200


def test_a_stay_is_known_since_its_admission_and_its_discharge_were_stated(landed: Deployment) -> None:
    columns = "person_id, admission_date, discharge_date, admission_available_date, discharge_available_date"
    with landed.duckdb() as con:
        rows = con.execute(
            f"SELECT {columns} FROM {landed.lake.scan('core__spell')} JOIN {landed.lake.scan('core__person')} USING (person_key)"
        ).fetchall()
    found = {row[:3]: row[3:] for row in rows}
    expected = known_stays(landing_of(landed))
    assert {stay: found.get(stay) for stay in expected} == expected
    assert len(expected) > 0.5 * len(found) > 50


ON_LIST = """EXISTS (FROM entry n, unnest(string_split({column}, ',')) AS c(code)
    WHERE n.list = '{name}' AND n.system = 'icd10' AND starts_with(c.code, n.code))"""


def on_list(name: str, column: str = "diagnoses") -> str:
    return ON_LIST.format(name=name, column=column)


def test_a_stay_for_an_ambulatory_care_sensitive_condition_is_one_by_the_positions_of_its_diagnoses(landed: Deployment) -> None:
    primary, ended = "primary_diagnosis", "spell_class = 'emergency' AND discharge_date IS NOT NULL"
    by_primary = on_list("ambulatory_care_sensitive", primary)
    by_any = f"{on_list('ambulatory_care_sensitive_any_position')} OR ({on_list('influenza_and_pneumonia')} AND NOT {on_list('sickle_cell_disorders')})"
    by_two = f"{on_list('acute_bronchitis', primary)} AND {on_list('chronic_airways_disease')}"
    with landed.duckdb() as con:
        make_entries(con)
        stays = "person_key, discharge_date, nights FROM " + landed.lake.scan("core__spell")
        expected = con.sql(f"SELECT {stays} WHERE {ended} AND ({by_primary} OR {by_any} OR {by_two}) ORDER BY ALL").fetchall()
        beyond_primary = con.sql(f"SELECT {stays} WHERE {ended} AND ({by_any}) AND NOT {by_primary}").fetchall()
        found = con.sql(
            f"SELECT person_key, event_date, value FROM {landed.lake.scan('core__event')} WHERE event_type = 11 ORDER BY ALL"
        ).fetchall()
    assert found == expected
    assert len(expected) > len(beyond_primary) > 0

"""A run's caseloads: who is listed, who was listed before and is not now, and every reason counted."""

from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from expectations.table import Table
from expectations.tables import core
from expectations.tables.caseload import CASELOAD
from features.cohort import DEATH_NOT_READABLE, END_NOT_READABLE
from features.events import NUMBER_OF
from pipelines.caseloads.run_lists import CaseloadRequest, caseload, exclusions
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake
from pipelines.scoring.published_lists import RunLists
from pipelines.study.caseload_settings import CaseloadSettings

DAY = date(2026, 1, 1)
SETTINGS = CaseloadSettings(people_per_thousand={"65+": 500})


def put(lake: Lake, table: Table, rows: list[dict[str, object]], partition: dict[str, str] | None = None) -> None:
    schema = arrow_schema(table)
    lake.write(table, pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema), partition)


@pytest.fixture
def scores() -> pd.DataFrame:
    """Return four people of one practice, the third in hospital, and one of another."""
    return pd.DataFrame({
        "person_id": list("abcde"), "index_event_id": DAY.isoformat(), "practice_code": ["P1"] * 4 + ["P2"], "age_group": "65+",
        "risk": [0.6, 0.5, 0.7, 0.1, 0.3], "risk_band": "high", "risk_change": None, "suppression_reason": None, "coverage": "full",
        "end_of_life": pd.array([False] * 5, "boolean"), "in_hospital_now": pd.array([False, False, True, False, False], "boolean"),
        "care_home": pd.array([None] * 5, "boolean"), "on_caseload": pd.array([None] * 5, "boolean"),
    })  # fmt: skip


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Return a lake whose earlier run listed b, d, e, f, g, h and i of P1; e has moved, f died, g opted out, h left and i is too young."""
    lake = Lake(tmp_path)
    before = [{"run_id": "old", "place_kind": "practice_code", "place_code": "P1", "age_group": "65+", "person_id": who, "index_event_id": "2025",
               "listed": True} for who in "bdefghi"]  # fmt: skip
    put(lake, CASELOAD, before, {"run_id": "old"})
    put(lake, core.PERSON, [
        {"person_key": key, "person_id": who, "death_date": DAY if who == "f" else None, "type_1_opt_out": who == "g", "national_data_opt_out": False}
        for key, who in enumerate("abcdefghi")
    ])  # fmt: skip
    put(lake, core.REGISTRATION, [
        {"person_key": key, "practice_code": "P1", "start_date": date(2020, 1, 1), "end_date": date(2025, 12, 1) if who == "h" else None}
        for key, who in enumerate("abcdefghi")
    ])  # fmt: skip
    put(lake, core.CODE, [{"code": 1, "code_system": "snomed", "source_code": "185317003"}])
    put(lake, core.EVENT, [
        {"person_key": 0, "event_date": day, "available_date": DAY, "event_type": NUMBER_OF[kind], "code": code, "provider": 0, "feed": 1}
        for kind, code, day in (
            ("ae_attendance", 0, date(2025, 5, 1)), ("ae_attendance", 0, date(2025, 6, 1)), ("ae_attendance", 0, date(2026, 1, 2)),
            ("gp_observation", 1, date(2025, 3, 1)), ("gp_observation", 7, date(2025, 4, 1)),
        )
    ])  # fmt: skip
    return lake


def request(previous: str = "old") -> CaseloadRequest:
    from features.code_lists import load_code_lists

    return CaseloadRequest(SETTINGS, "emergency", DAY, "finding_people_for_care", previous, load_code_lists())


def test_everyone_who_was_listed_is_listed_again_or_has_a_reason(lake: Lake, scores: pd.DataFrame) -> None:
    rows = caseload(lake, scores, request())
    here = rows[rows["place_code"] == "P1"]
    assert dict(zip(here["person_id"], here["absent_reason"].fillna(""), strict=True)) == {
        "a": "", "b": "", "c": "in hospital now", "d": "the risk is now below the list", "e": "now of another place", "f": "died",
        "g": "opted out", "h": "left the list", "i": "not in this run's cohort",
    }  # fmt: skip
    assert here.set_index("person_id")["listed_before"].astype(bool).to_dict() == {who: who not in "ac" for who in "abcdefghi"}
    assert here.loc[here["person_id"].isin(list("efghi")), "risk"].isna().all()  # no risk of other practices' people


def test_last_contacts_are_those_before_the_day(lake: Lake, scores: pd.DataFrame) -> None:
    row = caseload(lake, scores, request()).set_index("person_id").loc["a"]
    assert str(row["last_ae_attendance"])[:10] == "2025-06-01"
    assert str(row["last_gp_contact"])[:10] == "2025-03-01"  # an entry that is no contact does not count
    assert pd.isna(row["last_outpatient_visit"])


def test_the_first_list_names_no_one_who_was_on_it_before(lake: Lake, scores: pd.DataFrame) -> None:
    rows = caseload(lake, scores, request(previous=""))
    assert rows["listed_before"].isna().all()
    assert rows["person_id"].tolist() == ["a", "b", "c", "e"]


def test_every_reason_is_counted_and_so_are_the_people_of_whom_nothing_is_known(lake: Lake, scores: pd.DataFrame) -> None:
    suppressed = scores.assign(suppression_reason=["died since", None, None, None, None])
    rows = caseload(lake, suppressed, request(previous=""))
    counted = exclusions("emergency", suppressed, 3, rows, {"coverage changed": 2})
    found = {(row.list_name, row.treatment, row.reason): (row.people, None if pd.isna(row.people_unknown) else row.people_unknown)
             for row in counted.itertuples()}  # fmt: skip
    assert found == {
        ("scores", "suppressed", "died since"): (1, None),
        ("scores", "suppressed", "opted out since the features were built"): (3, None),
        ("scores", "marked", "end of life"): (0, 0),
        ("scores", "marked", "in hospital now"): (1, 0),
        ("scores", "marked", "care home"): (0, 5),
        ("scores", "marked", "on caseload"): (0, 5),
        ("caseload", "left_out", "died since"): (1, None),
        ("caseload", "left_out", "in hospital now"): (1, None),
        ("rising", "left_out", "coverage changed"): (2, None),
    }


def test_people_out_of_the_cohort_for_a_date_that_cannot_be_read_count_with_those_suppressed_since(
    lake: Lake, scores: pd.DataFrame
) -> None:
    suppressed = scores.assign(suppression_reason=[DEATH_NOT_READABLE, None, None, None, None])
    rows = caseload(lake, suppressed, request(previous=""))
    counted = exclusions("emergency", suppressed, 0, rows, {}, {DEATH_NOT_READABLE: 4, END_NOT_READABLE: 0})
    found = counted[(counted["list_name"] == "scores") & (counted["treatment"] == "suppressed")]
    assert found[["reason", "people"]].to_numpy().tolist() == [[DEATH_NOT_READABLE, 5]]


def test_a_listed_person_whose_date_cannot_be_read_any_more_is_reported(lake: Lake, scores: pd.DataFrame) -> None:
    people = lake.read(core.PERSON.name).to_pandas()
    unreadable = people.assign(death_not_readable=people["person_id"].isin(["f", "i"]))  # of f the day of death is known, too
    lake.write(core.PERSON, unreadable)
    periods = lake.read(core.REGISTRATION.name).to_pandas()
    periods.loc[7, "end_date"] = None
    open_to_doubt = periods.assign(end_not_readable=periods["person_key"] == 7)
    lake.write(core.REGISTRATION, open_to_doubt)
    reasons = caseload(lake, scores, request()).set_index("person_id")["absent_reason"]
    assert reasons[["f", "h", "i"]].tolist() == ["died", END_NOT_READABLE, DEATH_NOT_READABLE]


def test_people_of_the_lists_are_those_who_get_drivers(lake: Lake, scores: pd.DataFrame) -> None:
    rows = caseload(lake, scores, request(previous=""))
    risen = pd.DataFrame({"person_id": ["a", "d"], "index_event_id": DAY.isoformat()})
    assert sorted(RunLists(rows, risen, pd.DataFrame()).shown["person_id"]) == ["a", "b", "d", "e"]

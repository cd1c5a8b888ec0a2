from __future__ import annotations

import pandas as pd
import pytest

from pipelines.conform.linkage import LinkageSettings, check_linkage, linkage_sql
from pipelines.errors import ValidationStop

FEED_PEOPLE = """(SELECT * FROM (VALUES ('admissions', 'RX1', 0), ('admissions', 'RX1', 4), ('admissions', 'RX2', 0), ('admissions', 'RX2', 1),
    ('opt_outs', '', 2)) AS t(feed, organisation_code, person_key))"""


def test_the_share_on_the_list_by_organisation_and_in_all(table, people):
    found = table(linkage_sql(FEED_PEOPLE, people) + " ORDER BY feed, organisation_code")
    assert [(row["feed"], row["organisation_code"], row["people"], row["people_on_list"]) for row in found] == [
        ("admissions", "ALL", 3, 2),
        ("admissions", "RX1", 2, 1),
        ("admissions", "RX2", 2, 2),
        ("opt_outs", "ALL", 1, 1),
    ]
    assert found[1]["share_on_list"] == 0.5


def measured(*rows: tuple[str, str, int, int]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["feed", "organisation_code", "people", "people_on_list"])
    return frame.assign(share_on_list=frame["people_on_list"] / frame["people"])


def test_strangers_stop_the_run_and_are_named():
    linkage = measured(
        ("admissions", "ALL", 1000, 900),
        ("admissions", "RX1", 200, 80),
        ("admissions", "RX2", 20, 0),
        ("gp_observations", "ALL", 10, 7),
    )
    with pytest.raises(ValidationStop) as stop:
        check_linkage(linkage, LinkageSettings())
    assert "admissions, RX1: 80 of 200 people (40.0%)" in str(stop.value)
    assert "gp_observations, ALL: 7 of 10 people (70.0%)" in str(stop.value)
    assert "RX2" not in str(stop.value)


def test_a_national_list_of_opt_outs_normally_names_people_of_other_icbs():
    check_linkage(measured(("opt_outs", "ALL", 1000, 950), ("national_opt_outs", "ALL", 1000, 10)), LinkageSettings())


def test_a_linked_board_and_one_without_any_list_go_on():
    check_linkage(measured(("admissions", "ALL", 1000, 950), ("admissions", "RX1", 200, 150)), LinkageSettings())
    check_linkage(measured(("admissions", "ALL", 1000, 0)), LinkageSettings())

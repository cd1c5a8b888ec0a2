"""An organisation that falls silent while an unknown code appears stops the run, and the message has the succession to add."""

from __future__ import annotations

import pandas as pd
import pytest

from pipelines.conform.silent_senders import LIST, SilentSenderSettings, check_silent_senders, renamed_on_one_side, silent_senders
from pipelines.errors import ValidationStop

MONTHS = pd.date_range("2024-01-01", "2025-06-01", freq="MS")
SETTINGS = SilentSenderSettings()


def counts(feed: str = "admissions", **rows: list[int]) -> pd.DataFrame:
    """Return the counts of codes, each as rows of months that are repeated to the end."""
    parts = [
        pd.DataFrame(
            {"feed": feed, "organisation_code": code, "month": MONTHS, "rows": (monthly + [monthly[-1]] * 99)[: len(MONTHS)]}
        )
        for code, monthly in rows.items()
    ]
    return pd.concat(parts, ignore_index=True)


STEADY = {"RX1": [300], "RX2": [700]}


def found(
    *declared: str, feed: str = "admissions", settings: SilentSenderSettings = SETTINGS, **rows: list[int]
) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.code, one.unknown_codes) for one in silent_senders(counts(feed, **rows), declared, settings)]


def test_a_steady_feed_and_a_new_organisation_are_normal() -> None:
    assert found(**STEADY) == []
    assert found(**STEADY, RX9=[0] * 9 + [200]) == []


def test_a_change_of_code_is_found_and_the_message_has_both_codes_and_the_line_to_add() -> None:
    rows = counts(RX1=[300] * 12 + [0], RX2=[700], RX9=[0] * 12 + [290])
    senders = silent_senders(rows, (), SETTINGS)
    with pytest.raises(ValidationStop) as stop:
        check_silent_senders(senders)
    message = str(stop.value)
    assert "RX1 had 30.0% of the rows of admissions until December 2024" in message
    assert "RX1,RX9,rename,1,2025-01-01" in message
    assert "RX1,,closure,,2025-01-01" in message
    check_silent_senders([])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([300] * 17 + [0], [0] * 17 + [280]),  # in the last month
        ([300] * 17 + [140], [0] * 17 + [150]),  # within the last month
        ([300] * 16 + [140, 0], [0] * 16 + [150, 300]),
        ([300] * 10 + [0], [0] * 12 + [300]),  # the new code begins two months later
    ],
)
def test_a_change_of_code_is_found_within_the_month_and_after_a_pause(old: list[int], new: list[int]) -> None:
    assert found(RX1=old, RX2=[700], RX9=new) == [("RX1", ("RX9",))]


def test_a_declared_succession_or_closure_is_no_surprise() -> None:
    rows = {"RX1": [300] * 12 + [0], "RX2": [700], "RX9": [0] * 12 + [290]}
    assert found("RX1", "RX9", **rows) == []
    assert found("RX1", **rows) == []


@pytest.mark.parametrize(
    "rows",
    [
        {"RX1": [300] * 12 + [0], "RX2": [700]},  # no code appeared
        {"RX1": [300] * 12 + [0], "RX2": [700], "RX9": [0] * 12 + [40]},  # far fewer rows
        {"RX1": [300] * 12 + [0], "RX2": [700], "RX9": [0] * 4 + [300]},  # eight months before
        {"RX1": [300] * 6 + [0, 0, 0] + [300], "RX2": [700], "RX9": [0] * 6 + [300]},  # silent for a while
        {"RX1": [4] * 12 + [0], "RX2": [100], "RX9": [0] * 12 + [4]},  # very few rows
        {"RX1": [8] * 17 + [3], "RX2": [100], "RX9": [0] * 17 + [8]},  # few rows, and a fall that may be chance
        {"RX1": [30] * 12 + [0], "RX2": [3000], "RX9": [0] * 12 + [30]},  # less than 2%
    ],
)
def test_what_may_be_a_chance_stops_nothing(rows: dict[str, list[int]]) -> None:
    assert found(**rows) == []


def test_two_practices_that_merge_are_both_found() -> None:
    rows = {"Y1": [500] * 12 + [0], "Y2": [300] * 12 + [0], "Y3": [900], "Y9": [0] * 12 + [780]}
    assert found(feed=LIST, **rows) == [("Y1", ("Y9",)), ("Y2", ("Y9",))]


def test_the_share_is_a_setting_and_one_month_is_not_judged() -> None:
    rows = {"RX1": [300] * 12 + [0], "RX2": [700], "RX9": [0] * 12 + [290]}
    assert found(settings=SilentSenderSettings(share=0.5), **rows) == []
    assert silent_senders(counts(RX1=[300]).head(1), (), SETTINGS) == []
    assert silent_senders(pd.DataFrame(columns=["feed", "organisation_code", "month", "rows"]), (), SETTINGS) == []


def one_sided(
    people: dict[str, list[int]], rows: dict[str, list[int]], *declared: str
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    both = pd.concat([counts(LIST, **people), counts("gp_observations", **rows)], ignore_index=True)
    return [(one.senders, one.listed) for one in renamed_on_one_side(both, declared, SETTINGS)]


def test_a_list_under_another_code_than_the_gp_record_is_found() -> None:
    people, rows = {"Y1": [0], "Y2": [500], "Y9": [400]}, {"Y1": [4000], "Y2": [5000]}
    assert one_sided(people, rows) == [(("Y1",), ("Y9",))]
    assert one_sided(people, rows, "Y1", "Y9") == []
    both = pd.concat([counts(LIST, **people), counts("gp_observations", **rows)], ignore_index=True)
    with pytest.raises(ValidationStop, match="Y1,Y9,rename,1,"):
        check_silent_senders(renamed_on_one_side(both, (), SETTINGS))


def test_a_practice_that_sends_nothing_or_is_of_another_icb_is_normal() -> None:
    assert one_sided({"Y1": [500], "Y2": [500]}, {"Y1": [4000]}) == []
    assert one_sided({"Y1": [500], "Y2": [500]}, {"Y1": [4000], "Y2": [4000], "Y3": [4000]}) == []

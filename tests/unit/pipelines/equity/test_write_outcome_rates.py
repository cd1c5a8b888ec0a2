from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from expectations.tables import risk
from expectations.tables.core import PERSON
from expectations.tables.features import PERSON_FEATURES
from features.labels import Occurrences
from models.disclosure_control import rounded, three_figures
from models.rates import crude_rate
from pipelines.equity.outcome_rates import RatesRequest, write_outcome_rates
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake

DATES = (date(2023, 1, 1), date(2024, 1, 1))
PEOPLE = 4000
GROUPS = ("imd_quintile", "ethnic_category", "practice_code", "pcn_code")


def _lake(folder: Path) -> Lake:
    """Two index dates of one list: quintile 1 has twice the events, practice P9 has five people, 40 people left."""
    lake, rng = Lake(folder), np.random.default_rng(1)
    quintile, age = rng.integers(1, 6, PEOPLE), rng.uniform(0, 100, PEOPLE)
    practice = np.where(np.arange(PEOPLE) < 5, "P9", rng.choice(["P1", "P2", "P3"], PEOPLE))
    for day in DATES:
        frame = pd.DataFrame(
            {"person_key": np.arange(PEOPLE, dtype="int32"), "index_event_id": day.isoformat(), "index_date": day}
        )
        frame = frame.assign(
            imd_quintile=quintile, age_years=age.astype("float32"), practice_code=practice,
            pcn_code=np.where(practice == "P3", "N2", "N1"), ethnic_category=rng.choice(["A", "Z", "99"], PEOPLE, p=[0.8, 0.1, 0.1]),
        )  # fmt: skip
        label = (rng.random(PEOPLE) < 0.012 * (age / 10) * np.where(quintile == 1, 2, 1)).astype(float)
        label[-40:] = np.nan
        labels = frame[["person_key", "index_event_id"]].assign(
            person_id=frame["person_key"].astype(str), outcome="emergency", label=label, outcome_date=None, follow_up_days=365,
            death_date=[day if found else None for found in (rng.random(PEOPLE) < 0.01)], composite_label=label, left_list=False,
            not_at_risk_reason=None,
        )  # fmt: skip
        labels["composite_label"] = labels["label"].where(labels["death_date"].isna() | labels["label"].isna(), 1)
        partition = {"index_date": day.isoformat()}
        schema = pa.schema([*_features_schema(lake), ("age_years", pa.float32())])
        file = lake.write_arrow(
            PERSON_FEATURES.name, pa.Table.from_pandas(frame.drop(columns="index_date"), preserve_index=False), partition
        )
        lake.commit(PERSON_FEATURES.name, [file], schema, partition_by=("index_date",), replace=partition)
        lake.write(risk.LABELS, labels, {"outcome": "emergency", **partition})
    return lake


def _features_schema(lake: Lake) -> list[pa.Field]:
    kept = ("person_key", "index_event_id", "index_date", *GROUPS)
    return [field for field in arrow_schema(PERSON_FEATURES) if field.name in kept]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = _lake(tmp_path_factory.mktemp("lake"))
    who = np.arange(0, PEOPLE, 2, dtype=np.int32)
    twice = Occurrences.of(np.repeat(who, 2), np.tile(np.array([19_400, 19_500], dtype=np.int32), len(who)))
    with connect() as con:
        found = write_outcome_rates(
            lake, con, RatesRequest(365, seed=1, occurrences=lambda outcome: twice if outcome == "emergency" else None)
        )
    assert found["outcomes"] == 3 and found["periods"] == 6  # the outcome, death and either of them, on two dates
    return lake


@pytest.fixture(scope="module")
def rates(lake: Lake) -> pd.DataFrame:
    return lake.read("equity__outcome_rates").to_pandas()


def _row(rates: pd.DataFrame, kind: str, name: str, measure: str, period: str = "2024-01-01") -> pd.Series:
    key = ("emergency", period, kind, name, measure)
    found = rates[(rates[["outcome", "period", "group_kind", "group_name", "measure"]] == key).all(axis=1)]
    assert len(found) == 1
    return found.iloc[0]


def _crude(rates: pd.DataFrame, kind: str) -> pd.DataFrame:
    chosen = (rates["outcome"] == "emergency") & (rates["period"] == "2024-01-01") & (rates["measure"] == "crude_rate")
    return rates[chosen & (rates["group_kind"] == kind)].set_index("group_name")


def test_rates_agree_with_the_rows_they_come_from(lake: Lake, rates: pd.DataFrame) -> None:
    with connect() as con:
        found = con.sql(
            f"SELECT count(*) AS people, sum(label) AS events FROM {lake.scan('risk__labels')} WHERE index_date = DATE '2024-01-01' "
            "AND label IS NOT NULL"
        ).fetchall()[0]  # fmt: skip
    crude = _row(rates, "all", "all", "crude_rate")
    assert (crude["people"], crude["events"]) == tuple(5 * round(int(count) / 5) for count in found) and crude["people"] == 3960
    assert crude["value"] == three_figures(crude_rate(crude["events"], crude["people"]).value)
    assert _row(rates, "all", "all", "indirectly_standardised_ratio")["value"] == pytest.approx(1)


def test_the_planted_gradient_is_found(rates: pd.DataFrame) -> None:
    ratio = _row(rates, "imd_quintile", "1", "rate_ratio")
    assert ratio["lower"] > 1.2 and ratio["compared_with"] == "5"
    assert _row(rates, "imd_quintile", "gradient", "slope_index_of_inequality")["upper"] < 0


def test_a_persons_further_events_are_counted_within_the_horizon(rates: pd.DataFrame) -> None:
    """Half the people have an event on 12 February and one on 23 May 2023."""
    rate = _row(rates, "all", "all", "directly_standardised_event_rate", "2023-01-01")
    assert rate["value"] == pytest.approx(100_000, rel=0.05)
    assert "directly_standardised_event_rate" not in set(rates.loc[rates["period"] == "2024-01-01", "measure"])


def test_years_that_do_not_overlap_are_compared(rates: pd.DataFrame) -> None:
    change = _row(rates, "all", "all", "directly_standardised_rate_change")
    assert change["compared_with"] == "2023-01-01" and change["lower"] < change["value"] < change["upper"]
    assert not rates.loc[rates["period"] == "2023-01-01", "measure"].str.endswith("_change").any()


def test_small_groups_cannot_be_had_from_any_total(rates: pd.DataFrame) -> None:
    practices = _crude(rates, "practice_code")
    assert practices.loc["P9", ["value", "people", "events"]].isna().all() and practices.loc["P9", "suppressed"]
    assert practices["people"].isna().sum() >= 2  # another practice of its PCN is hidden with it
    assert not _crude(rates, "pcn_code")["suppressed"].any()
    assert (practices["people"].dropna() % 5 == 0).all()
    hidden = _row(rates, "practice_code", "P9", "indirectly_standardised_ratio")
    assert np.isnan(hidden["value"]) and hidden["reason"]


def test_nothing_is_shown_next_to_a_hidden_count_that_was_computed_from_it(rates: pd.DataFrame) -> None:
    of_group = rates[rates["group_name"] != "gradient"]
    hidden = of_group[of_group["people"].isna() | of_group["events"].isna()]
    assert {"directly_standardised_rate", "indirectly_standardised_ratio", "rate_ratio"} <= set(hidden["measure"])
    assert hidden[["value", "lower", "upper"]].isna().all(axis=None)
    assert set(hidden["reason"]) == {"a count of 1 to 7, or one that a total would reveal"}


def test_a_gap_to_a_hidden_group_and_a_change_since_a_hidden_one_are_hidden(rates: pd.DataFrame) -> None:
    names = {period: set(_hidden_groups(rates, period)) for period in ("2023-01-01", "2024-01-01")}
    compared = rates[rates["measure"].isin(["rate_difference", "rate_ratio"]) & (rates["period"] == "2024-01-01")]
    to_hidden = compared[
        [
            key in names["2024-01-01"]
            for key in zip(compared["outcome"], compared["group_kind"], compared["compared_with"], strict=True)
        ]
    ]
    assert to_hidden["value"].isna().all()
    changed = rates[rates["measure"].str.contains("_change") & (rates["group_name"] != "gradient")]
    since = changed[
        [key in names["2023-01-01"] for key in zip(changed["outcome"], changed["group_kind"], changed["group_name"], strict=True)]
    ]
    assert len(since) and since["value"].isna().all()


def _hidden_groups(rates: pd.DataFrame, period: str) -> list[tuple[str, str, str]]:
    crude = rates[(rates["measure"] == "crude_rate") & (rates["period"] == period)]
    hidden = crude[crude["people"].isna() | crude["events"].isna()]
    return list(zip(hidden["outcome"], hidden["group_kind"], hidden["group_name"], strict=True))


def test_every_number_has_three_significant_figures(rates: pd.DataFrame) -> None:
    numbers = rates[["value", "lower", "upper"]].to_numpy().ravel()
    assert all(number == float(f"{number:.3g}") for number in numbers[~np.isnan(numbers)])


def test_not_stated_and_not_known_have_their_names(rates: pd.DataFrame) -> None:
    assert set(_crude(rates, "ethnic_category").index) == {"A", "not_stated", "not_known"}


def test_the_same_input_gives_the_same_table(lake: Lake) -> None:
    before = lake.read("equity__outcome_rates")
    with connect() as con:
        write_outcome_rates(lake, con, RatesRequest(365, seed=1))
        again = lake.read("equity__outcome_rates", where="measure <> 'directly_standardised_event_rate'")
    kept = before.filter(pa.compute.not_equal(before["measure"], "directly_standardised_event_rate"))
    assert kept.equals(again)


def test_people_with_an_opt_out_are_in_neither_numerator_nor_denominator(tmp_path: Path) -> None:
    lake = _lake(tmp_path)
    labels = lake.read("risk__labels", "person_key, label", "index_date = DATE '2024-01-01' AND label IS NOT NULL").to_pandas()
    objecting = set(range(0, PEOPLE, 10))
    facts = {"on_list": True, "death_not_readable": False, "type_1_opt_out": False}
    names = dict.fromkeys(column.name for column in PERSON.columns)
    people = [
        {**names, **facts, "person_key": key, "person_id": str(key), "national_data_opt_out": key in objecting}
        for key in range(PEOPLE)
    ]
    lake.write(PERSON, people)
    with connect() as con:
        write_outcome_rates(lake, con, RatesRequest(365, seed=1))
    crude = _row(lake.read("equity__outcome_rates").to_pandas(), "all", "all", "crude_rate")
    counted = labels[~labels["person_key"].isin(objecting)]["label"]
    assert len(labels) - len(counted) == 396
    assert (crude["people"], crude["events"]) == (rounded(len(counted)), rounded(int(counted.sum())))

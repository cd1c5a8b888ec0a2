from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expectations.age import UNKNOWN_BIRTH
from features.attributes import Row, birth_days
from features.declaration import Feature, Statistic
from features.demographics import AGE_BANDS, age_band_number_sql, age_band_numbers, age_bands, age_years
from features.deprivation import local_quintiles
from features.derived import derive
from features.ethnicity import ethnic_groups
from models.risk_bands import age_groups

AREA = Path(__file__).parents[3] / ".." / "shared" / "data" / "area"


def test_chinese_is_other_in_the_nhs_grouping_and_not_stated_is_not_not_known() -> None:
    assert ethnic_groups(["A", "R", "K", "Z", "99", None, "?"]) == [
        "white",
        "other",
        "asian",
        "not_stated",
        "not_known",
        "not_known",
        "not_known",
    ]


def test_every_one_of_the_16_and_1_categories_has_its_group_of_5_and_1() -> None:
    groups = {"white": "ABC", "mixed": "DEFG", "asian": "HJKL", "black": "MNP", "other": "RS", "not_stated": "Z"}
    assert {
        group: "".join(code for code in "ABCDEFGHJKLMNPRSZ" if ethnic_groups([code]) == [group]) for group in groups
    } == groups


def days_of(*dates: date) -> np.ndarray:
    return np.array([(day - date(1970, 1, 1)).days for day in dates], dtype=np.int32)


def test_ages_fall_in_bands_and_an_unknown_birth_is_not_known() -> None:
    index = np.full(4, days_of(date(2024, 3, 1))[0], dtype=np.int32)
    births = days_of(date(2024, 2, 1), date(1955, 1, 1), date(1930, 1, 1))
    ages = age_years(np.append(births, UNKNOWN_BIRTH).astype(np.int32), index)
    assert ages[:3].tolist() == [0, 69, 94]
    assert age_bands(ages).to_pylist() == ["0-4", "65-69", "90+", "not_known"]


EDGE_DATES = (
    date(2024, 2, 29),
    date(2023, 2, 28),
    date(2024, 3, 1),
    date(2025, 3, 1),
    date(2024, 12, 31),
    date(2025, 1, 1),
    date(2024, 7, 15),
)


@pytest.mark.parametrize("index", EDGE_DATES)
@pytest.mark.parametrize("bound", [*AGE_BANDS[1:], 100, 110])
def test_a_band_begins_on_the_birthday_and_neither_a_day_earlier_nor_later(index: date, bound: int) -> None:
    on_the_day = anniversary(index, -bound)  # born so that the index date is the birthday
    births = [on_the_day + timedelta(days=1), on_the_day, on_the_day - timedelta(days=1)]
    ages = age_years(days_of(*births), np.full(3, days_of(index)[0], dtype=np.int32))
    assert ages.tolist() == [bound - 1, bound, bound]
    names = [f"{low}-{high - 1}" for low, high in pairwise(AGE_BANDS)] + ["90+"]
    of_age = [
        next(name for name, low in zip(names[::-1], AGE_BANDS[::-1], strict=True) if low <= age)
        for age in (bound - 1, bound, bound)
    ]
    assert age_bands(ages).to_pylist() == of_age


def anniversary(day: date, years: int) -> date:
    """Return a day of birth whose birthday is the day; for 29 February in another year, 1 March would be a day too late."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 2, 28)


@pytest.mark.parametrize("index", EDGE_DATES)
def test_the_review_list_of_18_to_64_begins_on_the_18th_birthday_and_ends_on_the_65th(index: date) -> None:
    births = [anniversary(index, -years) + timedelta(days=step) for years in (18, 65) for step in (1, 0, -1)]
    ages = age_years(days_of(*births), np.full(6, days_of(index)[0], dtype=np.int32))
    bands = age_bands(ages).to_pylist()
    expected = ["0-17", "18-64", "18-64", "18-64", "65+", "65+"]
    assert age_groups(pd.DataFrame({"age_years": ages.astype("float32")})).tolist() == expected
    assert age_groups(pd.DataFrame({"age_band": bands})).tolist() == expected  # the band lies in the same group


def test_the_number_of_a_band_is_the_same_in_sql() -> None:
    ages = [-1, *range(131), None]
    expected = age_band_numbers(np.array([np.nan if age is None else age for age in ages], dtype=np.float64)).tolist()
    with duckdb.connect() as con:
        query = f"SELECT {age_band_number_sql('age')} FROM (SELECT unnest(?::INTEGER[]) AS age, unnest(range({len(ages)})) AS place) ORDER BY place"
        assert [row[0] for row in con.execute(query, [ages]).fetchall()] == expected
    assert expected[-1] == 0
    assert set(expected) == set(range(len(AGE_BANDS) + 1))


def test_an_age_counts_from_mid_year_where_only_the_year_is_known_but_no_one_is_unborn() -> None:
    people = pa.table({
        "birth_date": [date(2024, 1, 1), date(1980, 1, 1), date(1955, 3, 1), None],
        "assumed_birth_date": pa.array([date(2024, 7, 1), date(1980, 7, 1), None, None]),
    })  # fmt: skip
    days = [(day - date(1970, 1, 1)).days for day in (date(2024, 3, 1), date(2023, 12, 1))]
    in_march = birth_days(people, Row(np.arange(4), np.arange(4, dtype=np.int32), np.full(4, days[0], dtype=np.int32)))
    before = birth_days(people, Row(np.arange(1), np.arange(1, dtype=np.int32), np.full(1, days[1], dtype=np.int32)))
    assert in_march.tolist() == [days[0], 3834, -5420, np.iinfo(np.int32).min]
    assert before.tolist() == [19723]  # 1 January 2024: not born yet


def test_a_local_quintile_ranks_again_within_each_icb() -> None:
    ranks = np.array([30000.0, 31000, 32000, 32500, 32800, 1, np.nan])
    icb = np.array(["QSB"] * 5 + ["QXX", "QXX"], dtype=object)
    assert local_quintiles(ranks, icb).tolist()[:6] == [1, 2, 3, 4, 5, 5]


def test_codes_of_one_area_count_once_in_the_local_quintile() -> None:
    # Two areas of 2011 were merged into the area with rank 100; their codes have its rank. Five areas are a fifth each.
    ranks = np.array([100.0, 100, 100, 200, 300, 400, 500, 500])
    assert local_quintiles(ranks, np.array(["QSB"] * 8, dtype=object)).tolist() == [1, 1, 1, 2, 3, 4, 5, 5]


@pytest.mark.skipif(not AREA.exists(), reason="the open area data are not beside the project")
def test_local_quintiles_of_all_england_are_the_published_national_ones() -> None:
    table = pq.read_table(AREA / "imd2025_england_lsoa21.parquet").to_pandas()
    rank = next(column for column in table.columns if "rank" in column.lower() and "imd" in column.lower())
    decile = next(column for column in table.columns if "decile" in column.lower() and "imd" in column.lower())
    found = local_quintiles(table[rank].to_numpy(dtype=float), np.array(["E"] * len(table), dtype=object))
    assert (found == np.ceil(table[decile].to_numpy() / 2)).all()


def derived(statistic: Statistic, *inputs: list[float], thresholds: tuple[float, ...] = ()) -> list[float]:
    names = tuple(f"input_{place}" for place in range(len(inputs)))
    feature = Feature("derived", "derived", "test", statistic, inputs=names, thresholds=thresholds)
    return derive(
        feature, {name: np.array(values, dtype=np.float32) for name, values in zip(names, inputs, strict=True)}
    ).tolist()


def test_what_is_not_known_makes_what_is_derived_from_it_not_known() -> None:
    nan = float("nan")
    assert derived(Statistic.NUMBER_OF, [1, 0, 1], [2, 0, 1]) == [2, 0, 2]
    assert np.isnan(derived(Statistic.NUMBER_OF, [1.0], [nan])[0])
    assert np.isnan(derived(Statistic.RATIO, [0.0], [0.0])[0])
    assert derived(Statistic.RATIO, [1.0], [4.0]) == [0.25]
    assert derived(Statistic.WITHOUT, [1, 1, 0], [0, 2, 0]) == [1, 0, 0]
    assert derived(Statistic.BAND, [4.9, 5.0, 15.0, 15.1], thresholds=(5.0, 15.01)) == [0, 1, 1, 2]

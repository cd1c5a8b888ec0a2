"""The rates of practices and areas: who counts, what is expected, how far a rate is shrunk, and the person left out."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from expectations.age import UNKNOWN_BIRTH
from features.area_context import PER, IcbRates, Tally, context_days, context_features, icb_rates, prior_shape, strata
from features.attributes import PeopleTables, Row
from features.events import NUMBER_OF
from features.inequality import AREA, PRACTICE
from features.periods import Households
from features.window_counts import Events

DAY = (date(2024, 3, 1) - date(1970, 1, 1)).days
WOMAN_OF_70 = 1 * 14 + 9  # the ninth of 13 bands: 70 to 74


def day(year: int, month: int, number: int) -> int:
    return (date(year, month, number) - date(1970, 1, 1)).days


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int32)


def board(*spells: int) -> IcbRates:
    """Return the rates of an ICB of practices A, B, ... with 100 women of 70 each, registered for the year, and these spells."""
    codes = [chr(ord("A") + number) for number in range(len(spells))]
    days = np.full(len(spells), 36_500)
    return icb_rates(
        Tally(codes, [None] * len(codes), np.full(len(codes), WOMAN_OF_70), np.array(spells), days), frozenset(codes)
    )


def test_the_context_of_an_index_date_is_the_first_day_of_its_month() -> None:
    assert context_days(ints(day(2024, 3, 1), day(2024, 3, 31), day(1969, 12, 31))).tolist() == [
        day(2024, 3, 1), day(2024, 3, 1), day(1969, 12, 1),
    ]  # fmt: skip


def test_strata_are_sex_and_band_of_age() -> None:
    births = ints(day(1954, 3, 1), day(1954, 3, 2), UNKNOWN_BIRTH, DAY - 1)
    assert strata(pa.array(["2", "2", "1", "9"]), births, DAY).tolist() == [WOMAN_OF_70, WOMAN_OF_70 - 1, 0, 29]


def test_a_stratum_begins_on_the_birthday_also_where_the_years_are_not_365_25_days_long() -> None:
    births = ints(day(1957, 3, 1), day(1957, 3, 2), day(1958, 3, 1), day(1958, 3, 2))
    bands = strata(pa.array(["1"] * 4), births, day(2023, 3, 1)).tolist()
    assert bands == [8, 8, 8, 7]  # 66, 65, 65 and 64 years: 24,106 and 23,741 days


def test_groups_that_vary_no_more_than_chance_are_all_like_the_board() -> None:
    assert prior_shape(np.array([10.0, 10.0, 10.0]), np.array([10.0, 10.0, 10.0])) == np.inf
    assert prior_shape(np.array([10.0]), np.array([2.0])) == np.inf
    # spread 20 (1/2)^2 x 2 - 1 = 9 over 40 - 800 / 40 = 20: variance 0.45
    assert prior_shape(np.array([30.0, 10.0]), np.array([20.0, 20.0])) == pytest.approx(20 / 9)


def test_a_group_is_shrunk_towards_the_board_without_the_person() -> None:
    rates = board(30, 10)
    group = pa.array(["A", "A", "B", "C", None]).dictionary_encode()
    ratio = rates.practices.ratio(group, np.array([0, 2, 0, 0, 0]), np.array([0, 0.2, 0, 0, 0]))
    a = 20 / 9
    assert ratio[:4] == pytest.approx([(30 + a) / (20 + a), (28 + a) / (19.8 + a), (10 + a) / (20 + a), 1.0])
    assert np.isnan(ratio[4])
    assert rates.crude_rate * PER == pytest.approx(40 / 200 * 1000 * 365.25 / 365)


def one_person(rates: IcbRates, death: date | None = None, area: str | None = None) -> dict[str, np.ndarray]:
    """Return the rates of a woman of practice A, whose registration started 100 days before the context date."""
    kinds = {"birth_date": pa.date32(), "assumed_birth_date": pa.date32(), "death_date": pa.date32()}
    people = {
        "person_key": pa.array([7], pa.int32()),
        "sex": ["2"],
        "birth_date": [date(1954, 3, 1)],
        "assumed_birth_date": [None],
        "death_date": [death],
    }
    period = {
        "person_key": pa.array([7], pa.int32()),
        "start_date": pa.array([DAY - 100], pa.int32()).cast(pa.date32()),
        "end_date": pa.array([None], pa.date32()),
    }
    tables = PeopleTables(
        pa.table({name: pa.array(values, kinds.get(name)) for name, values in people.items()}),
        pa.table(period | {"practice_code": ["A"]}), pa.table(period | {"lsoa_code": pa.array([area], pa.string())}),
        Households.from_periods(np.zeros(0, dtype=np.uint64), ints(), ints(), np.zeros(0, dtype=bool)),
    )  # fmt: skip
    overnight, other = NUMBER_OF["emergency_discharge_overnight"], NUMBER_OF["emergency_admission"]
    rows = [(DAY - 101, DAY - 101, overnight), (DAY - 100, DAY - 90, overnight), (DAY - 1, DAY - 1, overnight),
            (DAY - 1, DAY, overnight), (DAY, DAY, overnight), (DAY - 9, DAY - 9, other)]  # fmt: skip
    when, known, kind = zip(*rows, strict=True)
    nothing = np.zeros(len(rows), dtype=np.int32)
    events = Events(
        ints(*[7] * len(rows)),
        ints(*when),
        ints(*known),
        np.array(kind, dtype=np.int16),
        nothing,
        nothing.astype(np.float32),
        nothing,
    )
    row = Row(np.array([0]), ints(7), ints(DAY + 20))
    return context_features(tables, events, row, pa.array(["A"]), pa.array([area], pa.string()), {DAY: rates})


def test_a_persons_own_spells_count_from_their_first_day_on_the_list_and_once_known() -> None:
    rates, a = board(30, 10), 20 / 9
    own, own_expected = 2, 100 * 40 / 73_000  # days 100 and 1 before; not 101 before, nor what was known or happened later
    found = one_person(rates)
    assert found[PRACTICE][0] == pytest.approx(PER * 40 / 73_000 * (30 - own + a) / (20 - own_expected + a))
    assert np.isnan(found[AREA][0])
    assert one_person(rates, death=date(2024, 3, 1))[PRACTICE][0] == found[PRACTICE][0]
    died_before = one_person(rates, death=date(2024, 2, 29))[PRACTICE][0]  # not of the reference population: nothing to leave out
    assert died_before == pytest.approx(PER * 40 / 73_000 * (30 + a) / (20 + a))


def test_a_board_without_a_day_on_any_list_has_no_rate() -> None:
    assert np.isnan(one_person(icb_rates(Tally([], [], ints(), ints(), ints()), frozenset()))[PRACTICE][0])

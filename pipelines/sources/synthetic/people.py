"""Draw the people of a block: households, areas, ages, sex, ethnicity, frailty, moves and practices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from expectations.age import DAYS_PER_YEAR, completed_years
from pipelines.sources.synthetic import calibration
from pipelines.sources.synthetic.areas_and_practices import PRACTICE_CHOICES, Places
from pipelines.sources.synthetic.random_streams import BLOCK_PEOPLE, PEOPLE, choice_by_row, stream, weighted_choice
from pipelines.sources.synthetic.settings import SyntheticSettings

FAR = 1_000_000  # a day later than any date in the data
YEAR = DAYS_PER_YEAR  # of durations; ages are by the calendar
RESOLVED, NO_FIXED_ABODE, POSTCODE_UNKNOWN, OUTSIDE_ENGLAND = range(4)
PSEUDO_POSTCODES = ("", "ZZ99 3VZ", "ZZ99 3WZ", "ZZ99 3GZ")
_STATED = tuple(code for group in calibration.ETHNIC_GROUPS for code in calibration.ETHNIC_CATEGORIES[group])
ETHNIC_CATEGORY_CODES = (*_STATED, "Z", "99")
NOT_STATED, NOT_KNOWN = len(ETHNIC_CATEGORY_CODES) - 2, len(ETHNIC_CATEGORY_CODES) - 1


@dataclass
class People:
    """A block's people, one entry each in every array; days count from 1970-01-01, areas and practices are positions in `Places`."""

    number: np.ndarray  # over the whole board, from 0
    birth: np.ndarray
    arrival: np.ndarray  # first day on the board's list; long before the start for most
    female: np.ndarray
    ethnicity: np.ndarray  # position in ETHNIC_CATEGORY_CODES, true category
    recorded_ethnicity: np.ndarray  # as the GP records it
    frailty: np.ndarray  # standard normal, never recorded
    ever_smoked: np.ndarray
    smokes: np.ndarray
    household: np.ndarray  # number over the whole board
    residence: np.ndarray  # RESOLVED, or the reason why the area is not known
    moves: np.ndarray  # people x 2, days; FAR for no move
    area: np.ndarray  # people x 3: before the first move, between the moves, after the second
    practice: np.ndarray  # people x 3
    unlinked: np.ndarray  # the hospital uses another pseudonym
    born_here: np.ndarray
    leaves: np.ndarray  # the day they move away from the board; beyond the data for most

    def __len__(self) -> int:
        return len(self.number)

    def place_at(self, rows: np.ndarray, days: np.ndarray) -> np.ndarray:
        """Return which of a person's three places applies on a day."""
        return (days >= self.moves[rows, 0]).astype(np.int64) + (days >= self.moves[rows, 1])

    def area_at(self, rows: np.ndarray, days: np.ndarray) -> np.ndarray:
        """Return the area a person lives in on a day."""
        return self.area[rows, self.place_at(rows, days)]

    def practice_at(self, rows: np.ndarray, days: np.ndarray) -> np.ndarray:
        """Return the practice a person is registered with on a day."""
        return self.practice[rows, self.place_at(rows, days)]


def draw_people(settings: SyntheticSettings, places: Places, block: int) -> People:
    """Draw the people of a block."""
    rng = stream(settings.seed, PEOPLE, block)
    number = np.arange(block * BLOCK_PEOPLE, min((block + 1) * BLOCK_PEOPLE, settings.people))
    household = _households(rng, len(number))
    homes = int(household[-1]) + 1
    home_area = weighted_choice(rng, places.areas["population"].to_numpy(), homes)
    start, end = day(settings.start_date), day(settings.data_cut_date)
    birth, arrival, born_here = _births_and_arrivals(rng, places, home_area[household], _is_head(household), start, end)
    ethnicity = _ethnicity(rng, places, home_area, household)
    area, moves = _moves(rng, places, home_area, household, birth, start, end)
    deprivation = places.areas["deprivation"].to_numpy()[area[:, 0]]
    adult = completed_years(birth, end) >= 16
    smoking = calibration.SMOKING_SHARE * np.exp(calibration.SMOKING_DEPRIVATION_LOG_RATIO * (deprivation - 0.5))
    lottery = rng.random(len(number))
    ages = completed_years(birth, start)
    return People(
        number=number,
        birth=birth,
        arrival=arrival,
        female=rng.random(len(number)) < 0.505,
        ethnicity=ethnicity,
        recorded_ethnicity=add_gaps(rng, ethnicity),
        frailty=rng.standard_normal(len(number)),
        smokes=adult & (lottery < smoking),
        ever_smoked=adult & (lottery < smoking + calibration.FORMER_SMOKER_SHARE),
        household=household + block * BLOCK_PEOPLE,
        residence=_residence(rng, deprivation, adult),
        moves=moves,
        area=area,
        practice=_practices(rng, places, household, area),
        unlinked=rng.random(len(number)) < settings.unlinked_share,
        born_here=born_here,
        leaves=_departures(rng, ages, np.maximum(arrival, start)),
    )


def day(date: object) -> int:
    """Return a date as days since 1970-01-01."""
    return int(np.datetime64(date, "D").astype(np.int64))  # type: ignore[call-overload]


def add_gaps(rng: np.random.Generator, ethnicity: np.ndarray) -> np.ndarray:
    """Return ethnicity as senders record it: some not stated, some not known."""
    lottery = rng.random(len(ethnicity))
    stated = np.where(lottery < calibration.ETHNICITY_NOT_STATED, NOT_STATED, ethnicity)
    return np.where(lottery > 1 - calibration.ETHNICITY_NOT_KNOWN, NOT_KNOWN, stated)


def _households(rng: np.random.Generator, people: int) -> np.ndarray:
    sizes = 1 + weighted_choice(rng, calibration.HOUSEHOLD_SIZE_SHARES, people)
    return np.repeat(np.arange(people), sizes)[:people]


def _is_head(household: np.ndarray) -> np.ndarray:
    return np.diff(household, prepend=-1) > 0


def _births_and_arrivals(
    rng: np.random.Generator, places: Places, area: np.ndarray, head: np.ndarray, start: int, end: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    people, years = len(area), (end - start) / YEAR
    growth = 1 + years * (calibration.BIRTH_RATE + calibration.MOVE_IN_RATE)
    lottery = rng.random(people)
    born = lottery < years * calibration.BIRTH_RATE / growth
    came = ~born & (lottery < years * (calibration.BIRTH_RATE + calibration.MOVE_IN_RATE) / growth)
    band = choice_by_row(rng, places.age_shares, area)
    age = 5 * band + 5 * rng.random(people)
    age[band == 18] = 90 + rng.exponential(2.5, int((band == 18).sum())).clip(max=15)
    age[came] = (17 + rng.gamma(2.2, 7.0, int(came.sum()))).clip(max=88)
    within = start + 1 + np.floor(rng.random(people) * (end - start - 1)).astype(np.int64)
    anchor = np.where(came, within, start)
    birth = np.where(born, within, anchor - 1 - np.floor(age * YEAR).astype(np.int64))
    years_on_list = np.minimum(rng.exponential(11.0, people), np.maximum(age - 0.05, 0.0))
    arrival = np.where(born | came, within, start - 1 - np.floor(years_on_list * YEAR).astype(np.int64))
    swap_child_heads(head, (birth, arrival, born), completed_years(birth, start))
    return birth, np.maximum(arrival, birth), born


def swap_child_heads(head: np.ndarray, values: tuple[np.ndarray, ...], age: np.ndarray) -> None:
    """Swap, in place, children who were drawn as heads of households with adults who were not."""
    children = np.flatnonzero(head & (age < 18))
    adults = np.flatnonzero(~head & (age >= 18))[: len(children)]
    children = children[: len(adults)]
    for value in values:
        value[children], value[adults] = value[adults].copy(), value[children].copy()


def _ethnicity(rng: np.random.Generator, places: Places, home_area: np.ndarray, household: np.ndarray) -> np.ndarray:
    of_home = choice_by_row(rng, places.ethnic_shares, home_area)
    own = choice_by_row(rng, places.ethnic_shares, home_area[household])
    group = np.where(rng.random(len(household)) < 0.08, own, of_home[household])
    table = np.zeros((len(calibration.ETHNIC_GROUPS), len(ETHNIC_CATEGORY_CODES) - 2))
    for position, name in enumerate(calibration.ETHNIC_GROUPS):
        for code, share in calibration.ETHNIC_CATEGORIES[name].items():
            table[position, ETHNIC_CATEGORY_CODES.index(code)] = share
    return choice_by_row(rng, table, group)


def _moves(
    rng: np.random.Generator,
    places: Places,
    home_area: np.ndarray,
    household: np.ndarray,
    birth: np.ndarray,
    start: int,
    end: int,
) -> tuple[np.ndarray, np.ndarray]:
    homes = len(home_area)
    head_age = completed_years(birth[_is_head(household)], start)
    limits = np.array([limit for limit, _ in calibration.MOVE_RATES_BY_AGE])
    rates = np.array([rate for _, rate in calibration.MOVE_RATES_BY_AGE])[
        np.searchsorted(limits, head_age, side="right").clip(max=3)
    ]
    first = start + 1 + np.floor(rng.exponential(1 / rates) * YEAR)
    second = first + 180 + np.floor(rng.exponential(1 / rates) * YEAR)
    moves = np.stack([np.where(first < end, first, FAR), np.where(second < end, second, FAR)], axis=1).astype(np.int64)
    area = np.stack([home_area] * 3, axis=1)
    for step in (1, 2):
        near = (area[:, step - 1] + rng.integers(1, 6, homes) * rng.choice([-1, 1], homes)) % len(places.areas)
        far = weighted_choice(rng, places.areas["population"].to_numpy(), homes)
        goes = np.where(rng.random(homes) < calibration.NEW_FROM_SAME_PLACE, near, far)
        area[:, step] = np.where(moves[:, step - 1] < FAR, goes, area[:, step - 1])
    return area[household], moves[household]


def _practices(rng: np.random.Generator, places: Places, household: np.ndarray, area: np.ndarray) -> np.ndarray:
    """Draw a practice of the area for each household; people who move keep their practice if it serves the new area."""
    cuts = np.cumsum(PRACTICE_CHOICES)[:-1]
    choice = np.searchsorted(cuts, rng.random(int(household[-1]) + 1))[household]
    practice = np.empty_like(area)
    practice[:, 0] = places.area_practices[area[:, 0], choice]
    for step in (1, 2):
        near = places.area_practices[area[:, step]]
        stays = (near == practice[:, step - 1][:, None]).any(axis=1)
        practice[:, step] = np.where(stays, practice[:, step - 1], near[np.arange(len(area)), choice])
    return practice


def _residence(rng: np.random.Generator, deprivation: np.ndarray, adult: np.ndarray) -> np.ndarray:
    lottery = rng.random(len(deprivation))
    homeless = calibration.NO_FIXED_ABODE_SHARE * (0.5 + deprivation) * adult
    unknown = homeless + calibration.POSTCODE_UNKNOWN_SHARE
    outside = unknown + calibration.OUTSIDE_ENGLAND_SHARE
    return np.select(
        [lottery < homeless, lottery < unknown, lottery < outside], [NO_FIXED_ABODE, POSTCODE_UNKNOWN, OUTSIDE_ENGLAND], RESOLVED
    )


def _departures(rng: np.random.Generator, age: np.ndarray, since: np.ndarray) -> np.ndarray:
    rate = calibration.MOVE_OUT_RATE * np.where(age < 35, 1.5, np.where(age < 60, 0.8, 0.4))
    return since + 30 + np.floor(rng.exponential(1 / rate) * YEAR).astype(np.int64)

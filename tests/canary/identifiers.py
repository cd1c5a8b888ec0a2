"""Plant recognisable identifiers: NHS numbers of the test range, a surname, postcodes that do not exist, and a letter."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from expectations.catalogue import RAW_TABLES

SURNAME = "Quillfeather"
STRAY = "Straywhistle"  # the surname planted in columns of codes and numbers
LETTER = "xylophone allergy"
SECRETS = ("hooktoken-zebrafinch", "dbpassword-zebrafinch")
FORENAMES = ("Anna", "Bert", "Clara", "Dov", "Edda")
HASHED_BY_SENDER = "outpatient_appointments"
# These feeds are enough for scores; other feeds are processed in the same way.
FEEDS = ("patients", "registrations", "opt_outs", "admissions", HASHED_BY_SENDER, "gp_observations")


@dataclass(frozen=True)
class Planted:
    """The planted NHS numbers by the board's pseudonym, and the number of other identifiers."""

    numbers: Mapping[str, str]
    others: int

    @property
    def count(self) -> int:
        return len(self.numbers) + self.others


def nhs_numbers(count: int) -> list[str]:
    """Return valid numbers from 999 000 0000 upwards, a range that is never issued."""
    numbers: list[str] = []
    body = 999_000_000
    while len(numbers) < count:
        body += 1
        total = sum(int(digit) * weight for digit, weight in zip(str(body), range(10, 1, -1), strict=True))
        check = (11 - total % 11) % 11
        if check < 10:
            numbers.append(f"{body}{check}")
    return numbers


def postcode(number: int) -> str:
    """Return a postcode of an area that does not exist."""
    letters = "ABDEFGHJLN"
    return f"QZ97 {number % 10}{letters[number // 10 % 10]}{letters[number // 100 % 10]}"


def spaced(number: str) -> str:
    return f"{number[:3]} {number[3:6]} {number[6:]}"


def make_clear(landing: Path, hashed: Callable[[str], str]) -> Planted:
    """Rewrite a board's feeds with clear identifiers; one sender hashes as Strata does, but misses some places."""
    for feed in set(RAW_TABLES) - set(FEEDS):
        shutil.rmtree(landing / feed, ignore_errors=True)  # the synthetic board has not every feed
    frames = {feed: pd.read_csv(file_of(landing, feed), dtype=str, keep_default_na=False) for feed in FEEDS}
    people = sorted({person for feed, frame in frames.items() for person in frame[person_header(feed)]} - {""})
    numbers = dict(zip(people, nhs_numbers(len(people)), strict=True))
    places = {person: place for place, person in enumerate(people)}
    for feed, frame in frames.items():
        header = person_header(feed)
        order = frame[header].map(places).fillna(0).astype(int)
        clear = frame[header].map({**numbers, "": ""})
        _add_undeclared_columns(frame, order, clear)
        frame[header] = (
            clear.map({number: hashed(number) for number in [*numbers.values(), ""]}) if feed == HASHED_BY_SENDER else clear
        )
        if "HOUSEHOLD_ID" in frame:
            frame["HOUSEHOLD_ID"] = [f"14 {SURNAME} Road {home}" if home else "" for home in frame["HOUSEHOLD_ID"]]
        if "POSTCODE" in frame:
            frame["POSTCODE"] = [postcode(place) for place in order]
        if feed == HASHED_BY_SENDER:
            _plant_strays(frame, header, list(numbers.values()))
        frame.to_csv(file_of(landing, feed), index=False)
    return Planted(numbers, len({postcode(place) for place in places.values()}) + 4 * len(FORENAMES) + len(SECRETS) + 1)


def _add_undeclared_columns(frame: pd.DataFrame, order: pd.Series, clear: pd.Series) -> None:
    """Add undeclared columns with identifiers."""
    frame["PATIENT_NAME"] = [f"{SURNAME.upper()}, {FORENAMES[place % 5]}" for place in order]
    frame["HOME_POSTCODE"] = [postcode(place).replace(" ", "").lower() for place in order]
    frame["LETTER"] = [f"Dear {SURNAME.lower()}, {LETTER}, NHS no {spaced(number)}" for number in clear]


def _plant_strays(frame: pd.DataFrame, header: str, numbers: list[str]) -> None:
    """Put a few clear identifiers in columns of pseudonyms, record numbers and codes."""
    frame.loc[3:4, header] = numbers[3:5]
    frame.loc[5, header] = spaced(numbers[5])
    frame.loc[7:8, "OPA_Ident"] = f"{SURNAME} Anna"
    frame.loc[9:10, "Treatment_Function_Code"] = postcode(7)
    frame.loc[11:12, "Outcome_of_Attendance"] = f"{STRAY}, Bert"


def person_header(feed: str) -> str:
    table = RAW_TABLES[feed]
    return table.column(table.person).source_name


def file_of(landing: Path, feed: str) -> Path:
    return next((landing / feed).glob("*.csv"))

"""Build a block's records as the senders' rows: one Arrow table of text per feed, as known before the day of a delivery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from pipelines.sources.synthetic.areas_and_practices import Places
from pipelines.sources.synthetic.block import Block
from pipelines.sources.synthetic.identifiers import look_up, pseudonyms, scramble
from pipelines.sources.synthetic.people import ETHNIC_CATEGORY_CODES, NOT_KNOWN, NOT_STATED
from pipelines.sources.synthetic.settings import SyntheticSettings

ROWS_PER_BLOCK = 100_000_000  # room for record numbers
POOR_ETHNICITY_PROVIDER = 3  # position of the provider that sends most ethnic categories as not stated or not known
LOADED_PRACTICE, SILENT_PRACTICE, SHORT_PRACTICE = (
    1,
    2,
    4,
)  # positions: history starts on the load day; no GP feed; far fewer people than its published list


@dataclass
class Extract:
    """A feed's rows of one block and delivery, and the facts about them that the planting of defects needs.

    Every column of `rows` is text. `facts` has arrays of the rows' length: `person` (row in the block), `day`, `end` (days since
    1970-01-01; end is -1 where it is empty), `birth` (first day of the month of birth), `linked` (hospital and GP use the same pseudonym).
    """

    feed: str
    rows: pa.Table
    facts: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Delivery:
    """A delivery: it contains everything known before its day."""

    day: int
    position: int
    is_last: bool


def text_days(days: np.ndarray, empty: np.ndarray | None = None) -> pa.Array:
    """Return days since 1970-01-01 as ISO dates; null where `empty` is true."""
    return pa.array(days.astype(np.int32), mask=empty).cast(pa.date32()).cast(pa.string())


def text_numbers(values: np.ndarray, empty: np.ndarray | None = None) -> pa.Array:
    """Return whole numbers as text; null where `empty` is true."""
    return pa.array(values.astype(np.int64), mask=empty).cast(pa.string())


def lottery(numbers: np.ndarray, seed: int, purpose: int) -> np.ndarray:
    """Return a fixed number in [0, 1) for each record, the same in every delivery."""
    return scramble(numbers, seed + 7_919 * purpose).astype(np.float64) / 2.0**64


def record_positions(block: Block, count: int) -> np.ndarray:
    """Return numbers for a block's records of one feed that are unique over the whole board."""
    return block.number * ROWS_PER_BLOCK + np.arange(count)


def gp_pseudonyms(settings: SyntheticSettings, block: Block) -> pa.Array:
    """Return the pseudonyms of the block's people in the GP feeds."""
    return pseudonyms(block.people.number, settings.seed)


def hospital_pseudonyms(settings: SyntheticSettings, block: Block) -> pa.Array:
    """Return the pseudonyms of the block's people in the hospital feeds; they differ for people who do not link."""
    elsewhere = block.people.number + np.int64(2) ** 40
    return pseudonyms(np.where(block.people.unlinked, elsewhere, block.people.number), settings.seed)


def in_gap(settings: SyntheticSettings, provider: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Flag the rows of the provider that sends nothing for three months."""
    if not settings.defects.provider_gap or not settings.defects.enabled:
        return np.zeros(len(days), bool)
    first = np.datetime64(settings.provider_gap_start, "M")
    start, stop = (month.astype("datetime64[D]").astype(np.int64) for month in (first, first + 3))
    return (provider == 1) & (days >= start) & (days < stop)


def sent_sex(block: Block, rows: np.ndarray) -> pa.Array:
    """Return sex as 1 or 2."""
    return look_up(["1", "2"], block.people.female[rows].astype(np.int64))


def sent_ethnicity(
    settings: SyntheticSettings, block: Block, rows: np.ndarray, provider: np.ndarray, numbers: np.ndarray
) -> pa.Array:
    """Return the ethnic category as hospitals send it: drawn for each row, mostly not stated or not known at one provider."""
    draw = lottery(numbers, settings.seed, 1)
    poor = (provider == POOR_ETHNICITY_PROVIDER) & settings.defects.ethnicity_not_known & settings.defects.enabled
    not_stated, not_known = np.where(poor, 0.45, 0.05), np.where(poor, 0.65, 0.08)
    return look_up(
        ETHNIC_CATEGORY_CODES,
        np.select([draw < not_stated, draw < not_known], [NOT_STATED, NOT_KNOWN], block.people.ethnicity[rows]),
    )


def first_of_birth_month(block: Block) -> np.ndarray:
    """Return the first day of each person's month of birth; the feeds contain no day of birth."""
    months = block.people.birth.astype("datetime64[D]").astype("datetime64[M]")
    return months.astype("datetime64[D]").astype(np.int64)


def event_facts(block: Block, rows: np.ndarray, days: np.ndarray, end: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Return the facts about event rows that the planting of defects needs."""
    return {
        "person": rows,
        "day": days,
        "end": np.full(len(rows), -1) if end is None else end,
        "birth": first_of_birth_month(block)[rows],
        "linked": ~block.people.unlinked[rows],
    }


def lsoa_2011(places: Places, block: Block, rows: np.ndarray, days: np.ndarray) -> pa.Array:
    """Return the LSOA 2011 of residence on a day; null without a fixed or known address."""
    area = np.where(block.people.residence[rows] == 0, block.people.area_at(rows, days), -1)
    return look_up(places.areas["lsoa11_code"].to_numpy(), area)


def build_extract(feed: str, columns: Mapping[str, pa.Array], facts: dict[str, np.ndarray]) -> Extract:
    """Build an extract from columns in the order of the declared headers."""
    return Extract(feed, pa.table(dict(columns)), facts)

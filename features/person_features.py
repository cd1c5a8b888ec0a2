"""The rows of features__person of a range of people, computed from their core tables.

The computation reads and writes no files, so any engine may run it range by range.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from expectations.age import UNKNOWN_BIRTH
from expectations.feeds import GP_FEEDS
from expectations.suppression import SUPPRESSIONS
from expectations.tables.features import PERSON_FEATURES
from features.anchoring import IndexRows
from features.area_context import AreaContext, context_features
from features.attributes import (
    PeopleTables,
    Row,
    attribute_columns,
    attribute_features,
    birth_days,
    days,
    flags,
    numbers,
    numbers_of,
    practice_line,
    records_at_index,
    registration_at,
)
from features.catalogue import Catalogue
from features.cohort import Candidates, CohortSettings, Use, cohort_flow
from features.coverage import CoverageCalendar, covered_days
from features.declaration import DERIVED, EVER_NEEDS_DAYS, Feature, Statistic
from features.derived import derive
from features.geography import Places
from features.inequality import AREA, PRACTICE
from features.periods import OPEN, STAY_DAYS, lasts_beyond
from features.plan import Plan
from features.window_counts import Events, window_counts

FULL = "full"


@dataclass(frozen=True)
class Recipe:
    """What is the same for every range of people of a run: catalogue, plan, places, coverage and cohort."""

    catalogue: Catalogue
    plan: Plan
    not_computed: Mapping[str, str]  # features that are not computed, with the reason
    places: Places
    calendar: CoverageCalendar
    cohort: CohortSettings
    use: Use
    context: AreaContext = field(default_factory=dict)  # rates of the ICB, by context day

    @property
    def computed(self) -> tuple[Feature, ...]:
        """Return the features that are computed, in the order of the catalogue."""
        return tuple(feature for feature in self.catalogue.features if feature.name not in self.not_computed)

    @property
    def event_feeds(self) -> tuple[str, ...]:
        """Return the feeds whose coverage matters for the computed features."""
        needed = {feed for feature in self.computed for feed in feature.feeds}
        return tuple(feed for feed in self.calendar.feeds if feed in needed)


@dataclass(frozen=True)
class IndexEvents:
    """Candidate rows in order of person: a person, a day and the identifier of the index event."""

    person: NDArray[np.int32]
    index_day: NDArray[np.int32]
    index_event_id: pa.Array

    @classmethod
    def on_one_day(cls, people: pa.Table, index_date: date) -> IndexEvents:
        """Build one index event for each person: the date."""
        person = numbers(people["person_key"])
        day = (index_date - date(1970, 1, 1)).days
        return cls(person, np.full(len(person), day, dtype=np.int32), pa.repeat(index_date.isoformat(), len(person)))

    @classmethod
    def at_discharges(cls, spells: pa.Table, index_date: date, settings: CohortSettings) -> IndexEvents:
        """Build one index event for each discharge in the period up to the index date, on the day of discharge.

        Features end the day before and time at risk starts the day after, so that a readmission on the next day counts. People who died
        in the spell have no index event, nor those who are in another spell that began by that day and ended after it: they are not at home.
        """
        last = (index_date - date(1970, 1, 1)).days
        day = days(spells["discharge_date"], OPEN)
        chosen = (day <= last) & (day > last - settings.discharge_period_days) & ~numbers(spells["died"])
        chosen &= pc.fill_null(spells["nights"], -1).combine_chunks().to_numpy() >= settings.discharge_minimum_nights
        if settings.discharge_class == "emergency":
            chosen &= pc.equal(spells["spell_class"], "emergency").combine_chunks().to_numpy(zero_copy_only=False)
        chosen &= ~_in_another_spell(spells, day)
        discharges = spells.filter(pa.array(chosen)).append_column("day", pa.array(day[chosen]))
        discharges = discharges.sort_by([("person_key", "ascending"), ("day", "ascending"), ("spell_key", "ascending")])
        identifiers = discharges["spell_key"].cast(pa.string()).combine_chunks()
        return cls(numbers(discharges["person_key"]), numbers(discharges["day"]), identifiers)


def _in_another_spell(spells: pa.Table, discharge_day: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return whether the person of each spell is in another spell at the end of the day of discharge.

    Regular attenders go home. A spell that has not ended lasts `STAY_DAYS` at most.
    """
    overnight = pc.not_equal(spells["spell_class"], "regular_attender").combine_chunks().to_numpy(zero_copy_only=False)
    person, admitted = numbers(spells["person_key"]), days(spells["admission_date"], OPEN)
    end = np.where(discharge_day == OPEN, admitted + np.int32(STAY_DAYS), discharge_day)
    ended = discharge_day != OPEN
    found = np.zeros(len(person), dtype=bool)
    found[ended] = lasts_beyond(person[overnight], admitted[overnight], end[overnight], person[ended], discharge_day[ended])
    return found


def person_features(
    tables: PeopleTables, events: Events, index_events: IndexEvents, recipe: Recipe, on_context_day: Events | None = None
) -> tuple[pa.Table, list[tuple[str, int]]]:
    """Return the rows of features__person for a range of people, in order of person, and the cohort flow.

    `on_context_day` holds the events as they were recorded on the context day, where that differs from the index date.
    """
    everyone = numbers(tables.people["person_key"])
    place = np.searchsorted(everyone, index_events.person)
    row = Row(place, index_events.person, index_events.index_day)
    registration = registration_at(tables, row)
    inside, flow = cohort_flow(_candidates(tables, row, registration), recipe.cohort, recipe.use)
    row = Row(place[inside], row.person[inside], row.index_day[inside])
    records = records_at_index(tables, recipe.places, row, registration[inside])
    attributes = attribute_columns(tables, recipe.places, row, records)
    practice = practice_line(tables, records)
    covered = _covered(recipe, practice, row)
    keys = {
        "person_key": pa.array(row.person, pa.int32()),
        "person_id": tables.people["person_id"].combine_chunks().take(pa.array(row.place)),
        "index_event_id": index_events.index_event_id.filter(pa.array(inside)),
        "index_date": pa.array(row.index_day, pa.int32()).cast(pa.date32()),
    }
    columns = keys | attributes | _coverage_columns(covered, len(row.place))
    ordered = {column.name: columns[column.name] for column in PERSON_FEATURES.columns}
    read = attribute_features(tables, recipe.places, row, records)
    if {AREA, PRACTICE} - set(recipe.not_computed):
        read |= context_features(tables, on_context_day or events, row, practice, attributes["lsoa_code"], recipe.context)
    features = _feature_columns(tables, events, row, covered, recipe, read)
    return pa.table(ordered | {name: _null_where_nan(values) for name, values in features.items()}), flow


def _null_where_nan(values: NDArray[np.float32]) -> pa.Array:
    """Return a column with null for NaN, without a copy of the values."""
    unknown = np.isnan(values)
    if not unknown.any():
        return pa.array(values)
    present = pa.py_buffer(np.packbits(~unknown, bitorder="little"))
    return pa.Array.from_buffers(pa.float32(), len(values), [present, pa.py_buffer(np.ascontiguousarray(values))])


def _candidates(tables: PeopleTables, row: Row, registration: NDArray[np.int64]) -> Candidates:
    people = tables.people
    start = np.append(days(tables.registrations["start_date"], OPEN), 0)[registration]
    unreadable = np.append(flags(tables.registrations["end_not_readable"]), False)[registration]
    return Candidates(
        birth_day=birth_days(people, row), death_day=days(people["death_date"], OPEN)[row.place],
        death_not_readable=flags(people["death_not_readable"])[row.place], suppressed=numbers_of(people["suppression"], SUPPRESSIONS)[row.place],
        index_day=row.index_day, on_list=numbers(people["on_list"])[row.place], registered=registration >= 0, end_not_readable=unreadable,
        days_on_list=np.where(registration >= 0, row.index_day - start, 0).astype(np.int32),
        type_1_opt_out=numbers(people["type_1_opt_out"])[row.place],
        national_data_opt_out=numbers(people["national_data_opt_out"])[row.place],
    )  # fmt: skip


def _covered(recipe: Recipe, practice: pa.Array, row: Row) -> dict[str, NDArray[np.int32]]:
    """Return the days covered before each index date, by feed."""
    names = pa.array(list(recipe.calendar.practices), pa.string())
    where = pc.if_else(pc.is_null(practice), pa.scalar(None, pa.int32()), pc.index_in(practice, names))
    place = where.fill_null(-1).to_numpy(zero_copy_only=False)
    return {feed: covered_days(recipe.calendar, feed, place, row.index_day) for feed in recipe.event_feeds}


def _coverage_columns(covered: dict[str, NDArray[np.int32]], rows: int) -> dict[str, pa.Array]:
    lacking = np.zeros(rows, dtype=np.int64)
    for bit, covered_before in enumerate(covered.values()):
        lacking |= (covered_before < EVER_NEEDS_DAYS).astype(np.int64) << bit
    names = {
        pattern: ",".join(feed for bit, feed in enumerate(covered) if pattern >> bit & 1) or FULL
        for pattern in np.unique(lacking).tolist()
    }
    encoded = np.searchsorted(np.asarray(sorted(names)), lacking)
    gp = np.logical_and.reduce([covered.get(feed, np.zeros(rows)) >= EVER_NEEDS_DAYS for feed in GP_FEEDS])
    texts = pa.array([names[pattern] for pattern in sorted(names)], pa.string())
    return {"coverage": texts.take(pa.array(encoded)), "gp_covered": pa.array(gp, pa.bool_())}


def _feature_columns(
    tables: PeopleTables, events: Events, row: Row, covered: dict[str, NDArray[np.int32]], recipe: Recipe,
    read: Mapping[str, NDArray[np.float64]],
) -> dict[str, NDArray[np.float32]]:  # fmt: skip
    """Return the computed features in the order of the catalogue; NaN where a value is not known."""
    birth = days(tables.people["birth_date"], UNKNOWN_BIRTH)[row.place]
    counted = window_counts(events, IndexRows(row.person, row.index_day, birth), recipe.plan)
    by_events = {feature.name: counted[place] for place, feature in enumerate(recipe.plan.features)}
    gaps: dict[tuple[tuple[str, ...], int], NDArray[np.bool_] | None] = {}
    columns: dict[str, NDArray[np.float32]] = {}
    for feature in recipe.computed:
        if feature.statistic in DERIVED:
            columns[feature.name] = derive(feature, columns)
            continue
        attribute = feature.statistic is Statistic.ATTRIBUTE
        columns[feature.name] = read[feature.name].astype(np.float32) if attribute else by_events[feature.name]
        if attribute and feature.window_days is None:
            continue
        key = (feature.feeds, feature.covered_days)
        if key not in gaps:
            gaps[key] = _not_covered(covered, *key)
        missing = gaps[key]
        if missing is not None:
            columns[feature.name][missing] = np.nan
    return columns


def _not_covered(covered: dict[str, NDArray[np.int32]], feeds: tuple[str, ...], needed: int) -> NDArray[np.bool_] | None:
    gaps = [covered[feed] < needed for feed in feeds if feed in covered]
    missing = np.logical_or.reduce(gaps) if gaps else None
    return missing if missing is not None and missing.any() else None

"""Features stage: from core tables to `features__catalogue`, `features__person` and the cohort's flow.

People are processed by ranges of their key. For each range, Strata reads the rows of every core table, computes the features and writes one
file. The files of an index date are committed together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from expectations.feeds import ADDRESSES, PATIENTS, REGISTRATIONS
from expectations.tables import risk
from expectations.tables.core_places import ORGANISATION_LINE
from expectations.tables.features import CATALOGUE, PERSON_FEATURES
from features.attributes import PeopleTables, days, numbers
from features.catalogue import Catalogue, catalogue_rows, not_chosen, unavailable
from features.catalogue import build_catalogue as declare_catalogue
from features.code_list_matches import unmatched
from features.code_lists import load_code_lists
from features.cohort import CohortSettings, Use, add_flows
from features.coverage import CoverageCalendar, coverage_calendar
from features.demographics import MOVES_DAYS
from features.geography import area_columns, build_places
from features.periods import OPEN, Households, HouseholdSizes
from features.person_features import IndexEvents, Recipe
from features.plan import compile_plan
from features.short_windows import never_known
from features.window_counts import Events
from pipelines.building.area_context import area_context, context_days_of
from pipelines.building.code_list_use import list_matches
from pipelines.building.event_reader import read_event_arrays, read_events
from pipelines.building.index_date_files import INDEX_DATE, file_columns
from pipelines.building.people_reader import core_scans, household_periods, household_sizes, read_people
from pipelines.building.range_workers import RangeRunner, over_ranges
from pipelines.building.superseded_events import Superseded, features_as_reported, superseded_scan
from pipelines.building.unsupported_features import empty_concepts, unsupported_features
from pipelines.errors import RefusalError
from pipelines.lake.data_files import DataFile
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake

PEOPLE_PER_RANGE = 65_536
FIRST_ROWS = 100_000
ALWAYS_PRESENT = (PATIENTS.name, REGISTRATIONS.name)


@dataclass(frozen=True)
class FeatureRequest:
    """What to build: the cohort, the rules of the purpose, the IMD edition and the folder of a team's own code lists.

    `lag_days` has the days after which an event of a type is known; a type that is not in it has none.
    """

    cohort: CohortSettings
    use: Use
    imd_edition: int
    allowed_feeds: tuple[str, ...] | None = None
    code_list_folder: Path | None = None
    families: tuple[str, ...] | None = None
    lag_days: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class FeatureSummary:
    """What was built for one index date."""

    rows: int
    features: int
    not_computed: Mapping[str, str]


def build_catalogue(lake: Lake, request: FeatureRequest) -> dict[str, str]:
    """Write features__catalogue and return the features that are not computed, with the reason."""
    catalogue, reasons, _ = _catalogue(lake, request)
    lake.write(CATALOGUE, catalogue_rows(catalogue, reasons))
    return reasons


def build_features(
    lake: Lake, request: FeatureRequest, index_date: date, *, workers: int = 1, given: pa.Table | None = None,
    people_per_range: int = PEOPLE_PER_RANGE, run_ranges: RangeRunner | None = None,
) -> FeatureSummary:  # fmt: skip
    """Build the rows of one index date (or of all index events up to it) and commit them at once.

    `given` has the columns person_key, index_date and index_event_id of a cohort of kind 'given'. The cohort's flow is committed after the
    features. `run_ranges` runs the ranges; the default is `workers` processes on this machine. Raises RefusalError for an empty cohort.
    """
    recipe = make_recipe(lake, request)
    days_of_context = context_days_of(lake, request.cohort, index_date, given, recipe.not_computed)
    recipe = replace(recipe, context=area_context(lake, days_of_context, recipe.calendar, request.use))
    task = _Task(
        lake.root,
        recipe,
        index_date,
        core_scans(lake),
        tuple(lake.files("core__event")),
        household_sizes(lake, index_date) if request.cohort.one_date_for_all else household_periods(lake),
        given,
        superseded_scan(lake),
    )
    run_ranges = run_ranges or partial(over_ranges, workers=workers)
    results: list[_RangeResult] = run_ranges(partial(_build_range, task), _ranges(lake, people_per_range))
    flow = add_flows([result.flow for result in results])
    files = [file for result in results for file in result.files]
    if not files:
        counts = "; ".join(f"{reason}: {count:,}" for reason, count in flow)
        raise RefusalError(f"no one is in the cohort of {index_date} ({counts}); check the index date against the registrations")
    schema = next(result.schema for result in results if result.schema is not None)
    _commit(lake, files, schema, index_date, request.cohort)
    _write_flow(lake, index_date, flow)
    return FeatureSummary(flow[-1][1], len(recipe.computed), recipe.not_computed)


def make_recipe(lake: Lake, request: FeatureRequest) -> Recipe:
    """Compile the inputs that are the same for every range of people."""
    catalogue, reasons, calendar = _catalogue(lake, request)
    codes = lake.read("core__code", "code, code_system, source_code", order="code")
    code_rows = list(zip(*(codes[name].to_pylist() for name in ("code", "code_system", "source_code")), strict=True))
    relations, lines = lake.read("core__organisation_relation"), lake.read_or_empty(ORGANISATION_LINE)
    places = build_places(lake.read("core__area", order="lsoa_code"), relations, lines, request.imd_edition)
    return Recipe(catalogue, compile_plan(catalogue, code_rows, reasons), reasons, places, calendar, request.cohort, request.use)


def _catalogue(lake: Lake, request: FeatureRequest) -> tuple[Catalogue, dict[str, str], CoverageCalendar]:
    declared = declare_catalogue(load_code_lists(request.code_list_folder), request.imd_edition)
    without = unmatched(declared, list_matches(lake), empty_concepts(lake, declared))
    catalogue = without.catalogue
    rows = lake.read("core__coverage", "feed, organisation_code, month, status, known_since", "organisation_role = 'practice'")
    calendar = coverage_calendar(rows)
    addresses = (ADDRESSES.name,) if lake.rows("core__residence") else ()
    reasons = unavailable(catalogue, (*ALWAYS_PRESENT, *addresses, *calendar.feeds), request.allowed_feeds)
    lacking = {
        name: reason for name, reason in _unsupported_by_lake(lake, request.imd_edition).items() if name in catalogue.by_name
    }
    left_out = {**not_chosen(catalogue, request.families), **never_known(catalogue, request.lag_days)}
    return catalogue, {**left_out, **without.reasons, **lacking, **unsupported_features(lake, catalogue), **reasons}, calendar


def _unsupported_by_lake(lake: Lake, edition: int) -> dict[str, str]:
    """Return the features that the stored data cannot support, with the reason.

    An area column may be missing, or the registered list may have no households, one address per person or one start date.
    """
    columns = {name: column for name, column in area_columns(edition).items() if not column.startswith("local_")}
    columns[f"local_{edition}_quintile"] = f"imd_{edition}_rank"
    counted = ", ".join(f"count({column}) AS {column}" for column in sorted(set(columns.values())))
    with connect() as con:
        filled = con.sql(f"SELECT {counted} FROM {lake.scan('core__area')}").to_arrow_table().to_pylist()[0]
        has_households = con.execute(
            f"SELECT 1 FROM {lake.scan('core__residence')} WHERE household_id IS NOT NULL LIMIT 1"
        ).fetchall()
        first, last = con.execute(f"SELECT min(start_date), max(start_date) FROM {lake.scan('core__registration')}").fetchall()[0]
    lacking = {name: "the reference files do not have it" for name, column in columns.items() if not filled[column]}
    needs = (
        (has_households, "no households", ("household_size", "lives_alone")),
        (_twice(lake, "core__residence"), "one address for each person", (f"address_moves_{MOVES_DAYS}d",)),
        (first != last, "the same start date for everyone", ("years_on_list", f"practice_moves_{MOVES_DAYS}d")),
    )
    return lacking | {name: f"the registered list has {what}" for met, what, names in needs if not met for name in names}


def _twice(lake: Lake, table: str) -> bool:
    """Return whether anyone has two rows in a table.

    The first rows usually answer it. Rows are normally stored in order of person, so neighbours are compared.
    """
    with connect() as con:
        for rows in (f"LIMIT {FIRST_ROWS}", ""):
            people = numbers(con.sql(f"SELECT person_key FROM {lake.scan(table)} {rows}").to_arrow_table()["person_key"])
            people = people if (people[1:] >= people[:-1]).all() else np.sort(people)
            if (people[1:] == people[:-1]).any():
                return True
    return False


# --- ranges of people ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Task:
    root: Path
    recipe: Recipe
    index_date: date
    scans: Mapping[str, str]
    event_files: tuple[str, ...]
    households: Households | HouseholdSizes
    given: pa.Table | None
    superseded: str  # SQL of core__event_superseded


@dataclass(frozen=True)
class _RangeResult:
    files: tuple[DataFile, ...]
    flow: list[tuple[str, int]]
    schema: pa.Schema | None


def _build_range(task: _Task, first: int, last: int) -> _RangeResult:
    """Compute and write the rows of the people from `first` up to, not including, `last`."""
    tables, spells = _people(task, first, last)
    events, superseded = read_event_arrays(task.event_files, first, last), Superseded.read(task.superseded, first, last)
    table, flow = features_as_reported(tables, events, superseded, _index_events(task, tables, spells), task.recipe)
    if not table.num_rows:
        return _RangeResult((), flow, None)
    one_date = {} if _own_dates(task.recipe.cohort) else {INDEX_DATE: task.index_date.isoformat()}
    file = Lake(task.root).write_arrow(PERSON_FEATURES.name, table.drop_columns(list(one_date)), one_date)
    return _RangeResult((file,), flow, table.schema)


@dataclass(frozen=True)
class PersonRows:
    """The feature rows of one person, the cohort's flow, and the recipe and events that they were computed from."""

    rows: pa.Table
    flow: list[tuple[str, int]]
    recipe: Recipe
    events: pa.Table


def person_rows(lake: Lake, request: FeatureRequest, index_date: date, person: int, given: pa.Table | None = None) -> PersonRows:
    """Compute the rows of one person (a person key) as `build_features` does, and write nothing.

    Only that person's part of the lake is read.
    """
    recipe = make_recipe(lake, request)
    homes = f"household_id IN (SELECT household_id FROM {lake.scan('core__residence')} WHERE person_key = {person})"
    task = _Task(
        lake.root,
        recipe,
        index_date,
        core_scans(lake),
        tuple(lake.files("core__event")),
        household_periods(lake, homes),
        given,
        superseded_scan(lake),
    )
    tables, spells = _people(task, person, person + 1)
    events, superseded = read_events(task.event_files, person, person + 1), Superseded.read(task.superseded, person, person + 1)
    rows, flow = features_as_reported(tables, Events.from_arrow(events), superseded, _index_events(task, tables, spells), recipe)
    reported = superseded.as_at((index_date - date(1970, 1, 1)).days)
    return PersonRows(rows, flow, recipe, pa.concat_tables([events, reported]).sort_by([("event_date", "ascending")]))


def _people(task: _Task, first: int, last: int) -> tuple[PeopleTables, pa.Table]:
    return read_people(task.scans, task.households, first, last, task.recipe.cohort.of_discharges)


def _index_events(task: _Task, tables: PeopleTables, spells: pa.Table) -> IndexEvents:
    cohort = task.recipe.cohort
    if cohort.one_date_for_all:
        return IndexEvents.on_one_day(tables.people, task.index_date)
    if cohort.of_discharges:
        return IndexEvents.at_discharges(spells, task.index_date, cohort)
    if task.given is None:
        raise RefusalError(
            "a cohort of kind 'given' needs its rows from the source, and there are none; set study.cohort.kind to another kind"
        )
    here = task.given.filter(pc.is_in(task.given["person_key"], tables.people["person_key"].combine_chunks()))
    here = here.sort_by([("person_key", "ascending"), ("index_date", "ascending"), ("index_event_id", "ascending")])
    keys = here["person_key"].cast(pa.int32()).combine_chunks().to_numpy()
    return IndexEvents(keys, days(here["index_date"], OPEN), here["index_event_id"].cast(pa.string()).combine_chunks())


def _ranges(lake: Lake, people_per_range: int) -> list[tuple[int, int]]:
    bounds = lake.read("core__person", "coalesce(min(person_key), 0) AS low, coalesce(max(person_key), 0) AS high").to_pylist()[0]
    starts = range(bounds["low"], bounds["high"] + 1, people_per_range)
    return [(start, start + people_per_range) for start in starts]


# --- committing ----------------------------------------------------------------------------------------------------


def _commit(lake: Lake, files: list[DataFile], schema: pa.Schema, index_date: date, cohort: CohortSettings) -> None:
    """Commit the files; a changed set of columns, or a cohort with many index dates, replaces the whole table."""
    name = PERSON_FEATURES.name
    by = file_columns(PERSON_FEATURES, _own_dates(cohort))
    changed = lake.exists(name) and (lake.schema(name).names != schema.names or lake.partitioned_by(name) != by)
    replaces_all = changed or _own_dates(cohort)
    replace: Mapping[str, str] | str = "all" if replaces_all else {INDEX_DATE: index_date.isoformat()}
    lake.commit(name, files, schema, partition_by=by, replace=replace)


def _own_dates(cohort: CohortSettings) -> bool:
    return not cohort.one_date_for_all


def _write_flow(lake: Lake, index_date: date, flow: list[tuple[str, int]]) -> None:
    rows = pa.table(
        {
            "step": pa.array(range(len(flow)), pa.int32()),
            "reason": pa.array([reason for reason, _ in flow], pa.string()),
            "people": pa.array([count for _, count in flow], pa.int64()),
        }
    )
    lake.write(risk.COHORT_FLOW, rows, {"index_date": index_date.isoformat()})

"""Why a person's features are what they are on an index date, or why the person is not in the cohort: text for a terminal.

Only the person's part of the lake is read. The values are recomputed by the code that builds the features.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow as pa
from rich.console import Group, RenderableType
from rich.table import Table

from expectations.identifier_text import normal
from expectations.sql_values import quote, quote_all
from expectations.tables import core, core_places, risk
from expectations.tables.features import PERSON_FEATURES
from features.coverage import COVERED
from features.declaration import DERIVED, Feature, Statistic
from features.evidence import (
    COUNTS,
    CheckedEvent,
    concept_text,
    coverage_text,
    covered_window,
    definition,
    feature_and_inputs,
    is_place_rate,
    meaning,
    window,
)
from pipelines.building.build_features import FeatureRequest, person_rows
from pipelines.errors import RefusalError
from pipelines.lake.storage import Lake
from pipelines.reference.stored_lines import stored_lines
from pipelines.reports.labels import label
from pipelines.reports.terminal import as_text, paragraph, table
from pipelines.why.cohort_absence import left_out_lines, unknown_lines
from pipelines.why.person_case import PersonCase, Record, one_row

MOST_NOT_COUNTED = 20
NOT_STORED = "not stored"


@dataclass(frozen=True)
class Answer:
    """What to show, and whether the person is in the cohort."""

    content: RenderableType
    in_cohort: bool

    @property
    def text(self) -> str:
        return as_text(self.content)


def why(
    lake: Lake, request: FeatureRequest, person_id: str, index_date: date, feature: str | None = None, given: pa.Table | None = None
) -> Answer:  # fmt: skip
    """Explain a person's features (or one of them) on an index date, or what kept the person out of the cohort.

    `given` are the index events of a cohort that the source defines. Raises RefusalError where there is no such feature, or
    the lake has no people yet.
    """
    if not lake.exists(core.PERSON.name):
        raise RefusalError("there are no people yet (core__person); run the pipeline first")
    person_id = normal(person_id)
    person = one_row(
        lake, core.PERSON.name, f"lower(person_id) = lower({quote(person_id)}) ORDER BY person_id <> {quote(person_id)}"
    )
    if person is None:
        return _answer(unknown_lines(lake, person_id), False)
    recomputed = person_rows(lake, request, index_date, int(str(person["person_key"])), given)
    case = PersonCase(lake, person, index_date, recomputed)
    head = [f"Person {person['person_id']} on {index_date}"]
    if not case.row:
        return _answer([*head, *left_out_lines(case, request)], False)
    features = _all_features(case) if feature is None else _one_feature(case, feature)
    return _answer([*head, *_person_lines(case), *features, *_label(case)], True)


def why_ready_made(lake: Lake, person_id: str, index_date: date, feature: str | None = None) -> Answer:
    """Show a person's rows of a ready-made feature table, which has no events to explain a value with."""
    where = f"person_id = {quote(normal(person_id))} AND index_date = DATE {quote(index_date)}"
    rows = lake.read_or_empty(PERSON_FEATURES, where=where, order="index_event_id").to_pylist()
    if not rows:
        return _answer([f"features__person has no row of the person {person_id} on {index_date}."], False)
    names = [name for name in rows[0] if name not in {column.name for column in PERSON_FEATURES.columns}]
    if feature is not None:
        names = [_checked(feature, names)]
    lines: list[RenderableType] = [
        "The features came from a ready-made table. The lake has their values and no events behind them."
    ]
    for row in rows:
        lines += ["", f"Row {row['index_event_id']} of the person {person_id} on {index_date}"]
        lines.append(table([{"feature": name, "stored": row[name]} for name in names], ("feature", "stored")))
    return _answer(lines, True)


def _answer(lines: Iterable[RenderableType], in_cohort: bool) -> Answer:
    return Answer(Group(*lines), in_cohort)


# --- the person in the cohort ---------------------------------------------------------------------------------------


def _person_lines(case: PersonCase) -> Iterator[str]:
    row = case.row
    yield f"In the cohort: {row['sex_name']}, {row['age_band']}, practice {row['practice_code']}, coverage {row['coverage']}."


def _all_features(case: PersonCase) -> Iterator[RenderableType]:
    recipe, evidence = case.recomputed.recipe, case.evidence
    families: dict[str, list[Feature]] = {}
    for feature in recipe.catalogue.features:
        if feature.name in case.row:
            families.setdefault(feature.family, []).append(feature)
    yield "Value: recomputed now. Stored: the value in features__person. Events: the number of events that count."
    for family, features in families.items():
        yield f"\n{label(family)}"
        rows = [
            {"feature": each.name, "value": _computed(case, each), "stored": _stored(case, each.name),
             "events": None if _is_read(each, case) else evidence.counted(each)}
            for each in features
        ]  # fmt: skip
        yield table(rows, ("feature", "value", "stored", "events"))
    yield f"\nEvents on record: {len(evidence.events):,}. Features not computed: {len(recipe.not_computed):,} (features__catalogue has the reasons)."


def _is_read(feature: Feature, case: PersonCase) -> bool:
    parts = feature_and_inputs(feature, case.recomputed.recipe.catalogue)
    return all(part.statistic in (Statistic.ATTRIBUTE, *DERIVED) for part in parts)


def _one_feature(case: PersonCase, name: str) -> Iterator[RenderableType]:
    recipe = case.recomputed.recipe
    feature = recipe.catalogue.by_name[_checked(name, list(recipe.catalogue.by_name))]
    if name in recipe.not_computed:
        raise RefusalError(f"the feature '{name}' is not computed here: {recipe.not_computed[name]}")
    for number, part in enumerate(feature_and_inputs(feature, recipe.catalogue)):
        yield f"\n{'' if number == 0 else 'computed from '}{part.name}: {part.label}"
        yield from _definition_lines(case, part)
        if part.statistic is Statistic.ATTRIBUTE:
            yield from _records(case)
        elif part.statistic not in DERIVED:
            yield from _events_of(case, part)


def _definition_lines(case: PersonCase, feature: Feature) -> Iterator[RenderableType]:
    yield _fact("what it is", f"{definition(feature)}{f' ({feature.unit})' if feature.unit else ''}")
    if feature.description:
        yield _fact("", feature.description)
    for name in feature.concepts:
        yield paragraph(f"{name}: {concept_text(case.recomputed.recipe.catalogue.concepts[name])}", indent=2)
    yield _fact("window", window(feature, case.index_date))
    yield _fact("value", _computed(case, feature))
    yield _fact("stored value", _stored(case, feature.name))
    yield from _coverage(case, feature)


def _fact(name: str, text: str) -> RenderableType:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=14)
    grid.add_column(overflow="fold")
    grid.add_row(f"  {name}", text)
    return grid


def _events_of(case: PersonCase, feature: Feature) -> Iterator[RenderableType]:
    events = case.evidence.checked_events(feature)
    counted = [one for one in events if one.verdict == COUNTS]
    others = [one for one in events if one.verdict != COUNTS]
    yield f"  {len(counted)} of its events count:"
    columns = ("date", "available", "type", "code", "value", "provider", "meaning")
    yield table([_shown(case, one) for one in counted], columns)
    nearest = sorted(others, key=lambda one: abs((one.event.event_date - case.index_date).days))[:MOST_NOT_COUNTED]
    if nearest:
        yield f"  {len(others)} do not{'' if len(others) == len(nearest) else f'. The nearest {len(nearest)}'}:"
        nearest.sort(key=lambda one: one.event.event_date)
        yield table([_shown(case, one) for one in nearest], ("date", "available", "type", "code", "why not", "meaning"))


def _shown(case: PersonCase, one: CheckedEvent) -> Record:
    event, catalogue = one.event, case.recomputed.recipe.catalogue
    lists = catalogue.concepts[one.concept].code_lists or tuple(catalogue.code_lists)
    return {
        "date": event.event_date, "available": event.available_date, "type": event.event_type,
        "code": f"{event.code_system} {event.code}".strip(), "meaning": meaning(catalogue, event.code_system, event.code, lists),
        "value": None if event.value is None else f"{event.value:g}", "provider": event.provider, "why not": one.verdict,
    }  # fmt: skip


def _coverage(case: PersonCase, feature: Feature) -> Iterator[RenderableType]:
    """Yield the months of its feeds that are missing for the person's practice: any of them makes the feature null."""
    calendar = case.recomputed.recipe.calendar
    feeds = [feed for feed in feature.feeds if feed in calendar.feeds]
    if not feeds or feature.statistic in (*DERIVED, Statistic.ATTRIBUTE):
        return
    first, last = covered_window(feature, case.index_date)
    practice = stored_lines(case.lake).first_code(str(case.row["practice_code"]))
    where = f"organisation_role = 'practice' AND organisation_code = {quote(practice)} AND feed IN ({quote_all(feeds)})"
    between = f"month BETWEEN DATE {quote(first.replace(day=1))} AND DATE {quote(last)}"
    rows = case.lake.read(core.COVERAGE.name, "feed, month, status", f"{where} AND {between}").to_pylist()
    status = {(row["feed"], row["month"]): row["status"] for row in rows}
    gaps = [gap for feed in feeds for gap in _gaps(feed, status, first, last)]
    result = f"null, because these months are missing: {'; '.join(gaps)}" if gaps else "all months are there"
    yield _fact("coverage", f"needs {', '.join(feeds)} of {coverage_text(feature)}: {result}")


def _gaps(feed: str, status: Mapping[tuple[str, date], str], first: date, last: date) -> Iterator[str]:
    """Name the runs of months of a feed that are not covered."""
    run: list[date] = []
    for month in [*_months(first, last), date.max]:
        state = status.get((feed, month), NOT_STORED)
        covered = month == date.max or state == COVERED or (month == _month(last) and month > _last_known(status, feed))
        if run and (covered or status.get((feed, run[0]), NOT_STORED) != state):
            yield f"{feed} {run[0]:%Y-%m}{f' to {run[-1]:%Y-%m}' if len(run) > 1 else ''} ({status.get((feed, run[0]), NOT_STORED)})"
            run = []
        if not covered:
            run.append(month)


def _last_known(status: Mapping[tuple[str, date], str], feed: str) -> date:
    """Return the last month of a feed whose coverage is known; the next month had not ended by the data cut and has the same status."""
    return max((month for known, month in status if known == feed), default=date.max)


def _months(first: date, last: date) -> Iterator[date]:
    month = _month(first)
    while month <= last:
        yield month
        month = _month(month + timedelta(days=31))


def _month(day: date) -> date:
    return day.replace(day=1)


def _records(case: PersonCase) -> Iterator[RenderableType]:
    """Yield what attributes are read from: the person's record, registrations and addresses."""
    shown = ("birth_date", "assumed_birth_date", "sex", "ethnic_category", "death_date")
    yield "  the record on the registered list:"
    yield table([{name: case.person.get(name) for name in shown}], shown)
    for name, columns in (
        (core.REGISTRATION.name, ("practice_code", "start_date", "end_date", "start_is_load_date")),
        (core.RESIDENCE.name, ("lsoa_code", "residence_status", "household_id", "start_date", "end_date")),
    ):
        yield f"  {name}:"
        yield table(case.rows_of(name, "start_date"), columns)
    lsoa = case.row["lsoa_code"]
    area = one_row(case.lake, core_places.AREA.name, f"lsoa_code = {quote(lsoa)}") if lsoa else None
    if area:
        known = ("lsoa_code", *(name for name in area if name.startswith("imd_") and area[name] is not None), "is_rural")
        yield f"  {core_places.AREA.name}:"
        yield table([area], known)


def _label(case: PersonCase) -> Iterator[str]:
    """Yield the labels of the row; a washout, or leaving the list, excludes it from training and not from scoring."""
    day = case.index_date.isoformat()
    if day not in case.lake.partitions(risk.LABELS.name, "index_date"):
        return
    where = f"{case.key} AND index_event_id = {quote(case.row['index_event_id'])}"
    for row in case.lake.read(risk.LABELS.name, where=where, order="outcome", partition={"index_date": day}).to_pylist():
        reasons = [row["not_at_risk_reason"] or "", "left the list within the horizon" if row["left_list"] else ""]
        reason = "; ".join(reason for reason in reasons if reason)
        value = {1: f"1, on {row['outcome_date']}", 0: "0"}.get(row["label"], f"none: {reason or 'not known yet'}")
        yield f"\nLabel '{row['outcome']}': {value}. Follow-up: {row['follow_up_days']} days; died: {row['death_date'] or 'no'}."


# --- names and values ---------------------------------------------------------------------------------------------------


def _checked(name: str, names: Sequence[str]) -> str:
    if name not in names:
        near = ", ".join(difflib.get_close_matches(name, names, 5, 0.5))
        raise RefusalError(
            f"there is no feature '{name}'"
            + (f". Similar names: {near}" if near else "")
            + ". docs/features.md lists all features"
        )
    return name


def _value(value: object) -> str:
    """Return a value as text; nothing for null."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _computed(case: PersonCase, feature: Feature) -> str:
    """Return the value that the kernel computes for the person; an area's rate would need everyone's data."""
    return "needs everyone's data" if is_place_rate(feature) else _value(case.row[feature.name]) or "null"


def _stored(case: PersonCase, name: str) -> str:
    if case.stored is None:
        return "no partition"
    return (_value(case.stored.get(name)) or "null") if case.stored else "no row"

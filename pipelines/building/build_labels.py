"""Labels stage: what happened after the index dates of `features__person`, written to `risk__labels`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from expectations.tables import risk
from expectations.tables.features import PERSON_FEATURES
from features.attributes import days
from features.coverage import coverage_calendar, covered_days
from features.declaration import EVER_NEEDS_DAYS
from features.labels import LEFT, Labels, Occurrences, label_rows, reasons_not_at_risk, without_rows
from features.outcomes import OutcomeSettings, check_matured, matured_rows
from features.periods import MOVE_GAP_DAYS, OPEN, joined_ends, registered_at
from pipelines.building.index_date_files import file_columns
from pipelines.building.outcome_events import OutcomeSearch
from pipelines.errors import RefusalError
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake

INT8 = pa.int8()


@dataclass(frozen=True)
class LabelSummary:
    """Counts of the labels of an index date."""

    rows: int
    events: int
    left_list: int
    not_at_risk: int


@dataclass(frozen=True)
class _Rows:
    """The rows to label: their keys, practices, people and index days (days since 1970)."""

    keys: pa.Table
    practice: pa.ChunkedArray
    person: NDArray[np.int32]
    day: NDArray[np.int32]


def build_labels(
    lake: Lake,
    outcome: OutcomeSettings,
    index_date: date,
    data_cut: date,
    *,
    search: OutcomeSearch | None = None,
    all_dates: bool = False,
) -> LabelSummary:
    """Label every row of features__person of an index date, or of all dates with `all_dates`, and commit the labels.

    `search` names the records that count as the outcome. With `all_dates`, a row whose outcome has not matured has a null label.
    Otherwise ImmatureOutcomeError is raised before the horizon and the maturity lag have passed. RefusalError is raised if no one at risk has
    the outcome; its message names the feed and codes that were searched.
    """
    search, partition = search or OutcomeSearch(), None if all_dates else {"index_date": index_date.isoformat()}
    search.check(outcome, lake, all_dates)
    if not all_dates:
        check_matured(outcome, index_date, data_cut)
    rows = _rows(lake, partition)
    matured = matured_rows(outcome, rows.day, data_cut)
    occurrences = search.occurrences(lake, outcome, data_cut)
    registrations = _registrations(lake, rows)
    nth_outcome = occurrences.nth_after(rows.person, rows.day, outcome.events)
    labels = label_rows(nth_outcome, _deaths(lake, rows.person), registrations.end, rows.day, outcome)
    covered = _covered(lake, search.covered(outcome), outcome, rows, matured)
    reason = _not_at_risk(outcome, rows, occurrences, registrations, covered)
    if outcome.on_leaving == "not_at_risk":
        reason[labels.left_list & (reason == "")] = LEFT
    labels = without_rows(labels, matured & (reason == ""))
    if len(rows.person) and not (labels.label == 1).any():
        raise RefusalError(
            f"no one at risk on {'the index dates' if all_dates else index_date} has the outcome '{outcome.name}' within "
            f"{outcome.horizon_days} days, so no model can be trained; {search.description(outcome, occurrences)}. "
            "Check these codes against the extracts, or set study.outcome.name to another outcome"
        )
    _commit(lake, _table(rows.keys, labels, reason), outcome.name, partition)
    events, left, not_at_risk = (int(flags.sum()) for flags in (labels.label == 1, labels.left_list, reason != ""))
    return LabelSummary(len(rows.person), events, left, not_at_risk)


def build_reasons(
    lake: Lake, outcome: OutcomeSettings, index_date: date, data_cut: date, *, search: OutcomeSearch | None = None
) -> LabelSummary:
    """Write rows of risk__labels without a label for an index date whose outcomes are not known yet.

    They record who is not at risk, and why.
    """
    search, partition = search or OutcomeSearch(), {"index_date": index_date.isoformat()}
    search.check(outcome, lake, False)
    rows = _rows(lake, partition)
    occurrences, none = search.occurrences(lake, outcome, data_cut), np.zeros(len(rows.person), dtype=bool)
    covered = _covered(lake, search.covered(outcome), outcome, rows, none)
    reason = _not_at_risk(outcome, rows, occurrences, _registrations(lake, rows), covered)
    no_day = np.full(len(rows.person), OPEN)
    labels = without_rows(label_rows(no_day, no_day, no_day, rows.day, outcome), none)
    _commit(lake, _table(rows.keys, labels, reason), outcome.name, partition)
    return LabelSummary(len(rows.person), 0, 0, int((reason != "").sum()))


def _rows(lake: Lake, partition: Mapping[str, str] | None) -> _Rows:
    columns = "person_key, person_id, index_event_id, index_date, practice_code"
    table = lake.read(PERSON_FEATURES.name, columns, order="person_key, index_event_id", partition=partition)
    return _Rows(
        table.drop_columns("practice_code"), table["practice_code"], _array(table, "person_key"), days(table["index_date"], OPEN)
    )


@dataclass(frozen=True)
class _Registrations:
    """The registration on each index date: its days so far, and the last day without a gap (OPEN if it has not ended)."""

    days: NDArray[np.int32]
    end: NDArray[np.int32]


def _registrations(lake: Lake, rows: _Rows) -> _Registrations:
    periods = lake.read("core__registration", "person_key, start_date, end_date", order="person_key, start_date")
    person, start, end = _array(periods, "person_key"), days(periods["start_date"], OPEN), days(periods["end_date"], OPEN)
    place = registered_at(person, start, end, rows.person, rows.day)
    ends = np.append(joined_ends(person, start, end, MOVE_GAP_DAYS), OPEN)[place]
    on_list = np.where(place < 0, 0, rows.day - np.append(start, 0)[place])
    return _Registrations(on_list.astype(np.int32), np.where(place < 0, OPEN, ends).astype(np.int32))


def _deaths(lake: Lake, person: NDArray[np.int32]) -> NDArray[np.int32]:
    people = lake.read("core__person", "person_key, death_date", order="person_key")
    return days(people["death_date"], OPEN)[np.searchsorted(_array(people, "person_key"), person)]


def _not_at_risk(
    outcome: OutcomeSettings,
    rows: _Rows,
    occurrences: Occurrences,
    registrations: _Registrations,
    covered: dict[str, NDArray[np.bool_]],
) -> NDArray[np.object_]:
    if outcome.washout_days:
        earlier_outcomes = occurrences.number_before(rows.person, rows.day, outcome.washout_days)
    else:
        earlier_outcomes = np.zeros(len(rows.person), dtype=np.int64)
    return reasons_not_at_risk(outcome, earlier_outcomes, registrations.days, covered)


def _covered(
    lake: Lake, feeds: tuple[str, ...], outcome: OutcomeSettings, rows: _Rows, matured: NDArray[np.bool_]
) -> dict[str, NDArray[np.bool_]]:
    """Return whether each feed covers each row: the year before the index date, and the horizon if it has passed."""
    if not feeds:
        return {}
    months = lake.read("core__coverage", "feed, organisation_code, month, status", "organisation_role = 'practice'")
    calendar = coverage_calendar(months)
    place = pc.index_in(rows.practice, pa.array(list(calendar.practices), pa.string())).fill_null(-1).to_numpy()
    after = np.where(matured, outcome.horizon_days + 1, 0).astype(np.int32)
    return {
        feed: covered_days(calendar, feed, place.astype(np.int32), rows.day + after) >= EVER_NEEDS_DAYS + after for feed in feeds
    }


def _table(keys: pa.Table, labels: Labels, reason: NDArray[np.object_]) -> pa.Table:
    def day(values: NDArray[np.int32]) -> pa.Array:
        return pa.array(values, pa.int32(), mask=values == OPEN).cast(pa.date32())

    def null_if_negative(values: NDArray, kind: pa.DataType = INT8) -> pa.Array:
        return pa.array(values, kind, mask=values < 0)

    columns = {
        "label": null_if_negative(labels.label), "outcome_date": day(labels.outcome_day),
        "death_date": day(labels.death_day), "composite_label": null_if_negative(labels.composite),
        "follow_up_days": null_if_negative(labels.follow_up_days, pa.int32()), "left_list": pa.array(labels.left_list),
        "not_at_risk_reason": pa.array(reason, pa.string(), mask=reason == ""),
    }  # fmt: skip
    return pa.table({name: keys[name] for name in keys.column_names} | columns)


def _commit(lake: Lake, table: pa.Table, outcome: str, partition: Mapping[str, str] | None) -> None:
    """Replace an outcome's labels of one index date, or of all dates.

    Labels of other outcomes stay, unless they belong to a cohort of another kind.
    """
    name, replaced = risk.LABELS.name, {"outcome": outcome, **(partition or {})}
    schema = arrow_schema(risk.LABELS)
    stored = pa.schema([field for field in schema if field.name not in replaced])
    file = lake.write_arrow(name, table.select(stored.names).cast(stored), replaced)
    by = file_columns(risk.LABELS, own_dates=partition is None)
    other_kind = lake.exists(name) and lake.partitioned_by(name) != by
    lake.commit(name, [file], schema, partition_by=by, replace="all" if other_kind else replaced)


def _array(table: pa.Table, name: str) -> NDArray:
    return table[name].combine_chunks().to_numpy(zero_copy_only=False)

"""Labels stage: what happened after the index dates of `features__person`, written to `risk__labels`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from expectations.tables import risk
from expectations.tables.features import PERSON_FEATURES
from features.attributes import days
from features.events import NUMBER_OF
from features.outcomes import (
    LEAVING_GAP_DAYS,
    OutcomeSettings,
    Spells,
    check_matured,
    first_after,
    label_rows,
    matured_rows,
    without_immature,
)
from features.periods import OPEN, as_at, joined_ends
from pipelines.errors import RefusalError
from pipelines.storage import Lake, arrow_schema, connect

INT8 = pa.int8()


@dataclass(frozen=True)
class LabelSummary:
    """What the labels of an index date hold."""

    index_date: date
    rows: int
    events: int
    deaths_without_event: int
    left_list: int


def build_labels(
    lake: Lake,
    outcome: OutcomeSettings,
    index_date: date,
    data_cut: date,
    *,
    given: pa.Table | None = None,
    all_dates: bool = False,
) -> LabelSummary:
    """Label every row of features__person of an index date (with `all_dates`: of every date) and commit the labels.

    `given` holds person_key and event_date of an outcome that the source defines. Raises ImmatureOutcomeError before the
    horizon and the maturity lag have passed (with `all_dates`: of every row; a single row that has not matured has a null
    label), and RefusalError where the outcome never occurs in the data.
    """
    partition = None if all_dates else {"index_date": index_date.isoformat()}
    keys = lake.read(
        PERSON_FEATURES.name,
        "person_key, person_id, index_event_id, index_date",
        order="person_key, index_event_id",
        partition=partition,
    )
    index_day = days(keys["index_date"], OPEN)
    if not all_dates:
        check_matured(outcome, index_date, data_cut)
    matured = matured_rows(outcome, index_day, data_cut)
    who = _array(keys, "person_key")
    person, day = _occurrences(lake, outcome, data_cut, given)
    if len(who) and not len(person):
        raise RefusalError(
            f"the outcome '{outcome.name}' never occurs: {_looked_for(outcome)}; nothing could be learnt from its labels"
        )
    every = label_rows(
        first_after(person, day, who, index_day, outcome.definition.turn), _deaths(lake, who), _list_ends(lake, who, index_day), index_day,
        outcome.horizon_days,
    )  # fmt: skip
    labels = without_immature(every, matured)
    table = _table(keys, outcome.name, labels.__dict__, len(who))
    _commit(lake, table, partition)
    return LabelSummary(
        index_date, len(who), int((labels.label == 1).sum()), int(((labels.label == 0) & (labels.composite == 1)).sum()),
        int(labels.left_list.sum()),
    )  # fmt: skip


def _occurrences(
    lake: Lake, outcome: OutcomeSettings, data_cut: date, given: pa.Table | None
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Give person and day of everything that counts as the outcome, whenever it happened."""
    if given is not None:
        return _array(given, "person_key").astype(np.int32), days(given["event_date"], OPEN)
    definition = outcome.definition
    if definition.death:
        found = lake.read("core__person", "person_key, death_date AS day", "death_date IS NOT NULL")
    elif definition.event_type:
        found = lake.read("core__event", "person_key, event_date AS day", f"event_type = {NUMBER_OF[definition.event_type]}")
    else:
        found = lake.read(
            "core__spell",
            f"person_key, admission_date AS day, coalesce(nights, greatest(DATE '{data_cut}' - admission_date, 0))::INTEGER AS nights, "
            "died, spell_class = 'emergency' AS emergency",
            "admission_date IS NOT NULL",
        )
    person, day = _array(found, "person_key"), days(found["day"], OPEN)
    if definition.spells is None:
        return person, day
    spells = Spells(person, day, _array(found, "nights"), _array(found, "died"), _array(found, "emergency"))
    chosen = definition.spells(spells)
    return person[chosen], day[chosen]


def _deaths(lake: Lake, who: NDArray[np.int32]) -> NDArray[np.int32]:
    people = lake.read("core__person", "person_key, death_date", order="person_key")
    return days(people["death_date"], OPEN)[np.searchsorted(_array(people, "person_key"), who)]


def _list_ends(lake: Lake, who: NDArray[np.int32], index_day: NDArray[np.int32]) -> NDArray[np.int32]:
    """Give the day each person's registration ends, across moves of practice; OPEN while it lasts."""
    held = lake.read("core__registration", "person_key, start_date, end_date", order="person_key, start_date")
    person, start, end = _array(held, "person_key"), days(held["start_date"], OPEN), days(held["end_date"], OPEN)
    place = as_at(person, start, end, who, index_day)
    return np.where(place < 0, OPEN, np.append(joined_ends(person, start, end, LEAVING_GAP_DAYS), OPEN)[place]).astype(np.int32)


def _looked_for(outcome: OutcomeSettings) -> str:
    definition = outcome.definition
    if definition.death:
        return "no person of core__person has a day of death"
    if definition.event_type:
        return f"core__event holds no event of type '{definition.event_type}'"
    return "core__spell (feed 'admissions') holds no emergency spell that fits it; look at the admission methods in the clinical rules"


def _table(keys: pa.Table, outcome: str, labels: Mapping[str, NDArray], rows: int) -> pa.Table:
    def day(name: str) -> pa.Array:
        return pa.array(labels[name], pa.int32(), mask=labels[name] == OPEN).cast(pa.date32())

    def known(name: str, kind: pa.DataType = INT8) -> pa.Array:
        return pa.array(labels[name], kind, mask=labels[name] < 0)

    columns = {
        "outcome": pa.repeat(outcome, rows), "label": known("label"), "outcome_date": day("outcome_day"), "death_date": day("death_day"),
        "composite_label": known("composite"), "follow_up_days": known("follow_up_days", pa.int32()),
        "left_list": pa.array(labels["left_list"]), "not_at_risk_reason": pa.nulls(rows, pa.string()),
    }  # fmt: skip
    return pa.table({name: keys[name] for name in keys.column_names} | columns)


def _commit(lake: Lake, table: pa.Table, partition: Mapping[str, str] | None) -> None:
    if partition is not None:
        lake.replace(risk.LABELS, table, partition)
        return
    names = [column.name for column in risk.LABELS.columns]
    with connect() as con:
        con.register("labels", table.select(names))
        dates = [
            str(row["index_date"])
            for row in con.sql("SELECT DISTINCT index_date FROM labels ORDER BY 1").to_arrow_table().to_pylist()
        ]
        files = [
            lake.write_sql(risk.LABELS.name, con, f"SELECT * EXCLUDE (index_date) FROM labels WHERE index_date = DATE '{day}'",
                           {"index_date": day})
            for day in dates
        ]  # fmt: skip
    lake.commit(risk.LABELS.name, files, arrow_schema(risk.LABELS), partition_by=risk.LABELS.partitioned_by, replace="all")


def _array(table: pa.Table, name: str) -> NDArray:
    return table[name].combine_chunks().to_numpy(zero_copy_only=False)

"""Inequality stage: rates of the outcomes by group, from the labels, written to `equity__outcome_rates` with disclosure control.

The rates are a planning output: they count the people whom `equity__planning_population` counts
(`pipelines/building/planning_population.py`, by the rules of `pipelines/study/opt_out_rules.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from expectations.tables.equity import OUTCOME_RATES
from expectations.tables.features import PERSON_FEATURES
from expectations.tables.risk import LABELS
from features.labels import Occurrences
from models.disclosure_control import SUPPRESSED, Total, hidden_cells, is_small, three_figures, totals_of
from models.outcome_rates import GRADIENT, GroupCounts, RateRow, change_rows, rate_rows
from models.rates import ESP_2013
from pipelines.building.planning_population import excluded_people_sql
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake

GROUP_KINDS = (
    "imd_decile", "imd_quintile", "ethnic_group", "ethnic_category", "sex_name", "practice_code", "pcn_code", "sub_icb_code",
    "local_authority_code",
)  # fmt: skip
EVERYONE = "all"
PARENT_KIND = {
    "imd_decile": "imd_quintile", "ethnic_category": "ethnic_group", "practice_code": "pcn_code", "pcn_code": "sub_icb_code",
}  # fmt: skip
WHOLE = (EVERYONE, EVERYONE)
COMPARED = ("rate_difference", "rate_ratio")  # with another group of the same period
MOST_TIMES = 50  # further events of one person in one horizon are read as that many


@dataclass(frozen=True)
class RatesRequest:
    """What the rates are computed from: horizon in days, group kinds, whether rows have separate index dates, and the seed.

    `occurrences` returns all events of an outcome at any time, for rates that count every event of a person, or None where only
    the first event is known. `horizons` has the days of outcomes with a separate horizon.
    """

    horizon_days: int
    kinds: Sequence[str] = GROUP_KINDS
    dates_of_their_own: bool = False
    seed: int = 0
    occurrences: Callable[[str], Occurrences | None] = lambda outcome: None
    horizons: Mapping[str, int] = field(default_factory=dict)

    def of(self, outcome: str) -> RatesRequest:
        """Return the request with the horizon of an outcome."""
        return replace(self, horizon_days=self.horizons.get(outcome, self.horizon_days))


Cell = tuple[str, str]  # kind and name of a group


@dataclass(frozen=True)
class _Period:
    """The rates of one outcome over one period, from rounded counts, with the days it spans and each group's exact people and events."""

    outcome: str
    name: str
    first: date
    last: date
    rows: tuple[RateRow, ...]
    parents: Mapping[Hashable, Hashable]
    exact: Mapping[Cell, tuple[int, int]]

    @cached_property
    def hidden_people(self) -> frozenset[Hashable]:
        """The groups whose number of people may not be shown."""
        return hidden_cells({cell: people for cell, (people, _) in self.exact.items()}, self._totals)

    @cached_property
    def hidden_events(self) -> frozenset[Hashable]:
        """The groups whose number of events may not be shown, as it or that of the others is small."""
        few_people = [cell for cell in self.hidden_people if is_small(self.exact[cell][0])]  # type: ignore[index]
        few_without = [cell for cell, (people, events) in self.exact.items() if is_small(people - events)]
        return hidden_cells({cell: events for cell, (_, events) in self.exact.items()}, self._totals, [*few_without, *few_people])

    @property
    def _totals(self) -> list[Total]:
        kinds = sorted({kind for kind, _ in self.exact} - {EVERYONE})
        of_kinds = [Total(WHOLE, tuple(cell for cell in self.exact if cell[0] == kind)) for kind in kinds]
        return of_kinds + totals_of({part: parent for part, parent in self.parents.items() if part in self.exact})

    def hides(self, cells: Iterable[Cell]) -> bool:
        """Return whether the people or the events of any of the groups are hidden."""
        return any(cell in self.hidden_people or cell in self.hidden_events for cell in cells)

    def behind(self, row: RateRow) -> list[Cell]:
        """Return the groups whose counts a rate, gap or index was computed from."""
        if row.name == GRADIENT:
            return [cell for cell in self.exact if cell[0] == row.kind and cell[1].isdigit()]
        cells = [(row.kind, row.name)]
        if row.measure in COMPARED:
            cells.append((row.kind, row.compared_with))
        return [*cells, WHOLE] if row.measure == "indirectly_standardised_ratio" else cells


def write_outcome_rates(lake: Lake, con: duckdb.DuckDBPyConnection, request: RatesRequest) -> dict[str, object]:
    """Compute the rates of every outcome and period that risk__labels holds, and replace the stored table."""
    periods = _all_periods(lake, con, request)
    rows = [row for period in periods for row in _stored(period, periods)]
    table = pd.DataFrame.from_records(rows, columns=arrow_schema(OUTCOME_RATES).names)
    order = ["outcome", "period", "group_kind", "group_name", "measure", "compared_with"]
    lake.write(OUTCOME_RATES, table.sort_values(order))
    return {"outcomes": len({period.outcome for period in periods}), "periods": len(periods), "rows": len(rows)}


def _all_periods(lake: Lake, con: duckdb.DuckDBPyConnection, request: RatesRequest) -> list[_Period]:
    """Compute the periods of every outcome, of the outcome or death, and of death, each once."""
    kinds = [kind for kind in request.kinds if kind in lake.schema(PERSON_FEATURES.name).names]
    periods: list[_Period] = []
    outcomes = _outcomes(lake, con)
    for outcome in outcomes:
        _stage_rows(lake, con, outcome, kinds, request.of(outcome))
        for label, name in (("event", outcome), ("composite", f"{outcome}_or_death"), ("died", "death")):
            if label == "event" or (name not in outcomes and _adds(con, label, name, periods)):
                periods += _periods(con, name, label, kinds, request.of(outcome))
    return periods


def _outcomes(lake: Lake, con: duckdb.DuckDBPyConnection) -> list[str]:
    query = f"SELECT DISTINCT outcome FROM {lake.scan(LABELS.name)} WHERE label IS NOT NULL ORDER BY 1"
    return [str(row[0]) for row in con.execute(query).fetchall()]


def _stage_rows(lake: Lake, con: duckdb.DuckDBPyConnection, outcome: str, kinds: Sequence[str], request: RatesRequest) -> None:
    """Write every row with a label that planning counts to a temporary table `labelled`: period, age band, groups, outcomes, number of events."""
    age = "f.age_years" if "age_years" in lake.schema(PERSON_FEATURES.name).names else "NULL::FLOAT"
    period = "year(l.index_date)::VARCHAR" if request.dates_of_their_own else "l.index_date::VARCHAR"
    groups = "".join(f', {_group(kind)} AS "{kind}"' for kind in kinds)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE labelled AS SELECT l.person_key, l.index_date, {period} AS period,
            least(floor({age} / 5), {len(ESP_2013) - 1})::INTEGER AS band, l.label = 1 AS event,
            coalesce(l.composite_label = 1, false) AS composite, l.death_date IS NOT NULL AS died, 0 AS times {groups}
        FROM {lake.scan(LABELS.name)} l JOIN {lake.scan(PERSON_FEATURES.name)} f USING (person_key, index_event_id)
        ANTI JOIN {excluded_people_sql(lake)} USING (person_key)
        WHERE l.outcome = ? AND l.label IS NOT NULL""",
        [outcome],
    )
    occurrences = request.occurrences(outcome)
    if occurrences is not None:
        _count_events(con, occurrences, request.horizon_days)


def _group(kind: str) -> str:
    """Return the SQL of a group's name; the ethnic categories Z and 99 and missing values have separate names."""
    name = f"coalesce(f.\"{kind}\"::VARCHAR, 'not_known')"
    return (
        f"CASE {name} WHEN 'Z' THEN 'not_stated' WHEN '99' THEN 'not_known' ELSE {name} END"
        if kind == "ethnic_category"
        else name
    )


def _count_events(con: duckdb.DuckDBPyConnection, occurrences: Occurrences, horizon_days: int) -> None:
    """Set `times` to the events of each row within its horizon."""
    keys = con.sql("SELECT rowid AS place, person_key, index_date - DATE '1970-01-01' AS day FROM labelled").fetchnumpy()
    who, day = keys["person_key"].astype(np.int32), keys["day"].astype(np.int32)
    times = occurrences.number_before(who, day + np.int32(horizon_days), horizon_days - 1)
    counted = pa.table({"place": keys["place"], "counted": np.minimum(times, MOST_TIMES)})
    con.register("counted_events", counted.filter(pa.array(times > 0)))
    con.execute("UPDATE labelled SET times = counted FROM counted_events WHERE labelled.rowid = place")
    con.unregister("counted_events")


def _adds(con: duckdb.DuckDBPyConnection, label: str, named: str, periods: Iterable[_Period]) -> bool:
    """Return whether a related outcome happened and differs from the outcome itself, which may count deaths already."""
    outcomes = {period.outcome for period in periods}
    query = f"SELECT bool_or({label}) AND bool_or({label} <> event) FROM labelled"
    return named not in outcomes and bool(con.execute(query).fetchall()[0][0])


def _periods(
    con: duckdb.DuckDBPyConnection, outcome: str, label: str, kinds: Sequence[str], request: RatesRequest
) -> list[_Period]:
    spans = con.execute("SELECT period, min(index_date), max(index_date) FROM labelled GROUP BY 1 ORDER BY 1").fetchall()
    parents = _parents(con, kinds)
    rated = []
    for name, first, last in spans:
        counted = [_counts(con, EVERYONE, "'all'", name, label)]
        counted += [_counts(con, kind, f'"{kind}"', name, label) for kind in kinds]
        everyone = counted[0].rounded()
        rows = [row for counts in counted for row in rate_rows(counts.rounded(), everyone, request.seed)]
        last_day = last + timedelta(days=request.horizon_days)
        rated.append(_Period(outcome, name, first, last_day, tuple(rows), parents, _exact(counted)))
    return rated


def _counts(con: duckdb.DuckDBPyConnection, kind: str, group: str, period: str, label: str) -> GroupCounts:
    """Count people and events of each group by age band, and people by number of events where those are counted."""
    cells = con.execute(
        f"SELECT {group} AS name, coalesce(band, -1) AS band, {'times' if label == 'event' else '0'} AS times, count(*) AS people, "
        f"count(*) FILTER ({label}) AS events FROM labelled WHERE period = ? GROUP BY ALL ORDER BY ALL",
        [period],
    ).fetchnumpy()
    names, place = np.unique(np.asarray(cells["name"], dtype=str), return_inverse=True)
    band, times = np.asarray(cells["band"], dtype=np.intp), np.asarray(cells["times"], dtype=np.intp)
    shape = (len(names), len(ESP_2013) + 1)  # the last column holds people of unknown age
    people, events = np.zeros(shape), np.zeros(shape)
    np.add.at(people, (place, band), cells["people"])
    np.add.at(events, (place, band), cells["events"])
    counted = GroupCounts(
        kind, tuple(names.tolist()), people[:, :-1], events[:, :-1], np.stack([people[:, -1], events[:, -1]], 1)
    )
    numbers = np.unique(times[times > 0])
    if not len(numbers):
        return counted
    repeats = np.zeros((len(names), len(numbers), shape[1]))
    often = times > 0
    np.add.at(repeats, (place[often], np.searchsorted(numbers, times[often]), band[often]), cells["people"][often])
    return replace(counted, times=numbers.astype(np.float64), repeats=repeats[:, :, :-1])


def _exact(counted: Iterable[GroupCounts]) -> dict[Cell, tuple[int, int]]:
    """Return the exact people and events of every group."""
    return {
        (counts.kind, name): (int(people), int(events))
        for counts in counted
        for name, people, events in zip(counts.names, *counts.totals, strict=True)
    }


def _parents(con: duckdb.DuckDBPyConnection, kinds: Sequence[str]) -> dict[Hashable, Hashable]:
    """Return the group that each group is a part of, where it is a part of only one."""
    parents: dict[Hashable, Hashable] = {}
    for kind in kinds:
        parent = PARENT_KIND.get(kind)
        if parent in kinds:
            query = f'SELECT "{kind}", min("{parent}") FROM labelled GROUP BY 1 HAVING count(DISTINCT "{parent}") = 1 ORDER BY 1'
            parents |= {(kind, name): (parent, whole) for name, whole in con.execute(query).fetchall()}
    return parents


def _before(period: _Period, periods: Iterable[_Period]) -> _Period | None:
    """Return the latest earlier period of the outcome that does not overlap."""
    before = [other for other in periods if other.outcome == period.outcome and other.last <= period.first]
    return max(before, key=lambda earlier: earlier.last, default=None)


def _stored(period: _Period, periods: Iterable[_Period]) -> Iterator[tuple[object, ...]]:
    """Yield a period's rows under disclosure control, with the changes since the period before."""
    head = (period.outcome, period.name, period.first, period.last)
    for row in period.rows:
        yield (*head, *_shown(row, period, period.hides(period.behind(row))))
    before = _before(period, periods)
    if before is not None:
        for row in change_rows(period.rows, before.rows, before.name):
            yield (*head, *_shown(row, period, period.hides(period.behind(row)) or before.hides(before.behind(row))))


def _shown(row: RateRow, period: _Period, hidden: bool) -> tuple[object, ...]:
    """Return a row from its group kind on: a hidden count hides the value and both limits that it would follow from."""
    cell, of_no_group = (row.kind, row.name), row.name == GRADIENT
    people = None if of_no_group or cell in period.hidden_people else row.people
    events = None if of_no_group or cell in period.hidden_events else row.events
    reason = SUPPRESSED if hidden else row.reason
    limits = (
        None if hidden or not np.isfinite(number) else three_figures(number) for number in (row.value, row.lower, row.upper)
    )
    return row.kind, row.name, row.measure, row.compared_with, *limits, people, events, bool(reason), reason

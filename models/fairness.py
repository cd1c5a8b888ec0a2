"""The audit of a model: every measure in every group, with limits; small counts suppressed, exact ones for analysts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from models.audit_groups import RECENT_ADMISSION
from models.blas import one_blas_thread
from models.calibration_measures import calibration_in_the_large, calibration_slope, observed_over_expected
from models.capacity import share_name
from models.disclosure_control import Total, any_small, cells_to_hide
from models.discrimination import BOOTSTRAP_PEOPLE, Discrimination, discrimination
from models.evaluation import Evaluation, evaluate
from models.group_gaps import largest_gaps
from models.intervals import NOT_KNOWN, Estimate, wald, wilson
from models.list_composition import ListCounts, age_standardised_selection, composition
from models.need_within_score import DEATH, UNDIAGNOSED, Strata, need_ratios, score_strata
from models.scored_rows import ScoredRows, group_codes, number_selected
from models.settings import CapacitySettings
from models.standardisation import age_band_codes, standardised_sensitivities

EVERYONE = "all"
AGE_BAND = "age_band"
COLUMNS = ("group_kind", "group_name", "metric", "value", "lower", "upper", "people", "events", "suppressed")
COMPARED = (
    "auroc",
    "observed_over_expected",
    "selection_rate",
    "ppv",
    "sensitivity",
    "false_negative_rate",
    "age_standardised_sensitivity",
)
COUNTED = (
    "base_rate",
    "selection_rate",
    "ppv",
    "sensitivity",
    "false_negative_rate",
    "list_share",
    "population_share",
    "event_share",
)


@dataclass(frozen=True)
class _Measure:
    """One measure with the counts that it is computed from."""

    estimate: Estimate
    counts: tuple[int, ...]


@dataclass(frozen=True)
class _Board:
    """Everyone who was scored, in order of risk: who is chosen, bands of age, needs, and how limits are made."""

    rows: ScoredRows
    everyone: Evaluation
    chosen: np.ndarray
    bands: np.ndarray | None
    needs: Mapping[str, np.ndarray]
    strata: Mapping[str, Strata]
    capacity: CapacitySettings
    seed: int
    analytic: bool = field(default=False)

    @property
    def at(self) -> str:
        """Name of the deciding share."""
        return share_name(self.capacity.deciding_share)


@dataclass(frozen=True)
class AuditedRows:
    """The rows of an audit, with a column for each group kind and, if known, the needs of the people (see models.need_within_score).

    `groups` and `needs` are in the original order of the rows. `age_band` among the groups allows measures to be age-standardised. The needs show
    whether groups are sicker at the same score.
    """

    rows: ScoredRows
    groups: pd.DataFrame
    needs: pd.DataFrame | None = None


@one_blas_thread()
def audit(audited: AuditedRows, capacity: CapacitySettings, seed: int, evaluation: Evaluation | None = None) -> pd.DataFrame:
    """Measure a model in every group: one row per group kind, group and metric (see COLUMNS).

    The deciding share of all rows is chosen once and compared between groups. The kinds 'all' and people without a recent admission
    (RECENT_ADMISSION, group 'none') carry every measure of `evaluate` as well. Limits of a board of more than 100,000 people are analytic in all
    its groups. `evaluation` is that of all rows with the same seed; without it they are evaluated here.
    """
    rows, groups = audited.rows, audited.groups
    board = _board(audited, capacity, seed, evaluation or evaluate(rows, capacity, seed))
    parts = [_group_rows(EVERYONE, EVERYONE, rows, _everyone(board, board.everyone, rows, board.chosen))]
    for kind in groups.columns:
        kind_rows = _kind_rows(board, groups[kind])
        parts += [*kind_rows, _gaps(str(kind), kind_rows, board.at)]
    return pd.concat([part for part in parts if len(part)], ignore_index=True)


def _board(audited: AuditedRows, capacity: CapacitySettings, seed: int, everyone: Evaluation) -> _Board:
    rows, groups, needs = audited.rows, audited.groups, audited.needs
    chosen = np.arange(rows.rows) < number_selected(rows.rows, capacity.deciding_share)
    bands = age_band_codes(groups[AGE_BAND])[rows.position] if AGE_BAND in groups else None
    strata = {"score": score_strata(rows)} | ({} if bands is None else {"score_and_age": score_strata(rows, bands)})
    ordered = {} if needs is None else {str(name): rows.in_order(needs[name].to_numpy(dtype=np.float64)) for name in needs}
    return _Board(rows, everyone, chosen, bands, ordered, strata, capacity, seed, rows.people > BOOTSTRAP_PEOPLE)


def _kind_rows(board: _Board, groups: pd.Series) -> list[pd.DataFrame]:
    """Return the rows of every group of one kind, a table each."""
    kind, tables, counts = str(groups.name), [], []
    names, codes = group_codes(groups, board.rows.position)
    order, starts = np.argsort(codes, kind="stable"), np.searchsorted(np.sort(codes), np.arange(len(names) + 1))
    together = _measures_of_kind(board, kind, codes, len(names))
    for number, name in enumerate(names):
        places = order[starts[number] : starts[number + 1]]
        subset, chosen = board.rows.subset(places), board.chosen[places]
        if kind == RECENT_ADMISSION and name == "none":
            evaluation = _evaluation(board, subset)
            measures = _everyone(board, evaluation, subset, chosen) | dict(_measures(board, evaluation.ranking, subset, chosen))
        else:
            measures = dict(_measures(board, _ranking(board, subset), subset, chosen))
        for metric, estimates in together.items():
            measures[metric] = _Measure(estimates[number], _counts_behind(board, metric, subset, chosen, places))
        tables.append(_group_rows(kind, name, subset, measures))
        counts.append(_counts(subset))
    return _protect(tables, counts, _counts(board.rows))


def _measures_of_kind(board: _Board, kind: str, codes: np.ndarray, groups: int) -> dict[str, list[Estimate]]:
    """Measure what compares groups with everyone, for all groups of a kind at once: at equal age, at the same score."""
    bands, measures = None if kind == AGE_BAND else board.bands, {}
    if bands is not None:
        estimates = standardised_sensitivities(board.rows.labels, board.chosen, bands, codes, groups)
        measures[f"age_standardised_sensitivity_{board.at}"] = estimates
        measures |= _selection_at_equal_age(board, bands, codes, groups)
    for need, values in board.needs.items():
        for stratum, strata in board.strata.items():
            if stratum == "score" or bands is not None:
                is_event = need in (DEATH, UNDIAGNOSED)
                measures[f"{need}_at_same_{stratum}"] = need_ratios(values, strata, codes, groups, is_event)
    return measures


def _selection_at_equal_age(board: _Board, bands: np.ndarray, codes: np.ndarray, groups: int) -> dict[str, list[Estimate]]:
    with_age = np.flatnonzero(bands >= 0)
    width = int(bands.max(initial=0)) + 1
    cell = (codes[with_age] + 1) * width + bands[with_age]
    people, listed = (
        np.bincount(cell, weights=weights, minlength=(groups + 1) * width).reshape(groups + 1, width)
        for weights in (None, board.chosen[with_age])
    )
    selections = [
        age_standardised_selection(listed[place], people[place], listed.sum(axis=0), people.sum(axis=0))
        for place in range(1, groups + 1)
    ]
    return {f"{name}_{board.at}": [each[name] for each in selections] for name in (selections[0] if selections else ())}


def _counts_behind(board: _Board, metric: str, subset: ScoredRows, chosen: np.ndarray, places: np.ndarray) -> tuple[int, ...]:
    if metric.startswith("age_standardised_sensitivity"):
        return _found_counts(subset, chosen)
    if metric.startswith("age_standardised_selection"):
        return int(chosen.sum()), subset.rows - int(chosen.sum())
    need = metric.split("_at_same_")[0]
    values = board.needs[need][places]
    if need in (DEATH, UNDIAGNOSED):
        return (int(values.sum()),)
    return (int(np.count_nonzero(~np.isnan(values))),)


def _evaluation(board: _Board, rows: ScoredRows) -> Evaluation:
    """Evaluate a group; one that holds everyone is not evaluated again."""
    return board.everyone if rows.rows == board.rows.rows else evaluate(rows, board.capacity, board.seed, board.analytic)


def _ranking(board: _Board, rows: ScoredRows) -> Discrimination:
    return board.everyone.ranking if rows.rows == board.rows.rows else discrimination(rows, board.seed, board.analytic)


def _everyone(board: _Board, evaluation: Evaluation, rows: ScoredRows, chosen: np.ndarray) -> dict[str, _Measure]:
    counts = (rows.events, rows.rows - rows.events)
    return {name: _Measure(estimate, counts) for name, estimate in evaluation.measures.items()} | dict(
        _selection_measures(board, rows, chosen)
    )


def _measures(board: _Board, ranked: Discrimination, rows: ScoredRows, chosen: np.ndarray) -> Iterator[tuple[str, _Measure]]:
    counts = (rows.events, rows.rows - rows.events)
    yield "base_rate", _Measure(wilson(rows.events, rows.rows), counts)
    yield "mean_risk", _Measure(_mean(rows.risk), (rows.rows,))
    yield "auroc", _Measure(ranked.auroc, counts)
    yield "average_precision", _Measure(ranked.average_precision, counts)
    yield "observed_over_expected", _Measure(observed_over_expected(rows), counts)
    yield "calibration_in_the_large", _Measure(calibration_in_the_large(rows), counts)
    yield "calibration_slope", _Measure(calibration_slope(rows), counts)
    yield from _selection_measures(board, rows, chosen)


def _selection_measures(board: _Board, rows: ScoredRows, chosen: np.ndarray) -> Iterator[tuple[str, _Measure]]:
    """Return selection rate, PPV, sensitivity and false negative rate of the share that was chosen among all, and who they are."""
    at, count, listed_events = board.at, int(chosen.sum()), int(rows.labels[chosen].sum())
    missed = rows.events - listed_events
    yield f"selection_rate_{at}", _Measure(wilson(count, rows.rows), (count, rows.rows - count))
    yield f"ppv_{at}", _Measure(wilson(listed_events, count), (count, listed_events, count - listed_events))
    yield f"sensitivity_{at}", _Measure(wilson(listed_events, rows.events), _found_counts(rows, chosen))
    yield f"false_negative_rate_{at}", _Measure(wilson(missed, rows.events), _found_counts(rows, chosen))
    everyone = ListCounts(int(board.chosen.sum()), board.rows.rows, board.rows.events)
    for name, estimate in composition(ListCounts(count, rows.rows, rows.events), everyone).items():
        yield f"{name}_{at}", _Measure(estimate, (rows.events, count) if "event" in name else (count, rows.rows - count))


def _mean(values: np.ndarray) -> Estimate:
    if len(values) < 2:
        return Estimate(float(values.mean())) if len(values) else NOT_KNOWN
    return wald(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))))


def _found_counts(rows: ScoredRows, chosen: np.ndarray) -> tuple[int, int]:
    listed_events = int(rows.labels[chosen].sum())
    return listed_events, rows.events - listed_events


def _group_rows(kind: str, name: str, rows: ScoredRows, measures: dict[str, _Measure]) -> pd.DataFrame:
    small_group = kind != EVERYONE and any_small(_counts(rows))
    records = []
    for metric, measure in measures.items():
        hidden = small_group or (kind != EVERYONE and any_small(measure.counts))
        shown = NOT_KNOWN if hidden else measure.estimate
        people, events = (pd.NA, pd.NA) if small_group else (rows.people, rows.events)
        records.append((kind, name, metric, shown.value, shown.lower, shown.upper, people, events, hidden))
    return _typed(pd.DataFrame.from_records(records, columns=list(COLUMNS)))


def _counts(rows: ScoredRows) -> tuple[int, int, int]:
    return rows.people, rows.events, rows.rows - rows.events


def _protect(tables: list[pd.DataFrame], counts: Sequence[tuple[int, ...]], whole: tuple[int, ...]) -> list[pd.DataFrame]:
    """Hide the counts of further groups where those that are suppressed would follow from the total."""
    places = tuple(range(len(tables)))
    hidden = cells_to_hide({EVERYONE: whole, **dict(enumerate(counts))}, [Total(EVERYONE, places)])
    for table in (tables[place] for place in places if place in hidden):
        counted = table["metric"].str.startswith(COUNTED)
        table[["people", "events"]] = pd.NA
        table.loc[counted, ["value", "lower", "upper"]] = np.nan
        table.loc[counted, "suppressed"] = True
    return [_typed(table) for table in tables]


def _gaps(kind: str, tables: list[pd.DataFrame], at: str) -> pd.DataFrame:
    """Return the largest difference and the smallest ratio between two groups of a kind, as 'between_groups'."""
    shown = pd.concat(tables, ignore_index=True)
    gaps = largest_gaps(shown, [name for metric in COMPARED for name in (metric, f"{metric}_{at}")])
    records = [(kind, "between_groups", *numbers, pd.NA, pd.NA, False) for numbers in gaps]
    return _typed(pd.DataFrame.from_records(records, columns=list(COLUMNS)))


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    numbers = dict.fromkeys(("value", "lower", "upper"), "float64")
    return table.astype({**numbers, "people": "Int64", "events": "Int64", "suppressed": "bool"})

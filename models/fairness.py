"""The audit of a model: every measure in every group, with limits; small counts suppressed, never hidden."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.blas import one_blas_thread
from models.calibration_measures import calibration_in_the_large, calibration_slope, observed_over_expected
from models.capacity import share_name
from models.discrimination import discrimination
from models.evaluation import evaluate_rows
from models.intervals import NOT_KNOWN, Estimate, wilson
from models.scored_rows import ScoredRows, group_masks, scored_rows, selected
from models.settings import CapacitySettings
from models.standardisation import age_band_codes, standardised_sensitivity

EVERYONE = "all"
RECENT_ADMISSION = "emergency_admission_24m"
SMALLEST_SHOWN = 8  # counts of 1 to 7 are suppressed
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


@dataclass(frozen=True)
class _Measure:
    """One measure with the counts that stand behind it."""

    estimate: Estimate
    counts: tuple[int, ...]


def audit(
    risk: np.ndarray,
    labels: np.ndarray,
    person: np.ndarray,
    groups: pd.DataFrame,
    capacity: CapacitySettings,
    seed: int,
    keys: np.ndarray | None = None,
) -> pd.DataFrame:
    """Measure a model in every group: one row per group kind (a column of `groups`), group and metric (see COLUMNS).

    The deciding share of all rows is chosen once and compared between groups; `age_band` among the groups allows
    sensitivity to be age-standardised. The kinds 'all' and people without a recent admission (RECENT_ADMISSION, group
    'none') carry every measure of `evaluate` as well.
    """
    rows = scored_rows(risk, labels, person, keys)
    chosen = np.arange(rows.rows) < selected(rows.rows, capacity.deciding_share)
    bands = age_band_codes(groups["age_band"])[rows.position] if "age_band" in groups else None
    with one_blas_thread():
        parts = [_group_rows(EVERYONE, EVERYONE, rows, _everyone(rows, chosen, capacity, seed))]
        for kind in groups.columns:
            kind_rows = _kind_rows(rows, chosen, groups[kind], None if kind == "age_band" else bands, capacity, seed)
            parts += [*_protect_the_only_one(kind_rows), _gaps(kind, kind_rows, capacity)]
    return pd.concat([part for part in parts if len(part)], ignore_index=True)


def _kind_rows(
    rows: ScoredRows, chosen: np.ndarray, groups: pd.Series, bands: np.ndarray | None, capacity: CapacitySettings, seed: int
) -> list[pd.DataFrame]:
    """Give the rows of every group of one kind, a table each."""
    kind, tables = str(groups.name), []
    for name, mask in group_masks(groups, rows.position):
        subset = rows.subset(mask)
        measures = dict(_measures(subset, chosen[mask], capacity, seed))
        if kind == RECENT_ADMISSION and name == "none":
            measures = {**_everyone(subset, chosen[mask], capacity, seed), **measures}
        if bands is not None:
            found = standardised_sensitivity(rows.labels, chosen, bands, mask)
            at = share_name(capacity.deciding_share)
            measures[f"age_standardised_sensitivity_{at}"] = _Measure(found, _found_counts(subset, chosen[mask]))
        tables.append(_group_rows(kind, name, subset, measures))
    return tables


def recent_admission_groups(admissions: pd.Series) -> pd.Series:
    """Give the groups 'none' and 'one_or_more' of emergency admissions in the last 24 months; missing stays missing."""
    groups = pd.Series(
        np.where(admissions > 0, "one_or_more", "none"), index=admissions.index, dtype="object", name=RECENT_ADMISSION
    )
    return groups.where(admissions.notna().to_numpy(), None)


def _everyone(rows: ScoredRows, chosen: np.ndarray, capacity: CapacitySettings, seed: int) -> dict[str, _Measure]:
    evaluation = evaluate_rows(rows, capacity, seed)
    counts = (rows.events, rows.rows - rows.events)
    return {name: _Measure(estimate, counts) for name, estimate in evaluation.measures.items()} | dict(
        _selection_measures(rows, chosen, capacity)
    )


def _measures(rows: ScoredRows, chosen: np.ndarray, capacity: CapacitySettings, seed: int) -> Iterator[tuple[str, _Measure]]:
    counts = (rows.events, rows.rows - rows.events)
    ranked = discrimination(rows, seed)
    yield "base_rate", _Measure(wilson(rows.events, rows.rows), counts)
    yield "mean_risk", _Measure(Estimate(float(rows.risk.mean()) if rows.rows else float("nan")), (rows.rows,))
    yield "auroc", _Measure(ranked.auroc, counts)
    yield "average_precision", _Measure(ranked.average_precision, counts)
    yield "observed_over_expected", _Measure(observed_over_expected(rows), counts)
    yield "calibration_in_the_large", _Measure(calibration_in_the_large(rows), counts)
    yield "calibration_slope", _Measure(calibration_slope(rows), counts)
    yield from _selection_measures(rows, chosen, capacity)


def _selection_measures(rows: ScoredRows, chosen: np.ndarray, capacity: CapacitySettings) -> Iterator[tuple[str, _Measure]]:
    """Give selection rate, PPV, sensitivity and false negative rate of the share that was chosen among all."""
    at, count, found = share_name(capacity.deciding_share), int(chosen.sum()), int(rows.labels[chosen].sum())
    missed = rows.events - found
    yield f"selection_rate_{at}", _Measure(wilson(count, rows.rows), (count, rows.rows - count))
    yield f"ppv_{at}", _Measure(wilson(found, count), (count, found, count - found))
    yield f"sensitivity_{at}", _Measure(wilson(found, rows.events), _found_counts(rows, chosen))
    yield f"false_negative_rate_{at}", _Measure(wilson(missed, rows.events), _found_counts(rows, chosen))


def _found_counts(rows: ScoredRows, chosen: np.ndarray) -> tuple[int, int]:
    found = int(rows.labels[chosen].sum())
    return found, rows.events - found


def _group_rows(kind: str, name: str, rows: ScoredRows, measures: dict[str, _Measure]) -> pd.DataFrame:
    small_group = kind != EVERYONE and _is_small((rows.people, rows.events, rows.rows - rows.events))
    records = []
    for metric, measure in measures.items():
        hidden = small_group or (kind != EVERYONE and _is_small(measure.counts))
        shown = NOT_KNOWN if hidden else measure.estimate
        people, events = (pd.NA, pd.NA) if small_group else (rows.people, rows.events)
        records.append((kind, name, metric, shown.value, shown.lower, shown.upper, people, events, hidden))
    return _typed(pd.DataFrame.from_records(records, columns=list(COLUMNS)))


def _is_small(counts: tuple[int, ...]) -> bool:
    return any(0 < count < SMALLEST_SHOWN for count in counts)


def _protect_the_only_one(tables: list[pd.DataFrame]) -> list[pd.DataFrame]:
    """Hide the counts of the next smallest group where a single suppressed group could be had from the total."""
    hidden = [bool(table["people"].isna().all()) for table in tables]
    if sum(hidden) != 1 or len(tables) < 2:
        return tables
    sizes = [np.inf if is_hidden else float(table["events"].iloc[0]) for table, is_hidden in zip(tables, hidden, strict=True)]
    table = tables[int(np.argmin(sizes))]
    counted = table["metric"].str.startswith(("base_rate", "selection_rate", "ppv", "sensitivity", "false_negative_rate"))
    table.loc[:, ["people", "events"]] = pd.NA
    table.loc[counted, ["value", "lower", "upper"]] = np.nan
    table.loc[counted, "suppressed"] = True
    return tables


def _gaps(kind: str, tables: list[pd.DataFrame], capacity: CapacitySettings) -> pd.DataFrame:
    """Give the largest difference and the smallest ratio between two groups of a kind, as 'between_groups'."""
    at = share_name(capacity.deciding_share)
    records = []
    shown = pd.concat(tables, ignore_index=True)
    shown = shown[shown["value"].notna()]
    for metric in COMPARED:
        values = shown[shown["metric"].isin([metric, f"{metric}_{at}"])]
        if len(values) < 2:
            continue
        least, most = values.iloc[int(values["value"].argmin())], values.iloc[int(values["value"].argmax())]
        name = str(values["metric"].iloc[0])
        difference = most["value"] - least["value"]
        ratio = least["value"] / most["value"] if most["value"] > 0 else np.nan
        spread = np.hypot(most["value"] - most["lower"], least["upper"] - least["value"])
        inner = np.hypot(most["upper"] - most["value"], least["value"] - least["lower"])
        records.append(
            (
                kind,
                "between_groups",
                f"{name}_difference",
                difference,
                difference - spread,
                difference + inner,
                pd.NA,
                pd.NA,
                False,
            )
        )
        records.append((kind, "between_groups", f"{name}_ratio", ratio, *_ratio_limits(least, most), pd.NA, pd.NA, False))
    return _typed(pd.DataFrame.from_records(records, columns=list(COLUMNS)))


def _ratio_limits(least: pd.Series, most: pd.Series) -> tuple[float, float]:
    """Give limits of a ratio from the limits of its parts, on the log scale (MOVER)."""
    parts = np.asarray(
        [least["lower"], least["value"], least["upper"], most["lower"], most["value"], most["upper"]], dtype=np.float64
    )
    if not (np.isfinite(parts).all() and (parts > 0).all()):
        return float("nan"), float("nan")
    low, mid, high, other_low, other_mid, other_high = np.log(parts)
    ratio = mid - other_mid
    down, up = np.hypot(mid - low, other_high - other_mid), np.hypot(high - mid, other_mid - other_low)
    return float(np.exp(ratio - down)), float(np.exp(ratio + up))


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    numbers = dict.fromkeys(("value", "lower", "upper"), "float64")
    return table.astype({**numbers, "people": "Int64", "events": "Int64", "suppressed": "bool"})

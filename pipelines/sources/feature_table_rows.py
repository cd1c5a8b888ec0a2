"""From validated rows of a feature table to features, catalogue and labels, by the role of each column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from expectations.row_checks import PROVENANCE_COLUMNS
from expectations.table import Table
from features.diagnosis_groups import diagnosis_groups
from features.index_event_history import index_event_history
from pipelines.errors import ExtractError
from pipelines.sources.feature_table import SPLIT, FeatureTableSettings
from pipelines.sources.feature_table_columns import FEED, strata_name

NOT_KNOWN = "not_known"
MANY_VALUES, FEW_ROWS = 20, 5  # with more values than this, and none in this many rows, a model cannot learn what a value means
NO_CATEGORY = f"none of its values is in {FEW_ROWS} rows or more: dates, identifiers and free text are no categories; convert a date to a number of days"
_INTERVAL = r"^\s*[\[(]?\s*(-?[0-9.]+)\s*(?:-|–|to|,)\s*(-?[0-9.]+)\s*[\])]?\s*$"
_DECIMAL_COMMA = r"[+-]?(?:[0-9]+|[0-9]{1,3}(?:[. '][0-9]{3})+),[0-9]+(?:[eE][+-]?[0-9]+)?"
_BOUND = r"^\s*[<>≤≥]=?\s*(-?[0-9.]+)\s*$"


@dataclass(frozen=True)
class ReadyFeature:
    """A feature of a ready-made table: its values and its entry in the catalogue."""

    name: str
    values: pd.Series  # float64 with NaN, or text with nulls
    kind: str  # number or category
    column: str  # header of the column it comes from
    statistic: str = "value"
    family: str = "feature table"
    status: str = "computed"
    reason: str = ""


@dataclass(frozen=True)
class ReadyTable:
    """A ready-made table, with one row per person and index event, ordered by person and event.

    `keys` has person_key, person_id, index_event_id and index_date. `groups` are text. `labels` are 1, 0 or NaN. `split` is
    text, if a column says which rows train and which test.
    """

    keys: pd.DataFrame
    groups: pd.DataFrame
    features: list[ReadyFeature]
    labels: pd.Series
    not_at_risk_reason: pd.Series
    deprivation: frozenset[str] = field(default_factory=frozenset)
    split: pd.Series | None = None


def ready_table(rows: pd.DataFrame, table: Table, settings: FeatureTableSettings, split_column: str | None = None) -> ReadyTable:
    """Build a ready table from validated rows (the declared columns, as text and dates); the split column is no predictor.

    Raises ExtractError if a column that must have numbers or intervals has other values.
    """
    sent = {column.source_name: column.name for column in table.columns}
    rows = _ordered(rows, settings)
    values = {header: _present(rows[name], settings) for header, name in sent.items() if name not in PROVENANCE_COLUMNS}
    labels = _labels(rows["label"], settings)
    reasons = _not_at_risk(values, settings)
    features = list(_features({header: column for header, column in values.items() if header != split_column}, settings))
    features += _history(rows, values, features, labels, settings)
    groups = {name: values[group.column].fillna(NOT_KNOWN) for name, group in settings.groups.items()}
    return ReadyTable(
        keys=rows[["person_key", "person_id", "index_event_id", "index_date"]],
        groups=pd.DataFrame(groups, index=rows.index),
        features=[_judged(feature) for feature in features],
        labels=labels.mask(reasons != ""),
        not_at_risk_reason=reasons,
        deprivation=frozenset(settings.deprivation),
        split=values[split_column] if split_column else None,
    )


def _ordered(rows: pd.DataFrame, settings: FeatureTableSettings) -> pd.DataFrame:
    dated = rows if settings.index_date else rows.assign(index_date=pd.Timestamp(settings.delivered))
    dated = dated.assign(index_date=pd.to_datetime(dated["index_date"]))
    if not settings.index_event:
        dated = dated.assign(index_event_id=dated["index_date"].dt.strftime("%Y-%m-%d"))
    ordered = dated.sort_values(["person_id", "index_event_id", "index_date"], ignore_index=True)
    return ordered.assign(person_key=pd.factorize(ordered["person_id"], sort=True)[0].astype(np.int32))


def _present(column: pd.Series, settings: FeatureTableSettings) -> pd.Series:
    """Return the values of a column as trimmed text, null for values that mean 'missing'."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return column
    text = column.astype("string").str.strip().astype(object)
    return text.where(text.notna() & ~text.isin([value.strip() for value in settings.missing_values]), None)


def _labels(label: pd.Series, settings: FeatureTableSettings) -> pd.Series:
    known = {**dict.fromkeys(settings.label.negative, 0.0), **dict.fromkeys(settings.label.positive, 1.0)}
    return label.map(known).astype(np.float64)


def _not_at_risk(values: dict[str, pd.Series], settings: FeatureTableSettings) -> pd.Series:
    reasons = pd.Series("", index=values[settings.person].index, dtype=object)
    for rule in settings.not_at_risk:
        reasons[(reasons == "") & values[rule.column].isin(rule.values)] = rule.reason
    return reasons


def _features(values: dict[str, pd.Series], settings: FeatureTableSettings) -> Iterator[ReadyFeature]:
    """Return the predictors that columns of the file are."""
    no_predictors = {settings.person, settings.index_event, settings.index_date, settings.label.column}
    no_predictors |= {group.column for group in settings.groups.values() if not group.predictor}
    if settings.order not in settings.numbers:
        no_predictors.add(settings.order)
    for header, column in values.items():
        if header in no_predictors:
            continue
        name = strata_name(header)
        if header in settings.intervals:
            yield ReadyFeature(name, interval_midpoints(column, header), "number", header, "midpoint")
        elif header in settings.diagnoses.columns:
            categories, chapters = diagnosis_groups(column, settings.diagnoses.system)
            yield ReadyFeature(f"{name}_category", categories, "category", header, "category", "diagnoses")
            yield ReadyFeature(f"{name}_chapter", chapters, "category", header, "chapter", "diagnoses")
        else:
            yield _plain(name, header, column, settings)


def _plain(name: str, header: str, column: pd.Series, settings: FeatureTableSettings) -> ReadyFeature:
    numbers = pd.to_numeric(column, errors="coerce").astype(np.float64).replace([np.inf, -np.inf], np.nan)
    unreadable = int((numbers.isna() & column.notna()).sum())
    if header in settings.numbers and unreadable:
        raise ExtractError(
            f"the column '{header}' is listed under numbers, but {unreadable:,} of its {column.notna().sum():,} values are not numbers; "
            "list values that mean 'missing' in source.feature_table.missing_values, or list it under categories"
        )
    if header not in settings.categories:
        _refuse_decimal_commas(header, column[numbers.isna() & column.notna()], settings)
    if header in settings.categories or unreadable or (header not in settings.numbers and not column.notna().any()):
        return ReadyFeature(name, column, "category", header)
    return ReadyFeature(name, numbers, "number", header)


def _refuse_decimal_commas(header: str, no_numbers: pd.Series, settings: FeatureTableSettings) -> None:
    """Raise ExtractError if most distinct values that are no numbers would be, were their comma a point."""
    if no_numbers.empty:
        return
    distinct = pd.Series(no_numbers.astype("string").unique())
    commas = distinct[distinct.str.fullmatch(_DECIMAL_COMMA)]
    if 2 * commas.size > distinct.size:
        raise ExtractError(
            f"{settings.file}: {no_numbers.isin(commas).sum():,} values of the column '{header}' look like numbers with a decimal comma (9,9). "
            "Strata would use each of them as a category. Write the file with decimal points, or list the column under "
            "source.feature_table.categories if its values are codes, or under source.feature_table.excluded"
        )


def interval_midpoints(column: pd.Series, header: str) -> pd.Series:
    """Return the midpoints of intervals such as [70-80); an open end (>200) counts as its bound.

    Raises ExtractError if a value is no interval, bound or number. A number with a decimal comma (12,5) is none.
    """
    text = column.astype("string")
    ends = text.mask(text.str.fullmatch(_DECIMAL_COMMA).fillna(False)).str.extract(_INTERVAL)
    midpoint = (pd.to_numeric(ends[0]) + pd.to_numeric(ends[1])) / 2
    bound = pd.to_numeric(text.str.extract(_BOUND)[0])
    plain = pd.to_numeric(text, errors="coerce")
    found = midpoint.fillna(bound).fillna(plain).astype("Float64")
    unreadable = int((found.isna() & column.notna()).sum())
    if unreadable:
        raise ExtractError(
            f"the column '{header}' is listed under intervals, but {unreadable:,} of its values are not intervals; list it under categories"
        )
    return pd.Series(found.to_numpy(dtype=np.float64, na_value=np.nan), index=column.index)


def _history(
    rows: pd.DataFrame,
    values: dict[str, pd.Series],
    features: list[ReadyFeature],
    labels: pd.Series,
    settings: FeatureTableSettings,
) -> list[ReadyFeature]:
    if settings.history is None:
        return []
    order = rows["index_date"] if settings.order is None else _order(values[settings.order], settings.order)
    by_header = {feature.column: feature for feature in features if feature.kind == "number"}
    missing = [name for name in settings.history.numbers if name not in by_header]
    if missing:
        raise ExtractError(
            f"source.feature_table.history.numbers: the columns {missing} are not predictors with numbers; correct the names"
        )
    numbers = pd.DataFrame({by_header[name].name: by_header[name].values for name in settings.history.numbers}, index=rows.index)
    outcome = labels if settings.history.outcome else None
    history = index_event_history(rows["person_id"], order, rows["index_event_id"], numbers, outcome)
    column_of = {by_header[name].name: name for name in settings.history.numbers}
    return [_historic(str(name), history[name], column_of, settings) for name in history.columns]


def _historic(name: str, values: pd.Series, column_of: dict[str, str], settings: FeatureTableSettings) -> ReadyFeature:
    for prefix in ("previous", "mean_earlier", "change_in"):
        if name.removeprefix(f"{prefix}_") in column_of:
            return ReadyFeature(
                name, values, "number", column_of[name.removeprefix(f"{prefix}_")], prefix, "earlier index events"
            )
    column = settings.label.column if "outcome" in name else settings.order or settings.index_date or ""
    return ReadyFeature(name, values, "number", column, name, "earlier index events")


def _order(column: pd.Series, header: str) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.isna().any():
        raise ExtractError(
            f"source.feature_table.order: {int(numbers.isna().sum()):,} values of '{header}' are not numbers; name a column of numbers"
        )
    return numbers


def _judged(feature: ReadyFeature) -> ReadyFeature:
    """Mark a feature as not computed if it has a single value, or almost a separate value for each row."""
    if feature.values.nunique(dropna=False) <= 1:
        return replace(feature, status="not_computed", reason="it has a single value")
    if feature.kind == "category" and _is_too_varied(feature.values):
        return replace(feature, status="not_computed", reason=NO_CATEGORY)
    return feature


def _is_too_varied(values: pd.Series) -> bool:
    """Return whether no value, and no missing value, is in enough rows to learn from it."""
    return values.nunique() > MANY_VALUES and values.value_counts(dropna=False).max() < FEW_ROWS


def catalogue_rows(ready: ReadyTable) -> list[dict[str, object]]:
    """Return the rows of features__catalogue for a ready table: its predictors and its audit groups."""
    rows = [
        _catalogue_row(
            feature.name, feature.column, feature.family, feature.statistic, "predictor", feature.kind,
            uses_deprivation=feature.column in ready.deprivation, status=feature.status, reason=feature.reason,
        )
        for feature in ready.features
    ]  # fmt: skip
    rows += [_catalogue_row(str(name), str(name), "groups", "value", "audit", "category") for name in ready.groups.columns]
    return rows if ready.split is None else [*rows, _catalogue_row(SPLIT, SPLIT, "validation", "value", "audit", "category")]


def _catalogue_row(
    name: str, column: str, family: str, statistic: str, role: str, kind: str, *,
    uses_deprivation: bool = False, status: str = "computed", reason: str = "",
) -> dict[str, object]:  # fmt: skip
    return {
        "name": name, "label": name.replace("_", " "), "family": family, "concept": column, "statistic": statistic, "window_days": None,
        "feed": FEED, "legal_basis": "As the run's approval states", "unit": "", "description": f"From the column '{column}' of the team's table.",
        "source": "the team's own table", "role": role, "kind": kind, "uses_deprivation": uses_deprivation, "status": status, "reason": reason,
    }  # fmt: skip

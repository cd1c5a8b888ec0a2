"""A team's own feature table: its validated rows become features, catalogue, labels and the cohort's flow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from expectations.table import Table
from expectations.tables.features import CATALOGUE, PERSON_FEATURES
from expectations.tables.risk import COHORT_FLOW, LABELS
from models.settings import ValidationPlan
from pipelines.building.index_date_files import file_columns
from pipelines.errors import SettingsError
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake
from pipelines.sources.feature_table import SPLIT, FeatureTableSettings
from pipelines.sources.feature_table_rows import ReadyTable, catalogue_rows, ready_table

ON_NEITHER_SIDE = "neither trains nor tests (validation.split_column)"
# Values of declared attributes of features__person that a team's table does not have. Other attributes are null.
NOT_THERE = {
    "residence_status": "postcode_unknown", "imd_version": "", "ethnic_group": "not_known", "age_band": "not_known",
    "sex_name": "not_known", "coverage": "full", "gp_covered": True,
}  # fmt: skip


def load_feature_table(
    lake: Lake, con: duckdb.DuckDBPyConnection, table: Table, rows: str, settings: FeatureTableSettings, outcome: str, horizon_days: int,
    plan: ValidationPlan | None = None,
) -> dict[str, object]:  # fmt: skip
    """Write features__catalogue, features__person, risk__labels and risk__cohort_flow, each replaced in one commit.

    `rows` is SQL of the validated rows of `table` (raw__feature_table); `plan` may name a column that splits them.
    """
    ready = ready_table(con.sql(f"SELECT * FROM {rows}").df(), table, settings, plan.split_column if plan else None)
    features = store_features(lake, ready)
    lake.write(CATALOGUE, catalogue_rows(ready))
    store_labels(lake, ready, outcome, horizon_days)
    sides = (*plan.train_values, *plan.test_values) if plan else ()
    store_flow(lake, ready, sides)
    reasons = Counter(reason for reason in ready.not_at_risk_reason if reason)
    return {
        "rows": len(ready.keys),
        "people": int(ready.keys["person_key"].nunique()),
        "features": features,
        "index_dates": int(ready.keys["index_date"].nunique()),
        "with_outcome": int((ready.labels == 1).sum()),
        "without_outcome": int((ready.labels == 0).sum()),
        **{f"not_at_risk_{reason}": count for reason, count in sorted(reasons.items())},
    }


def store_features(lake: Lake, ready: ReadyTable) -> int:
    """Write features__person and return the number of computed features.

    The columns are the declared attributes, then the groups and the features. An attribute that the team's table lacks is null or not known.
    """
    computed = [feature for feature in ready.features if feature.status == "computed"]
    values_by_name = {str(name): values for name, values in (*ready.keys.items(), *ready.groups.items())}
    values_by_name |= {} if ready.split is None else {SPLIT: ready.split}
    values_by_name["index_date"] = ready.keys["index_date"].dt.date
    fields, columns = [], []
    for declared in arrow_schema(PERSON_FEATURES):
        values = values_by_name.pop(declared.name, None)
        filled = [NOT_THERE.get(declared.name)] * len(ready.keys) if values is None else values.astype(object)
        fields.append(declared)
        columns.append(pa.array(filled, declared.type, from_pandas=True))
    for name, values in values_by_name.items():
        fields.append(pa.field(name, pa.string()))
        columns.append(_values(values, pa.string()))
    for feature in computed:
        kind = pa.string() if feature.kind == "category" else pa.float32()
        fields.append(pa.field(feature.name, kind))
        columns.append(_values(feature.values, kind))
    schema = pa.schema(fields)
    _refuse_same_names(schema.names)
    _replace_all(lake, PERSON_FEATURES, pa.table(columns, schema))
    return len(computed)


def _refuse_same_names(names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SettingsError(
            f"source.feature_table: features__person already has columns with the names {', '.join(twice)}; "
            "rename these groups, or exclude these columns"
        )


def _values(values: pd.Series, kind: pa.DataType) -> pa.Array:
    if pa.types.is_string(kind):
        return pa.array(values.astype(object).where(values.notna(), None), pa.string())
    return pa.array(values.to_numpy(dtype=np.float32), pa.float32(), from_pandas=True)


def _replace_all(lake: Lake, table: Table, rows: pa.Table, partition: Mapping[str, str] | None = None) -> None:
    """Replace a table by rows of any number of dates, in one commit."""
    file = lake.write_arrow(table.name, rows.drop_columns(list(partition or {})), partition)
    lake.commit(table.name, [file], rows.schema, partition_by=file_columns(table, own_dates=True), replace="all")


def store_labels(lake: Lake, ready: ReadyTable, outcome: str, horizon_days: int) -> None:
    """Write risk__labels: the label of the team's table, and the reason why a row is not at risk."""
    keys, has_label = ready.keys, ready.labels.notna()
    frame = keys.assign(
        index_date=keys["index_date"].dt.date,
        outcome=outcome,
        label=ready.labels.astype("Int8"),
        outcome_date=None,
        death_date=None,
        composite_label=None,
        follow_up_days=pd.Series(horizon_days, index=keys.index).where(has_label).astype("Int32"),
        left_list=False,
        not_at_risk_reason=ready.not_at_risk_reason.where(ready.not_at_risk_reason != "", None),
    )
    schema = arrow_schema(LABELS)
    _replace_all(
        lake, LABELS, pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False), {"outcome": outcome}
    )


def store_flow(lake: Lake, ready: ReadyTable, sides: Sequence[str] = ()) -> None:
    """Write risk__cohort_flow: rows not at risk by reason, without a label, in neither part of the split, and in the cohort.

    `sides` has the values of the split column that train or test.
    """
    flow = []
    days = ready.keys["index_date"].dt.date
    neither = ready.labels.notna() & (False if ready.split is None else ~ready.split.isin(sides))
    for day in sorted(set(days)):
        reasons, labels = ready.not_at_risk_reason[days == day], ready.labels[days == day]
        outside = int(neither[days == day].sum())
        unknown = int((labels.isna() & (reasons == "")).sum())
        steps = [(reason, int((reasons == reason).sum())) for reason in sorted(set(reasons) - {""})]
        steps += [("outcome not known yet", unknown), *([(ON_NEITHER_SIDE, outside)] if outside else [])]
        steps += [("in cohort", int(labels.notna().sum()) - outside)]
        flow += [
            {"index_date": day, "step": step, "reason": reason, "people": people}
            for step, (reason, people) in enumerate(steps, start=1)
        ]
    _replace_all(lake, COHORT_FLOW, pa.Table.from_pylist(flow, schema=arrow_schema(COHORT_FLOW)))

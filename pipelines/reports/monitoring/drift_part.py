"""Drift on the page: the features that moved most since the training, the values that moved, and changes in missing values."""

from __future__ import annotations

from typing import Any

import pandas as pd

from expectations.sql_values import quote
from expectations.tables.monitoring import DRIFT
from pipelines.lake.storage import Lake
from pipelines.reports.monitoring.figures import bars_figure, shares_figure
from pipelines.reports.numbers import NOT_COMPUTED
from pipelines.reports.pictures import Picture, picture

MOST_FEATURES = 12
MOST_DATES = 12
LEAST_CHANGE = 0.01
GUIDES = {"watch, from 0.1": 0.1, "shifted, from 0.25": 0.25}
LONGEST_NAME = 48
COLUMNS = (
    "index_date, feature, label, feed, model_version, reference_dates, drift_rank, psi, psi_by_chance, status, was_constant, "
    "support_training, support, "
    "share_missing_training, share_missing, share_missing_change, top_bin, top_bin_share_training, top_bin_share"
)


def drift_part(lake: Lake, model_name: str, key: str) -> dict[str, Any] | None:
    """Return the drawings and tables of a model's features on its latest scoring date; None where none are compared.

    `key` makes the drawings of one outcome differ from those of another.
    """
    rows = lake.read_or_empty(DRIFT, COLUMNS, f"model_name = {quote(model_name)}", "index_date, drift_rank").to_pandas()
    if rows.empty:
        return None
    latest = rows[rows["index_date"] == rows["index_date"].max()]
    top = latest[latest["psi"].notna()].head(MOST_FEATURES)
    return {
        "day": str(latest["index_date"].iloc[0]),
        "version": latest["model_version"].iloc[0],
        "reference": latest["reference_dates"].iloc[0],
        "counts": _counts(latest),
        "features": [_feature_row(row) for row in top.to_dict("records")],
        "dates": [_date_row(str(day), part) for day, part in rows.groupby("index_date")][-MOST_DATES:][::-1],
        "index": _index_picture(top, key) if len(top) else None,
        "missing": _missing_picture(latest, key),
    }


def _index_picture(top: pd.DataFrame, key: str) -> Picture:
    largest = "; ".join(f"{row['label']} {row['psi']:.2f}" for row in top.head(5).to_dict("records"))
    names = [_short(label) for label in top["label"]]
    return picture(
        bars_figure(names, top["psi"].tolist(), "Population stability index", GUIDES),
        f"Population stability index of the features that moved most, with the limits for watching and for a shift. Largest: {largest}.",
        f"psi-{key}",
    )


def _missing_picture(latest: pd.DataFrame, key: str) -> Picture | None:
    """Draw the change in missing values: for each feed, the feature that changed most."""
    size = latest["share_missing_change"].abs()
    moved = latest.assign(size=size)[size >= LEAST_CHANGE].sort_values(["size", "feature"], ascending=[False, True])
    first = moved.drop_duplicates("feed").head(MOST_FEATURES)
    if first.empty:
        return None
    largest = "; ".join(
        f"{row['label']} from {row['share_missing_training']:.0%} to {row['share_missing']:.0%}"
        for row in first.to_dict("records")[:5]
    )
    names = [_short(label) for label in first["label"]]
    before, after = first["share_missing_training"].tolist(), first["share_missing"].tolist()
    return picture(
        shares_figure(names, before, after, ("on the training dates", "now")),
        f"Share of people without a value, for the feature of each feed that changed most. In {len(moved)} features it changed by 1 "
        f"percentage point or more. {largest}.",
        f"missing-{key}",
    )


def _counts(rows: pd.DataFrame) -> str:
    counts = rows["status"].value_counts()
    return ", ".join(f"{counts[status]} {name}" for status, name in _STATUS.items() if status in counts)


_STATUS = {"shifted": "shifted", "watch": "to watch", "stable": "stable", "not_known": "not known"}


def _feature_row(row: dict[str, Any]) -> dict[str, str]:
    before, after = row["top_bin_share_training"], row["top_bin_share"]
    has_shares = row["top_bin"] and pd.notna(before) and pd.notna(after)
    return {
        "feature": row["label"],
        "psi": f"{row['psi']:.3f}",
        "chance": f"{row['psi_by_chance']:.3f}" if pd.notna(row["psi_by_chance"]) else NOT_COMPUTED,
        "status": f"{_STATUS[row['status']]}, was constant" if row["was_constant"] is True else _STATUS[row["status"]],
        "support": f"{row['support_training']:.1%} in training, {row['support']:.1%} now"
        if pd.notna(row["support"])
        else NOT_COMPUTED,
        "top": f"{row['top_bin']}: {before:.1%} in training, {after:.1%} now" if has_shares else NOT_COMPUTED,
        "missing": f"{row['share_missing_training']:.1%} in training, {row['share_missing']:.1%} now",
    }


def _date_row(day: str, part: pd.DataFrame) -> dict[str, str]:
    first = part.iloc[0]
    largest = f"{first['label']} ({first['psi']:.2f})" if pd.notna(first["psi"]) else NOT_COMPUTED
    return {"day": day, "version": str(first["model_version"]), "counts": _counts(part), "most": largest}


def _short(label: str) -> str:
    return label if len(label) <= LONGEST_NAME else f"{label[: LONGEST_NAME - 1].rstrip()}…"

"""Tables of the report by group: the audit, the people in the test set, and the effect of deprivation as a predictor."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from models.candidates import without_deprivation
from models.capacity import share_name
from models.disclosure_control import Total, safe_audit, shown_counts, shown_share
from models.intervals import Estimate
from pipelines.reports.labels import label
from pipelines.reports.numbers import NOT_COMPUTED, NOT_SHOWN, Rows, measured, stored_count
from pipelines.study.settings import StudySettings
from pipelines.training.judging import StudyResult

GROUP_KINDS = {
    "imd_quintile": "Deprivation quintile (1 is most deprived)", "imd_decile": "Deprivation decile (1 is most deprived)",
    "ethnic_group": "Ethnic group (5+1)", "ethnic_category": "Ethnic category (16+1)", "sex_name": "Sex", "age_band": "Age band",
    "rural_urban": "Rural or urban", "local_authority_code": "Local authority", "pcn_code": "Primary care network",
    "sub_icb_code": "Sub-ICB location", "gp_covered": "Covered by a GP feed",
    "emergency_admission_24m": "Emergency admission in the last 24 months", "core20plus": "Core20PLUS group",
}  # fmt: skip
GROUP_MEASURES = ("base_rate", "auroc", "observed_over_expected", "calibration_slope")
LIST_MEASURES = ("selection_rate", "ppv", "sensitivity", "age_standardised_sensitivity")
TITLES = {
    "base_rate": "Share with the outcome", "auroc": "AUROC", "observed_over_expected": "Observed over expected",
    "calibration_slope": "Calibration slope", "selection_rate": "Share listed", "ppv": "Listed people with the outcome (PPV)",
    "sensitivity": "Outcomes found (sensitivity)", "age_standardised_sensitivity": "Outcomes found, at equal age",
}  # fmt: skip


def groups(audit: pd.DataFrame, study: StudySettings) -> list[dict[str, Any]]:
    """Return a table for each kind of group: its groups with their main measures."""
    at = share_name(study.capacity.deciding_share)
    columns = [*GROUP_MEASURES, *(f"{measure}_{at}" for measure in LIST_MEASURES)]
    parts = audit[audit["group_kind"] != "all"].groupby("group_kind", sort=False)
    tables = [_group_table(str(kind), part, columns) for kind, part in parts]
    return [table for table in tables if table["rows"]]


def _group_table(kind: str, part: pd.DataFrame, columns: Sequence[str]) -> dict[str, Any]:
    rows = [_group_row(str(name), of_group, columns) for name, of_group in part.groupby("group_name", sort=False)]
    rows.sort(key=lambda row: _number_of(row["group"]))
    rows = [row for row in rows if _any_computed(row, GROUP_MEASURES)]
    used = [column for column in columns if any(row[column] != NOT_COMPUTED for row in rows)]
    return {"kind": kind, "title": _kind(kind), "rows": rows, "columns": [(column, _title(column)) for column in used]}


def _any_computed(row: Mapping[str, str], columns: Iterable[str]) -> bool:
    return any(row[column] != NOT_COMPUTED for column in columns)


def _kind(kind: str) -> str:
    return GROUP_KINDS.get(kind, label(kind))


def _title(measure: str) -> str:
    """Return a measure's heading; the heading of a list measure is without the list's size."""
    return next((title for name, title in TITLES.items() if measure == name or measure.startswith(f"{name}_")), label(measure))


def _group_row(name: str, of_group: pd.DataFrame, columns: Sequence[str]) -> dict[str, str]:
    by_metric = of_group.set_index("metric")
    row = {
        "group": label(name),
        "people": stored_count(by_metric["people"].max()),
        "events": stored_count(by_metric["events"].max()),
    }
    return row | {
        column: _cell(column, by_metric.loc[column]) if column in by_metric.index else NOT_COMPUTED for column in columns
    }


def _cell(metric: str, row: Any) -> str:
    return NOT_SHOWN if row["suppressed"] else measured(metric, Estimate(row["value"], row["lower"], row["upper"]))


def gaps(audit: pd.DataFrame, study: StudySettings) -> Rows:
    """Return the differences and ratios between groups."""
    at = f"_{share_name(study.capacity.deciding_share)}"
    part = audit[audit["metric"].str.contains("difference|ratio") & audit["value"].notna() & ~audit["suppressed"]]
    return [
        {
            "kind": _kind(row["group_kind"]),
            "groups": label(str(row["group_name"])),
            "metric": label(row["metric"].replace(at, "")).replace("ppv", "PPV").replace("auroc", "AUROC"),
            "value": _cell(row["metric"], row),
        }
        for row in part.to_dict("records")
    ]


def with_and_without(result: StudyResult) -> Rows:
    """Return observed over expected and AUROC by deprivation quintile, with and without deprivation as a predictor."""
    by_name = {candidate.name: candidate.audit for candidate in result.candidates}
    rows = []
    for name, counterpart in ((name, without_deprivation(name) or "") for name in by_name):
        if counterpart not in by_name:
            continue
        audit, other = safe_audit(by_name[name]), safe_audit(by_name[counterpart])
        for quintile in sorted(set(_of_quintile(audit, "observed_over_expected"))):
            row = {"candidate": label(name), "quintile": quintile}
            for ending, measures in (("with", audit), ("without", other)):
                for metric in ("observed_over_expected", "auroc"):
                    row[f"{metric}_{ending}"] = _of_quintile(measures, metric).get(quintile, NOT_COMPUTED)
            rows.append(row)
    return rows


def _of_quintile(audit: pd.DataFrame, metric: str) -> dict[str, str]:
    part = audit[(audit["group_kind"] == "imd_quintile") & (audit["metric"] == metric)]
    return {str(row["group_name"]): _cell(metric, row) for row in part.to_dict("records")}


def characteristics(frame: pd.DataFrame, labels: np.ndarray) -> list[dict[str, Any]]:
    """Return the people in the test set by group, and how many have the outcome; no total reveals a hidden cell."""
    tables = []
    for kind in ("age_band", "sex_name", "ethnic_group", "imd_quintile", "coverage"):
        if kind not in frame:
            continue
        values = frame[kind].astype("object").where(frame[kind].notna(), "not known").astype(str)
        counted = pd.DataFrame({"group": values, "label": labels}).groupby("group")["label"].agg(["size", "sum"])
        sizes = {str(name): int(size) for name, size in counted["size"].items()}
        people, events = _safe(sizes), _safe({str(name): int(count) for name, count in counted["sum"].items()})
        rows = [
            {
                "group": ", ".join(label(part, sentence=not place) for place, part in enumerate(name.split(","))), "people": people[name], "events": events[name],
                "share": NOT_COMPUTED if people[name] == NOT_SHOWN else f"{shown_share(sizes[name], len(frame)):.1%}",
            }
            for name in sorted(sizes, key=_in_order)
        ]  # fmt: skip
        tables.append({"title": _kind(kind), "rows": rows})
    return tables


def _safe(cells: Mapping[str, int]) -> dict[str, str]:
    """Return counts under disclosure control; their total reveals none of them."""
    counts: dict[Hashable, int] = {"everyone": sum(cells.values())}
    counts.update(cells)
    safe = shown_counts(counts, [Total("everyone", tuple(cells))])
    return {name: NOT_SHOWN if (count := safe[name]) is None else f"{count:,}" for name in cells}


def _in_order(name: str) -> tuple[int, str]:
    """Return a sort key: age bands by age, and groups that are not known last."""
    return _number_of(name), name


def _number_of(name: str) -> int:
    start = re.match(r"\d+", name)
    return int(start.group()) if start else 999

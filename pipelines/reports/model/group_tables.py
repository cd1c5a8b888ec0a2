"""Tables of the report by group: the audit, who is among the rows, and what deprivation as a predictor does."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from models.candidates import without_deprivation
from models.capacity import share_name
from models.disclosure_control import Total, safe_audit, shown_counts, shown_share
from models.intervals import Estimate
from pipelines.reports.words import NOT_COMPUTED, NOT_SHOWN, Rows, stored_count, with_limits
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


def groups(audit: pd.DataFrame, study: StudySettings) -> list[dict[str, Any]]:
    """Give a table for each group kind: its groups with their main measures."""
    at = share_name(study.capacity.deciding_share)
    columns = (*GROUP_MEASURES, f"selection_rate_{at}", f"ppv_{at}", f"sensitivity_{at}", f"age_standardised_sensitivity_{at}")
    tables: list[dict[str, Any]] = []
    for kind, part in audit[audit["group_kind"] != "all"].groupby("group_kind", sort=False):
        rows = [_group_row(str(name), of_group, columns) for name, of_group in part.groupby("group_name", sort=False)]
        rows = [row for row in rows if any(row[column] != NOT_COMPUTED for column in GROUP_MEASURES)]
        used = [column for column in columns if any(row[column] != NOT_COMPUTED for row in rows)]
        tables.append(
            {
                "kind": str(kind), "title": GROUP_KINDS.get(str(kind), str(kind).replace("_", " ")), "rows": rows,
                "columns": [(column, column.replace(f"_{at}", "").replace("_", " ")) for column in used],
            }
        )  # fmt: skip
    return [table for table in tables if table["rows"]]


def _group_row(name: str, of_group: pd.DataFrame, columns: Sequence[str]) -> dict[str, str]:
    told = of_group.set_index("metric")
    row = {
        "group": name.replace("_", " "),
        "people": stored_count(told["people"].max()),
        "events": stored_count(told["events"].max()),
    }
    for column in columns:
        found = column in told.index
        line = told.loc[column] if found else None
        row[column] = (
            NOT_COMPUTED
            if line is None
            else NOT_SHOWN
            if line["suppressed"]
            else with_limits(Estimate(*line[["value", "lower", "upper"]]))
        )
    return row


def gaps(audit: pd.DataFrame) -> Rows:
    """Give the differences and ratios between groups."""
    part = audit[audit["metric"].str.contains("difference|ratio") & audit["value"].notna() & ~audit["suppressed"]]
    return [
        {
            "kind": GROUP_KINDS.get(row["group_kind"], row["group_kind"]), "groups": str(row["group_name"]).replace("_", " "),
            "metric": row["metric"].replace("_", " "), "value": with_limits(Estimate(row["value"], row["lower"], row["upper"])),
        }
        for row in part.to_dict("records")
    ]  # fmt: skip


def with_and_without(result: StudyResult) -> Rows:
    """Give observed over expected and AUROC by deprivation quintile, with and without deprivation among the predictors."""
    by_name = {candidate.name: safe_audit(candidate.audit) for candidate in result.candidates}
    rows = []
    for name, audit in by_name.items():
        other = by_name.get(without_deprivation(name) or "")
        if other is None:
            continue
        for quintile in sorted(set(_of_quintile(audit, "observed_over_expected"))):
            row = {"candidate": name.replace("_", " "), "quintile": quintile}
            for words, told in (("with", audit), ("without", other)):
                for metric in ("observed_over_expected", "auroc"):
                    row[f"{metric}_{words}"] = _of_quintile(told, metric).get(quintile, NOT_COMPUTED)
            rows.append(row)
    return rows


def _of_quintile(audit: pd.DataFrame, metric: str) -> dict[str, str]:
    part = audit[(audit["group_kind"] == "imd_quintile") & (audit["metric"] == metric)]
    return {
        str(row["group_name"]): NOT_SHOWN
        if row["suppressed"]
        else with_limits(Estimate(row["value"], row["lower"], row["upper"]))
        for row in part.to_dict("records")
    }


def characteristics(frame: pd.DataFrame, labels: np.ndarray) -> list[dict[str, Any]]:
    """Give who is among the rows that judge, and how many of each kind have the outcome; no total reveals a hidden cell."""
    tables = []
    for kind in ("age_band", "sex_name", "ethnic_group", "imd_quintile", "coverage"):
        if kind not in frame:
            continue
        values = frame[kind].astype("object").where(frame[kind].notna(), "not known").astype(str)
        counted = pd.DataFrame({"group": values, "label": labels}).groupby("group")["label"].agg(["size", "sum"])
        whole = {str(name): int(size) for name, size in counted["size"].items()}
        people, events = _safe(whole), _safe({str(name): int(found) for name, found in counted["sum"].items()})
        rows = [
            {
                "group": name.replace("_", " "), "people": people[name], "events": events[name],
                "share": NOT_COMPUTED if people[name] == NOT_SHOWN else f"{shown_share(whole[name], len(frame)):.1%}",
            }
            for name in sorted(whole, key=_in_order)
        ]  # fmt: skip
        tables.append({"title": GROUP_KINDS.get(kind, kind.replace("_", " ").capitalize()), "rows": rows})
    return tables


def _safe(cells: Mapping[str, int]) -> dict[str, str]:
    """Write counts that may leave; beside the total of all of them none is revealed."""
    counts: dict[Hashable, int] = {"everyone": sum(cells.values())}
    counts.update(cells)
    known = shown_counts(counts, [Total("everyone", tuple(cells))])
    return {name: NOT_SHOWN if (count := known[name]) is None else f"{count:,}" for name in cells}


def _in_order(name: str) -> tuple[int, str]:
    """Order age bands by age, and what is not known last."""
    start = re.match(r"\d+", name)
    return (int(start.group()) if start else 999, name)

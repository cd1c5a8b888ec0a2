"""The audit as it may leave: the safe form of every registered model's audit, for readers of the lake and of the database."""

from __future__ import annotations

import pandas as pd

from expectations.tables.equity import AUDIT_FOR_READERS
from expectations.tables.risk import MODEL_AUDIT
from models.disclosure_control import safe_audit
from pipelines.lake.storage import Lake

# Kinds that do not nest in one another: deciles lie within quintiles, categories within groups, practices within sub-ICBs.
KINDS = (
    "all", "imd_quintile", "ethnic_group", "sex_name", "age_band", "rural_urban", "sub_icb_code", "gp_covered", "emergency_admission_24m",
)  # fmt: skip
METRICS = (
    "base_rate", "mean_risk", "auroc", "average_precision", "brier", "scaled_brier", "observed_over_expected",
    "calibration_in_the_large", "calibration_slope", "ici",
)  # fmt: skip
OF_THE_LIST = ("selection_rate", "ppv", "sensitivity", "list_share", "age_standardised_sensitivity")


def write_audit_for_readers(lake: Lake) -> int:
    """Write the safe audit of every training whose exact audit is there and whose safe one is not; return their number.

    Trainings of an earlier version of Strata have no safe audit until then.
    """
    held = lake.partitions(AUDIT_FOR_READERS.name, "training_id")
    trainings = sorted(set(lake.partitions(MODEL_AUDIT.name, "training_id")) - set(held))
    for training_id in trainings:
        store_audit_for_readers(lake, training_id)
    return len(trainings)


def store_audit_for_readers(lake: Lake, training_id: str) -> None:
    """Write the safe audit of one training from its exact audit."""
    where = "split = 'test' AND model_version IS NOT NULL AND group_name <> 'between_groups'"
    partition = {"training_id": training_id}
    audit = lake.read(
        MODEL_AUDIT.name, where=where, partition=partition, order="candidate, group_kind, group_name, metric"
    ).to_pandas()
    safe = [audit_for_readers(part) for _, part in audit.groupby(["outcome", "candidate"], sort=True)]
    rows = pd.concat(safe, ignore_index=True) if safe else audit
    lake.write(AUDIT_FOR_READERS, rows, partition)


def audit_for_readers(audit: pd.DataFrame) -> pd.DataFrame:
    """Return one model's audit as it may leave: the kinds and measures that leave, and of the lists the one that decides."""
    of_everyone = audit.loc[audit["group_kind"] == "all", "metric"]
    lists = [metric.removeprefix("selection_rate") for metric in of_everyone if metric.startswith("selection_rate_")]
    metrics = [*METRICS, *(f"{name}{at}" for name in OF_THE_LIST for at in lists)]
    return safe_audit(audit[audit["group_kind"].isin(KINDS) & audit["metric"].isin(metrics)])

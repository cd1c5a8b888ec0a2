"""The monitoring tables: features that moved, scores and lists run by run, matured performance, and the alerts raised."""

from __future__ import annotations

from expectations.table import Column, Kind, Table


def _run() -> Column:
    return Column("run_id", Kind.IDENTIFIER, "The published run.", nullable=False)


_OUTCOME = Column("outcome", Kind.TEXT, "The outcome.", nullable=False)
_GROUP_KIND = Column("group_kind", Kind.TEXT, "all, imd_quintile, sub_icb_code, pcn_code, ...", nullable=False)
_GROUP_NAME = Column("group_name", Kind.TEXT, "The group; not_known where a row has none.", nullable=False)
_SUPPRESSED = Column(
    "suppressed", Kind.BOOLEAN, "A count of 1 to 7 stands behind the row, or a total would reveal one.", nullable=False
)

DRIFT = Table(
    "monitoring__drift",
    "How far each feature of the champion has moved on a scoring date from the dates its model learnt from, most moved first.",
    (
        Column("index_date", Kind.DATE, "The scoring date.", nullable=False),
        Column("feature", Kind.TEXT, "Column of features__person.", nullable=False),
        Column("label", Kind.TEXT, "The feature in plain words.", nullable=False),
        Column("feed", Kind.TEXT, "Feeds it needs, separated by commas.", nullable=False),
        Column("model_name", Kind.TEXT, "Registered model.", nullable=False),
        Column("model_version", Kind.TEXT, "Its version.", nullable=False),
        Column("reference_dates", Kind.TEXT, "The training dates it is compared with, separated by commas.", nullable=False),
        Column("drift_rank", Kind.INTEGER, "1 moved most; by index, then by change of the share missing.", nullable=False),
        Column(
            "psi",
            Kind.NUMBER,
            "Population stability index of the values there are, over ten quantile bins of the training rows (or the categories); "
            "null where one side holds none.",
        ),
        Column("psi_by_chance", Kind.NUMBER, "What the index may be where nothing moved (99.9% of samples); large where few rows hold a value."),
        Column(
            "status",
            Kind.CODE,
            "stable below 0.1, watch from 0.1, shifted from 0.25; not_known without an index, or where one of 0.1 or more may be chance.",
            nullable=False,
            allowed=("stable", "watch", "shifted", "not_known"),
        ),
        Column("share_missing_training", Kind.NUMBER, "Share missing on the training dates, of rounded counts, to 0.001.", nullable=False, minimum=0, maximum=1),
        Column("share_missing", Kind.NUMBER, "Share missing on the scoring date, of rounded counts, to 0.001.", nullable=False, minimum=0, maximum=1),
        Column("share_missing_change", Kind.NUMBER, "The latter less the former.", nullable=False, minimum=-1, maximum=1),
        Column("top_bin", Kind.TEXT, "The values that contribute most to the index; empty without one, and where 1 to 7 rows hold them.", nullable=False),
        Column("top_bin_share_training", Kind.NUMBER, "Their share of the values on the training dates.", minimum=0, maximum=1),
        Column("top_bin_share", Kind.NUMBER, "Their share on the scoring date.", minimum=0, maximum=1),
    ),
    ("index_date", "model_name", "feature"),
    partitioned_by=("index_date", "model_name"),
)  # fmt: skip

SCORES = Table(
    "monitoring__scores",
    "How the risks of each published run are spread, and how far its list differs from that of the run before, by deprivation and place.",
    (
        _run(),
        _OUTCOME,
        Column("index_date", Kind.DATE, "The run's index date.", nullable=False),
        Column("previous_run_id", Kind.IDENTIFIER, "The published run it is compared with; empty for the first.", nullable=False),
        _GROUP_KIND,
        _GROUP_NAME,
        Column(
            "measure",
            Kind.TEXT,
            "mean_risk; risk_decile_10 to risk_decile_90; share_in_band_<band>; and of the list, the eligible people of highest risk up to "
            "the deciding share: listed_share (of the group), list_part (of the list), list_turnover (of the group's listed people, those "
            "not on the list before).",
            nullable=False,
        ),
        Column("value", Kind.NUMBER, "Its value; null where it is suppressed or cannot be computed."),
        Column("people", Kind.INTEGER, "People of the group (for list_turnover: listed ones), rounded to 5; null where suppressed.", arrow="int64"),
        _SUPPRESSED,
    ),
    ("run_id", "group_kind", "group_name", "measure"),
    partitioned_by=("run_id",),
)  # fmt: skip

CALIBRATION = Table(
    "monitoring__calibration",
    "What came of the risks of every published run once its horizon and maturity lag have passed: predicted beside observed, with limits.",
    (
        _run(),
        _OUTCOME,
        Column("index_date", Kind.DATE, "The run's index date.", nullable=False),
        Column("data_cut_date", Kind.DATE, "The day the data reached to when it was measured.", nullable=False),
        Column("model_name", Kind.TEXT, "Registered model.", nullable=False),
        Column("model_version", Kind.TEXT, "Its version.", nullable=False),
        Column("group_kind", Kind.TEXT, "all, imd_quintile, age_group; list_status (acted on, listed, neither) where a team told of the run's list.",
               nullable=False),
        _GROUP_NAME,
        Column(
            "metric",
            Kind.TEXT,
            "base_rate, mean_risk, auroc, observed_over_expected, calibration_in_the_large, calibration_slope; brier for all.",
            nullable=False,
        ),
        Column("value", Kind.NUMBER, "Its value; null where it cannot be computed or is suppressed."),
        Column("lower", Kind.NUMBER, "Lower 95% limit."),
        Column("upper", Kind.NUMBER, "Upper 95% limit."),
        Column("people", Kind.INTEGER, "People whose outcome is known; null where suppressed.", arrow="int64"),
        Column("events", Kind.INTEGER, "Of them, those with the outcome; null where suppressed.", arrow="int64"),
        _SUPPRESSED,
    ),
    ("run_id", "group_kind", "group_name", "metric"),
    partitioned_by=("run_id",),
)  # fmt: skip

ALERTS = Table(
    "monitoring__alerts",
    "What is wrong, since when, how bad and what to do: one row per rule, subject and day it began; a row stays when it is over.",
    (
        Column("rule", Kind.TEXT, "The rule; docs/runbooks/<rule>.md says what to do.", nullable=False),
        Column("subject", Kind.TEXT, "What it is about: a feature, a feed (with its provider and month), a group, an outcome.", nullable=False),
        Column("since", Kind.DATE, "The day it was first found.", nullable=False),
        Column("state", Kind.CODE, "open or recovered.", nullable=False, allowed=("open", "recovered")),
        Column("last_seen", Kind.DATE, "The last day it was found.", nullable=False),
        Column("recovered_on", Kind.DATE, "The day it was first found to be over; null while it is open."),
        Column("value", Kind.NUMBER, "How bad: the figure the rule looks at, as last found.", nullable=False),
        Column("limit_value", Kind.NUMBER, "The rule's limit that it crossed.", nullable=False),
        Column("message", Kind.TEXT, "What happened, in words; no person, no count of people.", nullable=False),
        Column("runbook", Kind.TEXT, "The page that says what to do.", nullable=False),
        Column("told_open", Kind.TEXT, "Channels that were told of it, separated by commas.", nullable=False),
        Column("told_recovered", Kind.TEXT, "Channels that were told it is over.", nullable=False),
        Column("message_problem", Kind.TEXT, "Why the last message failed, and where; empty when none did.", nullable=False),
    ),
    ("rule", "subject", "since"),
)  # fmt: skip

STAGES = Table(
    "monitoring__stages",
    "Every stage of every run: what it took, and what it was made from, so that one whose inputs are the same is not run again.",
    (
        Column("stage", Kind.TEXT, "The stage: the first table it writes.", nullable=False),
        Column("index_date", Kind.TEXT, "The index date it was run for; empty for a stage without dates.", nullable=False),
        Column("started_at", Kind.TEXT, "When it began, UTC.", nullable=False),
        Column(
            "status",
            Kind.CODE,
            "done; unchanged where nothing that it reads was new.",
            nullable=False,
            allowed=("done", "unchanged"),
        ),
        Column("wall_s", Kind.NUMBER, "Seconds by the clock.", nullable=False, minimum=0, unit="s"),
        Column("cpu_s", Kind.NUMBER, "Processor seconds of all cores.", nullable=False, minimum=0, unit="s"),
        Column("inputs", Kind.TEXT, "Digest of the tables, extracts, settings and code it read; empty for one that always runs.", nullable=False),
        Column("outputs", Kind.TEXT, "Digest of the tables it left.", nullable=False),
    ),
    ("stage", "index_date", "started_at"),
)  # fmt: skip

MONITORING_TABLES = (DRIFT, SCORES, CALIBRATION, ALERTS, STAGES)

"""The monitoring tables: drift of features, scores and review lists of each run, matured runs, alerts and stages."""

from __future__ import annotations

from expectations.small_counts import SMALL_COUNTS
from expectations.table import Column, Kind, Purpose, Table
from expectations.tables.measurement_units import UNITS


def _run() -> Column:
    return Column("run_id", Kind.IDENTIFIER, "The published run.", nullable=False)


_OUTCOME = Column("outcome", Kind.TEXT, "The outcome.", nullable=False)
_GROUP_KIND = Column("group_kind", Kind.TEXT, "all, imd_quintile, sub_icb_code, pcn_code, ...", nullable=False)
_GROUP_NAME = Column("group_name", Kind.TEXT, "The group; not_known where a row has none.", nullable=False)
_SUPPRESSED = Column(
    "suppressed",
    Kind.BOOLEAN,
    f"The row depends on a count from {SMALL_COUNTS}, or a total would reveal such a count.",
    nullable=False,
)

DRIFT = Table(
    "monitoring__drift",
    "How much each feature of the champion changed from the training dates to a scoring date, largest change first.",
    (
        Column("index_date", Kind.DATE, "The scoring date.", nullable=False),
        Column("feature", Kind.TEXT, "Column of features__person.", nullable=False),
        Column("label", Kind.TEXT, "The feature in plain English.", nullable=False),
        Column("feed", Kind.TEXT, "Feeds it needs, separated by commas.", nullable=False),
        Column("model_name", Kind.TEXT, "Name of the registered model.", nullable=False),
        Column("model_version", Kind.TEXT, "Version of the model.", nullable=False),
        Column("reference_dates", Kind.TEXT, "The training dates of the comparison, separated by commas.", nullable=False),
        Column("drift_rank", Kind.INTEGER, "1 is the largest change: features that were constant, then by index, then by change of the missing share.", nullable=False),
        Column(
            "psi",
            Kind.NUMBER,
            "Population stability index of the values that are not missing, over ten quantile bins of the training rows, or over the "
            "categories. Null where either side has no values.",
        ),
        Column("psi_by_chance", Kind.NUMBER, "Limit below which the index of 99.9% of samples lies if nothing changed; it is large where few rows have a value."),
        Column(
            "status",
            Kind.CODE,
            "stable below 0.1, watch from 0.1, shifted from 0.25. not_known where there is no index, or where an index of 0.1 or more may be chance. "
            "A feature that was constant is shifted whatever its index, and not_known where its new values may be chance.",
            nullable=False,
            allowed=("stable", "watch", "shifted", "not_known"),
        ),
        Column(
            "was_constant",
            Kind.BOOLEAN,
            "Every training row with a value had the same one, and the scoring date has others. The model could learn nothing from the feature. "
            "The index would be infinite: it is computed with a floor for the empty bin. Null for runs before this column.",
        ),
        Column("share_missing_training", Kind.NUMBER, "Share missing on the training dates, from rounded counts, to 0.001.", nullable=False, minimum=0, maximum=1),
        Column("share_missing", Kind.NUMBER, "Share missing on the scoring date, from rounded counts, to 0.001.", nullable=False, minimum=0, maximum=1),
        Column("share_missing_change", Kind.NUMBER, "Share missing on the scoring date minus the share on the training dates.", nullable=False, minimum=-1, maximum=1),
        Column("support_training", Kind.NUMBER, "Share with a value other than 0, of the people for whom the feature is known on the training dates, from rounded counts, to 0.0001. Null where it is known for no one.", minimum=0, maximum=1),
        Column("support", Kind.NUMBER, "The same share on the scoring date.", minimum=0, maximum=1),
        Column("support_factor", Kind.NUMBER, "By how many times the odds of such a value differ between the two, at least 1, whichever side has more. Null where either is null.", minimum=1),
        Column("support_may_be_chance", Kind.BOOLEAN, "Two samples of one population would differ as much in more than 1 of 1,000,000 cases."),
        Column("top_bin", Kind.TEXT, f"The values that contribute most to the index. Empty where there is no index and where {SMALL_COUNTS} rows have these values.", nullable=False),
        Column("top_bin_share_training", Kind.NUMBER, "Share of these values on the training dates.", minimum=0, maximum=1),
        Column("top_bin_share", Kind.NUMBER, "Share of these values on the scoring date.", minimum=0, maximum=1),
    ),
    ("index_date", "model_name", "feature"),
    partitioned_by=("index_date", "model_name"),
    purpose=Purpose.MODEL_ASSURANCE,
)  # fmt: skip

SCORES = Table(
    "monitoring__scores",
    "The distribution of the risks of each published run, and the turnover of its review list, by deprivation and place.",
    (
        _run(),
        _OUTCOME,
        Column("index_date", Kind.DATE, "The run's index date.", nullable=False),
        Column("previous_run_id", Kind.IDENTIFIER, "The published run of the comparison. Empty for the first run.", nullable=False),
        _GROUP_KIND,
        _GROUP_NAME,
        Column(
            "measure",
            Kind.TEXT,
            "mean_risk; risk_decile_10 to risk_decile_90; share_in_band_<band>. For the listed people, who are the eligible people of highest risk up "
            "to the capacity share: listed_share (share of the group), list_part (share of the list) and list_turnover (share of the group's "
            "listed people who were not listed before).",
            nullable=False,
        ),
        Column("value", Kind.NUMBER, "Value of the measure. Null where it is suppressed or cannot be computed."),
        Column("people", Kind.INTEGER, "People of the group (for list_turnover, listed people), rounded to the nearest 5. Null where suppressed.", arrow="int64"),
        _SUPPRESSED,
    ),
    ("run_id", "group_kind", "group_name", "measure"),
    partitioned_by=("run_id",),
    purpose=Purpose.MODEL_ASSURANCE,
)  # fmt: skip

CALIBRATION = Table(
    "monitoring__calibration",
    "Predicted risks compared with observed outcomes, with limits, for every published run whose horizon and maturity have passed.",
    (
        _run(),
        _OUTCOME,
        Column("index_date", Kind.DATE, "The run's index date.", nullable=False),
        Column("data_cut_date", Kind.DATE, "Data cut of the comparison.", nullable=False),
        Column("model_name", Kind.TEXT, "Name of the registered model.", nullable=False),
        Column("model_version", Kind.TEXT, "Version of the model.", nullable=False),
        Column("group_kind", Kind.TEXT, "all, imd_quintile, age_group; list_status (acted on, listed, neither) where a team reported its actions for the run.",
               nullable=False),
        _GROUP_NAME,
        Column(
            "metric",
            Kind.TEXT,
            "base_rate, mean_risk, auroc, observed_over_expected, calibration_in_the_large, calibration_slope; brier for all.",
            nullable=False,
        ),
        Column("value", Kind.NUMBER, "Value of the metric. Null where it cannot be computed or is suppressed."),
        Column("lower", Kind.NUMBER, "Lower 95% limit."),
        Column("upper", Kind.NUMBER, "Upper 95% limit."),
        Column("people", Kind.INTEGER, "People whose outcome is known. Null where suppressed.", arrow="int64"),
        Column("events", Kind.INTEGER, "People with the outcome. Null where suppressed.", arrow="int64"),
        _SUPPRESSED,
    ),
    ("run_id", "group_kind", "group_name", "metric"),
    partitioned_by=("run_id",),
    purpose=Purpose.MODEL_ASSURANCE,
)  # fmt: skip

ALERTS = Table(
    "monitoring__alerts",
    "Alerts: what is wrong, since when, how severe and what to do. One row per rule, subject and first day; the row stays after recovery.",
    (
        Column("rule", Kind.TEXT, "The rule; docs/runbooks/<rule>.md describes what to do.", nullable=False),
        Column("subject", Kind.TEXT, "The subject: a feature, a feed with its provider and month, a group or an outcome.", nullable=False),
        Column("since", Kind.DATE, "The first day of the alert.", nullable=False),
        Column("state", Kind.CODE, "open or recovered.", nullable=False, allowed=("open", "recovered")),
        Column("last_seen", Kind.DATE, "The last day on which the rule was broken.", nullable=False),
        Column("recovered_on", Kind.DATE, "The first day on which the rule was no longer broken. Null while the alert is open."),
        Column("value", Kind.NUMBER, "Latest value of the figure that the rule checks.", nullable=False),
        Column("limit_value", Kind.NUMBER, "Limit of the rule.", nullable=False),
        Column("message", Kind.TEXT, "What happened, in plain English, without people or counts of people.", nullable=False),
        Column("runbook", Kind.TEXT, "The page that describes what to do.", nullable=False),
        Column("told_open", Kind.TEXT, "Channels that received the alert, separated by commas.", nullable=False),
        Column("told_recovered", Kind.TEXT, "Channels that received the message of its recovery, separated by commas.", nullable=False),
        Column("message_problem", Kind.TEXT, "Channel and cause of a failure of the last message. Empty where it was sent.", nullable=False),
    ),
    ("rule", "subject", "since"),
    purpose=Purpose.OPERATION,
)  # fmt: skip

STAGES = Table(
    "monitoring__stages",
    "Every stage of every run: its duration and digests of its inputs and outputs. A stage with unchanged inputs is not run again.",
    (
        Column("stage", Kind.TEXT, "The stage: the first table it writes, or its name if it writes none.", nullable=False),
        Column("index_date", Kind.TEXT, "Index date of the stage. Empty for a stage without dates.", nullable=False),
        Column("started_at", Kind.TEXT, "Start time, UTC.", nullable=False),
        Column(
            "status",
            Kind.CODE,
            "done, or unchanged where no input was new and the stage was skipped.",
            nullable=False,
            allowed=("done", "unchanged"),
        ),
        Column("wall_s", Kind.NUMBER, "Elapsed time.", nullable=False, minimum=0, unit="s"),
        Column("cpu_s", Kind.NUMBER, "Processor time of all cores.", nullable=False, minimum=0, unit="s"),
        Column("inputs", Kind.TEXT, "Digest of the tables, extracts, settings, outside inputs and code that the stage reads. Empty for a stage that must run again.", nullable=False),
        Column("outputs", Kind.TEXT, "Digest of the tables that the stage wrote.", nullable=False),
    ),
    ("stage", "index_date", "started_at"),
    purpose=Purpose.OPERATION,
)  # fmt: skip

LIST_USE = Table(
    "monitoring__code_lists",
    "How much of the ICB's own records each code list touches: the entries with a code of the list in the last 12 months of the feed, and the "
    "people with such an entry at any time. A list that touches few entries may be out of date. The features of a list that matches no one are null where several people are expected.",
    (
        Column("list", Kind.TEXT, "The list.", nullable=False),
        Column("code_system", Kind.CODE, "snomed, dmd, icd10, or department_type (ECDS).", nullable=False, allowed=("snomed", "dmd", "icd10", "department_type")),
        Column("label", Kind.TEXT, "The list in plain English.", nullable=False),
        Column("source", Kind.TEXT, "Where its codes in this terminology come from.", nullable=False),
        Column("source_version", Kind.TEXT, "Version of the source. Empty where it is not stated.", nullable=False),
        Column("source_date", Kind.TEXT, "Date of the source. Empty where it is not stated.", nullable=False),
        Column("codes", Kind.INTEGER, "Codes of the list in this terminology.", nullable=False, arrow="int64"),
        Column("codes_in_use", Kind.INTEGER, "Codes of the events in the 12 months that the list covers.", nullable=False, arrow="int64"),
        Column("entries", Kind.INTEGER, "Events in the 12 months with a code of the list.", nullable=False, arrow="int64"),
        Column("all_entries", Kind.INTEGER, "Events in the 12 months with any code of this terminology.", nullable=False, arrow="int64"),
        Column("share", Kind.NUMBER, "Entries divided by all entries. Null where there are none.", minimum=0, maximum=1),
        Column("people", Kind.INTEGER, "People with an entry of the list at any time.", arrow="int64"),
        Column("all_people", Kind.INTEGER, "People with any entry of this terminology at any time.", arrow="int64"),
        Column("expected_share", Kind.NUMBER, "Published prevalence of the condition in England, for GP records. Null where none is known.", minimum=0,
               maximum=1),
        Column("expected_people", Kind.NUMBER, "People expected: the published prevalence of all people, or else a floor that Strata chose. The floor of a list of codes "
               "that end a condition is a share of the people with the condition, of any other list a share of all people.", minimum=0),
        Column("result", Kind.CODE, "matched; nothing (no one, although at least 10 people are expected); few_people "
               "(no one, and fewer than 10 are expected); below_expected and above_expected (the share is less than a third or more than three times "
               "the published one); no_entries.",
               allowed=("matched", "nothing", "few_people", "below_expected", "above_expected", "no_entries")),
        Column("features_not_computed", Kind.INTEGER, "Features that are not computed because the list matches no one, with those computed from them. 0 where other lists "
               "or feeds of the same features match people. Null if no feature reads the list in this terminology.", arrow="int64"),
    ),
    ("list", "code_system"),
    purpose=Purpose.OPERATION,
)  # fmt: skip

LIST_USE_BY_PRACTICE = Table(
    "monitoring__code_lists_by_practice",
    "The entries and people whom each code list matches in the GP feeds of each practice, next to the people expected. A list that matches no one at one "
    "practice, although it matches people elsewhere, suggests that the practice's extract uses other codes.",
    (
        Column("list", Kind.TEXT, "The list.", nullable=False),
        Column("code_system", Kind.CODE, "snomed for gp_observations, dmd for gp_medication_orders.", nullable=False, allowed=("snomed", "dmd")),
        Column("practice_code", Kind.CODE, "ODS code of the practice that sent the entries.", nullable=False),
        Column("label", Kind.TEXT, "The list in plain English.", nullable=False),
        Column("entries", Kind.INTEGER, "The practice's entries with a code of the list, at any time.", nullable=False, arrow="int64"),
        Column("people", Kind.INTEGER, "People with such an entry.", nullable=False, arrow="int64"),
        Column("all_people", Kind.INTEGER, "People with any entry of the practice in this feed.", nullable=False, arrow="int64"),
        Column("expected_share", Kind.NUMBER, "Published prevalence of the condition in England, for GP records. Where none is known, the share of people whom the "
               "list matches in the feed of the whole ICB. Null where it matches no one.", minimum=0, maximum=1),
        Column("is_published", Kind.BOOLEAN, "The expected share is a published prevalence.", nullable=False),
        Column("result", Kind.CODE, "As in monitoring__code_lists, compared with expected_share, or with the floor of the list where it is null.", nullable=False,
               allowed=("matched", "nothing", "few_people", "below_expected", "above_expected")),
    ),
    ("list", "code_system", "practice_code"),
    purpose=Purpose.OPERATION,
)  # fmt: skip

MONITORING_TABLES = (DRIFT, SCORES, CALIBRATION, ALERTS, STAGES, LIST_USE, LIST_USE_BY_PRACTICE, UNITS)

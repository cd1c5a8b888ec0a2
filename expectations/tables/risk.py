"""Labels, the cohort flow, models, runs, scores and drivers, with the audit of models and the volumes of feeds."""

from __future__ import annotations

from expectations.small_counts import SMALL_COUNTS
from expectations.table import Column, Kind, Purpose, Table


def _id(name: str, description: str) -> Column:
    return Column(name, Kind.IDENTIFIER, description, nullable=False)


def _date(name: str, description: str, nullable: bool = False) -> Column:
    return Column(name, Kind.DATE, description, nullable=nullable)


INDEX_EVENT = (
    Column("person_key", Kind.INTEGER, "The person.", nullable=False),
    _id("person_id", "The person's pseudonym."),
    _id("index_event_id", "The index date for a cohort of registered people; otherwise the encounter, discharge or cohort row."),
    _date(
        "index_date", "The day that the score looks forward from. Features end the day before, time at risk starts the day after."
    ),
)

LABELS = Table(
    "risk__labels",
    "The outcome of each person of the cohort after each index date.",
    (
        *INDEX_EVENT,
        Column("outcome", Kind.TEXT, "Name of the outcome.", nullable=False),
        Column(
            "label",
            Kind.INTEGER,
            "1 with the outcome within the horizon and while registered, 0 without. Null for people who left or are not at risk.",
            arrow="int8",
        ),
        _date("outcome_date", "Day of the first outcome.", nullable=True),
        _date("death_date", "Day of death within the horizon and while registered.", nullable=True),
        Column("composite_label", Kind.INTEGER, "1 with the outcome or death from any cause within the horizon.", arrow="int8"),
        Column(
            "follow_up_days",
            Kind.INTEGER,
            "Days at risk until the outcome, death, leaving or the end of the horizon.",
            unit="days",
        ),
        Column(
            "left_list", Kind.BOOLEAN, "The person left the registered list within the horizon, alive and without the outcome."
        ),
        Column("not_at_risk_reason", Kind.TEXT, "Why the person is not at risk. Empty where the person is at risk."),
    ),
    ("outcome", "person_key", "index_event_id"),
    partitioned_by=("outcome", "index_date"),
    purpose=Purpose.MODEL_ASSURANCE,
)

COHORT_FLOW = Table(
    "risk__cohort_flow",
    "How many people each step of the cohort excluded, for each index date.",
    (
        _date("index_date", "The index date."),
        Column("step", Kind.INTEGER, "Order of the step.", nullable=False),
        Column("reason", Kind.TEXT, "Why people were excluded at this step; 'in cohort' for the last row.", nullable=False),
        Column("people", Kind.INTEGER, "Number of people.", nullable=False, arrow="int64"),
    ),
    ("index_date", "step"),
    partitioned_by=("index_date",),
    purpose=Purpose.MODEL_ASSURANCE,
)

MODELS = Table(
    "risk__models",
    "Every candidate that was trained, with its performance, gates and approval.",
    (
        _id("training_id", "The training: a digest of its inputs."),
        Column("outcome", Kind.TEXT, "The outcome.", nullable=False),
        Column("candidate", Kind.TEXT, "Name of the candidate.", nullable=False),
        Column("recorded_at", Kind.TEXT, "Time when the training was recorded, UTC.", nullable=False),
        _id("model_digest", "Digest of the model's content."),
        Column("mlflow_run_id", Kind.TEXT, "Identifier of the run in MLflow."),
        Column("model_version", Kind.TEXT, "Version in the model registry. Empty for a candidate that was not registered."),
        Column("auroc", Kind.NUMBER, "AUROC on the test index date.", minimum=0, maximum=1),
        Column("average_precision", Kind.NUMBER, "Average precision on the test index date."),
        Column("brier", Kind.NUMBER, "Brier score on the test index date."),
        Column("calibration_slope", Kind.NUMBER, "Calibration slope on the test index date."),
        Column("observed_over_expected", Kind.NUMBER, "Observed over expected outcomes on the test index date."),
        Column("eligible", Kind.BOOLEAN, "The candidate failed no gate.", nullable=False),
        Column("gates", Kind.TEXT, "Results of the gates, as JSON.", nullable=False),
        Column(
            "status", Kind.CODE, "candidate, eligible or champion.", nullable=False, allowed=("candidate", "eligible", "champion")
        ),
        Column("approved_by_role", Kind.TEXT, "Role that approved the champion."),
        Column("approval_reason", Kind.TEXT, "Reason of the approver."),
        _date("approval_date", "Day of approval.", nullable=True),
        Column("inputs", Kind.TEXT, "Index dates, table versions and code version, as JSON.", nullable=False),
    ),
    ("training_id", "candidate"),
    purpose=Purpose.MODEL_ASSURANCE,
)

CROSS_FITTED = Table(
    "risk__cross_fitted",
    "Risks of training rows from models that were fitted without the person. A study with folds of people, or with a split column, publishes "
    "these risks.",
    (
        _id("training_id", "The training."),
        _id("person_id", "The person's pseudonym."),
        _id("index_event_id", "The index event."),
        Column("risk", Kind.NUMBER, "Calibrated probability of the outcome.", nullable=False, minimum=0, maximum=1),
    ),
    ("training_id", "person_id", "index_event_id"),
    partitioned_by=("training_id",),
    purpose=Purpose.MODEL_ASSURANCE,
)

RUNS = Table(
    "risk__runs",
    "The commit point of a run: its rows count only while its latest row here has the status published.",
    (
        _id("run_id", "The run: a digest of its inputs."),
        Column(
            "status",
            Kind.CODE,
            "published, withdrawn, or removed after its rows were deleted.",
            nullable=False,
            allowed=("published", "withdrawn", "removed"),
        ),
        Column("recorded_at", Kind.TEXT, "Time when the row was written, UTC.", nullable=False),
        Column("purpose", Kind.TEXT, "Purpose of the run.", nullable=False),
        Column("approval", Kind.TEXT, "The approval that allows the run.", nullable=False),
        _date("approval_expires", "Last day of the approval."),
        Column("outcome", Kind.TEXT, "The outcome.", nullable=False),
        _date("index_date", "The scoring date; the latest one where index events have their own dates."),
        _date("data_cut_date", "Last day that the data reach."),
        Column("model_name", Kind.TEXT, "Name of the registered model.", nullable=False),
        Column("model_version", Kind.TEXT, "Version of the model.", nullable=False),
        Column("model_digest", Kind.TEXT, "Digest of the model's content.", nullable=False),
        Column("code_version", Kind.TEXT, "Digest of Strata's code.", nullable=False),
        Column("settings_version", Kind.TEXT, "Digest of the settings that affect the result.", nullable=False),
        Column("rows", Kind.INTEGER, "Number of scores published.", nullable=False, arrow="int64"),
        Column("scores_digest", Kind.TEXT, "Digest of the published risks in key order.", nullable=False),
        Column("table_versions", Kind.TEXT, "Delta version of every table that was read or written, as JSON.", nullable=False),
        Column("suppressed", Kind.TEXT, "Number of people excluded or suppressed, by reason, as JSON.", nullable=False),
        Column("reason", Kind.TEXT, "Why the run was withdrawn or removed. Empty otherwise.", nullable=False),
    ),
    ("run_id", "status", "recorded_at"),
    purpose=Purpose.OPERATION,
)

_SCORE_COLUMNS = (
    _id("run_id", "The run."),
    Column("purpose", Kind.TEXT, "Purpose of the run.", nullable=False),
    Column("scored_at", Kind.TEXT, "Time when the score was computed, UTC.", nullable=False),
    _date("index_date", "The day that the score looks forward from."),
    _id("index_event_id", "The index date for a cohort of registered people; otherwise the encounter, discharge or cohort row."),
    _date("data_cut_date", "Last day that the data reach."),
    Column("horizon_days", Kind.INTEGER, "Days after the index date that the risk covers.", nullable=False, unit="days"),
    Column("outcome", Kind.TEXT, "The outcome.", nullable=False),
    Column("outcome_definition_version", Kind.TEXT, "Version of the definition of the outcome.", nullable=False),
    _id("person_id", "The person's pseudonym."),
    Column("practice_code", Kind.CODE, "Practice on the index date."),
    Column("pcn_code", Kind.CODE, "Primary care network of the practice."),
    Column("neighbourhood_code", Kind.CODE, "Neighbourhood of the practice, where the organisation tables have one."),
    Column("sub_icb_code", Kind.CODE, "Sub-ICB location."),
    Column("icb_code", Kind.CODE, "Integrated care board."),
    Column("geography_version", Kind.TEXT, "Day for which the organisation tables were read.", nullable=False),
    Column("lsoa_code", Kind.CODE, "LSOA of residence on the index date."),
    Column("lsoa_vintage", Kind.INTEGER, "Census year of the LSOA code: 2011 or 2021."),
    Column("imd_decile", Kind.INTEGER, "National deprivation decile. 1 is most deprived.", minimum=1, maximum=10),
    Column("imd_version", Kind.TEXT, "Edition of the Indices of Deprivation."),
    Column(
        "risk", Kind.NUMBER, "Calibrated probability of the outcome within the horizon.", nullable=False, minimum=0, maximum=1
    ),
    Column(
        "risk_percentile",
        Kind.NUMBER,
        "Percentage of the ICB's scores that are not higher than this one.",
        nullable=False,
        minimum=0,
        maximum=100,
    ),
    Column("risk_rank_in_practice", Kind.INTEGER, "Rank within the practice. 1 is the highest risk."),
    Column(
        "age_group",
        Kind.TEXT,
        "0-17, 18-64 or 65+, which have separate review lists. Null where the age is not known.",
        allowed=("0-17", "18-64", "65+"),
    ),
    Column(
        "risk_percentile_in_age_group",
        Kind.NUMBER,
        "Percentile among the ICB's people of the age group.",
        minimum=0,
        maximum=100,
    ),
    Column("risk_rank_in_practice_age_group", Kind.INTEGER, "Rank within the practice and age group. 1 is the highest risk."),
    Column("risk_band", Kind.TEXT, "Band of the risk, by fixed cut points.", nullable=False),
    Column("band_scheme_version", Kind.TEXT, "Version of the cut points.", nullable=False),
    Column(
        "previous_risk",
        Kind.NUMBER,
        "Risk in the last published run of the outcome with an earlier index date, by the model of that time.",
        minimum=0,
        maximum=1,
    ),
    Column("risk_change", Kind.NUMBER, "Risk minus previous risk."),
    Column(
        "rising_risk", Kind.BOOLEAN, "The risk rose by at least the step in the settings. Null where there is no previous risk."
    ),
    Column(
        "emergency_admissions_730d",
        Kind.INTEGER,
        "Emergency admissions in the 730 days before the index date. Null where not covered.",
    ),
    Column(
        "eligible", Kind.BOOLEAN, "The person may be on a review list. The flags below do not exclude a person.", nullable=False
    ),
    Column(
        "suppression_reason",
        Kind.TEXT,
        "Why the person may not be listed: died or left since, a date of death or an end of registration that cannot be read, or not at risk. "
        "Empty where eligible.",
    ),
    Column(
        "end_of_life", Kind.BOOLEAN, "Palliative care recorded in the three years before the index date. Null where not known."
    ),
    Column("in_hospital_now", Kind.BOOLEAN, "In a hospital bed on the index date, as far as recorded. Null where not known."),
    Column("care_home", Kind.BOOLEAN, "Lives in a care home, by the GP record or the last hospital stay. Null where not known."),
    Column("on_caseload", Kind.BOOLEAN, "On a team's caseload. Null where the practice sent no actions."),
    Column("coverage", Kind.TEXT, "full, or the feeds that do not cover the person.", nullable=False),
    Column("model_name", Kind.TEXT, "Name of the registered model.", nullable=False),
    Column("model_version", Kind.TEXT, "Version of the model.", nullable=False),
    Column("mlflow_run_id", Kind.TEXT, "Identifier of the run in MLflow."),
    Column("feature_set_version", Kind.TEXT, "Digest of the feature catalogue.", nullable=False),
    Column("code_version", Kind.TEXT, "Digest of Strata's code.", nullable=False),
    Column("data_quality_status", Kind.TEXT, "ok, or the open warnings at the time of the run.", nullable=False),
    Column(
        "missing_share", Kind.NUMBER, "Share of the features of the model that are null for the person.", minimum=0, maximum=1
    ),
)

SCORES = Table(
    "risk__scores",
    "One row per person (or index event), outcome and run. Join to risk__runs: only published runs count.",
    _SCORE_COLUMNS,
    ("run_id", "outcome", "person_id", "index_event_id"),
    partitioned_by=("run_id",),
    purpose=Purpose.CARE,
)
CURRENT = Table(
    "risk__current",
    "The scores of the latest published run of each outcome, for other systems to read.",
    _SCORE_COLUMNS,
    ("outcome", "person_id", "index_event_id"),
    partitioned_by=("outcome",),
    purpose=Purpose.CARE,
)
DRIVERS = Table(
    "risk__drivers",
    "The strongest drivers of the risk of people in the top bands and on review lists. All windows of a concept are one driver.",
    (
        _id("run_id", "The run."),
        Column("outcome", Kind.TEXT, "The outcome.", nullable=False),
        _id("person_id", "The person's pseudonym."),
        _id("index_event_id", "The index event."),
        Column("driver_rank", Kind.INTEGER, "1 is the strongest.", nullable=False),
        Column(
            "driver",
            Kind.TEXT,
            "Name of the driver in plain English. Where the person has none of it, the name includes that.",
            nullable=False,
        ),
        Column("direction", Kind.TEXT, "raises or lowers.", nullable=False, allowed=("raises", "lowers")),
        Column("contribution", Kind.NUMBER, "Contribution to the log odds of the risk.", nullable=False),
        Column("features", Kind.TEXT, "The features of the driver with their values, as JSON.", nullable=False),
    ),
    ("run_id", "outcome", "person_id", "index_event_id", "driver_rank"),
    partitioned_by=("run_id",),
    purpose=Purpose.CARE,
)
SHADOW_SCORES = Table(
    "risk__shadow_scores",
    "The challenger's risks for each published run, stored for comparison with the outcomes and never published.",
    (
        _id("run_id", "The published run for whose people the challenger was scored."),
        Column("outcome", Kind.TEXT, "The outcome.", nullable=False),
        Column("model_version", Kind.TEXT, "Version of the challenger in the model registry.", nullable=False),
        _id("person_id", "The person's pseudonym."),
        _id("index_event_id", "The index event."),
        Column("risk", Kind.NUMBER, "Calibrated probability of the outcome.", nullable=False, minimum=0, maximum=1),
    ),
    ("run_id", "outcome", "person_id", "index_event_id"),
    partitioned_by=("run_id",),
    purpose=Purpose.MODEL_ASSURANCE,
)
MODEL_AUDIT = Table(
    "equity__model_audit",
    f"Performance and fairness of each candidate by group, with 95% limits. For analysts: counts are exact, and counts from {SMALL_COUNTS} and values that "
    "reveal them are suppressed. The report of the model rounds the counts.",
    (
        _id("training_id", "The training."),
        Column("outcome", Kind.TEXT, "The outcome.", nullable=False),
        Column("candidate", Kind.TEXT, "Name of the candidate; incumbent for the model in use.", nullable=False),
        Column(
            "model_version",
            Kind.TEXT,
            "Version in the model registry. Empty for a candidate that was not registered, and for tests on other places or dates.",
        ),
        Column(
            "split",
            Kind.TEXT,
            "test; place:<code> for a place that was excluded from training; origin:<date> for an earlier date, tested with a model of the dates before.",
            nullable=False,
        ),
        Column("group_kind", Kind.TEXT, "all, imd_quintile, ethnic_group, sex, age_band, ...", nullable=False),
        Column("group_name", Kind.TEXT, "The group.", nullable=False),
        Column("metric", Kind.TEXT, "Name of the metric.", nullable=False),
        Column("value", Kind.NUMBER, "Value of the metric. Null where it cannot be computed or is suppressed."),
        Column("lower", Kind.NUMBER, "Lower 95% limit."),
        Column("upper", Kind.NUMBER, "Upper 95% limit."),
        Column("people", Kind.INTEGER, "Number of people. Null where suppressed.", arrow="int64"),
        Column("events", Kind.INTEGER, "Number of people with the outcome. Null where suppressed.", arrow="int64"),
        Column("suppressed", Kind.BOOLEAN, f"The row depends on a count from {SMALL_COUNTS}.", nullable=False),
    ),
    ("training_id", "outcome", "candidate", "split", "group_kind", "group_name", "metric"),
    partitioned_by=("training_id",),
    purpose=Purpose.MODEL_ASSURANCE,
)
VOLUMES = Table(
    "monitoring__volumes",
    "Rows by feed, provider and month, in the latest delivery and the previous one.",
    (
        Column("feed", Kind.TEXT, "The feed.", nullable=False),
        Column("organisation_code", Kind.CODE, "Provider or practice.", nullable=False),
        _date("month", "First day of the month."),
        _date("extract_date", "Day of the delivery."),
        Column("rows", Kind.INTEGER, "Rows in this delivery.", nullable=False, arrow="int64"),
        Column("rows_before", Kind.INTEGER, "Rows in the previous delivery. Null for the first delivery.", arrow="int64"),
        Column("share_of_before", Kind.NUMBER, "Rows divided by rows in the previous delivery."),
    ),
    ("feed", "organisation_code", "month", "extract_date"),
    purpose=Purpose.OPERATION,
)
RISK_TABLES = (LABELS, COHORT_FLOW, MODELS, CROSS_FITTED, RUNS, SCORES, CURRENT, DRIVERS, SHADOW_SCORES, MODEL_AUDIT, VOLUMES)

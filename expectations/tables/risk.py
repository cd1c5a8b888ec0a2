"""Labels, models, runs, scores and drivers; the inequality and monitoring tables."""

from __future__ import annotations

from expectations.table import Column, Kind, Table


def _id(name: str, description: str) -> Column:
    return Column(name, Kind.IDENTIFIER, description, nullable=False)


def _date(name: str, description: str, nullable: bool = False) -> Column:
    return Column(name, Kind.DATE, description, nullable=nullable)


INDEX_EVENT = (
    Column("person_key", Kind.INTEGER, "The person.", nullable=False),
    _id("person_id", "The person's pseudonym."),
    _id("index_event_id", "The index date of a board's run; elsewhere the encounter, discharge or cohort row."),
    _date("index_date", "Features end the day before it; time at risk starts the day after it."),
)

LABELS = Table(
    "risk__labels",
    "What happened after each index date to everyone in the cohort.",
    (
        *INDEX_EVENT,
        Column("outcome", Kind.TEXT, "Name of the outcome.", nullable=False),
        Column(
            "label",
            Kind.INTEGER,
            "1 with the outcome within the horizon and while on the list, 0 without; null for who left and who is not at risk.",
            arrow="int8",
        ),
        _date("outcome_date", "Day of the first outcome.", nullable=True),
        _date("death_date", "Day of death within the horizon and while on the list.", nullable=True),
        Column("composite_label", Kind.INTEGER, "1 with the outcome or any death within the horizon.", arrow="int8"),
        Column("follow_up_days", Kind.INTEGER, "Days at risk until the outcome, death, leaving or the horizon.", unit="days"),
        Column("left_list", Kind.BOOLEAN, "The person left the list within the horizon, alive and without the outcome."),
        Column("not_at_risk_reason", Kind.TEXT, "Why the person is not at risk; empty where the person is."),
    ),
    ("outcome", "person_key", "index_event_id"),
    partitioned_by=("outcome", "index_date"),
)

COHORT_FLOW = Table(
    "risk__cohort_flow",
    "How many people each step of the cohort left out, for each index date.",
    (
        _date("index_date", "The index date."),
        Column("step", Kind.INTEGER, "Order of the step.", nullable=False),
        Column("reason", Kind.TEXT, "Why people left at this step; 'in cohort' for the last row.", nullable=False),
        Column("people", Kind.INTEGER, "People.", nullable=False, arrow="int64"),
    ),
    ("index_date", "step"),
    partitioned_by=("index_date",),
)

MODELS = Table(
    "risk__models",
    "Every candidate that was trained, its verdicts and its approval.",
    (
        _id("training_id", "The training, derived from its inputs."),
        Column("outcome", Kind.TEXT, "The outcome.", nullable=False),
        Column("candidate", Kind.TEXT, "Name of the candidate.", nullable=False),
        Column("recorded_at", Kind.TEXT, "When the training was recorded, UTC.", nullable=False),
        _id("model_digest", "Digest of the model's content."),
        Column("mlflow_run_id", Kind.TEXT, "The run in MLflow."),
        Column("model_version", Kind.TEXT, "Version in the registry; empty for a candidate that was not registered."),
        Column("auroc", Kind.NUMBER, "AUROC on the test index date.", minimum=0, maximum=1),
        Column("average_precision", Kind.NUMBER, "Average precision on the test index date."),
        Column("brier", Kind.NUMBER, "Brier score on the test index date."),
        Column("calibration_slope", Kind.NUMBER, "Calibration slope on the test index date."),
        Column("observed_over_expected", Kind.NUMBER, "Outcomes over expected outcomes on the test index date."),
        Column("eligible", Kind.BOOLEAN, "No gate failed.", nullable=False),
        Column("gates", Kind.TEXT, "The gates' answers, as JSON.", nullable=False),
        Column(
            "status", Kind.CODE, "candidate, eligible or champion.", nullable=False, allowed=("candidate", "eligible", "champion")
        ),
        Column("approved_by_role", Kind.TEXT, "Role that approved the champion."),
        Column("approval_reason", Kind.TEXT, "The approver's reason."),
        _date("approval_date", "Day of approval.", nullable=True),
        Column("inputs", Kind.TEXT, "Index dates, table versions and code version, as JSON.", nullable=False),
    ),
    ("training_id", "candidate"),
)

CROSS_FITTED = Table(
    "risk__cross_fitted",
    "Risks of training rows by models that never saw their person, where folds of people or a column divide a study: what it publishes.",
    (
        _id("training_id", "The training."),
        _id("person_id", "The person's pseudonym."),
        _id("index_event_id", "The index event."),
        Column("risk", Kind.NUMBER, "Calibrated probability of the outcome.", nullable=False, minimum=0, maximum=1),
    ),
    ("training_id", "person_id", "index_event_id"),
    partitioned_by=("training_id",),
)

RUNS = Table(
    "risk__runs",
    "The one commit point: a run's rows count only once its latest row here says published.",
    (
        _id("run_id", "The run, derived from its inputs."),
        Column(
            "status",
            Kind.CODE,
            "published; withdrawn; or removed, once its rows are kept no longer.",
            nullable=False,
            allowed=("published", "withdrawn", "removed"),
        ),
        Column("recorded_at", Kind.TEXT, "When the row was written, UTC.", nullable=False),
        Column("purpose", Kind.TEXT, "What the run is for.", nullable=False),
        Column("approval", Kind.TEXT, "The approval it rests on.", nullable=False),
        _date("approval_expires", "Last day of the approval."),
        Column("outcome", Kind.TEXT, "The outcome.", nullable=False),
        _date("index_date", "The scoring date; the latest one where index events have dates of their own."),
        _date("data_cut_date", "The day the data reach to."),
        Column("model_name", Kind.TEXT, "Registered model.", nullable=False),
        Column("model_version", Kind.TEXT, "Its version.", nullable=False),
        Column("model_digest", Kind.TEXT, "Digest of the model's content.", nullable=False),
        Column("code_version", Kind.TEXT, "Digest of Strata's code.", nullable=False),
        Column("settings_version", Kind.TEXT, "Digest of the settings that bear on the result.", nullable=False),
        Column("rows", Kind.INTEGER, "Scores published.", nullable=False, arrow="int64"),
        Column("scores_digest", Kind.TEXT, "Digest of the published risks in key order.", nullable=False),
        Column("table_versions", Kind.TEXT, "Delta version of every table read and written, as JSON.", nullable=False),
        Column("suppressed", Kind.TEXT, "People left out, by reason, as JSON.", nullable=False),
        Column("reason", Kind.TEXT, "Why the run was withdrawn or removed; empty otherwise.", nullable=False),
    ),
    ("run_id", "status", "recorded_at"),
)

_SCORE_COLUMNS = (
    _id("run_id", "The run."),
    Column("purpose", Kind.TEXT, "What the run is for.", nullable=False),
    Column("scored_at", Kind.TEXT, "When the score was made, UTC.", nullable=False),
    _date("index_date", "The day the score looks forward from."),
    _id("index_event_id", "The index date of a board's run; elsewhere the encounter, discharge or cohort row."),
    _date("data_cut_date", "The day the data reach to."),
    Column("horizon_days", Kind.INTEGER, "Days the risk covers.", nullable=False, unit="days"),
    Column("outcome", Kind.TEXT, "The outcome.", nullable=False),
    Column("outcome_definition_version", Kind.TEXT, "Version of its definition.", nullable=False),
    _id("person_id", "The person's pseudonym."),
    Column("practice_code", Kind.CODE, "Practice on the index date."),
    Column("pcn_code", Kind.CODE, "Primary care network of the practice."),
    Column("neighbourhood_code", Kind.CODE, "Neighbourhood, where the organisation tables have one."),
    Column("sub_icb_code", Kind.CODE, "Sub-ICB location."),
    Column("icb_code", Kind.CODE, "Integrated care board."),
    Column("geography_version", Kind.TEXT, "Day the organisation tables were read for.", nullable=False),
    Column("lsoa_code", Kind.CODE, "LSOA of residence on the index date."),
    Column("lsoa_vintage", Kind.INTEGER, "Its vintage."),
    Column("imd_decile", Kind.INTEGER, "National deprivation decile; 1 is most deprived.", minimum=1, maximum=10),
    Column("imd_version", Kind.TEXT, "Edition of the Indices of Deprivation."),
    Column(
        "risk", Kind.NUMBER, "Calibrated probability of the outcome within the horizon.", nullable=False, minimum=0, maximum=1
    ),
    Column(
        "risk_percentile",
        Kind.NUMBER,
        "Share of the board's scores at or below this one, times 100.",
        nullable=False,
        minimum=0,
        maximum=100,
    ),
    Column("risk_rank_in_practice", Kind.INTEGER, "Rank within the practice; 1 is the highest risk."),
    Column(
        "age_group",
        Kind.TEXT,
        "0-17, 18-64 or 65+, which are listed apart; null where the age is not known.",
        allowed=("0-17", "18-64", "65+"),
    ),
    Column(
        "risk_percentile_in_age_group",
        Kind.NUMBER,
        "The percentile among the board's people of the age group.",
        minimum=0,
        maximum=100,
    ),
    Column("risk_rank_in_practice_age_group", Kind.INTEGER, "Rank within the practice and age group; 1 is the highest risk."),
    Column("risk_band", Kind.TEXT, "Band by absolute cut points.", nullable=False),
    Column("band_scheme_version", Kind.TEXT, "The cut points.", nullable=False),
    Column(
        "previous_risk",
        Kind.NUMBER,
        "Risk in the last published run of the outcome with an earlier index date.",
        minimum=0,
        maximum=1,
    ),
    Column("risk_change", Kind.NUMBER, "Risk less previous risk."),
    Column("rising_risk", Kind.BOOLEAN, "The risk rose by at least the settings' step; null without a previous risk."),
    Column("emergency_admissions_730d", Kind.INTEGER, "Emergency admissions in the 730 days before; null where not covered."),
    Column("eligible", Kind.BOOLEAN, "The person may be listed; a mark below takes nobody off.", nullable=False),
    Column(
        "suppression_reason",
        Kind.TEXT,
        "Why not: died or left since, a date of death or an end of registration that cannot be read, or not at risk; empty where the person may.",
    ),
    Column("end_of_life", Kind.BOOLEAN, "Palliative care in the three years before; null where the feeds cannot tell."),
    Column(
        "in_hospital_now", Kind.BOOLEAN, "In a hospital bed on the index date, as far as known; null where the feeds cannot tell."
    ),
    Column(
        "care_home", Kind.BOOLEAN, "Lives in a care home by the GP record or the last stay; null where the feeds cannot tell."
    ),
    Column("on_caseload", Kind.BOOLEAN, "Taken on by a team and still there; null where the practice sent no actions."),
    Column("coverage", Kind.TEXT, "full, or the feeds that do not cover the person.", nullable=False),
    Column("model_name", Kind.TEXT, "Registered model.", nullable=False),
    Column("model_version", Kind.TEXT, "Its version.", nullable=False),
    Column("mlflow_run_id", Kind.TEXT, "The run in MLflow."),
    Column("feature_set_version", Kind.TEXT, "Digest of the feature catalogue.", nullable=False),
    Column("code_version", Kind.TEXT, "Digest of Strata's code.", nullable=False),
    Column("data_quality_status", Kind.TEXT, "ok, or the warnings that stood when the run was made.", nullable=False),
    Column("missing_share", Kind.NUMBER, "Share of the model's features that are null.", minimum=0, maximum=1),
)

SCORES = Table(
    "risk__scores",
    "One row per person (or index event), outcome and run. Read it through risk__runs: only published runs count.",
    _SCORE_COLUMNS,
    ("run_id", "outcome", "person_id", "index_event_id"),
    partitioned_by=("run_id",),
)
CURRENT = Table(
    "risk__current",
    "The scores of the latest published run of each outcome: what other systems read every day.",
    _SCORE_COLUMNS,
    ("outcome", "person_id", "index_event_id"),
    partitioned_by=("outcome",),
)
DRIVERS = Table(
    "risk__drivers",
    "Why the people in the top bands, and those on a list, have their risk: the strongest drivers, all windows of one concept as one.",
    (
        _id("run_id", "The run."),
        Column("outcome", Kind.TEXT, "The outcome.", nullable=False),
        _id("person_id", "The person's pseudonym."),
        _id("index_event_id", "The index event."),
        Column("driver_rank", Kind.INTEGER, "1 is the strongest.", nullable=False),
        Column(
            "driver",
            Kind.TEXT,
            "What it is about, in plain English. Where the person has none of it, the name says so.",
            nullable=False,
        ),
        Column("direction", Kind.TEXT, "raises or lowers.", nullable=False, allowed=("raises", "lowers")),
        Column("contribution", Kind.NUMBER, "Contribution to the model's margin (log odds).", nullable=False),
        Column("features", Kind.TEXT, "The features it is made of, with their values, as JSON.", nullable=False),
    ),
    ("run_id", "outcome", "person_id", "index_event_id", "driver_rank"),
    partitioned_by=("run_id",),
)
SHADOW_SCORES = Table(
    "risk__shadow_scores",
    "What the challenger would have scored in each published run: kept to be compared once outcomes are known, never published.",
    (
        _id("run_id", "The run beside which it was scored."),
        Column("outcome", Kind.TEXT, "The outcome.", nullable=False),
        Column("model_version", Kind.TEXT, "Version of the challenger in the registry.", nullable=False),
        _id("person_id", "The person's pseudonym."),
        _id("index_event_id", "The index event."),
        Column("risk", Kind.NUMBER, "Calibrated probability of the outcome.", nullable=False, minimum=0, maximum=1),
    ),
    ("run_id", "outcome", "person_id", "index_event_id"),
    partitioned_by=("run_id",),
)
MODEL_AUDIT = Table(
    "equity__model_audit",
    "How good and how fair each candidate is, by group, with limits: for analysts, with exact counts but for those of 1 to 7 and what would "
    "tell them, which are suppressed. The model's report, which leaves, rounds them.",
    (
        _id("training_id", "The training."),
        Column("outcome", Kind.TEXT, "The outcome.", nullable=False),
        Column("candidate", Kind.TEXT, "The candidate, or incumbent for the model in use.", nullable=False),
        Column(
            "model_version",
            Kind.TEXT,
            "Its version in the registry; empty for one that was not registered, and where its recipe was tested elsewhere.",
        ),
        Column(
            "split",
            Kind.TEXT,
            "test; place:<code> for a place that was left out of training; origin:<date> for an earlier date tested by those before it.",
            nullable=False,
        ),
        Column("group_kind", Kind.TEXT, "all, imd_quintile, ethnic_group, sex, age_band, ...", nullable=False),
        Column("group_name", Kind.TEXT, "The group.", nullable=False),
        Column("metric", Kind.TEXT, "The metric.", nullable=False),
        Column("value", Kind.NUMBER, "Its value; null where it cannot be computed or is suppressed."),
        Column("lower", Kind.NUMBER, "Lower 95% limit."),
        Column("upper", Kind.NUMBER, "Upper 95% limit."),
        Column("people", Kind.INTEGER, "People; null where suppressed.", arrow="int64"),
        Column("events", Kind.INTEGER, "Outcome events; null where suppressed.", arrow="int64"),
        Column("suppressed", Kind.BOOLEAN, "A count of 1 to 7 stands behind the row.", nullable=False),
    ),
    ("training_id", "outcome", "candidate", "split", "group_kind", "group_name", "metric"),
    partitioned_by=("training_id",),
)
VOLUMES = Table(
    "monitoring__volumes",
    "Rows by feed, provider and month, in the latest extract and the one before.",
    (
        Column("feed", Kind.TEXT, "The feed.", nullable=False),
        Column("organisation_code", Kind.CODE, "Provider or practice.", nullable=False),
        _date("month", "First day of the month."),
        _date("extract_date", "The delivery that was counted."),
        Column("rows", Kind.INTEGER, "Rows of this delivery.", nullable=False, arrow="int64"),
        Column("rows_before", Kind.INTEGER, "Rows of the delivery before; null for the first.", arrow="int64"),
        Column("share_of_before", Kind.NUMBER, "Rows over rows before."),
    ),
    ("feed", "organisation_code", "month", "extract_date"),
)
RISK_TABLES = (LABELS, COHORT_FLOW, MODELS, CROSS_FITTED, RUNS, SCORES, CURRENT, DRIVERS, SHADOW_SCORES, MODEL_AUDIT, VOLUMES)

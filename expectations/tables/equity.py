"""The inequality tables that leave, stored as they may: rates of the outcomes by group, and the audit of the models."""

from __future__ import annotations

from expectations.table import Column, Kind, Table

OUTCOME_RATES = Table(
    "equity__outcome_rates",
    "How often each outcome happens in each group, standardised by age, with gaps, gradients and changes. Counts are rounded to "
    "5 and those of 1 to 7 suppressed. Rates and limits are computed from the rounded counts, to three significant figures; those of "
    "a suppressed count are suppressed with it.",
    (
        Column("outcome", Kind.TEXT, "The outcome; with _or_death the composite.", nullable=False),
        Column("period", Kind.TEXT, "The index date, or the year of the index dates where rows have dates of their own.", nullable=False),
        Column("index_date", Kind.DATE, "First index date of the period.", nullable=False),
        Column("period_end", Kind.DATE, "Last day at risk of the period's last index date.", nullable=False),
        Column("group_kind", Kind.TEXT, "all, imd_decile, imd_quintile, ethnic_group, ethnic_category, practice_code, ...", nullable=False),
        Column("group_name", Kind.TEXT, "The group; 'gradient' for indices over all deciles or quintiles.", nullable=False),
        Column(
            "measure",
            Kind.TEXT,
            "crude_rate, directly_standardised_rate and directly_standardised_event_rate (per 100,000 people; ESP 2013; the last counts "
            "a person's every event), indirectly_standardised_ratio (the whole board is 1), rate_difference and rate_ratio (of "
            "standardised rates), slope_index_of_inequality, relative_index_of_inequality, concentration_index (least deprived end "
            "against most deprived end: negative, below 1 and negative where the deprived have more), ..._change, ..._change_ratio.",
            nullable=False,
        ),
        Column("compared_with", Kind.TEXT, "The group or the earlier period it is compared with; empty for a measure by itself.", nullable=False),
        Column("value", Kind.NUMBER, "Its value; null where it is not reported."),
        Column("lower", Kind.NUMBER, "Lower 95% limit."),
        Column("upper", Kind.NUMBER, "Upper 95% limit."),
        Column("people", Kind.INTEGER, "People whose outcome is known, rounded to 5; null where suppressed and for a gradient.", arrow="int64"),
        Column("events", Kind.INTEGER, "People with the outcome, rounded to 5; null where suppressed and for a gradient.", arrow="int64"),
        Column("suppressed", Kind.BOOLEAN, "A value or count is not shown.", nullable=False),
        Column("reason", Kind.TEXT, "Why not; empty where all is shown.", nullable=False),
    ),
    ("outcome", "period", "group_kind", "group_name", "measure", "compared_with"),
)  # fmt: skip
AUDIT_FOR_READERS = Table(
    "equity__audit_for_readers",
    "How good and how fair each registered model is, by group, as it may leave. Counts are rounded to 5 and those of 1 to 7 "
    "suppressed. Measures are computed from the rounded counts, to three significant figures; those of a suppressed count are suppressed "
    "with it. Kinds of group that lie within others are not there.",
    (
        Column("training_id", Kind.IDENTIFIER, "The training.", nullable=False),
        Column("outcome", Kind.TEXT, "The outcome.", nullable=False),
        Column("candidate", Kind.TEXT, "The candidate, or incumbent for the model in use.", nullable=False),
        Column("model_version", Kind.TEXT, "Its version in the registry.", nullable=False),
        Column("group_kind", Kind.TEXT, "all, imd_quintile, ethnic_group, sex_name, age_band, ...", nullable=False),
        Column("group_name", Kind.TEXT, "The group.", nullable=False),
        Column("metric", Kind.TEXT, "The metric.", nullable=False),
        Column("value", Kind.NUMBER, "Its value; null where it cannot be computed or is suppressed."),
        Column("lower", Kind.NUMBER, "Lower 95% limit."),
        Column("upper", Kind.NUMBER, "Upper 95% limit."),
        Column("people", Kind.INTEGER, "People, rounded to 5; null where suppressed.", arrow="int64"),
        Column("events", Kind.INTEGER, "Outcome events, rounded to 5; null where suppressed.", arrow="int64"),
        Column("suppressed", Kind.BOOLEAN, "A count of 1 to 7 stands behind the row, or a total would reveal one.", nullable=False),
    ),
    ("training_id", "outcome", "candidate", "group_kind", "group_name", "metric"),
    partitioned_by=("training_id",),
)  # fmt: skip
EQUITY_TABLES = (OUTCOME_RATES, AUDIT_FOR_READERS)

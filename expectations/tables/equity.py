"""The tables that leave, stored with disclosure control: rates of the outcomes by group, whom planning counts, and the audit of the models."""

from __future__ import annotations

from expectations.small_counts import SMALL_COUNTS
from expectations.table import Column, Kind, Purpose, Table

OUTCOME_RATES = Table(
    "equity__outcome_rates",
    f"How often each outcome happens in each group, standardised by age, with gaps, gradients and changes. Counts from {SMALL_COUNTS} are suppressed "
    "and others rounded to the nearest 5. Rates and limits are computed from the rounded counts, to three significant figures. A rate with a "
    "suppressed count is suppressed as well. equity__planning_population says whom the rates exclude.",
    (
        Column("outcome", Kind.TEXT, "The outcome; the ending _or_death means the composite outcome.", nullable=False),
        Column("period", Kind.TEXT, "The index date, or the year of the index dates where each row has its own.", nullable=False),
        Column("index_date", Kind.DATE, "First index date of the period.", nullable=False),
        Column("period_end", Kind.DATE, "Last day at risk of the period's last index date.", nullable=False),
        Column("group_kind", Kind.TEXT, "all, imd_decile, imd_quintile, ethnic_group, ethnic_category, practice_code, ...", nullable=False),
        Column("group_name", Kind.TEXT, "The group; 'gradient' for an index over all deciles or quintiles.", nullable=False),
        Column(
            "measure",
            Kind.TEXT,
            "crude_rate, directly_standardised_rate and directly_standardised_event_rate (per 100,000 people, European Standard Population "
            "2013; the last counts every event of a person). indirectly_standardised_ratio (1 for the ICB). rate_difference and rate_ratio of "
            "standardised rates. slope_index_of_inequality, relative_index_of_inequality and concentration_index compare the least with "
            "the most deprived end: they are below 0, 1 and 0 where deprived people have more events. ..._change and ..._change_ratio.",
            nullable=False,
        ),
        Column("compared_with", Kind.TEXT, "The group or earlier period of the comparison. Empty where there is none.", nullable=False),
        Column("value", Kind.NUMBER, "Value of the measure. Null where it is not reported."),
        Column("lower", Kind.NUMBER, "Lower 95% limit."),
        Column("upper", Kind.NUMBER, "Upper 95% limit."),
        Column("people", Kind.INTEGER, "People whose outcome is known, rounded to the nearest 5. Null where suppressed and for a gradient.", arrow="int64"),
        Column("events", Kind.INTEGER, "People with the outcome, rounded to the nearest 5. Null where suppressed and for a gradient.", arrow="int64"),
        Column("suppressed", Kind.BOOLEAN, "A value or count is not shown.", nullable=False),
        Column("reason", Kind.TEXT, "Why a value or count is not shown. Empty where all are shown.", nullable=False),
    ),
    ("outcome", "period", "group_kind", "group_name", "measure", "compared_with"),
    purpose=Purpose.PLANNING,
)  # fmt: skip
PLANNING_POPULATION = Table(
    "equity__planning_population",
    "Whom planning outputs count: how many people of each cohort have a national data opt-out, and whether planning outputs exclude them. Every "
    f"planning output of the period follows this table. Counts from {SMALL_COUNTS} are suppressed and others rounded to the nearest 5. The share is "
    "computed from the rounded counts.",
    (
        Column("period", Kind.TEXT, "The index date of the cohort; all for a cohort whose rows have their own.", nullable=False),
        Column(
            "opt_out_rule",
            Kind.CODE,
            "excluded: planning outputs exclude people with a national data opt-out in force; included: a recorded decision states that the opt-out "
            "does not apply; not_known: no feed delivered national data opt-outs, so no one is excluded.",
            nullable=False,
            allowed=("excluded", "included", "not_known"),
        ),
        Column("people", Kind.INTEGER, "People of the cohort, or index events, with those excluded. Rounded to the nearest 5; null where suppressed.", arrow="int64"),
        Column("people_excluded", Kind.INTEGER, "Of these, excluded because of the national data opt-out. Rounded to the nearest 5; null where suppressed.", arrow="int64"),
        Column("share_excluded", Kind.NUMBER, f"Share of people excluded. {SMALL_COUNTS} people count as 5.", nullable=False, minimum=0, maximum=1),
        Column("decision_id", Kind.IDENTIFIER, "The decision that states the rule. Empty where the rule follows from none.", nullable=False),
    ),
    ("period",),
    purpose=Purpose.PLANNING,
)  # fmt: skip
AUDIT_FOR_READERS = Table(
    "equity__audit_for_readers",
    f"How good and how fair each registered model is, by group, as it may leave. Counts are rounded to 5 and those of {SMALL_COUNTS} "
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
        Column("suppressed", Kind.BOOLEAN, f"The row depends on a count of {SMALL_COUNTS}, or a total would reveal such a count.", nullable=False),
    ),
    ("training_id", "outcome", "candidate", "group_kind", "group_name", "metric"),
    partitioned_by=("training_id",),
    purpose=Purpose.MODEL_ASSURANCE,
)  # fmt: skip
EQUITY_TABLES = (OUTCOME_RATES, PLANNING_POPULATION, AUDIT_FOR_READERS)

"""The feature tables: the catalogue, and what every row of features__person has beside the features themselves."""

from __future__ import annotations

from expectations.table import Column, Kind, Table

CATALOGUE = Table(
    "features__catalogue",
    "Every declared feature: what it counts, from which feed, on which legal basis, and why it is not computed where it is not.",
    (
        Column("name", Kind.TEXT, "Column of features__person.", nullable=False),
        Column("label", Kind.TEXT, "The feature in plain words.", nullable=False),
        Column("family", Kind.TEXT, "Family it belongs to.", nullable=False),
        Column("concept", Kind.TEXT, "The events it reads, or the features it is computed from."),
        Column("statistic", Kind.TEXT, "What is computed.", nullable=False),
        Column("window_days", Kind.INTEGER, "Days before the index date; null for ever and for attributes.", unit="days"),
        Column("feed", Kind.TEXT, "Feeds it needs, separated by commas.", nullable=False),
        Column("legal_basis", Kind.TEXT, "What allows its use.", nullable=False),
        Column("unit", Kind.TEXT, "Unit.", nullable=False),
        Column("description", Kind.TEXT, "What to know about it.", nullable=False),
        Column("source", Kind.TEXT, "Where the definition comes from.", nullable=False),
        Column("role", Kind.CODE, "predictor, audit or place.", nullable=False, allowed=("predictor", "audit", "place")),
        Column("kind", Kind.CODE, "number or category.", nullable=False, allowed=("number", "category")),
        Column("uses_deprivation", Kind.BOOLEAN, "It tells how deprived the area is.", nullable=False),
        Column("status", Kind.CODE, "computed or not_computed.", nullable=False, allowed=("computed", "not_computed")),
        Column("reason", Kind.TEXT, "Why it is not computed; empty where it is.", nullable=False),
    ),
    ("name",),
)

PERSON_FEATURES = Table(
    "features__person",
    "One row per person and index date: attributes, then a column for each computed feature of the catalogue (float32, null "
    "where there is nothing to tell).",
    (
        Column("person_key", Kind.INTEGER, "The person.", nullable=False),
        Column("person_id", Kind.IDENTIFIER, "The person's pseudonym.", nullable=False),
        Column("index_event_id", Kind.IDENTIFIER, "The index date of a board's run; elsewhere the discharge or cohort row.", nullable=False),
        Column("index_date", Kind.DATE, "Features end the day before it; time at risk starts the day after it.", nullable=False),
        Column("practice_code", Kind.CODE, "Practice on the index date."),
        Column("pcn_code", Kind.CODE, "Primary care network on the index date."),
        Column("sub_icb_code", Kind.CODE, "Sub-ICB location of the practice, else of the area."),
        Column("icb_code", Kind.CODE, "ICB of the practice, else of the area."),
        Column("lsoa_code", Kind.CODE, "LSOA of residence on the index date; null where residence_status says why."),
        Column("lsoa_vintage", Kind.INTEGER, "2011 or 2021."),
        Column("local_authority_code", Kind.CODE, "Local authority district of the area."),
        Column("rural_urban", Kind.TEXT, "Rural/urban class of the area."),
        Column("residence_status", Kind.CODE, "resolved, no_fixed_abode, postcode_unknown, outside_england or unmatched.", nullable=False),
        Column("imd_decile", Kind.INTEGER, "National decile in the chosen edition; 1 is most deprived.", minimum=1, maximum=10),
        Column("imd_quintile", Kind.INTEGER, "National quintile in the chosen edition; 1 is most deprived.", minimum=1, maximum=5),
        Column("imd_reason", Kind.TEXT, "Why there is no decile: the residence_status of an address without an area, or unmatched, split_area or no_reference; "
               "null where there is one."),
        Column("imd_version", Kind.TEXT, "Edition of the Indices of Deprivation.", nullable=False),
        Column("ethnic_category", Kind.CODE, "Ethnic category 2001 (16+1); for the audit, not a predictor."),
        Column("ethnic_group", Kind.CODE, "NHS 5+1 group, not_stated and not_known apart; for the audit, not a predictor.", nullable=False),
        Column("age_band", Kind.TEXT, "Age band on the index date.", nullable=False),
        Column("sex_name", Kind.CODE, "male, female, not_specified or not_known.", nullable=False),
        Column("coverage", Kind.TEXT, "'full', or the feeds that do not cover the year before the index date.", nullable=False),
        Column("gp_covered", Kind.BOOLEAN, "The practice's GP record covers the year before the index date.", nullable=False),
    ),
    ("person_key", "index_event_id"),
    partitioned_by=("index_date",),
)  # fmt: skip

SAME_DAY_CARE = Table(
    "monitoring__same_day_emergency_care",
    "Zero-day emergency spells beside same-day emergency care (type 05) of the emergency care feed, by provider and quarter: one care "
    "that trusts move from one feed to the other.",
    (
        Column("provider_code", Kind.CODE, "Provider.", nullable=False),
        Column("quarter", Kind.DATE, "First day of the quarter of the admission or arrival.", nullable=False),
        Column("emergency_spells", Kind.INTEGER, "Emergency spells that have ended.", nullable=False, arrow="int64"),
        Column("zero_day_spells", Kind.INTEGER, "Of them, those that ended the day they began.", nullable=False, arrow="int64"),
        Column("zero_day_share", Kind.NUMBER, "Their share; null without an emergency spell.", minimum=0, maximum=1),
        Column("same_day_care", Kind.INTEGER, "Records of type 05 in the emergency care feed.", nullable=False, arrow="int64"),
        Column("zero_day_care", Kind.INTEGER, "Both together: what the features count.", nullable=False, arrow="int64"),
        Column("share_in_emergency_care", Kind.NUMBER, "Same-day care of the emergency care feed over both together.", minimum=0, maximum=1),
        Column("share_change", Kind.NUMBER, "That share less the quarter before; null where the provider has no quarter just before."),
        Column("switched", Kind.BOOLEAN, "The share moved by at least 0.2, with 20 or more of both together in each quarter.", nullable=False),
    ),
    ("provider_code", "quarter"),
)  # fmt: skip

FEATURE_TABLES = (CATALOGUE, PERSON_FEATURES, SAME_DAY_CARE)

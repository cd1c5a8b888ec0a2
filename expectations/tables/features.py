"""The feature tables: the catalogue, the attributes of features__person, and the check of same-day emergency care."""

from __future__ import annotations

from expectations.table import Column, Kind, Purpose, Table

CATALOGUE = Table(
    "features__catalogue",
    "Every declared feature: what it counts, its feeds and legal basis, and the reason where it is not computed.",
    (
        Column("name", Kind.TEXT, "Column of features__person.", nullable=False),
        Column("label", Kind.TEXT, "The feature in plain English.", nullable=False),
        Column("family", Kind.TEXT, "Family of the feature.", nullable=False),
        Column("concept", Kind.TEXT, "The events it reads, or the features it is computed from."),
        Column("statistic", Kind.TEXT, "What is computed.", nullable=False),
        Column("window_days", Kind.INTEGER, "Days before the index date. Null for all time and for attributes.", unit="days"),
        Column("feed", Kind.TEXT, "Feeds it needs, separated by commas.", nullable=False),
        Column("legal_basis", Kind.TEXT, "The approval that allows its use.", nullable=False),
        Column("unit", Kind.TEXT, "Unit of the values.", nullable=False),
        Column("description", Kind.TEXT, "Details of the definition.", nullable=False),
        Column("source", Kind.TEXT, "Source of the definition.", nullable=False),
        Column("role", Kind.CODE, "predictor, audit or place.", nullable=False, allowed=("predictor", "audit", "place")),
        Column("kind", Kind.CODE, "number or category.", nullable=False, allowed=("number", "category")),
        Column("uses_deprivation", Kind.BOOLEAN, "The feature uses the deprivation of the area.", nullable=False),
        Column("status", Kind.CODE, "computed or not_computed.", nullable=False, allowed=("computed", "not_computed")),
        Column("reason", Kind.TEXT, "Why it is not computed. Empty where it is.", nullable=False),
    ),
    ("name",),
)

PERSON_FEATURES = Table(
    "features__person",
    "One row per person and index date: attributes, then a column for each computed feature of the catalogue (float32, null where the value "
    "is not known).",
    (
        Column("person_key", Kind.INTEGER, "The person.", nullable=False),
        Column("person_id", Kind.IDENTIFIER, "The person's pseudonym.", nullable=False),
        Column("index_event_id", Kind.IDENTIFIER, "The index date for a cohort of registered people; otherwise the discharge or cohort row.", nullable=False),
        Column("index_date", Kind.DATE, "The day that the score looks forward from. Features end the day before, time at risk starts the day after.", nullable=False),
        Column("practice_code", Kind.CODE, "Practice on the index date."),
        Column("pcn_code", Kind.CODE, "Primary care network on the index date."),
        Column("sub_icb_code", Kind.CODE, "Sub-ICB location of the practice, or of the area where the practice has none."),
        Column("icb_code", Kind.CODE, "ICB of the practice, or of the area where the practice has none."),
        Column("lsoa_code", Kind.CODE, "LSOA of residence on the index date; residence_status has the reason where it is null."),
        Column("lsoa_vintage", Kind.INTEGER, "Census year of the LSOA code: 2011 or 2021."),
        Column("local_authority_code", Kind.CODE, "Local authority district of the area."),
        Column("rural_urban", Kind.TEXT, "Rural/urban class of the area."),
        Column("residence_status", Kind.CODE, "resolved, no_fixed_abode, postcode_unknown, outside_england or unmatched.", nullable=False),
        Column("imd_decile", Kind.INTEGER, "National decile in the chosen edition. 1 is most deprived.", minimum=1, maximum=10),
        Column("imd_quintile", Kind.INTEGER, "National quintile in the chosen edition. 1 is most deprived.", minimum=1, maximum=5),
        Column("imd_reason", Kind.TEXT, "Why there is no decile: the residence_status of an address without an area, or unmatched, split_area or no_reference. "
               "Null where there is a decile."),
        Column("imd_version", Kind.TEXT, "Edition of the Indices of Deprivation.", nullable=False),
        Column("ethnic_category", Kind.CODE, "Ethnic category 2001 (16+1); for the audit, not a predictor."),
        Column("ethnic_group", Kind.CODE, "NHS 5+1 group, with not_stated and not_known as separate groups; for the audit, not a predictor.", nullable=False),
        Column("age_band", Kind.TEXT, "Band of the completed years on the index date (`expectations/age.py`).", nullable=False),
        Column("sex_name", Kind.CODE, "male, female, not_specified or not_known.", nullable=False),
        Column("coverage", Kind.TEXT, "full, or the feeds that do not cover the year before the index date.", nullable=False),
        Column("gp_covered", Kind.BOOLEAN, "The practice's GP record covers the year before the index date.", nullable=False),
    ),
    ("person_key", "index_event_id"),
    partitioned_by=("index_date",),
)  # fmt: skip

SAME_DAY_CARE = Table(
    "monitoring__same_day_emergency_care",
    "Emergency spells without a night compared with same-day emergency care (type 05) in the emergency care feed, by provider and quarter. It "
    "is the same care, which trusts move from one feed to the other.",
    (
        Column("provider_code", Kind.CODE, "Provider.", nullable=False),
        Column("quarter", Kind.DATE, "First day of the quarter of the admission or arrival.", nullable=False),
        Column("emergency_spells", Kind.INTEGER, "Emergency spells that have ended.", nullable=False, arrow="int64"),
        Column("zero_day_spells", Kind.INTEGER, "Emergency spells that ended on the day they started.", nullable=False, arrow="int64"),
        Column("zero_day_share", Kind.NUMBER, "Share of emergency spells without a night. Null where there is no emergency spell.", minimum=0, maximum=1),
        Column("same_day_care", Kind.INTEGER, "Records of type 05 in the emergency care feed.", nullable=False, arrow="int64"),
        Column("zero_day_care", Kind.INTEGER, "Sum of both, which the features count.", nullable=False, arrow="int64"),
        Column("share_in_emergency_care", Kind.NUMBER, "Same-day care in the emergency care feed, as a share of the sum of both.", minimum=0, maximum=1),
        Column("share_change", Kind.NUMBER, "Change of that share from the quarter before. Null where the provider has no rows in the quarter before."),
        Column("switched", Kind.BOOLEAN, "The share changed by at least 0.2, with a sum of 20 or more in each quarter.", nullable=False),
    ),
    ("provider_code", "quarter"),
    purpose=Purpose.OPERATION,
)  # fmt: skip

FEATURE_TABLES = (CATALOGUE, PERSON_FEATURES, SAME_DAY_CARE)

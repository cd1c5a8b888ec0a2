"""The core tables about places: small areas, and organisations with their relations and successions."""

from __future__ import annotations

from expectations.organisations import CONTINUES, KINDS, LEVELS, RELATIONS
from expectations.table import Column, Kind, Table
from expectations.tables.core import key_column

AREA = Table(
    "core__area",
    "Small areas with deprivation, place and population: one row per LSOA code of 2011 or 2021.",
    (
        key_column("lsoa_code", "LSOA code."),
        Column("lsoa_vintage", Kind.INTEGER, "2011 or 2021; 2021 for a code that is in both.", nullable=False),
        *(
            column
            for edition in (2019, 2025)
            for column in (
                Column(f"imd_{edition}_score", Kind.NUMBER, f"Index of Multiple Deprivation {edition}: score; higher is more deprived."),
                Column(f"imd_{edition}_rank", Kind.INTEGER, f"Index of Multiple Deprivation {edition}: rank. 1 is most deprived."),
                Column(f"imd_{edition}_decile", Kind.INTEGER, f"Index of Multiple Deprivation {edition}: national decile. 1 is most deprived.", minimum=1, maximum=10),
                *(
                    column
                    for domain in ("income", "employment", "education", "health", "crime", "housing", "environment")
                    for column in (
                        Column(f"{domain}_{edition}_rank", Kind.INTEGER, f"Rank in the {domain} domain of {edition}, with ties as published. 1 is most deprived."),
                        Column(f"{domain}_{edition}_decile", Kind.INTEGER, f"National decile in the {domain} domain of {edition}; 1 is most deprived.", minimum=1, maximum=10),
                    )
                ),
                Column(f"idaci_{edition}_score", Kind.NUMBER, f"Income Deprivation Affecting Children Index {edition}: rate."),
                Column(f"idaopi_{edition}_score", Kind.NUMBER, f"Income Deprivation Affecting Older People Index {edition}: rate."),
            )
        ),
        Column("imd_reason", Kind.TEXT, "Why an edition has no decile for the area: unmatched, split_area or no_reference. Empty where it has one."),
        Column("sub_icb_code", Kind.CODE, "ODS code of the sub-ICB location."),
        Column("icb_code", Kind.CODE, "ODS code of the ICB."),
        Column("icb_name", Kind.TEXT, "Name of the ICB."),
        Column("local_authority_code", Kind.CODE, "Local authority district."),
        Column("local_authority_name", Kind.TEXT, "Name of the local authority district."),
        Column("rural_urban", Kind.TEXT, "Rural/urban class of 2021."),
        Column("is_rural", Kind.BOOLEAN, "The class is rural."),
        Column("population", Kind.INTEGER, "Number of residents, from the reference files."),
    ),
    ("lsoa_code",),
)  # fmt: skip

ORGANISATION = Table(
    "core__organisation",
    "Organisations with the period in which their code is valid.",
    (
        key_column("code", "ODS code."),
        Column("role", Kind.CODE, "What the organisation is, such as practice, pcn, sub_icb, icb or provider.", nullable=False, allowed=LEVELS),
        Column("name", Kind.TEXT, "Name."),
        Column("valid_from", Kind.DATE, "First day that the code is valid.", nullable=False),
        Column("valid_to", Kind.DATE, "Last day that the code is valid. Null where it has not ended."),
    ),
    ("code", "role", "valid_from"),
)  # fmt: skip

ORGANISATION_RELATION = Table(
    "core__organisation_relation",
    "Which organisation was part of which, and when.",
    (
        key_column("child_code", "ODS code of the part."),
        key_column("parent_code", "ODS code of the organisation that it was part of."),
        Column(
            "relation",
            Kind.CODE,
            "Level of the part and level of what it was part of, such as practice_pcn.",
            nullable=False,
            allowed=tuple(RELATIONS),
        ),
        Column("valid_from", Kind.DATE, "First day of the relation.", nullable=False),
        Column("valid_to", Kind.DATE, "Last day of the relation. Null where it has not ended."),
    ),
    ("child_code", "parent_code", "relation", "valid_from"),
)

ORGANISATION_SUCCESSION = Table(
    "core__organisation_succession",
    "Codes of organisations that ended, with the codes that replaced them.",
    (
        key_column("from_code", "The code that ended."),
        key_column("to_code", "The code that replaced it; empty for a closure."),
        Column("kind", Kind.CODE, "How the code ended.", nullable=False, allowed=KINDS),
        Column("share", Kind.NUMBER, "Share of the people who moved to the new code. It serves totals only: it says of no person where they went.",
               minimum=0, maximum=1),
        Column("effective_date", Kind.DATE, "First day of the new code, or the day after the last one of a closed organisation.", nullable=False),
    ),
    ("from_code", "to_code", "effective_date"),
)  # fmt: skip

ORGANISATION_LINE = Table(
    "core__organisation_line",
    "Lines of succession: the codes that one organisation has had through mergers, acquisitions and changes of code. A split ends a line.",
    (
        key_column("code", "ODS code. A code that is in no row is a line by itself."),
        Column("level", Kind.CODE, "What the organisation is, where a file of organisations has the code.", allowed=LEVELS),
        Column(
            "line",
            Kind.CODE,
            "The code that names the line: the one that existed first, and the lowest of several.",
            nullable=False,
        ),
        Column("current_code", Kind.CODE, "The code of the line after its last step.", nullable=False),
        Column("next_code", Kind.CODE, "The code under which this one continued. Null for the last code of the line."),
        Column("next_kind", Kind.CODE, "How it continued: merger, acquisition or rename.", allowed=CONTINUES),
        Column("valid_from", Kind.DATE, "Day of the step that created the code. Null where it existed before every step."),
        Column("valid_to", Kind.DATE, "Last day before the step that ended the code. Null where none did."),
    ),
    ("code",),
)

PLACE_TABLES = (AREA, ORGANISATION, ORGANISATION_RELATION, ORGANISATION_SUCCESSION, ORGANISATION_LINE)

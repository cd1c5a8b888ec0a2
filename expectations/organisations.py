"""The closed lists of organisation data: levels, relations between them, and ways in which one code succeeds another."""

from __future__ import annotations

PRACTICE, PCN, SUB_ICB, ICB, REGION, PROVIDER = "practice", "pcn", "sub_icb", "icb", "region", "provider"
NEIGHBOURHOOD, REPORTING_ENTITY, CLUSTER, AREA, LOCAL_AUTHORITY = (
    "neighbourhood", "reporting_entity", "cluster", "lsoa", "local_authority",
)  # fmt: skip
LEVELS = (
    PRACTICE, PCN, NEIGHBOURHOOD, REPORTING_ENTITY, SUB_ICB, ICB, CLUSTER, REGION, PROVIDER, LOCAL_AUTHORITY,
)  # fmt: skip
# The level of the part and the level of what it is part of.
LINKS = (
    (PRACTICE, PCN), (PRACTICE, SUB_ICB), (PRACTICE, NEIGHBOURHOOD), (PRACTICE, REPORTING_ENTITY), (PCN, SUB_ICB), (PCN, NEIGHBOURHOOD),
    (SUB_ICB, ICB), (ICB, CLUSTER), (ICB, REGION), (PROVIDER, ICB), (AREA, NEIGHBOURHOOD), (AREA, SUB_ICB), (AREA, ICB),
    (AREA, LOCAL_AUTHORITY),
)  # fmt: skip


def relation_name(part: str, whole: str) -> str:
    """Return the name of a relation between two levels."""
    return f"{part}_{whole}"


RELATIONS = {relation_name(part, whole): (part, whole) for part, whole in LINKS}

MERGER, ACQUISITION, SPLIT, RENAME, CLOSURE = "merger", "acquisition", "split", "rename", "closure"
KINDS = (MERGER, ACQUISITION, SPLIT, RENAME, CLOSURE)
CONTINUES = (MERGER, ACQUISITION, RENAME)  # the organisation goes on under the successor's code

"""Features of area deprivation, by the chosen edition of the English Indices of Deprivation.

* Decile: rank 1 is the most deprived area; decile = ceil(rank * 10 / number of areas), quintile = ceil(decile / 2).
* Core20: national decile 1 or 2, the most deprived 20% (NHS England, Core20PLUS5).
* Local quintile: the quintile of an area among the areas of its ICB only, so it has a different name. Areas are ranked, not codes: several
  codes with one national rank are one area of the edition, such as two areas of 2011 and the area of 2021 that they were merged into.
* IDACI covers children aged 0 to 15 and IDAOPI people aged 60 and over, so both are null at other ages.

A measure of an area is not a measure of each person who lives there. Every feature of this module is therefore flagged, and models are
fitted with and without these features.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.declaration import Feature, Statistic

DOMAINS = ("income", "employment", "education", "health", "crime", "housing", "environment")
IDACI_BELOW_AGE = 16  # IDACI covers children aged 0 to 15
IDAOPI_FROM_AGE = 60  # IDAOPI covers people aged 60 and over


def features(edition: int) -> tuple[Feature, ...]:
    """Return the features of an edition of the Indices of Deprivation: 2019 or 2025."""
    source = f"English Indices of Deprivation {edition}"

    def declare(name: str, label: str, unit: str, description: str = "") -> Feature:
        return Feature(
            name, label, "deprivation", Statistic.ATTRIBUTE, unit=unit, description=description, source=source, feeds=("addresses",),
            uses_deprivation=True,
        )  # fmt: skip

    return (
        declare(f"imd_{edition}_score", f"Deprivation score of the area (IMD {edition})", "score", "A higher score is more deprived."),
        declare(f"imd_{edition}_rank", f"Deprivation rank of the area (IMD {edition})", "rank", "Rank 1 is the most deprived area in England."),
        declare(f"imd_{edition}_decile", f"Deprivation decile of the area (IMD {edition})", "decile", "National decile; 1 is most deprived."),
        declare(f"imd_{edition}_quintile", f"Deprivation quintile of the area (IMD {edition})", "quintile", "National quintile; 1 is most deprived."),
        *(
            declare(f"{name}_{edition}_{what}", f"{what.capitalize()} of the area in the {name} domain (IMD {edition})", what, "1 is most deprived.")
            for name in DOMAINS
            for what in ("rank", "decile")
        ),
        declare(f"idaci_{edition}_score", f"Children in income-deprived families in the area (IDACI {edition})", "rate",
                f"Only for people younger than {IDACI_BELOW_AGE}; null for others."),
        declare(f"idaopi_{edition}_score", f"Older people in income deprivation in the area (IDAOPI {edition})", "rate",
                f"Only for people aged {IDAOPI_FROM_AGE} and over. Null for others."),
        declare(f"core20_{edition}", f"Lives in one of the 20% most deprived areas (Core20, IMD {edition})", "yes/no", "National decile 1 or 2."),
        declare(f"local_{edition}_quintile", f"Deprivation quintile of the area within its ICB (IMD {edition})", "quintile",
                "1 is the most deprived fifth of the ICB's areas. Codes of 2011 and 2021 of the same area count as one."),
        Feature("is_rural", "Lives in a rural area", "deprivation", Statistic.ATTRIBUTE, unit="yes/no", source="Rural Urban Classification, Office for National Statistics",
                feeds=("addresses",)),
    )  # fmt: skip


def local_quintiles(ranks: NDArray[np.float64], icb: NDArray[np.object_]) -> NDArray[np.float64]:
    """Rank areas within each ICB by their national rank and return quintiles; NaN for an area without a rank or an ICB.

    A national rank belongs to one area of the edition. Codes with the same rank are therefore one area, and have the same quintile.
    """
    quintiles = np.full(len(ranks), np.nan)
    for code in sorted({code for code in icb if code is not None}):
        members = np.flatnonzero((icb == code) & ~np.isnan(ranks))
        areas, place = np.unique(ranks[members], return_inverse=True)
        quintiles[members] = np.ceil(np.ceil((place + 1) * 10 / max(len(areas), 1)) / 2)
    return quintiles

"""Area deprivation by the chosen edition of the Indices of Deprivation, with the reason where there is none.

Core20 is national decile 1 or 2. A local quintile re-ranks the areas of one ICB and has a name of its own. An area says
nothing certain about a person, so every feature here is marked and models are fitted with and without them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.declaration import Feature, Statistic

DOMAINS = ("income", "employment", "education", "health", "crime", "housing", "environment")
IDACI_BELOW_AGE = 16  # the index is about children aged 0 to 15
IDAOPI_FROM_AGE = 60  # the index is about people aged 60 and over


def features(edition: int) -> tuple[Feature, ...]:
    """Give the features of an edition of the Indices of Deprivation, 2019 or 2025."""
    source = f"English Indices of Deprivation {edition}"

    def declare(name: str, label: str, unit: str, description: str = "") -> Feature:
        return Feature(
            name, label, "deprivation", Statistic.ATTRIBUTE, unit=unit, description=description, source=source, feeds=("addresses",),
            uses_deprivation=True,
        )  # fmt: skip

    return (
        declare(f"imd_{edition}_score", f"IMD {edition} score of the area", "score", "Higher is more deprived."),
        declare(f"imd_{edition}_rank", f"IMD {edition} rank of the area", "rank", "1 is most deprived."),
        declare(f"imd_{edition}_decile", f"IMD {edition} national decile of the area", "decile", "1 is most deprived."),
        declare(f"imd_{edition}_quintile", f"IMD {edition} national quintile of the area", "quintile", "1 is most deprived."),
        *(
            declare(f"{name}_{edition}_{what}", f"{name.capitalize()} domain {what}, {edition}", what, "1 is most deprived.")
            for name in DOMAINS
            for what in ("rank", "decile")
        ),
        declare(f"idaci_{edition}_score", f"Income deprivation affecting children, {edition}", "rate", f"Below age {IDACI_BELOW_AGE} only."),
        declare(f"idaopi_{edition}_score", f"Income deprivation affecting older people, {edition}", "rate", f"From age {IDAOPI_FROM_AGE} only."),
        declare(f"core20_{edition}", f"Lives in a Core20 area, {edition}", "yes/no", "National decile 1 or 2."),
        declare(f"local_{edition}_quintile", f"Quintile of the area within its ICB, {edition}", "quintile", "1 is most deprived of the ICB's areas."),
        Feature("is_rural", "Lives in a rural area", "deprivation", Statistic.ATTRIBUTE, unit="yes/no", source="Rural urban classification",
                feeds=("addresses",)),
    )  # fmt: skip


def local_quintiles(ranks: NDArray[np.float64], icb: NDArray[np.object_]) -> NDArray[np.float64]:
    """Re-rank areas by their national rank within each ICB and give quintiles; NaN without a rank or an ICB."""
    quintiles = np.full(len(ranks), np.nan)
    for code in sorted({code for code in icb if code is not None}):
        members = np.flatnonzero((icb == code) & ~np.isnan(ranks))
        place = np.empty(len(members))
        place[np.lexsort((members, ranks[members]))] = np.arange(1, len(members) + 1)
        quintiles[members] = np.ceil(np.ceil(place * 10 / max(len(members), 1)) / 2)
    return quintiles

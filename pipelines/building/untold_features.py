"""Features that what was sent cannot tell, though their feed is there, with the reason."""

from __future__ import annotations

from features.catalogue import Catalogue
from features.events import NUMBER_OF
from features.inequality import AREA, PRACTICE
from pipelines.storage import Lake, connect

_SEVERAL = "coalesce(min({0}) <> max({0}), false)"  # costs a third of counting the distinct ones


def untold_features(lake: Lake, catalogue: Catalogue) -> dict[str, str]:
    """Give the features that no practice, no area or no cost makes meaningless: a 0 would say that somebody looked."""
    paid = f"SELECT 1 FROM {lake.scan('core__event')} WHERE event_type = {NUMBER_OF['spell_cost']} LIMIT 1"
    with connect() as con:
        practices = con.sql(f"SELECT {_SEVERAL.format('practice_code')} FROM {lake.scan('core__registration')}").fetchall()[0][0]
        areas = con.sql(f"SELECT {_SEVERAL.format('lsoa_code')} FROM {lake.scan('core__residence')}").fetchall()[0][0]
        costs = bool(con.sql(paid).fetchall())
    untold = {
        "the list names fewer than two practices": () if practices else (PRACTICE,),
        "the list names fewer than two areas": () if areas else (AREA,),
        "no spell carries a cost": ()
        if costs
        else [feature.name for feature in catalogue.features if feature.concept == "spell_cost"],
    }
    return {name: reason for reason, names in untold.items() for name in names}

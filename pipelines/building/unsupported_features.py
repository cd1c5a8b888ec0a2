"""Features that what was sent cannot tell, though their feed is there, with the reason."""

from __future__ import annotations

from features.catalogue import Catalogue
from features.events import NUMBER_OF
from features.inequality import AREA, PRACTICE
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake

# The first value, and whether any differs: a scan that ends at the first that does.
_SEVERAL = "SELECT 1 FROM {1} WHERE {0} <> (SELECT {0} FROM {1} WHERE {0} IS NOT NULL LIMIT 1) LIMIT 1"


def unsupported_features(lake: Lake, catalogue: Catalogue) -> dict[str, str]:
    """Give the features that no practice, no area or no cost makes meaningless: a 0 would say that somebody looked."""
    paid = f"SELECT 1 FROM {lake.scan('core__event')} WHERE event_type = {NUMBER_OF['spell_cost']} LIMIT 1"
    with connect() as con:
        practices = con.sql(_SEVERAL.format("practice_code", lake.scan("core__registration"))).fetchall()
        areas = con.sql(_SEVERAL.format("lsoa_code", lake.scan("core__residence"))).fetchall()
        costs = bool(con.sql(paid).fetchall())
    untold = {
        "the list names fewer than two practices": () if practices else (PRACTICE,),
        "the list names fewer than two areas": () if areas else (AREA,),
        "no spell carries a cost": ()
        if costs
        else [feature.name for feature in catalogue.features if feature.concept == "spell_cost"],
    }
    return {name: reason for reason, names in untold.items() for name in names}

"""Features that cannot be computed from the rows of a feed although the feed is there, with the reason."""

from __future__ import annotations

from features.catalogue import Catalogue
from features.events import EVENT_TYPES, NUMBER_OF
from features.inequality import AREA, PRACTICE
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake

LEAST_RECORDS = 1_000  # of a feed: among so many, some would be of a type of event that the feed reports
# Whether any value differs from the first one. The scan ends at the first that does.
_SEVERAL = "SELECT 1 FROM {1} WHERE {0} <> (SELECT {0} FROM {1} WHERE {0} IS NOT NULL LIMIT 1) LIMIT 1"


def unsupported_features(lake: Lake, catalogue: Catalogue) -> dict[str, str]:
    """Return the features that need several practices, several areas or costs, where the lake has none.

    A 0 there would look like an observation.
    """
    cost_events = f"SELECT 1 FROM {lake.scan('core__event')} WHERE event_type = {NUMBER_OF['spell_cost']} LIMIT 1"
    with connect() as con:
        practices = con.execute(_SEVERAL.format("practice_code", lake.scan("core__registration"))).fetchall()
        areas = con.execute(_SEVERAL.format("lsoa_code", lake.scan("core__residence"))).fetchall()
        costs = bool(con.execute(cost_events).fetchall())
    unsupported = {
        "the registered list has fewer than two practices": () if practices else (PRACTICE,),
        "the registered list has fewer than two areas": () if areas else (AREA,),
        "no spell has a cost": ()
        if costs
        else [feature.name for feature in catalogue.features if feature.concept == "spell_cost"],
    }
    return {name: reason for reason, names in unsupported.items() for name in names}


def empty_concepts(lake: Lake, catalogue: Catalogue) -> dict[str, str]:
    """Return the concepts without any event of their types in a feed with many records, with the reason.

    The feed does not report such events: it has no diagnoses, no times of arrival or no way of arrival. A 0 would mean that none happened.
    """
    with connect() as con:
        found = con.sql(f"SELECT event_type, count(*) FROM {lake.scan('core__event')} GROUP BY event_type").fetchall()
    events = dict(found)
    records: dict[str, int] = {}
    for kind in EVENT_TYPES:
        records[kind.feed] = records.get(kind.feed, 0) + (events.get(kind.number, 0) if kind.is_record else 0)
    return {
        name: f"none of the {records[concept.feeds[0]]:,} records of the feed {concept.feeds[0]} has {' or '.join(concept.event_types)}"
        for name, concept in catalogue.concepts.items()
        if not any(events.get(NUMBER_OF[kind]) for kind in concept.event_types)
        and all(records[feed] >= LEAST_RECORDS for feed in concept.feeds)
    }

"""Conform steps for areas and organisations. They read the reference files, not the feeds."""

from __future__ import annotations

import duckdb

from expectations.tables import core, core_places
from pipelines.errors import ValidationStop
from pipelines.lake.storage import Lake
from pipelines.reference.area import area_frame
from pipelines.reference.files import Reference
from pipelines.reference.organisation import organisation_frames

LEAST_MATCHED = 0.9  # share of residents' LSOA codes; with files of another year the share is far lower


def conform_areas(lake: Lake, reference: Reference) -> dict[str, object]:
    """Write core__area. Without reference files it has no rows, and no one has a deprivation decile."""
    area = area_frame(reference)
    rows = lake.write(core_places.AREA, area)
    split = int((area["imd_reason"] == "split_area").sum())
    return {"areas": rows, "areas_split": split, "not_in_the_reference": ", ".join(sorted(set(reference.lacking)))}


def conform_organisations(lake: Lake, reference: Reference) -> dict[str, object]:
    """Write core__organisation, core__organisation_relation, core__organisation_succession and core__organisation_line."""
    frames = organisation_frames(reference)
    return {
        "organisations": lake.write(core_places.ORGANISATION, frames["organisation"]),
        "relations": lake.write(core_places.ORGANISATION_RELATION, frames["relation"]),
        "successions": lake.write(core_places.ORGANISATION_SUCCESSION, frames["succession"]),
        "codes_in_lines": lake.write(core_places.ORGANISATION_LINE, frames["line"]),
    }


def check_residences(lake: Lake, con: duckdb.DuckDBPyConnection, least: float = LEAST_MATCHED) -> None:
    """Raise ValidationStop if too few LSOA codes of residents are in core__area.

    The area files are then of another year or another country. Without any area file nothing is checked, and people have no
    decile.
    """
    areas, residences = lake.scan(core_places.AREA.name), lake.scan(core.RESIDENCE.name)
    (places, known) = con.execute(
        f"SELECT count(*), count(*) FILTER (lsoa_code IN (SELECT lsoa_code FROM {areas})) FROM {residences} WHERE lsoa_code IS NOT NULL"
    ).fetchall()[0]
    if lake.rows(core_places.AREA.name) and places and known / places < least:
        raise ValidationStop(
            f"only {known} of {places} residences ({known / places:.1%}) have an LSOA code that is in core__area (the limit is {least:.0%}); "
            "the deprivation and place files of the settings are of another year, or the codes of the feed are not LSOA codes. Correct the files or the feed"
        )

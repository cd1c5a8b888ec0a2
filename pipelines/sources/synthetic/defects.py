"""Plant the known defects of real extracts: in rows at configured rates, and in whole organisations and columns."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from pipelines.sources.synthetic import gp_defects, hospital_defects
from pipelines.sources.synthetic.areas_and_practices import Places
from pipelines.sources.synthetic.block import block_count
from pipelines.sources.synthetic.extracts import (
    LOADED_PRACTICE,
    POOR_ETHNICITY_PROVIDER,
    SHORT_PRACTICE,
    Delivery,
    Extract,
)
from pipelines.sources.synthetic.planting import Draft, PlantedDefects
from pipelines.sources.synthetic.random_streams import DEFECTS, stream
from pipelines.sources.synthetic.settings import SyntheticSettings

DEFECTS_FILE = "planted_defects.csv"
HOSPITAL_FEEDS = ("admissions", "emergency_attendances", "outpatient_appointments")
COLLAPSED_PROVIDER, COLLAPSED_MONTHS_BACK, COLLAPSED_LOSS = 0, 4, 0.85
SINGLE_VALUE_FEED, SINGLE_VALUE_COLUMN, SINGLE_VALUE_SOURCE = "emergency_attendances", "department_type", "EC_Department_Type"
_IN_ROWS = {
    "patients": gp_defects.in_patients,
    "registrations": gp_defects.in_registrations,
    "addresses": gp_defects.in_addresses,
    "gp_observations": gp_defects.in_gp_observations,
    "gp_medication_orders": gp_defects.in_gp_medication_orders,
    "opt_outs": gp_defects.in_opt_outs,
    "outpatient_appointments": hospital_defects.in_outpatient_appointments,
}
_IN_ROWS_WITH_DUMMIES = {
    "admissions": hospital_defects.in_admissions,
    "emergency_attendances": hospital_defects.in_emergency_attendances,
}
_IN_LATER_FEEDS = {"actions": gp_defects.in_actions}
FEED_NUMBER = {feed: number for number, feed in enumerate((*_IN_ROWS, *_IN_ROWS_WITH_DUMMIES, *_IN_LATER_FEEDS))}


def plant(settings: SyntheticSettings, block: int, delivery: Delivery, extract: Extract) -> Draft:
    """Plant a feed's defects in the rows of one block and delivery."""
    rng = stream(settings.seed, DEFECTS * 100 + FEED_NUMBER[extract.feed], block, delivery.position)
    if settings.defects.enabled:
        extract = _plant_table_defects(settings, rng, delivery, extract)
    draft = Draft(extract, rng, settings.defects, delivery, block, settings.seed)
    if settings.defects.enabled and extract.rows.num_rows:
        if extract.feed in _IN_ROWS | _IN_LATER_FEEDS:
            (_IN_ROWS | _IN_LATER_FEEDS)[extract.feed](draft)
        else:
            _IN_ROWS_WITH_DUMMIES[extract.feed](draft, dummy_rows(settings))
    return draft


def dummy_rows(settings: SyntheticSettings) -> int:
    """Return the number of rows under the dummy pseudonym in each block."""
    rows = max(settings.defects.least_dummy_rows, settings.defects.dummy_rows_per_thousand_people * settings.people / 1_000)
    return -(-round(rows) // block_count(settings))


def list_table_defects(settings: SyntheticSettings, places: Places, planted: PlantedDefects) -> None:
    """Add the defects of organisations, months and columns to the list of planted defects."""
    defects = settings.defects
    if not defects.enabled:
        return
    codes = places.practices["practice_code"].to_numpy()
    if defects.provider_gap:
        _list_provider_gap(settings, places.providers[1], planted)
    if defects.below_published_list and len(codes) > SHORT_PRACTICE:
        planted.add("patients", f"organisation:{codes[SHORT_PRACTICE]}:-", 2, "below_published_list")
    if defects.history_starts_at_load and len(codes) > LOADED_PRACTICE:
        planted.add("registrations", f"organisation:{codes[LOADED_PRACTICE]}:-", 9, "history_starts_at_load")
    if defects.ethnicity_not_known:
        for feed in HOSPITAL_FEEDS[:2]:
            planted.add(feed, f"organisation:{places.providers[POOR_ETHNICITY_PROVIDER]}:-", 12, "ethnicity_not_known")
    if defects.collapsed_provider_month:
        planted.add(
            "admissions",
            f"organisation:{places.providers[COLLAPSED_PROVIDER]}:{_collapsed_month(settings)}",
            1,
            "month_collapsed",
        )
    if defects.single_value_column:
        planted.add(SINGLE_VALUE_FEED, f"column:{SINGLE_VALUE_COLUMN}", 10, "single_value")


def _list_provider_gap(settings: SyntheticSettings, provider: str, planted: PlantedDefects) -> None:
    """Add the months in which a provider sends nothing."""
    for month in np.datetime64(settings.provider_gap_start, "M") + np.arange(3):
        for feed in HOSPITAL_FEEDS:
            planted.add(feed, f"organisation:{provider}:{month}", 1, "month_gap")


def _collapsed_month(settings: SyntheticSettings) -> np.datetime64:
    """Return the month that collapses: the previous delivery contains it in full."""
    return np.datetime64(settings.deliveries[-2], "M") - COLLAPSED_MONTHS_BACK


def _plant_table_defects(settings: SyntheticSettings, rng: np.random.Generator, delivery: Delivery, extract: Extract) -> Extract:
    """Remove rows of the collapsing provider-month and set the column to a single value, in the last delivery."""
    rows = extract.rows
    if not delivery.is_last:
        return extract
    if settings.defects.single_value_column and extract.feed == SINGLE_VALUE_FEED:
        position = rows.column_names.index(SINGLE_VALUE_SOURCE)
        rows = rows.set_column(position, SINGLE_VALUE_SOURCE, pa.repeat(pa.scalar("01"), rows.num_rows))
    if not settings.defects.collapsed_provider_month or extract.feed != "admissions":
        return Extract(extract.feed, rows, extract.facts)
    provider = np.asarray(rows.column("Der_Provider_Code").to_numpy(zero_copy_only=False))
    month = extract.facts["day"].astype("datetime64[D]").astype("datetime64[M]")
    hit = (provider == settings.provider_codes[COLLAPSED_PROVIDER]) & (month == _collapsed_month(settings))
    kept = np.flatnonzero(~hit | (rng.random(len(hit)) >= COLLAPSED_LOSS))
    return Extract(extract.feed, rows.take(pa.array(kept)), {name: values[kept] for name, values in extract.facts.items()})

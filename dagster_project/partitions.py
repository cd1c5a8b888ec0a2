"""Index dates as partitions: added as the plan of a deployment needs them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

import dagster as dg

INDEX_DATES = dg.DynamicPartitionsDefinition(name="index_date")
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
DATES = "strata/index_dates"


def add_index_dates(instance: dg.DagsterInstance, dates: Iterable[date]) -> dict[str, str]:
    """Add dates as partitions and return the tags of one run over all of them.

    Dagster describes a run's partitions as a range. Last month's scoring date may be within it, so the tags list the dates too.
    """
    keys = sorted({day.isoformat() for day in dates})
    existing = instance.get_dynamic_partitions(str(INDEX_DATES.name))
    instance.add_dynamic_partitions(str(INDEX_DATES.name), [key for key in keys if key not in existing])
    order = instance.get_dynamic_partitions(str(INDEX_DATES.name))
    places = sorted(order.index(key) for key in keys)
    return {RANGE_START: order[places[0]], RANGE_END: order[places[-1]], DATES: ",".join(keys)}


def asked_for(tags: Mapping[str, str], keys: Iterable[str]) -> set[str]:
    """Return the dates that a run computes, among its partitions: those in its tags, else all."""
    named = tags.get(DATES)
    return set(keys) if named is None else set(keys) & set(named.split(","))

"""Index dates as partitions: added as the plan of a deployment needs them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import dagster as dg

INDEX_DATES = dg.DynamicPartitionsDefinition(name="index_date")
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"


def add_index_dates(instance: dg.DagsterInstance, dates: Iterable[date]) -> dict[str, str]:
    """Make sure that dates are partitions and give the tags of a run over all of them."""
    keys = sorted({day.isoformat() for day in dates})
    known = instance.get_dynamic_partitions(str(INDEX_DATES.name))
    instance.add_dynamic_partitions(str(INDEX_DATES.name), [key for key in keys if key not in known])
    order = instance.get_dynamic_partitions(str(INDEX_DATES.name))
    places = sorted(order.index(key) for key in keys)
    return {RANGE_START: order[places[0]], RANGE_END: order[places[-1]]}

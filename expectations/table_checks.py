"""The checks of table rules by name: each reads the summary of a delivery and returns where its rule is broken and by how much."""

from __future__ import annotations

from collections.abc import Callable

from expectations.delivery_figures import Answer, Summary
from expectations.row_number_checks import (
    below_published_list,
    feed_collapsed,
    feed_fell,
    history_starts_at_load,
    keys_unique,
    month_collapsed,
    month_gap,
    not_empty,
    objections_lost,
    share_set_aside,
)
from expectations.value_checks import (
    answers_delivered,
    columns_present,
    day_and_month_known,
    share_of_values,
    single_value,
    unknown_codes,
    unknown_codes_in_lists,
    values_emptied,
    values_lost,
    values_lost_more,
)

CHECKS: dict[str, Callable[[Summary, float, tuple[str, ...]], Answer]] = {
    check.__name__: check
    for check in (
        not_empty, columns_present, answers_delivered, share_set_aside, keys_unique, feed_collapsed, feed_fell, month_collapsed, month_gap, single_value, unknown_codes,
        unknown_codes_in_lists, values_lost, values_lost_more, values_emptied, objections_lost, share_of_values, below_published_list, history_starts_at_load, day_and_month_known,
    )
}  # fmt: skip

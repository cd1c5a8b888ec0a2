"""The data cut: the day that the data reach to. It is also the scoring date, unless the settings of the study name another.

This module has the rule on the latest deliveries. `data_cut` in `pipelines/stages/run_plan.py` applies it, unless the setting
`data_cut_date` or the source states the day.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from pipelines.run.late_feeds import LateFeedSettings, of_required_feeds, older_than_allowed


def earliest_cut(latest: Mapping[str, date], settings: LateFeedSettings) -> date:
    """Return the day to which the data reach: the earliest cut of the required feeds, or the latest of any where none is there.

    A required feed that is late is not waited for, unless all of them are: what happens then is a setting.
    """
    required = of_required_feeds(latest, settings)
    if not required:
        return max(latest.values())
    late = older_than_allowed(required, max(latest.values()), settings.late_after_days)
    return min(day for feed, day in required.items() if feed not in late or len(late) == len(required))

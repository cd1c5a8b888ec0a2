"""Simulate a clock change in one process: the time that Strata reads goes through a change of the hour."""

from __future__ import annotations

import datetime as calendar
import os
import sys
import time
from collections.abc import Mapping

REAL = calendar.datetime
AUTUMN = "2026-10-25T00:59:59.200000+00:00"  # London's clocks go from 02:00 back to 01:00 at 01:00 UTC
SPRING = "2027-03-28T00:59:59.200000+00:00"  # and from 01:00 to 02:00 at 01:00 UTC


def set_clock(settings: Mapping[str, object]) -> None:
    """Set London's time zone, start the clock at `start`, and move it by `jump_seconds` after `after_seconds`.

    Without a jump only local time changes, as at every change of the hour. A jump simulates a machine whose clock runs on local time
    and is set by hand.
    """
    os.environ["TZ"] = "Europe/London"
    time.tzset()
    start = REAL.fromisoformat(str(settings["start"])).timestamp()
    begin, monotonic = time.monotonic(), time.monotonic

    def now() -> float:
        elapsed = monotonic() - begin
        return start + elapsed + (float(str(settings["jump_seconds"])) if elapsed >= float(str(settings["after_seconds"])) else 0)

    class Jumping(REAL):
        @classmethod
        def now(cls, tz: calendar.tzinfo | None = None) -> Jumping:
            return cls.fromtimestamp(now(), tz)

    time.time = now
    for name, module in list(sys.modules.items()):
        if name.startswith("pipelines.") and getattr(module, "datetime", None) is REAL:
            module.datetime = Jumping  # type: ignore[attr-defined]

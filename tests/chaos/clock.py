"""A clock that jumps: what Strata reads as now goes through a change of the hour, in a process's own view of time."""

from __future__ import annotations

import datetime as calendar
import os
import sys
import time
from collections.abc import Mapping

REAL = calendar.datetime
AUTUMN = "2026-10-25T00:59:59.200000+00:00"  # London's clocks go from 02:00 back to 01:00 at 01:00 UTC
SPRING = "2027-03-28T00:59:59.200000+00:00"  # and from 01:00 to 02:00 at 01:00 UTC


def turn(settings: Mapping[str, object]) -> None:
    """Set London's time zone, begin at `start`, and jump by `jump_seconds` once `after_seconds` have passed.

    A jump of the local clock alone is what the change of the hour does; a jump of all time is a machine whose clock was kept
    in local time and is set anew.
    """
    os.environ["TZ"] = "Europe/London"
    time.tzset()
    start = REAL.fromisoformat(str(settings["start"])).timestamp()
    begun, read = time.monotonic(), time.monotonic

    def now() -> float:
        passed = read() - begun
        return start + passed + (float(str(settings["jump_seconds"])) if passed >= float(str(settings["after_seconds"])) else 0)

    class Jumping(REAL):
        @classmethod
        def now(cls, tz: calendar.tzinfo | None = None) -> Jumping:
            return cls.fromtimestamp(now(), tz)

    time.time = now
    for name, module in list(sys.modules.items()):
        if name.startswith("pipelines.") and getattr(module, "datetime", None) is REAL:
            module.datetime = Jumping  # type: ignore[attr-defined]

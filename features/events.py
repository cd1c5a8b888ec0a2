"""The types of event of `core__event` and the numbers of types and feeds; `expectations/feeds.py` declares them."""

from __future__ import annotations

from expectations.feeds import DECLARED, EVENT_TYPES, EventType

__all__ = ["EVENT_TYPES", "FEED_NUMBER", "NUMBER_OF", "EventType"]

NUMBER_OF = {event_type.name: event_type.number for event_type in EVENT_TYPES}
FEED_NUMBER = {feed.name: feed.number for feed in DECLARED if feed.number}

"""Types of settings that name something: an unknown name, or the same name twice, is refused as the settings are read."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Hashable
from typing import Annotated, TypeVar

from pydantic import AfterValidator

from expectations.catalogue import DELIVERED_FEEDS
from expectations.feeds import FEEDS

FEW = 60  # names that a message may list
Value = TypeVar("Value", bound=Hashable)


def names_not_known(what: str, names: Collection[str], known: Collection[str]) -> str:
    """Return a message about names that do not exist, with similar ones, and all that do if they are few; '' if all exist."""
    unknown = [name for name in dict.fromkeys(names) if name not in known]
    if not unknown:
        return ""
    near = dict.fromkeys(match for name in unknown for match in difflib.get_close_matches(name, known, 2))
    message = f"there is no {what} {', '.join(unknown)}"
    if len(known) <= FEW:
        message += f"; the {what}s are {', '.join(known)}"
    return f"{message}; did you mean {', '.join(near)}?" if near else message


def _each_once(values: tuple[Value, ...]) -> tuple[Value, ...]:
    twice = [str(value) for value in dict.fromkeys(values) if values.count(value) > 1]
    if twice:
        raise ValueError(f"{', '.join(twice)} is listed more than once; list it once")
    return values


def _feed(name: str) -> str:
    """Return the name of a feed that features are made of, or of one that is delivered."""
    return _of("feed", name, tuple(dict.fromkeys((*FEEDS, *DELIVERED_FEEDS))))


def _delivered_feed(name: str) -> str:
    return _of("feed", name, DELIVERED_FEEDS)


def _of(what: str, name: str, known: Collection[str]) -> str:
    if message := names_not_known(what, (name,), known):
        raise ValueError(message)
    return name


Distinct = Annotated[tuple[Value, ...], AfterValidator(_each_once)]
FeedName = Annotated[str, AfterValidator(_feed)]
DeliveredFeed = Annotated[str, AfterValidator(_delivered_feed)]

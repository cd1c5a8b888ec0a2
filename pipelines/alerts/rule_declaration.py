"""How an alert rule is declared: its setting, the rows that it reads, what it finds in them, and the message."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pipelines.lake.storage import Lake

Row = Mapping[str, Any]
Rows = Iterable[Row]
RUNBOOKS = "docs/runbooks"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: which rule, about what, how bad, and what happened as text."""

    rule: str
    subject: str
    value: float
    limit: float
    message: str


@dataclass(frozen=True)
class Crossing:
    """One figure beyond a rule's limit: what it is about, the figure, the limit, and the row that holds it."""

    subject: str
    value: float
    limit: float
    row: Row


def _no_rows() -> Rows:
    return ()


@dataclass(frozen=True)
class Watched:
    """What the rules read: the lake, and what settings and deliveries say. `late_feeds` is called only if its rule is on."""

    lake: Lake
    outcomes: Sequence[str]
    today: date
    late_feeds: Callable[[], Rows] = _no_rows  # with feed, latest (date), days_behind and limit_days
    approval_expires: date | None = None


@dataclass(frozen=True)
class Setting:
    """The setting below `alerts.rules` that holds a rule's limit; null or false switches the rule off."""

    name: str
    kind: Any  # a type, with its constraints
    default: Any
    description: str


@dataclass(frozen=True)
class AlertRule:
    """One rule. No finding names a person or counts people.

    `read` returns the rows that the rule looks at, `find` the crossings among them for a limit, `message` what happened as text.
    """

    name: str
    label: str
    explanation: str
    setting: Setting
    read: Callable[[Watched], Rows]
    find: Callable[[Rows, Any], Iterator[Crossing]]
    message: Callable[[Crossing], str] = field(repr=False)

    @property
    def runbook(self) -> str:
        """The page that says what to do, below the root of the repository."""
        return f"{RUNBOOKS}/{self.name}.md"

    def findings(self, rows: Rows, limit: Any) -> Iterator[Finding]:
        """Yield what the rule finds in rows; nothing if its limit is null or false."""
        if limit is None or limit is False:
            return
        for crossing in self.find(rows, limit):
            yield Finding(self.name, crossing.subject, crossing.value, crossing.limit, self.message(crossing))

    def watch(self, watched: Watched, limit: Any) -> Iterator[Finding]:
        """Yield what the rule finds now; a rule that is off reads nothing."""
        if limit is not None and limit is not False:
            yield from self.findings(self.read(watched), limit)

"""What the deliveries of all feeds of objections contain, as the rules of core__objection read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from expectations.feeds import FEEDS, OBJECTION_FEEDS
from expectations.table import Table
from pipelines.extracts.extract_records import Extract, current_extracts
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import NhsSettings
from pipelines.validation.accepted_breaches import accepted_breaches
from pipelines.validation.opt_out_rows import deliveries, incomplete_deliveries, replaced_lists_sql, statements_sql

STATED_COLUMNS = (
    "feed", "kind", "person_id", "practice_code", "status", "effective_date", "list_part", "submission_date", "extract_date", "extract_id",
)  # fmt: skip
NO_STATEMENTS = f"""(SELECT {", ".join(f"CAST(NULL AS {'DATE' if name.endswith('_date') else 'VARCHAR'}) AS {name}" for name in STATED_COLUMNS)}
    WHERE false)"""


@dataclass(frozen=True)
class ObjectionInputs:
    """What the deliveries of all feeds of objections contain.

    `statements` is SQL of their rows (`statements_sql`), '' without any. `deliveries` are the days of each feed. `snapshots` are
    the feeds whose delivery is complete in itself, and `by_practice` those that name the practice. `incomplete` are deliveries
    with rows set aside. `late` are deliveries with a file that was taken in after the latest one. `accepted` are feed, rule, delivery and organisation of accepted breaches. With `ignores_case`, a pseudonym
    that matches no one also matches in another letter case.
    """

    statements: str = ""
    deliveries: Mapping[str, Sequence[date]] = field(default_factory=dict)
    snapshots: frozenset[str] = frozenset()
    by_practice: frozenset[str] = frozenset()
    incomplete: frozenset[tuple[str, date]] = frozenset()
    late: frozenset[tuple[str, date]] = frozenset()
    accepted: frozenset[tuple[str, str, date, str]] = frozenset()
    ignores_case: bool = True

    def accepted_organisations(self, feed: str, rule: str, day: date) -> frozenset[str]:
        return frozenset(
            place for one_feed, one_rule, one_day, place in self.accepted if (one_feed, one_rule, one_day) == (feed, rule, day)
        )


def read_objection_inputs(lake: Lake, tables: Sequence[Table], nhs: NhsSettings) -> ObjectionInputs:
    """Return what the deliveries of the feeds of objections, out of some raw tables, contain."""
    sent = _sent_tables(lake, tables)
    days = {table.feed: deliveries(lake, table) for table in sent}
    return ObjectionInputs(
        statements=_all_statements(lake, sent),
        deliveries={feed: tuple(sorted(found)) for feed, found in days.items()},
        snapshots=frozenset(feed for feed in days if nhs.feeds[feed].load == "snapshot"),
        by_practice=frozenset(feed for feed in days if FEEDS[feed].is_sent_by_practices),
        incomplete=frozenset((table.feed, day) for table in sent for day in incomplete_deliveries(lake, table)),
        late=frozenset((feed, day) for feed, found in days.items() for day in _late_days(found)),
        accepted=_accepted(lake, days),
        ignores_case=all(nhs.case_of(feed) != "matters" for feed in days),
    )


def _sent_tables(lake: Lake, tables: Sequence[Table]) -> list[Table]:
    """Return the tables of feeds of objections that have a delivery."""
    names = {feed.name for feed in OBJECTION_FEEDS}
    return [table for table in tables if table.feed in names and current_extracts(lake, table.feed)]


def _all_statements(lake: Lake, sent: Sequence[Table]) -> str:
    found = [statements_sql(lake, table) for table in sent] + [replaced_lists_sql(lake, table) for table in sent]
    parts = " UNION ALL ".join(f"SELECT * FROM {rows}" for rows in found if rows)
    return f"({parts})" if parts else ""


def _late_days(found: Mapping[date, Sequence[Extract]]) -> set[date]:
    """Return the days with a file that was taken in after one of the latest day; the delivery after them ends that."""
    latest = max(found)
    first = min(extract.sequence for extract in found[latest])
    return {day for day, extracts in found.items() if day < latest and any(extract.sequence > first for extract in extracts)}


def _accepted(lake: Lake, days: Mapping[str, Mapping[date, Sequence[Extract]]]) -> frozenset[tuple[str, str, date, str]]:
    """Return feed, rule, delivery and organisation of the accepted breaches of some deliveries."""
    return frozenset(
        (breach.feed, breach.rule, breach.delivery, breach.organisation)
        for feed, found in days.items()
        for day, extracts in found.items()
        for breach in accepted_breaches(lake, feed, day, extracts)
    )

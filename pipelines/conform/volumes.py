"""Counts of records by sender, month and person, from which coverage and linkage are measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from expectations.feeds import ADMISSIONS, EVENT_FEEDS, EVENT_TYPES, FEEDS
from expectations.sql_values import quote
from expectations.tables import core
from features.events import FEED_NUMBER
from pipelines.conform.feeds import Sources
from pipelines.lake.storage import Lake

LEAST_KNOWN = (
    0.25  # half of the share below which a month is partial: a sender that gives its records new numbers sends them twice
)
DAYS_OF_GRACE = 92  # no feed has a longer lag
_RECORDS = ", ".join(str(kind.number) for kind in EVENT_TYPES if kind.is_record)


def feeds_of_providers() -> tuple[str, ...]:
    """Return the feeds with events that providers send.

    They cover a practice if they cover the provider that sees most of its people.
    """
    return tuple(feed for feed in EVENT_FEEDS if not FEEDS[feed].is_sent_by_practices)


def _records(lake: Lake, feeds: Sequence[str]) -> str:
    """Return the SQL of one event per record: feed, provider (both numbers), person_key, event_date."""
    numbers = ", ".join(str(FEED_NUMBER[feed]) for feed in feeds)
    return f"""(SELECT feed, provider, person_key, event_date FROM {lake.scan(core.EVENT.name)}
        WHERE feed IN ({numbers}) AND event_type IN ({_RECORDS}))"""


def _named(lake: Lake, counted: str) -> str:
    """Return the SQL of counts with the names of feed and provider. Grouping by their numbers is much faster than by text."""
    names = " ".join(f"WHEN {number} THEN {quote(feed)}" for feed, number in FEED_NUMBER.items())
    return f"""(SELECT counted.* EXCLUDE (feed, provider), CASE feed {names} END AS feed, source_code AS organisation_code
        FROM ({counted}) AS counted
        JOIN (SELECT code, source_code FROM {lake.scan(core.CODE.name)} WHERE code_system = 'ods') ON code = provider)"""


def volumes_sql(lake: Lake, sources: Sources) -> str:
    """Return the SQL of feed, organisation_code, month and rows; admissions are counted by row."""
    feeds = [feed for feed in EVENT_FEEDS if not FEEDS[feed].joined_into_spells]
    sent = f"SELECT feed, provider, date_trunc('month', event_date) AS month, count(*) AS rows FROM {_records(lake, feeds)} GROUP BY ALL"
    query = f"SELECT feed, organisation_code, month, rows FROM {_named(lake, sent)}"
    if ADMISSIONS.name in sources:
        query += f""" UNION ALL SELECT {quote(ADMISSIONS.name)}, provider_code, date_trunc('month', admission_date), count(*)
            FROM {sources[ADMISSIONS.name]} GROUP BY ALL"""
    return f"SELECT * FROM ({query}) ORDER BY ALL"


def known_since_sql(lake: Lake) -> str:
    """Return the SQL of feed, organisation_code and known_since: the day since which a sender's records are known on past dates as well.

    A sender that joins with a later delivery, or sends most of its history with one, was silent on the dates before. On those dates less than
    `LEAST_KNOWN` of its records were known, of those that are at least `DAYS_OF_GRACE` old. Senders whose records were always known are not in it.
    Records that a later delivery changed or withdrew count as well.
    """
    superseded = f"SELECT feed, provider, event_date, available_date FROM {lake.scan_or_empty(core.EVENT_SUPERSEDED)} WHERE event_type IN ({_RECORDS})"
    records = f"(SELECT feed, provider, event_date, available_date FROM {lake.scan(core.EVENT.name)} WHERE event_type IN ({_RECORDS}) UNION ALL {superseded})"
    found = f"""
    WITH counted AS (
        SELECT feed, provider, available_date + 1 AS day, count(*) AS known, 0 AS happened FROM {records} GROUP BY ALL
        UNION ALL
        SELECT feed, provider, event_date + {DAYS_OF_GRACE} AS day, 0 AS known, count(*) AS happened FROM {records} GROUP BY ALL
    ),
    days AS (
        SELECT feed, provider, day, lead(day) OVER sender AS next_day,
            sum(sum(known)) OVER sender AS known, sum(sum(happened)) OVER sender AS happened
        FROM counted GROUP BY feed, provider, day WINDOW sender AS (PARTITION BY feed, provider ORDER BY day)
    )
    SELECT feed, provider, max(next_day) AS known_since FROM days WHERE known < {LEAST_KNOWN} * happened GROUP BY feed, provider"""
    return f"SELECT feed, organisation_code, known_since FROM {_named(lake, found)} WHERE known_since IS NOT NULL"


def list_sizes_sql(registrations: str, first: date, last: date) -> str:
    """Return the SQL of practice_code, month and people: the registered list on the first day of each month."""
    first_month, last_month = (quote(day.replace(day=1)) for day in (first, last))
    return f"""
    WITH moves AS (
        SELECT practice_code, greatest(date_trunc('month', start_date - 1) + INTERVAL 1 MONTH, TIMESTAMP {first_month}) AS month,
            1 AS people FROM {registrations}
        UNION ALL
        SELECT practice_code, greatest(date_trunc('month', end_date) + INTERVAL 1 MONTH, TIMESTAMP {first_month}), -1
        FROM {registrations} WHERE end_date IS NOT NULL
    ),
    changes AS (SELECT practice_code, month, sum(people) AS people FROM moves GROUP BY ALL),
    months AS (SELECT unnest(generate_series(TIMESTAMP {first_month}, TIMESTAMP {last_month}, INTERVAL 1 MONTH)) AS month),
    practices AS (SELECT DISTINCT practice_code FROM changes)
    SELECT practice_code, month,
        CAST(sum(coalesce(people, 0)) OVER (PARTITION BY practice_code ORDER BY month) AS BIGINT) AS people
    FROM practices CROSS JOIN months LEFT JOIN changes USING (practice_code, month) ORDER BY ALL
    """


def feed_people_sql(lake: Lake, list_feeds: Mapping[str, str], people: str) -> str:
    """Return the SQL of feed, organisation_code and person_key; `list_feeds` are read as they were delivered."""
    seen = _named(lake, f"SELECT DISTINCT feed, provider, person_key FROM {_records(lake, EVENT_FEEDS)}")
    parts = [f"SELECT feed, organisation_code, person_key FROM {seen}"]
    for feed, source in list_feeds.items():
        organisation = FEEDS[feed].organisation_column or "''"
        parts.append(f"SELECT DISTINCT {quote(feed)}, {organisation}, person_key FROM {source} JOIN {people} USING (person_id)")
    return " UNION ALL ".join(parts)


def main_providers_sql(lake: Lake, feeds: Sequence[str]) -> str:
    """Return the SQL of feed, practice_code and provider_code: the provider with most records of a practice's people.

    People count at their latest practice. A practice without records has the largest provider of the feed.
    """
    registrations = lake.scan(core.REGISTRATION.name)
    sent = f"SELECT feed, provider, person_key, count(*) AS rows FROM {_records(lake, feeds)} GROUP BY ALL"
    return f"""
    WITH counted AS (SELECT * FROM {_named(lake, sent)}),
    homes AS (
        SELECT person_key, practice_code FROM {registrations}
        QUALIFY row_number() OVER (PARTITION BY person_key ORDER BY start_date DESC, practice_code DESC) = 1
    ),
    seen AS (SELECT feed, practice_code, organisation_code AS provider_code, sum(rows) AS rows
             FROM counted JOIN homes USING (person_key) GROUP BY ALL),
    totals AS (SELECT feed, organisation_code AS provider_code, sum(rows) AS rows FROM counted GROUP BY ALL),
    largest AS (SELECT feed, provider_code FROM totals
                QUALIFY row_number() OVER (PARTITION BY feed ORDER BY rows DESC, provider_code) = 1),
    choices AS (
        SELECT feed, practice_code, provider_code, rows FROM seen
        UNION ALL
        SELECT feed, practice_code, provider_code, 0 FROM largest CROSS JOIN (SELECT DISTINCT practice_code FROM homes)
    )
    SELECT feed, practice_code, provider_code FROM choices
    QUALIFY row_number() OVER (PARTITION BY feed, practice_code ORDER BY rows DESC, provider_code) = 1
    ORDER BY ALL
    """

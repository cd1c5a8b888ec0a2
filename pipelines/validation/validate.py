"""Validation: each new delivery is checked once, row by row in bounded batches and then as a whole.

Rows that break a rule are written to `core__quarantine`, counts and limits to `monitoring__validation`. An extract counts as
validated once its row is in `core__validated_extracts`, which is written last.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import duckdb
import pandas as pd

from expectations.catalogue import RAW_TABLES
from expectations.documented import DataDocs
from expectations.feeds import LIST_FEED
from expectations.granting_columns import granting_columns
from expectations.table import Table
from expectations.tables.raw_table_rules import DAY_AND_MONTH
from expectations.tables.records import VALIDATED_EXTRACTS
from expectations.value_checks import GONE
from pipelines.errors import ValidationStop
from pipelines.extracts.extract_records import Extract, current_extracts
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import NhsSettings
from pipelines.validation.accepted_breaches import accepted_breaches
from pipelines.validation.day_orders import day_orders
from pipelines.validation.delivery_comparison import MOST_EARLIER, Delivery
from pipelines.validation.delivery_context import prepare_context, profile_extract
from pipelines.validation.delivery_figures import summarise
from pipelines.validation.row_flags import reads_context
from pipelines.validation.row_validation import RowOutcome, checks_of, validate_rows
from pipelines.validation.table_validation import Breach, answer_table_rules, record_results
from pipelines.validation.valid_extracts import valid_extracts
from pipelines.validation.validated_rows import validated_rows_sql
from pipelines.validation.validation_settings import AcceptedBreach, ValidationSettings

if TYPE_CHECKING:
    from expectations.validation import Engine

__all__ = ["AcceptedBreach", "ValidationSettings", "ValidationSummary", "validate_feed"]
MOST_HEADERS = 40
MOST_FILES = 5
MOST_BREACHES = 20


@dataclass
class ValidationSummary:
    """The result of validating the new deliveries of one feed."""

    feed: str
    deliveries: list[date] = field(default_factory=list)
    rows: int = 0
    rows_set_aside: int = 0
    broken: Counter[str] = field(default_factory=Counter)  # by check
    breaches: list[Breach] = field(default_factory=list)

    @property
    def warnings(self) -> list[Breach]:
        return [breach for breach in self.breaches if not breach.stops]


def validate_feed(
    lake: Lake,
    con: duckdb.DuckDBPyConnection,
    table: Table,
    nhs: NhsSettings,
    settings: ValidationSettings,
    *,
    published_lists: pd.DataFrame | None = None,
    docs: DataDocs | None = None,
) -> ValidationSummary:
    """Validate, in order, the deliveries of a feed that were not validated by the same rules.

    The feed of patients must be validated before the feeds that look up birth dates in it. `published_lists` has practice_code
    and patients. `docs` says where the Data Docs of Great Expectations are written. Accepted breaches come from recorded
    decisions; those of `settings` are imported first. A ValidationStop names every broken rule that stops the run.
    """
    from expectations.validation import Engine  # its import takes seconds

    summary, extracts = ValidationSummary(table.feed), current_extracts(lake, table.feed)
    patients = _patients(lake, nhs, table)
    engine, seen, before = None, set[str](), None
    for day in sorted({extract.extract_date for extract in extracts}):
        whole = [extract for extract in extracts if extract.extract_date == day]
        new = [extract for extract in whole if extract.extract_id not in seen]
        in_force = settings.model_copy(update={"accepted": accepted_breaches(lake, table.feed, day, whole)})
        dates = nhs.feeds[table.feed].dates
        rules = _rules_digest(table, in_force, whole, dates, nhs.feeds[table.feed].not_delivered)
        if not _validated(lake, new, rules):
            engine = engine or Engine(docs)
            outcomes = _validate_rows_of(lake, con, engine, table, whole, new, settings, patients, dates)
            _record_extracts(lake, outcomes, rules, "stopped")
            delivery = Delivery(table, day, valid_extracts(lake, table, whole, statuses=("passed", "stopped")))
            figures = summarise(lake, con, delivery, before, outcomes, nhs.feeds[table.feed], settings, published_lists)
            if DAY_AND_MONTH in table.table_rules:
                figures.orders = day_orders(con, lake, table, outcomes, extracts, dates)
            breaches = answer_table_rules(engine, table, day, figures, outcomes, in_force)
            record_results(lake, table, day, outcomes, breaches)
            engine.write_docs()
            _add(summary, day, outcomes, breaches)
            _stop_if_broken(table.feed, breaches, whole)
            _record_extracts(lake, outcomes, rules, "passed")
        earlier = (before, *before.earlier)[: MOST_EARLIER + 1] if before else ()
        before = Delivery(table, day, valid_extracts(lake, table, whole), earlier)
        seen |= {extract.extract_id for extract in whole}
    return summary


def looks_up_births(table: Table) -> bool:
    """Return whether a row rule of a feed compares its dates with the births of the validated list."""
    return table.feed != LIST_FEED and reads_context(table.row_rules, "birth_date")


def _patients(lake: Lake, nhs: NhsSettings, table: Table) -> str | None:
    """Return the SQL of the validated patients that a feed's rules look up; None for a feed that looks up none, or without them."""
    if not looks_up_births(table) or LIST_FEED not in nhs.feeds or not current_extracts(lake, LIST_FEED):
        return None
    return validated_rows_sql(lake, nhs, LIST_FEED)


def _validate_rows_of(
    lake: Lake,
    con: duckdb.DuckDBPyConnection,
    engine: Engine,
    table: Table,
    whole: list[Extract],
    new: list[Extract],
    settings: ValidationSettings,
    patients: str | None,
    dates: Mapping[str, str],
) -> list[RowOutcome]:
    profiles = [profile_extract(con, lake, table, extract, dates) for extract in whole]
    checks = {profile.extract.extract_id: checks_of(table, profile) for profile in profiles}
    prepare_context(con, table, profiles, checks, settings, patients)
    fresh = {extract.extract_id for extract in new}
    return [
        validate_rows(lake, con, engine, table, profile, checks[profile.extract.extract_id], settings.batch_rows)
        for profile in profiles
        if profile.extract.extract_id in fresh
    ]


def _rules_digest(
    table: Table, settings: ValidationSettings, delivery: list[Extract], dates: Mapping[str, str], not_delivered: tuple[str, ...]
) -> str:
    """Return a digest of the rules and extracts of a delivery; an accepted breach is no rule: it lets a stopped delivery pass."""
    rules = settings.model_copy(update={"accepted": ()})
    parts = [repr(table), rules.model_dump_json(), sorted((extract.extract_id, extract.reading) for extract in delivery)]
    parts += [sorted(dates.items())] if dates else []
    parts += [sorted(not_delivered)] if not_delivered else []
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _validated(lake: Lake, extracts: list[Extract], rules: str) -> bool:
    records = lake.records(VALIDATED_EXTRACTS).to_pylist()
    passed = {row["extract_id"] for row in records if row["status"] == "passed" and row["rules"] == rules}
    return {extract.extract_id for extract in extracts} <= passed


def _record_extracts(lake: Lake, outcomes: list[RowOutcome], rules: str, status: str) -> None:
    for outcome in outcomes:
        extract = outcome.profile.extract
        row = {
            "feed": extract.feed, "extract_id": extract.extract_id, "rules": rules, "status": status, "rows": outcome.rows,
            "rows_set_aside": outcome.set_aside, "text_reading": outcome.profile.reading.as_json(),
        }  # fmt: skip
        lake.write(VALIDATED_EXTRACTS, [row], {"feed": extract.feed, "extract_id": extract.extract_id})


def _add(summary: ValidationSummary, day: date, outcomes: list[RowOutcome], breaches: list[Breach]) -> None:
    summary.deliveries.append(day)
    summary.rows += sum(outcome.rows for outcome in outcomes)
    summary.rows_set_aside += sum(outcome.set_aside for outcome in outcomes)
    for outcome in outcomes:
        summary.broken.update({name: count for name, count in outcome.broken.items() if count})
    summary.breaches += [breach for breach in breaches if breach.finding]


def _stop_if_broken(feed: str, breaches: list[Breach], delivery: list[Extract]) -> None:
    stops = [breach for breach in breaches if breach.stops]
    if not stops:
        return
    lines = [f"the feed {feed} ({_files(delivery)}) breaks rules that stop everything downstream:"]
    lines += [f"  {breach.words}" for breach in stops[:MOST_BREACHES]]
    if len(stops) > MOST_BREACHES:
        lines.append(f"  and {len(stops) - MOST_BREACHES} more, in monitoring__validation")
    raise ValidationStop("\n".join([*lines, _advice(feed, stops, delivery)]))


def _advice(feed: str, stops: list[Breach], delivery: list[Extract]) -> str:
    """Return what the analyst can do about the breaches that stop a delivery."""
    limited = [breach for breach in stops if breach.rule.name != "columns_present"]
    lacking = [breach for breach in stops if breach.rule.name == "columns_present"]
    advice = ["Have the extract sent again."]
    if lacking:
        advice += [_advice_on_headers(delivery), *_advice_on_absent_columns(feed, lacking)]
    if limited:
        advice += [*_advice_on_dates(feed, limited), _advice_on_limits(feed, limited)]
    return " ".join(advice)


def _advice_on_headers(delivery: list[Extract]) -> str:
    unused = sorted({header for extract in delivery for header in json.loads(extract.columns_ignored)})
    return (
        "A column that has another header there is named under the feed's `columns`; "
        f"headers that were not used: {', '.join(unused[:MOST_HEADERS]) or 'none'}."
    )


def _advice_on_dates(feed: str, limited: list[Breach]) -> Iterator[str]:
    """Yield what to do about date columns whose order of day and month is not known, if there are any."""
    unknown = sorted({breach.finding.column for breach in limited if breach.finding and breach.rule is DAY_AND_MONTH})
    if unknown:
        yield (
            f"Ask the sender how the days of {', '.join(unknown)} are written and set it (for example, month first: "
            f"{_dates_setting(feed)}: {{{unknown[0]}: MM/DD/YYYY}}; docs/data-dictionary.md lists the formats)."
        )


def _advice_on_limits(feed: str, limited: list[Breach]) -> str:
    limits = sorted({f"validation.limits.{feed}.{breach.rule.name}" for breach in limited})
    first = limited[0]
    organisation = first.finding.organisation if first.finding else ""
    subject = f"{feed} {first.rule.name} {first.delivery.isoformat()} {organisation}".rstrip()
    return (
        f"If the data are right, accept a breach (strata decide CONFIG accepted_breach '{subject}' --role ROLE --reason WHY) "
        f"or change {' or '.join(limits)}."
    )


def _dates_setting(feed: str) -> str:
    """Return the setting that says how the dates of a feed are written."""
    if feed == "feature_table":
        return "source.feature_table.dates"
    return "source.omop.dates" if feed.startswith("omop_") else f"source.nhs.feeds.{feed}.dates"


def _advice_on_absent_columns(feed: str, lacking: list[Breach]) -> Iterator[str]:
    """Yield what to do about a date or mark that the sender never delivers, and about a column that the sender no longer delivers."""
    found = [breach.finding for breach in lacking if breach.finding]
    columns = {name.split(" ")[0] for one in found if not one.message.endswith(GONE) for name in one.column.split(", ")}
    if never := sorted(columns & granting_columns(RAW_TABLES[feed]) if feed in RAW_TABLES else ()):
        yield (
            f"If the sender never delivers {', '.join(never)}, set source.nhs.feeds.{feed}.not_delivered: [{', '.join(never)}]. Then no one has that "
            "date or mark."
        )
    if any(one.message.endswith(GONE) for one in found):
        subject = f"{feed} columns_present {lacking[0].delivery.isoformat()}"
        yield (
            f"If a column will not be delivered again, accept that (strata decide CONFIG accepted_breach '{subject}' --role ROLE --reason WHY)."
        )


def _files(delivery: list[Extract]) -> str:
    names = sorted(extract.path for extract in delivery)
    return ", ".join(names[:MOST_FILES]) + (f" and {len(names) - MOST_FILES} more files" if len(names) > MOST_FILES else "")

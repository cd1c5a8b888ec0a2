"""Why a person is not in the cohort of an index date: the step that excluded the person, and the dates that decide."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from rich.console import RenderableType

from expectations.feeds import OBJECTION_FEEDS
from expectations.identifier_text import plain_sql
from expectations.sql_values import quote
from expectations.tables import core
from pipelines.building.build_features import FeatureRequest
from pipelines.lake.storage import Lake
from pipelines.reports.terminal import table
from pipelines.why.person_case import PersonCase, Record


def left_out_lines(case: PersonCase, request: FeatureRequest) -> Iterator[RenderableType]:
    """Yield what kept a known person out of the cohort of the index date."""
    steps = [reason for reason, count in case.recomputed.flow[1:-1] if count]
    if case.recomputed.rows.num_rows:
        days = ", ".join(str(day) for day in sorted(set(case.recomputed.rows["index_date"].to_pylist())))
        yield f"Not in the cohort: no index event on that day. The person's index events up to it: {days}."
    elif steps:
        yield f"Not in the cohort: {'; '.join(steps)}."
    else:
        yield f"Not in the cohort: the person has no index event (cohort of kind '{request.cohort.kind}')."
    yield from _dates_that_decide(case)
    yield from _rows_set_aside(case.lake, str(case.person["person_id"]))


def _dates_that_decide(case: PersonCase) -> Iterator[RenderableType]:
    person = case.person
    yield f"  on the list   {'yes' if person['on_list'] else 'no'}"
    yield f"  born          {person['birth_date'] or 'not known'}"
    unknown_day = "on a day that cannot be read" if person.get("death_not_readable") else "no"
    yield f"  died          {person['death_date'] or unknown_day}"
    if person.get("suppression"):
        yield f"  suppressed    {person['suppression']}"
    opted = [words for name, words in (("type_1_opt_out", "type 1"), ("national_data_opt_out", "national")) if person[name]]
    yield f"  opted out     {', '.join(opted) or 'no'}"
    registrations = case.rows_of(core.REGISTRATION.name, "start_date")
    yield f"  registrations ({core.REGISTRATION.name}):"
    yield table(
        [{**row, "on the index date": _on_the_date(row, case.index_date)} for row in registrations],
        ("practice_code", "start_date", "end_date", "start_is_load_date", "on the index date"),
    )
    yield from _objections(case.lake, str(person["person_id"]))


def _objections(lake: Lake, person_id: str) -> Iterator[RenderableType]:
    """Yield the states of the person's objections."""
    columns = ("kind", "state", "state_since", "effective_date", "first_stated", "last_stated", "practice_code")
    rows = lake.read_or_empty(core.OBJECTION, ", ".join(columns), f"person_id = {quote(person_id)}", "kind").to_pylist()
    if rows:
        yield f"  objections ({core.OBJECTION.name}):"
        yield table(rows, columns)


def _on_the_date(row: Record, index_date: date) -> str:
    start, end = row["start_date"], row["end_date"]
    if isinstance(start, date) and start > index_date:
        return f"begins {(start - index_date).days} days after it"
    if isinstance(end, date) and end < index_date:
        return f"ended {(index_date - end).days} days before it"
    if row.get("end_not_readable"):
        return "ended on a day that cannot be read"
    return "active"


def unknown_lines(lake: Lake, person_id: str) -> Iterator[RenderableType]:
    """Yield that no person has a pseudonym, and the rows with it that were set aside."""
    yield f"No feed has a person {person_id}. Check the pseudonym (core__person, person_id)."
    yield from _rows_set_aside(lake, person_id)


def _rows_set_aside(lake: Lake, person_id: str) -> Iterator[RenderableType]:
    """Yield the person's rows of the registered list that were set aside, and why."""
    for name in ("raw__patients", "raw__registrations", *(f"raw__{feed.name}" for feed in OBJECTION_FEEDS)):
        if not lake.exists(name) or name not in lake.partitions(core.QUARANTINE.name, "table_name"):
            continue
        mine = f"(SELECT extract_id, row_number FROM {lake.scan(name)} WHERE {plain_sql('person_id')} = {quote(person_id)})"
        rows = lake.read(
            core.QUARANTINE.name, "file_name, row_number, reason, column_name",
            f"action = 'set_aside' AND (extract_id, row_number) IN {mine}", "file_name, row_number, reason", {"table_name": name},
        ).to_pylist()  # fmt: skip
        if rows:
            yield f"  rows of {name} that were set aside:"
            yield table(rows, ("file_name", "row_number", "reason", "column_name"))

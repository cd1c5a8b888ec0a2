"""Erasure: one person is removed from everything that Strata stores, and from later deliveries.

Only a digest of the pseudonym remains, so that later deliveries can be read without the person. Trained models, counts and
published aggregates stay as they are, because no person can be read from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from expectations.catalogue import TABLES
from expectations.identifier_text import normal, plain_sql
from expectations.sql_values import quote
from expectations.tables.core import PERSON
from expectations.tables.records import ERASURES
from pipelines.errors import RefusalError
from pipelines.extracts.erased_people import digest_of_person, erased_digests
from pipelines.lake.files import drop_versions, without_rows
from pipelines.lake.storage import Lake

WRITTEN_OUT = {".csv", ".html", ".json", ".txt", ".log"}


def erase_person(lake: Lake, reports: Path, person_id: str, reason: str, ignores_case: bool = False) -> dict[str, int]:
    """Remove a person from every table, its earlier versions and the reports; return the rows removed by table.

    With `ignores_case` letter case is no part of a pseudonym. Repeat an interrupted erasure to complete it. A RefusalError reports that no table has the pseudonym.
    """
    if not reason.strip():
        raise RefusalError("an erasure needs a reason, which is recorded without the person. Add --reason")
    person_id = normal(person_id).lower() if ignores_case else normal(person_id)
    person = Pseudonym(person_id, ignores_case)
    digest = digest_of_person(person_id)
    if digest not in erased_digests(lake) and not _known(lake, person):
        raise RefusalError(
            "no table has this pseudonym, so nothing was erased. Check that you copied all of it, with its upper and lower case"
        )
    if digest not in erased_digests(lake):
        _record(lake, digest, reason)  # first, so that no later delivery brings the person back, whatever happens next
    removed = _from_tables(lake, person)
    files = [path for path in _written_out(reports) if person.is_in(path.read_text(encoding="utf-8", errors="ignore"))]
    for path in files:
        path.unlink()
    return {**removed, **({"reports": len(files)} if files else {})}


@dataclass(frozen=True)
class Pseudonym:
    """The pseudonym of the person to remove, in plain form."""

    text: str
    ignores_case: bool

    def equals_sql(self, column: str) -> str:
        """Return the SQL that is true where a column has the pseudonym."""
        plain = plain_sql(column)
        return f"{f'lower({plain})' if self.ignores_case else plain} = {quote(self.text)}"

    def is_in(self, text: str) -> bool:
        return self.text in (text.lower() if self.ignores_case else text)


def _known(lake: Lake, person: Pseudonym) -> bool:
    columns = {name: column for name in lake.tables() if (column := _person_column(lake, name))}
    return any(lake.read(name, column, f"{person.equals_sql(column)} LIMIT 1").num_rows for name, column in columns.items())


def _person_column(lake: Lake, name: str) -> str:
    """Return the column of a table that holds pseudonyms, or ''."""
    declared = TABLES[name].person if name in TABLES else "person_id"
    return declared if declared in lake.schema(name).names else ""


def _from_tables(lake: Lake, person: Pseudonym) -> dict[str, int]:
    """Remove the person from each table, core__person last: until then a repeated erasure finds the person's key."""
    where = person.equals_sql("person_id")
    key = lake.read_or_empty(PERSON, "person_key", where)["person_key"].to_pylist()
    removed = {}
    for name in sorted(lake.tables(), key=lambda name: (name == PERSON.name, name)):
        if column := _person_column(lake, name):
            condition = person.equals_sql(column)
        elif "person_key" in lake.schema(name).names and key:
            condition = f"person_key = {key[0]}"
        else:
            continue
        rows = without_rows(lake, name, condition)
        drop_versions(lake, name, days=0)
        if rows:
            removed[name] = rows
    return removed


def _record(lake: Lake, digest: str, reason: str) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    row = {"person_digest": digest, "recorded_at": now, "reason": reason.strip()}
    lake.append(ERASURES, [row])


def _written_out(reports: Path) -> list[Path]:
    return sorted(path for path in reports.rglob("*") if path.suffix in WRITTEN_OUT and path.is_file())

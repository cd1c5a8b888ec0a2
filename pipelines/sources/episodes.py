"""What a sender's settings change in the declaration of a raw table: consultant episodes, and letter case in pseudonyms.

Rows of admissions may be consultant episodes, as in HES: several rows then belong to one spell.
Conform joins rows with the same provider, spell number and admission date into one stay. Here only the key of a row changes.
"""

from __future__ import annotations

from dataclasses import replace

from expectations.identifier_schemes import Scheme
from expectations.table import Action, Column, Table
from expectations.tables.raw_common import duplicate_rule
from pipelines.sources.nhs import FeedSettings

PSEUDONYMS = (Scheme.PERSON, Scheme.HOUSEHOLD)
EPISODE_KEY = "record_id"


def as_delivered(table: Table, settings: FeedSettings, case: str | None = None) -> Table:
    """Return the declaration of a raw table for the rows of its sender.

    The key of episodes includes the record number. With the `case` "ignored", letter case is no part of a pseudonym.
    """
    if case == "ignored":
        columns = tuple(replace(column, ignores_case=column.scheme in PSEUDONYMS) for column in table.columns)
        table = replace(table, columns=columns)
    if settings.rows_are != "episodes":
        return table
    key = (*table.key, EPISODE_KEY)
    rules = tuple(duplicate_rule(key) if rule.reason == "duplicate_row" else rule for rule in table.row_rules)
    columns = tuple(_numbered(column) if column.name == EPISODE_KEY else column for column in table.columns)
    return replace(table, key=key, row_rules=rules, columns=columns)


def _numbered(column: Column) -> Column:
    return replace(column, nullable=False, on_violation=Action.SET_ASIDE, required_in_file=True)

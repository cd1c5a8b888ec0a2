"""Columns whose absence from a file grants something to everyone: that they are alive, registered, not confidential or not deleted."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from expectations.identifier_text import normal_header
from expectations.table import Kind, Lost, Table

# What senders call them. A header with one of these words that is not used may be the column.
WORDS = (
    frozenset({"death", "dead", "died", "deceased", "dod", "deathdate"}),
    frozenset(
        {
            "end",
            "ended",
            "enddate",
            "deduction",
            "deducted",
            "deregistered",
            "left",
            "leaving",
            "removal",
            "removed",
            "to",
            "stop",
            "finish",
            "exit",
            "termination",
            "closed",
            "inactive",
        }
    ),
    frozenset({"confidential", "confidentiality", "restricted"}),
    frozenset({"deleted", "delete", "deletion"}),
    frozenset({"sensitive", "sensitivity", "spine"}),
    frozenset({"test", "dummy"}),
)
# Parts of headers that are written as one word, such as DATEOFDEATH, in the order of WORDS.
PARTS = (
    ("death", "deceas"), ("deduct", "deregist", "deactivat", "enddate", "regend", "registrationend"), ("confidential", "restricted"),
    ("deleted", "deletion"), ("sensitiv",), ("testpatient", "dummy"),
)  # fmt: skip
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def granting_columns(table: Table) -> frozenset[str]:
    """Return the dates whose lost value suppresses a person, and the sender's marks."""
    marks = {name for rule in table.row_rules if rule.is_mark for name in rule.columns}
    dates = {column.name for column in table.columns if column.kind is Kind.DATE and column.lost is Lost.SUPPRESSES}
    return frozenset(marks | dates)


def may_be(column: str, header: str) -> bool:
    """Return whether a header may be another name of a column."""
    plain = normal_header(header)
    return any(
        group & _words(column) and (group & _words(header) or any(part in plain for part in parts))
        for group, parts in zip(WORDS, PARTS, strict=True)
    )


def required_columns(table: Table, not_delivered: Collection[str] = (), unused: Iterable[str] = ()) -> frozenset[str]:
    """Return the columns that a file must have: those required, and those that grant something and may be under an `unused` header."""
    required = {column.name for column in table.columns if column.required_in_file}
    hidden = {name for name in granting_columns(table) - set(not_delivered) if any(may_be(name, header) for header in unused)}
    return frozenset(required | hidden)


def _words(name: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(name)}

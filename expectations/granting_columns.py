"""Columns whose absence from a file grants something to everyone: that they are alive, registered, not confidential or not deleted."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from expectations.identifier_text import normal_header
from expectations.table import Kind, Lost, Table


@dataclass(frozen=True)
class _Names:
    """What senders call a column: a header that is not used may be the column if it has one of the words, or a part written as one word."""

    words: set[str]
    parts: tuple[str, ...]


NAMES = (
    _Names(
        {"death", "dead", "died", "deceased", "dod", "deathdate", "dth", "mortality", "expired", "expiry", "expire", "vital", "demise", "fatality", "alive",
         "perished", "rip", "lifestatus"},
        ("death", "deceas", "mortal", "vitalstat", "passedaway", "passedon", "lifestat", "isalive", "demise", "dthd", "datedth"),
    ),
    _Names(
        {"end", "ended", "enddate", "deduction", "deducted", "deregistered", "left", "leaving", "removal", "removed", "finish", "finished", "termination", "terminated", "inactive",
         "leave", "leaver", "leavers", "leftdate", "departure", "departed", "depart", "exit", "exited", "cease", "ceased", "cessation", "until", "stop", "stopped",
         "closed", "closure", "lapsed", "deregistration", "expiry", "expired", "thru", "through"},
        ("deduct", "deregist", "deactivat", "enddate", "regend", "registrationend", "validto", "dateto", "todate", "stopdate", "exitdate", "dateclosed", "closeddate", "leavedate", "leaver", "leavingdate", "departure", "ceased", "terminat", "validuntil"),
    ),
    _Names({"confidential", "confidentiality", "restricted"}, ("confidential", "restricted")),
    _Names({"deleted", "delete", "deletion"}, ("deleted", "deletion")),
    _Names({"sensitive", "sensitivity", "spine"}, ("sensitiv",)),
    _Names({"test", "dummy"}, ("testpatient", "dummy")),
)  # fmt: skip
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def granting_columns(table: Table) -> frozenset[str]:
    """Return the dates whose lost value suppresses a person, and the sender's marks."""
    marks = {name for rule in table.row_rules if rule.is_mark for name in rule.columns}
    dates = {column.name for column in table.columns if column.kind is Kind.DATE and column.lost is Lost.SUPPRESSES}
    return frozenset(marks | dates)


def may_be(column: str, header: str) -> bool:
    """Return whether a header may be another name of a column."""
    plain = re.sub("[^a-z]", "", normal_header(header))
    words = _words(header) | {plain}
    return any(
        bool(names.words & _words(column)) and (bool(names.words & words) or any(part in plain for part in names.parts))
        for names in NAMES
    )


def required_columns(table: Table, not_delivered: Collection[str] = (), unused: Iterable[str] = ()) -> frozenset[str]:
    """Return the columns that a file must have: those required, and those that grant something and may be under an `unused` header."""
    required = {column.name for column in table.columns if column.required_in_file}
    hidden = {name for name in granting_columns(table) - set(not_delivered) if any(may_be(name, header) for header in unused)}
    return frozenset(required | hidden)


def _words(name: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(name)}

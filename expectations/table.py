"""How a stored table is declared: columns, keys, row rules and table rules.

Lives here: the vocabulary of a declaration. Lives elsewhere: the declarations (`expectations/tables/`), the Great
Expectations suites derived from them (`suites.py`) and the run of those suites (`validation.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """The kind of value a column holds once it is read."""

    IDENTIFIER = "identifier"  # a pseudonym or record key; text
    CODE = "code"  # a coded value; upper case, trimmed
    TEXT = "text"
    DATE = "date"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"


ARROW_TYPES = {
    Kind.IDENTIFIER: "string",
    Kind.CODE: "string",
    Kind.TEXT: "string",
    Kind.DATE: "date32",
    Kind.INTEGER: "int32",
    Kind.NUMBER: "float64",
    Kind.BOOLEAN: "bool",
}


class Action(StrEnum):
    """What happens to a row that breaks a rule; each is written to `core__quarantine` and counted."""

    SET_ASIDE = "set_aside"  # the row leaves the flow
    NULLED = "nulled"  # the row stays, the value that cannot be used becomes null
    REPAIRED = "repaired"  # the row stays, its value is normalised by a stated rule
    FLAGGED = "flagged"  # the row stays as it is


class Severity(StrEnum):
    """What a broken table rule does."""

    STOP = "stop"  # nothing downstream runs
    WARN = "warn"  # recorded and shown


@dataclass(frozen=True)
class Column:
    """One column: its name here, what it holds, what it may hold and what happens when it does not.

    `source` is the column's name in the sender's extract where that differs; `arrow` overrides the storage type of
    `kind`. `on_violation` is the action for a value outside `allowed`, `minimum`/`maximum` or `pattern`, or one that
    cannot be read as its kind. A key or a column that is not nullable sets its row aside.
    """

    name: str
    kind: Kind
    description: str
    nullable: bool = True
    unit: str = ""
    allowed: tuple[str, ...] = ()
    pattern: str = ""  # a full match, RE2 and Python alike
    minimum: float | None = None
    maximum: float | None = None
    on_violation: Action = Action.NULLED
    source: str = ""
    required_in_file: bool = False  # an extract without this column is refused
    varies: bool = False  # an extract in which it has a single value is suspicious
    arrow: str = ""

    @property
    def arrow_type(self) -> str:
        return self.arrow or ARROW_TYPES[self.kind]

    @property
    def source_name(self) -> str:
        return self.source or self.name


@dataclass(frozen=True)
class RowRule:
    """A rule over one row's typed columns that a single column cannot state.

    `broken_when` is a SQL predicate over the typed columns (and, where it needs them, the context columns
    `extract_date`, `birth_date`); it is true for a row that breaks the rule and null or false otherwise.
    """

    reason: str
    broken_when: str
    action: Action
    description: str
    columns: tuple[str, ...] = ()
    defect: int = 0  # its number in docs/data-dictionary.md's list of known defects
    repair: str = ""  # SQL of the value that a repairing rule puts into its column


@dataclass(frozen=True)
class TableRule:
    """A rule over a whole extract, answered by one small summary.

    `check` names a function in `table_checks.py`; `limit` is its threshold unless the settings say otherwise.
    """

    name: str
    check: str
    severity: Severity
    description: str
    limit: float | None = None
    columns: tuple[str, ...] = ()
    defect: int = 0


@dataclass(frozen=True)
class Table:
    """A stored table: asset, folder, schema and suite share its name."""

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    partitioned_by: tuple[str, ...] = ()
    row_rules: tuple[RowRule, ...] = ()
    table_rules: tuple[TableRule, ...] = ()
    linked_rules: tuple[RowRule, ...] = ()  # rules that look at other tables of the source; its own stage checks them
    feed: str = ""  # set for a raw table: the feed it keeps
    event_date: str = ""  # set for a raw table: the column that dates a row
    available: str = ""  # SQL over typed columns and :lag_days: when a row's fact became known
    person: str = "person_id"
    provider: str = ""  # set for a raw table: the column that names the sending organisation
    optional: bool = field(default=True)  # a raw table's feed may be absent

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        twice = sorted({name for name in names if names.count(name) > 1})
        missing = sorted({*self.key, *self.partitioned_by} - set(names))
        if twice or missing:
            raise ValueError(f"{self.name}: columns declared twice {twice}; keys without a column {missing}")

    @property
    def layer(self) -> str:
        return self.name.split("__")[0]

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

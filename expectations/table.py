"""How a stored table is declared: columns, keys, row rules and table rules.

This module has the types of a declaration. The declarations are in `expectations/tables/`, the Great Expectations suites derived from them
in `suites.py`, and the run of the suites in `validation.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from expectations.identifier_schemes import Scheme


class Kind(StrEnum):
    """The kind of value of a column after it is read."""

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
    """What happens to a row that breaks a rule; each case is written to `core__quarantine` and counted."""

    SET_ASIDE = "set_aside"  # later steps do not use the row
    NULLED = "nulled"  # the row stays and the unusable value becomes null
    REPAIRED = "repaired"  # the row stays and its value is corrected by the rule
    FLAGGED = "flagged"  # the row stays unchanged


class Lost(StrEnum):
    """What a lost value means: one that is present and cannot be read, or is empty where empty is no answer."""

    UNKNOWN = "unknown"  # the row stays, and the column says nothing
    SETS_ASIDE = "sets_aside"  # later steps do not use the row
    CAUTIOUS_VALUE = "cautious_value"  # a row rule replaces it by the cautious value
    SUPPRESSES = "suppresses"  # an empty value would grant something, so the person is in no cohort and on no review list


class Severity(StrEnum):
    """What happens when a table rule is broken."""

    STOP = "stop"  # later stages do not run
    WARN = "warn"  # the breach is recorded and shown


class Purpose(StrEnum):
    """What a published table or page is for, which decides whether the national data opt-out applies to it."""

    CARE = "care"  # finds people for their own care: the national data opt-out does not apply
    PLANNING = (
        "planning"  # people with a national data opt-out are excluded, unless a recorded decision states that it does not apply
    )
    MODEL_ASSURANCE = "model assurance"  # whether the models are good and fair for the people whom they score
    OPERATION = "operation"  # whether deliveries, stages and decisions are in order


@dataclass(frozen=True)
class Column:
    """A column: its name, its content, its allowed values and the action for other values.

    `source` is the name in the sender's extract where it differs. `arrow` overrides the storage type of `kind`. `on_violation` is the
    action for a value that cannot be read as its kind, or is outside `allowed`, `minimum` to `maximum`, or `pattern`. A bad value in a
    key or in a column that is not nullable sets the row aside. `scheme` is what the values identify (`identifier_schemes.py`). With
    `ignores_case`, letter case is no part of the identifier.

    A column of lists of codes has the pattern of one code in `code_pattern`. Its other codes are removed and counted, and a value without any
    such code is outside the vocabulary.

    `lost` is what a lost value means. It follows from the other fields (`row_checks.lost_meaning`), except for a date or a flag that
    may be empty, whose absence often is an answer: that column declares it. `lost_reason` is the reason of a suppressed person.
    `chosen_days` says that days are chosen and not observed, so that the first of every month is no sign of day and month confused.
    """

    name: str
    kind: Kind
    description: str
    nullable: bool = True
    unit: str = ""
    allowed: tuple[str, ...] = ()
    pattern: str = ""  # must match completely, in RE2 and in Python
    code_pattern: str = ""
    code_form: str = ""  # a value of this form, in upper case, is a code and no postcode, where the sender chooses the scheme
    minimum: float | None = None
    maximum: float | None = None
    on_violation: Action = Action.NULLED
    source: str = ""
    required_in_file: bool = False  # an extract without the column is rejected
    varies: bool = False  # a single value in an extract is a sign of a defect
    arrow: str = ""
    lost: Lost | None = None
    lost_reason: str = ""
    empty_is_an_answer: bool = True  # false: an empty value is lost
    scheme: Scheme = Scheme.NONE
    ignores_case: bool = False
    chosen_days: bool = False
    is_death: bool = False  # a row means a death, whatever becomes of its date
    reads_limits: bool = False  # a number may be a limit of measurement such as >90, which is read as 90
    begins_with_code: bool = False  # zeros before a code of the vocabulary, and text after it, are not part of the code

    @property
    def arrow_type(self) -> str:
        return self.arrow or ARROW_TYPES[self.kind]

    @property
    def earliest_day(self) -> bool:
        """Return whether a year or month alone means its first day: while the date is not reached, the person is alive or registered."""
        return self.kind is Kind.DATE and (self.lost is Lost.SUPPRESSES or self.is_death)

    @property
    def source_name(self) -> str:
        return self.source or self.name

    def __post_init__(self) -> None:
        if (self.lost is Lost.SUPPRESSES) != bool(self.lost_reason):
            raise ValueError(
                f"{self.name}: a column whose lost value suppresses the person needs a `lost_reason`, and no other has one."
            )


@dataclass(frozen=True)
class RowRule:
    """A rule on the typed columns of a row that needs more than the declaration of one column.

    `broken_when` is an SQL predicate over the typed columns and the context columns `extract_date` and `birth_date`. It is true for a row
    that breaks the rule, otherwise null or false. `withdraws` says that with such a row the sender takes back what it sent before under the
    same key. A row that was set aside for any other reason takes nothing back.
    """

    reason: str
    broken_when: str
    action: Action
    description: str
    columns: tuple[str, ...] = ()
    defect: int = 0  # its number in the list of known defects in docs/data-dictionary.md
    repair: str = ""  # SQL of the corrected value of its column
    is_mark: bool = False  # the sender's own mark that a row is not to be used; it also counts against other rows of the key
    withdraws: bool = False


@dataclass(frozen=True)
class TableRule:
    """A rule on a delivery, checked with a small summary.

    `check` names a function in `table_checks.py`. `limit` is its default threshold, which the settings may change.
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
    """A stored table; its asset, folder, schema and suite have the same name. A published table declares its purpose."""

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    partitioned_by: tuple[str, ...] = ()
    row_rules: tuple[RowRule, ...] = ()
    table_rules: tuple[TableRule, ...] = ()
    linked_rules: tuple[RowRule, ...] = ()  # rules that need other tables of the source; the stage of the source checks them
    feed: str = ""  # for a raw table: its feed
    event_date: str = ""  # for a raw table: the column with the date of a row
    available: str = ""  # SQL over typed columns and :lag_days: the available date of a row
    person: str = "person_id"
    provider: str = ""  # for a raw table: the column with the sending organisation
    purpose: Purpose | None = None

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        repeated = sorted({name for name in names if names.count(name) > 1})
        missing = sorted({*self.key, *self.partitioned_by} - set(names))
        if repeated:
            raise ValueError(f"{self.name} declares columns twice: {', '.join(repeated)}. Remove one declaration of each.")
        if missing:
            raise ValueError(
                f"{self.name} has keys or partitions that are not columns: {', '.join(missing)}. Declare the columns."
            )

    @property
    def layer(self) -> str:
        return self.name.split("__")[0]

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

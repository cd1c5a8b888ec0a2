"""Every feed, declared once: its raw table, its family, how it is delivered and loaded, and the events that its rows become.

Belongs here: what several steps must agree on about a feed. Does not belong here: the columns and rules of a raw table
(`expectations/tables/raw_*.py`) and the SQL that makes events of its rows (`pipelines/conform/event_rows.py`).
A declaration that lacks something raises ValueError when this module is imported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from expectations.table import Table
from expectations.tables import raw_actions, raw_gp, raw_hospital

HOSPITAL_BASIS = "Risk stratification approval: commissioning (SUS) data"
GP_BASIS = "Risk stratification approval: GP record"
LIST_BASIS = "Risk stratification approval: registered list"
RESEARCH_BASIS = "Research approval of the source"


class Family(StrEnum):
    """The kind of record that a feed comes from; conform, coverage and models treat the feeds of a family alike."""

    REGISTERED_LIST = "registered list"  # people, registrations, addresses, opt-outs: an empty feed counts as absent
    HOSPITAL = "hospital"  # people who are in it and not on the list are counted; an OMOP source's visits fill it
    GP = "GP record"  # people whom it does not cover have an estimator without it
    OTHER_CARE = "other care"  # community, mental health or social care: no rule beyond those of every feed
    ACTIONS = "actions"  # what teams did
    OMOP = "OMOP"  # the tables of an OMOP source, by what their events are


@dataclass(frozen=True)
class EventType:
    """A type of event: its stored number, and what `code` and `value` of core__event hold.

    One record may become several events. `is_record` is true for the types that say what the record is: each record has one.
    `day` is the column whose day places the event in a window: of core__spell for a feed that is joined into spells, else of the raw table.
    """

    number: int
    name: str
    description: str
    code_system: str = ""
    value: str = ""
    is_record: bool = False
    day: str = ""  # filled in by the feed that declares the type, with the day of its raw table, unless it names another
    feed: str = ""  # filled in by the feed that declares the type


@dataclass(frozen=True)
class Feed:
    """A feed and all that the steps must agree on about it.

    * `table` is its raw table; an OMOP feed has none, for its events come from the CDM tables.
    * `load` is what a delivery does to the ones before it, unless the settings say otherwise. With `replaces_months` it restates
      this many months before its date.
    * `lag_days` is the number of days after which an event counts as known, on training dates as on the scoring date: a delivery of the
      feed has nearly all events that are so old (`pipelines/conform/availability.py`). A shorter one makes training data fresher than
      they were, and a longer one wastes recent facts.
    * `number` is the feed's number in core__event. It is stored, so it never changes and is never used again.
    * `code_column` and `value_column` are the raw columns of an event's code and value.
    * `columns_without_facts` are not part of any event: a row in which only these changed states no new fact.
    * `beginning` is what a row says of its beginning, which is known before the rest: an admission before its discharge.
    * `dummy_person_rows` is the number of rows in one delivery above which a pseudonym may be a sender's "number missing".
    * `kept_for_good`: old deliveries are never deleted.
    * `when_absent` says what is assumed without the feed.
    * `part_of` is the feed that brings the same rows together with those of other feeds: one of them is enough.
    * `names_strangers`: a delivery normally names people of other ICBs, who do not become people of this one.
    """

    name: str
    family: Family
    table: Table | None = None
    load: Literal["snapshot", "append"] = "snapshot"
    replaces_months: int = 0
    lag_days: int = 0
    legal_basis: str = ""
    number: int = 0
    event_types: tuple[EventType, ...] = ()
    code_column: str = ""
    value_column: str = ""
    columns_without_facts: tuple[str, ...] = ()
    beginning: tuple[str, ...] = ()
    joined_into_spells: bool = False  # its events are those of the spells that its rows are joined into
    dummy_person_rows: int | None = None
    kept_for_good: bool = False
    when_absent: str = ""
    part_of: str = ""
    names_strangers: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "event_types", tuple(self._completed(kind) for kind in self.event_types))
        if problems := [*self._problems_of_events(), *self._problems_of_columns()]:
            raise ValueError(f"the feed {self.name} (expectations/feeds.py) {'; it '.join(problems)}")

    def _completed(self, kind: EventType) -> EventType:
        return replace(kind, feed=self.name, day=kind.day or (self.table.event_date if self.table else ""))

    def _problems_of_events(self) -> Iterator[str]:
        if bool(self.number) != bool(self.event_types):
            yield "needs both `number`, its number in core__event, and `event_types`, or neither"
        if not self.event_types:
            return
        if not self.legal_basis:
            yield "has event types and no `legal_basis`: features of it could not name one"
        if not any(kind.is_record for kind in self.event_types):
            yield "has no event type with `is_record`: its records could not be counted, and its features would be null"
        if self.table and not self.organisation_column:
            yield f"needs a provider or practice_code column in {self.table.name}: coverage is measured by organisation"
        if self.table and self.code_system and not (self.code_column or self.joined_into_spells):
            yield f"has events with {self.code_system} codes and no `code_column`"

    def _problems_of_columns(self) -> Iterator[str]:
        if self.table is None:
            return
        if self.table.feed != self.name:
            yield f"has the raw table of the feed {self.table.feed}"
        columns = {column.name for column in self.table.columns}
        named = {self.code_column, self.value_column, *self.columns_without_facts, *self.beginning} - {""}
        if unknown := sorted(named - columns):
            yield f"names columns that {self.table.name} does not have: {', '.join(unknown)}"
        if (self.replaces_months or self.event_types) and not self.table.event_date:
            yield f"needs `event_date` of {self.table.name}: the day of a row"

    @property
    def code_system(self) -> str:
        """Return the code system of the feed's events."""
        return next((kind.code_system for kind in self.event_types if kind.code_system), "")

    @property
    def organisation_column(self) -> str:
        """Return the raw column of the sending organisation; '' for none."""
        if self.table is None:
            return ""
        has_practice = any(column.name == "practice_code" for column in self.table.columns)
        return self.table.provider or ("practice_code" if has_practice else "")

    @property
    def is_sent_by_practices(self) -> bool:
        return self.organisation_column == "practice_code"


PATIENTS = Feed(
    "patients", Family.REGISTERED_LIST, raw_gp.PATIENTS, legal_basis=LIST_BASIS,
    when_absent="no one has a birth date, and everyone who is registered counts as listed",
)  # fmt: skip
REGISTRATIONS = Feed(
    "registrations", Family.REGISTERED_LIST, raw_gp.REGISTRATIONS, legal_basis=LIST_BASIS,
    when_absent="everyone is registered from the first delivery on",
)  # fmt: skip
ADDRESSES = Feed(
    "addresses", Family.REGISTERED_LIST, raw_gp.ADDRESSES, legal_basis=LIST_BASIS, columns_without_facts=("lsoa_code",),
    when_absent="everyone has always lived at the address in the feed of patients",
)  # fmt: skip
# Two kinds of objection, each with its own rule (`pipelines/conform/objections.py`); a combined feed brings both.
OPT_OUTS = Feed(
    "opt_outs", Family.REGISTERED_LIST, raw_gp.OPT_OUTS,
    kept_for_good=True,  # a person who once objected is not to be scored because the objection is old
    when_absent="no opt-out is known",
)  # fmt: skip
TYPE_1_OBJECTIONS = Feed(
    "type_1_objections", Family.REGISTERED_LIST, raw_gp.TYPE_1_OBJECTIONS, kept_for_good=True,
    when_absent="no type 1 objection is known", part_of="opt_outs",
)  # fmt: skip
NATIONAL_OPT_OUTS = Feed(
    "national_opt_outs", Family.REGISTERED_LIST, raw_gp.NATIONAL_OPT_OUTS, names_strangers=True,
    when_absent="no national data opt-out is known", part_of="opt_outs",
)  # fmt: skip
OBJECTION_FEEDS = (OPT_OUTS, TYPE_1_OBJECTIONS, NATIONAL_OPT_OUTS)

# A hospital stay is two events: one known at admission, one known at discharge plus the lag of the feed.
ADMISSIONS = Feed(
    "admissions", Family.HOSPITAL, raw_hospital.ADMISSIONS, replaces_months=12, lag_days=45, legal_basis=HOSPITAL_BASIS,
    number=5, joined_into_spells=True, dummy_person_rows=300,
    event_types=(
        EventType(1, "emergency_admission", "First day of an emergency spell.", "treatment_function", is_record=True),
        EventType(2, "elective_admission", "First day of an elective spell.", "treatment_function", is_record=True),
        EventType(3, "maternity_admission", "First day of a maternity spell.", "treatment_function", is_record=True),
        EventType(4, "regular_attendance", "A regular day or night attender's visit.", "treatment_function", is_record=True),
        EventType(5, "emergency_discharge_overnight", "Last day of an emergency spell of at least one night.", "icd10", "nights", day="discharge_date"),
        EventType(6, "emergency_discharge_zero_day", "An emergency spell that ended on the day it started.", "icd10", day="discharge_date"),
        EventType(7, "elective_discharge", "Last day of an elective spell.", "icd10", "nights", day="discharge_date"),
        EventType(8, "hospital_diagnosis", "An ICD-10 code of a spell, dated at its discharge.", "icd10", day="discharge_date"),
        EventType(9, "spell_cost", "Payment for a spell, dated at its discharge.", "", "GBP", day="discharge_date"),
        EventType(10, "other_admission", "First day of a birth, or of a spell of any other class.", "treatment_function", is_record=True),
        EventType(11, "ambulatory_care_sensitive_discharge", "Last day of an emergency spell for an ambulatory-care-sensitive condition, with the code by which it counts.", "icd10", "nights", day="discharge_date"),
    ),
    columns_without_facts=("record_id", "site_code", "sex", "ethnic_category", "age_at_start", "length_of_stay", "episode_count", "procedures", "lsoa_code"),
    beginning=("person_id", "admission_method", "admission_source", "patient_classification", "treatment_function"),
)  # fmt: skip
EMERGENCY_ATTENDANCES = Feed(
    "emergency_attendances", Family.HOSPITAL, raw_hospital.EMERGENCY_ATTENDANCES, replaces_months=12, lag_days=14,
    legal_basis=HOSPITAL_BASIS, number=6, code_column="department_type", dummy_person_rows=300,
    event_types=(
        EventType(20, "ae_attendance", "An unplanned A&E attendance (department types 01 to 04).", "department_type", is_record=True),
        EventType(21, "same_day_emergency_care", "Same-day emergency care, sent as department type 05.", "department_type", is_record=True),
        EventType(22, "ambulance_arrival", "An A&E arrival by ambulance.", "department_type"),
        EventType(23, "out_of_hours_attendance", "An A&E arrival at night or at the weekend.", "department_type"),
        EventType(24, "left_before_seen", "An A&E attendance that ended before treatment.", "department_type"),
        EventType(25, "other_emergency_care_record", "Emergency care record that is planned, streamed elsewhere, dead on arrival or of an unknown type.", "department_type", is_record=True),
    ),
    columns_without_facts=("record_id", "site_code", "sex", "ethnic_category", "age_at_arrival", "minutes_to_departure", "acuity", "chief_complaint"),
)  # fmt: skip
OUTPATIENT_APPOINTMENTS = Feed(
    "outpatient_appointments", Family.HOSPITAL, raw_hospital.OUTPATIENT_APPOINTMENTS, replaces_months=12, lag_days=30,
    legal_basis=HOSPITAL_BASIS, number=7, code_column="treatment_function", dummy_person_rows=350,
    event_types=(
        EventType(30, "outpatient_attended", "An outpatient appointment that was attended.", "treatment_function", is_record=True),
        EventType(31, "outpatient_missed", "An outpatient appointment that was not attended.", "treatment_function", is_record=True),
        EventType(32, "outpatient_other", "An outpatient appointment that was cancelled or has an unknown status.", "treatment_function", is_record=True),
    ),
    columns_without_facts=("record_id", "first_attendance", "outcome", "medium"),
)  # fmt: skip

GP_OBSERVATIONS = Feed(
    "gp_observations", Family.GP, raw_gp.GP_OBSERVATIONS, load="append", legal_basis=GP_BASIS, number=8,
    event_types=(
        EventType(40, "gp_observation", "A coded entry in the GP record.", "snomed", "the measured value, in the unit of the measurement", is_record=True),
    ),
    code_column="concept_code", value_column="result_value", columns_without_facts=("record_id",),
)  # fmt: skip
GP_MEDICATION_ORDERS = Feed(
    "gp_medication_orders", Family.GP, raw_gp.GP_MEDICATION_ORDERS, load="append", legal_basis=GP_BASIS, number=9,
    event_types=(EventType(41, "gp_medication", "A medicine issued by a GP.", "dmd", "quantity", is_record=True),),
    code_column="medicine_code", value_column="quantity", columns_without_facts=("record_id",),
)  # fmt: skip

ACTIONS = Feed("actions", Family.ACTIONS, raw_actions.ACTIONS, columns_without_facts=("record_id",))


def _omop(name: str, number: int, *event_types: EventType) -> Feed:
    """Declare what the tables of an OMOP source become: its visits use the types of hospital feeds where they fit."""
    return Feed(name, Family.OMOP, legal_basis=RESEARCH_BASIS, number=number, event_types=event_types)


OMOP_FEEDS = (
    _omop(
        "omop", 10,
        EventType(65, "omop_cohort", "Entry to a cohort of an OMOP source.", "omop", is_record=True),
        EventType(66, "omop_visit", "A visit whose concept is not a stay, an emergency room visit or an outpatient visit.", "omop", is_record=True),
    ),
    _omop("omop_conditions", 11, EventType(60, "omop_condition", "A condition of an OMOP source.", "omop", is_record=True)),
    _omop("omop_drugs", 12, EventType(61, "omop_drug", "A drug exposure of an OMOP source.", "omop", is_record=True)),
    _omop("omop_procedures", 13, EventType(62, "omop_procedure", "A procedure of an OMOP source.", "omop", is_record=True)),
    _omop("omop_measurements", 14, EventType(63, "omop_measurement", "A measurement of an OMOP source.", "omop", "the measured value", is_record=True)),
    _omop("omop_observations", 15, EventType(64, "omop_observation", "An observation of an OMOP source.", "omop", is_record=True)),
)  # fmt: skip

# In the order they are taken in: the registered list first, for births and organisations are looked up in it.
DECLARED = (
    PATIENTS,
    REGISTRATIONS,
    ADDRESSES,
    *OBJECTION_FEEDS,
    ADMISSIONS,
    EMERGENCY_ATTENDANCES,
    OUTPATIENT_APPOINTMENTS,
    GP_OBSERVATIONS,
    GP_MEDICATION_ORDERS,
    ACTIONS,
    *OMOP_FEEDS,
)


def by_name(feeds: Iterable[Feed]) -> dict[str, Feed]:
    """Return feeds by name; a ValueError names what two of them share: a name, a number, or an event type's name or number."""
    declared = tuple(feeds)
    types = [kind for feed in declared for kind in feed.event_types]
    _refuse_repeated("feed", [feed.name for feed in declared])
    _refuse_repeated("number in core__event", [feed.number for feed in declared if feed.number])
    _refuse_repeated("event type", [kind.name for kind in types])
    _refuse_repeated("event type number", [kind.number for kind in types])
    return {feed.name: feed for feed in declared}


def _refuse_repeated(what: str, values: Sequence[object]) -> None:
    if twice := [str(value) for value in dict.fromkeys(values) if values.count(value) > 1]:
        raise ValueError(f"expectations/feeds.py: the same {what} is declared twice: {', '.join(twice)}")


FEEDS = by_name(DECLARED)
EVENT_TYPES = tuple(sorted((kind for feed in DECLARED for kind in feed.event_types), key=lambda kind: kind.number))


def of_family(*families: Family) -> tuple[str, ...]:
    """Return the names of the feeds of some families, in the order they are taken in."""
    return tuple(feed.name for feed in DECLARED if feed.family in families)


LIST_FEED = PATIENTS.name  # names the people of the registered list
LIST_FEEDS = of_family(Family.REGISTERED_LIST)
HOSPITAL_FEEDS = of_family(Family.HOSPITAL)
GP_FEEDS = of_family(Family.GP)
EVENT_FEEDS = tuple(feed.name for feed in DECLARED if feed.table and feed.event_types)  # without those of an OMOP source

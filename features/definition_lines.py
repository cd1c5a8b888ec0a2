"""The definitions on the page of the features: events and their days, concepts, statistics, ties and hospital spells.

Tables come from the declarations of events, concepts and statistics. Rules that no declaration holds are written here once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from features.catalogue import Catalogue
from features.declaration import Statistic
from features.events import EVENT_TYPES, EventType
from features.evidence import DEFINITIONS, concept_text
from features.periods import MOVE_GAP_DAYS
from features.utilisation import OUT_OF_HOURS_FROM, OUT_OF_HOURS_TO

RULES_OF_SPELLS = """Features and outcomes count the same spells, `core__spell`. A spell joins the stays of one illness (`pipelines/conform/spell.py`).

* **Transfers.** A stay continues a spell if it starts 0 to 2 days after the discharge and a code of either stay says that it is a transfer. The
  first stay decides the class: emergency, elective, maternity, birth or other.
* **Overlap.** A stay that begins before the spell has ended belongs to it, at the same or another provider. There are two exceptions:
* **An emergency inside a spell of another class** is a separate spell. It counts as an emergency admission on its first day, with its own
  diagnoses, nights and cost. The same holds for a maternity admission and a birth. Example: an infarction during a planned stay. The reason: the
  person fell ill in a new way, and joining would count the illness as planned care. It also holds for two stays of one provider, because a
  lost emergency is worse than one that a wrong date adds.
* **A planned stay that outlasts an emergency** is a separate spell, if it begins inside the emergency and no code says that it is a transfer. The
  same holds inside a maternity spell or a birth, and for a stay of class other. The reason: the care goes on after the emergency. As a part of it,
  the stay would hide the next emergency inside, and its nights would count as those of an emergency. A planned stay that ends with the emergency, or
  before, belongs to it. A planned stay that has not ended outlasts an emergency that has.
* **A transfer whose days overlap** joins the earlier spell, also where it is coded as an emergency. The earlier stay ends 0 to 2 days after the
  new admission, and a code of either says that it is a transfer. A newborn who is moved to intensive care is an example.
* **An emergency inside an emergency spell** belongs to it. Several emergencies inside one elective spell are joined with each other only.
* **Nights count once.** A night of two overlapping spells counts for the emergency, or else for the maternity spell, or else for the birth. An
  emergency that has not ended has the nights up to the end of the spell around it. So these do not change when it ends.
* **Late and withdrawn stays.** A stay that becomes known later, changes or is withdrawn may change the form of a spell: which stays it joins, its
  class, nights and discharge. On every date the form counts that was known then (`pipelines/conform/spell_forms.py`). The new form counts from
  that day, the old one until then. In the first delivery a stay counts as known after its lag. Outcomes count the current form.
* **An open stay** has no end that a later stay could begin before, so the later stay is a separate spell.
* **Duplicates.** Stays of one provider with the same days and admission method are one stay.
* **Regular attenders** are never joined, and end no spell."""

RULES_OF_DAYS = f"""One day places an event in a window. The table names the column with that day. A window of a feature that counts admissions therefore contains
the first day of a spell. A window of nights, diagnoses or costs contains the day of discharge, because these are known only then. An outcome
that is a spell happens on its first day.

* **Out of hours** is an arrival on a Saturday or Sunday, or from {OUT_OF_HOURS_FROM} to {OUT_OF_HOURS_TO}. The settings `clinical.out_of_hours_from`
  and `clinical.out_of_hours_to` may change the times. Bank holidays are no exception. A weekday arrival without a time is not out of hours."""

RULES_OF_TIES = f"""* **Latest value.** Several values of the latest day count with their mean.
* **Latest of several groups**, such as the smoking status: each group that was recorded on the latest day is 1.
* **Current condition.** A diagnosis and a resolved code on the same day: the condition is not current.
* **Ended condition.** A condition that is not current is not newly recorded, and has no years since its first record. If it is diagnosed again, its
  first record of all counts.
* **Return.** Only an event on an earlier day can be followed by a return. An admission on the day of a discharge is no return.
* **Different codes, days and organisations.** Each counts once, however often it was recorded. Events without a code or an organisation do not count.
* **Registrations.** On a day with several registrations the one that started last counts, then the one that lasts longest, then the
  first code of a practice. In a gap of up to {MOVE_GAP_DAYS} days the registration that ended counts.
* **Codes of a spell.** Class, admission method, main diagnosis and treatment function are those of the first stay, also where it has none. Of a
  stay that was sent as several episodes the first episode with a code counts. Stays are in order of admission. On one day
  those without a night are first, then those that end by a transfer, the others, and those that come by one. Of these the longest is
  first, then emergencies, provider and spell number."""


def events(catalogue: Catalogue) -> Iterator[str]:
    """Yield the lines of the section on events: the rule of days, then each type of event that a feature may count."""
    counted = {name for concept in catalogue.concepts.values() for name in concept.event_types}
    yield from (RULES_OF_DAYS, "", "| event | what it is | its day | code | value |", "|---|---|---|---|---|")
    for kind in EVENT_TYPES:
        if kind.name in counted:
            yield f"| `{kind.name}` | {kind.description.rstrip('.')} | {_day(kind)} | {kind.code_system} | {kind.value} |"


def _day(kind: EventType) -> str:
    return f"`{kind.day}` of `{kind.feed}`" if kind.day else f"the day in the table of `{kind.feed}`"


def concepts(catalogue: Catalogue) -> Iterator[str]:
    """Yield a row for each concept of all codes of its events, or with a range of usable values."""
    yield "A concept is a set of events. The other concepts are the events with a code of the list in the source of their features. A value outside the usable range is no measurement."
    yield from ("", "| concept | events | usable values |", "|---|---|---|")
    for name, concept in catalogue.concepts.items():
        if concept.code_lists and concept.minimum is None and concept.maximum is None:
            continue
        events_of, _, values = concept_text(concept).partition(", values from ")
        yield f"| `{name}` | {events_of} | {values} |"


def statistics() -> Iterator[str]:
    """Yield a row for each statistic with its definition."""
    yield from ("| statistic | value |", "|---|---|")
    for statistic in Statistic:
        yield f"| {statistic.replace('_', ' ')} | {_plain(DEFINITIONS[statistic])} |"


def _plain(definition: str) -> str:
    """Return a definition with its placeholders as words in italics."""
    return re.sub(r"\{(\w+)\}", lambda match: f"*{match[1]}*", definition)
